"""Uses of ops that make values."""

from __future__ import annotations

import numpy as np

from tests.ops.table.common import POSITIVE, SIGNED, UNIT, X
from tests.ops.uses import Use

USES = [
    Use("arange", [], {"n": "=2*time"}, expect="int[2*time]", equals=lambda: np.arange(10)),
    Use("arange", [], {"n": 4}, expect="int[4]", equals=lambda: np.arange(4)),
    Use("zeros", [], {"to": ["batch", 2]}, expect="[batch, 2]", equals=lambda: np.zeros((3, 2))),
    Use("zeros", [], {"to": []}, expect="[]"),
    Use("ones", [], {"to": ["d"]}, expect="[d]", equals=lambda: np.ones(8)),
    Use("eye", [], {"n": "=d"}, expect="[d, d]", equals=lambda: np.eye(8)),
    Use("causal_mask", [], {"n": "=time"}, expect="bool[time, time]", equals=lambda: np.tri(5)),
    Use("one_hot", ["int[...]"], {"n": 4}, expect="[..., 4]", equals=lambda x: np.eye(4)[x]),
    Use("outer", ["[n]", "[k]"], expect="[n, k]", ranges=[SIGNED, UNIT], equals=np.outer),
    Use(
        "outer", ["[..., n]", "[..., k]"], expect="[..., n, k]", equals=lambda a, b: np.einsum("...i,...j->...ij", a, b)
    ),
    Use("diag", [X], expect="[batch, d, d]", ranges=[POSITIVE], equals=lambda x: x.numpy()[:, :, None] * np.eye(8)),
    Use("diagonal", ["[..., d, d]"], expect="[..., d]", equals=lambda x: np.diagonal(x, axis1=-2, axis2=-1).copy()),
    Use("tril", ["[..., n, k]"], expect="[..., n, k]", equals=np.tril),
    Use("triu", ["[n, n]"], {"offset": 1}, expect="[n, n]", ranges=[POSITIVE], equals=lambda x: np.triu(x, 1)),
]
