"""What is in the way on a sheet: marks, words, and lines that are there already.

In: a sheet. Out: `World`, and the questions that `route` and `labels` ask of it: is a way blocked, how much does it cross, how
cluttered is a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from archdsl.figure.layout.geometry import Box, Edge, Point, Sheet


@dataclass
class World:
    """Everything on a sheet that a line or a word could run into."""

    boxes: list[tuple[str, Box]] = field(default_factory=list)
    labels: list[Box] = field(default_factory=list)
    pieces: list[tuple[Point, Point, str]] = field(default_factory=list)


def survey(sheet: Sheet) -> World:
    world = World()
    for node in sheet.nodes.values():
        world.boxes.append((node.name, node.box))
    for edge in sheet.edges.values():
        if edge.label:
            world.labels.append(edge.label)
        line = edge.line()
        world.pieces.extend((a, b, edge.key) for a, b in pairwise(line))
    return world


def remember(world: World, edge: Edge, corners: list[Point]) -> None:
    world.pieces = [p for p in world.pieces if p[2] != edge.key]
    world.pieces.extend((a, b, edge.key) for a, b in pairwise(corners))
    if edge.label:
        world.labels.append(edge.label)


def blocked(corners: list[Point], world: World, ends: set[str], clear: float) -> bool:
    """Whether a way of level and upright pieces comes closer to a mark than `clear`, or runs over words."""
    last = len(corners) - 2
    for i, (a, b) in enumerate(pairwise(corners)):
        x0, x1 = (a[0], b[0]) if a[0] < b[0] else (b[0], a[0])
        y0, y1 = (a[1], b[1]) if a[1] < b[1] else (b[1], a[1])
        for name, box in world.boxes:
            by = 2.5 if box.x1 - box.x0 < 8 else clear
            meets = box.x0 - by < x1 and x0 < box.x1 + by and box.y0 - by < y1 and y0 < box.y1 + by
            if meets and (name not in ends or i not in (0, last)):
                return True
        for box in world.labels:
            if box.x0 - 1 < x1 and x0 < box.x1 + 1 and box.y0 - 1 < y1 and y0 < box.y1 + 1:
                return True
    return False


def hits(corners: list[Point], world: World, ends: set[str]) -> int:
    """How many marks a way runs through."""
    found = 0
    for piece in pairwise(corners):
        found += sum(blocked(list(piece), World([thing]), set(), 1.0) for thing in world.boxes if thing[0] not in ends)
    return found


def crossings(corners: list[Point], world: World, key: str) -> float:
    """How often other edges are crossed; running along one counts many times."""
    count = 0.0
    for a, b in pairwise(corners):
        x0, x1 = (a[0], b[0]) if a[0] < b[0] else (b[0], a[0])
        y0, y1 = (a[1], b[1]) if a[1] < b[1] else (b[1], a[1])
        upright, level = x1 - x0 < 0.5, y1 - y0 < 0.5
        for c, d, other in world.pieces:
            px0, px1 = (c[0], d[0]) if c[0] < d[0] else (d[0], c[0])
            py0, py1 = (c[1], d[1]) if c[1] < d[1] else (d[1], c[1])
            if px0 - 3.5 > x1 or px1 + 3.5 < x0 or py0 - 3.5 > y1 or py1 + 3.5 < y0 or other == key:
                continue
            if upright and px1 - px0 < 0.5 and abs(a[0] - c[0]) < 4:
                count += max(0.0, min(y1, py1) - max(y0, py0) + 0.5) / 8
            elif level and py1 - py0 < 0.5 and abs(a[1] - c[1]) < 4:
                count += max(0.0, min(x1, px1) - max(x0, px0) + 0.5) / 8
            elif px0 - 0.5 < x1 and x0 < px1 + 0.5 and py0 - 0.5 < y1 and y0 < py1 + 0.5:
                count += 1
    return count


def overlaps(corners: Sequence[Point], world: World, friends: set[str]) -> bool:
    """Whether a way runs along the line of another edge that carries another value, so that the two would be taken for one."""
    for a, b in pairwise(corners):
        axis = 1 if abs(a[0] - b[0]) < 0.5 else 0  # along which the way leads
        low, high = sorted((a[1], b[1]) if axis else (a[0], b[0]))
        for c, d, key in world.pieces:
            if key in friends or abs(c[1 - axis] - d[1 - axis]) > 0.5 or abs(c[1 - axis] - a[1 - axis]) > 3:
                continue
            first, last = sorted((c[axis], d[axis]))
            if min(high, last) - max(low, first) > 1.5:
                return True
    return False


def near(world: World, region: Box) -> World:
    """What of the world lies in a region."""
    return World(
        [(n, b) for n, b in world.boxes if b.meets(region)],
        [b for b in world.labels if b.meets(region)],
        [p for p in world.pieces if min(p[0][0], p[1][0]) < region.x1 and max(p[0][0], p[1][0]) > region.x0
         and min(p[0][1], p[1][1]) < region.y1 and max(p[0][1], p[1][1]) > region.y0],
    )  # fmt: skip


def clutter(place: Box, world: World, own: Sequence[Point]) -> float:
    """How many marks, words and lines a place for words would lie on."""
    inner = place.grown(-1)
    x0, y0, x1, y1 = inner.x0, inner.y0, inner.x1, inner.y1
    count = sum(15.0 for _, b in world.boxes if b.meets(inner)) + sum(15.0 for b in world.labels if b.meets(inner))
    for a, b in [*((a, b) for a, b, _ in world.pieces), *pairwise(own)]:
        if (
            (a[0] < x0 and b[0] < x0)
            or (a[0] > x1 and b[0] > x1)
            or (a[1] < y0 and b[1] < y0)
            or (a[1] > y1 and b[1] > y1)
        ):
            continue
        if _runs_through(a, b, inner):
            count += 1
    return count


def _runs_through(a: Point, b: Point, box: Box) -> bool:
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


def cuts(border: Box, label: Box) -> bool:
    """Whether a frame's border runs through words."""
    return border.grown(1.5).meets(label) and not border.grown(-1.5).holds(label)
