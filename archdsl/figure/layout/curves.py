"""Lines through corners, each corner rounded, as the curves that Graphviz paints.

In: corners, and how long the arrow head is. Out: the points of a curve, and where the head's tip lies.
"""

from __future__ import annotations

Point = tuple[float, float]

_ROUND = 5.0


def rounded(corners: list[Point], head: float) -> tuple[list[Point], Point | None]:
    """The curve; with an arrow head it ends where that begins."""
    tip = None
    if head:
        (x, y), end = corners[-2], corners[-1]
        length = max(abs(end[0] - x) + abs(end[1] - y), 0.01)
        back = min(head, length - 0.01)
        tip = end
        corners = [*corners[:-1], (end[0] - (end[0] - x) / length * back, end[1] - (end[1] - y) / length * back)]
    points = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:]):
        enter, leave = _toward(corner, before), _toward(corner, after)
        points += _straight(points[-1], enter)
        points += [_mix(enter, corner), _mix(leave, corner), leave]
    points += _straight(points[-1], corners[-1])
    return points, tip


def _toward(corner: Point, other: Point) -> Point:
    length = abs(other[0] - corner[0]) + abs(other[1] - corner[1])
    by = min(_ROUND, length / 2)
    if length < 0.01:
        return corner
    return corner[0] + (other[0] - corner[0]) / length * by, corner[1] + (other[1] - corner[1]) / length * by


def _mix(a: Point, b: Point) -> Point:
    return a[0] + (b[0] - a[0]) * 0.55, a[1] + (b[1] - a[1]) * 0.55


def _straight(a: Point, b: Point) -> list[Point]:
    return [
        (a[0] + (b[0] - a[0]) / 3, a[1] + (b[1] - a[1]) / 3),
        (a[0] + (b[0] - a[0]) * 2 / 3, a[1] + (b[1] - a[1]) * 2 / 3),
        b,
    ]
