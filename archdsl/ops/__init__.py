"""All primitives, initializers, distributions and optimizers, by name."""

from __future__ import annotations

from itertools import chain

from archdsl.ops import (
    algebra,
    attention,
    conv,
    gradient,
    group,
    layers,
    loss,
    make,
    operators,
    pointwise,
    reduce,
    select,
    shape,
)
from archdsl.ops.base import Op
from archdsl.ops.distribution import DISTRIBUTIONS as _DISTRIBUTIONS
from archdsl.ops.distribution import Distribution
from archdsl.ops.initial import INITIALIZERS as _INITIALIZERS
from archdsl.ops.initial import Initializer
from archdsl.ops.optimizer import OPTIMIZERS as _OPTIMIZERS
from archdsl.ops.optimizer import Optimizer

FAMILIES: dict[str, tuple[Op, ...]] = {
    "operators": operators.OPS,
    "activations": pointwise.ACTIVATIONS,
    "functions": pointwise.FUNCTIONS + pointwise.CHOICES,
    "reductions": reduce.REDUCTIONS,
    "along an axis": reduce.ALONG + reduce.SHIFTS,
    "shape": shape.OPS,
    "taking and joining": select.OPS,
    "making values": make.OPS,
    "linear algebra": algebra.OPS,
    "layers": layers.OPS,
    "convolution and pooling": conv.OPS,
    "attention": attention.OPS,
    "by group": group.OPS,
    "losses": loss.OPS,
    "gradients, chance and modes": gradient.OPS,
}
OPS: dict[str, Op] = {op.name: op for op in chain.from_iterable(FAMILIES.values())}
INITIALIZERS: dict[str, Initializer] = dict(_INITIALIZERS)
DISTRIBUTIONS: dict[str, Distribution] = dict(_DISTRIBUTIONS)
OPTIMIZERS: dict[str, Optimizer] = dict(_OPTIMIZERS)

__all__ = [
    "DISTRIBUTIONS",
    "FAMILIES",
    "INITIALIZERS",
    "OPS",
    "OPTIMIZERS",
    "Distribution",
    "Initializer",
    "Op",
    "Optimizer",
]
