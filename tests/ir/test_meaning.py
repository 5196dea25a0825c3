"""Meanings: equal for programs that are only written otherwise, unequal for those that do something else."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl.compiler import analyse, analyse_file
from archdsl.ir.meaning import meaning, same
from tests.figure.visible import drawn
from tests.ir.respelled import respelled
from tests.programs import programs

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.arch"))
some = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

M = "\nmodel M(d = 8) {{ input x: [batch, time, d]\n {} }}"
N = "model M(d = 8) {{ input a, b: [batch, d]\n {} }}"
LSTM = """cell Cell(units) { input x: [batch, features]
 state h, c: [batch, units] = 0
 gate i = sigmoid(Linear(units)([x, h]))
 gate f = sigmoid(Linear(units)([x, h]))
 c' = f * c + i * tanh(x -> Linear(units))
 h' = tanh(c')
 output h' }"""
OTHER_LSTM = """# the same
cell Cell(units) { input x: [n, size]
 state c, h: [n, units] = 0
 both = [x, h]
 new = tanh(Linear(units)(x))
 gate forget = sigmoid(Linear(units)(both))
 gate enter = both -> Linear(units) -> sigmoid
 c' = new * enter + c * forget
 h' = c' -> tanh
 output h' }"""
TRAIN = """model A(d = 8) {{ input x: [batch, d]
 x -> Linear(d) -> output y }}
train T(d = 8) {{ input x: [batch, d]
 {} }}"""
NORM = "\nmodel M(d = 8) {{ input a, b: [batch, d]\n B = BatchNorm1d()\n {} }}"


def _library(file: str, name: str) -> str:
    """A definition of the library, as it is written there."""
    text = (Path(__file__).parents[2] / f"archdsl/library/{file}.arch").read_text()
    start = text.index(f"block {name}")
    return text[start : text.index("\n}", start) + 2]


RESPELLED = {
    "a pipeline or a call": (M.format("x -> Linear(d) -> relu -> output y"), M.format("output y = relu(Linear(d)(x))")),
    "attention written out": (
        M.format("output y = softmax(x @ transpose(x) / sqrt(d)) @ x"),
        M.format("output y = attention(x, x, x)"),
    ),
    "names of local values": (M.format("h = tanh(x)\n output y = h * h"), M.format("k = tanh(x)\n output y = k * k")),
    "a value named or written twice": (M.format("h = tanh(x)\n output y = h * h"), M.format("output y = tanh(x) * tanh(x)")),
    "names of layers": (M.format("W = Linear(d)\n output y = W(x)"), M.format("x -> Linear(d) -> output y")),
    "names of sizes": (M.format("output y = sum(x, over = time)"), M.replace("time", "steps").format("output y = sum(x, over = steps)")),
    "operands that commute": (N.format("output y = a * b + 2 * a"), N.format("output y = a * 2 + b * a")),
    "layers whose results are added": (
        N.format("output y = Linear(d, bias = false)(a) + Linear(d)(b)"),
        N.format("output y = Linear(d)(b) + Linear(d, bias = false)(a)"),
    ),
    "statements that do not depend on one another": (
        N.format("p = Linear(d)(a)\n q = Linear(d)(b)\n output y = p - q"),
        N.format("q = Linear(d)(b)\n p = Linear(d)(a)\n output y = p - q"),
    ),
    "draws in another order": (
        N.format("p ~ Normal(a, 1)\n q ~ Normal(b, 1)\n output y = p - q"),
        N.format("q ~ Normal(b, 1)\n p ~ Normal(a, 1)\n output y = p - q"),
    ),
    "a cell": (LSTM + M.format("x -> scan Cell(d) over time -> output y"), OTHER_LSTM + M.format("x -> scan Cell(d) over time -> output y")),
    "what nobody chose": (
        "block B(d, deep = false) { input x: [..., d]\n if deep { h = Linear(d)(x) } else { h = x }\n output relu(h) }" + M.format("output y = B(d)(x)"),
        "block B(d) { input x: [..., d]\n output relu(x) }" + M.format("output y = B(d)(x)"),
    ),
    "what a library has, copied": (
        M.format("x -> RMSNorm -> output y"),
        _library("norm", "RMSNorm") + M.format("x -> RMSNorm -> output y"),
    ),
    "weights made inside a loop or before it": (
        M.format("x -> loop 3 { Linear(d) } -> output y"),
        M.format("W = Linear(d)\n x -> loop 3 { W } -> output y"),
    ),
    "a number's form": (M.format("x -> Linear(2 * d + 2) -> output y"), M.format("x -> Linear((d + 1) * 2) -> output y")),
    "a default given": (M.format("x -> Linear(d, bias = true) -> output y"), M.format("x -> Linear(d) -> output y")),
    "residual or sum": (M.format("x -> residual { Linear(d) } -> output y"), M.format("output y = Linear(d)(x) + x")),
    "the index of a stack": tuple(
        f"model M(d = 8) {{ input x: [batch, d, time]\n x -> stack 3 as {i} {{ Conv1d(d, 2, dilation = 2^{i}, padding = causal) }} -> output y }}"
        for i in ("i", "layer")
    ),
    "expectations, docs, comments": (
        M.format("x -> Linear(d) -> output y"),
        '"""One layer."""\n' + M.format("x -> Linear(d) -> output y # here\n expect params == 72"),
    ),
    "a gate that is not called one": (
        N.format("gate g = sigmoid(Linear(d)(a))\n output y = g * b"),
        N.format("output y = sigmoid(Linear(d)(a)) * b"),
    ),
    "equal layers in a ring": (
        N.format("P = Linear(d)\n Q = Linear(d)\n R = Linear(d)\n output y = P(Q(a)) + Q(R(a)) + R(P(a))"),
        N.format("P = Linear(d)\n Q = Linear(d)\n R = Linear(d)\n output y = R(Q(a)) + P(R(a)) + Q(P(a))"),
    ),
}  # fmt: skip

CHANGED = {
    "shared or separate": (N.format("W = Linear(d)\n output y = W(a) + W(b)"), N.format("output y = Linear(d)(a) + Linear(d)(b)")),
    "one draw or two": (N.format("p ~ Normal(0, 1): [d]\n output y = p + p"), N.format("p ~ Normal(0, 1): [d]\n q ~ Normal(0, 1): [d]\n output y = p + q")),
    "who shares with whom": (
        N.format("P = Linear(d)\n Q = Linear(d)\n output y = P(a) * P(b) + Q(a) * Q(b)"),
        N.format("P = Linear(d)\n Q = Linear(d)\n output y = P(a) * Q(b) + Q(a) * P(b)"),
    ),
    "a ring or a pair and one": (
        N.format("P = Linear(d)\n Q = Linear(d)\n R = Linear(d)\n output y = P(Q(a)) + Q(R(a)) + R(P(a))"),
        N.format("P = Linear(d)\n Q = Linear(d)\n R = Linear(d)\n output y = P(Q(a)) + Q(P(a)) + R(R(a))"),
    ),
    "operands that do not commute": (N.format("output y = a - b"), N.format("output y = b - a")),
    "made inside a stack or before it": (
        M.format("x -> stack 3 { Linear(d) } -> output y"),
        M.format("W = Linear(d)\n x -> stack 3 { W } -> output y"),
    ),
    "drawn at each pass or once": (
        N.format("output y = a -> loop 3 { input h\n z ~ Normal(0, 1): [d]\n h' = h + z }"),
        N.format("z ~ Normal(0, 1): [d]\n output y = a -> loop 3 { input h\n h' = h + z }"),
    ),
    "which input goes where": (N.format("output y = attention(a, b, b)"), N.format("output y = attention(b, a, a)")),
    "an output's name": (N.format("output y = a"), N.format("output z = a")),
    "a hyperparameter's default": (M.format("x -> Linear(d) -> output y"), M.replace("d = 8", "d = 9").format("x -> Linear(d) -> output y")),
    "which memory is updated first": (NORM.format("output y = B(a) - B(b)"), NORM.format("q = B(b)\n output y = B(a) - q")),
    "order of the updates": tuple(
        TRAIN.format(f"p = A(d)\n q = A(d)\n u = mse(p(x), x)\n v = mse(q(x), x)\n {ways}")
        for ways in ("minimize u over p with SGD(1)\n minimize v over q with SGD(2)", "minimize v over q with SGD(2)\n minimize u over p with SGD(1)")
    ),
    "an inner definition": tuple(
        f"block In(d) {{ input x: [..., d]\n output {f}(x) }}\nblock Out(d) {{ input x: [..., d]\n output In(d)(x) }}" + M.format("output y = Out(d)(x)")
        for f in ("tanh", "relu")
    ),
}  # fmt: skip


@pytest.mark.parametrize("texts", RESPELLED.values(), ids=RESPELLED.keys())
def test_what_is_only_written_otherwise_means_the_same(texts: tuple[str, str]) -> None:
    a, b = map(analyse, texts)
    assert meaning(a) == meaning(b)
    assert same(a, b)


@pytest.mark.parametrize("texts", CHANGED.values(), ids=CHANGED.keys())
def test_what_does_something_else_means_something_else(texts: tuple[str, str]) -> None:
    assert not same(*map(analyse, texts))


def test_gates_count_if_they_are_to() -> None:
    gated, plain = map(analyse, RESPELLED["a gate that is not called one"])
    assert meaning(gated, gates=True) != meaning(plain, gates=True)


def test_one_entry_of_several() -> None:
    a = analyse(TRAIN.format("p = A(d)\n minimize mse(p(x), x) over p with SGD(1)"))
    b = analyse(TRAIN.format("p = A(d)\n minimize mse(p(x), x) over p with SGD(2)"))
    assert not same(a, b)
    assert meaning(a, "A") == meaning(b, "A")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_respelled_mean_the_same(path: Path) -> None:
    program = analyse_file(path)
    found = meaning(program)
    assert json.loads(json.dumps(found)) == found
    for seed in range(3):
        assert meaning(respelled(program, random.Random(seed))) == found


def test_no_two_examples_mean_the_same() -> None:
    found: dict[str, str] = {}
    for path in EXAMPLES:
        text = json.dumps(meaning(analyse_file(path)))
        assert text not in found, f"{path.stem} and {found[text]}"
        found[text] = path.stem


@some
@given(programs(), st.randoms(use_true_random=False))
def test_random_programs_respelled_mean_the_same(text: str, chance: random.Random) -> None:
    program = analyse(text)
    assert same(respelled(program, chance), program)


FROZEN = "block B(d) {{ input x: [batch, d]\n output y = {}(x) }}\nmodel M(d = 8) {{ input x: [batch, d]\n output y = {}B(d)(x) }}"
MEMORY = """block B(d) {{ input x: [batch, d]
  memory m: [d] = {}
  output y = x - m }}
model M(d = 8) {{ input a, b: [batch, d]
  N = B(d)
  {}
  output y = p - q }}"""


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        (FROZEN.format("tanh", ""), FROZEN.format("tanh", "frozen "), True),  # there is nothing to freeze
        (FROZEN.format("frozen Linear(d)", ""), FROZEN.format("frozen Linear(d)", "frozen "), True),
        (FROZEN.format("Linear(d)", ""), FROZEN.format("Linear(d)", "frozen "), False),
        (
            MEMORY.format("0", "p = N(a)\n q = N(b)"),
            MEMORY.format("0", "q = N(b)\n p = N(a)"),
            True,
        ),  # calls that change nothing
        (
            MEMORY.format("mean(x, over = batch)", "p = N(a)\n q = N(b)"),
            MEMORY.format("mean(x, over = batch)", "q = N(b)\n p = N(a)"),
            False,
        ),
    ],
)
def test_what_makes_no_difference(before: str, after: str, alike: bool) -> None:
    assert same(analyse(before), analyse(after)) == alike
    assert (drawn(analyse(before)) == drawn(analyse(after))) == alike
