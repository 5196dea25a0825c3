"""Programs with torch.nn's own names load its state dicts strictly, and compute the same, gradients included."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archdsl

FILE = Path(__file__).parents[1] / "cases" / "published" / "torch_nn.arch"
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def _pair(name: str, theirs: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Ours with the weights of theirs, which are drawn wide."""
    ours = archdsl.load(FILE, name)
    torch.manual_seed(1)
    for p in theirs.parameters():
        nn.init.normal_(p, 1.0 if p.dim() == 1 else 0.0, 0.7)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours.double().eval(), theirs.double().eval()


def _same(ours: nn.Module, theirs: nn.Module, inputs: list[Tensor], given: list[Tensor], wanted: list[Tensor]) -> None:
    assert len(given) == len(wanted)
    for a, b in zip(given, wanted, strict=True):
        torch.testing.assert_close(a, b, **CLOSE)
    names = [name for name, _ in ours.named_parameters()]
    found = [
        torch.autograd.grad(sum((o**2).sum() for o in outputs), [*inputs, *map(net.get_parameter, names)])
        for net, outputs in ((ours, given), (theirs, wanted))
    ]
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, **CLOSE)


def _inputs(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers(name: str) -> None:
    ours, theirs = _pair(name, getattr(nn, name)(5, 6, batch_first=True))
    inputs = _inputs((3, 7, 5))
    y, last = theirs(*inputs)
    final = [h.squeeze(0) for h in (last if isinstance(last, tuple) else (last,))]
    _same(ours, theirs, inputs, list(ours(*inputs)), [y, *final])


def test_attention() -> None:
    ours, theirs = _pair("MultiheadAttention", nn.MultiheadAttention(12, 3, batch_first=True))
    inputs = _inputs((2, 5, 12), (2, 7, 12), (2, 7, 12))
    _same(ours, theirs, inputs, [ours(*inputs)], [theirs(*inputs, need_weights=False)[0]])


@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_transformer_layers(name: str) -> None:
    ours, theirs = _pair(name, getattr(nn, name)(12, 3, 24, batch_first=True))
    inputs = _inputs((2, 5, 12), (2, 7, 12))[: 1 if "En" in name else 2]
    _same(ours, theirs, inputs, [ours(*inputs)], [theirs(*inputs)])
