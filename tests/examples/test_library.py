"""The library's definitions, each in a program of one line, against torch.nn: outputs, gradients and running statistics, in both modes."""

import pytest
import torch
from agreement import Weights, agree, call, layers, renamed
from test_recurrent import one_bias, steps
from test_transformers import KEY_BIAS, _decoder_layer, _encoder_layer
from torch import Tensor, nn

import archdsl


def program(inputs: str, expression: str) -> nn.Module:
    """A model whose output is the expression."""
    return archdsl.load(f"model M() {{\n  {inputs}\n  output y = {expression}\n}}", "M")


BATCH_NORM = ("weight", "bias")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("shape", "expression", "theirs"),
    [
        ([5, 6], "LayerNorm()(x)", nn.LayerNorm(6)),
        ([2, 5, 6], "LayerNorm(1e-3)(x)", nn.LayerNorm(6, eps=1e-3)),
        ([2, 5, 6], "RMSNorm(1e-3)(x)", nn.RMSNorm(6, eps=1e-3)),
        ([8, 6], "BatchNorm1d()(x)", nn.BatchNorm1d(6)),
        ([4, 6, 3, 5], "BatchNorm2d(1e-3, 0.3)(x)", nn.BatchNorm2d(6, eps=1e-3, momentum=0.3)),
        ([4, 6, 3, 5], "GroupNorm(3)(x)", nn.GroupNorm(3, 6)),
    ],
)
def test_norms(shape: list[int], expression: str, theirs: nn.Module, training: bool) -> None:
    sizes = ", ".join(["batch", *map(str, shape[1:])])
    ours = program(f"input x: [{sizes}]", expression)
    theirs.train(training)

    def reference(w: Weights, x: Tensor) -> Tensor:
        theirs.to(x.dtype)
        return call(theirs, renamed(w, BATCH_NORM[: len(w)]), x)  # type: ignore[no-any-return]

    agree(ours, reference, [torch.randn(shape) * 3 + 1], training=training)


@pytest.mark.parametrize(("shape", "name"), [([8, 6], "BatchNorm1d"), ([4, 6, 3, 5], "BatchNorm2d")])
def test_running_statistics(shape: list[int], name: str) -> None:
    sizes = ", ".join(["batch", *map(str, shape[1:])])
    ours, theirs = program(f"input x: [{sizes}]", f"{name}()(x)"), getattr(nn, name)(6)
    for _ in range(3):
        x = torch.randn(shape) * 2 + 1
        ours(x)
        theirs(x)
    found = {n.rpartition(".")[2]: b for n, b in ours.named_buffers()}
    for key in ("running_mean", "running_var"):
        torch.testing.assert_close(found[key], getattr(theirs, key))
    x = torch.randn(shape)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-5, atol=1e-5)
    assert all(torch.equal(found[n.rpartition(".")[2]], b) for n, b in ours.named_buffers()), (
        "evaluation must not learn"
    )


@pytest.mark.parametrize(("name", "theirs"), [("RNN", nn.RNN), ("LSTM", nn.LSTM)])
@pytest.mark.parametrize("direction", ["", " reversed"])
def test_recurrent_cells(name: str, theirs: type[nn.RNN], direction: str) -> None:
    module = theirs(5, 7, batch_first=True)

    def reference(w: Weights, x: Tensor) -> Tensor:
        y = call(module, one_bias(layers(w), 5), x.flip(1) if direction else x)[0]
        return y.flip(1) if direction else y  # type: ignore[no-any-return]

    ours = program("input x: [batch, time, 5]", f"x -> scan {name}(7) over time{direction}")
    agree(ours, reference, [torch.randn(3, 6, 5)], scale=1.5)


def test_gru_is_that_of_torch() -> None:
    module = nn.GRU(5, 7, batch_first=True)

    def reference(w: Weights, x: Tensor) -> Tensor:
        r, z, nx, nh = layers(w)
        both = torch.cat([r["weight"], z["weight"]])
        zero = torch.zeros_like(r["bias"])
        weights = {
            "weight_ih_l0": torch.cat([both[:, :5], nx["weight"]]),
            "weight_hh_l0": torch.cat([both[:, 5:], nh["weight"]]),
            "bias_ih_l0": torch.cat([r["bias"], z["bias"], nx["bias"]]),
            "bias_hh_l0": torch.cat([zero, zero, nh["bias"]]),
        }
        return call(module, weights, x)[0]  # type: ignore[no-any-return]

    agree(
        program("input x: [batch, time, 5]", "x -> scan GRU(7) over time"), reference, [torch.randn(3, 6, 5)], scale=1.5
    )


def test_a_scan_can_start_elsewhere() -> None:
    module = nn.LSTM(5, 7, batch_first=True)

    def reference(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        return call(module, one_bias(layers(w), 5), x, (h[None], c[None]))[0]  # type: ignore[no-any-return]

    ours = program(
        "input x: [batch, time, 5]\n  input h0, c0: [batch, 7]", "x -> scan LSTM(7) over time from (h = h0, c = c0)"
    )
    agree(ours, reference, [torch.randn(3, 6, 5), torch.randn(3, 7), torch.randn(3, 7)], scale=1.5)


def _paper_gru(w: Weights, x: Tensor) -> Tensor:
    r, z, n = (lambda v, p=p: v @ p["weight"].T + p["bias"] for p in layers(w))

    def step(x: Tensor, h: Tensor) -> tuple[Tensor]:
        reset, keep = torch.sigmoid(r(torch.cat([x, h], -1))), torch.sigmoid(z(torch.cat([x, h], -1)))
        return (keep * h + (1 - keep) * torch.tanh(n(torch.cat([x, reset * h], -1))),)

    return steps(x, 1, 7, step)


def test_gru_of_the_paper() -> None:
    agree(
        program("input x: [batch, time, 5]", "x -> scan GRUCho(7) over time"),
        _paper_gru,
        [torch.randn(3, 6, 5)],
        scale=1.5,
    )


@pytest.mark.parametrize("pre", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_encoder_layer(pre: bool, training: bool) -> None:
    theirs = nn.TransformerEncoderLayer(12, 3, 20, 0.0, "gelu", batch_first=True, norm_first=pre).train(training)

    def reference(w: Weights, x: Tensor) -> Tensor:
        values = iter(w.values())
        if pre:
            norm = {f"norm1.{k}": next(values) for k in BATCH_NORM}
            weights = {**_encoder_layer_pre(values), **norm}
        else:
            weights = {k.removeprefix("l."): v for k, v in _encoder_layer(values, "l").items()}
        theirs.to(x.dtype)
        return call(theirs, weights, x)  # type: ignore[no-any-return]

    options = f"12, 3, hidden = 20, dropout = 0, act = gelu, pre_norm = {str(pre).lower()}"
    ours = program("input x: [batch, time, 12]", f"TransformerEncoderLayer({options})(x)")
    agree(ours, reference, [torch.randn(2, 5, 12)], training=training, scale=2, unseen=[KEY_BIAS])


def _encoder_layer_pre(w) -> Weights:  # type: ignore[no-untyped-def]
    from test_transformers import _packed, _pair

    return {**_packed(w, "self_attn"), **_pair(w, "norm2"), **_pair(w, "linear1"), **_pair(w, "linear2")}


def test_decoder_layer() -> None:
    theirs = nn.TransformerDecoderLayer(12, 3, 20, 0.0, batch_first=True)

    def reference(w: Weights, x: Tensor, encoded: Tensor) -> Tensor:
        weights = {k.removeprefix("l."): v for k, v in _decoder_layer(iter(w.values()), "l").items()}
        theirs.to(x.dtype)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return call(theirs, weights, x, encoded, tgt_mask=mask)  # type: ignore[no-any-return]

    ours = program(
        "input x: [batch, target, 12]\n  input encoded: [batch, source, 12]",
        "TransformerDecoderLayer(12, 3, hidden = 20, dropout = 0)(x, encoded)",
    )
    agree(ours, reference, [torch.randn(2, 5, 12), torch.randn(2, 7, 12)], scale=2, unseen=[KEY_BIAS])


def test_separable_convolution() -> None:
    theirs = nn.Sequential(nn.Conv2d(6, 6, 3, 2, 1, groups=6, bias=False), nn.Conv2d(6, 8, 1))
    names = [n for n, _ in theirs.named_parameters()]
    ours = program("input x: [batch, 6, 9, 7]", "SeparableConv2d(8, 3, stride = 2, padding = 1)(x)")
    agree(ours, lambda w, x: call(theirs, renamed(w, names), x), [torch.randn(2, 6, 9, 7)])
