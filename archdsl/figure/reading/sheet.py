"""A panel of a picture while it is read: its frames and marks with their places, and what is left for its wires.

In: nothing. Out: plain data that `shapes` fills, and that `headings`, `wires` and `labels` read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from archdsl.figure.reading.ink import Outline, Stroke
from archdsl.figure.reading.lines import Line
from archdsl.figure.reading.places import Box, Point, to_line
from archdsl.figure.scene import Frame, Mark

_NEAR = 8.0


@dataclass(eq=False)
class Seen:
    """A mark with its place."""

    mark: Mark
    box: Box
    outline: list[Point]
    closed: bool = True
    rows: list[Row] = field(default_factory=list)

    def away(self, point: Point) -> float:
        """How far its border is from a point; from a far one, at least how far."""
        if (far := self.box.away(point)) > _NEAR:
            return far
        if self.mark.kind == "fork":
            return max(0.0, math.dist(point, (self.box.x, self.box.y)) - self.box.width / 2)
        return to_line(point, self.outline, closed=True)


@dataclass(eq=False)
class Row:
    """Cells along one side of a mark; `outer` is the border they touch: its axis (0: x, 1: y) and its place."""

    cells: list[Box]
    names: list[str]
    axis: int
    outer: float
    slack: float = 3.2
    sign: str = ""
    """The operator of a round mark that these are the two sides of."""

    def cell(self, point: Point) -> int | None:
        """The cell on whose outer side a point lies."""
        if abs(point[self.axis] - self.outer) > self.slack:
            return None
        along = 1 - self.axis
        for i, cell in enumerate(self.cells):
            if cell[along] - 0.5 <= point[along] <= cell[along + 2] + 0.5:
                return i
        return None


@dataclass(eq=False)
class Framed:
    """A frame with its place."""

    frame: Frame
    box: Box
    inner: Box


@dataclass(eq=False)
class Sheet:
    """One panel: its frames, its marks, and what belongs to its wires."""

    title: list[str]
    frames: list[Framed]
    marks: list[Seen] = field(default_factory=list)
    dots: list[Outline] = field(default_factory=list)
    heads: list[Outline] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    labels: list[list[Line]] = field(default_factory=list)

    @property
    def box(self) -> Box:
        return self.frames[0].box

    def home(self, box: Box) -> Framed:
        """The innermost frame that a thing lies in."""
        around = [f for f in self.frames if f.inner.grown(0.5).has((box.x, box.y))]
        return min(around, key=lambda f: f.inner.area, default=self.frames[0])
