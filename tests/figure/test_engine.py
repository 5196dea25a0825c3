"""Graphviz from the wheel, or from an executable; and what is said where neither is there or it fails."""

import os
import stat
import sys
from pathlib import Path

import pytest

from archdsl.compiler import analyse
from archdsl.figure import FigureError, figure, render
from archdsl.figure.layout import engine, fonts

SMALL = "model M(d = 4) { input x: [batch, d]\n x -> Linear(d) -> relu -> output y }"
FAKE = """#!{python}
import sys
from archdsl.figure.layout import engine
from pathlib import Path
import tempfile
options = {{a[:2]: a[2:] for a in sys.argv[1:]}}
with tempfile.TemporaryDirectory() as home:
    sys.stdout.buffer.write(engine._wheel(Path(home))(sys.stdin.read(), options["-K"], options["-T"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a script")
def test_an_executable_stands_in_for_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dot"
    program.write_text(FAKE.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    dot = 'digraph { a [pos="0,0"]; b [pos="0,90"]; a -> b [pos="e,0,72 0,18 0,30 0,50 0,60"] }'
    with engine.graphviz() as run:
        expected = run(dot, "nop2", "svg")
    monkeypatch.setattr(engine, "_wheel", lambda home: None)
    with engine.graphviz() as run:
        assert run(dot, "nop2", "svg") == expected


def test_without_graphviz_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine, "_wheel", lambda home: None)
    with pytest.raises(engine.LayoutFailed, match="dot"), engine.graphviz():
        pass


def test_dot_that_cannot_be_read_is_an_error() -> None:
    with engine.graphviz() as run, pytest.raises(engine.LayoutFailed):
        run("this is no graph", "dot", "svg")


def test_a_layout_that_dies_is_an_error_and_nothing_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dies"
    program.write_text(
        f"#!{sys.executable}\nimport os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", encoding="utf-8"
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    drawn = figure(analyse(SMALL, "test.arch"))
    monkeypatch.setattr(render.sys, "executable", str(program))
    with pytest.raises(FigureError) as caught:
        drawn.svg()
    assert "signal" in caught.value.message and caught.value.hint


def test_a_module_beside_the_program_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('run')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert figure(analyse(SMALL, "test.arch")).svg().startswith(b"<?xml")


def test_the_font_is_found_and_measured() -> None:
    font = fonts.load()
    assert font is not None
    assert font.glyph("σ") and font.glyph("❄") and not font.glyph("Ⓐ")
    assert font.width("ii", 10) < font.width("WW", 10)
    small = fonts.Font(font.subset("Wé"))
    assert small.width("Wé", 10) == font.width("Wé", 10)
    assert not small.glyph("x")
