"""Programs that compute or learn differently never look the same, in black and white and with all that is not seen taken away."""

from collections.abc import Callable

import pytest
from visible import visible

from archdsl.figure import Figure

M = "model M(d = 8) {{ input x: [batch, time, d]\n {} }}"
CELL = "cell C(d) {{ input x: [batch, d]\n state h: [batch, d] = {first}\n {body} }}"
BLOCKS = "block Enc(d) { input x: [batch, time, d]\n x -> Linear(d) -> output y }\n"
GATES = """cell C(d) {{ input x: [batch, d]
 state h, c: [batch, d] = 0
 gate i = sigmoid(Linear(d)([x, h]))
 gate f = sigmoid(Linear(d)([x, h]))
 g = tanh(Linear(d)([x, h]))
 c' = {} * c + {} * g
 h' = {}
 output h' }}"""
TRAIN = """model A(d = 8) {{ input x: [batch, d]
 x -> Linear(d) -> output y }}
model B(d = 8) {{ input x: [batch, d]
 x -> Linear(d) -> output y }}
train T(d = 8) {{ input x: [batch, d]
 a = A(d)
 b = B(d)
 p = a(x)
 q = b(x)
 {} }}"""

PAIRS = {
    "shared or separate weights of two uses": (
        BLOCKS + M.format("e = Enc(d)\n output y = e(x) + e(x * 2)"),
        BLOCKS + M.format("output y = Enc(d)(x) + Enc(d)(x * 2)"),
    ),
    "shared or separate layer": (
        M.format("W = Linear(d)\n output y = W(x) + W(x * 2)"),
        M.format("output y = Linear(d)(x) + Linear(d)(x * 2)"),
    ),
    "stack or loop": (
        M.format("x -> stack 3 { Linear(d) } -> output y"),
        M.format("x -> loop 3 { Linear(d) } -> output y"),
    ),
    "how many copies": (
        M.format("x -> stack 3 { Linear(d) } -> output y"),
        M.format("x -> stack 4 { Linear(d) } -> output y"),
    ),
    "made inside or outside a stack": (
        M.format("x -> stack 3 { Linear(d) } -> output y"),
        M.format("W = Linear(d)\n x -> stack 3 { W } -> output y"),
    ),
    "gradient reversed, stopped or neither": (
        M.format("output y = reverse_gradient(x, 1)"),
        M.format("output y = stop_gradient(x)"),
        M.format("output y = x + 0"),
    ),
    "how strongly the gradient is reversed": (
        M.format("output y = reverse_gradient(x, 1)"),
        M.format("output y = reverse_gradient(x, 2)"),
    ),
    "which side is stopped": (
        M.format("output y = Linear(d)(stop_gradient(x)) + relu(x)"),
        M.format("output y = Linear(d)(x) + relu(stop_gradient(x))"),
    ),
    "who queries whom": (
        "model M(d = 8) { input a, b: [batch, time, d]\n output y = attention(a, b, b) }",
        "model M(d = 8) { input a, b: [batch, time, d]\n output y = attention(b, a, a) }",
    ),
    "causal or not": (
        M.format("output y = attention(x, x, x, mask = causal)"),
        M.format("output y = attention(x, x, x)"),
    ),
    "2 or 8 heads": (
        M.format("output y = attention(x, x, x, heads = 2)"),
        M.format("output y = attention(x, x, x, heads = 8)"),
    ),
    "softmax over which axis": (
        M.format("output y = softmax(x, over = d)"),
        M.format("output y = softmax(x, over = time)"),
    ),
    "reduction over which axis": (M.format("output y = sum(x, over = 1)"), M.format("output y = sum(x, over = 2)")),
    "input and forget gate swapped": (GATES.format("f", "i", "tanh(c')"), GATES.format("i", "f", "tanh(c')")),
    "which state is fed back": (GATES.format("f", "i", "tanh(c')"), GATES.format("f", "i", "tanh(c)")),
    "forward or reversed": (
        CELL.format(first=0, body="h' = tanh(x + h)\n output h'")
        + "\n"
        + M.format("x -> scan C(d) over time -> output y"),
        CELL.format(first=0, body="h' = tanh(x + h)\n output h'")
        + "\n"
        + M.format("x -> scan C(d) over time reversed -> output y"),
    ),
    "what goes from copy to copy, and what enters each": tuple(
        f"model M(d = 8) {{ input a, b: [batch, d]\n output y = {first} -> stack 3 {{ input h\n h' = {next} }} }}"
        for first, next in (("a", "h + Linear(d)(b)"), ("b", "a + Linear(d)(h)"))
    ),
    "which state of a cell is taken at the end": tuple(
        M.format(f"r = x -> scan LSTM(3) over time{way}\n output z = r.{state}'")
        for way in ("", " reversed")
        for state in "hc"
    ),
    "which state of a cell goes on": tuple(
        M.format(f"r = x -> scan LSTM(3) over time\n output z = {use.format(state)}")
        for use in ("r.{0}' + r.{0}' * 2", "mean(r.h, over = 1) + r.{}'")
        for state in "hc"
    ),
    "before or after the step": (
        CELL.format(first=0, body="h' = tanh(x + h)\n output y = h + 0"),
        CELL.format(first=0, body="h' = tanh(x + h)\n output y = h' + 0"),
    ),
    "first state 0 or 1": (
        CELL.format(first=0, body="h' = tanh(x + h)\n output h'"),
        CELL.format(first=1, body="h' = tanh(x + h)\n output h'"),
    ),
    "first state a number or learned": (
        CELL.format(first=0, body="h' = tanh(x + h)\n output h'"),
        "cell C(d) { input x: [batch, d]\n param s: [d] = 0\n state h: [batch, d] = s\n h' = tanh(x + h)\n output h' }",
    ),
    "pre-norm or post-norm": (
        M.format("x -> residual { LayerNorm -> Linear(d) } -> output y"),
        M.format("x -> residual { Linear(d) } -> LayerNorm -> output y"),
    ),
    "reset before or after the product": (
        "cell C(d) { input x: [batch, d]\n state h: [batch, d] = 0\n gate r = sigmoid(x)\n h' = tanh(x + Linear(d)(r * h))\n output h' }",
        "cell C(d) { input x: [batch, d]\n state h: [batch, d] = 0\n gate r = sigmoid(x)\n h' = tanh(x + r * Linear(d)(h))\n output h' }",
    ),
    "frozen or learned": (M.format("x -> Linear(d) -> output y"), M.format("x -> frozen Linear(d) -> output y")),
    "bias or none": (M.format("x -> Linear(d) -> output y"), M.format("x -> Linear(d, bias = false) -> output y")),
    "operands of a difference": (
        "model M(d = 8) { input a, b: [batch, d]\n output y = a - b }",
        "model M(d = 8) { input a, b: [batch, d]\n output y = b - a }",
    ),
    "operands of a concatenation": (
        "model M(d = 8) { input a, b: [batch, d]\n output y = [a, b] }",
        "model M(d = 8) { input a, b: [batch, d]\n output y = [b, a] }",
    ),
    "a number before or after": (M.format("output y = 1 - x"), M.format("output y = x - 1")),
    "exact or approximate gelu": (M.format("output y = gelu(x)"), M.format("output y = gelu(x, approximate = tanh)")),
    "dilation by index": tuple(
        f"model M(d = 8) {{ input x: [batch, d, time]\n"
        f" x -> stack 3 as i {{ Conv1d(d, 2, dilation = {step}, padding = causal) }} -> output y }}"
        for step in ("2^i", "i + 1", "2")
    ),
    "how the gradient passes a draw": tuple(
        f"model M(d = 8) {{ input p: [batch, d]\n z ~ {by}\n output y = z * p }}"
        for by in (
            "Normal(p, 1) by reparameterisation",
            "Normal(p, 1) by score_function",
            "Normal(p, 1)",
        )
    ),
    "which optimizer updates what": (
        TRAIN.format("minimize mse(p, x) over a with Adam(0.1)\n minimize mse(q, x) over b with SGD(0.1)"),
        TRAIN.format("minimize mse(p, x) over a with SGD(0.1)\n minimize mse(q, x) over b with Adam(0.1)"),
    ),
    "order of the updates": (
        TRAIN.format(
            "u = mse(p, x)\n v = mse(q, x)\n minimize u over a with Adam(0.1)\n minimize v over b with Adam(0.1)"
        ),
        TRAIN.format(
            "u = mse(p, x)\n v = mse(q, x)\n minimize v over b with Adam(0.1)\n minimize u over a with Adam(0.1)"
        ),
    ),
    "settings of the optimizer": (
        TRAIN.format("minimize mse(p, x) with SGD(0.1)"),
        TRAIN.format("minimize mse(p, x) with SGD(0.1, momentum = 0.9)"),
    ),
    "memory that moves or not": (
        "model M(d = 8) { input x: [batch, d]\n memory m: [d] = 0\n m' = 0.9 * m + mean(x, over = batch)\n output y = x - m }",
        "model M(d = 8) { input x: [batch, d]\n memory m: [d] = 0\n m' = 0.8 * m + mean(x, over = batch)\n output y = x - m }",
    ),
    "first values of a parameter": (
        "model M(d = 8) { input x: [batch, d]\n param w: [d] = 0\n output y = x * w }",
        "model M(d = 8) { input x: [batch, d]\n param w: [d] = normal(0, 0.02)\n output y = x * w }",
    ),
    "defaults of hyperparameters": (
        "model M(d = 8) { input x: [batch, d]\n x -> Linear(d) -> output y }",
        "model M(d = 9) { input x: [batch, d]\n x -> Linear(d) -> output y }",
    ),
}


@pytest.mark.parametrize("programs", PAIRS.values(), ids=PAIRS.keys())
def test_different_programs_look_different(programs: tuple[str, ...], draw: Callable[..., Figure]) -> None:
    seen = [visible(draw(text).svg()) for text in programs]
    for i, a in enumerate(seen):
        for b in seen[:i]:
            assert a != b


def test_what_is_not_seen_does_not_count(draw: Callable[..., Figure]) -> None:
    plain = draw(M.format("x -> Linear(d) -> output y"))
    noted = draw("# a note\n" + M.format("x -> Linear(d) -> output y   # another\n"))
    assert visible(plain.svg()) == visible(noted.svg())
