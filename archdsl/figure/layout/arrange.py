"""Panels on a page: read from left to right, then down; a later panel may fill a hole, and the legend takes the shape that fits best.

In: sheets, and how wide the figure may become. Out: the same sheets, moved, and the scale at which the figure is that wide. Without a
width, the whole comes close to the proportions of a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from archdsl.figure.layout import legend
from archdsl.figure.layout.geometry import Box, Sheet

PAD = 4.0
"""What Graphviz leaves free around a figure."""
GAP = 14.0
_SHAPES = (0.75, 1.4)
"""Width to height, of an upright page and of one on its side."""
_FEW = 24
"""Panels among which every hole is looked for; more of them go in rows."""

_PLACES, _WAYS = 3, 36
"""Free places that are tried for a panel, and ways that are followed up, for all panels together."""
_WORTH = 0.97
"""How much less a figure must waste for its panels to stand otherwise than each at the highest place."""

Size = tuple[float, float]
Place = tuple[float, float]
Plan = tuple[tuple[float, float], float, list[Place]]
"""What an arrangement costs, its scale, and the upper left corners."""


class TooNarrow(Exception):
    """A panel is wider than the page: which one, and how wide the page must be."""

    def __init__(self, sheet: int, needed: float):
        super().__init__(f"panel {sheet} needs {needed:.1f} pt")
        self.sheet, self.needed = sheet, needed


def arrange(sheets: list[Sheet], width: float | None = None, least: float = 1.0) -> float:
    """Moves the sheets to their places; the scale, not under `least`, that makes them fit into `width`."""
    shapes = legend.shapes(sheets)
    found: list[tuple[Plan, int]] = []
    failed: TooNarrow | None = None
    for columns in shapes or (1,):
        if shapes:
            legend.table(sheets, columns)
        sizes = [(s.bounds().width, s.bounds().height) for s in sheets]
        try:
            found.append((_free(sizes) if width is None else _fitted(sizes, width, least), columns))
        except TooNarrow as problem:
            failed = failed or problem
    if not found:
        raise failed or TooNarrow(0, 0.0)
    (_, scale, places), columns = min(found, key=lambda f: (f[0][0], f[1]))
    if shapes:
        legend.table(sheets, columns)
    for sheet, (x, y) in zip(sheets, places):
        bounds = sheet.bounds()
        sheet.move(x - bounds.x0, -y - bounds.y1)
    return scale


def extent(sheets: list[Sheet]) -> Size:
    """How wide and how high the figure is."""
    boxes = [s.bounds() for s in sheets]
    width = max(b.x1 for b in boxes) - min(b.x0 for b in boxes)
    return width + 2 * PAD, max(b.y1 for b in boxes) - min(b.y0 for b in boxes) + 2 * PAD


def _free(sizes: list[Size]) -> Plan:
    """The arrangement that wastes least, in the proportions of a page."""
    widths = _widths(sizes)
    packed = [(_waste(sizes, places), places) for places in (_pack(sizes, w) for w in widths)]
    waste, places = min(packed, key=lambda f: f[0])
    if 2 < len(sizes) <= _FEW:
        tried = [(_waste(sizes, p), p) for w in widths for p in _searched(sizes, w)]
        least, closer = min(tried, key=lambda f: f[0])
        if least[0] < _WORTH * waste[0]:
            return least, 1.0, closer
    return waste, 1.0, places


def _fitted(sizes: list[Size], width: float, least: float) -> Plan:
    """The arrangement with the best of low and large, no wider than `width` at a scale from `least` to 1."""
    most = int(width / least) - 2 * PAD
    widest = max(range(len(sizes)), key=lambda i: sizes[i][0])
    if sizes[widest][0] > most + 0.01:
        raise TooNarrow(widest, _page(sizes[widest][0]) * least)

    def scale(places: list[Place]) -> float:
        return min(max(1.0, least), width / _page(_extent(sizes, places)[0]))

    candidates = [_pack(sizes, w) for w in (*(w for w in _widths(sizes) if w < most), most)]
    cost, best = min(((round(_extent(sizes, p)[1] / scale(p) ** 0.5, 3), p) for p in candidates), key=lambda f: f[0])
    return (cost, 0.0), scale(best), best


def _page(width: float) -> float:
    """How wide a page Graphviz makes of that: whole points."""
    return ceil(width + 2 * PAD - 0.01)


def _widths(sizes: list[Size]) -> list[float]:
    widest, total = max(w for w, _ in sizes), sum(w + GAP for w, _ in sizes) - GAP
    return sorted({max(widest, total * k / 24) for k in range(1, 25)})


def _extent(sizes: list[Size], places: list[Place]) -> Size:
    return max(x + w for (x, _), (w, _) in zip(places, sizes)), max(y + h for (_, y), (_, h) in zip(places, sizes))


def _waste(sizes: list[Size], places: list[Place]) -> tuple[float, float]:
    width, height = _extent(sizes, places)
    shape = width / height
    off = max(1.0, _SHAPES[0] / shape, shape / _SHAPES[1])
    return round(width * height * off**0.9, 3), width


def _pack(sizes: list[Size], width: float) -> list[Place]:
    """Places of the upper left corners, y downwards."""
    return _holes(sizes, width) if len(sizes) <= _FEW else _rows(sizes, width)


def _holes(sizes: list[Size], width: float) -> list[Place]:
    """Each panel at the highest free place, and there as far left as can be."""
    boxes: list[Box] = []
    for w, h in sizes:
        x, y = min(_corners(boxes, w, h, width), key=lambda p: (round(p[1], 2), p[0]))
        boxes.append(Box(x, y, x + w + GAP, y + h + GAP))
    return [(b.x0, b.y0) for b in boxes]


def _searched(sizes: list[Size], width: float) -> list[list[Place]]:
    """Panels at other free places than the highest, too: of all ways that this makes, the few that waste least so far are followed up."""
    kept: list[list[Box]] = [[]]
    for n, (w, h) in enumerate(sizes, 1):
        ways = [
            [*boxes, Box(x, y, x + w + GAP, y + h + GAP)]
            for boxes in kept
            for x, y in sorted(_corners(boxes, w, h, width), key=lambda p: (round(p[1], 2), p[0]))[:_PLACES]
        ]
        ways.sort(key=lambda boxes: _waste(sizes[:n], [(b.x0, b.y0) for b in boxes]))
        kept = ways[: max(1, _WAYS // len(sizes))]
    return [[(b.x0, b.y0) for b in boxes] for boxes in kept]


def _corners(boxes: list[Box], w: float, h: float, width: float) -> Iterator[Place]:
    """For each left edge that fits the page, the highest place."""
    for x in sorted({0.0, *(b.x1 for b in boxes)}):
        if x and x + w > width + 0.01:
            continue
        y = 0.0
        for box in sorted((b for b in boxes if b.x0 < x + w and x < b.x1 - 0.01), key=lambda b: b.y0):
            if box.y0 >= y + h:
                break
            y = max(y, box.y1)
        yield x, y


def _rows(sizes: list[Size], width: float) -> list[Place]:
    """Rows, each as high as its highest panel."""
    places: list[Place] = []
    x = y = height = 0.0
    for w, h in sizes:
        if x and x + w > width + 0.01:
            x, y, height = 0.0, y + height + GAP, 0.0
        places.append((x, y))
        x, height = x + w + GAP, max(height, h)
    return places
