"""Uses of linear algebra."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tests.ops.table.common import UNIT
from tests.ops.uses import Use


def definite(tensors: list[Tensor]) -> list[Tensor]:
    """Makes the first operand positive definite."""
    a = tensors[0]
    return [a @ a.mT + a.shape[-1] * torch.eye(a.shape[-1]), *tensors[1:]]


USES = [
    Use("matmul", ["[batch, time, d]", "[d, k]"], expect="[batch, time, k]", equals=np.matmul),
    Use("matmul", ["[..., d]", "[d, k]"], expect="[..., k]", equals=np.matmul),
    Use("matmul", ["[..., d]", "[d, k]"], expect="[..., k]", equals=np.matmul, rest=()),
    Use("matmul", ["[..., n, d]", "[..., d, k]"], ranges=[UNIT, UNIT], expect="[..., n, k]", equals=np.matmul),
    Use("matmul", ["[batch, 1, n, d]", "[time, d, k]"], expect="[batch, time, n, k]", equals=np.matmul),
    Use("matmul", ["[n, d]", "[d]"], expect="[n]", equals=np.matmul),
    Use("matmul", ["[..., d]", "[d]"], expect="[...]", equals=np.matmul),
    Use("matmul", ["[d]", "[d]"], expect="[]", equals=np.matmul),
    Use("matmul", ["[d]", "[batch, d, k]"], expect="[batch, k]", equals=np.matmul),
    Use(
        "einsum",
        ["[batch, n, d]", "[batch, d, k]"],
        {"equation": "bij,bjk->bik"},
        expect="[batch, n, k]",
        equals=np.matmul,
    ),
    Use(
        "einsum",
        ["[..., d]", "[k, d]"],
        {"equation": "...i, oi -> ...o"},
        expect="[..., k]",
        equals=lambda a, b: a @ b.T,
    ),
    Use("einsum", ["[d, d]"], {"equation": "ii->"}, expect="[]", equals=np.trace),
    Use(
        "einsum", ["[n]", "[n]", "[n, k]"], {"equation": "i,i,ik->k"}, expect="[k]", equals=lambda a, b, c: (a * b) @ c
    ),
    Use(
        "cdist",
        ["[n, d]", "[k, d]"],
        expect="[n, k]",
        equals=lambda a, b: np.sqrt(((a.numpy()[:, None] - b.numpy()[None]) ** 2).sum(-1)),
    ),
    Use("cdist", ["[batch, n, d]", "[k, d]"], expect="[batch, n, k]"),
    Use("solve", ["[n, n]", "[n, k]"], draw=definite, expect="[n, k]", equals=lambda a, b: np.linalg.solve(a, b)),
    Use("solve", ["[..., n, n]", "[..., n, 1]"], draw=definite, expect="[..., n, 1]"),
    Use("lstsq", ["[d, n]", "[d, k]"], expect="[n, k]", equals=lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0]),
    Use("inverse", ["[..., n, n]"], draw=definite, expect="[..., n, n]", equals=lambda a: np.linalg.inv(a)),
    Use("cholesky", ["[..., n, n]"], draw=definite, expect="[..., n, n]", equals=lambda a: np.linalg.cholesky(a)),
    Use("logdet", ["[..., n, n]"], draw=definite, expect="[...]", equals=lambda a: np.linalg.slogdet(a)[1]),
    Use("trace", ["[n, n]"], ranges=[UNIT], expect="[]", equals=np.trace),
    Use("trace", ["[..., n, n]"], expect="[...]", equals=lambda a: np.trace(a, axis1=-2, axis2=-1)),
]
