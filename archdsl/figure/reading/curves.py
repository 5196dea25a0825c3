"""The geometry of SVG: transforms, paths and polygons as points, and the form of a closed outline.

In: attributes of SVG elements. Out: points; for an outline one of `ellipse`, `box`, `rounded`, `cylinder`, `hexagon`, `triangle`, `other`.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.places import Point, around

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_STEP = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
_N, _F = r"[\s,]*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)", r"[\s,]*([01])"
_ARC = re.compile(3 * _N + 2 * _F + 2 * _N)
_CALL = re.compile(r"(\w+)\s*\(([^)]*)\)")
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}
_UNITS = {"px": 1.0, "pt": 96 / 72, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
_LENGTH = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\w*)")
_PIECES = 8
_MOST = 500_000
"""Points of one path."""


class Matrix(NamedTuple):
    """x' = a·x + c·y + e, y' = b·x + d·y + f."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    @property
    def scale(self) -> float:
        return math.sqrt(abs(self.a * self.d - self.b * self.c))


def along(m: Matrix, point: Point) -> Point:
    return m.a * point[0] + m.c * point[1] + m.e, m.b * point[0] + m.d * point[1] + m.f


def applied(m: Matrix, n: Matrix) -> Matrix:
    """First n, then m."""
    return Matrix(
        m.a * n.a + m.c * n.b,
        m.b * n.a + m.d * n.b,
        m.a * n.c + m.c * n.d,
        m.b * n.c + m.d * n.d,
        m.a * n.e + m.c * n.f + m.e,
        m.b * n.e + m.d * n.f + m.f,
    )


def numbers(text: str) -> list[float]:
    return [float(n) for n in _NUMBER.findall(text)]


def length(text: str | None, em: float = 0.0) -> float:
    """A length in user units; 0 where there is none. One `em` is the size of the letters."""
    match = _LENGTH.match(text or "")
    value = float(match[1]) * (em if match[2] == "em" else _UNITS.get(match[2], 1.0)) if match else 0.0
    return value if math.isfinite(value) else 0.0


def transform(text: str) -> Matrix:
    """The value of a `transform` attribute; what is not understood changes nothing."""
    result = Matrix()
    if len(text) > 1000:
        raise Unreadable("a transform in the picture has more than 1,000 characters", "it is no figure of archdsl")
    for name, inside in _CALL.findall(text):
        v = numbers(inside)
        match name, len(v):
            case "translate", 1 | 2:
                step = Matrix(e=v[0], f=v[1] if len(v) > 1 else 0.0)
            case "scale", 1 | 2:
                step = Matrix(a=v[0], d=v[-1])
            case "rotate", 1 | 3:
                cos, sin = math.cos(math.radians(v[0])), math.sin(math.radians(v[0]))
                step = Matrix(cos, sin, -sin, cos)
                if len(v) == 3:
                    there, back = Matrix(e=v[1], f=v[2]), Matrix(e=-v[1], f=-v[2])
                    step = applied(applied(there, step), back)
            case "matrix", 6:
                step = Matrix(*v)
            case _:
                step = Matrix()
        result = applied(result, step)
    return result


def polygon_points(element: ET.Element) -> list[Point]:
    """The corners of a polygon, a polyline, a rectangle or a line."""
    tag = element.tag.rpartition("}")[2]
    if tag in ("rect", "line"):
        names = ("x", "y", "width", "height") if tag == "rect" else ("x1", "y1", "x2", "y2")
        x, y, p, q = ((numbers(element.get(n, "0")) or [0.0])[0] for n in names)
        return [(x, y), (x + p, y), (x + p, y + q), (x, y + q), (x, y)] if tag == "rect" else [(x, y), (p, q)]
    found = numbers(element.get("points", ""))
    return list(zip(found[::2], found[1::2]))


def path_points(d: str) -> Iterator[tuple[list[Point], list[Point], bool]]:
    """Each part of a path: its corners and controls, its points along the curve, and whether it is closed."""
    corners: list[Point] = []
    curve: list[Point] = []
    here, start, control = (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)
    if len(d) > 8 * _MOST:
        raise Unreadable("a path in the picture has more points than any figure", "it is no figure of archdsl")
    for letter, text in _STEP.findall(d):
        kind = letter.upper()
        if kind == "Z":
            if curve:
                yield [*corners, start], [*curve, start], True
            corners, curve, here = [], [], start
            continue
        values, takes = _flags_apart(text) if kind == "A" else numbers(text), _TAKES[kind]
        for i in range(0, len(values) - takes + 1, takes):
            given = values[i : i + takes]
            if kind == "M" and i == 0:
                if len(curve) > 1:
                    yield corners, curve, False
                here = start = control = _at(given, letter, here)
                corners, curve = [here], [here]
                continue
            if not curve:
                corners, curve = [here], [here]
            controls, end = _step(kind, given, letter, here, control)
            if kind == "A":
                points = _arc(here, given, end)
                corners, curve, control, here = [*corners, *points], [*curve, *points], end, end
                continue
            corners += [*controls, end]
            curve += _bezier([here, *controls, end]) if controls else [end]
            control, here = (controls[-1] if controls else end), end
    if len(curve) > 1:
        yield corners, curve, False


def _at(given: Sequence[float], letter: str, here: Point) -> Point:
    return (here[0] + given[-2], here[1] + given[-1]) if letter.islower() else (given[-2], given[-1])


def _step(kind: str, given: list[float], letter: str, here: Point, control: Point) -> tuple[list[Point], Point]:
    """The controls and the end of one step."""
    relative = letter.islower()
    if kind == "H":
        return [], (given[0] + here[0] * relative, here[1])
    if kind == "V":
        return [], (here[0], given[0] + here[1] * relative)
    points = [_at(given[i : i + 2], letter, here) for i in range(0, len(given) - 1, 2)] if kind != "A" else []
    end = points[-1] if points else _at(given, letter, here)
    mirrored = (2 * here[0] - control[0], 2 * here[1] - control[1])
    match kind:
        case "C" | "Q":
            return points[:-1], end
        case "S":
            return [mirrored, points[0]], end
        case "T":
            return [mirrored], end
        case _:
            return [], end


def _bezier(points: Sequence[Point]) -> list[Point]:
    """Points along a curve of second or third order, its start left out; one where it is straight."""
    a, b, c, d = points if len(points) == 4 else (points[0], *_raised(points), points[2])
    bent = abs((b[0] - a[0]) * (d[1] - a[1]) - (b[1] - a[1]) * (d[0] - a[0])) + abs(
        (c[0] - a[0]) * (d[1] - a[1]) - (c[1] - a[1]) * (d[0] - a[0])
    )
    pieces = 1 if bent < 0.5 else _PIECES
    found = []
    for k in range(1, pieces + 1):
        t, u = k / pieces, 1 - k / pieces
        w = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
        found.append(
            (
                w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0],
                w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1],
            )
        )
    return found


def _flags_apart(text: str) -> list[float]:
    """The numbers of arcs, whose flags may stand without space, as in `a6 6 0 01.3.5`."""
    return [float(n) for match in _ARC.findall(text) for n in match]


def _arc(start: Point, given: Sequence[float], end: Point) -> list[Point]:
    """Points along an elliptical arc, its start left out (the formulas of SVG 1.1, F.6)."""
    rx, ry, turn = abs(given[0]), abs(given[1]), math.radians(given[2])
    if not rx or not ry or start == end:
        return [end]
    cos, sin = math.cos(turn), math.sin(turn)
    dx, dy = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = cos * dx + sin * dy, cos * dy - sin * dx
    grow = math.sqrt(max(1.0, (x / rx) ** 2 + (y / ry) ** 2))
    rx, ry = rx * grow, ry * grow
    over = (rx * y) ** 2 + (ry * x) ** 2
    by = math.sqrt(max(0.0, (rx * ry) ** 2 / over - 1)) * (1 if bool(given[3]) != bool(given[4]) else -1)
    cx, cy = by * rx * y / ry, -by * ry * x / rx
    first = math.atan2((y - cy) / ry, (x - cx) / rx)
    span = math.atan2((-y - cy) / ry, (-x - cx) / rx) - first
    span += 2 * math.pi * ((span < 0) if given[4] else -(span > 0))
    mx, my = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    found = []
    for k in range(1, 2 * _PIECES):
        a = first + span * k / (2 * _PIECES)
        px, py = cx + rx * math.cos(a), cy + ry * math.sin(a)
        found.append((cos * px - sin * py + mx, sin * px + cos * py + my))
    return [*found, end]


def _raised(points: Sequence[Point]) -> tuple[Point, Point]:
    (ax, ay), (bx, by), (cx, cy) = points
    return (ax + (bx - ax) * 2 / 3, ay + (by - ay) * 2 / 3), (cx + (bx - cx) * 2 / 3, cy + (by - cy) * 2 / 3)


def outline_of(corners: Sequence[Point], points: Sequence[Point]) -> str:
    """The form of a closed outline."""
    distinct = list(dict.fromkeys((round(x, 2), round(y, 2)) for x, y in points))
    if _round(points):
        return "ellipse"
    match len(distinct) if len(points) == len(corners) else 0:
        case 3:
            return "triangle"
        case 4:
            return "box" if _upright(distinct) else "other"
        case 5:
            return "other"
        case 6:
            return "hexagon"
    box = around(points)
    sides = {"n": 0.0, "s": 0.0, "w": 0.0, "e": 0.0}
    for (ax, ay), (bx, by) in pairwise(points):
        for side, off, length in (
            ("n", abs(ay - box.y0) + abs(by - box.y0), abs(ax - bx)),
            ("s", abs(ay - box.y1) + abs(by - box.y1), abs(ax - bx)),
            ("w", abs(ax - box.x0) + abs(bx - box.x0), abs(ay - by)),
            ("e", abs(ax - box.x1) + abs(bx - box.x1), abs(ay - by)),
        ):
            sides[side] = max(sides[side], length if off < 0.1 else 0.0)
    level = min(sides["n"], sides["s"]) > 0.2 * box.width
    upright = min(sides["w"], sides["e"]) > 0.2 * box.height
    if level and upright:
        return "rounded"
    if (upright or level) and len(points) != len(corners):
        return "cylinder"
    return "other"


def _round(points: Sequence[Point]) -> bool:
    """Whether points lie on an ellipse, close to each other."""
    if len(points) < 2 * _PIECES:
        return False
    box = around(points)
    rx, ry = box.width / 2, box.height / 2
    return rx > 0 and ry > 0 and all(abs(math.hypot((x - box.x) / rx, (y - box.y) / ry) - 1) < 0.02 for x, y in points)


def _upright(corners: Sequence[Point]) -> bool:
    xs, ys = {round(x, 1) for x, _ in corners}, {round(y, 1) for _, y in corners}
    return len(xs) == 2 and len(ys) == 2
