"""Every panel of the examples and the library fits the column of a paper, without a fault that can be measured, and is read back from there."""

import contextlib
import re
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from quality import faults

from archdsl.compiler import analyse, analyse_file
from archdsl.figure import FigureError, figure, style, theme
from archdsl.figure.changes import wire_label
from archdsl.figure.folding import folded
from archdsl.figure.layout import narrow, order, sifting
from archdsl.figure.layout.__main__ import DoesNotFit, work
from archdsl.figure.panels import panels
from archdsl.figure.reading import read
from archdsl.figure.reading.markup import plain, unfolded
from archdsl.ir.meaning import same
from archdsl.resources import folder
from tests.figure.reading.strip import renamed, stripped

FILES = [p for room in ("examples", "library") for p in sorted(folder(room).glob("*.arch"))]
COLUMN = "3.25in"
BESIDE = 5.0
"""How far what comes back keeps from other lines, in a narrow figure."""


@cache
def _new_panels() -> dict[Path, list[str]]:
    """For each file, the definitions that no file before it draws alike."""
    seen: set[str] = set()
    found: dict[Path, list[str]] = {}
    for path in FILES:
        program = analyse_file(path)
        found[path] = []
        for shown in panels(program):
            text = figure(program, only=[shown.name], legend=False).dot
            if text not in seen:
                seen.add(text)
                found[path].append(shown.name)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_panel_fits_a_column(path: Path) -> None:
    if names := _new_panels()[path]:
        places = figure(analyse_file(path), width=COLUMN, only=names, legend=False).places()
        assert faults(places, BESIDE) == []


@pytest.mark.parametrize(
    "name, width",
    [("lstm", COLUMN), ("vae", COLUMN), ("resnet18", COLUMN), ("som", COLUMN), ("transformer", "6.5in")],
)
def test_narrow_figures_are_read_back(name: str, width: str) -> None:
    program = analyse_file(folder("examples") / f"{name}.arch")
    drawn = figure(program, width=width)
    assert same(program, analyse(read(stripped(drawn.svg(), 3)), name))
    assert same(program, analyse(read(renamed(drawn.looks[-1].dot, 3).encode()), name))


WIDE = """model Many(n = 9, d = 4) { input x: [batch, time, d]
 a = sigmoid(Linear(n)(x)) * tanh(Linear(n)(x)) + sigmoid(Linear(n)(x)) * tanh(Linear(n)(x))
 b = sigmoid(Linear(n)(x)) * tanh(Linear(n)(x)) + sigmoid(Linear(n)(x)) * tanh(Linear(n)(x))
 output y = a * b }"""


@pytest.mark.parametrize("width", ["1.7in", "2.2in", "3in", "5in"])
def test_what_stands_side_by_side_goes_above_one_another(width: str) -> None:
    narrow = figure(analyse(WIDE, "w"), width=width, legend=False)
    assert faults(narrow.places(), BESIDE) == []
    boxes = [d.places()[0]["frames"]["cluster_p0"]["box"] for d in (narrow, figure(analyse(WIDE, "w")))]
    assert boxes[0]["x1"] - boxes[0]["x0"] < boxes[1]["x1"] - boxes[1]["x0"]


def test_a_panel_that_fits_is_not_made_narrower() -> None:
    places = [figure(analyse(WIDE, "w"), width=w, legend=False).places() for w in ("30in", "40in")]
    assert places[0] == places[1] == figure(analyse(WIDE, "w"), legend=False).places()


def test_what_has_no_room_at_all_is_an_error() -> None:
    with pytest.raises(FigureError, match=r"the panel of Many does not fit a width of 0.6in"):
        figure(analyse(WIDE, "w"), width="0.6in", legend=False).svg()


@pytest.mark.parametrize(
    "width, wishes, mend",
    [
        ("3in", {"direction": "right", "legend": False}, "leave --direction out"),
        ("3in", {"direction": "left", "legend": False}, "leave --direction out"),
        ("0.6in", {"direction": "down", "legend": False}, "give it that width$"),
        ("1in", {"only": ["Small"]}, "--no-legend"),
    ],
)
def test_what_does_not_fit_says_what_to_do(width: str, wishes: dict[str, Any], mend: str) -> None:
    small = "\nblock Small(d = 4) { input x: [d]\n output y = x }"
    with pytest.raises(FigureError) as problem:
        figure(analyse(WIDE + small, "w"), width=width, **({"only": ["Many"]} | wishes)).svg()
    assert re.search(mend, problem.value.hint)


# -- long lines ---------------------------------------------------------------------------------------------------------
@cache
def _lines() -> list[str]:
    lines = {
        line
        for path in FILES
        for shown in panels(analyse_file(path))
        for text in (*(n for m in shown.root.all_marks() for n in m.lines), *map(wire_label, shown.wires))
        for line in text.split("<BR/>")
    }
    return sorted(lines)


@pytest.mark.parametrize("letters", [8, 16, 30])
def test_folded_lines_are_joined_again(letters: int) -> None:
    several = 0
    for line in _lines():
        pieces = folded(line, letters)
        several += len(pieces) > 1
        assert unfolded(map(plain, pieces)) == [plain(line)]
    assert several > 10


def test_a_type_is_folded_at_its_commas_first_and_before_a_sign() -> None:
    assert folded("[batch, channels, ⌊height/stride + 2·padding/stride⌋ + 1]", 24) == [
        "[batch, channels,",
        "⌊height/stride",
        "+ 2·padding/stride⌋ + 1]",
    ]
    assert folded("a word and another one that is long", 10) == ["a word and another one that is long"]
    assert folded("<B>x</B> <FONT>[a, b]</FONT>", 5)[0].startswith("<B>x</B> <FONT>[a,</FONT>")


# -- work ---------------------------------------------------------------------------------------------------------------
def _counted(monkeypatch: pytest.MonkeyPatch, text: str, **wishes: str) -> dict[str, int]:
    """How often what a layout spends its time on is done: pairs looked at, orders sought, frames parted."""
    counts: dict[str, int] = {}

    def count(room: Any, name: str) -> None:
        done = getattr(room, name)

        def counting(*given: Any) -> Any:
            counts[name] = counts.get(name, 0) + 1
            return done(*given)

        monkeypatch.setattr(room, name, counting)

    count(sifting, "_change")
    count(order, "arrange")
    count(narrow.Narrowing, "_part")
    drawn = figure(analyse(text, "w"), legend=False, **wishes)
    looks = [{**asdict(look), "smallest": style.smallest(look.dot)} for look in drawn.looks]
    page = {"looks": looks, "title": "", "description": "", "width": drawn.width}
    with contextlib.suppress(DoesNotFit):
        list(work({"pages": [page], "format": "places", "dpi": 96, "least": theme.SMALLEST}))
    return counts


def _side_by_side(count: int) -> str:
    lines = [f" h{i} = Linear(n)(x)" for i in range(count)]
    joined = ", ".join(f"h{i}" for i in range(count))
    return "\n".join(["model Many(n = 9, d = 4) { input x: [batch, d]", *lines, f" output y = concat({joined}) }}"])


def test_much_side_by_side_is_laid_out_with_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each order has its share of work, however much stands in it, and what is known to be too wide is not tried again."""
    counts = _counted(monkeypatch, _side_by_side(30), width="8in")
    assert counts["arrange"] <= 8
    assert counts["_change"] <= 51_000 * counts["arrange"]


def test_frames_in_frames_are_parted_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "Linear(d) -> tanh -> Linear(d)"
    for count in range(2, 8):
        body = f"loop {count} {{ {body} -> Linear(d) }}"
    text = f"model Deep(d = 4) {{ input x: [batch, d]\n input w: [batch, d]\n output y = [x, w] -> concat -> Linear(d) -> {body} }}"
    counts = _counted(monkeypatch, text, width="1.8in")
    assert 7 <= counts["_part"] <= 7 * 24 * 6  # frames, with the panel's; rounds; ways
