"""An SVG as ink on paper: closed outlines, strokes and words with their places, and nothing else.

In: SVG bytes. Out: `Ink`, in points as `theme` gives them, y downwards, whatever the scale of the picture. Ids, classes, titles, links,
comments, metadata and the order of elements are not looked at; of colours only whether a shape is filled with that of its line.
"""

from __future__ import annotations

import functools
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from archdsl.figure.layout import fonts
from archdsl.figure.reading import css
from archdsl.figure.reading.curves import Matrix, along, length, outline_of, path_points, polygon_points
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.markup import Shift
from archdsl.figure.reading.picture import Painted, Piece, painted, parsed
from archdsl.figure.reading.places import Box, Point, around

_BORDER = 0.8
_SHIFTS: dict[str, Shift] = {"super": "SUP", "sub": "SUB"}


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
    found, others = Ink(), set[str]()
    for part in painted(parsed(data)):
        _take(part, found)
        others.add(part.tag)
    if not found.words:
        _refuse_wordless(found, others)
    return _in_points(_once(found))


def _refuse_wordless(found: Ink, tags: set[str]) -> None:
    """Says why a picture without a word has none."""
    if "foreignObject" in tags:
        raise Unreadable("the words of this picture are HTML (foreignObject)", _AS_TEXT)
    if "image" in tags:
        raise Unreadable(
            "this SVG holds an image of dots, not shapes and words", "give the file that `archdsl draw` wrote"
        )
    if len(found.outlines) > 1:
        raise Unreadable("there is no text in this picture: its letters, if it has some, are outlines", _AS_TEXT)


_AS_TEXT = "save it again with its text as text (rsvg-convert and “text to path” cannot), or give the file that `archdsl draw` wrote"


def _once(found: Ink) -> Ink:
    """What is drawn twice at one place is seen once."""
    outlines = {(tuple(o.points), o.width, o.dash, o.solid, o.lined): o for o in found.outlines}
    strokes = {(tuple(s.points), s.width, s.dash): s for s in found.strokes}
    words = {(w.text, w.x0, w.y, w.size, w.bold, w.shift): w for w in found.words}
    return Ink([*outlines.values()], [*strokes.values()], [*words.values()])


def _take(part: Painted, found: Ink) -> None:
    element, style, matrix = part.element, part.style, part.matrix
    match part.tag:
        case "ellipse" | "circle":
            _ellipse(element, style, matrix, found)
        case "polygon" | "polyline" | "rect" | "line":
            points = [along(matrix, p) for p in polygon_points(element)]
            _shape(points, points, part.tag in ("polygon", "rect"), style, matrix, found)
        case "path":
            for corners, curve, closed in path_points(element.get("d", "")):
                _shape(
                    [along(matrix, p) for p in curve], [along(matrix, p) for p in corners], closed, style, matrix, found
                )
        case "text":
            _text(part, found)


def _ellipse(element: ET.Element, style: dict[str, str], matrix: Matrix, found: Ink) -> None:
    center = (length(element.get("cx")), length(element.get("cy")))
    rx, ry = length(element.get("rx") or element.get("r")), length(element.get("ry") or element.get("r"))
    turns = [2 * math.pi * k / 48 for k in range(48)]
    points = [along(matrix, (center[0] + rx * math.cos(t), center[1] + ry * math.sin(t))) for t in turns]
    found.outlines.append(Outline("ellipse", points, around(points), *_line(style, matrix)))


def _shape(
    points: list[Point], corners: list[Point], closed: bool, style: dict[str, str], matrix: Matrix, found: Ink
) -> None:
    if len(points) < 2:
        return
    width, dash, solid, lined = _line(style, matrix)
    if not lined and css.colour(style.get("fill", "black")) == "none":
        return
    if closed or (len(points) > 3 and math.dist(points[0], points[-1]) < 0.02):
        found.outlines.append(Outline(outline_of(corners, points), points, around(points), width, dash, solid, lined))
    else:
        found.strokes.append(Stroke(points, width, dash))


def _line(style: dict[str, str], matrix: Matrix) -> tuple[float, str, bool, bool]:
    """Width, dashes, whether the shape is filled as its line is, and whether it has a line."""
    stroke, fill = css.colour(style.get("stroke", "none")), css.colour(style.get("fill", "black"))
    fill = "none" if style.get("fill-opacity") == "0" else fill
    lengths = [length(t) for t in re.split(r"[\s,]+", style.get("stroke-dasharray", "").strip()) if t and t != "none"]
    dash = "" if not lengths else "dotted" if len(lengths) > 1 and lengths[0] < lengths[1] else "dashed"
    lined = stroke != "none" and style.get("stroke-opacity") != "0"
    return length(style.get("stroke-width", "1")) * matrix.scale, dash, fill != "none" and fill in (stroke, ""), lined


# -- words ----------------------------------------------------------------------------------------------------------------
def _text(part: Painted, found: Ink) -> None:
    """A text, its pieces one after the other."""
    element, matrix, pieces = part.element, part.matrix, part.pieces
    size = length(part.style.get("font-size", "14"))
    x, y = (
        length(element.get("x")) + length(element.get("dx"), size),
        length(element.get("y")) + length(element.get("dy"), size),
    )
    widths = [_width(piece, alone=len(pieces) == 1) for piece in pieces]
    x -= {"middle": 0.5, "end": 1.0}.get(part.style.get("text-anchor", ""), 0.0) * sum(widths)
    begun: set[int] = set()
    for (text, own, holder), width in zip(pieces, widths):
        size = length(own.get("font-size", "14"))
        if holder is not element and id(holder) not in begun:
            begun.add(id(holder))
            x = length(holder.get("x")) if holder.get("x") else x + length(holder.get("dx"), size)
            y = length(holder.get("y")) if holder.get("y") else y + length(holder.get("dy"), size)
        if text.strip("\u200a"):
            start, end = along(matrix, (x, y)), along(matrix, (x + width, y))
            weight = own.get("font-weight", "")
            bold = weight in ("bold", "bolder") or (weight.isdigit() and int(weight) >= 600)
            bold |= css.colour(own.get("stroke", "none")) != "none"  # a style sheet that became part of the texts
            shift = _SHIFTS.get(own.get("baseline-shift", ""), "")
            found.words.append(Word(text, start[0], end[0], start[1], size * matrix.scale, bold, shift))
        x += width


def _width(piece: Piece, alone: bool) -> float:
    """How wide a text is: as it says itself, else as its letters are."""
    given = piece.holder.get("textLength") if alone or piece.holder.tag.endswith("tspan") else None
    size, font = length(piece.style.get("font-size", "14")), fonts.load()
    if given:
        return length(given)
    return font.width(piece.text.replace("\xa0", " "), size) if font else 0.6 * size * len(piece.text)


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
