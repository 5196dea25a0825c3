"""Places on paper: points, boxes, and how far things are from each other.

In and out: numbers in points, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

Point = tuple[float, float]


class Box(NamedTuple):
    """A rectangle."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def y(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def middle(self) -> Point:
        return self.x, self.y

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    def grown(self, by: float) -> Box:
        return Box(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def holds(self, other: Box) -> bool:
        return self.x0 <= other.x0 and self.y0 <= other.y0 and other.x1 <= self.x1 and other.y1 <= self.y1

    def has(self, point: Point) -> bool:
        return self.x0 <= point[0] <= self.x1 and self.y0 <= point[1] <= self.y1

    def away(self, point: Point) -> float:
        """How far a point outside is from the border; 0 inside."""
        return math.hypot(
            max(self.x0 - point[0], 0.0, point[0] - self.x1), max(self.y0 - point[1], 0.0, point[1] - self.y1)
        )

    def apart(self, other: Box) -> float:
        """The gap to another box; 0 where they meet."""
        return math.hypot(
            max(self.x0 - other.x1, 0.0, other.x0 - self.x1), max(self.y0 - other.y1, 0.0, other.y0 - self.y1)
        )


def around(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs), max(ys))


def joined(boxes: Iterable[Box]) -> Box:
    found = list(boxes)
    return Box(min(b.x0 for b in found), min(b.y0 for b in found), max(b.x1 for b in found), max(b.y1 for b in found))


def to_line(point: Point, line: Sequence[Point], closed: bool = False) -> float:
    """The distance from a point to the nearest of a line."""
    pieces = pairwise([*line, line[0]] if closed else line)
    return min((to_piece(point, a, b) for a, b in pieces), default=math.dist(point, line[0]))


def to_piece(point: Point, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    t = 0.0 if length == 0 else max(0.0, min(1.0, ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / length))
    return math.hypot(point[0] - a[0] - t * dx, point[1] - a[1] - t * dy)


def box_to_line(box: Box, line: Sequence[Point]) -> float:
    """The gap between a box and a line; 0 where the line runs through it."""
    best = math.inf
    for a, b in pairwise(line):
        far = max(
            box.x0 - max(a[0], b[0]), min(a[0], b[0]) - box.x1, box.y0 - max(a[1], b[1]), min(a[1], b[1]) - box.y1
        )
        if far < best:
            best = min(best, _box_to_piece(box, a, b))
    return best


def toward(box: Box, line: Sequence[Point]) -> Point:
    """The point of a line that is nearest to a box, and of several the one nearest to its middle."""
    dots = [
        (a[0] + (b[0] - a[0]) * k / 12, a[1] + (b[1] - a[1]) * k / 12) for a, b in pairwise(line) for k in range(13)
    ]
    return min(dots, key=lambda p: (round(box.away(p), 1), abs(p[0] - box.x) + abs(p[1] - box.y)))


def _box_to_piece(box: Box, a: Point, b: Point) -> float:
    if _meets(box, a, b):
        return 0.0
    corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
    return min(box.away(a), box.away(b), *(to_piece(c, a, b) for c in corners))


def _meets(box: Box, a: Point, b: Point) -> bool:
    """Whether a straight piece meets a box (Liang and Barsky's test)."""
    low, high = 0.0, 1.0
    for start, step, least, most in ((a[0], b[0] - a[0], box.x0, box.x1), (a[1], b[1] - a[1], box.y0, box.y1)):
        if abs(step) < 1e-9:
            if not least <= start <= most:
                return False
            continue
        first, last = sorted(((least - start) / step, (most - start) / step))
        low, high = max(low, first), min(high, last)
    return low <= high
