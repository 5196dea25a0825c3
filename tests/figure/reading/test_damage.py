"""What is no figure, not all of one, or not what was drawn, is refused with a reason: no traceback, no file, no guess."""

from __future__ import annotations

import random
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from archdsl import cli, compiler, resources
from archdsl.figure import figure
from archdsl.figure.reading import Holes, Unreadable, panels_of, read
from archdsl.figure.render import paint
from archdsl.ir.meaning import same
from tests.figure.reading.strip import stripped

EXAMPLES = resources.folder("examples")


@cache
def drawn() -> dict[str, bytes]:
    """Some figures, as a picture and as DOT, whole and not."""
    gan, tagger = compiler.analyse_file(EXAMPLES / "gan.arch"), compiler.analyse_file(EXAMPLES / "tagger.arch")
    made = {
        "whole": figure(gan),
        "one": figure(gan, only=["GAN"]),
        "collapsed": figure(tagger, collapse=["LSTM"]),
        "shallow": figure(tagger, depth=0),
    }
    return dict(zip(made, paint(list(made.values()), "svg"))) | {"dot": made["whole"].dot.encode()}


def ink() -> ET.Element:
    return ET.fromstring(stripped(drawn()["whole"]))


def without(picture: ET.Element, chosen: Callable[[ET.Element], bool]) -> bytes:
    """A picture without the first element of a kind."""
    paper = picture[0]
    paper.remove(next(e for e in paper if chosen(e)))
    return ET.tostring(picture)


def tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


DAMAGE: dict[str, tuple[Callable[[ET.Element], bool], str]] = {
    "an arrow head": (
        lambda e: tag(e) == "polygon" and len(set(e.get("points", "").split())) == 3,
        "has no arrow head",
    ),
    "a line": (
        lambda e: tag(e) == "path" and e.get("fill") == "none" and e.get("stroke-width") == "0.9",
        "stands at the end of no line",
    ),
    "a panel's name": (lambda e: e.text == "GAN", "has no name"),
    "a mark's words": (lambda e: e.text == "relu", "a mark says nothing"),
    "the words of a layer": (lambda e: e.text == " 256", "Linear"),
    "an output's border": (lambda e: tag(e) == "ellipse" and e.get("stroke-width") == "1.6", "stand"),
    "the word updates": (lambda e: "updates" in (e.text or ""), "updates"),
}


@pytest.mark.parametrize("part", DAMAGE)
def test_a_picture_with_a_part_gone(part: str) -> None:
    chosen, reason = DAMAGE[part]
    with pytest.raises(Unreadable, match=reason):
        read(without(ink(), chosen))


def test_a_hand_that_changed_a_number_of_a_type() -> None:
    picture = ink()
    label = next(e for e in picture.iter() if "[batch, pixels]" in (e.text or "") and e.get("font-size") == "7.50")
    label.text = "[batch, 7]"
    with pytest.raises(Unreadable, match=r"in the panel of Generator, .* “\[batch, 7\]” does not follow from the rest"):
        read(ET.tostring(picture))


@pytest.mark.parametrize("seed", range(60))
def test_whatever_was_done_to_it_nothing_else_is_read(seed: int) -> None:
    """Elements gone, doubled, moved, with other numbers or other words: the same program, or a refusal with a reason."""
    rng, picture = random.Random(seed), ink()
    paper, reworded = picture[0], False
    for _ in range(rng.randint(1, 3)):
        element = rng.choice(list(paper))
        match rng.choice(("drop", "double", "move", "number", "word")):
            case "drop":
                reworded |= tag(element) == "text"
                paper.remove(element)
            case "double":
                paper.append(element)
            case "move":
                reworded |= tag(element) == "text"  # out of a mark and into the legend: the mark then says less
                element.set("transform", f"translate({rng.randint(-80, 80)} {rng.randint(-80, 80)})")
            case "number":
                element.set(
                    rng.choice(sorted(element.attrib)), rng.choice(("", "nan", "1e999", "-5", "none", "M0", "0"))
                )
            case _:
                reworded = True
                element.text = rng.choice(("", "x", "<", "h′", "[", "→", "first h", "each time:", "9" * 40))
    try:
        found = compiler.analyse(read(ET.tostring(picture)))
    except Unreadable as problem:
        assert problem.message and "<B>" not in problem.message
    else:
        assert reworded or same(found, compiler.analyse_file(EXAMPLES / "gan.arch"))


@pytest.mark.parametrize("seed", range(20))
def test_dot_that_was_cut_or_changed(seed: int) -> None:
    rng, data = random.Random(seed), bytearray(drawn()["dot"])
    for _ in range(3):
        data[rng.randrange(len(data))] = rng.choice(b'<>{}[]"=;ax0')
    for damaged in (bytes(data), bytes(data[: rng.randrange(len(data))])):
        try:
            compiler.analyse(read(damaged))
        except Unreadable as problem:
            assert problem.message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a PNG"),
        (b"\xff\xfe\x00", "neither SVG nor DOT"),
        (b"model M { input x: [] }", "neither SVG nor"),
        (b"<html><body>x</body></html>", "no SVG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='4' height='4'/></svg>", "no panels"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><g>", "ends in line 1"),
        (b"<!DOCTYPE svg [<!ENTITY a 'aaaa'>]><svg>&a;</svg>", "the XML entity a"),
        (b"digraph G { a -> b }", "no panels"),
        (b"graph G { a -- b }", "neither SVG nor"),
        (b"digraph G { subgraph cluster_a { label=<<B>M</B> model>; a [shape=star label=x] } }", "'star'"),
        (b"digraph G { subgraph cluster_a { label=<<B>M> } }", "broken"),
        (b"digraph G {" + b"subgraph {" * 5000, "too deeply"),
    ],
    ids=lambda v: v.decode("latin-1")[:20] if isinstance(v, bytes) else v,
)
def test_what_is_no_figure(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        panels_of(data)


HOLES = {"collapsed": ["LSTM"], "one": ["Discriminator", "Generator"], "shallow": ["LSTM"]}


@pytest.mark.parametrize(("part", "names"), HOLES.items())
def test_holes_are_named(part: str, names: list[str]) -> None:
    with pytest.raises(Holes) as caught:
        read(drawn()[part])
    assert sorted(caught.value.names) == sorted(names)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, program, holes = tmp_path / "gan.svg", tmp_path / "read.arch", tmp_path / "holes.svg"
    picture.write_bytes(drawn()["whole"])
    holes.write_bytes(drawn()["collapsed"])
    assert cli.main(["read", str(picture), "-o", str(program)]) == 0
    assert cli.main(["check", str(program)]) == 0
    before = program.read_bytes()
    assert cli.main(["read", str(holes), "-o", str(program)]) == 1
    assert "what is inside LSTM" in capsys.readouterr().err
    assert cli.main(["read", str(program)]) == 2
    assert "neither SVG nor" in capsys.readouterr().err
    assert cli.main(["read", str(picture), "-o", str(picture)]) == 2
    assert program.read_bytes() == before and picture.read_bytes() == drawn()["whole"]


def test_reading_loads_neither_torch_nor_graphviz(tmp_path: Path) -> None:
    (tmp_path / "gan.svg").write_bytes(drawn()["whole"])
    code = f"import sys; from archdsl import cli; cli.main(['read', {str(tmp_path / 'gan.svg')!r}]); " \
           "sys.exit(any(m in sys.modules for m in ('torch', 'graphviz', 'pygraphviz', 'sympy')))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
