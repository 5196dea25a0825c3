"""DOT goldens, and SVG, PDF and PNG: valid, the same every time, with no help from the machine."""

import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from visible import words

from archdsl.figure import Figure, FigureError

CASES = Path(__file__).parent.parent / "cases" / "figure"
Draw = Callable[..., Figure]
SMALL = "model M(d = 4) { input x: [batch, d]\n x -> Linear(d) -> relu -> output y }"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.arch")), ids=lambda p: p.stem)
def test_dot_golden(path: Path, draw: Draw, update: bool) -> None:
    dot = draw(path.read_text(encoding="utf-8"), path.name).dot
    golden = path.with_suffix(".dot")
    if update:
        golden.write_text(dot, encoding="utf-8")
    assert dot == golden.read_text(encoding="utf-8")


def test_svg_is_whole_and_carries_its_font(draw: Draw) -> None:
    svg = draw(SMALL).svg()
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = svg.decode()
    assert "foreignObject" not in text and "<!--" not in text and "xlink:href" not in text
    assert "@font-face" in text and "data:font/ttf;base64," in text
    named = dict(re.findall(r'<(title|desc) id="([^"]*)"', text))
    assert set(re.findall(r'\bid="([^"]*)"', text)) == set(named.values())
    assert root.get("role") == "img" and root.get("aria-labelledby") == named["title"]
    assert "textLength=" in text


def test_text_of_a_figure_is_text(draw: Draw) -> None:
    found = words(draw(SMALL).svg())
    assert "Linear" in found and "relu" in found and "[batch, d]" in found


def test_pdf_is_valid_and_has_no_date(draw: Draw) -> None:
    pdf = draw(SMALL).pdf()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert b"D:20000101000000Z" in pdf
    assert pdf == draw(SMALL).pdf()


def test_png_follows_its_resolution(draw: Draw) -> None:
    small, large = draw(SMALL).png(dpi=72), draw(SMALL).png(dpi=144)
    assert small.startswith(b"\x89PNG\r\n\x1a\n")
    (a, b), (c, d) = (struct.unpack(">II", p[16:24]) for p in (small, large))
    assert abs(c - 2 * a) <= 4 and abs(d - 2 * b) <= 4


@pytest.mark.parametrize("dpi", [0, -1, 10**6])
def test_impossible_resolutions_are_errors(dpi: int, draw: Draw) -> None:
    with pytest.raises(FigureError):
        draw(SMALL).png(dpi=dpi)


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_same_bytes_without_programs_fonts_or_home(form: str, draw: Draw, tmp_path: Path) -> None:
    code = (
        "import sys; from archdsl.compiler import analyse; from archdsl.figure import figure; "
        f"sys.stdout.buffer.write(figure(analyse({SMALL!r}, 'test.arch')).{form}())"
    )
    root = str(Path(__file__).parents[2])
    bare = {"PATH": "", "PYTHONPATH": root, "HOME": str(tmp_path), "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    if "SYSTEMROOT" in os.environ:
        bare["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=bare, check=True)
    assert done.stdout == getattr(draw(SMALL), form)()
    assert done.stderr == b""


def test_notebook_representation(draw: Draw) -> None:
    assert draw(SMALL)._repr_svg_().startswith("<?xml")


def test_asking_for_what_is_not_there_is_an_error(draw: Draw) -> None:
    from archdsl.compiler import analyse
    from archdsl.figure import figure

    program = analyse(SMALL, "test.arch")
    with pytest.raises(FigureError) as caught:
        figure(program, only=["Nothing"])
    assert "Nothing" in caught.value.message and "M" in caught.value.hint


HOSTILE = '''"""Less < more & "quoted" </TABLE> <script>alert(1)</script> \\u0007 {x} \\\\N \\\\G"""
model M(d = 4) { input node: [batch, graph]
 edge = node + 1
 strict = edge * node
 output subgraph = strict }'''


def test_hostile_words_stay_words(draw: Draw) -> None:
    figure = draw(HOSTILE)
    svg = figure.svg()
    ET.fromstring(svg)
    assert b"<script>" not in svg
    text = " ".join(words(svg).split())
    assert '< more & "quoted" </TABLE>' in text and "\\N \\G" in text
    assert figure.pdf().startswith(b"%PDF-")
