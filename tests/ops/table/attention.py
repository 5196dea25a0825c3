"""Uses of attention, against NumPy head by head."""

from __future__ import annotations

import math

import numpy as np
import scipy.special
from torch import Tensor

from tests.ops.table.common import SIGNED, UNIT
from tests.ops.uses import Use


def attend(
    q: Tensor, k: Tensor, v: Tensor, heads: int = 1, allowed: np.ndarray | None = None, scale: float | None = None
) -> np.ndarray:
    """softmax(q kᵀ · scale) v, head by head, in NumPy."""
    parts = []
    for a, b, c in zip(*(np.split(t.double().numpy(), heads, -1) for t in (q, k, v)), strict=True):
        scores = a @ b.swapaxes(-1, -2) * (scale if scale is not None else 1 / math.sqrt(a.shape[-1]))
        if allowed is not None:
            scores = np.where(allowed, scores, -np.inf)
        parts.append(scipy.special.softmax(scores, -1) @ c)
    return np.concatenate(parts, -1)


def mostly(tensors: list[Tensor]) -> list[Tensor]:
    """A mask that leaves each query its first key."""
    mask = tensors[3].clone()
    mask[..., 0] = True
    return [*tensors[:3], mask]


Q, K, V = "[batch, time, d]", "[batch, n, d]", "[batch, n, 2*d]"
USES = [
    Use("attention", [Q, K, V], ranges=[SIGNED, SIGNED, UNIT], expect="[batch, time, 2*d]", equals=attend),
    Use(
        "attention",
        [Q, K, V],
        {"heads": "=heads"},
        expect="[batch, time, 2*d]",
        equals=lambda q, k, v: attend(q, k, v, 2),
    ),
    Use(
        "attention",
        [Q, Q, Q],
        {"heads": 4, "mask": "causal"},
        expect=Q,
        equals=lambda q, k, v: attend(q, k, v, 4, np.tri(5, dtype=bool)),
    ),
    Use(
        "attention", [Q, K, V], {"mask": "causal"}, equals=lambda q, k, v: attend(q, k, v, 1, np.tri(5, 4, dtype=bool))
    ),
    Use("attention", [Q, K, V], {"scale": 1}, equals=lambda q, k, v: attend(q, k, v, 1, None, 1.0)),
    Use(
        "attention",
        ["[..., time, d]", "[..., n, d]", "[..., n, d]"],
        {"heads": 2},
        expect="[..., time, d]",
        equals=lambda q, k, v: attend(q, k, v, 2),
    ),
    Use(
        "attention",
        ["[..., time, d]", "[..., n, d]", "[..., n, d]"],
        {"heads": 2},
        equals=lambda q, k, v: attend(q, k, v, 2),
        rest=(),
    ),
    Use(
        "attention",
        ["[time, d]", "[n, d]", "[n, d]", "bool[time, n]"],
        draw=mostly,
        equals=lambda q, k, v, m: attend(q, k, v, 1, m.numpy()),
    ),
    Use(
        "attention",
        [Q, K, V, "bool[batch, 1, n]"],
        {"heads": 2},
        draw=mostly,
        equals=lambda q, k, v, m: attend(q, k, v, 2, m.numpy()),
    ),
    Use(
        "attention",
        [Q, Q, Q, "bool[batch, time, time]"],
        {"heads": 2, "mask": "causal"},
        draw=mostly,
        equals=lambda q, k, v, m: attend(q, k, v, 2, m.numpy() & np.tri(5, dtype=bool)),
    ),
    Use("attention", [Q, Q, Q], {"dropout": 0.5, "heads": 2}, ranges=[UNIT, UNIT, UNIT]),
]
