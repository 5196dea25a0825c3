"""What a figure consists of, before anything has a place: marks in frames, wires between marks, panels.

In: nothing. Out: plain data. `marks` and `wiring` make it from the IR, `dot` writes it down. All text is label text (see `words`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MarkKind = Literal[
    "input",
    "output",
    "weights",
    "frozen",
    "function",
    "circle",
    "state",
    "memory",
    "attention",
    "draw",
    "gradient",
    "objective",
    "constant",
    "fork",
]
FrameKind = Literal["panel", "stack", "loop", "scan", "until", "training", "before"]
WireKind = Literal["data", "gate", "return", "first", "updates"]
Change = Literal["", "added", "removed", "changed"]
"""What became of a thing, where two programs are drawn as one (`comparison`)."""
SLOT = "□"
"""An operand that has no name."""


@dataclass(eq=False)
class Mark:
    """One shape with words in it; two with the same words are two.

    `ports` name operands (drawn below), `results` name what comes out (above). `operands` says, port by port, how the program calls the
    value that arrives there; empty where it has no name, or the port's own.
    """

    kind: MarkKind
    lines: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    tag: str = ""
    id: str = ""
    change: Change = ""
    line: int = 0
    """Of the statement that it stands for, in the program's own file; 0 for what stands elsewhere."""
    link: str = ""
    operands: list[str] = field(default_factory=list)

    @property
    def cells(self) -> list[str]:
        """What is seen at each port: its name, and below it the operand's, to which a mere number or slot gives way."""
        names = self.operands or [""] * len(self.ports)
        return [
            name if name and (port.isdigit() or port == SLOT) else f"{port}<BR/>{name}" if name else port
            for port, name in zip(self.ports, names)
        ]


@dataclass(eq=False)
class Frame:
    """A border around marks, with words that no edge crosses."""

    kind: FrameKind
    lines: list[str] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    parent: Frame | None = field(default=None, repr=False)
    id: str = ""
    change: Change = ""
    line: int = 0
    link: str = ""

    def all_marks(self) -> list[Mark]:
        return self.marks + [m for f in self.frames for m in f.all_marks()]

    def all_frames(self) -> list[Frame]:
        return [self] + [g for f in self.frames for g in f.all_frames()]


@dataclass(eq=False)
class Wire:
    """An arrow. A port is a position among the tail's results or the head's ports; None where there is but one."""

    tail: Mark
    head: Mark
    kind: WireKind = "data"
    tail_port: int | None = None
    head_port: int | None = None
    label: str = ""
    gated: bool = False
    """Whether it carries a gate's value."""
    beside: bool = False
    """Whether tail and head stand side by side: a cell and the delay of its state."""
    change: Change = ""


@dataclass
class Panel:
    """One definition, drawn: its title, what it holds, and how that is connected."""

    name: str
    title: list[str]
    root: Frame
    wires: list[Wire] = field(default_factory=list)
