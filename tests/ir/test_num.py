"""Symbolic numbers against sympy-free arithmetic: equal polynomials are one value, and text reads back."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.ir.functions import floor, sqrt
from archdsl.ir.num import Num
from archdsl.ir.terms import NotANumber

NAMES = ("a", "b", "c")


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[Num, object]:
    """A number, and a function that computes it from the symbols' values."""
    if depth == 0 or draw(st.booleans()):
        if draw(st.booleans()):
            name = draw(st.sampled_from(NAMES))
            return Num.symbol(name), lambda v: Fraction(v[name])
        value = draw(st.integers(-4, 9))
        return Num.of(value), lambda v: Fraction(value)
    (left, f), (right, g) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    match draw(st.sampled_from("+-*f")):
        case "+":
            return left + right, lambda v: f(v) + g(v)  # type: ignore[operator]
        case "-":
            return left - right, lambda v: f(v) - g(v)  # type: ignore[operator]
        case "*":
            return left * right, lambda v: f(v) * g(v)  # type: ignore[operator]
    return floor(left / 3), lambda v: Fraction(math.floor(f(v) / 3))  # type: ignore[operator]


@settings(max_examples=200, deadline=None)
@given(expressions(), st.tuples(*[st.integers(1, 20)] * 3))
def test_numbers_compute_as_fractions_do(pair: tuple[Num, object], values: tuple[int, ...]) -> None:
    number, function = pair
    given_values = dict(zip(NAMES, values))
    assert number.subs({n: Num.of(v) for n, v in given_values.items()}).value == function(given_values)  # type: ignore[operator]


@settings(max_examples=200, deadline=None)
@given(expressions())
def test_text_reads_back(pair: tuple[Num, object]) -> None:
    assert Num.parse(str(pair[0])) == pair[0]


def test_equal_expressions_are_one_value() -> None:
    d, heads, h, s = map(Num.symbol, ("d", "heads", "h", "s"))
    assert d / heads * heads == d
    assert sqrt(d) * sqrt(d) == d
    assert (d + 1) * (d - 1) == d**2 - 1
    assert floor((h + 2 - 3) / 1) + 1 == h
    assert floor((h + 2 * s - s) / s) == floor(h / s) + 1
    assert hash(2 * (d + 1)) == hash(2 * d + 2)
    assert (
        str(4 * d) == "4*d"
        and str(d / heads) == "d/heads"
        and str(Num.of(0.1) * d) == "0.1*d"
        and str(Num.of(2) ** Num.symbol("i")) == "2^i"
    )


def test_impossible_numbers() -> None:
    with pytest.raises(NotANumber):
        Num.of(1) / 0
    with pytest.raises(NotANumber):
        sqrt(Num.of(-1))
    with pytest.raises(NotANumber):
        _ = Num.symbol("d").value
