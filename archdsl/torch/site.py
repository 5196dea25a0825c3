"""One use of a primitive, an initializer, a distribution or an optimizer, as the templates of `archdsl.ops` see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archdsl.ir.num import ELLIPSIS, ONE, Num
from archdsl.ir.program import Axis, Choice, Fill, Numbers, Setting
from archdsl.ir.types import Shape, Type
from archdsl.torch.numbers import Symbol, number
from archdsl.torch.printer import constant

REAL_SETTINGS = frozenset(
    [
        "p",
        "eps",
        "scale",
        "slope",
        "lr",
        "momentum",
        "weight_decay",
        "beta1",
        "beta2",
        "mean",
        "std",
        "low",
        "high",
        "value",
        "fill",
        "gain",
        "radius",
        "density",
        "dropout",
        "decay",
        "negative_slope",
        "smoothing",
        "label_smoothing",
        "temperature",
        "margin",
        "alpha",
        "beta",
    ]
)


@dataclass
class EmitSite:
    """Implements `TorchSite`, `MadeSite`, `InitialSite`, `DrawSite` and `OptimizerSite`."""

    symbol: Symbol
    operands: list[str] = field(default_factory=list)
    inputs: list[Type] = field(default_factory=list)
    outputs: list[Type] = field(default_factory=list)
    numbers: list[Num | None] = field(default_factory=list)
    settings: Mapping[str, Setting] = field(default_factory=dict)
    axes: Mapping[str, list[Axis]] = field(default_factory=dict)
    sizes: Mapping[str, Num] = field(default_factory=dict)
    shape: Shape = ()
    gradient: Any = "none"
    module: str = ""
    device: str = ""
    float_dtype: str = ""
    like: str = ""
    like_shape: Shape = ()

    def operand(self, index: int) -> str:
        return self.operands[index]

    def setting(self, name: str) -> str:
        return setting(self.settings[name], self.symbol, whole=name not in REAL_SETTINGS)

    def size(self, number_: Num) -> str:
        if number_ == ELLIPSIS:
            return self._rest()
        return number(number_, self.symbol)

    def _rest(self) -> str:
        """The axes that `...` stands for, from an operand that has them."""
        for text, t in zip(self.operands, self.inputs):
            if ELLIPSIS in t.shape:
                at = t.shape.index(ELLIPSIS)
                after = len(t.shape) - at - 1
                return f"*{text}.shape[{at or ''}:{-after or ''}]"
        return self.symbol("...")


def setting(value: Setting, symbol: Symbol, whole: bool = True) -> str:
    """A setting as Python."""
    match value:
        case bool() | None:
            return repr(value)
        case Num():
            return number(value, symbol, whole)
        case Choice(word=word):
            return constant(word)
        case Numbers(items=items):
            if len(items) > 1 and all(i == items[0] for i in items):
                return number(items[0], symbol)
            inside = ", ".join(number(i, symbol) for i in items)
            return f"({inside},)" if len(items) == 1 else f"({inside})"
        case Fill(name=name):
            return constant(name)
    raise TypeError(value)


def fill_template(template: str | Callable[[Any], str], site: EmitSite, ports: list[str]) -> str:
    """The expression that an op's template gives at a site."""
    if callable(template):
        return template(site)
    return template.format_map(_Words(site, ports))


class _Words(dict[str, str]):
    """What a template's names stand for, worked out when they are met."""

    def __init__(self, site: EmitSite, ports: list[str]):
        super().__init__(zip(ports, site.operands))
        self.site = site

    def __missing__(self, name: str) -> str:
        site = self.site
        if name == "self":
            return site.module
        if name == "inputs":
            return ", ".join(site.operands)
        if name in site.axes:
            return _axes(site.axes[name])
        return site.size(site.sizes[name]) if name in site.sizes else site.setting(name)


def _axes(axes: list[Axis]) -> str:
    return str(axes[0].index) if len(axes) == 1 else str(tuple(a.index for a in axes))


__all__ = ["ONE", "EmitSite", "fill_template", "setting"]
