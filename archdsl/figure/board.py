"""The values of a panel while it is made: where each comes from, under which names, and who reads it.

In: marks, and frames whose borders values pass on their way to who reads them. Out: `values`, from which `values.connect` makes wires.
What a wire says of a border stands on it; where that would not tell which border is meant, a dot stands between two.
"""

from __future__ import annotations

from archdsl.figure import marks
from archdsl.figure.scene import Frame, Mark, Wire
from archdsl.figure.values import Held, Use
from archdsl.figure.words import type_text
from archdsl.ir.program import Operand, Value
from archdsl.ir.types import Type


class Board:
    """The values of one panel."""

    def __init__(self) -> None:
        self.values: dict[int, Held] = {}
        self.types: dict[int, Type] = {}
        self.wires: list[Wire] = []
        self.line = 0
        """Of the statement whose marks are being added."""
        self.handed_on: set[int] = set()
        """Values that states of the same name get."""

    def add(self, frame: Frame, mark: Mark) -> Mark:
        mark.line = self.line
        frame.marks.append(mark)
        return mark

    def name(self, value: Value) -> str:
        """A value's name; what a state of that name gets has a prime."""
        return f"{value.name}'" if value.name and value.id in self.handed_on else value.name or ""

    def produce(self, value: Value, source: Mark, frame: Frame, port: int | None = None, changed: bool = False) -> None:
        self.types[value.id] = value.type
        self.values[value.id] = Held(
            frame, source, port, name=self.name(value), type=type_text(value.type) if changed else "", gate=value.gate
        )

    def rename(self, value: Value, operand: Operand, frame: Frame, outside: Frame, label: str = "") -> Held:
        """A value that is another one, seen from inside or outside a frame."""
        self.types[value.id] = value.type
        if isinstance(operand, int):
            self.values[value.id] = Held(frame, alias=operand, name=self.name(value), type=label)
        else:
            constant = self.add(outside, marks.of_constant(operand))
            self.values[value.id] = Held(frame, constant, name=self.name(value), part=label)
        return self.values[value.id]

    def enter(self, value: Value, operand: Operand, frame: Frame, outer: Frame, label: str) -> Held:
        """A value on its way into a frame, with words on the border. A dot tells which border, where it passes several alike."""
        between = outer
        while isinstance(operand, int) and between is not self.values[operand].frame and between.parent is not None:
            if between.kind == frame.kind:
                operand = self.dotted(operand, outer)
                break
            between = between.parent
        if isinstance(operand, int) and frame.kind == "stack":
            border = self.values[operand].border
            self.values[operand].dot |= border is not None and border.kind == "stack"
        held = self.rename(value, operand, frame, outer, label)
        held.border = frame
        return held

    def leave(self, value: Value, operand: Operand, frame: Frame, outer: Frame, label: str) -> Held:
        """A value on its way out of a frame. What the frame does not make itself has a dot in it."""
        if isinstance(operand, int):
            held = self.values[operand]
            if held.frame is not frame:
                operand = self.dotted(operand, frame)
            elif frame.kind == "stack" and held.left is not None and held.left.kind == "stack":
                held.dot = True
        held = self.rename(value, operand, outer, frame, label)
        held.left = frame
        return held

    def dotted(self, operand: int, frame: Frame) -> int:
        """The value, through a dot in a frame."""
        number = -len(self.values) - 1
        self.types[number] = self.types[operand]
        self.values[number] = Held(frame, alias=operand, dot=True)
        return number

    def read(self, operand: Operand, use: Use, frame: Frame) -> None:
        if isinstance(operand, int):
            self.values[operand].uses.append(use)
        else:
            constant = self.add(frame, marks.of_constant(operand))
            self.wires.append(Wire(constant, use.head, use.kind, None, use.port, use.label))

    def lengths(self, operand: int, frame: Frame, outer: Frame) -> None:
        """How many steps each entry has: a value that goes no further than the frame."""
        known = Value.new(id=-len(self.values) - 1, type=self.types[operand])
        self.types[known.id] = known.type
        self.enter(known, operand, frame, outer, "at most so many steps").dot = True
