"""Pointwise functions: activations, elementary functions, choices, and changes of the element kind."""

from __future__ import annotations

import math
from collections.abc import Callable

from archdsl.ir.types import Type
from archdsl.ops import interval
from archdsl.ops.base import ANYTHING, Interval, Mark, Misfit, Op, RangeRule, Site, TorchSite, Word
from archdsl.ops.emit import call, is_at, to_float
from archdsl.ops.interval import INFINITY, SIGNED, UNIT, monotone, of
from archdsl.ops.operators import Template, binary, common_shape, no_bool, pair, promote


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
        shape=no_bool,
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
    return no_bool(site)


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
    return Type(dtype=promote(*kinds), shape=common_shape(site))


def _to_float(site: TorchSite) -> str:
    return site.operand(0) if site.inputs[0].dtype == "float" else to_float(site, site.operand(0))


CHOICES = (
    binary(
        "maximum",
        "The greater of two values.",
        "max",
        _extreme("maximum", "min"),
        no_bool,
        pair(_larger),
        example="y = maximum(x, 0)",
    ),
    binary(
        "minimum",
        "The lesser of two values.",
        "min",
        _extreme("minimum", "max"),
        no_bool,
        pair(_smaller),
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
        gate="through",
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
        gate="through",
        mark=Mark("box", "where", ordered=True, ports=("condition", "then", "else")),
        example="y = where(x > 0, x, 0)",
    ),
    Op(
        name="to_float",
        doc="The values as float; bools become 0 and 1.",
        signature="x: any[...] -> [...]",
        torch=_to_float,
        range=interval.keep,
        gate="through",
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


OPS = ACTIVATIONS + FUNCTIONS + CHOICES
