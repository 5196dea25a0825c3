"""Operators: arithmetic, comparisons and logic. Operands broadcast as in NumPy; bool gives way to int, int to float."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from archdsl.ir.types import Dtype, Shape, Type
from archdsl.ops import interval
from archdsl.ops.base import ANYTHING, Interval, Mark, Misfit, Op, RangeRule, Site, TorchSite, broadcast
from archdsl.ops.interval import UNIT, of

Template = str | Callable[[TorchSite], str]


def promote(*kinds: Dtype) -> Dtype:
    """The element kind of a result: bool gives way to int, and int to float."""
    return "float" if "float" in kinds else "int" if "int" in kinds else "bool"


def common_shape(site: Site) -> Shape:
    """The shape that all inputs broadcast to."""
    result = site.inputs[0].shape
    for other in site.inputs[1:]:
        result = broadcast(result, other.shape)
    return result


def _arithmetic(site: Site) -> Type:
    """Numbers of any kind; a mask may be multiplied and added, as 0 and 1."""
    kind = promote(*(t.dtype for t in site.inputs))
    if kind == "bool":
        raise Misfit("arithmetic needs numbers, and all operands are bool", "use 'and', 'or', 'not', or to_float(…)")
    return Type(dtype=kind, shape=common_shape(site))


def no_bool(site: Site) -> Type:
    """Numbers of any kind, and no mask."""
    if any(t.dtype == "bool" for t in site.inputs):
        raise Misfit("an operand is bool", "to_float(…) makes it a number")
    return _arithmetic(site)


def _quotient(site: Site) -> Type:
    return Type(shape=no_bool(site).shape)


def _comparison(site: Site) -> Type:
    kinds = {t.dtype for t in site.inputs}
    if "bool" in kinds and len(kinds) > 1:
        raise Misfit("a bool is compared with a number", "compare bools with bools")
    return Type(dtype="bool", shape=common_shape(site))


def _order(site: Site) -> Type:
    if any(t.dtype == "bool" for t in site.inputs):
        raise Misfit("bools have no order", "to_float(…) makes it a number")
    return _comparison(site)


def _logic(site: Site) -> Type:
    return Type(dtype="bool", shape=common_shape(site))


def binary(
    name: str,
    doc: str,
    sign: str,
    torch: Template,
    shape: Callable[[Site], Type],
    range: RangeRule | Interval,
    example: str,
    ordered: bool = False,
    gate: Literal["", "through", "product"] = "",
) -> Op:
    """An operator or function of two values that broadcast."""
    return Op(
        name=name,
        doc=doc,
        signature="x: any, y: any -> any",
        torch=torch,
        shape=shape,
        range=range,
        gate=gate,
        mark=Mark("circle", sign, ordered),
        example=example,
    )


def pair(rule: Callable[[Interval, Interval], Interval]) -> RangeRule:
    """A range rule of two inputs."""
    return lambda site: rule(of(site, 0), of(site, 1))


def _modulus(site: Site) -> Interval:
    low, high = of(site, 1)
    if low > 0:
        return (0.0, min(high, of(site)[1])) if of(site)[0] >= 0 else (0.0, high)
    return ANYTHING


def _whole_quotient(site: Site) -> Interval:
    low, high = interval.divide(of(site, 0), of(site, 1))
    return (math.floor(low) if math.isfinite(low) else low, math.floor(high) if math.isfinite(high) else high)


def _product(site: Site) -> Interval:
    return interval.multiply(of(site, 0), of(site, 1))


def _pow_torch(site: TorchSite) -> str:
    if site.numbers[1] == 2 and site.numbers[0] is None:
        return f"{site.operand(0)}.square()"
    return f"{site.operand(0)} ** {site.operand(1)}"


def _floordiv_torch(site: TorchSite) -> str:
    """Of floats torch has no derivative of `//`, and one of the same function, which is 0."""
    if site.outputs[0].dtype == "float" and site.numbers[0] is None:
        return f"torch.div({site.operand(0)}, {site.operand(1)}, rounding_mode='floor')"
    return f"{site.operand(0)} // {site.operand(1)}"


OPS = (
    binary("add", "The sum, `x + y`.", "+", "{x} + {y}", _arithmetic, pair(interval.add), example="y = x + 1"),
    binary(
        "sub",
        "The difference, `x - y`.",
        "−",
        "{x} - {y}",
        no_bool,
        pair(lambda a, b: interval.add(a, interval.negate(b))),
        ordered=True,
        example="y = 1 - x",
    ),
    binary(
        "mul",
        "The product element by element, `x * y`.",
        "×",
        "{x} * {y}",
        _arithmetic,
        _product,
        example="y = 2 * x",
        gate="product",
    ),
    binary(
        "div",
        "The quotient, `x / y`.",
        "÷",
        "{x} / {y}",
        _quotient,
        pair(interval.divide),
        ordered=True,
        example="y = x / 2",
        gate="product",
    ),
    binary(
        "floordiv",
        "The quotient rounded down, `x // y`.",
        "//",
        _floordiv_torch,
        no_bool,
        _whole_quotient,
        ordered=True,
        example="y = x // 2",
    ),
    binary(
        "mod",
        "The remainder, with the sign of y, `x % y`.",
        "%",
        "{x} % {y}",
        no_bool,
        _modulus,
        ordered=True,
        example="y = x % 2",
    ),
    binary(
        "pow",
        "x to the power y, `x ^ y`.",
        "^",
        _pow_torch,
        no_bool,
        pair(interval.power),
        ordered=True,
        example="y = x ^ 2",
        gate="through",
    ),
    binary("eq", "Whether x equals y, `x == y`.", "=", "{x} == {y}", _comparison, UNIT, example="y = x == 0"),
    binary("ne", "Whether x differs from y, `x != y`.", "≠", "{x} != {y}", _comparison, UNIT, example="y = x != 0"),
    binary(
        "lt", "Whether x is less than y, `x < y`.", "<", "{x} < {y}", _order, UNIT, ordered=True, example="y = x < 0"
    ),
    binary(
        "le", "Whether x is at most y, `x <= y`.", "≤", "{x} <= {y}", _order, UNIT, ordered=True, example="y = x <= 0"
    ),
    binary(
        "gt", "Whether x is greater than y, `x > y`.", ">", "{x} > {y}", _order, UNIT, ordered=True, example="y = x > 0"
    ),
    binary(
        "ge", "Whether x is at least y, `x >= y`.", "≥", "{x} >= {y}", _order, UNIT, ordered=True, example="y = x >= 0"
    ),
    Op(
        name="and",
        doc="Whether both hold, `x and y`.",
        signature="x: bool, y: bool -> bool",
        torch="{x} & {y}",
        shape=_logic,
        range=UNIT,
        mark=Mark("circle", "and"),
        example="y = x > 0 and x < 1",
    ),
    Op(
        name="or",
        doc="Whether one or both hold, `x or y`.",
        signature="x: bool, y: bool -> bool",
        torch="{x} | {y}",
        shape=_logic,
        range=UNIT,
        mark=Mark("circle", "or"),
        example="y = x < 0 or x > 1",
    ),
    Op(
        name="not",
        doc="Whether it does not hold, `not x`.",
        signature="x: bool[...] -> bool[...]",
        torch="~{x}",
        range=UNIT,
        mark=Mark("circle", "not"),
        example="y = not x > 0",
    ),
    Op(
        name="neg",
        doc="The negative, `-x`.",
        signature="x: any[...] -> any[...]",
        torch="-{x}",
        shape=no_bool,
        range=lambda site: interval.negate(of(site)),
        mark=Mark("circle", "neg"),
        example="y = -x",
    ),
)
