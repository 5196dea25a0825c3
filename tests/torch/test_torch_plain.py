"""What is emitted computes the literal equations: `--plain` and without it, outputs and gradients agree to 1e-10 in float64.

For every definition that the examples, the library and the cases write; for spellings of the cells that torch has kernels for; and for
random cells.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from emitted import PROGRAMS, inputs, instance, numbers, program, run, source
from torch import Tensor, nn

from archdsl.compiler import analyse
from archdsl.torch import emit
from archdsl.torch.plan import ProgramPlan

SMALL = {
    **{"d": 32, "heads": 4, "layers": 2, "units": 16, "vocab": 50},
    **{"context": 16, "rows": 6, "filters": 4, "passes": 3, "channels": 8},
}
ROOMS = [
    (p, name)
    for p in PROGRAMS
    for name in program(p).entries
    if program(p)[name].kind != "train" and not program(p)[name].conditions
]


@functools.cache
def both(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    return run(source(path)), run(emit(program(path), plain=True))


def results(module: nn.Module, given: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs, states included, and the gradients of all parameters and inputs."""
    leaves = [x.clone().requires_grad_() if x.is_floating_point() else x for x in given]
    torch.manual_seed(0)
    outs = flat(module(*leaves))
    wanted = [x for x in (*leaves, *module.parameters()) if x.requires_grad]
    moving = [
        (o * torch.linspace(0.5, 1.5, o.numel(), dtype=o.dtype).view(o.shape)).sum() for o in outs if o.requires_grad
    ]
    if not wanted or not moving:
        return outs, []
    grads = torch.autograd.grad(sum(moving), wanted, allow_unused=True)
    return outs, [torch.zeros_like(x) if g is None else g for x, g in zip(wanted, grads, strict=True)]


def flat(out: Any) -> list[Tensor]:
    if isinstance(out, Tensor):
        return [out]
    return [t for part in out if part is not None for t in flat(part)]


def agree(fast: nn.Module, plain: nn.Module, given: list[Tensor]) -> None:
    assert list(fast.state_dict()) == list(plain.state_dict())
    fast, plain = fast.double(), plain.double()
    given = [x.double() if x.is_floating_point() else x for x in given]
    for training in (False, True):
        plain.load_state_dict(fast.state_dict())
        for a, b in zip(*(results(m.train(training), given) for m in (fast, plain)), strict=True):
            for one, other in zip(a, b, strict=True):
                assert one.shape == other.shape
                if not other.is_floating_point():
                    assert torch.equal(one, other)
                    continue
                size = max(1.0, other.abs().nan_to_num().max().item()) if other.numel() else 1.0
                torch.testing.assert_close(one, other, rtol=0, atol=1e-10 * size, equal_nan=True)
    for (name, one), other in zip(fast.state_dict().items(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10, msg=name, equal_nan=True)


@pytest.mark.parametrize(("path", "name"), ROOMS, ids=[f"{p.stem}-{n}" for p, n in ROOMS])
def test_every_definition(path: Path, name: str) -> None:
    definition = program(path)[name]
    values = numbers(definition, ProgramPlan(program(path)).plans[name].real, **SMALL, batch=2, time=5)
    fast, plain = (instance(program(path), name, names, values) for names in both(path))
    if sum(p.numel() for p in fast.parameters()) > 3e6:
        pytest.skip("large: its parts are compared where they are defined")
    agree(fast, plain, inputs(definition, values))


# -- spellings -------------------------------------------------------------------------------------------------------
def pair(text: str) -> tuple[nn.Module, nn.Module, str]:
    checked = analyse(text)
    fast = emit(checked)
    name = next(d.name for d in checked.definitions if d.kind == "model")
    return run(fast)[name](), run(emit(checked, plain=True))[name](), fast


def cell(states: str, body: str, output: str = "h'") -> str:
    return f"cell Unit(u) {{\n input x: [batch, n]\n state {states}: [batch, u] = 0\n{body}\n output {output}\n}}\n"


SUM = "Linear(u)({x}) + Linear(u)({h})"
LSTM = """ i = sigmoid(Linear(u)([x, h]))
 f = sigmoid(Linear(u)([x, h]))
 g = tanh(Linear(u)([x, h]))
 o = sigmoid(Linear(u)([x, h]))
 c' = f * c + i * g
 h' = o * tanh(c')"""
KERNELS = {
    "lstm, one bias": ("lstm", cell("h, c", LSTM)),
    "lstm, two biases": ("lstm", cell("h, c", LSTM.replace("Linear(u)([x, h])", "Linear(u)(x) + Linear(u)(h)"))),
    "lstm, the state first": ("lstm", cell("h, c", LSTM.replace("[x, h]", "[h, x]"))),
    "lstm, other names and order": (
        "lstm",
        cell(
            "memory_cell, shown",
            """ open = sigmoid(Linear(u)(shown) + Linear(u, bias = false)(x))
 fresh = tanh(Linear(u, bias = false)(x) + Linear(u)(shown))
 lasting = sigmoid(Linear(u)([x, shown]))
 let_in = sigmoid(Linear(u)([shown, x]))
 memory_cell' = fresh * let_in + memory_cell * lasting
 shown' = tanh(memory_cell') * open""",
            "shown'",
        ),
    ),
    "lstm, one layer for all gates": (
        "lstm",
        cell(
            "h, c",
            """ i, f, g, o = split(Linear(4 * u)([x, h]), 4)
 c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
 h' = sigmoid(o) * tanh(c')""",
        ),
    ),
    "lstm, one layer for all gates in another order": (
        "lstm",
        cell(
            "h, c",
            """ o, i, g, f = split(Linear(4 * u)(x) + Linear(4 * u)(h), 4)
 c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
 h' = sigmoid(o) * tanh(c')""",
        ),
    ),
    "lstm, no bias": ("lstm", cell("h, c", LSTM.replace("Linear(u)", "Linear(u, bias = false)"))),
    "lstm, own matrices": (
        "lstm",
        cell(
            "h, c",
            " param W: [n, 4 * u] = normal(0, 0.3)\n param U: [4 * u, u] = normal(0, 0.3)\n param b: [4 * u] = normal(0, 1)\n"
            " i, f, g, o = split(x @ W + h @ transpose(U) + b, 4)\n"
            " c' = sigmoid(f) * c + sigmoid(i) * tanh(g)\n h' = sigmoid(o) * tanh(c')",
        ),
    ),
    "lstm, gates in a block": (
        "lstm",
        "block Gate(u) {\n input x: [batch, n]\n input h: [batch, m]\n output y = sigmoid(Linear(u)([x, h]))\n}\n"
        + cell(
            "h, c",
            " i = Gate(u)(x, h)\n f = Gate(u)(x, h)\n g = tanh(Linear(u)([x, h]))\n o = Gate(u)(x, h)\n"
            " c' = f * c + i * g\n h' = o * tanh(c')",
        ),
    ),
    "lstm, with a layer before and after": (
        "lstm",
        cell(
            "h, c",
            " e = relu(Linear(3)(x))\n" + LSTM.replace("[x, h]", "[e, h]"),
            "y = softmax(Linear(5)(h'))",
        ),
    ),
    "lstm, the input gate for both": ("lstm", cell("h, c", LSTM.replace("f * c", "i * c"))),
    "gru": (
        "gru",
        cell(
            "h",
            " r = sigmoid(Linear(u)([x, h]))\n z = sigmoid(Linear(u)([x, h]))\n"
            " n_ = tanh(Linear(u)(x) + r * Linear(u)(h))\n h' = n_ + z * (h - n_)",
        ),
    ),
    "gru, the gate the other way round": (
        "gru",
        cell(
            "h",
            " r = sigmoid(Linear(u)(h) + Linear(u)(x))\n z = sigmoid(Linear(u)(h) + Linear(u)(x))\n"
            " new = tanh(Linear(u)(h) * r + Linear(u)(x))\n h' = (1 - z) * h + new * z",
        ),
    ),
    "rnn": ("rnn_tanh", cell("h", " h' = tanh(Linear(u)([x, h]))")),
    "rnn, relu": ("rnn_relu", cell("h", " h' = relu(Linear(u)(h) + Linear(u, bias = false)(x))")),
}
OTHERS = {
    "a peephole": cell("h, c", LSTM.replace("sigmoid(Linear(u)([x, h]))", "sigmoid(Linear(u)([x, h]) + c)")),
    "the old memory shown": cell("h, c", LSTM.replace("tanh(c')", "tanh(c)")),
    "sigmoid for tanh": cell("h, c", LSTM.replace("tanh(Linear", "sigmoid(Linear")),
    "a gate that does not see the state": cell(
        "h, c", LSTM.replace("sigmoid(Linear(u)([x, h]))", "sigmoid(Linear(u)(x))", 1)
    ),
    "a gate of one unit": cell("h, c", LSTM.replace("sigmoid(Linear(u)([x, h]))", "sigmoid(Linear(1)([x, h]))", 1)),
    "the memory shown too": cell("h, c", LSTM, "h'\n output c'"),
    "no gradient through the state": cell("h, c", LSTM.replace("[x, h]", "[x, stop_gradient(h)]")),
    "a norm": cell("h, c", LSTM.replace("o * tanh(c')", "o * tanh(LayerNorm()(c'))")),
    "the paper's gru": cell(
        "h",
        " r = sigmoid(Linear(u)([x, h]))\n z = sigmoid(Linear(u)([x, h]))\n n_ = tanh(Linear(u)([x, r * h]))\n"
        " h' = (1 - z) * n_ + z * h",
    ),
    "a doubled sum": cell("h", " h' = tanh(2 * Linear(u)([x, h]))"),
    "a linear recurrence": cell("h", " a = sigmoid(Linear(u)(x))\n h' = a * h + (1 - a) * Linear(u)(x)"),
    "dropout inside": cell("h", " h' = tanh(Linear(u)([Dropout(0.5)(x), h]))"),
    "an output of the state before": cell("h", " h' = tanh(Linear(u)([x, h]))", "y = Linear(3)([x, h])"),
}
USES = [
    "model M() {\n input x: [batch, time, 3]\n output y = x -> scan Unit(4) over time\n}\n",
    "model M() {\n input x: [time, batch, 3]\n output y = x -> scan Unit(4) over time reversed\n}\n",
]


@pytest.mark.parametrize("use", USES, ids=["forwards", "backwards"])
@pytest.mark.parametrize("name", KERNELS)
def test_runs_on_the_kernel(name: str, use: str) -> None:
    kernel, unit = KERNELS[name]
    fast, plain, text = pair(unit + use)
    assert f"torch.{kernel}(" in text
    agree(fast, plain, [torch.randn(2, 5, 3)])


BOTH = """model M() {
 input x: [batch, time, 3]
 output y = [x -> scan Unit(4) over time, x -> scan Unit(4) over time reversed]
}
"""


@pytest.mark.parametrize("use", [BOTH, BOTH.replace("batch, time", "time, batch")], ids=["batch first", "time first"])
@pytest.mark.parametrize("name", KERNELS)
def test_both_directions_are_one_call(name: str, use: str) -> None:
    _, unit = KERNELS[name]
    fast, plain, text = pair(unit + use)
    assert (".scan_both(" in text) == ("before and after" not in name) == ("bidirectional=True" in text)
    agree(fast, plain, [torch.randn(2, 5, 3)])


@pytest.mark.parametrize(
    "change",
    [
        ("[x ->", "[x * 2 ->"),
        (" reversed", ""),
        ("over time, ", "over time reversed, "),
        ("scan Unit(4) over time reversed", "scan GRU(4) over time reversed"),
        ("scan Unit(4) over time,", "scan Unit(4) over time from (h = h0),"),
        ("output y = [x -> scan Unit(4) over time,", "a = x -> scan Unit(4) over time\n output z = a\n output y = [a,"),
    ],
)
def test_what_is_not_both_directions(change: tuple[str, str]) -> None:
    use = BOTH.replace(*change)
    assert use != BOTH
    h0 = " input h0: [batch, 4]\n" if "h0" in use else ""
    fast, plain, text = pair(cell("h, c", LSTM) + use.replace(" output", h0 + " output", 1))
    assert "scan_both" not in text
    agree(fast, plain, [torch.randn(2, 5, 3), *([torch.randn(2, 4)] if h0 else [])])


@pytest.mark.parametrize("use", USES, ids=["forwards", "backwards"])
@pytest.mark.parametrize("name", OTHERS)
def test_is_not_taken_for_what_it_is_not(name: str, use: str) -> None:
    fast, plain, text = pair(OTHERS[name] + use)
    assert not [k for k in ("lstm(", "gru(", "rnn_tanh(", "rnn_relu(") if f"torch.{k}" in text]
    agree(fast, plain, [torch.randn(2, 5, 3)])


def test_states_go_in_and_out() -> None:
    use = """model M() {
 input x: [batch, time, 3]
 input h0: [batch, 4]
 r = x -> scan Unit(4) over time from (h = h0)
 s = x -> scan Unit(4) over time reversed from (h = h0, c = tanh(h0))
 t = r -> stack 2 { Dropout(0) -> scan Unit(4) over time }
 output a = r
 output b = r.h' + s.c'
 output d = s
 output e = t
}
"""
    fast, plain, text = pair(cell("h, c", LSTM) + use)
    assert text.count("torch.lstm(") == 1
    agree(fast, plain, [torch.randn(2, 5, 3), torch.randn(2, 4)])


def opened(unit: str, how: str = "") -> str:
    """A cell's equations as the body of a scan: its parameters and layers are then the model's own."""
    before, _, inside = unit.partition("cell Unit(u) {\n input x: [batch, n]\n")
    lines = inside.rstrip("}\n").split("\n")
    params = "\n".join(line for line in lines if line.startswith(" param")).replace("[n,", "[3,")
    body = "\n".join(line for line in lines if not line.startswith(" param"))
    head = f"{before}model M(u = 4) {{\n input x: [batch, time, 3]\n{params}\n"
    return f"{head} r = x -> scan {{\n input x\n{body}\n }} over time{how}\n output r\n}}\n"


@pytest.mark.parametrize("how", ["", " reversed"], ids=["forwards", "backwards"])
@pytest.mark.parametrize("name", KERNELS)
def test_a_scan_with_a_body_of_its_own_runs_on_the_kernel(name: str, how: str) -> None:
    kernel, unit = KERNELS[name]
    fast, plain, text = pair(opened(unit, how))
    assert f"torch.{kernel}(" in text and "unbind" not in text
    agree(fast, plain, [torch.randn(2, 5, 3)])


@pytest.mark.parametrize("name", OTHERS)
def test_a_scan_with_a_body_of_its_own_is_one_loop(name: str) -> None:
    fast, plain, text = pair(opened(OTHERS[name]))
    assert not [k for k in ("lstm(", "gru(", "rnn_tanh(", "rnn_relu(") if f"torch.{k}" in text]
    agree(fast, plain, [torch.randn(2, 5, 3)])


@pytest.mark.parametrize("seed", range(20))
def test_random_bodies(seed: int) -> None:
    fast, plain, _ = pair(opened(Writer(seed + 100).text(), " reversed" * (seed % 2)))
    agree(fast, plain, [torch.randn(2, 4, 3)])


def test_a_body_reads_what_is_around_it_and_hands_on_its_end() -> None:
    text = """model M(u = 4) {
 input x: [batch, time, 3]
 input context: [batch, u]
 W = Linear(u)
 r = tanh(x) -> scan {
  input x
  state h: [batch, u] = context
  state c: [batch, u] = 1
  h' = tanh(Linear(u)(x) + W(h) + context) * c
  c' = sigmoid(Linear(u)(x) + Linear(u)(h') + W(context))
  output h' + context
  output z = c
 } over time
 output a = r
 output b = r.z
 output d = r.h' + r.c'
 output e = W(context)
}
"""
    fast, plain, code = pair(text)
    assert "torch.addmm(" in code
    agree(fast, plain, [torch.randn(2, 5, 3), torch.randn(2, 4)])


LINEAR = {
    "a gate": " a = sigmoid(Linear(u)(x))\n h' = a * h + (1 - a) * Linear(u)(x)",
    "a number": " h' = 0.9 * h + Linear(u)(x)",
    "a parameter": " param w: [u] = normal(0, 0.5)\n h' = Linear(u)(x) - h * w",
    "a difference": " a = sigmoid(Linear(u)(x))\n h' = h + a * (tanh(Linear(u)(x)) - h) / 2",
    "a sum": " h' = h + Linear(u)(x)",
    "a parameter is added": " param w: [u] = normal(0, 0.5)\n h' = sigmoid(Linear(u)(x)) * h + w",
}
NOT_LINEAR = {
    "a function": " h' = tanh(h) + Linear(u)(x)",
    "a square": " h' = h * h * 0.1 + Linear(u)(x)",
    "a gate of the state": " a = sigmoid(Linear(u)(x) + h)\n h' = a * h + Linear(u)(x)",
    "no state": " h' = Linear(u)(x)",
}


@pytest.mark.parametrize("batch", [2, 80])
@pytest.mark.parametrize("use", USES, ids=["forwards", "backwards"])
@pytest.mark.parametrize("name", LINEAR)
def test_linear_recurrences(name: str, use: str, batch: int) -> None:
    """Small steps in passes over all of time, large ones one after the other."""
    fast, plain, text = pair(cell("h", LINEAR[name]) + use)
    assert "= linear_recurrence(" in text
    shape = [batch, 7, 3] if "[batch, time" in use else [7, batch, 3]
    agree(fast, plain, [torch.randn(shape)])


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_is_not_taken_for_linear(name: str) -> None:
    fast, plain, text = pair(cell("h", NOT_LINEAR[name]) + USES[0])
    assert "linear_recurrence" not in text
    agree(fast, plain, [torch.randn(2, 7, 3)])


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN", "MGU", "PeepholeLSTM", "GRUCho", "Filter"])
@pytest.mark.parametrize("batch", [2, 80])
def test_autocast(name: str, batch: int) -> None:
    """Under autocast, too, both give the same, as near as bfloat16 is."""
    own = cell("h", LINEAR["a gate"]).replace("Unit", "Filter") if name == "Filter" else ""
    fast, plain, _ = pair(own + USES[0].replace("Unit", name))
    plain.load_state_dict(fast.state_dict())
    x = torch.randn(batch, 5, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        a, b = fast(x), plain(x)
    a.float().sum().backward()
    torch.testing.assert_close(a.float(), b.float(), rtol=0, atol=0.05)


# -- attention -------------------------------------------------------------------------------------------------------
HEADS = """ q = swap(reshape(Linear(8)(x), to = [batch, time, 2, 4]), 1, 2)
 k = swap(reshape(Linear(8)(x), to = [batch, time, 2, 4]), 1, 2)
 v = swap(reshape(Linear(8)(x), to = [batch, time, 2, 4]), 1, 2)
"""
GROUPS = " g = swap(swap(reshape(Linear(16)(x), to = [batch, time, 2, 2, 4]), 1, 2), 2, 3)\n"
ATTENTIONS = {
    "plain": "softmax(q @ transpose(k) / sqrt(4)) @ v",
    "another scale": "softmax(0.3 * (q @ transpose(k))) @ v",
    "the query scaled": "softmax((q / 2) @ transpose(k)) @ v",
    "a bias": "softmax(q @ transpose(k) / 2 + bias) @ v",
    "a bias before": "softmax(bias + q @ swap(k, 2, 3) / 2) @ v",
    "causal": "softmax(where(causal_mask(time), q @ transpose(k) / 2, -1e9)) @ v",
    "padding": "softmax(where(unsqueeze(unsqueeze(seen, 1), 1), q @ transpose(k), -1e9)) @ v",
    "a band": "softmax(where(abs(to_float(unsqueeze(arange(time), 1) - arange(time))) < 2, q @ transpose(k) / 2, -1e9)) @ v",
    "einsum": 'einsum(softmax(einsum(q, k, equation = "bhqd,bhkd->bhqk") / 2), v, equation = "bhqk,bhkd->bhqd")',
    "no dropout": "Dropout(0)(softmax(q @ transpose(k))) @ v",
    "einsum, the value first": 'einsum(v, softmax(einsum(q, k, equation = "bhqd,bhkd->bhqk")), equation = "bhkd,bhqk->bhqd")',
    "einsum, another order of axes": 'einsum(softmax(einsum(q, k, equation = "bhqd,bhkd->bhqk") / 2), v, equation = "bhqk,bhkd->bqhd")',
    "einsum, heads last": 'einsum(softmax(einsum(swap(q, 1, 2), swap(k, 1, 2), equation = "bqhd,bkhd->bhqk")), swap(v, 1, 2), equation = "bhqk,bkhd->bqhd")',
    "einsum, one axis moved": 'einsum(softmax(einsum(permute(q, order = [1, 0, 2, 3]), k, equation = "hbqd,bhkd->bhqk")), v, equation = "bhqk,bhkd->bhqd")',
    "einsum, then a product": 'softmax(einsum(q, k, equation = "bhqd,bhkd->bhqk") / 2) @ v',
    "keys first": "swap(softmax(k @ transpose(q) / 2, over = -2), 2, 3) @ v",
    "keys first, einsum": 'einsum(softmax(einsum(k, q, equation = "bhkd,bhqd->bhkq"), over = 2), v, equation = "bhkq,bhkd->bhqd")',
    "all turned": "transpose(transpose(v) @ softmax(k @ transpose(q) / 2, over = -2))",
    "the key scaled": "softmax(q @ (transpose(k) / 2)) @ v",
    "both scaled": "softmax((q / sqrt(2)) @ transpose(k / sqrt(2))) @ v",
    "scaled twice": "softmax((q @ transpose(k)) / 2 * 3) @ v",
    "minus twice": "softmax(-(q @ transpose(k)) / -2) @ v",
    "masked, then scaled": "softmax(where(causal_mask(time), q @ transpose(k), -1e9) / 2) @ v",
    "hidden": "softmax(where(abs(to_float(unsqueeze(arange(time), 1) - arange(time))) > 2, -1e9, q @ transpose(k) / 2)) @ v",
    "not causal is hidden": "softmax(where(not causal_mask(time), -1e9, q @ transpose(k))) @ v",
    "a bias under a mask": "softmax(where(causal_mask(time), q @ transpose(k) / 2 + bias, -1e9)) @ v",
    "a bias over a mask": "softmax(where(causal_mask(time), q @ transpose(k) / 2, -1e9) + bias) @ v",
    "two masks": "softmax(where(causal_mask(time), where(unsqueeze(unsqueeze(seen, 1), 1), q @ transpose(k) / 2, -1e9), -1e9)) @ v",
    "a mask of two": "softmax(where(causal_mask(time) and unsqueeze(unsqueeze(seen, 1), 1), q @ transpose(k) / 2, -1e9)) @ v",
    "two biases": "softmax(q @ transpose(k) / 2 + bias + transpose(bias)) @ v",
    "the bias scaled": "softmax((q @ transpose(k) + bias) / 2) @ v",
    "a mask that is added": "softmax(q @ transpose(k) / 2 + where(causal_mask(time), 0, -1e9)) @ v",
    "a mask that is taken away": "softmax(q @ transpose(k) / 2 - 1e9 * (1 - to_float(causal_mask(time)))) @ v",
    "ALiBi": "softmax(where(causal_mask(time), q @ transpose(k) / 2 - abs(to_float(unsqueeze(arange(time), 1) - arange(time))) * 0.3, -1e9)) @ v",
    "a causal band": "softmax(where(causal_mask(time) and unsqueeze(arange(time), 1) - arange(time) < 3, q @ transpose(k) / 2, -1e9)) @ v",
    "the key not turned": "softmax(q @ k) @ v",
    "keys for values": 'einsum(softmax(einsum(q, k, equation = "bhqd,bhkd->bhkq")), v, equation = "bhqk,bhkd->bhqd")',
    "grouped queries": 'einsum(softmax(einsum(g, k, equation = "bhgqd,bhkd->bhgqk") / 2), v, equation = "bhgqk,bhkd->bhgqd")',
    "grouped queries, masked": 'einsum(softmax(where(causal_mask(time), einsum(g, k, equation = "bhgqd,bhkd->bhgqk"), -1e9)), v, equation = "bhgqk,bhkd->bqhgd")',
    "grouped queries by broadcasting": "softmax(where(causal_mask(time), g @ transpose(unsqueeze(k, 2)), -1e9)) @ unsqueeze(v, 2)",
}
NO_ATTENTIONS = {
    "over queries": "softmax(q @ transpose(k), over = 2) @ v",
    "a mild mask": "softmax(where(causal_mask(time), q @ transpose(k), -3)) @ v",
    "a mild mask made milder": "softmax(where(causal_mask(time), q @ transpose(k), -20000) / 4) @ v",
    "a bias of turned scores": "transpose(softmax(k @ transpose(q) + bias, over = -2)) @ v",
    "the weights masked": "(softmax(q @ transpose(k)) * to_float(causal_mask(time))) @ v",
    "a product by a mask": "softmax((q @ transpose(k)) * bias) @ v",
    "queries summed": 'einsum(softmax(einsum(q, k, equation = "bhqd,bhkd->bhqk")), v, equation = "bhqk,bhkd->bhkd")',
    "heads summed": 'einsum(softmax(einsum(q, k, equation = "bhqd,bhkd->bhqk")), v, equation = "bhqk,bhkd->bqd")',
    "taken from a bias": "softmax(bias - q @ transpose(k)) @ v",
}


def attending(expression: str) -> str:
    time = "4" if expression == ATTENTIONS["the key not turned"] else "time"
    own = HEADS + GROUPS if '"bhgqd' in expression or "g @" in expression else HEADS
    text = own.replace("time", time) + f" output y = {expression.replace('time', time)}\n"
    return f"model M() {{\n input x: [batch, {time}, 5]\n input seen: bool[batch, {time}]\n input bias: [{time}, {time}]\n{text}}}"


def seen(batch: int, time: int) -> Tensor:
    return torch.arange(time) <= torch.arange(batch).unsqueeze(1)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_runs_on_the_kernel(name: str) -> None:
    fast, plain, text = pair(attending(ATTENTIONS[name]))
    assert "F.scaled_dot_product_attention" in text and "softmax" not in text
    assert ("is_causal=True" in text) == (
        name
        in (
            "causal",
            "masked, then scaled",
            "not causal is hidden",
            "grouped queries, masked",
            "grouped queries by broadcasting",
        )
    )
    agree(fast, plain, [torch.randn(3, 4, 5), seen(3, 4), torch.randn(4, 4)])


@pytest.mark.parametrize("name", NO_ATTENTIONS)
def test_no_attention_is_taken_for_one(name: str) -> None:
    fast, plain, text = pair(attending(NO_ATTENTIONS[name]))
    assert "scaled_dot_product" not in text
    agree(fast, plain, [torch.randn(3, 4, 5), seen(3, 4), torch.randn(4, 4)])


def test_a_mask_that_is_left_out_is_none() -> None:
    text = """block Layer(d, mask = none) {
 input x: [batch, time, d]
 input allowed: bool[batch, 1, time]
 output y = attention(x, Linear(d)(x), Linear(d)(x), allowed, heads = 2, mask = mask)
}
model M() {
 input x: [batch, time, 8]
 input present: bool[batch, time] = true
 allowed = unsqueeze(present, 1)
 output y = Layer(8)(Layer(8, mask = causal)(x, allowed), allowed)
}"""
    fast, plain, code = pair(text)
    assert "new_ones" not in code and "is_causal=allowed is None" in code
    x = torch.randn(3, 4, 8)
    agree(fast, plain, [x])
    agree(fast, plain, [x, seen(3, 4)])
    torch.testing.assert_close(fast(x.double()), fast(x.double(), torch.ones(3, 4, dtype=torch.bool)))


# -- norms -----------------------------------------------------------------------------------------------------------
NORMS = {
    "layer_norm": "y = (x - mean(x, over = -1, keep = true)) / sqrt(var(x, over = -1, keep = true) + 1e-3) * w + b",
    "layer_norm, without parameters": "m = mean(x, over = -1, keep = true)\n output y = (x - m) / sqrt(mean((x - m)^2, over = -1, keep = true) + 0.1)",
    "rms_norm": "y = x / sqrt(mean(x * x, over = -1, keep = true) + 1e-3) * w",
}
NO_NORMS = {
    "unbiased": "y = (x - mean(x, over = -1, keep = true)) / sqrt(var(x, over = -1, keep = true, unbiased = true) + 1e-3) * w + b",
    "over time": "y = (x - mean(x, over = 1, keep = true)) / sqrt(var(x, over = 1, keep = true) + 1e-3) * w + b",
    "the scale on one side": "y = (w * x - mean(x, over = -1, keep = true)) / sqrt(var(x, over = -1, keep = true) + 1e-3) + b",
    "eps outside": "y = (x - mean(x, over = -1, keep = true)) / (sqrt(var(x, over = -1, keep = true)) + 1e-3) * w + b",
}


def norming(body: str) -> str:
    params = "".join(
        f" param {p}: [6] = normal(0, 1)\n" for p in "wb" if f"* {p}" in body or f"+ {p}" in body or f"({p} " in body
    )
    body = body if "output" in body else f"output {body}"
    block = f"block Norm() {{\n input x: [batch, time, 6]\n{params} {body}\n}}\n"
    return block + "model M() {\n input x: [batch, time, 6]\n output y = Norm()(x)\n}\n"


@pytest.mark.parametrize("name", NORMS)
def test_norms_run_on_the_kernel(name: str) -> None:
    fast, plain, text = pair(norming(NORMS[name]))
    assert f"F.{name.partition(',')[0]}(" in text
    agree(fast, plain, [torch.randn(3, 4, 6)])


@pytest.mark.parametrize("name", NO_NORMS)
def test_no_norm_is_taken_for_one(name: str) -> None:
    fast, plain, text = pair(norming(NO_NORMS[name]))
    assert "_norm(" not in text
    agree(fast, plain, [torch.randn(3, 4, 6)])


# -- what a repeat collects to be summed, and remainders -------------------------------------------------------------
SUMMED = """model M(n = 4) {
 input x: [batch, 3]
 r = x -> stack n as i {
  input h
  h' = h + tanh(Linear(3)(h)) * (i % 3)
  output s = Linear(2)(h)
 }
 output y = SUM
}
"""


@pytest.mark.parametrize(
    ("total", "running"),
    [
        ("sum(r.s, over = 0)", True),
        ("relu(sum(r.s, over = -3)) + 1", True),
        ("sum(r.s, over = 1)", False),
        ("sum(r.s, over = 0, keep = true)", False),
        ("mean(r.s, over = 0)", False),
        ("sum(r.s, over = 0) + max(r.s, over = 0)", False),
    ],
)
def test_a_sum_over_copies_is_added_up_as_it_comes(total: str, running: bool) -> None:
    fast, plain, text = pair(SUMMED.replace("SUM", total))
    assert ("torch.stack" not in text) == running
    assert "i % 3" in text
    agree(fast, plain, [torch.randn(2, 3)])


def test_causal_convolutions_share_what_is_padded() -> None:
    fast, plain, text = pair(
        """model M() {
 input x: [batch, 3, time]
 a = tanh(Conv1d(4, 2, dilation = 2, padding = causal)(x))
 output y = a * sigmoid(Conv1d(4, 2, dilation = 2, padding = causal)(x)) + Conv1d(4, 3, padding = causal)(x)
}
"""
    )
    assert text.count("F.pad(") == 1  # 2 before the first value, for all three
    agree(fast, plain, [torch.randn(2, 3, 9)])


# -- random cells ----------------------------------------------------------------------------------------------------
class Writer:
    """Writes a random cell: sums of layers of what is known, functions and products of them, states handed on."""

    def __init__(self, seed: int):
        self.pick = random.Random(seed)
        self.known = ["h", "c"]
        self.lines: list[str] = []

    def sum(self) -> str:
        pick, known = self.pick, self.known
        layers = [
            lambda: f"Linear(u)([x, {pick.choice(known)}])",
            lambda: f"Linear(u)([{pick.choice(known)}, {pick.choice(known)}, x])",
            lambda: "Linear(u, bias = false)(x)",
            lambda: f"Linear(u)({pick.choice(known)})",
            lambda: f"p * {pick.choice(known)}",
            lambda: pick.choice(known),
        ]
        return " + ".join(pick.choice(layers)() for _ in range(pick.randint(1, 3)))

    def text(self) -> str:
        pick = self.pick
        for i in range(pick.randint(2, 5)):
            function = pick.choice(["sigmoid", "tanh", "relu", ""])
            product = f" * {pick.choice(self.known)}" if pick.random() < 0.4 else ""
            self.lines.append(f" v{i} = {function}({self.sum()}){product}")
            self.known.append(f"v{i}")
        if pick.random() < 0.5:
            a, b, f = (pick.choice(self.known) for _ in range(3))
            self.lines.append(
                f" w = {pick.choice([f'(1 - {f}) * {a} + {f} * {b}', f'{a} * {f} + {b} * (1 - {f})', f'(1 - {f}) * (1 - {a}) + {f} * (1 - {b})'])}"
            )
            self.known.append("w")
        ends = f" h' = tanh({self.sum()})\n c' = sigmoid({self.sum()}) * c + ({' + '.join(self.known[2:])}) / 4"
        out = pick.choice(["h'", "y = Linear(3)(h' + c)", "y = [x, h', v0]", "y = v1 * c'"])
        return cell("h, c", " param p: [u] = normal(0, 1)\n" + "\n".join([*self.lines, ends]), out)


TIME_LAST = """cell C(n) {
  input x: [...batch, m]
  state h: [...batch, n] = 0
  u = tanh(Linear(n)(x))
  h' = tanh(u + Linear(n)([x, h]) + Linear(n)(h))
  output y = Linear(n)(h')
}
"""


@pytest.mark.parametrize("time", [4, 7])
@pytest.mark.parametrize("axes", ["", "batch, ", "batch, rows, "])
def test_time_may_stand_last(axes: str, time: int) -> None:
    """A layer sees the features of a step, even where there are as many of them as steps."""
    cell = TIME_LAST.replace("...batch, ", axes)
    text = f"{cell}model M(n = 5) {{\n  input x: [{axes}4, time]\n  output y = x -> scan C(n) over time\n}}\n"
    checked = analyse(text)
    fast, plain = (run(emit(checked, plain=p))["M"]() for p in (False, True))
    agree(fast, plain, [torch.randn(*[3, 2][: axes.count(",")], 4, time)])


@pytest.mark.parametrize("start", ["0", "0.5", "z"])
def test_a_state_has_all_the_axes_that_its_input_has(start: str) -> None:
    text = f"""cell C(n) {{
  input x: [..., m]
  param z: [n] = normal(0, 1)
  state h: [..., n] = {start}
  h' = tanh(Linear(n)([x, h])) + z
  output h'
}}
model M(n = 5) {{ input x: [batch, time, rows, 4]\n output y = x -> scan C(n) over time }}
"""
    checked = analyse(text)
    for plain in (False, True):
        model = run(emit(checked, plain=plain))["M"]().double()
        x = torch.randn(3, 6, 2, 4, dtype=torch.double)
        rows = torch.stack([model(x[:, :, i : i + 1])[:, :, 0] for i in range(2)], dim=2)
        torch.testing.assert_close(model(x), rows)


@pytest.mark.parametrize("seed", range(60))
def test_random_cells(seed: int) -> None:
    fast, plain, _ = pair(Writer(seed).text() + USES[seed % 2])
    agree(fast, plain, [torch.randn(2, 4, 3)])
