"""`scan F over time at_most lengths`: against torch's packed sequences, and against each sequence by itself."""

from __future__ import annotations

import pytest
import torch
from emitted import compiled, run
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from archdsl.compiler import analyse
from archdsl.diagnostics import Errors
from archdsl.torch import emit

LENGTHS = torch.tensor([5, 1, 7, 3])


def model(uses: str, before: str = "", x: str = "[batch, time, 3]") -> nn.Module:
    module: nn.Module = compiled(f"{before}\nmodel M() {{\n input x: {x}\n input n: int[batch]\n{uses}\n}}\n", "M")[
        "M"
    ]()
    return module.double()


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


# -- torch's packed sequences ----------------------------------------------------------------------------------------
def copy(cell: nn.Module, theirs: nn.Module, gates: str, end: str) -> None:
    """Give a library cell torch's weights: one matrix for [x, h], and one bias, the sum of torch's."""
    both = torch.cat([theirs.get_parameter(f"weight_ih_l0{end}"), theirs.get_parameter(f"weight_hh_l0{end}")], 1)
    bias = theirs.get_parameter(f"bias_ih_l0{end}") + theirs.get_parameter(f"bias_hh_l0{end}")
    for name, w, b in zip(gates, both.chunk(len(gates)), bias.chunk(len(gates)), strict=True):
        cell.get_submodule(name).load_state_dict({"weight": w, "bias": b})


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", "ifgo"), ("RNN", "h")])
@pytest.mark.parametrize("memory", [False, True])
def test_is_a_packed_sequence(kind: str, gates: str, memory: bool) -> None:
    """Outputs, last states, an LSTM's memory, and gradients."""
    ends = "\n output c = r.c'\n output d = s.c'" if memory and kind == "LSTM" else ""
    ours = model(
        f" r = x -> scan {kind}(4) over time at_most n\n s = x -> scan {kind}(4) over time reversed at_most n\n"
        f" output y = [r, s]\n output a = r.h'\n output b = s.h'{ends}"
    )
    theirs = getattr(nn, kind)(3, 4, batch_first=True, bidirectional=True).double()
    for cell, end in zip(ours.children(), ("", "_reverse"), strict=True):
        copy(cell, theirs, gates, end)
    x = torch.randn(4, 7, 3, dtype=torch.double)
    mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, a, b, *memories = ours(mine, LENGTHS)
    packed, state = theirs(pack_padded_sequence(other, LENGTHS, batch_first=True, enforce_sorted=False))
    out = pad_packed_sequence(packed, batch_first=True, total_length=7)[0]
    h = state[0] if kind == "LSTM" else state
    same(y, out)
    same(torch.stack([a, b]), h)
    if memories:
        same(torch.stack(memories), state[1])
    direction = torch.randn_like(out)
    ((y * direction).sum() + (a * b).sum()).backward()
    ((out * direction).sum() + (h[0] * h[1]).sum()).backward()
    assert mine.grad is not None and other.grad is not None
    same(mine.grad, other.grad)


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("way", ["", " reversed"])
def test_a_memory_stays_on_the_kernel(way: str, gradients: bool) -> None:
    """The last memory of each sequence, in float32 and in evaluation too, where torch may take another kernel; and no loop is written."""
    text = f"model M() {{\n input x: [batch, time, 3]\n input n: int[batch]\n r = x -> scan LSTM(4) over time{way} at_most n\n output c = r.c'\n}}"
    assert "for " not in emit(analyse(text), ["M"]).split("class M(")[1]
    ours = compiled(text, "M")["M"]()
    x = torch.randn(4, 7, 3)
    with torch.set_grad_enabled(gradients):
        found = ours(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        state = None
        for x_t in reversed(x[row, :length]) if way else x[row, :length]:
            _, state = ours.r(x_t.unsqueeze(0), state)
        torch.testing.assert_close(found[row], state.c[0], rtol=1e-6, atol=1e-6)


# -- each sequence by itself -----------------------------------------------------------------------------------------
OUTER = """cell Outer(u) {
 input x: [batch, n]
 state seen: [batch, u] = 1
 inner = LSTM(u)
 seen' = seen / 2 + inner([x, seen])
 output y = tanh(seen')
}
"""
USES = {
    "gru": ("scan GRU(4) over time", ""),
    "mgu": ("scan MGU(4) over time", ""),
    "peephole": ("scan PeepholeLSTM(4) over time", ""),
    "a cell in a cell": ("scan Outer(4) over time", OUTER),
    "a body": (
        "scan {\n input a\n state s: [batch, 3] = 1\n s' = s * tanh(Linear(3)([a, s]))\n output s'\n} over time",
        "",
    ),
    "no state": ("scan { Linear(2) -> tanh } over time", ""),
}


@pytest.mark.parametrize("way", ["", " reversed"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("name", USES)
def test_is_each_sequence_by_itself(name: str, way: str, first: bool) -> None:
    use, before = USES[name]
    shape = "[time, batch, 3]" if first else "[batch, time, 3]"
    ours = model(f" output y = x -> {use}{way} at_most n", before, shape)
    x = torch.randn(4, 7, 3, dtype=torch.double, requires_grad=True)
    y = ours(x.transpose(0, 1) if first else x, LENGTHS)
    y = y.transpose(0, 1) if first else y
    for row, length in enumerate(LENGTHS.tolist()):
        one = x[row : row + 1, :length]
        alone = ours(one.transpose(0, 1) if first else one, torch.tensor([length]))
        same(y[row, :length], (alone.transpose(0, 1) if first else alone)[0])
        assert not y[row, length:].any()
    y.sum().backward()
    assert x.grad is not None
    beyond = torch.arange(7) >= LENGTHS.unsqueeze(1)
    assert not x.grad[beyond].any() and x.grad[~beyond].any()


@pytest.mark.parametrize("way", ["", " reversed"])
@pytest.mark.parametrize("start", ["", " from (h = a, c = b)"])
@pytest.mark.parametrize("kind", ["LSTM", "PeepholeLSTM", "GRU", "RNN"])
def test_a_length_of_0(kind: str, start: str, way: str) -> None:
    """No step: the outputs are 0, the state is the first one, and the others are as they were."""
    memory = "LSTM" in kind
    start = start if memory else start.replace(", c = b", "")
    ends = "\n output c = r.c'" if memory else ""
    text = f" input a, b: [batch, 4]\n r = x -> scan {kind}(4) over time{way} at_most n{start}\n output y = r\n output h = r.h'{ends}"
    ours = model(text)
    x, a, b = (torch.randn(4, *size, dtype=torch.double) for size in ((7, 3), (4,), (4,)))
    full = torch.tensor([5, 1, 7, 3])
    some = torch.tensor([5, 0, 7, 0])
    whole, found = ours(x, full, a, b), ours(x, some, a, b)
    began = [a, b] if start else [torch.zeros_like(a), torch.zeros_like(b)]
    assert not found[0][some == 0].any()
    for state, first in zip(found[1:], began):
        same(state[some == 0], first[some == 0])
    for one, other in zip(found, whole, strict=True):
        same(one[some > 0], other[some > 0])
    assert all(t.isfinite().all() for t in ours(x, torch.zeros(4, dtype=torch.long), a, b))


def test_full_lengths_change_nothing() -> None:
    for name, (use, before) in USES.items():
        ours = model(f" output y = x -> {use} at_most n\n output z = x -> {use}", before)
        parts = list(ours.state_dict())
        for a, b in zip(parts[: len(parts) // 2], parts[len(parts) // 2 :], strict=True):
            ours.state_dict()[b].copy_(ours.state_dict()[a])
        y, z = ours(torch.randn(4, 7, 3, dtype=torch.double), torch.full((4,), 7))
        assert torch.allclose(y, z), name


@pytest.mark.parametrize(
    ("lengths", "reason"),
    [("n: [batch]", "whole numbers"), ("n: int[batch, time]", "one for each"), ("n: int[other]", "no axis other")],
)
def test_wrong_lengths_are_told(lengths: str, reason: str) -> None:
    text = f"model M() {{\n input x: [batch, time, 3]\n input {lengths}\n output y = x -> scan GRU(4) over time at_most n\n}}"
    with pytest.raises(Errors, match=reason):
        analyse(text)


@pytest.mark.parametrize("way", ["", " reversed"])
@pytest.mark.parametrize(
    ("step", "output"),
    [
        ("h' = tanh(Linear(4)([x, h]) - mean(h, over = batch))", "h'"),
        ("h' = tanh(Linear(4)([x, h]))", "y = h' / norm(h', over = batch)"),
    ],
    ids=["in its step", "in its output"],
)
def test_sequences_that_see_one_another_are_taken_step_by_step(step: str, output: str, way: str) -> None:
    program = analyse(f"""cell Seen() {{
  input x: [batch, n]
  state h: [batch, 4] = 0
  {step}
  output {output}
}}
model M() {{
  input x: [batch, time, 3]
  input lengths: int[batch]
  output y = (scan Seen() over time{way} at_most lengths)(x)
}}""")
    fast, plain = (run(emit(program, plain=plain))["M"]().double() for plain in (False, True))
    plain.load_state_dict(fast.state_dict())
    x, lengths = torch.randn(3, 5, 3, dtype=torch.float64), torch.tensor([2, 5, 3])
    torch.testing.assert_close(fast(x, lengths), plain(x, lengths))
