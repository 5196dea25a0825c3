"""Weight matrices of a cell by the operand that each multiplies, and their rows joined into one matrix.

In: for each gate, which matrix acts on what comes in, which on the state, and its biases. Out: statements that join them, so that all
gates take one product. Everything is text of the emitted class: `self.i.weight`, its columns `[:, :n]`, a part of its rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from archdsl.ir.num import ZERO, Num

Write = Callable[[Num], str]


@dataclass(frozen=True)
class Matrix:
    """A weight, or some of its columns or rows, that multiplies an operand from the left."""

    weight: str
    rows: Num
    columns: Num
    start: Num = ZERO
    """The first column that is meant."""
    width: Num | None = None
    """How many columns; None for all."""
    part: tuple[int, int] | None = None
    """Which of several equal parts of the rows."""
    transposed: bool = False

    def taking(self, start: Num, width: Num) -> Matrix:
        """The columns that multiply one piece of the operand."""
        return replace(self, start=start, width=None if width == self.columns else width)

    def chunk(self, index: int, count: int) -> Matrix | None:
        """One of several equal parts of the rows."""
        return replace(self, part=(index, count), rows=self.rows / count) if self.part is None else None

    def text(self, write: Write) -> str:
        text = f"{self.weight}.T" if self.transposed else self.weight
        if self.part:
            text = f"{text}.chunk({self.part[1]})[{self.part[0]}]"
        if self.width is None:
            return text
        start = "" if self.start == ZERO else write(self.start)
        end = "" if self.start + self.width == self.columns else write(self.start + self.width)
        return f"{text}[:, {start}:{end}]"


@dataclass(frozen=True)
class Bias:
    """A vector that is added, or one of several equal parts of it."""

    weight: str
    part: tuple[int, int] | None = None

    def text(self) -> str:
        return f"{self.weight}.chunk({self.part[1]})[{self.part[0]}]" if self.part else self.weight


@dataclass
class Row:
    """The rows of one gate: what multiplies the pieces of what comes in, what multiplies the state, biases of either."""

    x: list[Matrix] = field(default_factory=list)
    h: list[Matrix] = field(default_factory=list)
    bias_x: list[Bias] = field(default_factory=list)
    bias_h: list[Bias] = field(default_factory=list)
    negative: bool = False

    @property
    def size(self) -> Num:
        return (self.x or self.h)[0].rows

    def whole(self) -> tuple[str, bool] | None:
        """The one weight whose columns are those for what comes in and then those for the state, if that is how they lie."""
        pieces = [*self.x, *self.h]
        at = ZERO
        for m in pieces:
            if m.start != at or m.width is None or m.weight != pieces[0].weight or m.part != pieces[0].part:
                return None
            at = at + m.width
        if not pieces or not self.x or not self.h or at != pieces[0].columns:
            return None
        return replace(pieces[0], start=ZERO, width=None).text(str), self.negative


def joined(texts: list[str], dim: int = 0) -> str:
    """The texts' tensors one below the other; parts of one tensor in its own order are that tensor."""
    if len(texts) == 1:
        return texts[0]
    whole = texts[0].removesuffix(f".chunk({len(texts)})[0]")
    if texts == [f"{whole}.chunk({len(texts)})[{i}]" for i in range(len(texts))]:
        return whole
    along = f", dim={dim}" if dim else ""
    found = [re.fullmatch(r"(.*\.chunk\(\d+\))\[(\d+)\](.*)", t) for t in texts]
    parts = [m for m in found if m]
    if len(parts) == len(texts) and len({(m[1], m[3]) for m in parts}) == 1:
        order = ", ".join(m[2] for m in parts)
        return f"torch.cat([{parts[0][1]}[i]{parts[0][3]} for i in ({order})]{along})"
    return f"torch.cat([{', '.join(texts)}]{along})"
