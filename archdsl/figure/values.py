"""Values and who reads them; at the end, wires between marks.

In: values, each with its source or with the value that it is another name of, and its readers. Out: wires. A value with several readers
goes through a fork. Where it matters which value arrives at a place, the place says how the program calls it (`naming`); what is told at
all of them is not told at the fork.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from archdsl.figure import naming, words
from archdsl.figure.scene import Frame, Mark, Wire, WireKind


@dataclass
class Use:
    """One reader of a value."""

    head: Mark
    port: int | None = None
    kind: WireKind = "data"
    label: str = ""
    gated: bool = False
    beside: bool = False
    turn: bool = False
    """Whether the mark says which of several calls it is."""


@dataclass
class Held:
    """A value while the panel is being made: where it comes from, and who reads it."""

    frame: Frame
    source: Mark | None = None
    port: int | None = None
    alias: int | None = None
    name: str = ""
    type: str = ""
    part: str = ""
    """Which part of what its source makes it is: told wherever it goes."""
    gate: bool = False
    border: Frame | None = None
    """The frame whose border this name of another value stands on: a wire through it has a dot within."""
    left: Frame | None = None
    """The frame that it comes out of."""
    dot: bool = False
    """Whether there must be a dot, however few read it."""
    ends: bool = False
    """Whether it is shown that nobody reads it."""
    first: bool = False
    """Whether it is what enters the first of several copies."""
    uses: list[Use] = field(default_factory=list)


def connect(values: Mapping[int, Held], wires: list[Wire], root: Frame) -> list[Wire]:
    """All wires of a panel: those that are there, and one for each reader of each value, the innermost names first."""
    found = list(wires)
    naming.tell(values)
    for value in reversed(list({id(v): v for v in values.values()}.values())):
        if value.ends and not value.uses:
            value.uses.append(Use(Mark("constant", [_unused(value)])))
            value.frame.marks.append(value.uses[0].head)
        if value.alias is None:
            found += _from_source(value)
        elif len(value.uses) == 1 and not value.dot and not _through(value):
            use = value.uses[0]
            values[value.alias].uses.append(replace(use, label=stacked(value.type, use.label)))
        elif value.uses or value.dot:
            fork = Mark("fork")
            value.frame.marks.append(fork)
            values[value.alias].uses.append(Use(fork, label=stacked(_at_dot(value), value.type)))
            found += _fan_out(fork, value.uses)
    return _in_order(found, root)


def _unused(value: Held) -> str:
    """What stands where a value ends; what a copy hands on the next copy uses."""
    return "unused after the last copy" if value.left and value.left.kind == "stack" else "unused"


def _through(value: Held) -> bool:
    """Whether its one reader is outside of the frame whose border it stands on."""
    return value.border is not None and not any(m is value.uses[0].head for m in value.border.all_marks())


def _at_dot(value: Held) -> str:
    """The name that stands where a value forks: none where all who read it say it."""
    return "" if not value.name or (not value.gate and naming.told(value)) else words.name(value.name)


def _from_source(value: Held) -> list[Wire]:
    source, uses = value.source, value.uses
    assert source
    stored = source.kind in ("input", "state", "memory") or (source.kind in ("weights", "frozen") and not value.type)
    name = "" if stored else _at_dot(value)
    if len(uses) == 1 and not (
        uses[0].kind == "return" and value.port is not None
    ):  # the dot shows which port it leaves
        use = uses[0]
        label = name if value.gate else ""
        if use.head.kind != "output" and ":<BR/>" not in use.label:  # else the type after it is told
            label = stacked(label, value.type, apart="  ")
        label = stacked(label, value.part)
        return [
            Wire(source, use.head, use.kind, value.port, use.port, stacked(label, use.label), use.gated, use.beside)
        ]
    if not uses:
        return []
    fork = Mark("fork")
    value.frame.marks.append(fork)
    kind: WireKind = "gate" if value.gate else "data"
    stem = Wire(source, fork, kind, value.port, None, stacked(value.part or name, value.type, apart="  "), value.gate)
    return [stem, *_fan_out(fork, uses)]


def _fan_out(source: Mark, uses: list[Use]) -> list[Wire]:
    return [Wire(source, use.head, use.kind, None, use.port, use.label, use.gated, use.beside) for use in uses]


def stacked(*texts: str, apart: str = "<BR/>") -> str:
    return apart.join(t for t in texts if t)


def _in_order(wires: list[Wire], root: Frame) -> list[Wire]:
    """By tail, then head, in the order of the marks: so the same panel is always written the same way."""
    place = {id(m): i for i, m in enumerate(root.all_marks())}
    return sorted(
        wires, key=lambda w: (place[id(w.tail)], place[id(w.head)], w.tail_port or 0, w.head_port or 0, w.kind)
    )
