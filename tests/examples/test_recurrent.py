"""Recurrent examples and library cells against torch.nn, and against their papers' equations where torch has none."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from agreement import Weights, agree, call, layers, load, own
from torch import Tensor, nn


def _torch_names(p: int) -> list[str]:
    return [f"weight_ih_l{p}", f"weight_hh_l{p}", f"bias_ih_l{p}", f"bias_hh_l{p}"]


def two_biases(parts: list[dict[str, Tensor]]) -> Weights:
    """Linear(x) and Linear(h) of each gate, in turns, as torch's four tensors."""
    x, h = parts[0::2], parts[1::2]
    stacked = [torch.cat([p[k] for p in part]) for k in ("weight", "bias") for part in (x, h)]
    return dict(zip(_torch_names(0), stacked, strict=True))


def one_bias(parts: list[dict[str, Tensor]], features: int, layer: str = "l0") -> Weights:
    """Linear([x, h]) of each gate as torch's tensors, the second bias zero."""
    weight, bias = torch.cat([p["weight"] for p in parts]), torch.cat([p["bias"] for p in parts])
    return {
        f"weight_ih_{layer}": weight[:, :features],
        f"weight_hh_{layer}": weight[:, features:],
        f"bias_ih_{layer}": bias,
        f"bias_hh_{layer}": torch.zeros_like(bias),
    }


@pytest.mark.parametrize(
    ("file", "name", "theirs"),
    [("rnn", "RNNLayer", nn.RNN), ("lstm", "LSTMLayer", nn.LSTM), ("gru", "GRULayer", nn.GRU)],
)
def test_cells_are_those_of_torch(file: str, name: str, theirs: Callable[..., nn.Module]) -> None:
    module = theirs(5, 7, batch_first=True)
    reference = lambda w, x: call(module, two_biases(layers(w)), x)[0]  # noqa: E731
    agree(load(file, name, features=5, units=7), reference, [torch.randn(3, 6, 5)], scale=1.5)


def steps(x: Tensor, states: int, units: int, step: Callable[..., tuple[Tensor, ...]]) -> Tensor:
    """A recurrence over the second axis, from zeros; the first state is the output."""
    now = tuple(x.new_zeros(x.shape[0], units) for _ in range(states))
    outputs = []
    for t in range(x.shape[1]):
        now = step(x[:, t], *now)
        outputs.append(now[0])
    return torch.stack(outputs, 1)


def _affine(p: dict[str, Tensor], x: Tensor) -> Tensor:
    return F.linear(x, p["weight"], p["bias"])


def _peephole(w: Weights, x: Tensor) -> Tensor:
    ix, ih, fx, fh, gx, gh, ox, oh = layers(w)
    p_i, p_f, p_o = (own(w, f"peep_{k}") for k in "ifo")

    def step(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i = torch.sigmoid(_affine(ix, x) + _affine(ih, h) + p_i * c)
        f = torch.sigmoid(_affine(fx, x) + _affine(fh, h) + p_f * c)
        c = f * c + i * torch.tanh(_affine(gx, x) + _affine(gh, h))
        o = torch.sigmoid(_affine(ox, x) + _affine(oh, h) + p_o * c)
        return o * torch.tanh(c), c

    return steps(x, 2, 7, step)


def _cho(w: Weights, x: Tensor) -> Tensor:
    rx, rh, zx, zh, nx, nh = layers(w)

    def step(x: Tensor, h: Tensor) -> tuple[Tensor]:
        r = torch.sigmoid(_affine(rx, x) + _affine(rh, h))
        z = torch.sigmoid(_affine(zx, x) + _affine(zh, h))
        return (z * h + (1 - z) * torch.tanh(_affine(nx, x) + _affine(nh, r * h)),)

    return steps(x, 1, 7, step)


def _minimal(w: Weights, x: Tensor) -> Tensor:
    fx, fh, nx, nh = layers(w)

    def step(x: Tensor, h: Tensor) -> tuple[Tensor]:
        f = torch.sigmoid(_affine(fx, x) + _affine(fh, h))
        return ((1 - f) * h + f * torch.tanh(_affine(nx, x) + _affine(nh, f * h)),)

    return steps(x, 1, 7, step)


@pytest.mark.parametrize(
    ("file", "name", "reference"),
    [("peephole_lstm", "PeepholeLayer", _peephole), ("gru", "ChoGRULayer", _cho), ("mgu", "MGULayer", _minimal)],
)
def test_cells_are_those_of_their_papers(file: str, name: str, reference: Callable[[Weights, Tensor], Tensor]) -> None:
    agree(load(file, name, features=5, units=7), reference, [torch.randn(3, 6, 5)], scale=1.5)


def test_the_two_forms_of_gru_differ() -> None:
    torchs, chos = load("gru", "GRULayer", features=5, units=7), load("gru", "ChoGRULayer", features=5, units=7)
    chos.load_state_dict(dict(zip(chos.state_dict(), torchs.state_dict().values(), strict=True)))
    x = 3 * torch.randn(3, 6, 5)
    assert (torchs(x) - chos(x)).abs().max() > 1e-3


def test_tagger_is_embedding_lstm_and_linear() -> None:
    embedding, lstm, linear = nn.Embedding(30, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 4)

    def reference(w: Weights, tokens: Tensor) -> Tensor:
        first, *cell, last = layers(w)
        y = call(lstm, one_bias(cell, 8), call(embedding, first, tokens))[0]
        return call(linear, last, y)  # type: ignore[no-any-return]

    ours = load("tagger", "Tagger", vocab=30, units=8, tags=4)
    agree(ours, reference, [torch.arange(30).reshape(3, 10)], scale=1.5)


def test_deep_bidirectional_lstm_is_that_of_torch() -> None:
    lstm = nn.LSTM(5, 6, num_layers=3, bidirectional=True, batch_first=True)

    def reference(w: Weights, x: Tensor) -> Tensor:
        parts, weights = layers(w), {}
        for layer in range(3):
            for side in range(2):
                here = parts[(2 * layer + side) * 4 :][:4]
                weights |= one_bias(here, 12 if layer else 5, f"l{layer}" + "_reverse" * side)
        return call(lstm, weights, x)[0]  # type: ignore[no-any-return]

    ours = load("db_lstm", "Concatenated", features=5, units=6, layers=3)
    agree(ours, reference, [torch.randn(2, 7, 5)], scale=1.5)


def test_alternating_lstm_turns_round_at_each_layer() -> None:
    def reference(w: Weights, x: Tensor) -> Tensor:
        parts = layers(w)
        for i in range(4):
            features = x.shape[-1]
            lstm = nn.LSTM(features, 6, batch_first=True)
            x = call(lstm, one_bias(parts[4 * i : 4 * i + 4], features), x.flip(1) if i % 2 else x)[0]
            x = x.flip(1) if i % 2 else x
        return x

    agree(load("db_lstm", "Alternating", features=5, units=6, pairs=2), reference, [torch.randn(2, 7, 5)], scale=1.5)


def test_echo_state_network_is_that_of_reservoirpy() -> None:
    ours = load("esn", "ESN", features=2, units=30, outputs=3, radius=0.8, leak=0.4).double()
    state = {
        n.rpartition(".")[2]: v for n, v in ours.state_dict().items() if n.rpartition(".")[2] in ("W_in", "W", "b")
    }
    readout = [p for p in ours.parameters() if p.requires_grad]
    assert [tuple(p.shape) for p in readout] == [(3, 32), (3,)]
    assert torch.linalg.eigvals(state["W"]).abs().max().item() == pytest.approx(0.8, abs=1e-4)
    x = torch.randn(2, 9, 2, dtype=torch.float64)
    h = steps(x, 1, 30, lambda x, h: (0.6 * h + 0.4 * torch.tanh(x @ state["W_in"].T + h @ state["W"].T + state["b"]),))
    found, expected = ours(x), F.linear(torch.cat([x, h], -1), *readout)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), readout) for y in (found, expected)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    nodes = pytest.importorskip("reservoirpy.nodes")
    for row, states in zip(x.numpy(), h.numpy(), strict=True):
        theirs = nodes.Reservoir(30, lr=0.4, W=state["W"].numpy(), Win=state["W_in"].numpy(), bias=state["b"].numpy())
        assert abs(theirs.run(row) - states).max() < 1e-10
