"""Figures drawn with any option are read: widths, directions, themes, panels apart, without legend and captions; and holes are told.

A sample; `sweep.py` does the same for every example.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import archdsl
from archdsl import cli, compiler, resources
from archdsl.figure import figure, figures, paint
from archdsl.figure.reading import Holes, read
from archdsl.ir.meaning import same
from archdsl.ir.program import Program
from tests.figure.reading.strip import stripped

WHOLE: dict[str, dict[str, Any]] = {
    "6.5in": {"width": "6.5in"},
    "3.25in": {"width": "3.25in"},
    "20in": {"width": "20in"},
    "up": {"direction": "up"},
    "down": {"direction": "down", "width": "6.5in"},
    "left": {"direction": "left"},
    "right": {"direction": "right"},
    "dark": {"theme": "dark"},
    "mono": {"theme": "mono"},
    "no legend": {"legend": False},
    "no captions": {"captions": False},
    "links": {"link": "model.arch"},
    "counts": {"counts": {"DANN": 1234, "Train": 5}},
}
SHOWN = ("dni", "elm")
PARTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "depth": ({"depth": 0}, ["LSTM"]),
    "only": ({"only": ["Tagger"]}, ["LSTM"]),
    "collapse": ({"collapse": ["LSTM"]}, ["LSTM"]),
    "expand": ({"depth": 0, "expand": ["LSTM"]}, []),
    "memory": ({"only": ["ELM"]}, ["Fit"]),
}


@cache
def program(name: str) -> Program:
    return compiler.analyse_file(resources.folder("examples") / f"{name}.arch")


@cache
def pictures() -> dict[tuple[str, str], bytes]:
    """All figures of this file, by one layout process."""
    wanted = {(look, name): figure(program(name), **WHOLE[look]) for look in WHOLE for name in _of(look)}
    wanted |= {(part, ""): figure(program(_drawn(part)), **PARTS[part][0]) for part in PARTS}
    return dict(zip(wanted, paint(list(wanted.values()), "svg")))


def _of(look: str) -> tuple[str, ...]:
    return ("mlp", "tagger") if look == "3.25in" else ("gpt2", *SHOWN) if look in ("left", "dark") else SHOWN


def _drawn(part: str) -> str:
    return "elm" if part == "memory" else "tagger"


@pytest.mark.parametrize("look", WHOLE)
def test_whatever_it_is_drawn_with(look: str) -> None:
    for name in _of(look):
        assert same(compiler.analyse(read(stripped(pictures()[look, name]))), program(name)), name


@pytest.mark.parametrize("part", PARTS)
def test_what_is_left_out_is_told(part: str) -> None:
    picture, names = stripped(pictures()[part, ""]), PARTS[part][1]
    if not names:
        assert same(compiler.analyse(read(picture)), program(_drawn(part)))
        return
    with pytest.raises(Holes) as caught:
        read(picture)
    assert caught.value.names == names


def test_panels_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In any order, by their folder, with one of them twice, one of them gone, one of them something else."""
    drawn = figures(program("gan"))
    for part, picture in zip(drawn, paint(drawn, "svg")):
        (tmp_path / f"gan-{part.name}.svg").write_bytes(picture)
    files = [str(p) for p in sorted(tmp_path.glob("*.svg"))]
    for given in ([str(tmp_path)], files[::-1], [*files, files[0]]):
        assert same(archdsl.check(archdsl.read(*given)), program("gan"))
    assert cli.main(["read", str(tmp_path), "-o", str(tmp_path / "read.arch")]) == 0
    assert cli.main(["read", *files[1:]]) == 1
    assert "does not show what is inside Discriminator" in capsys.readouterr().err
    (tmp_path / "other.svg").write_text("<svg/>")
    assert cli.main(["read", str(tmp_path)]) == 2
    assert f"cannot read {tmp_path / 'other.svg'}: this picture has no panels" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert cli.main(["read", str(tmp_path / "empty")]) == 2
    assert "no .svg and no .dot file in this folder" in capsys.readouterr().err
