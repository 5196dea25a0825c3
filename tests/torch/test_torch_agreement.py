"""Emitted modules compute what torch's own do, given the same weights: outputs and gradients to 1e-5 in float32, in both modes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from emitted import compiled
from torch import Tensor, nn

SIZES = [(2, 5), (3, 9)]


def model(use: str, inputs: str = "x: [batch, time, 6]", before: str = "") -> nn.Module:
    """A model that applies one library block to its input."""
    module: nn.Module = compiled(f"{before}\nmodel M() {{\n input {inputs}\n output y = {use}\n}}\n")["M"]()
    return module


def close(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def compare(ours: nn.Module, theirs: Any, weights: list[tuple[Tensor, Tensor]], *inputs: Tensor) -> None:
    """Outputs, gradients of the inputs, and gradients of the pairs of weights."""
    mine = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    other = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    a, b = ours(*mine), theirs(*other)
    close([a], [b])
    direction = torch.randn_like(a)
    a.backward(direction)
    b.backward(direction)
    close([x.grad for x in mine if x.grad is not None], [x.grad for x in other if x.grad is not None])
    close([x.grad for x, _ in weights if x.grad is not None], [x.grad for _, x in weights if x.grad is not None])
    for x, y in weights:
        x.grad = y.grad = None


def tie(module: nn.Module, names: list[str], weight: Tensor, transform: Any = None) -> None:
    """Copy rows of one of torch's stacked weights into the program's separate ones."""
    own = dict(module.named_parameters())
    for name, part in zip(names, weight.chunk(len(names))):
        own[name].data.copy_(part)


def rows(weight: Tensor, count: int) -> Iterable[Tensor]:
    return weight.detach().chunk(count)


@pytest.mark.parametrize(("batch", "time"), SIZES)
@pytest.mark.parametrize("training", [True, False])
def test_lstm(batch: int, time: int, training: bool) -> None:
    ours, theirs = model("x -> scan LSTM(4) over time").train(training), nn.LSTM(6, 4, batch_first=True)
    cell = ours.get_submodule(next(n for n, _ in ours.named_children()))
    both = torch.cat([theirs.weight_ih_l0, theirs.weight_hh_l0], 1)
    bias = theirs.bias_ih_l0 + theirs.bias_hh_l0
    for name, w, b in zip("ifgo", rows(both, 4), rows(bias, 4)):
        cell.get_submodule(name).load_state_dict({"weight": w, "bias": b})
    compare(ours, lambda x: theirs(x)[0], [], torch.randn(batch, time, 6))
    grads = torch.cat([cell.get_submodule(n).weight.grad for n in "ifgo"])
    close([grads], [torch.cat([theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad], 1)])


@pytest.mark.parametrize(("batch", "time"), SIZES)
def test_gru(batch: int, time: int) -> None:
    ours, theirs = model("x -> scan GRU(4) over time"), nn.GRU(6, 4, batch_first=True)
    (cell,) = ours.children()
    linears = [m for m in cell.children() if isinstance(m, nn.Linear)]
    (ri, zi, ni), (rh, zh, nh) = rows(theirs.weight_ih_l0, 3), rows(theirs.weight_hh_l0, 3)
    (bri, bzi, bni), (brh, bzh, bnh) = rows(theirs.bias_ih_l0, 3), rows(theirs.bias_hh_l0, 3)
    joined = [m for m in linears if m.in_features == 10]
    inputs, hidden = (next(m for m in linears if m.in_features == n) for n in (6, 4))
    joined[0].load_state_dict({"weight": torch.cat([ri, rh], 1), "bias": bri + brh})
    joined[1].load_state_dict({"weight": torch.cat([zi, zh], 1), "bias": bzi + bzh})
    inputs.load_state_dict({"weight": ni, "bias": bni})
    hidden.load_state_dict({"weight": nh, "bias": bnh})
    compare(ours, lambda x: theirs(x)[0], [], torch.randn(batch, time, 6))


@pytest.mark.parametrize("reverse", [False, True])
def test_rnn_in_either_direction(reverse: bool) -> None:
    ours = model(f"x -> scan RNN(4) over time{' reversed' if reverse else ''}")
    theirs = nn.RNN(6, 4, batch_first=True)
    (cell,) = ours.children()
    (linear,) = (m for m in cell.children() if isinstance(m, nn.Linear))
    linear.weight.data.copy_(torch.cat([theirs.weight_ih_l0, theirs.weight_hh_l0], 1))
    linear.bias.data.copy_(theirs.bias_ih_l0 + theirs.bias_hh_l0)
    flip = (lambda x: x.flip(1)) if reverse else (lambda x: x)
    compare(ours, lambda x: flip(theirs(flip(x))[0]), [], torch.randn(2, 7, 6))


def test_bidirectional_lstm() -> None:
    ours, theirs = model("x -> BiLSTM(4)"), nn.LSTM(6, 4, batch_first=True, bidirectional=True)
    own = ours.state_dict()
    for direction, end in (("forwards", ""), ("backwards", "_reverse")):
        both = torch.cat([getattr(theirs, f"weight_ih_l0{end}"), getattr(theirs, f"weight_hh_l0{end}")], 1)
        bias = getattr(theirs, f"bias_ih_l0{end}") + getattr(theirs, f"bias_hh_l0{end}")
        for name, w, b in zip("ifgo", rows(both, 4), rows(bias, 4)):
            own[next(k for k in own if f"{direction}.{name}.weight" in k)].copy_(w)
            own[next(k for k in own if f"{direction}.{name}.bias" in k)].copy_(b)
    compare(ours, lambda x: theirs(x)[0], [], torch.randn(2, 5, 6))


@pytest.mark.parametrize(("mask", "heads"), [("none", 1), ("none", 3), ("causal", 2)])
def test_attention(mask: str, heads: int) -> None:
    ours = model(f"SelfAttention(6, {heads}, {mask})(x)")
    theirs = nn.MultiheadAttention(6, heads, batch_first=True)
    linears = [m for m in ours.modules() if isinstance(m, nn.Linear)]
    nn.init.normal_(theirs.in_proj_weight)
    for linear, w, b in zip(linears, rows(theirs.in_proj_weight, 3), rows(theirs.in_proj_bias, 3)):
        linear.load_state_dict({"weight": w, "bias": b})
    linears[3].load_state_dict(theirs.out_proj.state_dict())
    hidden = torch.ones(8, 8, dtype=torch.bool).triu(1) if mask == "causal" else None
    compare(ours, lambda x: theirs(x, x, x, attn_mask=hidden)[0], [], torch.randn(2, 8, 6))


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_transformer_encoder_layer(pre_norm: bool, training: bool) -> None:
    flag = "true" if pre_norm else "false"
    ours = model(f"TransformerEncoderLayer(6, 2, hidden = 12, dropout = 0, pre_norm = {flag})(x)").train(training)
    theirs = nn.TransformerEncoderLayer(6, 2, 12, dropout=0.0, batch_first=True, norm_first=pre_norm).train(training)
    nn.init.normal_(theirs.self_attn.in_proj_weight)
    linears = [m for m in ours.modules() if isinstance(m, nn.Linear)]
    norms = [m for m in ours.modules() if type(m).__name__ == "LayerNorm"]
    for linear, w, b in zip(linears, rows(theirs.self_attn.in_proj_weight, 3), rows(theirs.self_attn.in_proj_bias, 3)):
        linear.load_state_dict({"weight": w, "bias": b})
    for mine, other in zip(linears[3:], (theirs.self_attn.out_proj, theirs.linear1, theirs.linear2)):
        mine.load_state_dict(other.state_dict())
    for mine, other in zip(norms, (theirs.norm1, theirs.norm2)):
        mine.weight.data.copy_(other.weight.data.normal_())
    compare(
        ours,
        theirs,
        list(zip([n.weight for n in norms], [theirs.norm1.weight, theirs.norm2.weight])),
        torch.randn(2, 5, 6),
    )


def test_batch_norm_in_both_modes_and_its_memory() -> None:
    ours, theirs = model("BatchNorm2d()(x)", "x: [batch, 3, height, width]"), nn.BatchNorm2d(3)
    (norm,) = ours.children()
    assert norm.state_dict().keys() == theirs.state_dict().keys()
    for _ in range(3):
        compare(ours, theirs, [(norm.weight, theirs.weight), (norm.bias, theirs.bias)], 3 * torch.randn(4, 3, 5, 6) + 1)
    close([norm.running_mean, norm.running_var], [theirs.running_mean, theirs.running_var])
    compare(ours.eval(), theirs.eval(), [], torch.randn(2, 3, 4, 4))
    before = norm.running_mean.clone()
    ours(torch.randn(2, 3, 4, 4))
    assert torch.equal(before, norm.running_mean)


def test_layer_norm() -> None:
    ours, theirs = model("LayerNorm()(x)"), nn.LayerNorm(6)
    (norm,) = ours.children()
    theirs.weight.data.normal_()
    norm.load_state_dict(theirs.state_dict())
    compare(ours, theirs, list(zip(norm.parameters(), theirs.parameters())), torch.randn(2, 5, 6))


def test_scan_without_state_is_the_loop() -> None:
    """On the whole at once or by vmap, a map along an axis is the stack of its steps."""
    from emitted import case

    module = case("scans_without_state")["Maps"]()
    x, film, w = torch.randn(2, 5, 4), torch.randn(2, 3, 1, 6, 6), torch.randn(4)
    heads, frames, weighted, tops = module(x, film, w)
    close([heads], [torch.stack([module.heads(t) for t in x.unbind(1)], 1)])
    close([frames], [torch.stack([module.frames_out(t) for t in film.unbind(1)], 1)])
    close([weighted], [torch.stack([(t * w).softmax(-1) for t in x.unbind(1)], 1)])
    close([tops], [x.sum(0).T])
