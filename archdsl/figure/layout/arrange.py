"""Panels in rows: read from left to right, then down, none wider than the page.

In: sheets. Out: the same sheets, moved. The width is chosen so that the whole is close to the shape of a page, and small panels stand one
below the other where a tall one leaves room.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.figure.layout.geometry import Box, Sheet

_GAP = 14.0
_SHAPE = 1.45
"""Width to height of a good figure."""


def columns(sheet: Sheet) -> None:
    """A legend's samples below each other, its words flush left."""
    samples = {n.name[len("legend_a") :]: n for n in sheet.nodes.values() if n.name.startswith("legend_a")}
    if not samples:
        return
    frame = sheet.frames["cluster_legend"]
    half = max(n.box.width for n in samples.values()) / 2
    left = frame.box.x0 + 12
    for row, node in samples.items():
        words = sheet.nodes[f"legend_t{row}"]
        node.box = node.box.moved(left + half - node.box.x, 0)
        words.box = words.box.moved(left + 2 * half + 10 - words.box.x0, 0)
        edge = sheet.edges.get(f"legend_s{row}")
        if edge and edge.tip:
            start, end, y = node.box.x - 14, node.box.x + 14, node.box.y
            stop = end - abs(edge.tip[0] - edge.points[-1][0])
            edge.points, edge.tip = [(start, y), (start + 6, y), (stop - 6, y), (stop, y)], (end, y)
    right = max(n.box.x1 for n in sheet.nodes.values() if n.name.startswith("legend_t"))
    frame.box = Box(frame.box.x0, frame.box.y0, right + 10, frame.box.y1)
    if frame.title:
        frame.title = (left + 22, frame.title[1])


def arrange(sheets: list[Sheet]) -> None:
    if len(sheets) > 1 and "cluster_legend" in sheets[-1].frames:
        orders = [
            [*sheets[:i], sheets[-1], *sheets[i:-1]] for i in range(len(sheets) - 1, 0, -1)
        ]  # the legend fills what room there is
    else:
        orders = [sheets]
    best = min((_placed(order) for order in orders), key=lambda p: p[0])
    for sheet, (x, y) in best[1]:
        bounds = sheet.bounds()
        sheet.move(x - bounds.x0, -y - bounds.y1)


def _placed(sheets: list[Sheet]) -> tuple[tuple[float, float], list[tuple[Sheet, tuple[float, float]]]]:
    """The best rows for one order: their cost, and where each sheet goes."""
    sizes = [(s.bounds().width, s.bounds().height) for s in sheets]
    widest, total = max(w for w, _ in sizes), sum(w + _GAP for w, _ in sizes)
    candidates = sorted({max(widest, total * k / 24) for k in range(1, 25)})
    places = min((_pack(sizes, width) for width in candidates), key=lambda p: _cost(sizes, p))
    return _cost(sizes, places), list(zip(sheets, places))


@dataclass
class _Column:
    """Panels below each other in a row."""

    x: float
    top: float
    width: float
    bottom: float
    row: int


def _pack(sizes: list[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    """Places of the upper left corners, y downwards.

    A row is as tall as its tallest panel; smaller ones fill the columns that have room.
    """
    places: list[tuple[float, float]] = []
    columns: list[_Column] = []
    heights = [0.0]
    top = 0.0
    for w, h in sizes:
        room = next(
            (c for c in columns if w <= c.width + 0.01 and c.bottom + _GAP + h <= c.top + heights[c.row] + 0.01), None
        )
        if room:
            places.append((room.x, room.bottom + _GAP))
            room.bottom += _GAP + h
            continue
        x = max((c.x + c.width + _GAP for c in columns if c.row == len(heights) - 1), default=0.0)
        if x > 0 and x + w > width + 0.01:
            top, x = top + heights[-1] + _GAP, 0.0
            heights.append(0.0)
        columns.append(_Column(x, top, w, top + h, len(heights) - 1))
        places.append((x, top))
        heights[-1] = max(heights[-1], h)
    return places


def _cost(sizes: list[tuple[float, float]], places: list[tuple[float, float]]) -> tuple[float, float]:
    width = max(x + w for (x, _), (w, _) in zip(places, sizes))
    height = max(y + h for (_, y), (_, h) in zip(places, sizes))
    shape = width / height
    off = max(shape / _SHAPE, _SHAPE / shape)
    return (round(width * height * off**0.7, 3), width)
