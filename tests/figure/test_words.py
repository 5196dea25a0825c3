"""Numbers, names and text as they are read in a figure."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archdsl.figure import words
from archdsl.ir.functions import floor, sqrt
from archdsl.ir.num import Num
from archdsl.ir.program import Axis
from archdsl.ir.types import Type

d, h, s, n = (Num.symbol(x) for x in "dhsn")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Num.of(50257), "50257"),
        (Num.of(1e-5), "10⁻⁵"),
        (Num.of(0.02), "0.02"),
        (4 * d, "4d"),
        (4 * Num.symbol("channels"), "4·channels"),
        (d * Num.symbol("channels") / 2, "channels·d/2"),
        (math.log(2 * math.pi) * d, "log(2π)·d"),
        (Num.of(math.log(2 * math.pi)) / 2 * d, "log(2π)·d/2"),
        (Num.of(math.pi), "π"),
        (Num.of(math.pi) / 4, "π/4"),
        (Num.of(1.8379), "1.8379"),
        (Num.of(-1e9), "−10⁹"),
        (Num.of(3 * 10**12), "3·10¹²"),
        (Num.of(1_000_000), "1000000"),
        (d / 2, "d/2"),
        (d * h, "d·h"),
        (d / h, "d/h"),
        (1 - d, "1 − d"),
        (d - 1, "d − 1"),
        (sqrt(d), "√d"),
        (sqrt(d / h), "√(d/h)"),
        (Num.of(2) ** n, "2<SUP>n</SUP>"),
        (d**2, "d²"),
        (d % n, "d mod n"),
        (floor(h / 2), "⌊h/2⌋"),
        (floor((h + 1) / 2), "⌈h/2⌉"),
        (floor((floor((h + 1) / 2) + 1) / 2), "⌈h/4⌉"),
        (floor((h - 1) / s) + 1, "⌈h/s⌉"),
        (floor(h / s) + 1, "⌊h/s⌋ + 1"),
        (floor(h / s) ** 2 + 1, "⌊h/s⌋² + 1"),
    ],
)
def test_numbers_read_as_mathematics(number: Num, text: str) -> None:
    assert words.number(number) == text


_numbers = st.recursive(
    st.integers(-9, 9).map(Num.of) | st.sampled_from([d, h, s, n]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
        st.tuples(inner, st.integers(2, 5)).map(lambda p: floor(p[0] / p[1])),
        st.tuples(inner, st.sampled_from([d, h])).map(lambda p: p[0] / p[1]),
    ),
    max_leaves=5,
)


def _value(number: Num) -> tuple[object, ...]:
    """What a number is at several whole places."""
    places = [dict(zip("dhsn", map(Num.of, at))) for at in ((2, 3, 5, 7), (8, 4, 6, 9), (13, 11, 3, 4), (30, 17, 7, 8))]
    return tuple(str(number.subs(p)) for p in places)


@given(_numbers, _numbers)
def test_different_numbers_read_differently(a: Num, b: Num) -> None:
    if words.number(a) == words.number(b):
        assert _value(a) == _value(b)


@given(st.text())
def test_any_text_is_label_text(text: str) -> None:
    ET.fromstring(f"<x>{words.esc(text)}</x>")


def test_names() -> None:
    assert words.name("h0") == "h<SUB>0</SUB>"
    assert words.name("W_in") == "W<SUB>in</SUB>"
    assert words.name("mu") == "mu"
    assert words.name("h", handed_on=True) == words.name("h'") == "h′"


def test_axes_by_name_where_that_says_which() -> None:
    kind = Type(shape=(d, h))
    square = Type(shape=(d, d))
    assert words.axis(Axis(index=-1, size=h), kind) == "h"
    assert words.axis(Axis(index=-1, size=d), square) == "last axis (d)"
    assert words.axis(Axis(index=-2, size=d), square) == "axis −2 (d)"


def test_types() -> None:
    assert words.type_text(Type(shape=(d, 4 * h))) == "[d, 4h]"
    assert words.type_text(Type(dtype="int", shape=(d,))) == "int[d]"
    assert words.type_text(Type()) == "scalar"
