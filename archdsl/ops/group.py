"""Ops by group: rows gathered by the cluster that each belongs to, and rows drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.ir.num import ELLIPSIS
from archdsl.ir.types import Type, show_shape
from archdsl.ops import interval
from archdsl.ops.base import REQUIRED, Interval, Mark, Misfit, Op, RangeRule, Site
from archdsl.ops.interval import NATURAL, keep, of

MEAN_BY = '''
def mean_by(x: Tensor, cluster: Tensor, k: int) -> Tensor:
    """The mean of the rows of x in each of k clusters; 0 for a cluster without rows."""
    total = x.new_zeros(k, *x.shape[1:]).index_add(0, cluster, x)
    count = x.new_zeros(k).index_add(0, cluster, torch.ones_like(cluster, dtype=x.dtype))
    return total / count.clamp(min=1).view(-1, *[1] * (x.ndim - 1))
'''

SUM_BY = '''
def sum_by(x: Tensor, cluster: Tensor, k: int) -> Tensor:
    """The sum of the rows of x in each of k clusters."""
    return x.new_zeros(k, *x.shape[1:]).index_add(0, cluster, x)
'''

SAMPLE_ROWS = '''
def sample_rows(x: Tensor, k: int) -> Tensor:
    """k rows of x, drawn at random, none twice."""
    order = torch.randperm(x.shape[0], device=x.device)
    return x[order[:k]]
'''


def _rows(site: Site) -> None:
    k = site.number("k")
    site.whole(k, f"k is {k}, and must be whole")
    site.positive(k, f"k is {k}, and must be at least 1")
    if not site.inputs[0].shape or site.inputs[0].shape[0] == ELLIPSIS:
        raise Misfit(f"{show_shape(site.inputs[0].shape)} has no first axis of rows")


def _by_shape(site: Site) -> Type:
    _rows(site)
    x, cluster = site.inputs
    if cluster.shape != x.shape[:1]:
        raise Misfit(
            f"cluster is {cluster} and must be int{show_shape(x.shape[:1])}", "one cluster number for each row of x"
        )
    return x.with_shape((site.number("k"), *x.shape[1:]))


def _count_shape(site: Site) -> Type:
    _rows(site)
    if len(site.inputs[0].shape) != 1:
        raise Misfit(f"cluster must have one axis, and it is {show_shape(site.inputs[0].shape)}")
    return Type(dtype="int", shape=(site.number("k"),))


def _sample_shape(site: Site) -> Type:
    _rows(site)
    n, k = site.inputs[0].shape[0], site.number("k")
    if n.is_const and k.is_const and k.value > n.value:
        raise Misfit(f"{k} rows are drawn from {n}")
    return site.inputs[0].with_shape((k, *site.inputs[0].shape[1:]))


def _with_zero(site: Site) -> Interval:
    return interval.union(of(site), (0.0, 0.0))


def _op(
    name: str,
    doc: str,
    signature: str,
    torch: str,
    shape: Callable[[Site], Type],
    range: Interval | RangeRule,
    example: str,
    **more: Any,
) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature=signature,
        torch=torch,
        settings={"k": REQUIRED},
        shape=shape,
        range=range,
        mark=Mark("box", name.replace("_", " ") + " {k}", ordered="," in signature),
        example=example,
        **more,
    )


OPS = (
    _op(
        "mean_by",
        "The mean of the rows in each of k clusters; 0 for a cluster without rows.",
        "x: float, cluster: int -> float",
        "mean_by({x}, {cluster}, {k})",
        _by_shape,
        _with_zero,
        "y = mean_by(x, argmax(x), 8)",
        helper=MEAN_BY,
    ),
    _op(
        "sum_by",
        "The sum of the rows in each of k clusters.",
        "x: float, cluster: int -> float",
        "sum_by({x}, {cluster}, {k})",
        _by_shape,
        interval.sum_of,
        "y = sum_by(x, argmax(x), 8)",
        helper=SUM_BY,
    ),
    _op(
        "count_by",
        "The number of rows in each of k clusters.",
        "cluster: int -> int",
        "F.one_hot({cluster}, {k}).sum(0)",
        _count_shape,
        NATURAL,
        "y = count_by(argmax(x), 8)",
    ),
    _op(
        "sample_rows",
        "k rows drawn at random, none twice.",
        "x: any -> any",
        "sample_rows({x}, {k})",
        _sample_shape,
        keep,
        "y = sample_rows(x, 2)",
        random=True,
        helper=SAMPLE_ROWS,
    ),
)
