"""Initializers and optimizers: the code they write makes what they say."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archdsl.ir.num import Num
from archdsl.ir.program import Setting
from archdsl.ops import INITIALIZERS, OPTIMIZERS
from archdsl.ops.base import REQUIRED, Misfit, default_of
from tests.ops.uses import python_number


class Filled:
    """A tensor or an optimizer as the emitter sees it."""

    def __init__(self, declared: Any, shape: tuple[int, ...] = (), **given: float | bool):
        self.shape = tuple(Num.of(n) for n in shape)
        self.settings: dict[str, Setting] = {n: default_of(given.get(n, d)) for n, d in declared.items()}

    def setting(self, name: str) -> str:
        value = self.settings[name]
        return str(python_number(value)) if isinstance(value, Num) else repr(value)

    def size(self, number: Num) -> str:
        return str(python_number(number))


def fill(name: str, shape: tuple[int, ...], **given: float) -> Tensor:
    initializer = INITIALIZERS[name]
    site = Filled(initializer.settings, shape, **given)
    initializer.check(site.shape, site.settings)
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "Tensor": Tensor}
    exec(initializer.helper, namespace)
    made: Tensor = eval(initializer.torch(site), namespace)
    assert made.shape == shape and made.dtype == torch.float32
    return made


@pytest.mark.parametrize("shape", [(), (3,), (4, 3)])
def test_constants(shape: tuple[int, ...]) -> None:
    assert (fill("zeros", shape) == 0).all() and (fill("ones", shape) == 1).all()
    for value in (0, 1, 2, -1.5):
        assert (fill("constant", shape, value=value) == value).all()


@pytest.mark.parametrize(
    ("name", "given", "low", "high", "std"),
    [
        ("normal", {}, -7, 7, 1),
        ("normal", {"mean": 3, "std": 0.02}, 2.8, 3.2, 0.02),
        ("uniform", {}, -1, 1, 1 / math.sqrt(3)),
        ("uniform", {"low": 0, "high": 1}, 0, 1, 1 / math.sqrt(12)),
        ("xavier_uniform", {}, -math.sqrt(6 / 300), math.sqrt(6 / 300), math.sqrt(2 / 300)),
        ("xavier_normal", {"gain": 2}, -1, 1, 2 * math.sqrt(2 / 300)),
        ("kaiming_uniform", {}, -math.sqrt(6 / 100), math.sqrt(6 / 100), math.sqrt(2 / 100)),
        ("kaiming_normal", {}, -1, 1, math.sqrt(2 / 100)),
    ],
)
def test_spread(name: str, given: dict[str, float], low: float, high: float, std: float) -> None:
    x = fill(name, (200, 100), **given)
    assert x.min() >= low and x.max() <= high
    assert abs(x.std().item() / std - 1) < 0.03


def test_matrices() -> None:
    q = fill("orthogonal", (5, 8), gain=2)
    torch.testing.assert_close(q @ q.T, 4 * torch.eye(5), atol=1e-5, rtol=0)
    assert torch.equal(fill("identity", (3, 4)), torch.eye(3, 4))
    sparse = fill("spectral", (60, 60), radius=0.7, density=0.2)
    assert abs(torch.linalg.eigvals(sparse).abs().max().item() - 0.7) < 1e-3
    assert abs((sparse != 0).float().mean().item() - 0.2) < 0.05


def test_sinusoids() -> None:
    table = fill("sinusoids", (7, 6))
    for position in range(7):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            assert abs(table[position, 2 * i].item() - math.sin(angle)) < 1e-5
            assert abs(table[position, 2 * i + 1].item() - math.cos(angle)) < 1e-5


@pytest.mark.parametrize(
    ("name", "shape"), [("spectral", (3, 4)), ("xavier_uniform", (3,)), ("identity", (2, 2, 2)), ("sinusoids", ())]
)
def test_shapes_that_cannot_be_filled(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(Misfit):
        INITIALIZERS[name].check(tuple(Num.of(n) for n in shape))


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("SGD", {"lr": 0.1}, "torch.optim.SGD(parameters, lr=0.1)"),
        (
            "SGD",
            {"lr": 0.1, "momentum": 0.9, "nesterov": True},
            "torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True)",
        ),
        ("Adam", {"lr": 2e-4}, "torch.optim.Adam(parameters, lr=0.0002)"),
        ("Adam", {"beta1": 0.5}, "torch.optim.Adam(parameters, lr=0.001, betas=(0.5, 0.999))"),
        ("AdamW", {"weight_decay": 0.1}, "torch.optim.AdamW(parameters, lr=0.001, weight_decay=0.1)"),
        ("RMSprop", {"decay": 0.9}, "torch.optim.RMSprop(parameters, lr=0.01, alpha=0.9)"),
        ("Adagrad", {}, "torch.optim.Adagrad(parameters, lr=0.01)"),
    ],
)
def test_optimizers(name: str, given: dict[str, Any], code: str) -> None:
    optimizer = OPTIMIZERS[name]
    text = optimizer.torch("parameters", Filled(optimizer.settings, **given))
    assert text == code
    made = eval(text, {"torch": torch, "parameters": [nn.Parameter(torch.ones(2))]})
    for setting, value in {**{k: v for k, v in optimizer.settings.items() if v is not REQUIRED}, **given}.items():
        keyword = next(k for k, names in optimizer.keywords.items() if setting in names)
        found = made.defaults[keyword]
        names = optimizer.keywords[keyword]
        assert (found[names.index(setting)] if len(names) > 1 else found) == pytest.approx(value)
