"""An SVG file as what it paints: parsed within bounds, every element with its style and its place, what is used put where it is used.

In: SVG bytes. Out: `painted`: elements in the order they are painted, each with all properties that count for it and with the matrix
from its coordinates to the paper's. Raises `Unreadable` for what is no SVG, or larger than any figure.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

from archdsl.figure.reading import css
from archdsl.figure.reading.curves import Matrix, applied, length, numbers, transform
from archdsl.figure.reading.errors import Unreadable

LARGEST = 32 * 2**20
"""Bytes of a picture that is read."""
_MOST = 200_000
"""Elements: a figure of a thousand panels has about as many."""
_DEEPEST = 200
_TOO_LARGE = "no figure of archdsl is so large"
_CUT = "it may have been cut off; draw the figure again, or fetch it again"
_UNSEEN = {"defs", "title", "desc", "metadata", "style", "script", "clipPath", "mask", "symbol", "marker", "pattern", "linearGradient",
           "radialGradient", "filter", "font", "glyph"}  # fmt: skip
_HIDDEN = {"display": ("none",), "visibility": ("hidden", "collapse"), "opacity": ("0", "0%", "0.0")}


@dataclass(frozen=True)
class Painted:
    """An element, the properties that count for it, and where its coordinates lie."""

    tag: str
    element: ET.Element
    style: dict[str, str]
    matrix: Matrix
    pieces: Sequence[Piece] = ()
    """The words of a `text`."""


class Piece(NamedTuple):
    """Characters that look alike, and the element that they stand in."""

    text: str
    style: dict[str, str]
    holder: ET.Element


@dataclass
class Picture:
    """A parsed file."""

    root: ET.Element
    sheet: css.Sheet = field(default_factory=css.Sheet)
    by_id: dict[str, ET.Element] = field(default_factory=dict)

    def style_of(self, element: ET.Element, outer: dict[str, str]) -> dict[str, str]:
        return outer | self.sheet.of(tag_of(element), element.attrib)


def tag_of(element: ET.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def parsed(data: bytes) -> Picture:
    """The file as a tree."""
    root = _tree(data)
    if tag_of(root) != "svg":
        raise Unreadable(
            f"this is no SVG picture: its outermost element is <{tag_of(root)}>",
            "give the .svg or .dot file that `archdsl draw` wrote",
        )
    sheets = [e.text or "" for e in root.iter() if tag_of(e) == "style"]
    return Picture(root, css.sheet("\n".join(sheets)), {i: e for e in root.iter() if (i := e.get("id"))})


def _tree(data: bytes) -> ET.Element:
    """XML as elements; no entities, no more of them and none deeper than a figure could have."""
    if len(data) > LARGEST:
        raise Unreadable(f"the picture is larger than {LARGEST // 2**20} MiB", _TOO_LARGE)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    builder, depth, count = ET.TreeBuilder(), 0, 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        line = parser.CurrentLineNumber
        if depth > _DEEPEST:
            raise Unreadable(f"in line {line}, more than {_DEEPEST} elements of the SVG lie in each other", _TOO_LARGE)
        if count > _MOST:
            raise Unreadable(f"the picture has more than {_MOST:,} elements", _TOO_LARGE)
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def entity(name: str, *rest: object) -> None:
        raise Unreadable(
            f"in line {parser.CurrentLineNumber}, the SVG defines the XML entity {name}",
            "no figure of archdsl does; save it as plain SVG",
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = builder.data, entity
    try:
        parser.Parse(data, True)
        return builder.close()
    except expat.ExpatError as problem:
        raise _broken(data, problem) from None
    except (ValueError, LookupError, AssertionError) as problem:  # an encoding that is not known
        raise Unreadable(f"the SVG is broken: {problem}", _CUT) from None


def _broken(data: bytes, problem: expat.ExpatError) -> Unreadable:
    """What is wrong with XML, in words."""
    where = f"line {problem.lineno}"
    before = sum(len(line) for line in data.splitlines(keepends=True)[: problem.lineno - 1]) + problem.offset
    if re.match(rb"\s*(<\?xml|<!DOCTYPE|<svg)", data[before : before + 200]) and b"</svg" in data[:before]:
        return Unreadable(
            f"from {where} on there is a second picture in the file", "give each picture in a file of its own"
        )
    said = expat.errors.messages.get(problem.code, "")
    if not data.rstrip().endswith(b">") or said in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
    ):
        return Unreadable(f"the SVG ends in {where}, before it is complete", _CUT)
    return Unreadable(f"the SVG is broken in {where}: {expat.ErrorString(problem.code)}", _CUT)


# -- what is painted ------------------------------------------------------------------------------------------------------
def painted(picture: Picture) -> Iterator[Painted]:
    """Every element that is seen. What `use` names is painted where it is used."""
    waiting = [(picture.root, dict[str, str](), Matrix(), 0)]
    count = 0
    while waiting:
        element, outer, matrix, used = waiting.pop()
        tag = tag_of(element)
        if not tag or (tag in _UNSEEN and not (tag == "symbol" and used)):
            continue
        style = picture.style_of(element, outer)
        if any(style.get(k) in hidden for k, hidden in _HIDDEN.items()):
            continue
        count += 1
        if count > _MOST or used > 20:
            raise Unreadable(f"the picture paints parts of itself more than {_MOST:,} times", _TOO_LARGE)
        matrix = applied(matrix, transform(element.get("transform", "")))
        if tag == "svg" and element is not picture.root:
            matrix = applied(matrix, _viewport(element))
        yield Painted(tag, element, style, matrix, _pieces(picture, element, style) if tag == "text" else ())
        if tag == "use":
            if (what := picture.by_id.get(_named(element))) is not None:
                shift = Matrix(e=length(element.get("x")), f=length(element.get("y")))
                waiting.append((what, style, applied(matrix, shift), used + 1))
        elif tag != "text":
            waiting.extend((child, style, matrix, used) for child in reversed(element))


def _named(element: ET.Element) -> str:
    """What a `use` names."""
    found = next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == "href"), "")
    return found.removeprefix("#") if found.startswith("#") else ""


def _viewport(element: ET.Element) -> Matrix:
    """The place of a picture in a picture."""
    box, x, y = numbers(element.get("viewBox", "")), length(element.get("x")), length(element.get("y"))
    if len(box) != 4 or min(box[2:]) <= 0:
        return Matrix(e=x, f=y)
    width, height = (
        length(element.get(n)) if "%" not in element.get(n, "%") else box[i] for n, i in (("width", 2), ("height", 3))
    )
    by = min(width / box[2], height / box[3]) or 1.0
    return Matrix(
        by, 0.0, 0.0, by, x + (width - by * box[2]) / 2 - by * box[0], y + (height - by * box[3]) / 2 - by * box[1]
    )


# -- words ----------------------------------------------------------------------------------------------------------------
def _pieces(picture: Picture, text: ET.Element, style: dict[str, str]) -> list[Piece]:
    """The words of a text and of the spans in it, one after the other, white space as it is seen."""
    found: list[Piece] = []

    def walk(element: ET.Element, style: dict[str, str]) -> None:
        found.append(Piece(element.text or "", style, element))
        for span in element:
            if tag_of(span) in ("tspan", "a"):
                walk(span, picture.style_of(span, style))
            found.append(Piece(span.tail or "", style, element))

    walk(text, style)
    if text.get(_SPACE) != "preserve":
        found = [p._replace(text=_BREAK.sub(" ", _ENDS.sub("", p.text))) for p in found]
    return [p for p in found if p.text]


_BREAK = re.compile(r"[ \t]*[\r\n][ \t\r\n]*")
_ENDS = re.compile(rf"^{_BREAK.pattern}|{_BREAK.pattern}$")
"""Where the file breaks a line there is a space within words, and nothing at their ends."""
_SPACE = "http://www.w3.org/XML/1998/namespace}space"
