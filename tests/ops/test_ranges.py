"""Range rules hold on random intervals: no value that an op gives leaves the interval that is claimed for it."""

from __future__ import annotations

import random

import pytest

from archdsl.ops import FAMILIES
from archdsl.ops.base import Interval
from tests.ops.uses import Use, check

SPECIAL = {"log": 1e-6, "sqrt": 0.0}
"""The least value that an op takes."""
ONE = [
    op.name
    for f in ("activations", "functions")
    for op in FAMILIES[f]
    if "," not in op.signature and op.name != "clamp"
]
TWO = ["add", "sub", "mul", "div", "maximum", "minimum", "floordiv", "mod", "lt", "eq"]


def interval(generator: random.Random, least: float = -9.0) -> Interval:
    """Ends that are often 0, 1 or nothing."""
    ends = sorted(generator.choice([0.0, 1.0, -1.0, 0.5, generator.uniform(-6, 6)]) for _ in range(2))
    low, high = (max(end, least) for end in ends)
    if generator.random() < 0.2:
        return (low, float("inf"))
    return (-float("inf"), high) if generator.random() < 0.2 and least < -6 else (low, high)


@pytest.mark.parametrize("name", ONE)
def test_of_one_value(name: str) -> None:
    generator = random.Random(name)
    for _ in range(25):
        check(Use(name, ["[64]"], ranges=[interval(generator, SPECIAL.get(name, -9.0))]))


@pytest.mark.parametrize("name", TWO)
def test_of_two_values(name: str) -> None:
    generator = random.Random(name)
    for _ in range(25):
        ranges = [interval(generator), interval(generator)]
        if name in ("div", "floordiv", "mod"):
            low = generator.choice([0.25, 1.0, 3.0])
            ranges[1] = generator.choice([(low, low + 2), (-low - 1, -low), (low, float("inf"))])
        check(Use(name, ["[64]", "[64]"], ranges=ranges))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (None, 0.5), (-0.5, None), (2, 3)])
def test_clamp(low: float | None, high: float | None) -> None:
    generator = random.Random(0)
    for _ in range(25):
        check(Use("clamp", ["[64]"], {"low": low, "high": high}, ranges=[interval(generator)]))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "norm", "cumsum", "cumprod", "sort"])
def test_along_an_axis(name: str) -> None:
    generator = random.Random(name)
    for _ in range(25):
        check(Use(name, ["[6, 8]"], {"over": -1}, ranges=[interval(generator)]))


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, -1, -2])
def test_powers(exponent: float) -> None:
    generator = random.Random(exponent)
    least = -9.0 if exponent in (0, 1, 2, 3) else 0.1
    for _ in range(25):
        check(Use("pow", ["[64]", exponent], ranges=[interval(generator, least), (exponent, exponent)]))
