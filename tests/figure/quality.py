"""Faults of a figure that can be measured: what overlaps, what is cut, what runs through what, what could be taken for something else.

In: `Figure.places()`. Out: sentences, one for each fault, and none for a figure without faults; and how many wires cross.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

Box = tuple[float, float, float, float]
Point = tuple[float, float]
Sheet = dict[str, Any]

NEAR = 12.0
"""How far from their line words may stand, at most."""
CLOSER = 1.0
"""By how much their own line must be nearer to words than any other."""

ASIDE, ALONGSIDE = 11.0, 24.0
"""How far from other lines what comes back keeps, wherever it runs beside them for longer than this."""

TIPS = 5.0
"""How near to each other two arrows may end, at different marks."""


def faults(sheets: list[Sheet], aside: float = ASIDE) -> list[str]:
    """`aside` is how far what comes back keeps from other lines; less in a narrow figure."""
    found = [text for sheet in sheets for text in _faults_of(sheet, aside)]
    bounds = [_bounds(s) for s in sheets]
    for i, a in enumerate(bounds):
        found += [f"panels {i} and {j} overlap" for j, b in enumerate(bounds[:i]) if _meet(a, b)]
    return found


def _faults_of(sheet: Sheet, aside: float) -> Iterator[str]:
    nodes = {n["name"]: _box(n["box"]) for n in sheet["nodes"].values()}
    marks = {n: b for n, b in nodes.items() if b[2] - b[0] > 8}
    frames = {f["name"]: _box(f["box"]) for f in sheet["frames"].values() if not f["name"].endswith("_pair")}
    if "cluster_legend" in frames:
        yield from _overlaps({n: b for n, b in marks.items() if not n.startswith("legend_b")})
        return
    lines = {k: _line(e) for k, e in sheet["edges"].items()}
    yield from _overlaps(marks)
    yield from _words(sheet, marks, frames, lines)
    yield from _frames(sheet, nodes)
    yield from _through(sheet, marks, frames, lines)
    yield from _borders(lines, frames)
    yield from _confusions(sheet, nodes, lines)
    yield from _hugging(sheet, lines, aside)


def _overlaps(marks: dict[str, Box]) -> Iterator[str]:
    names = list(marks)
    for i, a in enumerate(names):
        for b in names[:i]:
            if _meet(marks[a], marks[b], 0.5):
                yield f"marks {a} and {b} overlap"


# -- words --------------------------------------------------------------------------------------------------------------
def _words(sheet: Sheet, marks: dict[str, Box], frames: dict[str, Box], lines: dict[str, list[Point]]) -> Iterator[str]:
    labels = {k: _box(e["label"]) for k, e in sheet["edges"].items() if e["label"]}
    for key, label in labels.items():
        for name, box in marks.items():
            if _meet(label, box, 1.0):
                yield f"the words of {key} lie on {name}"
        for other, box in labels.items():
            if other < key and _meet(label, box, 1.0):
                yield f"the words of {key} and {other} overlap"
        own = _away(label, lines[key])
        if own > NEAR:
            yield f"the words of {key} stand {own:.0f} points from their line"
        mine = (sheet["edges"][key]["tail"], sheet["edges"][key]["head"])
        for other, line in lines.items():
            if _runs_through(line, label, 1.0):
                yield f"{other} runs through the words of {key}"
            elif other != key and sheet["edges"][other]["tail"] not in mine and _away(label, line) < own + CLOSER:
                yield f"the words of {key} are as near to {other} as to their own line"
        if not _inside(label, _bounds(sheet), 0):
            yield f"the words of {key} stand outside the panel"
        for name, border in frames.items():
            if _meet(border, label, 1.0) and not _inside(label, border, 0):
                yield f"the border of {name} runs through the words of {key}"


def _away(box: Box, line: list[Point]) -> float:
    """From a box to the nearest point of a line of level and upright pieces."""
    return min(
        max(max(box[0] - max(a[0], b[0]), min(a[0], b[0]) - box[2]), 0.0)
        + max(max(box[1] - max(a[1], b[1]), min(a[1], b[1]) - box[3]), 0.0)
        for a, b in pairwise(line)
    )


# -- frames -------------------------------------------------------------------------------------------------------------
def _path(sheet: Sheet, name: str) -> list[str]:
    found = []
    while name:
        found.append(name)
        name = sheet["frames"][name]["parent"]
    return found


def _frames(sheet: Sheet, nodes: dict[str, Box]) -> Iterator[str]:
    frames = sheet["frames"]
    for node in sheet["nodes"].values():
        path = _path(sheet, node["frame"])
        for frame in frames.values():
            box = _box(frame["box"])
            if frame["name"] in path and not _inside(nodes[node["name"]], box, 1):
                yield f"{node['name']} sticks out of {frame['name']}"
            if frame["name"] not in path and _meet(nodes[node["name"]], box, 0.5):
                yield f"{node['name']} lies on {frame['name']}, where it does not belong"
    for frame in frames.values():
        if frame["parent"] and not _inside(_box(frame["box"]), _box(frames[frame["parent"]]["box"]), 1):
            yield f"{frame['name']} sticks out of {frame['parent']}"
    for a in frames.values():
        for b in frames.values():
            if a["name"] < b["name"] and a["parent"] == b["parent"] and _meet(_box(a["box"]), _box(b["box"])):
                yield f"{a['name']} and {b['name']} overlap"


# -- lines --------------------------------------------------------------------------------------------------------------
def _through(
    sheet: Sheet, marks: dict[str, Box], frames: dict[str, Box], lines: dict[str, list[Point]]
) -> Iterator[str]:
    for key, line in lines.items():
        edge = sheet["edges"][key]
        ends = (edge["tail"], edge["head"])
        home = {f for end in ends for f in _path(sheet, sheet["nodes"][end]["frame"])}
        for name, box in marks.items():
            if name in ends and sheet["nodes"][name]["shape"] == "hexagon":  # its sides slant
                box = (box[0] + (box[2] - box[0]) / 4, box[1], box[2] - (box[2] - box[0]) / 4, box[3])
            round_ = name in ends and sheet["nodes"][name]["shape"] in ("ellipse", "oval", "circle")
            if _runs_into(line, box) if round_ else _runs_through(line, box, 2.5 if name in ends else 0.0):
                yield f"{key} ({ends[0]} to {ends[1]}) runs through {name}"
        for name, box in frames.items():
            if name not in home and _runs_through(line, box, 0.0):
                yield f"{key} runs through {name}, where it does not belong"
        if any(not _inside((x, y, x, y), _bounds(sheet), 0) for x, y in line):
            yield f"{key} leaves its panel"


def _borders(lines: dict[str, list[Point]], frames: dict[str, Box]) -> Iterator[str]:
    """Lines that run along a border; they may only cross it."""
    for key, line in lines.items():
        for name, (x0, y0, x1, y1) in frames.items():
            for a, b in pairwise(line):
                along = 1 if abs(a[0] - b[0]) < 0.5 else 0
                low, high = sorted((a[along], b[along]))
                first, last = ((x0, x1), (y0, y1))[along]
                if min(high, last) - max(low, first) > 4 and any(
                    abs(a[1 - along] - at) < 3 for at in ((y0, y1), (x0, x1))[along]
                ):
                    yield f"{key} runs along the border of {name}"


def _confusions(sheet: Sheet, nodes: dict[str, Box], lines: dict[str, list[Point]]) -> Iterator[str]:
    """Lines that would be taken for others: they run along the line of another value, or over its fork."""
    pieces = [(sheet["edges"][k], a, b) for k, line in lines.items() for a, b in pairwise(line)]
    for i, (one, a, b) in enumerate(pieces):
        for other, c, d in pieces[:i]:
            forked = one["tail"] == other["tail"] and nodes[one["tail"]][2] - nodes[one["tail"]][0] < 8
            if not forked and one is not other and _along(a, b, c, d):
                yield f"{one['key']} runs along {other['key']}, which carries another value"
        x0, x1, y0, y1 = min(a[0], b[0]), max(a[0], b[0]), min(a[1], b[1]), max(a[1], b[1])
        for name, (p0, q0, p1, q1) in nodes.items():
            mine = name in (one["tail"], one["head"])
            if p1 - p0 < 8 and not mine and x0 < p1 + 2 and p0 - 2 < x1 and y0 < q1 + 2 and q0 - 2 < y1:
                yield f"{one['key']} runs over the fork {name}"
    tips = [(sheet["edges"][k], line[-1]) for k, line in lines.items()]
    for i, (one, (x, y)) in enumerate(tips):
        for other, (u, v) in tips[:i]:
            if one["head"] != other["head"] and abs(x - u) < TIPS and abs(y - v) < TIPS:
                yield f"{one['key']} and {other['key']} end at one place"


def _hugging(sheet: Sheet, lines: dict[str, list[Point]], aside: float) -> Iterator[str]:
    """What comes back keeps away from every other line, as far as both go the same way."""
    edges = sheet["edges"]
    for key, edge in edges.items():
        if edge["kind"] != "return":
            continue
        for other, line in lines.items():
            if other == key or (edges[other]["tail"] == edge["tail"] and edges[other]["kind"] == "return"):
                continue
            for a, b in pairwise(lines[key]):
                if any(_along(a, b, c, d, aside, ALONGSIDE) for c, d in pairwise(line)):
                    yield f"{key}, which comes back, runs close beside {other}"
                    break


def _along(a: Point, b: Point, c: Point, d: Point, near: float = 2.5, least: float = 2.5) -> bool:
    """Whether two pieces lie on each other, or so near that they look as if they did."""
    for axis in (0, 1):
        side = 1 - axis
        (low, high), (first, last) = sorted((a[axis], b[axis])), sorted((c[axis], d[axis]))
        if max(abs(p[side] - a[side]) for p in (b, c, d)) < near and min(high, last) - max(low, first) > least:
            return True
    return False


def crossings(sheets: list[Sheet]) -> int:
    """How often wires of different values cross, in all panels."""
    return sum(_crossings(s) for s in sheets if "cluster_legend" not in s["frames"])


def _crossings(sheet: Sheet) -> int:
    points: set[tuple[str, str, float, float]] = set()
    pieces = [(e["tail"], a, b) for e in sheet["edges"].values() for a, b in pairwise(_line(e))]
    for i, (one, a, b) in enumerate(pieces):
        for other, c, d in pieces[:i]:
            if one == other:
                continue
            level, upright = ((a, b), (c, d)) if abs(a[1] - b[1]) < 0.5 else ((c, d), (a, b))
            x, y = upright[0][0], level[0][1]
            if _strictly(level[0][0], x, level[1][0]) and _strictly(upright[0][1], y, upright[1][1]):
                points.add((min(one, other), max(one, other), round(x, 1), round(y, 1)))
    return len(points)


def _strictly(a: float, x: float, b: float) -> bool:
    return min(a, b) + 0.5 < x < max(a, b) - 0.5


def _line(edge: dict[str, Any]) -> list[Point]:
    """An edge as level and upright pieces: a rounded corner is a corner again."""
    points = [tuple(p) for p in edge["points"]]
    found = [points[0]]
    for i in range(0, len(points) - 3, 3):
        a, d = points[i], points[i + 3]
        if abs(a[0] - d[0]) > 0.5 and abs(a[1] - d[1]) > 0.5:
            before = points[i + 1]
            found.append((a[0], d[1]) if abs(before[0] - a[0]) < 0.01 else (d[0], a[1]))
        found.append(d)
    return _plain([(float(x), float(y)) for x, y in [*found, *([edge["tip"]] if edge.get("tip") else [])]])


def _plain(points: list[Point]) -> list[Point]:
    """Without the points where a line goes straight on."""
    kept = points[:1]
    for p in points[1:]:
        if len(kept) > 1 and any(max(abs(q[k] - p[k]) for q in kept[-2:]) < 0.3 for k in (0, 1)):
            kept.pop()
        kept.append(p)
    return kept


def _runs_through(line: list[Point], box: Box, slack: float) -> bool:
    x0, y0, x1, y1 = box[0] + slack, box[1] + slack, box[2] - slack, box[3] - slack
    return any(
        min(a[0], b[0]) < x1 and x0 < max(a[0], b[0]) + 0.001 and min(a[1], b[1]) < y1 and y0 < max(a[1], b[1]) + 0.001
        for a, b in pairwise(line)
    )


def _runs_into(line: list[Point], box: Box) -> bool:
    """Whether a line goes on behind the border of the round mark where it ends."""
    x, y, rx, ry = (
        (box[0] + box[2]) / 2,
        (box[1] + box[3]) / 2,
        (box[2] - box[0]) / 2 - 2.5,
        (box[3] - box[1]) / 2 - 2.5,
    )
    dots = [
        (a[0] + (b[0] - a[0]) * k / 20, a[1] + (b[1] - a[1]) * k / 20) for a, b in pairwise(line) for k in range(21)
    ]
    return any(((p - x) / rx) ** 2 + ((q - y) / ry) ** 2 < 1 for p, q in dots)


# -- boxes --------------------------------------------------------------------------------------------------------------
def _box(box: dict[str, float]) -> Box:
    return box["x0"], box["y0"], box["x1"], box["y1"]


def _bounds(sheet: Sheet) -> Box:
    boxes = [_box(f["box"]) for f in sheet["frames"].values()]
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _meet(a: Box, b: Box, by: float = 0.0) -> bool:
    """Whether two boxes overlap by more than `by`."""
    return min(a[2], b[2]) - max(a[0], b[0]) > by and min(a[3], b[3]) - max(a[1], b[1]) > by


def _inside(a: Box, b: Box, slack: float) -> bool:
    return a[0] >= b[0] - slack and a[1] >= b[1] - slack and a[2] <= b[2] + slack and a[3] <= b[3] + slack
