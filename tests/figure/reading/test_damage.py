"""What is no figure, not all of one, or not what was drawn, is refused with a reason: no traceback, no file, no guess."""

from __future__ import annotations

import random
import re
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
_OPEN = b"<svg xmlns='http://www.w3.org/2000/svg'>"


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


def upright(element: ET.Element) -> bool:
    """Whether it is higher than wide, as no arrow of the legend is."""
    numbers = [float(n) for n in re.findall(r"-?[0-9.]+", element.get("points") or element.get("d") or "")]
    return max(numbers[1::2]) - min(numbers[1::2]) > max(numbers[::2]) - min(numbers[::2])


DAMAGE: dict[str, tuple[Callable[[ET.Element], bool], str]] = {
    "an arrow head": (
        lambda e: tag(e) == "polygon" and len(set(e.get("points", "").split())) == 3 and upright(e),
        "has no arrow head",
    ),
    "a line": (
        lambda e: tag(e) == "path" and e.get("fill") == "none" and e.get("stroke-width") == "0.9" and upright(e),
        "stands at the end of no line",
    ),
    "a panel's name": (lambda e: e.text == "GAN", "has no name"),
    "a mark's words": (lambda e: e.text == "relu", "a mark says nothing"),
    "the words of a layer": (lambda e: e.text == " 256", "Linear"),
    "an output's border": (
        lambda e: (
            tag(e) == "ellipse" and e.get("stroke-width") == "1.6" and float(e.get("rx", 0)) > 20
        ),  # not the legend's
        "stand",
    ),
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
    with pytest.raises(
        Unreadable, match=r"in the panel of (Generator|GAN), .* “\[batch, 7\]” does not follow from the rest"
    ):
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
        (b"digraph G { subgraph cluster_a { label=M; a } }", "no name, that around line 1"),
        (b"digraph G { a }\ndigraph H { b }", "from line 2 on there is a second graph"),
        (b'{"nodes": []}', "neither SVG nor"),
        (_OPEN + b"<image href='a.png'/></svg>", "an image of dots"),
        (_OPEN + b"<foreignObject><p>M</p></foreignObject></svg>", "HTML"),
        (_OPEN + b"</svg>\n" + _OPEN + b"</svg>", "from line 2 on there is a second picture"),
        (_OPEN + b"\n<rect></g></svg>", "broken in line 2"),
        (_OPEN + b"<text>\xe9</text></svg>", "broken in line 1"),
        (b"<?xml version='1.0' encoding='klingon'?><svg/>", "unknown encoding"),
        ("<!DOCTYPE svg [<!ENTITY a 'aaaa'>]><svg>&a;</svg>".encode("utf-16"), "the XML entity a"),
        # as others draw: matplotlib's letters, Netron's nodes
        (_OPEN + 40 * b"<path d='M0 0L9 0L9 9L0 9z'/>" + b"</svg>", "no text in this picture"),
        (
            _OPEN + b"<path d='M5,0h116a5,5 0 0 1 5,5v20a5,5 0 0 1 -5,5h-116a5,5 0 0 1 -5,-5v-20a5,5 0 0 1 5,-5z' "
            b"style='stroke:#333;fill:#eee'/><text x='6' y='18' style='font-size:11px'>Conv</text></svg>",
            "no name",
        ),
    ],
    ids=lambda v: v.decode("latin-1")[:20] if isinstance(v, bytes) else v,
)
def test_what_is_no_figure(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        panels_of(data)


BOMBS: dict[str, tuple[bytes, str]] = {
    "elements": (_OPEN + b"<path d='M0 0L1 1'/>" * 1_200_000 + b"</svg>", "more than 200,000 elements"),
    "depth": (_OPEN + b"<g>" * 1_000_000, "more than 200 elements"),
    "use": (
        _OPEN
        + b"<g id='a0'/>"
        + b"".join(b"<g id='a%d'>%s</g>" % (i, b"<use href='#a%d'/>" % (i - 1) * 60) for i in range(1, 19))
        + b"</svg>",
        "parts of itself more than",
    ),
    "itself": (_OPEN + b"<g id='a'><use href='#a'/></g></svg>", "parts of itself more than"),
    "points": (_OPEN + b"<path d='" + b"M0 0L1 1" * 3_000_000 + b"'/></svg>", "more points"),
    "transform": (_OPEN + b"<g transform='" + b"scale(1)" * 2_000_000 + b"'/></svg>", "more than 1,000 characters"),
    "rules": (_OPEN + b"<style>" + b"a{fill:red}" * 2_000_000 + b"</style></svg>", "more than 200 rules"),
    "bytes": (_OPEN + b" " * (33 * 2**20), "larger than 32 MiB"),
    "words": (b"digraph G {" + b"a;" * 3_500_000, "more than 500,000 words"),
    "text": (b"digraph G {" + b"a;" * 12_000_000, "more than 8,388,608 characters"),
    "label": (b"digraph G { a [label=" + b"<" * 8_000_000, "label in line 1 .* does not end"),
    "nothing": (bytes(24_000_000), "neither SVG nor"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_nothing_is_followed_farther_than_a_figure_could_go(bomb: str) -> None:
    """24 MB of anything end at a limit that is said, before any work that grows faster."""
    data, reason = BOMBS[bomb]
    with pytest.raises(Unreadable, match=reason):
        panels_of(data)


def test_the_place_of_damage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In which file, in which panel, beside what."""
    files = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for file in files:
        file.write_bytes(drawn()["whole"])
    files[1].write_bytes(without(ink(), DAMAGE["an arrow head"][0]))
    assert cli.main(["read", *map(str, files)]) == 2
    assert re.search(
        r"cannot read \S*two.svg: in the panel of \w+( \w+)?, .*“.*”.*; it may be damaged", capsys.readouterr().err
    )


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
