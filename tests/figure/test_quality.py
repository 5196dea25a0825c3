"""Every example is drawn without a fault that can be measured, and its cost does not depend on depth."""

from collections.abc import Callable
from pathlib import Path

import pytest
from quality import crossed_words, faults

from archdsl.compiler import analyse
from archdsl.figure import Figure, figure
from archdsl.resources import folder

EXAMPLES = sorted(folder("examples").glob("*.arch"))
Draw = Callable[..., Figure]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_are_drawn_without_faults(path: Path, draw: Draw) -> None:
    places = draw(path.read_text(encoding="utf-8"), str(path)).places()
    assert faults(places) == []
    assert crossed_words(places) <= 3


def test_library_is_drawn_without_faults(draw: Draw) -> None:
    for path in sorted(folder("library").glob("*.arch")):
        text = path.read_text(encoding="utf-8")
        for definition in analyse(text, str(path)).definitions:
            if definition.source_name == definition.name:
                assert faults(figure(analyse(text, str(path)), only=[definition.name]).places()) == [], definition.name


@pytest.mark.parametrize("word", ["stack", "loop"])
def test_nodes_do_not_depend_on_depth(word: str, draw: Draw) -> None:
    text = "model M(n = {}) {{ input x: [batch, 4]\n x -> {} n {{ Linear(4) -> relu }} -> output y }}"
    small, large = draw(text.format(2, word)), draw(text.format(200, word))
    assert [len(s["nodes"]) for s in small.places()] == [len(s["nodes"]) for s in large.places()]


def test_faults_are_found() -> None:
    box = {"x0": 0.0, "y0": 0.0, "x1": 20.0, "y1": 20.0}
    frame = {"name": "f", "box": {"x0": -5.0, "y0": -5.0, "x1": 50.0, "y1": 50.0}, "parent": ""}
    nodes = {n: {"name": n, "box": box, "frame": "f"} for n in "ab"}
    edge = {"key": "e", "tail": "", "head": "", "points": [(-2, 10), (5, 10), (15, 10), (30, 10)], "label": box}
    found = faults([{"nodes": nodes, "frames": {"f": frame}, "edges": {"e": edge}}])
    assert any("overlap" in f for f in found)
    assert any("lie on" in f for f in found)
    assert any("runs through" in f for f in found)
