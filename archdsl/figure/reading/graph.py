"""A panel as values and who reads them: dots followed, and borders crossed, so that only what a program has is left.

In: a panel with canonical text. Out: `Graph`: for each wire the value that it brings, as it is seen where it arrives. A wire that enters a
scan brings a slice, one that leaves a loop what was handed on last; what its label says stands in the order of the borders it crosses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archdsl.figure.reading import words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.markup import plain_lines
from archdsl.figure.reading.words import Said
from archdsl.figure.scene import Frame, Mark, Panel, Wire

REPEATS = ("stack", "loop", "scan")


@dataclass(eq=False)
class Value:
    """A value of a program. `kind`: `mark` a mark makes it, `number` a constant, `slice`, `carry` inside a repeat,
    `final`, `all`, `ride` outside of one."""

    kind: str
    home: Frame
    mark: Mark | None = None
    port: int | None = None
    frame: Frame | None = None
    of: Value | None = None
    """What is sliced, carried at first, or collected."""
    text: str = ""
    """A number, an axis, or the name of what is carried."""
    readers: list[Frame] = field(default_factory=list)
    """The frame of each reader."""
    into: list[Mark] = field(default_factory=list)
    """The marks that read it."""
    name: str = ""


@dataclass(eq=False)
class Inside:
    """What a repeat does with values, found while wires are followed."""

    slices: list[Value] = field(default_factory=list)
    carries: dict[str, Value] = field(default_factory=dict)
    nexts: dict[str, Value] = field(default_factory=dict)
    collected: list[Value] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    lengths: Value | None = None
    """How many steps each entry has."""


@dataclass(frozen=True)
class Crossing:
    frame: Frame
    out: bool
    said: Said | None


class Graph:
    """The values of a panel."""

    def __init__(self, panel: Panel):
        self.panel, self.root = panel, panel.root
        self.home: dict[int, Frame] = {}
        self.parent: dict[int, Frame | None] = {id(panel.root): None}
        for frame in panel.root.all_frames():
            for inner in frame.frames:
                self.parent[id(inner)] = frame
            for mark in frame.marks:
                self.home[id(mark)] = frame
        self.ins: dict[int, list[Wire]] = {}
        self.outs: dict[int, list[Wire]] = {}
        for wire in panel.wires:
            if id(wire.tail) not in self.home or id(wire.head) not in self.home:
                raise Unreadable(f"an arrow of {panel.name} ends at no mark")
            self.ins.setdefault(id(wire.head), []).append(wire)
            self.outs.setdefault(id(wire.tail), []).append(wire)
        self.inside: dict[int, Inside] = {id(f): Inside() for f in panel.root.all_frames()}
        self.values: dict[tuple[object, ...], Value] = {}
        self._brought: dict[int, Value] = {}
        self._crossings: dict[int, list[Crossing]] = {}
        crossed = [c for w in panel.wires if w.kind in ("data", "gate", "first") for c in self.crossings(w)]
        self.told = {id(c.frame) for c in crossed if not c.out and c.said}
        self.chained = {
            id(c.frame)
            for c in crossed
            if c.out and c.frame.kind == "stack" and (c.said is None or c.said.what == "on")
        }

    # -- frames -----------------------------------------------------------------------------------------------------
    def path(self, frame: Frame | None) -> list[Frame]:
        """The frames around, from the panel's down to this one."""
        found: list[Frame] = []
        while frame is not None:
            found.insert(0, frame)
            frame = self.parent[id(frame)]
        return found

    def target(self, wire: Wire) -> Frame:
        """Where a wire's value is read: a first value outside of the repeat in which its delay stands."""
        home = self.home[id(wire.head)]
        if wire.kind == "first" and home.kind in REPEATS:
            return self.parent[id(home)] or home
        return home

    def delays(self, frame: Frame) -> list[Mark]:
        """The states of a frame, without those that ride on it."""
        return [m for m in frame.marks if m.kind == "state" and not self.rides(m)]

    def rides(self, mark: Mark) -> bool:
        """Whether a state belongs to the cell beside it, which it enters besides the cell's own inputs."""
        back = [w for w in self.ins.get(id(mark), []) if w.kind == "return"]
        forth = [w for w in self.outs.get(id(mark), []) if w.kind == "data"]
        if len(back) != 1 or len(forth) != 1 or back[0].tail is not forth[0].head or forth[0].head_port is not None:
            return False
        cell = forth[0].head
        if cell.kind not in ("weights", "frozen", "function") or back[0].tail_port is not None:
            return False
        others = [w for w in self.ins[id(cell)] if w is not forth[0] and w.head_port is None]
        return bool(cell.ports or others or forth[0].beside)

    # -- borders ----------------------------------------------------------------------------------------------------
    def crossings(self, wire: Wire) -> list[Crossing]:
        """The borders that a wire crosses, each with what its label says there."""
        if id(wire) not in self._crossings:
            self._crossings[id(wire)] = list(self._crossed(wire))
        return self._crossings[id(wire)]

    def _crossed(self, wire: Wire) -> Iterator[Crossing]:
        start, end = self.path(self.home[id(wire.tail)]), self.path(self.target(wire))
        same = sum(1 for a, b in zip(start, end) if a is b)
        said = words.label(plain_lines(wire.label))
        out = [s for s in said if s.what in ("all", "last", "on")]
        into = [s for s in said if s.what in ("each", "enter", "most")]
        for frame in reversed(start[same:]):
            if frame.kind in REPEATS:
                fits = bool(out) and self._leaves(frame, out[0])
                yield Crossing(frame, True, out.pop(0) if fits else None)
        entered = [f for f in end[same:] if f.kind in REPEATS]
        for i, frame in enumerate(entered):
            fits = bool(into) and self._enters(frame, into[0], entered[i + 1 :])
            yield Crossing(frame, False, into.pop(0) if fits else None)

    def _leaves(self, frame: Frame, said: Said) -> bool:
        if said.what == "all" and frame.kind != "scan":
            return said.text == ("copies" if frame.kind == "stack" else "passes")
        return said.what != "on" or frame.kind == "stack"

    def _enters(self, frame: Frame, said: Said, later: list[Frame]) -> bool:
        if said.what == "enter":
            return frame.kind == "stack"
        if said.what == "most":
            return frame.kind == "scan" and not any(f.kind == "scan" for f in later)
        exact = f"↻ over {said.text} " in words.unmarked(frame.lines[0]) if frame.lines else False
        others = any(f"↻ over {said.text} " in words.unmarked(f.lines[0]) for f in later if f.lines)
        return frame.kind == "scan" and (exact or not others)

    # -- values -----------------------------------------------------------------------------------------------------
    def brought(self, wire: Wire) -> Value:
        """The value that a wire brings, as it is seen where it is read."""
        if id(wire) not in self._brought:
            value = self.made(wire.tail, wire.tail_port)
            for crossing in self.crossings(wire):
                value = (self._out if crossing.out else self._into)(crossing, value)
            self._brought[id(wire)] = value
        return self._brought[id(wire)]

    def made(self, mark: Mark, port: int | None) -> Value:
        """What a mark makes; a dot passes on what comes in."""
        home = self.home[id(mark)]
        if mark.kind == "fork":
            wires = self.ins.get(id(mark), [])
            if len(wires) != 1:
                raise Unreadable(f"a dot of {self.panel.name} has {len(wires)} arrows that enter")
            return self.brought(wires[0])
        if mark.kind == "constant":
            return self._value("number", home, mark=mark, text=words.number(mark.lines[0]))
        return self._value("mark", home, mark=mark, port=port)

    def _value(self, kind: str, home: Frame, **more: object) -> Value:
        key = (kind, id(home), *(v if isinstance(v, (str, int, type(None))) else id(v) for v in more.values()))
        if key not in self.values:
            self.values[key] = Value(kind, home, **more)  # type: ignore[arg-type]
        return self.values[key]

    def _into(self, crossing: Crossing, value: Value) -> Value:
        frame, said = crossing.frame, crossing.said
        inside = self.inside[id(frame)]
        if said and said.what == "most":
            inside.lengths = value
            return value
        if said and said.what == "each":
            found = self._value("slice", frame, frame=frame, of=value, text=said.text)
            if found not in inside.slices:
                inside.slices.append(found)
            return found
        sole = id(frame) in self.chained and id(frame) not in self.told
        if frame.kind == "stack" and (said or sole):
            name = words.name(said.text) if said and said.text else ""
            found = self._value("carry", frame, frame=frame, of=value, text=name)
            if inside.carries.setdefault(name, found) is not found:
                raise Unreadable(f"two values enter the first copy in {self.panel.name}")
            return found
        return value

    def _out(self, crossing: Crossing, value: Value) -> Value:
        frame, said = crossing.frame, crossing.said
        outer = self.parent[id(frame)] or self.root
        inside = self.inside[id(frame)]
        if said and said.what == "all":
            if value not in inside.collected:
                inside.collected.append(value)
            return self._result(inside, "all", outer, frame=frame, of=value, text=said.text)
        if said and said.what == "last":
            name = words.name(said.text)
            if all(words.name(d.lines[0]) != name for d in self.delays(frame)):
                return self._result(inside, "ride", outer, frame=frame, mark=value.mark, text=name)
            return self._result(inside, "final", outer, frame=frame, text=name)
        if frame.kind != "stack":
            raise Unreadable(f"an arrow leaves a {frame.kind} of {self.panel.name} and does not say what it brings")
        name = words.name(said.text) if said else ""
        if inside.nexts.setdefault(name, value) is not value:
            raise Unreadable(f"two values leave the last copy in {self.panel.name}")
        return self._result(inside, "final", outer, frame=frame, text=name)

    def _result(self, inside: Inside, kind: str, outer: Frame, **more: object) -> Value:
        found = self._value(kind, outer, **more)
        if found not in inside.results:
            inside.results.append(found)
        return found
