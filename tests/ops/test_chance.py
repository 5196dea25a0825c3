"""Draws: their types, where they lie, their moments, and how gradients pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.types import Type
from archdsl.ops import DISTRIBUTIONS
from archdsl.ops.base import Misfit
from tests.ops.uses import KINDS, parse_type, python_number


class Draw:
    """A draw as the emitter sees it, from types or plain numbers."""

    device = float_dtype = like = ""
    like_shape: tuple[Num, ...] = ()

    def __init__(self, name: str, parameters: list[str | float], gradient: str, declared: str = ""):
        self.distribution, self.gradient = DISTRIBUTIONS[name], gradient
        self.numbers = [None if isinstance(p, str) else Num.of(p) for p in parameters]
        self.inputs = [parse_type(p) if isinstance(p, str) else Type() for p in parameters]
        self.outputs = [self.distribution.type(self.inputs, gradient, parse_type(declared) if declared else None)]

    def operand(self, index: int) -> str:
        number = self.numbers[index]
        return f"p{index}" if number is None else str(python_number(number))

    def size(self, number: Num) -> str:
        return "*p0.shape[:-1]" if number == ELLIPSIS else str(python_number(number))

    def run(self, **parameters: Any) -> torch.Tensor:
        return eval(self.distribution.sample(self), {"torch": torch, "F": F, **parameters})


MANY = "[2000, 3]"


@pytest.mark.parametrize("way", ["reparameterisation", "score_function", "none"])
@pytest.mark.parametrize(
    ("name", "first", "second", "mean", "std"),
    [
        ("Normal", 1.5, 2.0, 1.5, 2.0),
        ("Uniform", -1.0, 3.0, 1.0, 4 / 12**0.5),
        ("Laplace", 1.0, 2.0, 1.0, 2 * 2**0.5),
        ("Uniform", 0.0, 1.0, 0.5, 1 / 12**0.5),
        ("Normal", 0.0, 1.0, 0.0, 1.0),
    ],
)
def test_moments(name: str, first: float, second: float, mean: float, std: float, way: str) -> None:
    numbers = Draw(name, [first, second], way, MANY)
    p0, p1 = torch.full((2000, 3), first, requires_grad=True), torch.full((3,), second, requires_grad=True)
    tensors = Draw(name, [MANY, "[3]"], way)
    mixed = Draw(name, [first, "[3]"], way, MANY)
    for draw, given in ((numbers, {}), (tensors, {"p0": p0, "p1": p1}), (mixed, {"p1": p1})):
        z = draw.run(**given)
        assert z.shape == (2000, 3) and z.dtype == torch.float32
        assert abs(z.mean().item() - mean) < 0.15 and abs(z.std().item() - std) < 0.15
        low, high = draw.distribution.support([(first, first), (second, second)])
        assert z.min() >= low - 1e-6 and z.max() <= high + 1e-6
        assert z.requires_grad == (bool(given) and way == "reparameterisation") or way == "none"


def test_reparameterised_gradients() -> None:
    mean, std = torch.zeros(4, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    z = Draw("Normal", ["[4, 3]", "[3]"], "reparameterisation").run(p0=mean, p1=std)
    z.sum().backward()
    assert torch.equal(mean.grad, torch.ones(4, 3))
    torch.testing.assert_close(std.grad, z.detach().sum(0))


@pytest.mark.parametrize("way", ["none", "score_function", "straight_through"])
def test_bernoulli(way: str) -> None:
    for draw, p in (
        (Draw("Bernoulli", [MANY], way), torch.full((2000, 3), 0.3)),
        (Draw("Bernoulli", ["[3]"], way, MANY), torch.full((3,), 0.3)),
    ):
        p.requires_grad_()
        z = draw.run(p0=p)
        assert z.shape == (2000, 3) and set(z.unique().tolist()) == {0.0, 1.0}
        assert abs(z.mean().item() - 0.3) < 0.05
        if way == "straight_through":
            z.sum().backward()
            assert torch.equal(p.grad, torch.ones_like(p) * (6000 / p.numel()))
    number = Draw("Bernoulli", [0.3], "none", MANY).run()
    assert number.dtype == torch.float32 and abs(number.mean().item() - 0.3) < 0.05


def test_categorical() -> None:
    p = torch.tensor([0.2, 0.5, 0.3]).expand(4000, 3).requires_grad_()
    for way in ("none", "score_function"):
        draw = Draw("Categorical", ["[4000, 3]"], way)
        z = draw.run(p0=p)
        assert str(draw.outputs[0]) == "int[4000]" and z.dtype == KINDS["int"] and z.shape == (4000,)
        torch.testing.assert_close(torch.bincount(z) / 4000, p[0].detach(), atol=0.04, rtol=0)


def test_categorical_straight_through() -> None:
    p = torch.rand(5, 3).softmax(-1).requires_grad_()
    draw = Draw("Categorical", ["[5, 3]"], "straight_through")
    z = draw.run(p0=p)
    assert draw.outputs[0] == parse_type("[5, 3]") and z.dtype == torch.float32
    assert set(z.unique().tolist()) == {0.0, 1.0} and torch.equal(z.sum(-1), torch.ones(5))
    weights = torch.rand(5, 3)
    (z * weights).sum().backward()
    torch.testing.assert_close(p.grad, weights)


def test_open_shapes() -> None:
    p = torch.zeros(2, 5, 3)
    assert Draw("Normal", ["[..., 3]", 1], "reparameterisation").run(p0=p).shape == p.shape
    assert Draw("Laplace", ["[..., 3]", 1], "reparameterisation").run(p0=p).shape == p.shape


@pytest.mark.parametrize(
    ("name", "parameters", "way", "declared", "reason"),
    [
        ("Bernoulli", ["[3]"], "reparameterisation", "", "no gradient can pass"),
        ("Normal", ["[3]", "[4]"], "none", "", "do not broadcast"),
        ("Normal", ["[5, 3]", 1], "none", "[3]", "declared type"),
        ("Categorical", ["int[3]"], "none", "", "must be float"),
        ("Categorical", ["[4, 3]"], "none", "int[7, 4]", "declared type"),
        ("Normal", ["int[3]", 1], "none", "", "must be float"),
    ],
)
def test_misfits(name: str, parameters: list[Any], way: str, declared: str, reason: str) -> None:
    with pytest.raises(Misfit, match=reason):
        Draw(name, parameters, way, declared)
