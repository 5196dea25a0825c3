"""Words beside lines: where they touch neither marks nor other words, no border and, if it can be, no line.

In: a line, the size of its words, and the world around. Out: a place.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from archdsl.figure.layout.geometry import Box, Point, Sheet
from archdsl.figure.layout.world import World, clutter, cuts, near


def beside(corners: list[Point], width: float, height: float, sheet: Sheet, world: World) -> Box:
    """A place for a label beside the line: next to an upright piece if one is free, else above a level one."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    world = near(world, Box(min(xs), min(ys), max(xs), max(ys)).grown(max(width, height) + 8))
    candidates: list[tuple[float, Box]] = []
    for a, b in pairwise(corners):
        length = abs(a[0] - b[0]) + abs(a[1] - b[1])
        for k in (0.5, 0.35, 0.65, 0.2, 0.8, 0.1, 0.9):
            x, y = a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k
            shift = abs(k - 0.5) * 8
            if abs(a[0] - b[0]) < 0.5 and length >= height:
                candidates.append((shift - length / 50, Box.around(x + width / 2 + 2, y, width, height)))
                candidates.append((shift - length / 50 + 2, Box.around(x - width / 2 - 2, y, width, height)))
            elif length >= 8:
                candidates.append(
                    (shift + 10 + max(0.0, width - length), Box.around(x, y + height / 2 + 1, width, height))
                )
                candidates.append(
                    (shift + 11 + max(0.0, width - length), Box.around(x, y - height / 2 - 1, width, height))
                )
    borders = [f.box for f in sheet.frames.values()]
    return min(
        candidates, key=lambda c: c[0] + 40 * clutter(c[1], world, corners) + 30 * sum(cuts(b, c[1]) for b in borders)
    )[1]


def settle(sheet: Sheet, world: World, growing: bool = False) -> None:
    """Moves words that lie on something to the nearest place along their line where they do not.

    While panels are `growing`, their own borders do not count: they will stand aside.
    """
    borders = [f.box for f in sheet.frames.values() if not f.name.endswith("_pair") and not (growing and not f.parent)]
    for edge in sheet.edges.values():
        if edge.label is None:
            continue
        here = edge.label
        world.labels = [b for b in world.labels if b is not here]
        line = edge.line()
        xs, ys = [x for x, _ in line] + [here.x], [y for _, y in line] + [here.y]
        local = near(world, Box(min(xs), min(ys), max(xs), max(ys)).grown(max(here.width, here.height) + 8))
        local.pieces = [p for p in local.pieces if p[2] != edge.key]

        def cost(place: Box, local: World = local, line: list[Point] = line) -> float:
            far = max(0.0, _distance(place, line) - _NEAR) / 4
            return clutter(place, local, line) + 2 * sum(cuts(b, place) for b in borders) + far

        if cost(here) > 0:
            edge.label = _cheapest(
                sorted(_places(line, here), key=lambda p: abs(p.x - here.x) + abs(p.y - here.y)), cost
            )
        world.labels.append(edge.label)


_NEAR = 10.0
"""How far from their line words may stand."""


def _distance(place: Box, line: list[Point]) -> float:
    """From words to the nearest point of their line."""
    best = 1e9
    for (ax, ay), (bx, by) in pairwise(line):
        steps = max(1, int(max(abs(bx - ax), abs(by - ay)) / 5))
        for k in range(steps + 1):
            x, y = ax + (bx - ax) * k / steps, ay + (by - ay) * k / steps
            best = min(best, max(place.x0 - x, 0.0, x - place.x1) + max(place.y0 - y, 0.0, y - place.y1))
    return best


def _cheapest(places: list[Box], cost: Callable[[Box], float]) -> Box:
    """The first place of the least cost."""
    best, least = places[0], cost(places[0])
    for place in places[1:]:
        here = cost(place)
        if here < least - 0.001:
            best, least = place, here
            if least == 0:
                break
    return best


def _places(line: list[Point], label: Box) -> list[Box]:
    """Where words could stand: as they do, or on either side of each piece of their line."""
    found = [label]
    for (ax, ay), (bx, by) in pairwise(line):
        steps = max(1, int(max(abs(bx - ax), abs(by - ay)) / 6))
        for k in range(steps):
            x, y = ax + (bx - ax) * (k + 0.5) / steps, ay + (by - ay) * (k + 0.5) / steps
            for by in (0.0, 7.0, 15.0, 26.0):
                for side in (1, -1):
                    beside, above = side * (label.width / 2 + 3 + by), side * (label.height / 2 + 2 + by)
                    found.append(Box.around(x + beside, y, label.width, label.height))
                    found.append(Box.around(x, y + above, label.width, label.height))
                    found.append(Box.around(x + beside, y + above, label.width, label.height))
                    found.append(Box.around(x - beside, y + above, label.width, label.height))
    return found
