"""The arrangement that readers know from papers: straight streams, gates from the side, residuals round the side, wires into frames from below."""

import itertools
import random
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from quality import faults

from archdsl.compiler import analyse
from archdsl.figure import figure
from archdsl.figure.layout import simplex
from archdsl.figure.layout.tracks import Net, Piece, stack
from archdsl.figure.panels import panels
from archdsl.figure.scene import Panel, Wire
from archdsl.figure.streams import streams
from archdsl.resources import folder
from tests.programs import programs

Sheet = dict[str, Any]
SHOWN = [
    "lstm",
    "gru",
    "peephole_lstm",
    "tagger",
    "ntm",
    "dntm",
    "gpt2",
    "bert",
    "transformer",
    "resnet50",
    "wavenet",
    "gnmt",
]


@cache
def _drawn(name: str) -> list[tuple[str, Panel, Sheet]]:
    path = folder("examples") / f"{name}.arch"
    program = analyse(path.read_text(encoding="utf-8"), str(path))
    return [(f"p{i}", p, s) for i, (p, s) in enumerate(zip(panels(program), figure(program).places()))]


def _wires(name: str) -> Iterator[tuple[Panel, Sheet, Wire, Sheet]]:
    for prefix, panel, sheet in _drawn(name):
        for n, wire in enumerate(panel.wires):
            yield panel, sheet, wire, sheet["edges"][f"{prefix}_w{n}"]


@pytest.mark.parametrize("name", ["lstm", "gru", "tagger"])
def test_state_is_a_straight_highway(name: str) -> None:
    straight = 0
    for prefix, panel, sheet in _drawn(name):
        flow = streams(panel)
        ways = {id(w): sheet["edges"][f"{prefix}_w{n}"] for n, w in enumerate(panel.wires)}
        for wire in panel.wires:
            if id(wire) in flow.highway:
                xs = [p[0] for p in ways[id(wire)]["points"]]
                assert max(xs) - min(xs) < 0.5
                straight += 1
    assert straight >= 3


@pytest.mark.parametrize("name", ["lstm", "gru", "tagger", "peephole_lstm", "wavenet"])
def test_gates_enter_from_the_side(name: str) -> None:
    """But for a gate that is all there is below a ×, when the other value comes from the side."""
    level = 0
    for panel, _, wire, edge in _wires(name):
        if wire.kind == "gate" and wire.head.kind == "circle":
            others = [w for w in panel.wires if w.head is wire.head and w is not wire]
            if abs(edge["points"][-1][1] - edge["tip"][1]) < 0.5:
                level += 1
            else:
                assert all(w.kind == "data" for w in others)
    assert level > 0


@pytest.mark.parametrize("name", ["gpt2", "bert", "transformer", "resnet50"])
def test_residuals_go_round_the_side_in_one_lane(name: str) -> None:
    for panel, _, wire, edge in _wires(name):
        if wire.kind == "data" and id(wire) in streams(panel).around:
            upright = [
                a for a, b in itertools.pairwise(edge["points"]) if abs(a[0] - b[0]) < 0.1 and abs(a[1] - b[1]) > 9
            ]
            assert len({round(a[0], 1) for a in upright}) <= 2, panel.name


@pytest.mark.parametrize("name", SHOWN)
def test_wires_enter_frames_from_below_and_leave_above(name: str) -> None:
    """A wire crosses the border of a frame upright, at its bottom when it goes in and at its top when it comes out.

    Only from a frame to another beside it does it go in at the side.
    """
    for _, sheet, wire, edge in _wires(name):
        if wire.kind == "return":
            continue
        boxes = {n: f["box"] for n, f in sheet["frames"].items() if not n.endswith("_pair")}
        tail, head = (sheet["nodes"][edge[end]]["box"] for end in ("tail", "head"))
        across = _beside(sheet, edge)
        for frame, box in boxes.items():
            if frame in across:
                continue
            inside = [
                box["x0"] < b["x0"] and b["x1"] < box["x1"] and box["y0"] < b["y0"] and b["y1"] < box["y1"]
                for b in (tail, head)
            ]
            for a, b in itertools.pairwise([*edge["points"], *([edge["tip"]] if edge["tip"] else [])]):
                if abs(a[1] - b[1]) < 0.1 and box["y0"] < a[1] < box["y1"]:
                    low, high = sorted((a[0], b[0]))
                    assert not low < box["x0"] < high and not low < box["x1"] < high, edge["key"]
                if inside == [False, True] and min(a[1], b[1]) < box["y1"] < max(a[1], b[1]):
                    assert not box["x0"] < a[0] < box["x1"], edge["key"]


def _beside(sheet: Sheet, edge: Sheet) -> list[str]:
    """The borders of the frame at a wire's head, if it stands beside the one at its tail."""
    first, second = (_frame(sheet, edge[end]) for end in ("tail", "head"))
    a, b = first["box"], second["box"]
    apart = a["x1"] < b["x0"] or b["x1"] < a["x0"]
    return [second["name"], f"{second['name']}_outer"] if apart and a["y0"] < b["y1"] and b["y0"] < a["y1"] else []


def _frame(sheet: Sheet, node: str) -> Sheet:
    frame: Sheet = sheet["frames"][sheet["nodes"][node]["frame"]]
    return sheet["frames"][frame["parent"]] if frame["name"].endswith("_pair") else frame


SEQUENCES = """model Seq(vocab = 100, units = 32) {
  input source: int[batch, s]
  input target: int[batch, t]
  e = source -> Embedding(vocab, units) -> scan LSTM(units) over s
  d = target -> Embedding(vocab, units) -> scan LSTM(units) over t from (h = e.h', c = e.c')
  output scores = d -> Linear(vocab)
}"""
CHAIN = """model Chain(units = 32) {
  input x: [batch, time, units]
  a = x -> stack 3 { Linear(units) -> tanh }
  b = x -> stack 3 { input h
    h' = tanh(Linear(units)(h) + a) }
  output y = b
}"""


@pytest.mark.parametrize("name", ["transformer", "sequences"])
def test_encoder_stands_beside_decoder(name: str) -> None:
    """Two streams that meet: frames at one height, and the arrow goes from the top of one into the side of the other."""
    path = folder("examples") / f"{name}.arch"
    text = SEQUENCES if name == "sequences" else path.read_text(encoding="utf-8")
    sheet = figure(analyse(text, name)).places()[0]
    across = [(e, s) for e in sheet["edges"].values() if (s := _beside(sheet, e))]
    assert len(across) == (2 if name == "sequences" else 1)
    for edge, _ in across:
        first, second = (_frame(sheet, edge[end])["box"] for end in ("tail", "head"))
        assert first["y0"] == pytest.approx(second["y0"])
        above = [y for _, y in edge["points"] if y > first["y1"]]
        assert second["y0"] < min(above) < second["y1"]
    assert faults([sheet]) == []


def test_what_stems_from_the_same_stands_above() -> None:
    sheet = figure(analyse(CHAIN, "chain")).places()[0]
    assert [e["key"] for e in sheet["edges"].values() if _beside(sheet, e)] == []


@pytest.mark.parametrize(("name", "width"), [("lstm", "5.6in"), ("gru", "5in"), ("gpt2", "3.25in")])
def test_wide_rows_are_parted_where_the_page_is_narrow(name: str, width: str) -> None:
    path = folder("examples") / f"{name}.arch"
    program = analyse(path.read_text(encoding="utf-8"), str(path))
    narrow, free = figure(program, width=width, direction="up").places(), figure(program).places()
    assert faults(narrow) == []
    assert max(map(_width, narrow)) < 0.8 * max(map(_width, free))


def _width(sheet: Sheet) -> float:
    boxes = [f["box"] for f in sheet["frames"].values()]
    return float(max(b["x1"] for b in boxes) - min(b["x0"] for b in boxes))


@given(programs(most=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_programs_are_drawn_without_faults(text: str) -> None:
    assert faults(figure(analyse(text, "t.arch")).places()) == []


# -- the method behind it ------------------------------------------------------------------------------------------------
def test_places_are_the_best_there_are() -> None:
    """Compared with every assignment of small whole numbers."""
    chance = random.Random(7)
    for _ in range(60):
        edges = [(i, i + 1, chance.randint(0, 1), chance.randint(0, 3)) for i in range(4)]
        for _ in range(4):
            a, b = sorted(chance.sample(range(5), 2))
            edges.append((a, b, chance.randint(-1, 2), chance.randint(0, 4)))
        every = [
            x for x in itertools.product(range(7), repeat=5) if all(x[h] - x[t] >= least for t, h, least, _ in edges)
        ]
        found = simplex.solve(5, edges)
        assert all(found[h] - found[t] >= least for t, h, least, _ in edges)
        assert _cost(found, edges) == min(_cost(list(x), edges) for x in every)


def test_a_circle_is_no_order() -> None:
    with pytest.raises(simplex.Circular):
        simplex.solve(2, [(0, 1, 1, 1), (1, 0, 1, 1)])


def _cost(x: list[int], edges: list[simplex.Edge]) -> int:
    return sum(weight * (x[h] - x[t]) for t, h, _, weight in edges)


def test_lines_that_run_along_each_other_are_told_with_their_ports() -> None:
    """Two results of a mark that change places: whichever track is the lower one, a line that rises runs along the port of the other. What
    is to be kept apart is the port, not the middle of its mark, which is far from there already."""

    def at(x: float) -> Any:
        return SimpleNamespace(item=SimpleNamespace(x=x))

    mark, lane, target = at(78.0), at(101.5), at(63.5)
    wire: Any = SimpleNamespace(turn="")
    group: Any = None
    right = Piece(wire, 0, [99.75], [63.5], group, (99.75, 63.5), lower=mark, upper=target)
    left = Piece(wire, 0, [63.75], [101.5], group, (63.75, 101.5), lower=mark, upper=lane)
    clashes = stack([Net([right]), Net([left])])
    assert clashes in ([((lane, 0.0), (mark, 21.75))], [((target, 0.0), (mark, -14.25))])
