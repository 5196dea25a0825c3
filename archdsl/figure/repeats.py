"""What a repeat says of itself: the words of its frame, the names of what it carries.

In: a `Repeat`, and the definitions whose states ride on it. Out: label text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from archdsl.figure import words
from archdsl.figure.words import bold, number
from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Call, Carried, Definition, Draw, Minimize, Operand, Region, Repeat, Until, Update
from archdsl.ir.types import Type

PASSES = {"stack": "copies", "loop": "passes"}


def heading(node: Repeat, definition: Definition, types: Mapping[int, Type]) -> list[str]:
    """What a frame says: how often, with which weights, in which direction."""
    count = number(node.count)
    if node.kind == "scan":
        along = number(node.count)
        if node.sliced:
            first = node.sliced[0]
            along = words.axis(first.axis, types.get(first.operand) if isinstance(first.operand, int) else None)
        lines = [bold(f"↻ over {along} {'←' if node.reversed else '→'}"), "shared weights"]
        lines += ["each of its own length"] if node.lengths is not None else []
        return lines if node.carried or node.rides else [*lines, "no state"]
    count = with_default(node.count, definition)
    if node.kind == "loop":
        return [bold(f"↻ {count}"), "shared weights"]
    lines = [bold(f"× {count}"), "separate weights"]
    return [*lines, f"{words.esc(node.index)} = 0 … {number(node.count - 1)}"] if node.index else lines


def with_default(count: Num, definition: Definition) -> str:
    """`layers = 12` in a model, whose hyperparameters all have defaults."""
    known: dict[str, Num] = {}
    for h in definition.hypers:
        if h.default is not None:
            known[h.name] = h.default.subs(known)
    value = count.subs(known)
    text = number(count)
    return (
        f"{text} = {number(value)}"
        if definition.kind in ("model", "train") and value.is_const and value != count
        else text
    )


def enters(node: Repeat, name: str) -> str:
    """What the first value of a stack says on its way in, where other values enter the copies, too."""
    if len(straight(node)) > 1:
        return f"{words.name(name)}, into the first copy"
    read, made = _read_and_made(node.body)
    inside = made | {c.value.id for c in node.carried} | {s.value.id for s in node.sliced}
    read |= {c.next for c in node.carried if isinstance(c.next, int)}
    read |= {k.operand for k in node.collected if isinstance(k.operand, int)}
    return "into the first copy" if read - inside else ""


def _read_and_made(region: Region) -> tuple[set[int], set[int]]:
    """The values that the nodes of a region read, and those that they make."""
    read: set[Operand] = set()
    made = {p.value.id for p in region.params}
    for node in region.nodes:
        if isinstance(node, (Apply, Call, Draw)):
            read.update(node.inputs)
            made.update(v.id for v in node.outputs)
        elif isinstance(node, Repeat):
            inner, own = _read_and_made(node.body)
            read.update(inner, (s.operand for s in node.sliced), (k.operand for k in node.collected))
            read.update(o for c in node.carried for o in (c.initial, c.next))
            read.update(o for r in node.rides for o in r.initial.values())
            read.update([node.lengths] if node.lengths is not None else [])
            made.update(own, (s.value.id for s in node.sliced), (k.value.id for k in node.collected))
            made.update(v.id for c in node.carried for v in (c.value, c.final))
            made.update(v.id for r in node.rides for v in r.finals.values())
    return {o for o in read if isinstance(o, int)}, made


def state_names(definition: Definition, all_of: Mapping[str, Definition]) -> list[str]:
    """The names of a cell's states, then those of the cells in it, with the part's name before them, or what it is."""
    names = [s.value.name or "state" for s in definition.states]
    made = {m.id: m for m in definition.body.made}
    cells = [made[n.made] for n in definition.body.nodes if isinstance(n, Call) and n.rides and n.made in made]
    called = sorted((c.name if c.named else c.of, c.of) for c in cells)
    return names + [f"{name}.{n}" for name, of in called for n in state_names(all_of[of], all_of)]


def straight(node: Repeat) -> list[Carried]:
    """What goes from copy to copy of a stack by plain arrows, in and out. What a loop or scan carries goes through a delay, and so does
    what starts as a number."""
    return [c for c in node.carried if node.kind == "stack" and isinstance(c.initial, int)]


def leaves(node: Repeat, carried: Carried) -> str:
    """What the value that a repeat hands on says on its way out."""
    several = straight(node)
    if carried not in several:
        return f"last {words.name(carried.name, True)}"
    return f"{words.name(carried.name, True)}, on to the next copy" if len(several) > 1 else ""


def unread(node: Repeat, value: int) -> bool:
    """Whether a body never reads a value."""
    read, _ = _read_and_made(node.body)
    return value not in read | {c.next for c in node.carried} | {k.operand for k in node.collected}


def slices_differ(node: Repeat) -> bool:
    """Whether what is sliced is sliced at different positions."""
    return len({s.axis.index for s in node.sliced}) > 1


def handed_on(definition: Definition) -> set[int]:
    """The values that states and memories of the same name get."""
    kept = [(s.value, s.next) for s in definition.states] + [(m.value, m.next) for m in definition.memories]
    names: dict[int, str | None] = {}

    def visit(region: Region) -> None:
        for node in region.nodes:
            if isinstance(node, Repeat):
                kept.extend((c.value, c.next) for c in node.carried)
                names.update((c.final.id, c.final.name) for c in node.carried)
                names.update((k.value.id, k.value.name) for k in node.collected)
            elif not isinstance(node, (Minimize, Update, Until)):
                names.update((v.id, v.name) for v in node.outputs)
            if isinstance(node, (Repeat, Until)):
                visit(node.body)

    visit(definition.body)
    return {after for value, after in kept if isinstance(after, int) and value.name and names.get(after) == value.name}


def count_minimizes(region: Region) -> int:
    return sum(
        1 if isinstance(n, Minimize) else count_minimizes(n.body) if isinstance(n, (Until, Repeat)) else 0
        for n in region.nodes
    )


def count_effects(region: Region) -> int:
    """How many things a region does whose order counts."""
    return sum(
        1 + (count_effects(n.body) if isinstance(n, Until) else 0)
        for n in region.nodes
        if isinstance(n, (Minimize, Update, Until))
    )


def turns(region: Region, remembers: Collection[int]) -> dict[int, int]:
    """Which call of its part each call is, by `id` of the node, where a part with a memory is called more than once."""
    calls: dict[int, list[Call]] = {}

    def visit(region: Region) -> None:
        for node in region.nodes:
            if isinstance(node, Call) and node.made in remembers:
                calls.setdefault(node.made, []).append(node)
            elif isinstance(node, (Repeat, Until)):
                visit(node.body)

    visit(region)
    return {id(n): i + 1 for found in calls.values() if len(found) > 1 for i, n in enumerate(found)}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ends = {1: "st", 2: "nd", 3: "rd"} if number % 100 not in (11, 12, 13) else {}
    return f"{number}{ends.get(number % 10, 'th')}"
