"""Ops with weights that act on the last axis or look up positions; and Dropout, which has none but has a mode."""

from __future__ import annotations

from archdsl.ir.num import Num
from archdsl.ops import interval
from archdsl.ops.algebra import product
from archdsl.ops.base import REQUIRED, Interval, Mark, Op, Site
from archdsl.ops.emit import make
from archdsl.ops.interval import INFINITY, of


def _linear_macs(site: Site) -> Num:
    return product(site.inputs[0].shape) * site.number("d_out")


def _bilinear_macs(site: Site) -> Num:
    return product(site.inputs[0].shape) * site.inputs[1].shape[-1] * site.number("d_out")


def _dropped(site: Site) -> Interval:
    """What stays is divided by 1 - p."""
    low, high = of(site)
    p = site.number("p")
    keep = (1 / (1 - float(p.value)) if p.value < 1 else 0.0) if p.is_const else INFINITY
    return interval.union(interval.multiply((low, high), (1.0, keep)), (0.0, 0.0), (low, high))


OPS = (
    Op(
        name="Linear",
        doc="Affine map of the last axis, y = x Wᵀ + b.",
        signature="x: [... d_in] -> [... d_out]",
        torch="{self}({x})",
        settings={"d_out": REQUIRED, "bias": True},
        weights={"weight": "[d_out d_in]", "bias": "[d_out]"},
        init=make("nn.Linear", "d_in", "d_out", bias=True),
        macs=_linear_macs,
        mark=Mark("rounded", "Linear {d_out}"),
        example="y = x -> Linear(16)",
    ),
    Op(
        name="Embedding",
        doc="A learned vector for each of `count` whole numbers.",
        signature="x: int[...] -> [... width]",
        torch="{self}({x})",
        settings={"count": REQUIRED, "width": REQUIRED},
        weights={"weight": "[count width]"},
        init=make("nn.Embedding", "count", "width"),
        mark=Mark("rounded", "Embedding {count} {width}"),
        example="y = argmax(x) -> Embedding(8, 4)",
    ),
    Op(
        name="Bilinear",
        doc="A form that is linear in each of two inputs, yₖ = aᵀ Wₖ b + cₖ.",
        signature="a: [... d_1], b: [... d_2] -> [... d_out]",
        torch="{self}({a}, {b})",
        settings={"d_out": REQUIRED, "bias": True},
        weights={"weight": "[d_out d_1 d_2]", "bias": "[d_out]"},
        init=make("nn.Bilinear", "d_1", "d_2", "d_out", bias=True),
        macs=_bilinear_macs,
        mark=Mark("rounded", "Bilinear {d_out}", ordered=True),
        example="y = Bilinear(4)(x, x)",
    ),
    Op(
        name="Dropout",
        doc="In training, each value becomes 0 with probability p, and the others are divided by 1 - p. "
        "In evaluation it does nothing.",
        signature="x: [...] -> [...]",
        torch="{self}({x})",
        settings={"p": 0.5},
        limits={"p": ("at least 0", "less than 1")},
        gate="through",
        init=make("nn.Dropout", "p"),
        range=_dropped,
        mark=Mark("box", "Dropout {p}"),
        example="y = x -> Dropout(0.1)",
        random=True,
    ),
)
