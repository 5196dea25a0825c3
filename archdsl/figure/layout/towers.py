"""Frames that stand beside each other: two towers, each with a stream of its own, that meet where one reads what the other gives.

In: a plan with its wires. Out: pairs of frames, of which the second reads what the first gives: encoder and decoder. The wire between them
leaves the top of the first and goes into the second at its side; all else goes in from below.
"""

from __future__ import annotations

from archdsl.figure.layout.plan import Group, Plan, Vertex, Wire, below, common

Thing = Vertex | Group
Pair = tuple[Group, Group]


def towers(plan: Plan) -> dict[str, Pair]:
    """The pairs, by the keys of the wires between them; no frame is in two pairs."""
    found: dict[str, Pair] = {}
    taken: set[int] = set()
    for (a, b), wires in _between(plan).items():
        if not taken & {id(a), id(b)} and _meet(plan, a, b):
            found |= {w.key: (a, b) for w in wires}
            taken |= {id(a), id(b)}
    return found


def _between(plan: Plan) -> dict[Pair, list[Wire]]:
    """The wires that lead from one frame right into another."""
    found: dict[Pair, list[Wire]] = {}
    for w in plan.wires:
        outer = common(w.tail.group, w.head.group)
        a, b = below(outer, w.tail), below(outer, w.head)
        if isinstance(a, Group) and isinstance(b, Group) and w.turn != "back":
            found.setdefault((a, b), []).append(w)
    return found


def _meet(plan: Plan, a: Group, b: Group) -> bool:
    """Whether nothing else leads from one frame to the other, and the other reads something that the first does not stem from."""
    into: dict[int, list[Thing]] = {}
    for w in plan.wires:
        outer = common(w.tail.group, w.head.group)
        if w.turn != "back" and outer is a.parent:
            into.setdefault(id(below(outer, w.head)), []).append(below(outer, w.tail))
    own = _before([t for t in into.get(id(b), ()) if t is not a], into)
    first = _before([a], into)
    sources = {t for t in own if t not in into}
    return id(a) not in own and bool(sources - first)


def _before(things: list[Thing], into: dict[int, list[Thing]]) -> set[int]:
    """The things and all that they stem from."""
    waiting, seen = list(things), {id(t) for t in things}
    while waiting:
        for t in into.get(id(waiting.pop()), ()):
            if id(t) not in seen:
                seen.add(id(t))
                waiting.append(t)
    return seen
