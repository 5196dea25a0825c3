"""A panel without forks: from which mark straight to which other mark each value goes.

In: a `Panel`. Out: `Flat`. Whether a value is read once or twice decides how it is drawn, by one arrow or through a dot; two panels are
compared without the dots, and `forked` puts them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from archdsl.figure.scene import Change, Frame, Mark, Panel, Wire, WireKind


@dataclass(frozen=True, eq=False)
class Flow:
    """A value on its way from mark to mark. `stem` is what the arrow into the dot says, if there is one."""

    tail: Mark
    head: Mark
    kind: WireKind
    tail_port: int | None
    head_port: int | None
    label: str
    gated: bool
    beside: bool
    stem: Wire | None = None
    change: Change = ""

    @property
    def told(self) -> tuple[str, ...]:
        """What of its words matters: names and types of plain values do not, they follow from the marks."""
        if self.kind not in ("data", "gate"):
            return (self.label,)
        lines = [line for text in (self.stem.label if self.stem else "", self.label) for line in text.split("<BR/>")]
        told = ("each ", "all ", "last ", "first ")
        return tuple(line for line in lines if line.startswith(told) or line.endswith("into the first copy"))


@dataclass
class Flat:
    """The marks, frames and flows of a panel."""

    panel: Panel
    home: dict[int, Frame] = field(default_factory=dict)
    """The frame of each mark, by `id()`."""
    flows: list[Flow] = field(default_factory=list)
    parting: set[int] = field(default_factory=set)
    """The dots, by `id()`, at which arrows part. A dot at which one ends is a mark like any other."""

    @property
    def marks(self) -> list[Mark]:
        return [m for m in self.panel.root.all_marks() if id(m) not in self.parting]


def flat(panel: Panel) -> Flat:
    found = Flat(panel, {id(m): f for f in panel.root.all_frames() for m in f.marks})
    found.parting = {id(w.tail) for w in panel.wires if w.tail.kind == "fork"}
    into = {id(w.head): w for w in panel.wires if w.head.kind == "fork"}
    for wire in panel.wires:
        if id(wire.head) in found.parting:
            continue
        first, path = wire, [wire.label]
        while first.tail.kind == "fork":
            first = into[id(first.tail)]
            path.insert(0, first.label)
        stem = first if first is not wire else None
        told = "<BR/>".join(p for p in (path[1:] if stem else path) if p)
        ports = (first.tail_port, wire.head_port)
        flow = Flow(first.tail, wire.head, wire.kind, *ports, told, wire.gated, wire.beside, stem, wire.change)
        found.flows.append(flow)
    return found


def forked(flows: Iterable[Flow], home: Mapping[int, Frame]) -> list[Wire]:
    """Wires for flows; those that carry one value go through a dot, which is put into the frame of its source."""
    groups: dict[tuple[int, int | None, object], list[Flow]] = {}
    for i, flow in enumerate(flows):
        alone = flow.beside or flow.kind == "updates" or flow.tail.kind == "constant"
        groups.setdefault((id(flow.tail), flow.tail_port, i if alone else None), []).append(flow)
    wires: list[Wire] = []
    for group in groups.values():
        if len(group) == 1:
            flow = group[0]
            stem = flow.stem.label if flow.stem else ""
            wires.append(_wire(replace(flow, label="<BR/>".join(t for t in (stem, flow.label) if t)), flow.tail))
        else:
            wires += _through_a_dot(group, home)
    return wires


def _through_a_dot(group: list[Flow], home: Mapping[int, Frame]) -> list[Wire]:
    first = next((f for f in group if f.stem), group[0])
    changes = {f.change for f in group}
    fork = Mark("fork", change=changes.pop() if len(changes) == 1 else "")
    home[id(first.tail)].marks.append(fork)
    kind: WireKind = first.stem.kind if first.stem else "data"
    gated = first.stem.gated if first.stem else first.gated
    label = first.stem.label if first.stem else ""
    stem = Wire(first.tail, fork, kind, first.tail_port, None, label, gated, change=fork.change)
    return [stem, *(replace(_wire(f, fork), tail_port=None) for f in group)]


def _wire(flow: Flow, tail: Mark) -> Wire:
    return Wire(
        tail, flow.head, flow.kind, flow.tail_port, flow.head_port, flow.label, flow.gated, flow.beside, flow.change
    )
