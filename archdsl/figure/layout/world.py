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
    return hits(corners, world, ends, clear, first=True) > 0


def hits(corners: list[Point], world: World, ends: set[str], clear: float = 2.0, first: bool = False) -> int:
    count = 0
    last = len(corners) - 2
    for i, (a, b) in enumerate(pairwise(corners)):
        lane = Box(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
        for name, box in world.boxes:
            if name in ends and (i in (0, last)):
                continue
            small = box.width < 8
            if box.grown(2.5 if small else clear).meets(lane.grown(0.01)):
                count += 1
                if first:
                    return count
        for box in world.labels:
            if box.meets(lane.grown(1.0)):
                count += 1
                if first:
                    return count
    return count


def crossings(corners: list[Point], world: World, key: str) -> float:
    """How often other edges are crossed; running along one counts many times."""
    count = 0.0
    for a, b in pairwise(corners):
        lane = Box(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])).grown(0.5)
        for c, d, other in world.pieces:
            if other == key:
                continue
            piece = Box(min(c[0], d[0]), min(c[1], d[1]), max(c[0], d[0]), max(c[1], d[1]))
            if not piece.grown(3).meets(lane):
                continue
            if abs(a[0] - b[0]) < 0.5 and abs(c[0] - d[0]) < 0.5 and abs(a[0] - c[0]) < 4:
                overlap = min(lane.y1, piece.y1) - max(lane.y0, piece.y0)
                count += max(0.0, overlap) / 8
            elif abs(a[1] - b[1]) < 0.5 and abs(c[1] - d[1]) < 0.5 and abs(a[1] - c[1]) < 4:
                overlap = min(lane.x1, piece.x1) - max(lane.x0, piece.x0)
                count += max(0.0, overlap) / 8
            elif piece.meets(lane):
                count += 1
    return count


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
