"""The library's definitions, each in a program of one line, against torch.nn: outputs, gradients and running statistics, in both modes."""

import pytest
import torch
import torch.nn.functional as F
from agreement import Reference, Weights, agree, call, layers, own, renamed
from test_recurrent import one_bias, steps
from test_transformers import KEY_BIAS, _encoder_layer, _packed, _pair
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
    return {**_packed(w, "self_attn"), **_pair(w, "norm2"), **_pair(w, "linear1"), **_pair(w, "linear2")}


def test_decoder_layer() -> None:
    theirs = nn.TransformerDecoderLayer(12, 3, 20, 0.0, batch_first=True)

    def reference(w: Weights, x: Tensor, encoded: Tensor) -> Tensor:
        rest = iter(w.values())
        weights = _packed(rest, "multihead_attn") | _packed(rest, "self_attn")  # the program makes `cross` first
        for part in ("norm1", "norm2", "linear1", "linear2", "norm3"):
            weights |= _pair(rest, part)
        theirs.to(x.dtype)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return call(theirs, weights, x, encoded, tgt_mask=mask)  # type: ignore[no-any-return]

    ours = program(
        "input x: [batch, target, 12]\n  input encoded: [batch, source, 12]",
        "TransformerDecoderLayer(12, 3, hidden = 20, dropout = 0)(x, encoded)",
    )
    agree(ours, reference, [torch.randn(2, 5, 12), torch.randn(2, 7, 12)], scale=2, unseen=[KEY_BIAS])


def _paper_peephole(w: Weights, x: Tensor) -> Tensor:
    i, f, g, o = (lambda v, p=p: v @ p["weight"].T + p["bias"] for p in layers(w))
    p_i, p_f, p_o = (own(w, f"peep_{k}") for k in "ifo")

    def step(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        v = torch.cat([x, h], -1)
        c = torch.sigmoid(f(v) + p_f * c) * c + torch.sigmoid(i(v) + p_i * c) * torch.tanh(g(v))
        return torch.sigmoid(o(v) + p_o * c) * torch.tanh(c), c

    return steps(x, 2, 7, step)


def _paper_minimal(w: Weights, x: Tensor) -> Tensor:
    f, n = (lambda v, p=p: v @ p["weight"].T + p["bias"] for p in layers(w))

    def step(x: Tensor, h: Tensor) -> tuple[Tensor]:
        forget = torch.sigmoid(f(torch.cat([x, h], -1)))
        return ((1 - forget) * h + forget * torch.tanh(n(torch.cat([x, forget * h], -1))),)

    return steps(x, 1, 7, step)


@pytest.mark.parametrize(("name", "reference"), [("PeepholeLSTM", _paper_peephole), ("MGU", _paper_minimal)])
def test_cells_of_their_papers(name: str, reference: Reference) -> None:
    ours = program("input x: [batch, time, 5]", f"x -> scan {name}(7) over time")
    agree(ours, reference, [torch.randn(3, 6, 5)], scale=1.5)


@pytest.mark.parametrize("both", [False, True])
def test_deep_forms(both: bool) -> None:
    theirs = nn.LSTM(5, 7, num_layers=3, bidirectional=both, batch_first=True)

    def reference(w: Weights, x: Tensor) -> Tensor:
        parts, weights = layers(w), {}
        for i in range(3):
            for side in range(1 + both):
                here = parts[((1 + both) * i + side) * 4 :][:4]
                weights |= one_bias(here, (7 + 7 * both) if i else 5, f"l{i}" + "_reverse" * side)
        return call(theirs, weights, x)[0]  # type: ignore[no-any-return]

    ours = program("input x: [batch, time, 5]", f"x -> Deep{'Bidirectional' * both}(7, 3)")
    agree(ours, reference, [torch.randn(2, 6, 5)], scale=1.5)


@pytest.mark.parametrize(("name", "cell"), [("BiLSTM(7)", "LSTM"), ("BiGRU(7)", "GRU")])
def test_bidirectional_is_one_layer_each_way(name: str, cell: str) -> None:
    ours = program("input x: [batch, time, 5]", f"x -> {name}")
    one = program("input x: [batch, time, 5]", f"x -> scan {cell}(7) over time")

    def reference(w: Weights, x: Tensor) -> Tensor:
        names = [n for n, _ in one.named_parameters()]
        half = len(names)
        one.to(x.dtype)
        forwards = call(one, dict(zip(names, list(w.values())[:half], strict=True)), x)
        backwards = call(one, dict(zip(names, list(w.values())[half:], strict=True)), x.flip(1)).flip(1)
        return torch.cat([forwards, backwards], -1)

    agree(ours, reference, [torch.randn(2, 6, 5)], scale=1.5)


def test_multi_head_attention_with_a_causal_mask() -> None:
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)

    def reference(w: Weights, x: Tensor) -> Tensor:
        weights = {n.removeprefix("a."): v for n, v in _packed(iter(w.values()), "a").items()}
        theirs.to(x.dtype)
        mask = torch.ones(5, 5, dtype=torch.bool).triu(1)
        return call(theirs, weights, x, x, x, attn_mask=mask)[0]  # type: ignore[no-any-return]

    ours = program("input x: [batch, time, 12]", "SelfAttention(12, 3, mask = causal)(x)")
    agree(ours, reference, [torch.randn(2, 5, 12)], scale=2, unseen=[KEY_BIAS])


def test_additive_attention_is_bahdanaus() -> None:
    def reference(w: Weights, query: Tensor, keys: Tensor) -> Tensor:
        v, a, b = layers(w)
        rows = []
        for q in range(query.shape[1]):
            hidden = torch.tanh(F.linear(query[:, q], **a)[:, None] + keys @ b["weight"].T)
            share = torch.softmax((hidden @ v["weight"].T)[..., 0], -1)
            rows.append((share[..., None] * keys).sum(1))
        return torch.stack(rows, 1)

    ours = program("input q: [batch, target, 4]\n  input k: [batch, source, 6]", "AdditiveAttention(5)(q, k)")
    agree(ours, reference, [torch.randn(2, 3, 4), torch.randn(2, 7, 6)], scale=2)


def test_learned_positions() -> None:
    ours = program("input x: [batch, time, 6]", "LearnedPositions(9)(x)")
    agree(ours, lambda w, x: x + next(iter(w.values()))[: x.shape[1]], [torch.randn(2, 7, 6)])


class _PreActivation(nn.Module):
    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(before), nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm_2, self.conv_2 = nn.BatchNorm2d(after), nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.skip = nn.Conv2d(before, after, 1, stride, bias=False) if before != after else None

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.norm(x))
        y = self.conv_2(F.relu(self.norm_2(self.conv(a))))
        return y + (self.skip(a) if self.skip else x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("after", "stride"), [(4, 1), (6, 2)])
def test_pre_activation_unit(after: int, stride: int) -> None:
    theirs = _PreActivation(4, after, stride).train()
    names = [n for n, _ in theirs.named_parameters()]

    def reference(w: Weights, x: Tensor) -> Tensor:
        theirs.to(x.dtype)
        return call(theirs, renamed(w, names), x)  # type: ignore[no-any-return]

    ours = program("input x: [batch, 4, 7, 9]", f"PreActivationUnit({after}, stride = {stride})(x)")
    agree(ours, reference, [torch.randn(3, 4, 7, 9)], training=True, dtypes=[torch.float64])


def test_separable_convolution() -> None:
    theirs = nn.Sequential(nn.Conv2d(6, 6, 3, 2, 1, groups=6, bias=False), nn.Conv2d(6, 8, 1))
    names = [n for n, _ in theirs.named_parameters()]
    ours = program("input x: [batch, 6, 9, 7]", "SeparableConv2d(8, 3, stride = 2, padding = 1)(x)")
    agree(ours, lambda w, x: call(theirs, renamed(w, names), x), [torch.randn(2, 6, 9, 7)])
