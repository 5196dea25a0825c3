"""A drawn figure gives back the marks that it was drawn from, out of its ink alone: no ids, no titles, no colours, no order of elements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from archdsl import compiler, resources
from archdsl.figure import figure
from archdsl.figure.panels import panels
from archdsl.figure.reading import labels, panels_of, read
from archdsl.figure.reading.canonical import canonical, differences
from archdsl.figure.reading.lines import Line
from archdsl.figure.reading.places import Box
from archdsl.figure.reading.wires import Drawn
from archdsl.figure.render import paint
from archdsl.figure.scene import Frame, Mark, Wire
from archdsl.ir.meaning import same
from archdsl.ir.program import Program
from tests.figure.reading.strip import renamed, stripped
from tests.programs import programs

FILES = {p.stem: p for p in sorted(resources.folder("examples").glob("*.arch"))}
FILES |= {f"library/{p.stem}": p for p in sorted(resources.folder("library").glob("*.arch"))}
LOOKS = {
    "dark": {"theme": "dark"},
    "mono": {"theme": "mono"},
    "right": {"direction": "right"},
    "down": {"direction": "down"},
    "left": {"direction": "left"},
    "narrow": {"width": "6in"},
}
SHOWN = {look: ("gan", "mlp") if look == "narrow" else ("gan", "vae", "transformer", "gmm") for look in LOOKS}


@cache
def program(name: str) -> Program:
    return compiler.analyse_file(FILES[name])


@cache
def pictures() -> dict[str, bytes]:
    """Every example and every block of the library, and some in other looks, by one layout process."""
    wanted = {name: figure(program(name)) for name in FILES}
    wanted |= {f"{n} {look}": figure(program(n), **LOOKS[look]) for look, names in SHOWN.items() for n in names}
    return dict(zip(wanted, paint(list(wanted.values()), "svg")))


def lost(picture: bytes, drawn: Program) -> Sequence[str]:
    return differences(canonical(panels_of(picture)), canonical(panels(drawn)))


@pytest.mark.parametrize("name", FILES)
def test_marks_are_read_from_the_ink_of_an_svg(name: str) -> None:
    assert lost(stripped(pictures()[name]), program(name)) == []


@pytest.mark.parametrize(("look", "name"), [(look, name) for look, names in SHOWN.items() for name in names])
def test_whatever_its_theme_direction_and_width(look: str, name: str) -> None:
    assert lost(stripped(pictures()[f"{name} {look}"]), program(name)) == []


@pytest.mark.parametrize("name", FILES)
def test_marks_are_read_from_dot_whatever_its_names(name: str) -> None:
    assert lost(renamed(figure(program(name)).dot).encode(), program(name)) == []


@settings(max_examples=2, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(programs(), min_size=10, max_size=10))
def test_marks_of_random_programs(texts: list[str]) -> None:
    drawn = [compiler.analyse(text) for text in texts]
    for i, picture in enumerate(paint([figure(p) for p in drawn], "svg")):
        assert lost(stripped(picture, seed=i), drawn[i]) == [], texts[i]
        assert same(compiler.analyse(read(stripped(picture, seed=i))), drawn[i]), texts[i]


@pytest.mark.parametrize("name", FILES)
def test_the_program_means_the_same(name: str) -> None:
    """All the way: ink, marks, text, and what that text means. (From DOT the same marks come, as is shown above.)"""
    assert same(compiler.analyse(read(stripped(pictures()[name]))), program(name))


def test_the_program_of_dot_means_the_same() -> None:
    for name in SHOWN["dark"]:
        assert same(compiler.analyse(read(renamed(figure(program(name)).dot).encode())), program(name))


def test_an_index_has_none_of_its_own() -> None:
    """The type beside a bold name is no higher part of the name's index, however long that is."""
    for name in ("W_out", "A_log", "w_everything"):
        drawn = compiler.analyse(
            f"model M(d = 4) {{ input x: [batch, d]\n param {name}: [d] = 0\n output y = x * {name} }}"
        )
        assert not lost(paint([figure(drawn)], "svg")[0], drawn)


def test_a_backslash_is_drawn_as_it_is_written() -> None:
    r"""Graphviz has escapes of its own, such as `\G` for the graph's name; a docstring with TeX in it is not for them."""
    doc = r"The \\ of \frac, \N and \G, at the end \n"
    text = f'"""{doc}"""\nmodel M(d = 4) {{\n  input x: [batch, d]\n  output y = relu(x)\n}}\n'
    drawn = figure(compiler.analyse(text, "m.arch"))
    (picture,) = paint([drawn], "svg")
    assert doc in picture.decode()
    for data in (stripped(picture), drawn.dot.encode()):
        assert read(data).startswith(f'"""{doc}"""')


class Words(NamedTuple):
    text: str
    box: Box


def test_words_of_a_first_copy_belong_to_what_enters_the_stack() -> None:
    """And not to what enters a loop within it, though it is nearer."""
    outside, fork, inside = Mark("fork"), Mark("fork"), Mark("circle", ["+"])
    loop = Frame("loop", marks=[inside])
    root = Frame("panel", marks=[outside], frames=[Frame("stack", marks=[fork], frames=[loop])])
    into = Drawn(Wire(outside, fork), [(0.0, 90.0), (0.0, 20.0)])
    further = Drawn(Wire(fork, inside), [(0.0, 20.0), (4.0, 20.0), (4.0, 0.0)])
    block = [cast(Line, Words("into the first copy", Box(5.0, 18.0, 60.0, 26.0)))]
    assert labels.give([further, into], [block], root) == []
    assert (into.wire.label, further.wire.label) == ("into the first copy", "")
