"""What a reviewer of emitted code would remark on, program by program: what is written, and that it computes the same as plain loops do."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
import torch
from emitted import run
from torch import Tensor

from archdsl.compiler import analyse
from archdsl.torch import CannotEmit, emit, naming

CHAIN = """model Chain(steps = 4) {
  input x: [batch, 3]
  r = loop steps {
    state h: [batch, 3] = x
    v = tanh(2 * h)
    h' = sin(v) + 0.5 * h
    output before = h
    output seen = v
    output after = h'
  }
  %s
}
"""


def chain(x: Tensor, steps: int = 4) -> dict[str, Tensor]:
    """The same in a plain loop."""
    lists: dict[str, list[Tensor]] = {"before": [], "seen": [], "after": []}
    h = x
    for _ in range(steps):
        v = torch.tanh(2 * h)
        lists["before"].append(h)
        h = torch.sin(v) + 0.5 * h
        lists["seen"].append(v)
        lists["after"].append(h)
    return {name: torch.stack(values) for name, values in lists.items()}


def both(text: str) -> tuple[str, list[Any]]:
    program = analyse(text)
    written = [emit(program, plain=plain) for plain in (False, True)]
    return written[0], [run(w) for w in written]


# -- lists that a loop fills ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("field", ["before", "seen", "after"])
def test_the_last_of_a_loop_is_its_own_variable(field: str) -> None:
    text, names = both(CHAIN % f"output y = last(r.{field}, over = 0)")
    x = torch.randn(2, 3)
    for one in names:
        torch.testing.assert_close(one["Chain"]()(x), chain(x)[field][-1])
    assert ("append" in text) == (field == "before")  # what is read before it is handed on has moved on after the loop


@pytest.mark.parametrize("field", ["before", "seen", "after"])
def test_the_last_and_all_of_a_loop(field: str) -> None:
    text, names = both(CHAIN % f"output y = last(r.{field}, over = 0)\n  output all = r.{field}\n  output end = r.h'")
    x = torch.randn(2, 3)
    wanted = chain(x)
    for one in names:
        torch.testing.assert_close(one["Chain"]()(x), (wanted[field][-1], wanted[field], wanted["after"][-1]))
    assert text.count("append") == 1


ENDS = """model Ends(steps = 4) {
  input x: [batch, time, d]
  r = x -> scan {
    input a: [batch, d]
    state h: [batch, d] = 0
    v = tanh(a + h)
    h' = sin(v) + 0.5 * h
    output seen = v
    output after = h'
  } over time
  %s
}
"""


@pytest.mark.parametrize("time", [0, 1, 3])
@pytest.mark.parametrize("field", ["seen", "after"])
@pytest.mark.parametrize("more", ["", "output all = r.seen"])
def test_the_last_of_a_scan_that_may_have_no_step(field: str, more: str, time: int) -> None:
    """What is handed on is as it began; else there is no last one, and the error says so."""
    text, names = both(ENDS % f"output y = last(r.{field}, over = time)\n{more}")
    x = torch.randn(2, time, 3)
    fast, plain = (one["Ends"]() for one in names)
    if time:
        torch.testing.assert_close(fast(x), plain(x), rtol=1e-5, atol=1e-6)
    elif field == "after" and not more:
        assert torch.equal(fast(x), torch.zeros(2, 3))
    else:
        for model in (fast, plain):
            with pytest.raises((IndexError, RuntimeError), match=r"list index out of range|non-empty"):
                model(x)
    assert text.count("append") == (field == "seen" or bool(more))


def test_a_loop_that_collects_makes_a_pass() -> None:
    text, (names, _) = both(CHAIN % "output y = last(r.seen, over = 0)")
    assert "append" not in text
    torch.testing.assert_close(names["Chain"](steps=2)(x := torch.randn(2, 3)), chain(x, 2)["seen"][-1])
    with pytest.raises(AssertionError):
        names["Chain"](steps=0)


@pytest.mark.parametrize("other", ["first(r.seen, over = 0)", "last(r.seen, over = 1)", "sum(r.seen, over = 0)"])
def test_what_else_is_read_is_still_stacked(other: str) -> None:
    _, names = both(CHAIN % f"output y = {other}")
    x = torch.randn(2, 3)
    seen = chain(x)["seen"]
    wanted = {"f": seen[0], "l": seen[:, -1], "s": seen.sum(0)}[other[0]]
    for one in names:
        torch.testing.assert_close(one["Chain"]()(x), wanted)


TWICE = """model Twice() {
  input x: [batch, time, d]
  forth = x -> scan {
    input a: [batch, d]
    state h: [batch, d] = 0
    h' = tanh(a + %s)
    output h'
  } over time
  back = forth -> scan {
    input a: [batch, d]
    state g: [batch, d] = 0
    g' = tanh(a - g * g)
    output g'
  } over time%s
  %s
}
"""


@pytest.mark.parametrize("all_of_it", [False, True])
@pytest.mark.parametrize("way", ["", " reversed"])
def test_a_loop_over_what_a_loop_stacked_goes_through_its_list(way: str, all_of_it: bool) -> None:
    more = "output sum = back + forth" if all_of_it else "output back"
    text, names = both(TWICE % ("h * h", way, more))
    x = torch.randn(2, 5, 3)
    h = g = torch.zeros(2, 3)
    hs, gs = [], []
    for a in x.unbind(1):
        hs.append(h := torch.tanh(a + h * h))
    for a in reversed(hs) if way else hs:
        gs.append(g := torch.tanh(a - g * g))
    back = torch.stack(gs[::-1] if way else gs, 1)
    for one in names:
        torch.testing.assert_close(one["Twice"]()(x), back + torch.stack(hs, 1) if all_of_it else back)
    assert text.count(".unbind(") == 1  # that of x
    assert text.count("torch.stack(") == 1 + all_of_it


# -- numbers, constructors, names -----------------------------------------------------------------------------------------
def test_what_a_part_checks_is_not_checked_again() -> None:
    inner = "block Inner(heads) {\n  input x: [batch, d]\n  y = reshape(x, to = [batch, heads, d / heads])\n  param w: [d] = 1\n"
    text = inner + "  output z = flatten(y) * w\n}\n"
    text += "model Net(d = 6, heads = 2) {\n  input x: [batch, d]\n  y = Inner(heads)(x)\n  output z = Inner(2 * heads)(y)\n}\n"
    with pytest.raises(Exception, match="whole"):
        analyse(text)  # 6 / 4
    written = emit(analyse(text.replace("d = 6", "d = 8")))
    assert Counter(re.findall(r"assert (\S+ % .+? == 0)", written)) == {"d % heads == 0": 1}
    with pytest.raises(AssertionError, match="d/heads must be whole"):
        run(written)["Net"](d=8, heads=3)


def test_a_square_is_not_written_out() -> None:
    text = "model Net(side = 20, k = 3) {\n  input x: [batch, 2, side, side]\n  x -> Conv2d(4, 5) -> flatten -> Linear(k) -> output y\n}\n"
    written = emit(analyse(text))
    assert "nn.Linear(4 * (side - 4) ** 2, k)" in written
    assert run(written)["Net"]()(torch.zeros(1, 2, 20, 20)).shape == (1, 3)


def test_docstrings_have_the_names_of_the_parameters_and_whole_sizes() -> None:
    text = "model Net(stride = 2, padding = 1) {\n  input next: [batch, 3, very_tall_images, quite_wide_images]\n"
    text += "  output y = next -> Conv2d(7, 5, stride = stride, padding = padding)\n}\n"
    doc = next(iter(re.findall(r'def forward.*?"""(.*?)"""', emit(analyse(text)), re.S)))
    assert doc.startswith("next_ [batch, 3, very_tall_images")
    for line in doc.splitlines():  # a size is on one line
        assert line.count("floor(") == line.count("/stride)")


# -- work that grows with the program -------------------------------------------------------------------------------------
def _nested(depth: int) -> str:
    cell = "cell C(units) {\n input x: [batch, d]\n state h: [batch, units] = 0\n h' = tanh(Linear(units)([x, h]))\n output h'\n}\n"
    loops = "loop 2 { " * depth + "\n input z\n z' = c(z)\n" + " }" * depth
    return f"{cell}model M() {{\n input x: [batch, 8]\n c = C(8)\n output y = x -> {loops}\n}}\n"


def test_liveness_takes_time_in_proportion_to_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, and not timed: how many blocks are gone through."""
    visits: Counter[int] = Counter()
    block = naming.Liveness.block

    def counted(self: naming.Liveness, body: Any, live: set[str]) -> set[str]:
        visits[depth] += 1
        return block(self, body, live)

    monkeypatch.setattr(naming.Liveness, "block", counted)
    for depth in (5, 10, 20):
        emit(analyse(_nested(depth)))
    assert 20 <= visits[20] <= 4 * visits[5] + 10


def test_more_loops_in_one_another_than_python_can_run_are_an_error() -> None:
    run(emit(analyse(_nested(20))))
    with pytest.raises(CannotEmit, match="20 loops in one another"):
        emit(analyse(_nested(21)))
