"""Which wires of a panel are its main streams, which go round the side, and which come back.

In: a panel. Out: `Streams`. The layout keeps main streams straight, lets residuals into a round mark from its side, and brings back what a
state hands on in lanes of its own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from archdsl.figure.scene import Frame, Mark, Panel, Wire

_POINTWISE = ("circle", "fork")


@dataclass
class Streams:
    """Wires by `id()`: `highway` maps one to the number of its stream, `around` holds those that go round or come back."""

    highway: dict[int, int] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)
    around: set[int] = field(default_factory=set)


def streams(panel: Panel) -> Streams:
    result = Streams()
    forward: dict[int, list[Wire]] = defaultdict(list)
    for wire in panel.wires:
        if wire.kind != "return" and not wire.beside:
            forward[id(wire.tail)].append(wire)
    number = 0
    for wire in panel.wires:
        if wire.kind == "return" and (forward[id(wire.head)] or wire.beside):
            result.around.add(id(wire))
            path = [] if wire.beside else _path(wire.head, wire.tail, forward)
            for step in path:
                result.highway.setdefault(id(step), number)
                result.marks.setdefault(id(step.tail), number)
                result.marks.setdefault(id(step.head), number)
            number += bool(path)
    home = {id(m): f for f in panel.root.all_frames() for m in f.marks}
    reach = _reach(forward)
    for wire in panel.wires:
        if id(wire) not in result.highway and _goes_round(wire, forward, home, reach):
            result.around.add(id(wire))
    return result


def _path(start: Mark, goal: Mark, forward: dict[int, list[Wire]]) -> list[Wire]:
    """The wires from a state to what it hands on, if only pointwise marks lie between; through data before gates."""
    waiting: list[tuple[Mark, list[Wire]]] = [(start, [])]
    seen = {id(start)}
    while waiting:
        mark, path = waiting.pop(0)
        if mark is goal:
            return path
        for wire in sorted(forward[id(mark)], key=lambda w: w.kind == "gate"):
            round_ = wire.head.kind in _POINTWISE and wire.head_port is None
            if id(wire.head) not in seen and round_ and wire.kind == "data":
                seen.add(id(wire.head))
                waiting.append((wire.head, [*path, wire]))
    return []


def _goes_round(
    wire: Wire,
    forward: dict[int, list[Wire]],
    home: dict[int, Frame],
    reach: tuple[dict[int, int], dict[int, int]],
) -> bool:
    """Whether another, longer way leads from tail to a pointwise head in the same frame: a residual or a skip."""
    if (
        wire.kind != "data"
        or wire.beside
        or wire.tail_port is not None
        or wire.head_port is not None
        or wire.head.kind != "circle"
        or home[id(wire.tail)] is not home[id(wire.head)]
    ):
        return False
    number, beyond = reach
    return any(
        beyond[id(w.head)] >> number[id(wire.head)] & 1 for w in forward[id(wire.tail)] if w.head is not wire.head
    )


def _reach(forward: dict[int, list[Wire]]) -> tuple[dict[int, int], dict[int, int]]:
    """A number for each mark, and the set of the numbers of all marks that it leads to, as the bits of an integer.

    Marks that lead back to themselves know the marks that they lead to before that.
    """
    number: dict[int, int] = {}
    beyond: dict[int, int] = defaultdict(int)
    for start in list(forward):
        if start in number:
            continue
        number[start] = len(number)
        path = [(start, iter(forward[start]))]
        while path:
            mark, rest = path[-1]
            wire = next(rest, None)
            if wire is None:
                path.pop()
                for done in forward.get(mark, ()):
                    beyond[mark] |= beyond[id(done.head)] | 1 << number[id(done.head)]
            elif id(wire.head) not in number:
                number[id(wire.head)] = len(number)
                path.append((id(wire.head), iter(forward.get(id(wire.head), ()))))
    return number, beyond
