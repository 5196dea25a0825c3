"""The palette: legible to every eye, in grey too; and no two kinds of mark differ by colour alone."""

import re
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

import pytest
from visible import words

from archdsl.compiler import analyse
from archdsl.figure import Figure, figure, theme
from archdsl.figure.panels import panels

Draw = Callable[..., Figure]
Rgb = tuple[float, float, float]
CASES = Path(__file__).parent.parent / "cases" / "figure"
# Machado, Oliveira & Fernandes 2009, severity 1, on linear light
EYES = {
    "trichromat": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanope": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranope": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanope": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    "grey": ((0.2126, 0.7152, 0.0722),) * 3,
}


def light(color: str) -> Rgb:
    r, g, b = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (r, g, b))  # type: ignore[return-value]


def seen(color: str, eye: str) -> Rgb:
    values = light(color)
    return tuple(min(1.0, max(0.0, sum(m * v for m, v in zip(row, values)))) for row in EYES[eye])  # type: ignore[return-value]


def contrast(a: str, b: str, eye: str = "trichromat") -> float:
    """WCAG's, between what an eye sees of two colours."""
    one, two = (sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), seen(x, eye))) for x in (a, b))
    return (max(one, two) + 0.05) / (min(one, two) + 0.05)


def colors(name: str) -> Callable[[str], str]:
    return lambda c: theme.THEMES[name].get(c, c)


FILLS = {k: a["fillcolor"] for k, a in theme.MARKS.items() if "fillcolor" in a and k != "fork"}
GROUNDS = {**{k: a["fillcolor"] for k, a in theme.FRAMES.items()}, "page": theme.PAPER}


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("name", theme.THEMES)
def test_words_can_be_read(name: str, eye: str) -> None:
    of = colors(name)
    for kind, ground in {**FILLS, **GROUNDS}.items():
        for ink in (theme.WORDS, theme.PROSE, theme.QUIET):
            assert contrast(of(ink), of(ground), eye) >= 4.5, (kind, ink)
    for kind, ground in GROUNDS.items():
        for wire in theme.WIRES.values():
            assert contrast(of(wire.get("fontcolor", theme.QUIET)), of(ground), eye) >= 4.5, (kind, wire)
    assert contrast(of(theme.PAPER), of(theme.INK), eye) >= 4.5  # a tag's letter


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("name", theme.THEMES)
def test_lines_stand_out_from_what_they_cross(name: str, eye: str) -> None:
    of = colors(name)
    for ground in GROUNDS.values():
        for wire in theme.WIRES.values():
            assert contrast(of(wire["color"].split(":")[0]), of(ground), eye) >= 3
    for kind, fill in FILLS.items():
        border = theme.MARKS[kind].get("color", theme.INK)
        assert contrast(of(border), of(fill), eye) >= 3, kind


BOLD = {"input", "output", "weights", "frozen", "state", "memory", "attention", "objective"}
"""Whose first word is set bold, which thickening shows in any font; of the others none is."""


def shape(kind: str) -> tuple[object, ...]:
    """All of a mark's looks but its colour."""
    attributes = theme.MARKS[kind]
    form = {"oval": "ellipse"}.get(attributes["shape"], attributes["shape"])
    styles = tuple(sorted(set(attributes.get("style", "").split(",")) - {"filled", ""}))
    return form, *styles, attributes.get("peripheries", "1"), attributes.get("penwidth", "0.9"), kind in BOLD


def test_no_two_kinds_of_mark_differ_by_colour_alone() -> None:
    for a, b in combinations(theme.MARKS, 2):
        if {a, b} != {
            "constant",
            "label",
        }:  # both are bare words: one has an arrow, the other stands in a frame's corner
            assert shape(a) != shape(b), (a, b)


def test_what_is_bold(draw: Draw) -> None:
    for path in sorted(CASES.glob("*.arch")):
        for mark in (
            m for p in panels(analyse(path.read_text(encoding="utf-8"), path.name)) for m in p.root.all_marks()
        ):
            if mark.lines and mark.kind in theme.MARKS and mark.kind not in ("gradient", "draw"):
                assert ("<B>" in mark.lines[0]) == (mark.kind in BOLD), (path.stem, mark)


def test_no_two_kinds_of_wire_differ_by_colour_alone() -> None:
    def line(attributes: Mapping[str, str]) -> tuple[object, ...]:
        return attributes.get("style"), attributes.get("arrowhead"), attributes["color"].count(":")

    for one, two in combinations(theme.WIRES.values(), 2):
        assert line(one) != line(two)


def test_no_two_kinds_of_frame_differ_by_colour_alone() -> None:
    def line(kind: str) -> tuple[object, ...]:
        a = theme.FRAMES[kind]
        words = {"loop": "↻ n", "scan": "↻ over", "legend": "Legend"}.get(kind, "")  # what its own words say
        return a["style"], a["penwidth"], "double" if kind == "stack" else "", words

    for a, b in combinations(theme.FRAMES, 2):
        assert line(a) != line(b), (a, b)


def test_a_theme_knows_every_colour() -> None:
    used = {c for p in CASES.glob("*.dot") for c in re.findall(r"#[0-9a-f]{6}", p.read_text(encoding="utf-8"))}
    for name, known in theme.THEMES.items():
        assert name == "paper" or used <= set(known)


@pytest.mark.parametrize("name", ["dark", "mono"])
def test_a_theme_changes_nothing_but_colours(name: str, draw: Draw) -> None:
    text = '''"""A "#2b2b2b" fillcolor="#ffffff" one."""
model M(d = 4) { input x: [batch, d]
 x -> Linear(d) -> relu -> output y }'''
    program = analyse(text, "m.arch")
    one, two = (figure(program, theme=t).svg().decode() for t in ("paper", name))
    for svg in (one, two):
        assert 'A "#2b2b2b" fillcolor="#ffffff" one.' in words(svg.encode())

    def bare(svg: str) -> str:
        return re.sub(r' (fill|stroke|color)="[^"]*"|(title|desc)-[0-9a-f]{8}', "", svg)

    assert bare(one) == bare(two) and one != two


def test_mono_is_grey(draw: Draw) -> None:
    svg = figure(analyse((CASES / "lstm.arch").read_text(encoding="utf-8"), "m"), theme="mono").svg()
    for color in re.findall(rb'"#([0-9a-f]{6})"', svg):
        assert color[:2] == color[2:4] == color[4:]
