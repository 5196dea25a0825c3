"""Which panels a figure has, and that it says what it leaves out."""

from archdsl.compiler import analyse
from archdsl.figure import figure
from archdsl.figure.panels import condition, panels
from archdsl.ir.num import Num
from archdsl.ir.program import Comparison, Condition

TEXT = """
block Inner(d) { input x: [batch, d]
  x -> Linear(d) -> output y }
block Outer(d) { input x: [batch, d]
  x -> Inner(d) -> Inner(d) -> output y }
model M(d = 4) { input x: [batch, d]
  x -> Outer(d) -> output y }
train Fit(d = 4) { input x: [batch, d]
  net = M(d)
  minimize mean(net(x)) with SGD(0.1) }
"""


def _names(**wishes: object) -> list[str]:
    return [p.name for p in panels(analyse(TEXT, "t.arch"), **wishes)]  # type: ignore[arg-type]


def _lines(**wishes: object) -> str:
    shown = panels(analyse(TEXT, "t.arch"), **wishes)  # type: ignore[arg-type]
    return "\n".join(line for p in shown for m in p.root.all_marks() for line in m.lines)


def test_the_model_comes_first_and_each_definition_once() -> None:
    assert _names() == ["M", "Outer", "Inner", "Fit"]


def test_only_and_entry() -> None:
    assert _names(only=["Inner"]) == ["Inner"]
    assert _names(entry="Outer") == ["Outer", "Inner"]


def test_collapse_and_depth_leave_out_and_say_so() -> None:
    assert _names(collapse=["Inner"]) == ["M", "Outer", "Fit"]
    assert _names(depth=0) == ["M", "Fit"]
    assert "inside not drawn" in _lines(collapse=["Inner"])
    assert "inside not drawn" not in _lines()


def test_expand_goes_deeper_than_depth() -> None:
    assert _names(depth=0, expand=["Outer"]) == ["M", "Outer", "Fit"]


def test_number_of_parameters_is_in_the_title() -> None:
    shown = panels(analyse(TEXT, "t.arch"), counts={"M": 1234567})
    assert "1,234,567 parameters" in shown[0].title[0]


def test_a_condition_that_failed_is_said_the_other_way_round() -> None:
    a, b = (Comparison(left=Num.symbol(n), op="==", right=Num.of(1)) for n in "ab")
    assert condition(Condition(any_of=[[a], [b]], outcome=True)) == "a = 1 or b = 1"
    assert condition(Condition(any_of=[[a], [b]], outcome=False)) == "a ≠ 1 and b ≠ 1"
    assert condition(Condition(any_of=[[a, b]], outcome=False)) == "a ≠ 1 or b ≠ 1"
    assert condition(Condition(any_of=[[a, b], [b]], outcome=False)) == "(a ≠ 1 or b ≠ 1) and b ≠ 1"


def test_a_condition_stands_apart_from_the_defaults() -> None:
    text = """block B(d, k = 1) { input x: [batch, d]
 if k == 1 { y = relu(x) } else { y = tanh(x) }
 output y }
model M(d = 4) { input x: [batch, d]
 x -> B(d) -> B(d, k = 2) -> output y }"""
    lines = [line for p in panels(analyse(text, "t.arch")) for line in p.title]
    assert any(">with d, k = 1<" in line for line in lines)
    assert any(">if k = 1<" in line for line in lines) and any(">if k ≠ 1<" in line for line in lines)


def test_a_size_named_alike_inside_and_outside_is_no_equation() -> None:
    shown = panels(analyse(TEXT.replace("x -> Outer(d)", "[x, x] -> Outer(2 * d)"), "t.arch"))
    lines = [line for m in shown[0].root.all_marks() for line in m.lines]
    assert any("d: 2d" in line for line in lines)


def test_the_legend_tells_loop_and_scan_apart() -> None:
    text = """model M(d = 4) { input x: [batch, time, d]
 x -> loop 3 { Linear(d) } -> scan LSTM(d) over time -> output y }"""
    dot = figure(analyse(text, "t.arch")).dot
    legend = dot[dot.index("cluster_legend") :]
    assert "↻ 16" in legend and "↻ over time →" in legend
