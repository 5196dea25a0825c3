"""DOT goldens, and SVG, PDF and PNG: valid, the same every time, with no help from the machine."""

import os
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from visible import words

from archdsl.cli import main
from archdsl.compiler import analyse
from archdsl.figure import Figure, FigureError, figure
from archdsl.figure.layout import fonts

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


def test_pdf_has_its_font_its_words_and_no_date(draw: Draw) -> None:
    pdf = draw(SMALL).pdf()
    assert pdf.startswith(b"%PDF-1.7") and pdf.rstrip().endswith(b"%%EOF")
    assert b"Date" not in pdf and b"/FontFile2" in pdf and b"/ToUnicode" in pdf
    table = int(pdf.rsplit(b"startxref\n", 1)[1].split()[0])
    assert pdf[table:].startswith(b"xref\n0 13\n")
    for number, row in enumerate(pdf[table:].split(b"\n")[3:15], 1):
        assert pdf[int(row[:10]) :].startswith(b"%d 0 obj" % number)
    for length, body in re.findall(rb"/Length (\d+)[^>]*>>\nstream\n(.*?)\nendstream\nendobj", pdf, re.DOTALL):
        assert int(length) == len(body)


def test_pdf_text_can_be_read_back(draw: Draw) -> None:
    """By its own table of what each glyph means, every word of the SVG is in the PDF."""
    drawn = draw(SMALL)
    pdf = drawn.pdf().decode("latin-1")
    means = {g: chr(int(c, 16)) for g, c in re.findall(r"<([0-9A-F]{4})> <([0-9A-F]{4})>", pdf)}
    found = {
        "".join(means[t[i : i + 4]] for i in range(0, len(t), 4)).strip() for t in re.findall(r"<([0-9A-F]+)> Tj", pdf)
    }
    svg = {
        t.text.strip()
        for t in ET.fromstring(drawn.svg()).iter()
        if t.tag.endswith("text") and t.text and t.text.strip()
    }
    assert {t.replace("\xa0", " ").strip() for t in found} == {t.replace("\xa0", " ").strip() for t in svg}


@pytest.mark.skipif(not shutil.which("pdffonts"), reason="no pdffonts on this machine")
def test_poppler_reads_the_pdf(draw: Draw, tmp_path: Path) -> None:
    path = tmp_path / "m.pdf"
    path.write_bytes(draw(DESCRIBED).pdf())
    fonts = subprocess.run(["pdffonts", str(path)], capture_output=True, check=True).stdout.decode().splitlines()[2:]
    assert len(fonts) == 1 and "DejaVuSans" in fonts[0] and fonts[0].split()[-5:-2] == ["yes", "yes", "yes"]
    text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True)
    assert text.stderr == b"" and "Linear" in text.stdout.decode() and "[batch, d]" in text.stdout.decode()
    info = subprocess.run(["pdfinfo", str(path)], capture_output=True, check=True).stdout.decode()
    assert (
        re.search(r"Title: +M\n", info)
        and "Tagged:          yes" in info
        and "Creat" not in info.replace("Creator", "")
    )


DESCRIBED = '"""A layer & its <nonlinearity>."""\n' + SMALL


def test_a_figure_is_told_to_who_cannot_see_it(draw: Draw) -> None:
    root = ET.fromstring(draw(DESCRIBED).svg())
    names = (root.get("aria-labelledby") or "").split()
    assert root.get("role") == "img" and len(names) == 2
    told = {e.get("id"): e.text for e in root if e.tag.endswith(("title", "desc"))}
    assert [told[n] for n in names] == ["M", "A layer & its <nonlinearity>."]
    pdf = draw(DESCRIBED).pdf()
    assert (
        b"/Alt <"
        + b"\xfe\xff".hex().upper().encode()
        + "M. A layer & its <nonlinearity>.".encode("utf-16-be").hex().upper().encode()
        in pdf
    )


def test_two_figures_on_one_page_do_not_share_a_name(draw: Draw) -> None:
    one, two = (set(re.findall(r'id="([^"]+)"', draw(t).svg().decode())) for t in (SMALL, DESCRIBED))
    assert not one & two


def test_indices_need_nothing_that_a_browser_lacks(draw: Draw) -> None:
    """Firefox knows no `baseline-shift`."""
    svg = (
        draw("model M(d = 4) { input x: [batch, d^d]\n h0 = Linear(d)(x)\n output y = sigmoid(h0) * h0 }")
        .svg()
        .decode()
    )
    assert "baseline-shift" not in svg
    found = {t: float(dy) for dy, t in re.findall(r'<text[^>]* dy="([-0-9.]+)"[^>]*>(\w+)</text>', svg)}
    assert found["0"] > 0 > found["d"]


def test_png_follows_its_resolution(draw: Draw) -> None:
    small, large = draw(SMALL).png(dpi=72), draw(SMALL).png(dpi=144)
    assert small.startswith(b"\x89PNG\r\n\x1a\n")
    (a, b), (c, d) = (struct.unpack(">II", p[16:24]) for p in (small, large))
    assert abs(c - 2 * a) <= 4 and abs(d - 2 * b) <= 4


@pytest.mark.parametrize("dpi", [0, -1, 10**6])
def test_impossible_resolutions_are_errors(dpi: int, draw: Draw) -> None:
    with pytest.raises(FigureError):
        draw(SMALL).png(dpi=dpi)


def test_a_png_of_too_many_dots_is_an_error() -> None:
    drawn = figure(analyse(SMALL, "m.arch"), width="90in", direction="up")
    assert drawn.png(dpi=100)
    wide = "model M(d = 4) { input x: [batch, d]\n x " + "-> relu " * 60 + "-> output y }"
    with pytest.raises(FigureError) as caught:
        figure(analyse(wide, "m.arch")).png(dpi=2400)
    assert "dots" in caught.value.message and "--panels separate" in caught.value.hint


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
    assert '< more & "quoted" </TABLE>' in text and "\\\\N \\\\G" in text
    assert figure.pdf().startswith(b"%PDF-")


# -- letters that the font lacks ----------------------------------------------------------------------------------------
FAR = """\"\"\"将来 of \N{GRINNING FACE} é.\"\"\"
model Far(d = 4) { input x: [batch, d]\n x -> Linear(d) -> output y }
"""


@pytest.mark.parametrize("form", ["svg", "pdf", "png", "tikz", "tex"])
def test_letters_that_the_font_lacks_are_told(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "far.arch").write_text(FAR, encoding="utf-8")
    target = tmp_path / f"far.{form}"
    assert main(["draw", str(tmp_path / "far.arch"), "-o", str(target)]) == 0
    said = capsys.readouterr().err
    assert "warning: far.arch:2: the docstring of Far" in said and "将 (U+5C06) 来 (U+6765):" in said
    assert "GRIN" not in said and "1F600" not in said and "é" not in said
    assert main(["draw", str(tmp_path / "far.arch"), "-o", str(target), "--no-captions"]) == 0
    assert capsys.readouterr().err == ""
    if form in ("tikz", "tex"):
        assert main(["draw", str(tmp_path / "far.arch"), "-o", str(target)]) == 0
        assert r"\archdslletter{5C06}{将}" in target.read_text(encoding="utf-8")


def test_letters_that_the_font_lacks_have_their_usual_width(draw: Draw) -> None:
    font = fonts.load()
    assert font and not font.glyph("将") and font.glyph("\N{GRINNING FACE}")
    assert font.width("将来", 8) == 16
    text = draw(FAR, "far.arch").svg().decode()
    words_of = re.search(r'font-size="8.00"[^>]*textLength="([0-9.]+)"[^>]*>将来 of', text)
    assert words_of and float(words_of[1]) == font.set_width("将来 of \N{GRINNING FACE} é.", 8.0)


def test_letters_beyond_the_first_plane_are_in_the_embedded_font(draw: Draw) -> None:
    font, drawn = fonts.load(), draw(FAR, "far.arch")
    assert font
    cut = fonts.Font(font.subset("a\N{GRINNING FACE}"))
    face, own = cut.glyph("\N{GRINNING FACE}"), font.glyph("\N{GRINNING FACE}")
    assert face and cut.metric(face) == font.metric(own) and cut.contours(face) == font.contours(own)
    assert cut.glyph("a") and not cut.glyph("b")
    assert "\N{GRINNING FACE}".encode("utf-16-be").hex().upper().encode() in drawn.pdf()
