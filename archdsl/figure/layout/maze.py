"""A way through where no single lane is free: the cheapest path on a grid of lanes beside everything (A*).

In: the world, two marks, and how far out a way may go. Out: the corners of a way that touches no mark, or None.
"""

from __future__ import annotations

from heapq import heappop, heappush

from archdsl.figure.layout.geometry import Box, Node, Point
from archdsl.figure.layout.world import World

_CLEAR = 8.0
_BEND = 30.0
_CROSS = 22.0
_MOST = 50000
"""Grid points looked at before giving up."""

Cell = tuple[int, int]
Stop = tuple[Cell, int]
"""A grid point, and the direction in which it was reached."""


class _Lanes:
    """For each grid line, what is on it: marks, lines that cross it, and lines along it, of the same value or of others."""

    def __init__(self, world: World, at: list[float], axis: int, tail: str, friends: set[str]):
        self.known: dict[tuple[int, float, bool], float | None] = {}
        self.blocked: list[list[tuple[float, float, bool]]] = [[] for _ in at]
        self.across: list[list[tuple[float, float]]] = [[] for _ in at]
        self.along: list[list[tuple[float, float]]] = [[] for _ in at]
        self.taken: list[list[tuple[float, float]]] = [[] for _ in at]
        boxes = [(b.grown(2.5 if b.width < 8 else _CLEAR - 3), n == tail) for n, b in world.boxes] + [
            (b.grown(1), False) for b in world.labels
        ]
        for box, own in boxes:
            low, high, start, end = (box.y0, box.y1, box.x0, box.x1) if axis == 0 else (box.x0, box.x1, box.y0, box.y1)
            for k, place in enumerate(at):
                if low < place < high:
                    self.blocked[k].append((start, end, own))
        for a, b, other in world.pieces:
            low, high = sorted((a[1 - axis], b[1 - axis]))
            start, end = sorted((a[axis], b[axis]))
            for k, place in enumerate(at):
                if high - low < 0.5 and end - start > 1.5 and abs(low - place) < 3.5:
                    (self.along if other in friends else self.taken)[k].append((start, end))
                elif low - 0.5 <= place <= high + 0.5:
                    self.across[k].append((start - 0.5, end + 0.5))

    def price(self, line: int, start: float, end: float, leaving: bool) -> float | None:
        """What it costs to go from one point to the next on a grid line; None if something is in the way."""
        low, high = (start, end) if start < end else (end, start)
        key = (line, low, leaving)
        if key not in self.known:
            self.known[key] = self._price(line, low, high, leaving)
        return self.known[key]

    def _price(self, line: int, low: float, high: float, leaving: bool) -> float | None:
        if any(a < high and low < b for a, b, own in self.blocked[line] if not (own and leaving)):
            return None
        if any(min(high, b) - max(low, a) > 1.5 for a, b in self.taken[line]):
            return None
        crossed = sum(1 for a, b in self.across[line] if a < high and low < b)
        return crossed + sum(max(0.0, min(high, b) - max(low, a)) for a, b in self.along[line]) / 8


def through(world: World, tail: Node, head: Node, limits: Box, friends: set[str]) -> list[Point] | None:
    """The cheapest way. `friends` are edges that carry the same value, along which it may run."""
    xs, ys = _grid(world, tail, head, limits)
    starts, goals = _cells(_starts(tail), xs, ys), _cells(_ends(head), xs, ys)
    rows, columns = _Lanes(world, ys, 0, tail.name, friends), _Lanes(world, xs, 1, tail.name, friends)
    waiting: list[tuple[float, float, Cell, int]] = [(0.0, 0.0, start, -1) for start in starts]
    came: dict[Stop, Stop] = {}
    best: dict[Stop, float] = {(start, -1): 0.0 for start in starts}
    for _ in range(_MOST):
        if not waiting:
            break
        _, cost, at, way = heappop(waiting)
        if cost > best[(at, way)]:
            continue
        if at in goals:
            path = _back(came, (at, way))
            return _corners([starts[path[0]], *((xs[i], ys[j]) for i, j in path), goals[at]])
        for step, (dx, dy) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
            i, j = at[0] + dx, at[1] + dy
            if not (0 <= i < len(xs) and 0 <= j < len(ys)) or (way >= 0 and step == way ^ 1):
                continue
            a, b = (xs[at[0]], ys[at[1]]), (xs[i], ys[j])
            price = rows.price(j, a[0], b[0], way < 0) if dx else columns.price(i, a[1], b[1], way < 0)
            if price is None:
                continue
            length = abs(a[0] - b[0]) + abs(a[1] - b[1])
            total = cost + length + (_BEND if way not in (-1, step) else 0) + _CROSS * price
            if total < best.get(((i, j), step), 1e18):
                best[((i, j), step)] = total
                came[((i, j), step)] = (at, way)
                rest = abs(xs[i] - head.box.x) + abs(ys[j] - head.box.y)
                heappush(waiting, (total + 1.5 * rest, total, (i, j), step))
    return None


def _grid(world: World, tail: Node, head: Node, limits: Box) -> tuple[list[float], list[float]]:
    xs, ys = {tail.box.x}, {tail.box.y}
    for _, near in [*_starts(tail), *_ends(head)]:
        xs.add(near[0])
        ys.add(near[1])
    for _, box in world.boxes:
        xs |= {box.x0 - _CLEAR, box.x1 + _CLEAR}
        ys |= {box.y0 - _CLEAR, box.y1 + _CLEAR}
    inside_x = {round(x, 2) for x in xs if limits.x0 <= x <= limits.x1}
    inside_y = {round(y, 2) for y in ys if limits.y0 <= y <= limits.y1}
    return sorted(inside_x), sorted(inside_y)


def _cells(ends: list[tuple[Point, Point]], xs: list[float], ys: list[float]) -> dict[Cell, Point]:
    """Grid points beside a mark, each with the point of its border that it stands for."""
    return {
        (xs.index(round(x, 2)), ys.index(round(y, 2))): end
        for end, (x, y) in ends
        if round(x, 2) in xs and round(y, 2) in ys
    }


def _starts(tail: Node) -> list[tuple[Point, Point]]:
    """Where a way may start: a fork anywhere, a mark at its sides."""
    box = tail.box
    if box.width < 8:
        return [((box.x, box.y), (box.x, box.y))]
    return [((box.x1, box.y), (box.x1 + _CLEAR, box.y)), ((box.x0, box.y), (box.x0 - _CLEAR, box.y))]


def _ends(head: Node) -> list[tuple[Point, Point]]:
    """Where a way may end, and the last point before that."""
    box = head.box
    return [
        ((box.x1, box.y), (box.x1 + _CLEAR + 2, box.y)),
        ((box.x0, box.y), (box.x0 - _CLEAR - 2, box.y)),
        ((box.x, box.y0), (box.x, box.y0 - _CLEAR - 2)),
    ]


def _back(came: dict[Stop, Stop], last: Stop) -> list[Cell]:
    path = [last]
    while path[-1] in came:
        path.append(came[path[-1]])
    return [at for at, _ in reversed(path)]


def _corners(points: list[Point]) -> list[Point]:
    """The path without the points where it goes straight on."""
    kept = [points[0]]
    points = [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]
    for before, at, after in zip(points, points[1:], points[2:]):
        level = abs(before[1] - at[1]) < 0.01 and abs(at[1] - after[1]) < 0.01
        upright = abs(before[0] - at[0]) < 0.01 and abs(at[0] - after[0]) < 0.01
        if not level and not upright:
            kept.append(at)
    return [*kept, points[-1]]
