"""Faults of a figure that can be measured: what overlaps, what is cut, what runs through what.

In: `Figure.places()`. Out: sentences, one for each fault; none for a figure without faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Box = tuple[float, float, float, float]


def faults(sheets: list[dict[str, Any]]) -> list[str]:
    found = [text for sheet in sheets for text in _faults_of(sheet)]
    bounds = [_bounds(s) for s in sheets]
    for i, a in enumerate(bounds):
        found += [f"panels {i} and {j} overlap" for j, b in enumerate(bounds[:i]) if _meet(a, b)]
    return found


def crossed_words(sheets: list[dict[str, Any]]) -> int:
    """How many words a line runs through: legible still, but not calm."""
    count = 0
    for sheet in sheets:
        lines = [_line(e) for e in sheet["edges"].values() if not e["key"].startswith("legend")]
        for edge in sheet["edges"].values():
            if edge["label"]:
                x0, y0, x1, y1 = _box(edge["label"])
                count += any(x0 + 2 < x < x1 - 2 and y0 + 2 < y < y1 - 2 for line in lines for x, y in line)
    return count


def _faults_of(sheet: dict[str, Any]) -> Iterator[str]:
    nodes = {n["name"]: _box(n["box"]) for n in sheet["nodes"].values()}
    marks = {n: b for n, b in nodes.items() if b[2] - b[0] > 8}
    yield from _overlaps(marks)
    yield from _words(sheet, marks)
    yield from _frames(sheet, nodes)
    yield from _lines(sheet, marks)
    yield from _confusions(sheet, nodes)


def _overlaps(marks: dict[str, Box]) -> Iterator[str]:
    names = list(marks)
    for i, a in enumerate(names):
        for b in names[:i]:
            if _meet(marks[a], marks[b], 0.5):
                yield f"marks {a} and {b} overlap"


def _words(sheet: dict[str, Any], marks: dict[str, Box]) -> Iterator[str]:
    labels = {k: _box(e["label"]) for k, e in sheet["edges"].items() if e["label"]}
    for key, label in labels.items():
        for name, box in marks.items():
            if _meet(label, box, 1.5):
                yield f"the words of {key} lie on {name}"
        for other, box in labels.items():
            if other < key and _meet(label, box, 1.5):
                yield f"the words of {key} and {other} overlap"
        x0, y0, x1, y1 = label
        away = min(max(x0 - x, 0, x - x1) + max(y0 - y, 0, y - y1) for x, y in _line(sheet["edges"][key]))
        if away > 24:
            yield f"the words of {key} stand {away:.0f} points from their line"
        if not _inside(label, _bounds(sheet), 0):
            yield f"the words of {key} stand outside the panel"
        for frame in sheet["frames"].values():
            if not frame["name"].endswith("_pair") and _cut(_box(frame["box"]), label):
                yield f"the border of {frame['name']} runs through the words of {key}"


def _frames(sheet: dict[str, Any], nodes: dict[str, Box]) -> Iterator[str]:
    frames = sheet["frames"]
    for node in sheet["nodes"].values():
        path = [node["frame"]]
        while frames[path[-1]]["parent"]:
            path.append(frames[path[-1]]["parent"])
        for frame in frames.values():
            box = _box(frame["box"])
            if frame["name"] in path and not _inside(nodes[node["name"]], box, 1):
                yield f"{node['name']} sticks out of {frame['name']}"
            if frame["name"] not in path and _meet(nodes[node["name"]], box, 0.5):
                yield f"{node['name']} lies on {frame['name']}, where it does not belong"
    for frame in frames.values():
        if frame["parent"] and not _inside(_box(frame["box"]), _box(frames[frame["parent"]]["box"]), 1):
            yield f"{frame['name']} sticks out of {frame['parent']}"


def _lines(sheet: dict[str, Any], marks: dict[str, Box]) -> Iterator[str]:
    for edge in sheet["edges"].values():
        line = _line(edge)
        for name, (x0, y0, x1, y1) in marks.items():
            if name in (edge["tail"], edge["head"]):
                continue
            inner = (x0 + 2, y0 + 2, x1 - 2, y1 - 2)
            if any(inner[0] < x < inner[2] and inner[1] < y < inner[3] for x, y in line):
                yield f"{edge['key']} ({edge['tail']} to {edge['head']}) runs through {name}"
        if any(not _inside((x, y, x, y), _bounds(sheet), 0) for x, y in line):
            yield f"{edge['key']} leaves its panel"


def _confusions(sheet: dict[str, Any], nodes: dict[str, Box]) -> Iterator[str]:
    """Lines that would be taken for others: they run along the line of another value, or over its fork."""
    seen = [e for e in sheet["edges"].values() if not e["key"].startswith(("legend_v", "legend_w"))]  # those only align
    pieces = [(e, p) for e in seen for p in _straight(e)]
    for i, (one, (x0, y0, x1, y1)) in enumerate(pieces):
        for other, (a0, b0, a1, b1) in pieces[:i]:
            if one["tail"] == other["tail"] or {one["tail"], one["head"]} == {other["tail"], other["head"]}:
                continue
            level = max(abs(y - y0) for y in (y1, b0, b1)) < 1.5 and min(x1, a1) - max(x0, a0) > 4
            upright = max(abs(x - x0) for x in (x1, a0, a1)) < 1.5 and min(y1, b1) - max(y0, b0) > 4
            if level or upright:
                yield f"{one['key']} runs along {other['key']}, which carries another value"
        for name, (a0, b0, a1, b1) in nodes.items():
            if a1 - a0 < 8 and name not in (one["tail"], one["head"]) and x0 < a1 and a0 < x1 and y0 < b1 and b0 < y1:
                yield f"{one['key']} runs over the fork {name}"


def _straight(edge: dict[str, Any]) -> Iterator[Box]:
    """The level and upright pieces of an edge, as boxes."""
    points = edge["points"]
    for i in range(0, len(points) - 3, 3):
        xs, ys = [p[0] for p in points[i : i + 4]], [p[1] for p in points[i : i + 4]]
        if max(xs) - min(xs) < 0.5 or max(ys) - min(ys) < 0.5:
            yield min(xs), min(ys), max(xs), max(ys)


def _line(edge: dict[str, Any]) -> list[tuple[float, float]]:
    points = edge["points"]
    found = []
    for i in range(0, len(points) - 3, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[i : i + 4]
        for k in range(25):
            t = k / 24
            u = 1 - t
            w = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            found.append((w[0] * ax + w[1] * bx + w[2] * cx + w[3] * dx, w[0] * ay + w[1] * by + w[2] * cy + w[3] * dy))
    return found


def _box(box: dict[str, float]) -> Box:
    return box["x0"], box["y0"], box["x1"], box["y1"]


def _bounds(sheet: dict[str, Any]) -> Box:
    boxes = [_box(f["box"]) for f in sheet["frames"].values()]
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _meet(a: Box, b: Box, by: float = 0.0) -> bool:
    """Whether two boxes overlap by more than `by`."""
    return min(a[2], b[2]) - max(a[0], b[0]) > by and min(a[3], b[3]) - max(a[1], b[1]) > by


def _inside(a: Box, b: Box, slack: float) -> bool:
    return a[0] >= b[0] - slack and a[1] >= b[1] - slack and a[2] <= b[2] + slack and a[3] <= b[3] + slack


def _cut(border: Box, words: Box) -> bool:
    return _meet(border, words, 1.5) and not _inside(words, border, -0.5)
