"""Circles of wires, which only the figure of a difference has: what goes up in one program and down in the other.

In: a plan whose wires know what is gone. Out: the same plan; of the wires that are gone, those that would close a circle lead back down.
"""

from __future__ import annotations

from collections import defaultdict

from archdsl.figure.layout.plan import Group, Plan, Wire, below, common


def turn_back(plan: Plan) -> None:
    gone = [w for w in plan.wires if w.gone and w.turn != "back"]
    if not gone:
        return
    above: dict[int, list[int]] = defaultdict(list)
    for g in plan.groups:
        if g.parent:
            above[id(g.parent)].append(id(g))
            above[-id(g)].append(-id(g.parent))
    for v in plan.vertices:
        above[id(v.group)].append(id(v))
        above[id(v)].append(-id(v.group))
    for w in plan.wires:
        if w.turn != "back" and not w.gone:
            _lead(above, w)
    for w in gone:
        start, end = _ends(w)
        if _reaches(above, end, start) or _reaches(above, id(w.head), id(w.tail)):
            w.turn = "back"
        else:
            _lead(above, w)


def _lead(above: dict[int, list[int]], wire: Wire) -> None:
    start, end = _ends(wire)
    above[start].append(end)
    above[id(wire.tail)].append(id(wire.head))


def _ends(wire: Wire) -> tuple[int, int]:
    """Where a wire leaves and enters, as far as rows go: the top of a frame, the bottom of another."""
    outer = common(wire.tail.group, wire.head.group)
    a, b = below(outer, wire.tail), below(outer, wire.head)
    return (-id(a) if isinstance(a, Group) else id(a)), id(b)


def _reaches(above: dict[int, list[int]], start: int, goal: int) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        at = waiting.pop()
        if at == goal:
            return True
        for after in above[at]:
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return False
