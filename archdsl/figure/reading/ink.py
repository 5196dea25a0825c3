"""An SVG as ink on paper: closed outlines, strokes and words with their places, and nothing else.

In: SVG bytes. Out: `Ink`, in points as `theme` gives them, y downwards, whatever the scale of the picture. Ids, classes, titles, links,
comments, metadata and the order of elements are not looked at; of colours only whether a shape is filled with that of its line.
"""

from __future__ import annotations

import functools
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from archdsl.figure.layout import fonts
from archdsl.figure.reading.curves import Matrix, along, applied, outline_of, path_points, polygon_points, transform
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.markup import Shift
from archdsl.figure.reading.places import Box, Point, around

_LARGEST = 64 * 1024 * 1024
_BORDER = 0.8
_SHIFTS: dict[str, Shift] = {"super": "SUP", "sub": "SUB"}
_INHERITED = ("fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor",
              "baseline-shift", "display", "visibility", "opacity", "stroke-opacity")  # fmt: skip
_UNSEEN = ("defs", "title", "desc", "metadata", "style", "script", "clipPath", "mask", "symbol", "marker", "pattern")


@dataclass(eq=False)
class Outline:
    """A closed shape: its kind by its form alone, the width of its line, how that is broken, and whether it is solid."""

    form: str
    points: list[Point]
    box: Box
    width: float
    dash: str = ""
    solid: bool = False
    lined: bool = True


@dataclass(eq=False)
class Stroke:
    """An open line."""

    points: list[Point]
    width: float
    dash: str = ""


@dataclass(eq=False)
class Word:
    """Characters set alike on one line; `y` is the line they stand on."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    shift: Shift = ""

    @functools.cached_property
    def box(self) -> Box:
        return Box(self.x0, self.y - 0.8 * self.size, self.x1, self.y + 0.2 * self.size)


@dataclass
class Ink:
    outlines: list[Outline] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)


def ink(data: bytes) -> Ink:
    """What is seen of an SVG."""
    root = _parsed(data)
    if _tag(root) != "svg":
        raise Unreadable("this is no SVG picture", "give the .svg or .dot file that `archdsl draw` wrote")
    found = Ink()
    for element, style, matrix in _elements(root, {}, Matrix()):
        _take(element, style, matrix, found)
    return _in_points(_once(found))


def _once(found: Ink) -> Ink:
    """What is drawn twice at one place is seen once."""
    outlines = {(tuple(o.points), o.width, o.dash, o.solid, o.lined): o for o in found.outlines}
    strokes = {(tuple(s.points), s.width, s.dash): s for s in found.strokes}
    words = {(w.text, w.x0, w.y, w.size, w.bold, w.shift): w for w in found.words}
    return Ink([*outlines.values()], [*strokes.values()], [*words.values()])


def _parsed(data: bytes) -> ET.Element:
    """The XML tree, unless it is too large or defines entities, which a figure never does."""
    if len(data) > _LARGEST:
        raise Unreadable("the picture is larger than 64 MB", "that is no figure of archdsl")
    if b"<!ENTITY" in data:
        raise Unreadable("the picture defines XML entities", "that is no figure of archdsl")
    try:
        return ET.fromstring(data)
    except (ET.ParseError, expat.ExpatError, ValueError, LookupError) as problem:
        raise Unreadable(
            f"the SVG is broken: {problem}", "it may have been cut off; draw the figure again, or fetch it again"
        ) from None


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _elements(
    element: ET.Element, outer: dict[str, str], matrix: Matrix
) -> Iterator[tuple[ET.Element, dict[str, str], Matrix]]:
    """Every element that is painted, with the style and the place it inherits."""
    waiting = [(element, outer, matrix)]
    while waiting:
        element, outer, matrix = waiting.pop()
        tag = _tag(element)
        if tag in _UNSEEN or not tag:
            continue
        style = outer | {k: v for k in _INHERITED if (v := element.get(k)) is not None} | _inline(element)
        if style.get("display") == "none" or style.get("visibility") == "hidden" or style.get("opacity") == "0":
            continue
        matrix = applied(matrix, transform(element.get("transform", "")))
        yield element, style, matrix
        if tag != "text":
            waiting.extend((child, style, matrix) for child in reversed(element))


def _inline(element: ET.Element) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part)
    return {k.strip(): v.strip() for k, v in pairs if k.strip() in _INHERITED}


def _take(element: ET.Element, style: dict[str, str], matrix: Matrix, found: Ink) -> None:
    match _tag(element):
        case "ellipse" | "circle":
            _ellipse(element, style, matrix, found)
        case "polygon" | "polyline" | "rect" | "line":
            points = [along(matrix, p) for p in polygon_points(element)]
            _shape(points, points, _tag(element) in ("polygon", "rect"), style, matrix, found)
        case "path":
            for corners, curve, closed in path_points(element.get("d", "")):
                _shape(
                    [along(matrix, p) for p in curve], [along(matrix, p) for p in corners], closed, style, matrix, found
                )
        case "text":
            _text(element, style, matrix, found)


def _ellipse(element: ET.Element, style: dict[str, str], matrix: Matrix, found: Ink) -> None:
    center = (_number(element.get("cx")), _number(element.get("cy")))
    rx, ry = _number(element.get("rx") or element.get("r")), _number(element.get("ry") or element.get("r"))
    turns = [2 * math.pi * k / 48 for k in range(48)]
    points = [along(matrix, (center[0] + rx * math.cos(t), center[1] + ry * math.sin(t))) for t in turns]
    found.outlines.append(Outline("ellipse", points, around(points), *_line(style, matrix)))


def _shape(
    points: list[Point], corners: list[Point], closed: bool, style: dict[str, str], matrix: Matrix, found: Ink
) -> None:
    if len(points) < 2:
        return
    width, dash, solid, lined = _line(style, matrix)
    if not lined and style.get("fill", "black") == "none":
        return
    if closed or (len(points) > 3 and math.dist(points[0], points[-1]) < 0.02):
        found.outlines.append(Outline(outline_of(corners, points), points, around(points), width, dash, solid, lined))
    else:
        found.strokes.append(Stroke(points, width, dash))


def _line(style: dict[str, str], matrix: Matrix) -> tuple[float, str, bool, bool]:
    """Width, dashes, whether the shape is filled as its line is, and whether it has a line."""
    stroke, fill = style.get("stroke", "none"), style.get("fill", "black")
    lengths = [_number(t) for t in re.split(r"[\s,]+", style.get("stroke-dasharray", "").strip()) if t and t != "none"]
    dash = "" if not lengths else "dotted" if len(lengths) > 1 and lengths[0] < lengths[1] else "dashed"
    lined = stroke != "none" and style.get("stroke-opacity") != "0"
    return _number(style.get("stroke-width", "1")) * matrix.scale, dash, fill != "none" and fill in (stroke, ""), lined


# -- words ----------------------------------------------------------------------------------------------------------------
def _text(element: ET.Element, style: dict[str, str], matrix: Matrix, found: Ink) -> None:
    """A text, and its spans one after the other."""
    pieces = [(element.text or "", style, element)]
    for span in element:
        if _tag(span) == "tspan":
            own = style | {k: v for k in _INHERITED if (v := span.get(k)) is not None} | _inline(span)
            pieces.append(("".join(span.itertext()), own, span))
        pieces.append((span.tail or "", style, element))
    x, y = _number(element.get("x")), _number(element.get("y")) + _number(element.get("dy"))
    widths = [_width(text, own, holder, alone=len(pieces) == 1) for text, own, holder in pieces]
    x -= {"middle": 0.5, "end": 1.0}.get(style.get("text-anchor", ""), 0.0) * sum(widths)
    for (text, own, holder), width in zip(pieces, widths):
        if holder is not element:
            x = _number(holder.get("x")) if holder.get("x") else x + _number(holder.get("dx"))
            y = _number(holder.get("y")) if holder.get("y") else y + _number(holder.get("dy"))
        if text.strip("\u200a"):
            start, end = along(matrix, (x, y)), along(matrix, (x + width, y))
            weight = own.get("font-weight", "")
            bold = weight in ("bold", "bolder") or (weight.isdigit() and int(weight) >= 600)
            shift = _SHIFTS.get(own.get("baseline-shift", ""), "")
            size = _number(own.get("font-size", "14")) * matrix.scale
            found.words.append(Word(text, start[0], end[0], start[1], size, bold, shift))
        x += width


def _width(text: str, style: dict[str, str], holder: ET.Element, alone: bool) -> float:
    """How wide a text is: as it says itself, else as its letters are."""
    given = holder.get("textLength") if alone or _tag(holder) == "tspan" else None
    size, font = _number(style.get("font-size", "14")), fonts.load()
    if given:
        return _number(given)
    return font.width(text.replace("\xa0", " "), size) if font else 0.6 * size * len(text)


def _number(text: str | None) -> float:
    """A length in user units; 0 where there is none."""
    match = re.match(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)", text or "")
    value = float(match[1]) if match else 0.0
    return value if math.isfinite(value) else 0.0


def _in_points(found: Ink) -> Ink:
    """Everything at the scale at which the border of a panel is as wide as it is drawn in points."""
    rounded = [o for o in found.outlines if o.form == "rounded" and o.lined]
    outer = max(rounded, key=lambda o: o.box.area, default=None)
    by = _BORDER / outer.width if outer and outer.width > 0 else 1.0
    if abs(by - 1) < 1e-3:
        return found
    shapes: list[Outline | Stroke] = [*found.outlines, *found.strokes]
    for shape in shapes:
        shape.points = [(x * by, y * by) for x, y in shape.points]
        shape.width *= by
    for outline in found.outlines:
        outline.box = around(outline.points)
    for word in found.words:
        word.x0, word.x1, word.y, word.size = word.x0 * by, word.x1 * by, word.y * by, word.size * by
    return found
