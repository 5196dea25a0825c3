"""Reductions along axes, and functions that work along an axis and keep the shape (softmax, cumsum, sort …)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from archdsl.ir.num import ELLIPSIS, ONE
from archdsl.ir.types import Dtype, Type
from archdsl.ops import interval
from archdsl.ops.base import ANYTHING, REQUIRED, Interval, Mark, Misfit, Op, Over, RangeRule, Site, TorchSite
from archdsl.ops.emit import axes_of, axis_text, covers, is_at, keywords
from archdsl.ops.interval import INFINITY, NATURAL, SIGNED, UNIT, keep, of

Kind = Callable[[Dtype], Dtype]


def reduced(site: Site, dtype: Dtype) -> Type:
    """The first input without the axes in `over` (none named: all), or with size 1 in their place."""
    shape = site.inputs[0].shape
    gone = set(site.at()) if site.axes.get("over") else set(range(len(shape)))
    if site.settings.get("keep") is True:
        if any(shape[i] == ELLIPSIS for i in gone):
            raise Misfit("'...' may stand for any axes, and cannot be kept with size 1", "name the axes: over = …")
        return Type(dtype=dtype, shape=tuple(ONE if i in gone else n for i, n in enumerate(shape)))
    return Type(dtype=dtype, shape=tuple(n for i, n in enumerate(shape) if i not in gone))


def _same(kind: Dtype) -> Dtype:
    if kind == "bool":
        raise Misfit("the values are bool", "count(…), any(…) and all(…) take bools; to_float(…) makes numbers of them")
    return kind


def _float(kind: Dtype) -> Dtype:
    if kind != "float":
        raise Misfit(f"x must be float, and it is {kind}", "to_float(x) makes it float")
    return kind


def _bool(kind: Dtype) -> Dtype:
    if kind != "bool":
        raise Misfit(f"x must be bool, and it is {kind}", "a comparison, such as x > 0, makes it bool")
    return kind


def _counted(kind: Dtype) -> Dtype:
    _bool(kind)
    return "int"


def _int(kind: Dtype) -> Dtype:
    _same(kind)
    return "int"


def _all_axes(site: TorchSite) -> bool:
    axes = site.axes.get("over") or []
    return not axes or covers(axes, site.inputs[0].shape)


def _method(name: str) -> Callable[[TorchSite], str]:
    """`x.sum()`, `x.sum(-1)`, `x.sum((1, 2), keepdim=True)`."""

    def write(site: TorchSite) -> str:
        kept = keywords(site, keep=False).replace("keep=", "keepdim=")
        if _all_axes(site) and not kept:
            return f"{site.operand(0)}.{name}()"
        axes = axes_of(site) or list(range(len(site.inputs[0].shape)))
        return f"{site.operand(0)}.{name}({axis_text(axes)}{kept})"

    return write


def _one_axis(name: str) -> Callable[[TorchSite], str]:
    """A method that torch has for one axis alone: several are done one after the other."""

    def write(site: TorchSite) -> str:
        kept = keywords(site, keep=False).replace("keep=", "keepdim=")
        if _all_axes(site) and not kept:
            return f"{site.operand(0)}.{name}()"
        axes = axes_of(site) or list(range(len(site.inputs[0].shape)))
        text, order = (
            site.operand(0),
            sorted(a for a in axes if a < 0) + sorted((a for a in axes if a >= 0), reverse=True),
        )
        return text + "".join(f".{name}({axis}{kept})" for axis in order)

    return write


def _reduction(
    name: str,
    doc: str,
    torch: Callable[[TorchSite], str] | str,
    kind: Kind = _same,
    range: RangeRule | Interval = ANYTHING,
    default: object = None,
    example: str = "",
    **settings: object,
) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature="x: any -> any",
        torch=torch,
        settings={"over": Over(default, many=True), "keep": False, **settings},
        shape=lambda site: reduced(site, kind(site.inputs[0].dtype)),
        range=range,
        mark=Mark("box", f"{name} over {{over}}"),
        example=example or f"y = {name}(x, over = -1)",
    )


def _extreme(name: str) -> Callable[[TorchSite], str]:
    """`x.amax(-1)`, whose gradient is shared among equals; of all values `x.max()`."""

    def write(site: TorchSite) -> str:
        text = _method(f"a{name}")(site)
        return text.replace(f".a{name}()", f".{name}()")

    return write


def _norm(site: TorchSite) -> str:
    kept = keywords(site, keep=False).replace("keep=", "keepdim=")
    dim = "" if _all_axes(site) else f", dim={axis_text(axes_of(site))}"
    return f"torch.linalg.vector_norm({site.operand(0)}{dim}{kept})"


def _spread(name: str) -> Callable[[TorchSite], str]:
    """`x.var(-1, correction=0)`."""

    def write(site: TorchSite) -> str:
        kept = keywords(site, keep=False).replace("keep=", "keepdim=")
        dim = (
            ""
            if _all_axes(site) and not kept
            else axis_text(axes_of(site) or list(range(len(site.inputs[0].shape)))) + ", "
        )
        correction = "1" if site.settings["unbiased"] is True else "0"
        return f"{site.operand(0)}.{name}({dim}correction={correction}{kept})"

    return write


def _logsumexp(site: TorchSite) -> str:
    axes = axes_of(site) or list(range(len(site.inputs[0].shape)))
    kept = keywords(site, keep=False).replace("keep=", "keepdim=")
    return f"{site.operand(0)}.logsumexp({axis_text(axes)}{kept})"


def _position(name: str) -> Callable[[TorchSite], str]:
    def write(site: TorchSite) -> str:
        kept = keywords(site, keep=False).replace("keep=", "keepdim=")
        return f"{site.operand(0)}.{name}({axis_text(axes_of(site) or [-1])}{kept})"

    return write


def _single(rule: Kind) -> Callable[[Site], Type]:
    def shape(site: Site) -> Type:
        if len(site.axes.get("over") or []) > 1:
            raise Misfit("one axis is needed")
        return reduced(site, rule(site.inputs[0].dtype))

    return shape


def _positions(name: str, doc: str) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature="x: any -> int",
        torch=_position(name),
        settings={"over": Over(-1), "keep": False},
        shape=_single(_int),
        range=NATURAL,
        mark=Mark("box", f"{name} over {{over}}"),
        example=f"y = {name}(x)",
    )


def _product(site: Site) -> Interval:
    low, high = of(site)
    if low >= 0:
        return UNIT if high <= 1 else NATURAL
    return SIGNED if low >= -1 and high <= 1 else ANYTHING


REDUCTIONS = (
    _reduction("sum", "The sum over axes; over all, if none is named.", _method("sum"), range=interval.sum_of),
    _reduction("mean", "The mean over axes; over all, if none is named.", _method("mean"), _float, keep),
    _reduction("max", "The greatest value over axes.", _extreme("max"), range=keep),
    _reduction("min", "The least value over axes.", _extreme("min"), range=keep),
    _reduction("prod", "The product over axes.", _one_axis("prod"), range=_product),
    _reduction("any", "Whether one or more hold.", _method("any"), _bool, UNIT, example="y = any(x > 0, over = -1)"),
    _reduction("all", "Whether all hold.", _method("all"), _bool, UNIT, example="y = all(x > 0, over = -1)"),
    _reduction(
        "count",
        "How many hold.",
        _method("sum"),
        _counted,
        NATURAL,
        example="y = count(x > 0, over = -1)",
    ),
    _reduction("norm", "The Euclidean length, the root of the sum of squares.", _norm, _float, NATURAL),
    _reduction(
        "var", "The variance: the mean squared distance from the mean.", _spread("var"), _float, NATURAL, unbiased=False
    ),
    _reduction(
        "std", "The standard deviation, the root of the variance.", _spread("std"), _float, NATURAL, unbiased=False
    ),
    _reduction("logsumexp", "log Σ eˣ, without overflow.", _logsumexp, _float, default=-1),
    _positions("argmax", "The position of the greatest value along an axis."),
    _positions("argmin", "The position of the least value along an axis."),
)


def _along(
    name: str,
    doc: str,
    torch: str | Callable[[TorchSite], str],
    range: RangeRule | Interval = ANYTHING,
    kind: Kind = _float,
    example: str = "",
    default: object = -1,
    label: str = "",
    gate: Literal["", "through"] = "",
    **settings: object,
) -> Op:
    """An op that works along one axis and keeps the shape. Its other settings come before `over`."""

    def shape(site: Site) -> Type:
        if len(site.axes.get("over") or []) > 1:
            raise Misfit("one axis is needed")
        return Type(dtype=kind(site.inputs[0].dtype), shape=site.inputs[0].shape)

    return Op(
        name=name,
        doc=doc,
        signature="x: any[...] -> any[...]",
        torch=torch,
        settings={**settings, "over": Over(default)},
        shape=shape,
        range=range,
        gate=gate,
        mark=Mark("box", label or f"{name} over {{over}}"),
        example=example or f"y = {name}(x)",
    )


def _any_kind(kind: Dtype) -> Dtype:
    return kind


def _cumulated(site: Site) -> Interval:
    low, high = interval.sum_of(site)
    return (low if low < 0 else of(site)[0], high if high > 0 else of(site)[1])


def _with_zero(site: Site) -> Interval:
    value = site.number("fill")
    return interval.union(of(site), (float(value.value),) * 2) if value.is_const else ANYTHING


def _normalize(site: TorchSite) -> str:
    return f"F.normalize({site.operand(0)}, dim={axis_text(axes_of(site))}{keywords(site, eps=1e-12)})"


def _sort(site: TorchSite) -> str:
    more = ", descending=True" if site.settings["descending"] is True else ""
    return f"{site.operand(0)}.sort({axis_text(axes_of(site))}{more}).values"


def _shift(site: TorchSite) -> str:
    fill = "" if is_at(site.settings["fill"], 0) else f", {site.setting('fill')}"
    return f"shift({site.operand(0)}, {site.setting('steps')}, {axis_text(axes_of(site))}{fill})"


SHIFT = '''
def shift(x: Tensor, steps: int, dim: int, fill: float = 0.0) -> Tensor:
    """Move x along dim by a number of steps; what is left free holds `fill`."""
    size = x.size(dim)
    steps = max(-size, min(steps, size))
    free = torch.full_like(x.narrow(dim, 0, abs(steps)), fill)
    if steps < 0:
        return torch.cat([x.narrow(dim, -steps, size + steps), free], dim=dim)
    return torch.cat([free, x.narrow(dim, 0, size - steps)], dim=dim)
'''

ALONG = (
    _along("softmax", "eˣ / Σ eˣ along an axis: positive, with sum 1.", "{x}.softmax({over})", UNIT),
    _along("log_softmax", "log softmax(x), without overflow.", "{x}.log_softmax({over})", (-INFINITY, 0.0)),
    _along("cumsum", "The running sum along an axis.", "{x}.cumsum({over})", _cumulated, _same),
    _along("cumprod", "The running product along an axis.", "{x}.cumprod({over})", _product, _same, gate="through"),
    _along("normalize", "x divided by its Euclidean length along an axis.", _normalize, SIGNED, eps=1e-12),
    _along("sort", "The values in order along an axis.", _sort, keep, _same, descending=False),
    _along("flip", "The values in reverse order along an axis.", "{x}.flip({over})", keep, _any_kind, gate="through"),
    _along(
        "roll",
        "The values moved along an axis by a number of steps; those that leave come in at the other end.",
        "{x}.roll({steps}, {over})",
        keep,
        _any_kind,
        "y = roll(x, 1)",
        label="roll {steps} over {over}",
        gate="through",
        steps=REQUIRED,
    ),
)
SHIFTS = (
    Op(
        name="shift",
        doc="The values moved along an axis by a number of steps; what is left free holds `fill`.",
        signature="x: any[...] -> any[...]",
        torch=_shift,
        settings={"steps": REQUIRED, "fill": 0, "over": Over(-1)},
        range=_with_zero,
        gate="through",
        mark=Mark("box", "shift {steps} over {over}"),
        helper=SHIFT,
        example="y = shift(x, 1, over = -1)",
    ),
)

OPS = REDUCTIONS + ALONG + SHIFTS
