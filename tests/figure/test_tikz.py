"""TikZ: well formed by its text alone, and compiled with the document classes of papers where LaTeX is installed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archdsl.cli import main
from archdsl.compiler import analyse
from archdsl.figure import Figure, figure
from archdsl.figure.layout import tex
from archdsl.figure.layout.tex import Run, latex
from archdsl.resources import folder

Draw = Callable[..., Figure]
needs_latex = pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX on this machine")
KNOWN = {
    *r"\begin \end \begingroup \endgroup \catcode \path \node \useasboundingbox \definecolor \color \archdslfit \archdslsize \archdslsign \def \setbox \hbox".split(),
    *r"\ifdim \wd \resizebox \box \else \fi \fontsize \selectfont \leavevmode \tikz \input \usepackage \textbf \ldots".split(),
    *r"\mathbf \mathrm \sqrt \vphantom \smash \textbackslash \textasciicircum \documentclass".split(),
    *r"\{ \} \$ \& \# \% \_".split(),
}
HOSTILE = '''"""50 % of $x_1$ & #2 {a} \\\\input{/etc/passwd} ~^ "q" — “é” Ångström ✓ 漢字 ß."""
model M(d = 4) { input x: [batch, d]
 w_in = Linear(d)(x)
 output y = sqrt(w_in * w_in + 1) - x }'''


def example(name: str) -> Figure:
    return figure(analyse((folder("examples") / f"{name}.arch").read_text(encoding="utf-8"), name))


# -- the text -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["ntm", "gpt2", "esn", "vae", "dann", "ocsvm", "som"])
def test_a_picture_is_well_formed(name: str) -> None:
    check(example(name).tikz())


def test_a_document_is_well_formed(draw: Draw) -> None:
    text = draw(HOSTILE).tikz(whole=True)
    assert text.startswith("\\documentclass") and text.rstrip().endswith("\\end{document}")
    check(text)


LETTERS = {
    f"\\{w}"
    for w in "archdslletter archdslbox CJKfamily ltjsetparameter Umathcode iffontchar ifdefined fboxsep fboxrule framebox rule font fi else".split()
}
"""What a picture knows beyond, where it has letters that the font lacks."""


def check(text: str) -> None:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("%")]
    body = "\n".join(lines)
    assert not re.search(r"(?<!\\)%(?!\n|$)", body)
    depth = 0
    for token in re.findall(r"\\.|[{}]", body, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0
    assert depth == 0
    assert len(re.findall(r"(?<!\\)\$", body)) % 2 == 0
    commands = set(re.findall(r"\\(?:[A-Za-z]+|.)", body)) - LETTERS
    assert commands <= KNOWN | tex.MATHEMATICS, commands - KNOWN - tex.MATHEMATICS
    begun, ended = (re.findall(rf"\\{w}\{{(\w+)\}}", body) for w in ("begin", "end"))
    assert begun == ended[::-1]
    assert all(ord(c) < 0x100 for c in re.sub(r"\\archdslletter\{[0-9A-F]+\}\{.\}", "", body))
    used, defined = (
        set(re.findall(r"(?:fill|draw|color)[={](archdsl\w+)", body)),
        set(re.findall(r"definecolor\{(\w+)\}", body)),
    )
    assert used <= defined
    for line in lines:
        assert not line.startswith("\\path") or line.endswith(";")


def test_the_places_are_those_of_the_svg(draw: Draw) -> None:
    """Every mark of the SVG has its shape in the picture, and every word its line."""
    figure_ = draw(HOSTILE)
    svg, picture = figure_.svg().decode(), figure_.tikz()
    assert picture.count(" ellipse [") == svg.count("<ellipse")
    assert {"Linear", "relu"} & set(re.findall(r"\w+", picture))
    nodes = [(float(x), float(y)) for x, y in re.findall(r"\\node\[[^]]*\] at \(([-0-9.]+),([-0-9.]+)\)", picture)]
    size = re.search(r"rectangle \(([0-9.]+),([0-9.]+)\)", picture)
    assert nodes and size
    assert all(0 < x < float(size[1]) and 0 < y < float(size[2]) for x, y in nodes)


@pytest.mark.parametrize(
    "runs, expected",
    [
        ([Run("h", bold=True), Run("0", bold=True, shift=-1)], r"$\mathbf{h}_{0}$"),
        ([Run("σ")], r"$\sigma $"),
        ([Run("a ⊙ b")], r"$a$ $\odot $ $b$"),
        ([Run("√d")], r"$\sqrt{d}$"),
        ([Run("√(d + 1)")], r"$\sqrt{d + 1}$"),
        ([Run("√(d/heads)")], r"$\sqrt{\vphantom{d}\smash{d/\mathrm{heads}}}$"),
        ([Run("10⁻⁶")], r"10${}^{-6}$"),
        ([Run("[batch, d"), Run("width", shift=1), Run("]")], r"[batch,{} $d^{\mathrm{width}}$]"),
        ([Run("Linear", bold=True), Run(" d_model")], r"\textbf{Linear} d\_model"),
        ([Run("h′")], r"$h{}^{\prime}$"),
        ([Run("x < y & 50%")], r"$x$ $<$ $y$ \& 50\%"),
        ([Run("~ Normal")], r"$\sim $ Normal"),
        ([Run("2i")], r"2$i$"),
    ],
)
def test_words_become_mathematics(runs: list[Run], expected: str) -> None:
    assert latex(runs) == expected


def test_prose_stays_prose() -> None:
    assert latex([Run("A model of σ, a first one")], prose=True) == r"A model of $\sigma $,{} a first one"


def test_a_sign_without_a_name_is_drawn() -> None:
    drawn = tex.outline("❄")
    assert drawn.startswith("\\archdslsign{") and drawn.count("-- cycle") >= 1
    assert tex.outline("漢") == r"\archdslletter{6F22}{漢}"


# -- compiled -----------------------------------------------------------------------------------------------------------
DOCUMENTS = {
    "article": (r"\documentclass{article}\usepackage{archdsl}", r"\begin{figure}\archfigure[%s]{net.arch}\end{figure}"),
    "active characters": (
        r"\documentclass{article}\usepackage{archdsl}",
        r"\begin{figure}\catcode`;=13 \catcode`:=13 \catcode34=13 \catcode`!=13 \archfigure[%s]{net.arch}\end{figure}",
    ),
    "two columns": (
        r"\documentclass[twocolumn]{article}\usepackage{archdsl}",
        r"\begin{figure}\archfigure[%s]{net.arch}\end{figure}",
    ),
    "IEEEtran": (
        r"\documentclass[conference]{IEEEtran}\usepackage{archdsl}",
        r"\begin{figure}\archfigure[%s]{net.arch}\end{figure}",
    ),
    "beamer": (r"\documentclass{beamer}\usepackage{archdsl}", r"\begin{frame}\archfigure[%s]{net.arch}\end{frame}"),
}
NET = '''"""A net: 100 % of it."""
model Net(d_in = 4) { input x: [batch, d_in]
 h0 = Linear(d_in)(x)
 output y = sigmoid(h0) * h0 }'''


def compiled(home: Path, document: str, engine: str = "pdflatex", fails: bool = False) -> str:
    """What LaTeX says of a document in that folder."""
    (home / "paper.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=home, capture_output=True, check=False
    )
    said = done.stdout.decode("utf-8", "replace")
    assert bool(done.returncode) == fails, said[-2000:]
    return said


def installed(file: str) -> bool:
    return not subprocess.run(["kpsewhich", file], capture_output=True, check=False).returncode


def prepared(home: Path, *options: str) -> None:
    (home / "net.arch").write_text(NET, encoding="utf-8")
    assert main(["latex", "-o", str(home / "archdsl.sty")]) == 0
    for form in ("tikz", "pdf"):
        assert main(["draw", str(home / "net.arch"), "-o", str(home / f"net.{form}"), *options]) == 0


@needs_latex
@pytest.mark.parametrize("kind, form", [*((kind, "tikz") for kind in DOCUMENTS), ("two columns", "pdf")])
def test_documents_compile(kind: str, form: str, tmp_path: Path) -> None:
    head, body = DOCUMENTS[kind]
    if kind in ("IEEEtran", "beamer") and not installed(f"{kind}.cls"):
        pytest.skip(f"no {kind} in this TeX Live")
    prepared(tmp_path, "--width", "3.2in", "--no-legend")
    text = f"{head}\\begin{{document}}Text. {body % f'format={form}'}\\end{{document}}"
    said = compiled(tmp_path, text)
    assert "wider than its place" not in said and "Overfull \\hbox" not in said and "Missing character" not in said
    if shutil.which("pdftotext"):
        read = subprocess.run(["pdftotext", str(tmp_path / "paper.pdf"), "-"], capture_output=True, check=True)
        assert {"Linear", "batch", "Net"} <= set(re.findall(r"\w+", read.stdout.decode()))


@needs_latex
def test_hostile_words_compile(tmp_path: Path, draw: Draw) -> None:
    (tmp_path / "m.tikz").write_text(draw(HOSTILE).tikz(), encoding="utf-8")
    compiled(tmp_path, r"\documentclass{article}\usepackage{tikz}\begin{document}\input{m.tikz}\end{document}")


@needs_latex
@pytest.mark.parametrize("engine", ["lualatex", "xelatex"])
def test_other_engines(engine: str, tmp_path: Path) -> None:
    if not shutil.which(engine):
        pytest.skip(f"no {engine} on this machine")
    prepared(tmp_path, "--no-legend")
    compiled(
        tmp_path,
        r"\documentclass{article}\usepackage[tikz]{archdsl}\begin{document}\archfigure{net.arch}\end{document}",
        engine,
    )


@needs_latex
@needs_latex
@pytest.mark.parametrize("engine", ["pdflatex", "lualatex", "xelatex"])
def test_letters_that_the_font_lacks_compile(engine: str, tmp_path: Path, draw: Draw) -> None:
    if not installed("standalone.cls") or shutil.which(engine) is None:
        pytest.skip(f"{engine} is not there")
    drawn = draw(NET.replace("A net:", "将来:", 1), "far.arch").tikz(whole=True)
    log = compiled(tmp_path, drawn, engine)
    assert "Missing character" not in log
    own = drawn.replace(r"\begin{document}", r"\def\archdslletter#1#2{\typeout{letter #1.}}\begin{document}")
    assert "letter 5C06." in compiled(tmp_path, own, engine)


def test_a_document_of_its_own(tmp_path: Path, draw: Draw) -> None:
    if not installed("standalone.cls"):
        pytest.skip("no standalone in this TeX Live")
    compiled(tmp_path, draw(NET).tikz(whole=True))


@needs_latex
def test_a_missing_drawing_is_an_error_with_its_command(tmp_path: Path) -> None:
    assert main(["latex", "-o", str(tmp_path / "archdsl.sty")]) == 0
    text = r"\documentclass{article}\usepackage{archdsl}\begin{document}\archfigure[width=3in,panel=Net]{net.arch}\end{document}"
    said = "".join(compiled(tmp_path, text, fails=True).replace("(archdsl)", "").split())  # TeX breaks lines anywhere
    assert "Thereisnodrawingnet-Net.pdf" in said
    assert re.search(r'archdsldraw"net\.arch"--width2\.99\d*in--onlyNet-o"net-Net\.pdf"', said)


@needs_latex
def test_a_drawing_that_is_too_wide_is_a_warning(tmp_path: Path) -> None:
    prepared(tmp_path)
    text = r"\documentclass{article}\usepackage{archdsl}\begin{document}\archfigure[width=1in]{net.arch}\end{document}"
    assert "wider than its place" in compiled(tmp_path, text)


@needs_latex
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for archdsl is a script")
def test_with_shell_escape_the_drawing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.arch").write_text(NET, encoding="utf-8")
    assert main(["latex", "-o", str(tmp_path / "archdsl.sty")]) == 0
    script = tmp_path / "archdsl"
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH="{Path(__file__).parents[2]}" exec "{sys.executable}" -m archdsl "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage[tikz]{archdsl}\begin{document}\archfigure[width=3.3in,options={--no-legend}]{net.arch}\end{document}",
        encoding="utf-8",
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    subprocess.run(
        ["pdflatex", "-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    picture = (tmp_path / "net.tikz").read_text(encoding="utf-8")
    width = re.search(r"rectangle \(([0-9.]+),", picture)
    assert width and float(width[1]) <= 3.3 * 72 + 0.5
    drawn_at = (tmp_path / "net.tikz").stat().st_mtime_ns
    subprocess.run(
        ["pdflatex", "-shell-escape", "-interaction=nonstopmode", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert (tmp_path / "net.tikz").stat().st_mtime_ns == drawn_at  # nothing has changed, so nothing is drawn
    paper = tmp_path / "paper.tex"
    paper.write_text(
        paper.read_text(encoding="utf-8").replace("--no-legend", "--no-legend --theme mono"), encoding="utf-8"
    )
    subprocess.run(
        ["pdflatex", "-shell-escape", "-interaction=nonstopmode", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert (tmp_path / "net.tikz").read_text(encoding="utf-8") != picture
