"""Large programs: many definitions, and a panel that no layout can manage."""

import subprocess
import sys
from pathlib import Path

import pytest

from archdsl.cli import main
from archdsl.compiler import analyse
from archdsl.figure import FigureError, figure, figures, render


def many(count: int) -> str:
    """So many definitions, each of which uses the next two."""
    parts = []
    for i in range(count):
        inner = [f"B{j}(d)" for j in (2 * i + 1, 2 * i + 2) if j < count]
        body = "".join(f" -> {p}" for p in inner) or " -> Linear(d) -> relu"
        head = "model B0(d = 4) { input x: [batch, d]" if i == 0 else f"block B{i}(d) {{ input x: [batch, d]"
        parts.append(f"{head}\n x{body} -> output y }}")
    return "\n".join(parts)


def dense(values: int) -> str:
    """One panel in which every value is the sum of six others: five marks for each."""
    lines = ["model Monster(d = 4) {", " input v0: [batch, d]"]
    for i in range(1, values):
        lines.append(f" v{i} = " + " + ".join(f"v{(i * 2654435761 >> (k + 3)) % i}" for k in range(1, 7)))
    return "\n".join([*lines, f" output v{values - 1}", "}"])


def test_three_hundred_definitions_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_SECONDS", 600)  # a busy machine is no fault
    drawn = figure(analyse(many(300), "many.arch"))
    places = drawn.places()
    assert len(places) == 301


def test_three_hundred_panels_are_drawn_apart() -> None:
    drawn = figures(analyse(many(300), "many.arch"))
    assert len({f.name for f in drawn}) == 300
    assert len(render.paint(drawn[:40], "svg")) == 40


def test_a_layout_that_takes_too_long_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "monster.arch"
    program.write_text(dense(600), encoding="utf-8")
    monkeypatch.setattr(render, "_SECONDS", 2)
    assert main(["draw", str(program)]) == 2
    said = capsys.readouterr().err
    assert "took more than 2 seconds" in said
    assert "--panels separate" in said and "--depth" in said and "--width" not in said
    assert main(["draw", str(program), "--width", "8in"]) == 2
    assert "leave --width out" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["monster.arch"]


@pytest.mark.skipif(sys.platform == "win32", reason="processes are counted by ps")
def test_what_is_ended_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def noted(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(real(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(render.subprocess, "Popen", noted)
    monkeypatch.setattr(render, "_SECONDS", 0.05)
    with pytest.raises(FigureError):
        figure(analyse(many(20), "many.arch")).svg()
    assert len(started) == 1 and started[0].poll() is not None
    monkeypatch.setattr(render, "_SECONDS", 60)
    assert figure(analyse(many(2), "many.arch")).svg().startswith(b"<?xml")  # and the next one is drawn


def test_a_layout_without_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_COMMAND", ["-c", "raise MemoryError"])
    with pytest.raises(FigureError) as caught:
        figure(analyse(many(2), "many.arch")).svg()
    assert "MemoryError" in caught.value.message and "--panels separate" in caught.value.hint
