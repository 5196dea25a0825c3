"""Values that go to many marks: flat slants become a level line with branches, as on a circuit plan.

In: a sheet as dot laid it out. Out: the same sheet, where the wires from a fork leave it level, and rise to what reads them. Lines of
two forks never run over each other; where there is no room, dot's curves stay.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from archdsl.figure.layout.geometry import Edge, Node, Point, Sheet
from archdsl.figure.layout.world import World, blocked, crossings, remember

_FLAT = 1.6
"""How much farther aside than up an edge leads that is too flat to follow."""
_LEVELS = (0.0, 6.0, 11.0, -6.0)

Draw = Callable[[Edge, list[Point]], None]


def spread(sheet: Sheet, world: World, ports: dict[str, str], taken: set[str], draw: Draw) -> None:
    """Redraws the flat edges of every fork. `taken` are keys of edges that others redraw."""
    forks = [n for n in sheet.nodes.values() if n.box.width < 8]
    for fork in sorted(forks, key=lambda n: (n.box.x, n.box.y)):
        own = [
            e for e in sheet.edges.values() if e.tail == fork.name and e.tip and e.key not in taken and not _upright(e)
        ]
        if not any(_flat(e) for e in own):
            continue
        best = max((_at(level, fork, own, sheet, world, ports) for level in _LEVELS), key=len)
        if any(_flat(e) for e, _ in best):
            for edge, way in best:
                draw(edge, way)
                remember(world, edge, way)


def _at(
    level: float, fork: Node, own: list[Edge], sheet: Sheet, world: World, ports: dict[str, str]
) -> list[tuple[Edge, list[Point]]]:
    """The edges that can leave the fork at a level, and their ways."""
    ways = [(e, _way(fork, sheet.nodes[e.head], e, level, e.key in ports)) for e in own]
    return [(e, way) for e, way in ways if _free(way, e, sheet, world)]


def _upright(edge: Edge) -> bool:
    return all(abs(x - edge.points[0][0]) < 0.5 for x, _ in edge.points)


def _flat(edge: Edge) -> bool:
    (x, y), tip = edge.points[0], edge.tip or edge.points[-1]
    return abs(tip[0] - x) > _FLAT * abs(tip[1] - y)


def _way(fork: Node, head: Node, edge: Edge, level: float, port: bool) -> list[Point]:
    end_x = (edge.tip or edge.points[-1])[0] if port else head.box.x
    x, y = fork.box.x, fork.box.y + level
    stem = [(x, fork.box.y)] if level else []
    return [*stem, (x, y), (end_x, y), (end_x, head.box.y0)]


def _free(way: list[Point], edge: Edge, sheet: Sheet, world: World) -> bool:
    """Whether a way is clear: no mark, no words of others, and along no line of others."""
    if way[-1][1] < way[-2][1] + 7 or abs(way[-1][0] - way[0][0]) < 1:
        return False
    others = World(
        world.boxes,
        [b for b in world.labels if b is not edge.label],
        [p for p in world.pieces if not _same_tail(p[2], edge, sheet)],
    )
    if blocked(way, others, {edge.tail, edge.head}, 3.0):
        return False
    along = [p for p in others.pieces if _level(p) or abs(p[0][0] - p[1][0]) < 0.5]
    return crossings(way, World([], [], along), edge.key) - _square(way, along) < 0.5


def _same_tail(key: str, edge: Edge, sheet: Sheet) -> bool:
    other = sheet.edges.get(key)
    return other is not None and other.tail == edge.tail


def _level(piece: tuple[Point, Point, str]) -> bool:
    return abs(piece[0][1] - piece[1][1]) < 0.5


def _square(way: list[Point], pieces: list[tuple[Point, Point, str]]) -> int:
    """How many pieces are crossed at right angles, which is no harm."""
    count = 0
    for a, b in pairwise(way):
        level = abs(a[1] - b[1]) < 0.5
        for piece in pieces:
            if _level(piece) == level:
                continue
            (c, d) = piece[:2]
            x, y = (c[0], a[1]) if level else (a[0], c[1])
            across = (
                min(a[0], b[0]) - 0.5 <= x <= max(a[0], b[0]) + 0.5
                if level
                else min(c[0], d[0]) - 0.5 <= x <= max(c[0], d[0]) + 0.5
            )
            along = (
                min(c[1], d[1]) - 0.5 <= y <= max(c[1], d[1]) + 0.5
                if level
                else min(a[1], b[1]) - 0.5 <= y <= max(a[1], b[1]) + 0.5
            )
            count += across and along
    return count
