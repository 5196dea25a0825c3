"""Figures that other programs have saved again are read: Inkscape, svgo, scour; and what Illustrator and the like write: style sheets, groups, spans.

The files are recorded by `resave.py`, so that no tool is needed here.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from archdsl import compiler, resources
from archdsl.figure import figure
from archdsl.figure.reading import Unreadable, read
from archdsl.ir.meaning import same
from tests.figure.reading.resave import CASES, LETTERS

SAVED = sorted(CASES.glob("*.svg"))
_SVG = "{http://www.w3.org/2000/svg}"


def tool(path: Path) -> str:
    return path.stem.partition(".")[2]


@pytest.mark.parametrize("path", [p for p in SAVED if tool(p) not in LETTERS], ids=tool)
def test_what_another_program_saved_means_the_same(path: Path) -> None:
    assert same(compiler.analyse(read(path.read_bytes())), compiler.analyse_file(CASES / "tagger.arch"))


@pytest.mark.parametrize("path", [p for p in SAVED if tool(p) in LETTERS], ids=tool)
def test_letters_that_became_outlines_are_no_text(path: Path) -> None:
    with pytest.raises(Unreadable, match="no text in this picture") as caught:
        read(path.read_bytes())
    assert "text to path" in caught.value.hint


def test_all_tools_are_recorded() -> None:
    assert {tool(p).partition("-")[0] for p in SAVED} == {"inkscape", "rsvg", "scour", "svgo"}


# -- what other programs write, by hand --------------------------------------------------------------------------------
PAINT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor")


def classed(svg: bytes) -> bytes:
    """All looks in a style sheet, each text a span at the origin of a transform, each shape in a group of its own that is larger."""
    root = ET.fromstring(svg)
    rules: dict[str, str] = {}
    for parent in list(root.iter()):
        for k, e in enumerate(list(parent)):
            tag = e.tag.removeprefix(_SVG)
            if tag not in ("path", "polygon", "polyline", "ellipse", "text"):
                continue
            look = ";".join(f"{n}:{e.attrib.pop(n)}" for n in PAINT if n in e.attrib)
            e.set("class", f"other {rules.setdefault(look, f'cls-{len(rules)}')}")
            if tag == "text":
                x, y = e.attrib.pop("x"), e.attrib.pop("y")
                span = ET.SubElement(e, f"{_SVG}tspan", {"x": "0", "y": "0"})
                span.text, e.text = e.text, "\n    "
                span.tail = "\n  "
                for name in ("textLength", "lengthAdjust"):
                    if name in e.attrib:
                        span.set(name, e.attrib.pop(name))
                e.set("transform", f"translate({x} {y})")
            group = ET.Element(f"{_SVG}g", {"transform": "matrix(0.5 0 0 0.5 10 20)"})
            inner = ET.SubElement(group, f"{_SVG}g", {"transform": "scale(2)translate(-5,-10)"})
            inner.append(e)
            parent[k] = group
    text = "".join(f".{name}{{{look}}}\n" for look, name in rules.items())
    ET.SubElement(root, f"{_SVG}style").text = f"/* none */ @media print{{.cls-0{{fill:red}}}}\n{text}"
    return ET.tostring(root)


def test_style_sheets_spans_and_transforms() -> None:
    program = compiler.analyse_file(resources.folder("examples") / "gan.arch")
    picture = classed(figure(program).svg())
    assert not re.search(rb"<[^>]* (fill|stroke)=", picture)
    assert same(compiler.analyse(read(picture)), program)


def test_parts_that_are_used_by_name_and_a_picture_in_a_picture() -> None:
    program = compiler.analyse_file(CASES / "relu.arch")
    whole = figure(program).svg().decode()
    start, end = whole.index("<g "), whole.rindex("</g>") + 4
    body = whole[start:end]
    opening = "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'>"
    used = f"{opening}<defs><g id='a'>{body}</g></defs><g><use xlink:href='#a' x='12' y='7'/></g></svg>"
    nested = f"{opening}<svg x='30' y='40' width='200' height='300' viewBox='0 0 100 150'>{body}</svg></svg>"
    for picture in (used, nested):
        assert same(compiler.analyse(read(picture.encode())), program)


def test_what_a_shell_made_utf_16_of() -> None:
    program = compiler.analyse_file(CASES / "relu.arch")
    drawn = figure(program)
    for text in (drawn.svg().decode(), drawn.dot):
        assert same(compiler.analyse(read(text.encode("utf-16"))), program)
