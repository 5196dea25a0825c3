"""Uses of ops by group."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from tests.ops.table.common import POSITIVE, UNIT
from tests.ops.uses import Use


def by_cluster(x: Tensor, cluster: Tensor, mean: bool) -> np.ndarray:
    total = np.zeros((4, *x.shape[1:]))
    for row, c in zip(x.numpy(), cluster.tolist(), strict=True):
        total[c] += row / ((cluster == c).sum().item() if mean else 1)
    return total


USES = [
    Use(
        "mean_by",
        ["[time, d]", "int[time]"],
        {"k": 4},
        ranges=[POSITIVE, (0, 2)],
        expect="[4, d]",
        equals=lambda x, c: by_cluster(x, c, True),
    ),
    Use("mean_by", ["[time]", "int[time]"], {"k": 4}, expect="[4]", equals=lambda x, c: by_cluster(x, c, True)),
    Use(
        "sum_by",
        ["[time, d, 2]", "int[time]"],
        {"k": 4},
        expect="[4, d, 2]",
        equals=lambda x, c: by_cluster(x, c, False),
    ),
    Use("count_by", ["int[time]"], {"k": "=n"}, expect="int[n]", equals=lambda c: np.bincount(c, minlength=4)),
    Use("sample_rows", ["[time, d]"], {"k": 3}, ranges=[UNIT], expect="[3, d]"),
    Use("sample_rows", ["int[time]"], {"k": "=n"}, ranges=[(0, 3)], expect="int[n]"),
]
