"""Uses of reductions and of ops along an axis."""

from __future__ import annotations

import numpy as np
import scipy.special

from tests.ops.table.common import DEEP, POSITIVE, SIGNED, UNIT, X
from tests.ops.uses import Use


def reduction(name: str, function, kind: str = "", result: str = "") -> list[Use]:  # type: ignore[no-untyped-def]
    """Over the last axis, all, several, with axes kept, and with `...` before or after."""
    at = f"{kind}[batch, time, d]"
    ranges = [UNIT] if not kind else None
    return [
        Use(
            name,
            [at],
            {"over": -1},
            ranges,
            expect=f"{result}[batch, time]",
            equals=lambda x: function(x.numpy(), axis=-1),
        ),
        Use(name, [at], {"over": "time"}, expect=f"{result}[batch, d]", equals=lambda x: function(x.numpy(), axis=1)),
        Use(name, [at], {"over": None}, expect=f"{result}[]", equals=lambda x: function(x.numpy())),
        Use(
            name,
            [at],
            {"over": ["batch", "d"]},
            expect=f"{result}[time]",
            equals=lambda x: function(x.numpy(), axis=(0, 2)),
        ),
        Use(
            name,
            [at],
            {"over": "time", "keep": True},
            expect=f"{result}[batch, 1, d]",
            equals=lambda x: function(x.numpy(), axis=1, keepdims=True),
        ),
        Use(
            name,
            [at],
            {"over": None, "keep": True},
            expect=f"{result}[1, 1, 1]",
            equals=lambda x: function(x.numpy(), keepdims=True),
        ),
        Use(
            name,
            [f"{kind}[batch, ..., d]"],
            {"over": ["batch", "d"]},
            expect=f"{result}[...]",
            equals=lambda x: function(x.numpy(), axis=(0, 3)),
        ),
        Use(
            name,
            [f"{kind}[..., time, d]"],
            {"over": "time"},
            expect=f"{result}[..., d]",
            equals=lambda x: function(x.numpy(), axis=-2),
        ),
        Use(name, [f"{kind}[..., d]"], {"over": None}, expect=f"{result}[]", equals=lambda x: function(x.numpy())),
    ]


def lse(x: np.ndarray, axis=None, keepdims: bool = False) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.log(np.sum(np.exp(x.astype(np.float64)), axis=axis, keepdims=keepdims))


def length(x: np.ndarray, axis=None, keepdims: bool = False) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.sqrt(np.sum(x.astype(np.float64) ** 2, axis=axis, keepdims=keepdims))


def shifted(x: np.ndarray, steps: int, fill: float) -> np.ndarray:
    """Along the last axis."""
    result = np.full_like(x, fill)
    size = x.shape[-1]
    for i in range(size):
        if 0 <= i - steps < size:
            result[..., i] = x[..., i - steps]
    return result


USES = [
    *reduction("sum", np.sum),
    *reduction("mean", np.mean),
    *reduction("max", np.max),
    *reduction("min", np.min),
    *reduction("prod", np.prod),
    *reduction("norm", length),
    *reduction("var", np.var),
    *reduction("std", np.std),
    *[use for use in reduction("logsumexp", lse) if "..." not in str(use.inputs) or use.settings["over"] is not None],
    *reduction("any", np.any, "bool", "bool"),
    *reduction("all", np.all, "bool", "bool"),
    *reduction("count", np.sum, "bool", "int"),
    Use("sum", [f"int{X}"], expect="int[]", equals=lambda x: x.numpy().sum()),
    Use("sum", ["[]"], expect="[]"),
    Use("mean", [X], ranges=[UNIT], expect="[]"),
    Use("var", [X], {"over": -1, "unbiased": True}, equals=lambda x: np.var(x.numpy(), axis=-1, ddof=1)),
    Use("std", [X], {"over": None, "unbiased": True}, equals=lambda x: np.std(x.numpy(), ddof=1)),
    Use("argmax", [X], expect="int[batch]", equals=lambda x: np.argmax(x, -1)),
    Use("argmin", [DEEP], {"over": "time"}, expect="int[..., d]", equals=lambda x: np.argmin(x, -2)),
    Use(
        "argmax",
        [X],
        {"over": 0, "keep": True},
        expect="int[1, d]",
        equals=lambda x: np.argmax(x.numpy(), 0, keepdims=True),
    ),
    Use("softmax", [X], expect=X, equals=lambda x: scipy.special.softmax(x.numpy(), -1)),
    Use("softmax", [DEEP], {"over": "time"}, expect=DEEP, equals=lambda x: scipy.special.softmax(x.numpy(), -2)),
    Use("log_softmax", [X], expect=X, equals=lambda x: scipy.special.log_softmax(x.numpy(), -1)),
    Use("cumsum", [X], ranges=[POSITIVE], equals=lambda x: np.cumsum(x, -1)),
    Use("cumsum", [X], {"over": 0}, ranges=[(-3.0, -1.0)], equals=lambda x: np.cumsum(x, 0)),
    Use("cumsum", [X], ranges=[SIGNED], equals=lambda x: np.cumsum(x, -1)),
    Use("cumprod", [X], ranges=[UNIT], equals=lambda x: np.cumprod(x, -1)),
    Use("normalize", [X], equals=lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)),
    Use(
        "normalize",
        [DEEP],
        {"over": "time", "eps": 1e-6},
        equals=lambda x: x / np.linalg.norm(x, axis=-2, keepdims=True),
    ),
    Use("sort", [X], ranges=[UNIT], equals=lambda x: np.sort(x, -1)),
    Use(
        "sort", [f"int{X}"], {"over": 0, "descending": True}, expect=f"int{X}", equals=lambda x: -np.sort(-x.numpy(), 0)
    ),
    Use("flip", [DEEP], {"over": "time"}, expect=DEEP, equals=lambda x: np.flip(x.numpy(), -2).copy()),
    Use("roll", [X], {"steps": 1}, expect=X, equals=lambda x: np.roll(x, 1, -1)),
    Use("roll", [f"bool{X}"], {"steps": -2, "over": 0}, expect=f"bool{X}", equals=lambda x: np.roll(x, -2, 0)),
    *(
        Use("shift", [X], {"steps": s, "fill": f}, ranges=[UNIT], equals=lambda x, s=s, f=f: shifted(x.numpy(), s, f))
        for s in (0, 1, -3, 99, -99)
        for f in (0, -1)
    ),
    Use(
        "shift",
        [f"int{DEEP}"],
        {"steps": 2, "over": "time"},
        expect=f"int{DEEP}",
        equals=lambda x: shifted(x.mT.numpy(), 2, 0).swapaxes(-1, -2),
    ),
]
