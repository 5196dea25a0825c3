"""Pointwise ops: operators, activations, comparisons. Their inputs broadcast as in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable

from archdsl.ir.types import Dtype, Shape, Type
from archdsl.ops import interval
from archdsl.ops.base import ANYTHING, Interval, Mark, Misfit, Op, RangeRule, Site, TorchSite, Word, broadcast
from archdsl.ops.emit import call, is_at, to_float
from archdsl.ops.interval import INFINITY, SIGNED, UNIT, monotone, of

Template = str | Callable[[TorchSite], str]


def promote(*kinds: Dtype) -> Dtype:
    """The element kind of a result: bool gives way to int, and int to float."""
    return "float" if "float" in kinds else "int" if "int" in kinds else "bool"


def _shape(site: Site) -> Shape:
    result = site.inputs[0].shape
    for other in site.inputs[1:]:
        result = broadcast(result, other.shape)
    return result


def _arithmetic(site: Site) -> Type:
    """Numbers of any kind; a mask may be multiplied and added, as 0 and 1."""
    kind = promote(*(t.dtype for t in site.inputs))
    if kind == "bool":
        raise Misfit("arithmetic needs numbers, and all operands are bool", "use 'and', 'or', 'not', or to_float(…)")
    return Type(dtype=kind, shape=_shape(site))


def _no_bool(site: Site) -> Type:
    if any(t.dtype == "bool" for t in site.inputs):
        raise Misfit("an operand is bool", "to_float(…) makes it a number")
    return _arithmetic(site)


def _quotient(site: Site) -> Type:
    return Type(shape=_no_bool(site).shape)


def _comparison(site: Site) -> Type:
    kinds = {t.dtype for t in site.inputs}
    if "bool" in kinds and len(kinds) > 1:
        raise Misfit("a bool is compared with a number", "compare bools with bools")
    return Type(dtype="bool", shape=_shape(site))


def _order(site: Site) -> Type:
    if any(t.dtype == "bool" for t in site.inputs):
        raise Misfit("bools have no order", "to_float(…) makes it a number")
    return _comparison(site)


def _logic(site: Site) -> Type:
    return Type(dtype="bool", shape=_shape(site))


def _binary(
    name: str,
    doc: str,
    sign: str,
    torch: Template,
    shape: Callable[[Site], Type],
    range: RangeRule | Interval,
    example: str,
    ordered: bool = False,
) -> Op:
    """An operator or function of two values that broadcast."""
    return Op(
        name=name,
        doc=doc,
        signature="x: any, y: any -> any",
        torch=torch,
        shape=shape,
        range=range,
        mark=Mark("circle", sign, ordered),
        example=example,
    )


def _pair(rule: Callable[[Interval, Interval], Interval]) -> RangeRule:
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


OPERATORS = (
    _binary("add", "The sum, `x + y`.", "+", "{x} + {y}", _arithmetic, _pair(interval.add), example="y = x + 1"),
    _binary(
        "sub",
        "The difference, `x - y`.",
        "−",
        "{x} - {y}",
        _no_bool,
        _pair(lambda a, b: interval.add(a, interval.negate(b))),
        ordered=True,
        example="y = 1 - x",
    ),
    _binary(
        "mul", "The product element by element, `x * y`.", "×", "{x} * {y}", _arithmetic, _product, example="y = 2 * x"
    ),
    _binary(
        "div",
        "The quotient, `x / y`.",
        "÷",
        "{x} / {y}",
        _quotient,
        _pair(interval.divide),
        ordered=True,
        example="y = x / 2",
    ),
    _binary(
        "floordiv",
        "The quotient rounded down, `x // y`.",
        "//",
        "{x} // {y}",
        _no_bool,
        _whole_quotient,
        ordered=True,
        example="y = x // 2",
    ),
    _binary(
        "mod",
        "The remainder, with the sign of y, `x % y`.",
        "%",
        "{x} % {y}",
        _no_bool,
        _modulus,
        ordered=True,
        example="y = x % 2",
    ),
    _binary(
        "pow",
        "x to the power y, `x ^ y`.",
        "^",
        _pow_torch,
        _no_bool,
        _pair(interval.power),
        ordered=True,
        example="y = x ^ 2",
    ),
    _binary("eq", "Whether x equals y, `x == y`.", "=", "{x} == {y}", _comparison, UNIT, example="y = x == 0"),
    _binary("ne", "Whether x differs from y, `x != y`.", "≠", "{x} != {y}", _comparison, UNIT, example="y = x != 0"),
    _binary(
        "lt", "Whether x is less than y, `x < y`.", "<", "{x} < {y}", _order, UNIT, ordered=True, example="y = x < 0"
    ),
    _binary(
        "le", "Whether x is at most y, `x <= y`.", "≤", "{x} <= {y}", _order, UNIT, ordered=True, example="y = x <= 0"
    ),
    _binary(
        "gt", "Whether x is greater than y, `x > y`.", ">", "{x} > {y}", _order, UNIT, ordered=True, example="y = x > 0"
    ),
    _binary(
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
        shape=_no_bool,
        range=lambda site: interval.negate(of(site)),
        mark=Mark("circle", "neg"),
        example="y = -x",
    ),
)


def _unary(
    name: str, doc: str, torch: Template, range: RangeRule | Interval = ANYTHING, label: str = "", **settings: object
) -> Op:
    """A function of float values."""
    return Op(
        name=name,
        doc=doc,
        signature="x: [...] -> [...]",
        torch=torch,
        settings=settings,
        range=range,
        mark=Mark("circle", label or name),
        example=f"y = {name}(x)",
    )


def _numeric(name: str, doc: str, torch: Template, range: RangeRule | Interval = ANYTHING, label: str = "") -> Op:
    """A function of float or int values, which keeps their kind."""
    return Op(
        name=name,
        doc=doc,
        signature="x: any[...] -> any[...]",
        torch=torch,
        shape=_no_bool,
        range=range,
        mark=Mark("circle", label or name),
        example=f"y = {name}(x)",
    )


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _relu(x: float) -> float:
    return max(x, 0.0)


def _dips(low: float) -> RangeRule:
    """Of an activation that is x for large x, 0 for small x, and dips down to `low` below zero."""
    return lambda site: (0.0 if of(site)[0] >= 0 else low, max(of(site)[1], 0.0))


def _leaky(site: Site) -> Interval:
    slope, (low, high) = float(site.number("slope").value) if site.number("slope").is_const else None, of(site)
    if slope is None or slope < 0:
        return ANYTHING
    return monotone(lambda x: x if x >= 0 else slope * x)(site) if slope else (max(low, 0.0), max(high, 0.0))


def _leaky_torch(site: TorchSite) -> str:
    slope = "" if is_at(site.settings["slope"], 0.01) else f", {site.setting('slope')}"
    return f"F.leaky_relu({site.operand(0)}{slope})"


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: float(function(x)) if math.isfinite(x) else x


ACTIVATIONS = (
    _unary("tanh", "Hyperbolic tangent.", "torch.tanh({x})", monotone(math.tanh)),
    _unary("sigmoid", "The logistic function, 1 / (1 + e⁻ˣ).", "torch.sigmoid({x})", monotone(_sigmoid), "σ"),
    _unary("relu", "max(x, 0).", "F.relu({x})", monotone(_relu)),
    _unary(
        "gelu",
        "Gaussian error linear unit, x Φ(x); `approximate = tanh` is the form of GPT-2.",
        call("F.gelu", approximate=Word("none", "tanh")),
        _dips(-0.1701),
        approximate=Word("none", "tanh"),
    ),
    _unary("silu", "x σ(x), also called swish.", "F.silu({x})", _dips(-0.2785)),
    _unary("softplus", "log(1 + eˣ).", "F.softplus({x})", monotone(_softplus)),
    _unary("elu", "x, and eˣ - 1 below zero.", "F.elu({x})", monotone(lambda x: x if x > 0 else math.expm1(x))),
    _unary("leaky_relu", "x, and `slope` x below zero.", _leaky_torch, _leaky, slope=0.01),
    _unary(
        "hard_sigmoid",
        "x / 6 + 1/2, cut to [0, 1].",
        "F.hardsigmoid({x})",
        monotone(lambda x: min(max(x / 6 + 0.5, 0.0), 1.0)),
    ),
    _unary("softsign", "x / (1 + |x|).", "F.softsign({x})", SIGNED),
    _unary("log_sigmoid", "log σ(x).", "F.logsigmoid({x})", monotone(lambda x: -_softplus(-x))),
)

FUNCTIONS = (
    _unary("exp", "e to the x.", "{x}.exp()", monotone(math.exp)),
    _unary("log", "Natural logarithm.", "{x}.log()", monotone(math.log)),
    _unary(
        "sqrt",
        "Square root.",
        "{x}.sqrt()",
        lambda site: (math.sqrt(max(of(site)[0], 0.0)), math.sqrt(max(of(site)[1], 0.0))),
        "√",
    ),
    _unary("sin", "Sine.", "{x}.sin()", SIGNED),
    _unary("cos", "Cosine.", "{x}.cos()", SIGNED),
    _unary("erf", "Error function.", "{x}.erf()", monotone(math.erf)),
    _numeric("abs", "Absolute value.", "{x}.abs()", interval.absolute, "|x|"),
    _numeric("sign", "-1, 0 or 1.", "{x}.sign()", monotone(lambda x: float((x > 0) - (x < 0)))),
    _numeric("square", "x².", "{x}.square()", lambda site: interval.power(of(site), (2.0, 2.0)), "x²"),
    _unary("floor", "The next whole number below.", "{x}.floor()", monotone(_whole(math.floor))),
    _unary("round", "The nearest whole number; halves go to the even one.", "{x}.round()", monotone(_whole(round))),
    _unary(
        "heaviside", "1 where x ≥ 0, else 0; its gradient is 0.", lambda s: to_float(s, f"({s.operand(0)} >= 0)"), UNIT
    ),
)


def _clamp_range(site: Site) -> Interval:
    low, high = _bound(site, "low", -INFINITY), _bound(site, "high", INFINITY)
    return interval.within(low, high)(site) if low <= high else ANYTHING


def _bound(site: Site, name: str, none: float) -> float:
    value = site.settings.get(name)
    if value is None:
        return none
    number = site.number(name)
    return float(number.value) if number.is_const else none


def _clamp_shape(site: Site) -> Type:
    if site.settings.get("low") is None and site.settings.get("high") is None:
        raise Misfit("clamp needs a bound", "clamp(x, low = 0), clamp(x, high = 1) or clamp(x, 0, 1)")
    if _bound(site, "low", -INFINITY) > _bound(site, "high", INFINITY):
        raise Misfit("low is greater than high")
    return _no_bool(site)


def _clamp(site: TorchSite) -> str:
    low, high = site.settings["low"], site.settings["high"]
    if low is None:
        return f"{site.operand(0)}.clamp(max={site.setting('high')})"
    bounds = site.setting("low") if high is not None else f"min={site.setting('low')}"
    return f"{site.operand(0)}.clamp({bounds}{'' if high is None else ', ' + site.setting('high')})"


def _extreme(name: str, bound: str) -> Callable[[TorchSite], str]:
    def write(site: TorchSite) -> str:
        for one, other in ((0, 1), (1, 0)):
            if site.numbers[one] is not None and site.numbers[other] is None:
                return f"{site.operand(other)}.clamp({bound}={site.operand(one)})"
        return f"torch.{name}({site.operand(0)}, {site.operand(1)})"

    return write


def _larger(a: Interval, b: Interval) -> Interval:
    return (max(a[0], b[0]), max(a[1], b[1]))


def _smaller(a: Interval, b: Interval) -> Interval:
    return (min(a[0], b[0]), min(a[1], b[1]))


def _where_shape(site: Site) -> Type:
    kinds = [t.dtype for t in site.inputs[1:]]
    if "bool" in kinds and len(set(kinds)) > 1:
        raise Misfit("one choice is bool and the other is not")
    return Type(dtype=promote(*kinds), shape=_shape(site))


def _to_float(site: TorchSite) -> str:
    return site.operand(0) if site.inputs[0].dtype == "float" else to_float(site, site.operand(0))


CHOICES = (
    _binary(
        "maximum",
        "The greater of two values.",
        "max",
        _extreme("maximum", "min"),
        _no_bool,
        _pair(_larger),
        example="y = maximum(x, 0)",
    ),
    _binary(
        "minimum",
        "The lesser of two values.",
        "min",
        _extreme("minimum", "max"),
        _no_bool,
        _pair(_smaller),
        example="y = minimum(x, 1)",
    ),
    Op(
        name="clamp",
        doc="x, cut to lie between `low` and `high`; either may be absent.",
        signature="x: any[...] -> any[...]",
        torch=_clamp,
        settings={"low": None, "high": None},
        shape=_clamp_shape,
        range=_clamp_range,
        mark=Mark("circle", "clamp"),
        example="y = clamp(x, 0, 1)",
    ),
    Op(
        name="where",
        doc="`a` where the condition holds, else `b`.",
        signature="condition: bool, a: any, b: any -> any",
        torch="torch.where({condition}, {a}, {b})",
        shape=_where_shape,
        range=lambda site: interval.union(of(site, 1), of(site, 2)),
        mark=Mark("box", "where", ordered=True),
        example="y = where(x > 0, x, 0)",
    ),
    Op(
        name="to_float",
        doc="The values as float; bools become 0 and 1.",
        signature="x: any[...] -> [...]",
        torch=_to_float,
        range=interval.keep,
        mark=Mark("box", "to float"),
        example="y = to_float(x > 0)",
    ),
    Op(
        name="to_int",
        doc="The values as int, cut towards zero.",
        signature="x: any[...] -> int[...]",
        torch="{x}.long()",
        range=monotone(_whole(math.trunc)),
        mark=Mark("box", "to int"),
        example="y = to_int(x)",
    ),
)

OPS = OPERATORS + ACTIVATIONS + FUNCTIONS + CHOICES
