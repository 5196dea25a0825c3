"""What holds weights, memory or state says truly whether it learns, who changes it, and which one it is."""

from collections.abc import Callable

from visible import words

from archdsl.compiler import analyse
from archdsl.figure import Figure
from archdsl.figure.panels import panels
from archdsl.figure.scene import Mark, Panel

Draw = Callable[..., Figure]


def _panel(text: str, name: str) -> Panel:
    return next(p for p in panels(analyse(text, "t.arch")) if p.name == name)


def _mark(panel: Panel, word: str) -> Mark:
    return next(m for m in panel.root.all_marks() if any(word in line for line in m.lines))


def test_two_cells_of_a_kind_in_one_cell_have_a_state_each(draw: Draw) -> None:
    text = """cell Two(u) { input x: [batch, f]
 A = LSTM(u)
 B = LSTM(u)
 output y = A(x) + B(x) }
model M(d = 4) { input x: [batch, time, d]
 output y = x -> scan Two(3) over time }"""
    two = _panel(text, "Two")
    assert len([m for m in two.root.all_marks() if m.kind == "state"]) == 2
    assert draw(text).svg()


READOUT = """model M(d = 4) { input x: [batch, d]
 memory r: [d] = 0
 output y = x * r }
"""


def test_a_memory_says_who_sets_it() -> None:
    fit = "train Fit(d = 4) { input x: [batch, d]\n net = M(d)\n y = net(x)\n net.r' = mean(x, over = batch) }"
    assert any("never changes" in line for line in _mark(_panel(READOUT, "M"), "<B>r</B>").lines)
    lines = _mark(_panel(READOUT + fit, "M"), "<B>r</B>").lines
    assert any("set by Fit" in line for line in lines)
    assert not any("never changes" in line for line in lines)


def test_what_holds_only_frozen_weights_is_frozen_where_it_is_called() -> None:
    text = """block Still(d) {{ input x: [batch, d]
 output y = frozen Linear(d)(x) {} }}
model M(d = 4) {{ input x: [batch, d]
 x -> Still(d) -> output y }}"""
    assert _mark(_panel(text.format(""), "M"), "Still").kind == "frozen"
    assert _mark(_panel(text.format("+ Linear(d)(x)"), "M"), "Still").kind == "weights"


def test_only_what_holds_something_has_a_letter() -> None:
    text = """block F(d) {{ input x: [batch, d]
 {} }}
model M(d = 4) {{ input x: [batch, d]
 f = F(d)
 output y = f(x) + f(2 * x) }}"""
    tags = {
        body: _mark(_panel(text.format(body), "M"), "f: <B>F</B>").tag
        for body in (
            "output y = relu(x)",
            "output y = Linear(d)(x)",
            "memory m: [d] = 0\n m' = mean(x, over = batch)\n output y = x - m",
        )
    }
    assert list(tags.values()) == ["", "A", "A"]


def test_a_true_default_is_true(draw: Draw) -> None:
    text = "model M(d = 4) {{ input x: [batch, d]\n input m: bool[batch, d] = {}\n output y = where(m, x, 0) }}"
    assert "default true" in words(draw(text.format("true")).svg())
    assert "default false" in words(draw(text.format("false")).svg())


def test_a_likelihood_names_what_it_is_given() -> None:
    text = """model M(d = 4) { input x, mu: [batch, d]
 z ~ Normal(mu, 0.5)
 output l = log_prob(z) + 0 * x }"""
    mark = _mark(_panel(text, "M"), "log p")
    assert mark.ports == ["z", "mean"]
    assert any("std = 0.5" in line for line in mark.lines)
