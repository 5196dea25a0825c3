"""`USES`: several concrete uses of every primitive, with what must come out."""

from __future__ import annotations

import math

import numpy as np
import scipy.special
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.ops.uses import Use

UNIT, POSITIVE, SIGNED = (0.0, 1.0), (0.3, 4.0), (-3.0, 2.0)
X = "[batch, d]"
DEEP = "[..., time, d]"


def definite(tensors: list[Tensor]) -> list[Tensor]:
    """Makes the first operand positive definite."""
    a = tensors[0]
    return [a @ a.mT + a.shape[-1] * torch.eye(a.shape[-1]), *tensors[1:]]


def square(x: Tensor) -> np.ndarray:
    return x.double().numpy()


def elementwise(name: str, function, *more: Use) -> list[Use]:  # type: ignore[no-untyped-def]
    """A function of one float value, on unknown, narrow and negative ranges."""
    return [
        Use(name, [X], expect=X, equals=lambda x: function(x.numpy())),
        Use(name, [DEEP], ranges=[SIGNED], expect=DEEP, equals=lambda x: function(x.numpy())),
        Use(name, ["[]"], ranges=[UNIT], expect="[]", equals=lambda x: function(x.numpy())),
        Use(name, [X], ranges=[(0.0, math.inf)], equals=lambda x: function(x.numpy())),
        *more,
    ]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


ELEMENTWISE = [
    *elementwise("tanh", np.tanh),
    *elementwise("sigmoid", sigmoid),
    *elementwise("relu", lambda x: np.maximum(x, 0)),
    *elementwise("gelu", lambda x: x * (1 + scipy.special.erf(x / np.sqrt(2))) / 2),
    Use("gelu", [X], {"approximate": "tanh"}, equals=lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    *elementwise("silu", lambda x: x * sigmoid(x)),
    *elementwise("softplus", lambda x: np.log1p(np.exp(x))),
    *elementwise("elu", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    *elementwise("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
    Use("leaky_relu", [X], {"slope": 0.2}, equals=lambda x: np.where(x > 0, x, 0.2 * x)),
    *elementwise("hard_sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    *elementwise("softsign", lambda x: x / (1 + np.abs(x))),
    *elementwise("log_sigmoid", lambda x: -np.log1p(np.exp(-x))),
    *elementwise("exp", np.exp),
    *elementwise("sin", np.sin),
    *elementwise("cos", np.cos),
    *elementwise("erf", scipy.special.erf),
    *elementwise("abs", np.abs),
    *elementwise("sign", np.sign),
    *elementwise("square", np.square),
    *elementwise("floor", np.floor),
    *elementwise("round", np.round),
    *elementwise("heaviside", lambda x: x >= 0),
    *elementwise("neg", lambda x: -x),
    Use("log", [X], ranges=[POSITIVE], equals=lambda x: np.log(x)),
    Use("log", [X], ranges=[(1e-9, 1.0)], equals=lambda x: np.log(x)),
    Use("sqrt", [X], ranges=[POSITIVE], equals=lambda x: np.sqrt(x)),
    Use("sqrt", [X], ranges=[UNIT]),
    *(Use(name, [f"int{X}"], ranges=[(-3, 3)], expect=f"int{X}") for name in ("abs", "sign", "square", "neg")),
]

PAIRS: list[tuple[str, object]] = [
    ("add", np.add),
    ("sub", np.subtract),
    ("mul", np.multiply),
    ("maximum", np.maximum),
    ("minimum", np.minimum),
]
COMPARISONS = [
    ("eq", np.equal),
    ("ne", np.not_equal),
    ("lt", np.less),
    ("le", np.less_equal),
    ("gt", np.greater),
    ("ge", np.greater_equal),
]


def binary(name: str, function) -> list[Use]:  # type: ignore[no-untyped-def]
    return [
        Use(name, [X, X], expect=X, equals=function),
        Use(name, [DEEP, "[d]"], ranges=[UNIT, SIGNED], expect=DEEP, equals=function),
        Use(name, ["[batch, 1, d]", "[time, d]"], ranges=[SIGNED, SIGNED], expect="[batch, time, d]", equals=function),
        Use(name, [X, 2], ranges=[UNIT, (2, 2)], expect=X, equals=function),
        Use(name, [1, X], ranges=[(1, 1), UNIT], expect=X, equals=function),
        Use(name, [X, 0.5], ranges=[(0.0, math.inf), (0.5, 0.5)], expect=X, equals=function),
        Use(name, [f"int{X}", f"int{X}"], ranges=[(0, 3), (-2, 3)], expect=f"int{X}", equals=function),
        Use(name, [f"int{X}", X], expect=X),
        Use(name, [f"int{X}", 0.5], expect=X),
        Use(name, [f"int{X}", 2], expect=f"int{X}"),
    ]


BINARY = [use for name, function in PAIRS for use in binary(name, function)] + [
    *(Use(name, [a, b], expect=f"bool{X}", equals=f) for name, f in COMPARISONS for a, b in ((X, X), (f"int{X}", f"int{X}"), (X, 0))),
    Use("mul", [f"bool{X}", X], expect=X),
    Use("add", [f"int{X}", f"bool{X}"], ranges=[(0, 3), (0, 1)], expect=f"int{X}"),
    Use("div", [X, X], ranges=[SIGNED, POSITIVE], expect=X, equals=np.divide),
    Use("div", [X, 4], ranges=[UNIT, (4, 4)], expect=X, equals=np.divide),
    Use("div", [1, X], ranges=[(1, 1), (1.0, math.inf)], expect=X, equals=np.divide),
    Use("div", [X, X], ranges=[UNIT, (-4.0, -1.0)], expect=X, equals=np.divide),
    Use("div", [f"int{X}", 2], expect=X),
    Use("floordiv", [X, 2], ranges=[SIGNED, (2, 2)], expect=X, equals=np.floor_divide),
    Use("floordiv", [f"int{X}", 2], expect=f"int{X}", equals=np.floor_divide),
    Use("mod", [f"int{X}", 3], ranges=[(-5, 9), (3, 3)], expect=f"int{X}", equals=np.mod),
    Use("mod", [X, 1], ranges=[SIGNED, (1, 1)], expect=X, equals=np.mod),
    Use("pow", [X, 2], ranges=[SIGNED, (2, 2)], expect=X, equals=np.power),
    Use("pow", [X, 3], ranges=[SIGNED, (3, 3)], expect=X, equals=np.power),
    Use("pow", [X, X], ranges=[UNIT, POSITIVE], expect=X, equals=np.power),
    Use("pow", [X, X], ranges=[(1.0, 3.0), POSITIVE], expect=X, equals=np.power),
    Use("pow", [2, f"int{X}"], ranges=[(2, 2), (0, 3)], expect=f"int{X}"),
    Use("pow", [X, 0.5], ranges=[POSITIVE, (0.5, 0.5)], expect=X, equals=np.power),
    Use("and", [f"bool{X}", "bool[d]"], expect=f"bool{X}", equals=np.logical_and),
    Use("or", [f"bool{X}", f"bool{X}"], expect=f"bool{X}", equals=np.logical_or),
    Use("not", [f"bool{DEEP}"], expect=f"bool{DEEP}", equals=np.logical_not),
    Use("clamp", [X], {"low": 0, "high": 1}, expect=X, equals=lambda x: np.clip(x, 0, 1)),
    Use("clamp", [X], {"low": -0.5}, expect=X, equals=lambda x: np.maximum(x, -0.5)),
    Use("clamp", [DEEP], {"high": 0.5}, expect=DEEP, equals=lambda x: np.minimum(x, 0.5)),
    Use("clamp", [X], {"low": 0, "high": 1}, ranges=[(2.0, 3.0)], equals=lambda x: np.ones_like(x)),
    Use("clamp", [f"int{X}"], {"low": 1, "high": 2}, expect=f"int{X}"),
    Use("where", [f"bool{X}", X, X], expect=X, equals=np.where),
    Use("where", [f"bool{X}", X, 0], ranges=[UNIT, UNIT, (0, 0)], expect=X, equals=np.where),
    Use("where", [f"bool{X}", 1, -1], expect=f"int{X}", equals=np.where),
    Use("where", ["bool[time, 1]", "[d]", 0.5], expect="[time, d]", equals=np.where),
    Use("to_float", [f"bool{X}"], expect=X, equals=lambda x: x),
    Use("to_float", [f"int{X}"], ranges=[(0, 3)], expect=X, equals=lambda x: x),
    Use("to_float", [X], ranges=[UNIT], expect=X, equals=lambda x: x),
    Use("to_int", [X], ranges=[SIGNED], expect=f"int{X}", equals=np.trunc),
    Use("to_int", [f"bool{X}"], expect=f"int{X}", equals=lambda x: x),
]


def reduction(name: str, function, kind: str = "", result: str = "") -> list[Use]:  # type: ignore[no-untyped-def]
    """Over the last axis, all, several, with axes kept, and with `...` before or after."""
    at = f"{kind}[batch, time, d]"
    ranges = [UNIT] if not kind else None
    return [
        Use(name, [at], {"over": -1}, ranges, expect=f"{result}[batch, time]", equals=lambda x: function(x.numpy(), axis=-1)),
        Use(name, [at], {"over": "time"}, expect=f"{result}[batch, d]", equals=lambda x: function(x.numpy(), axis=1)),
        Use(name, [at], {"over": None}, expect=f"{result}[]", equals=lambda x: function(x.numpy())),
        Use(name, [at], {"over": ["batch", "d"]}, expect=f"{result}[time]", equals=lambda x: function(x.numpy(), axis=(0, 2))),
        Use(name, [at], {"over": "time", "keep": True}, expect=f"{result}[batch, 1, d]", equals=lambda x: function(x.numpy(), axis=1, keepdims=True)),
        Use(name, [at], {"over": None, "keep": True}, expect=f"{result}[1, 1, 1]", equals=lambda x: function(x.numpy(), keepdims=True)),
        Use(name, [f"{kind}[batch, ..., d]"], {"over": ["batch", "d"]}, expect=f"{result}[...]", equals=lambda x: function(x.numpy(), axis=(0, 3))),
        Use(name, [f"{kind}[..., time, d]"], {"over": "time"}, expect=f"{result}[..., d]", equals=lambda x: function(x.numpy(), axis=-2)),
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


REDUCE = [
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
    Use("argmax", [X], {"over": 0, "keep": True}, expect="int[1, d]", equals=lambda x: np.argmax(x.numpy(), 0, keepdims=True)),
    Use("softmax", [X], expect=X, equals=lambda x: scipy.special.softmax(x.numpy(), -1)),
    Use("softmax", [DEEP], {"over": "time"}, expect=DEEP, equals=lambda x: scipy.special.softmax(x.numpy(), -2)),
    Use("log_softmax", [X], expect=X, equals=lambda x: scipy.special.log_softmax(x.numpy(), -1)),
    Use("cumsum", [X], ranges=[POSITIVE], equals=lambda x: np.cumsum(x, -1)),
    Use("cumsum", [X], {"over": 0}, ranges=[(-3.0, -1.0)], equals=lambda x: np.cumsum(x, 0)),
    Use("cumsum", [X], ranges=[SIGNED], equals=lambda x: np.cumsum(x, -1)),
    Use("cumprod", [X], ranges=[UNIT], equals=lambda x: np.cumprod(x, -1)),
    Use("normalize", [X], equals=lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)),
    Use("normalize", [DEEP], {"over": "time", "eps": 1e-6}, equals=lambda x: x / np.linalg.norm(x, axis=-2, keepdims=True)),
    Use("sort", [X], ranges=[UNIT], equals=lambda x: np.sort(x, -1)),
    Use("sort", [f"int{X}"], {"over": 0, "descending": True}, expect=f"int{X}", equals=lambda x: -np.sort(-x.numpy(), 0)),
    Use("flip", [DEEP], {"over": "time"}, expect=DEEP, equals=lambda x: np.flip(x.numpy(), -2).copy()),
    Use("roll", [X], {"steps": 1}, expect=X, equals=lambda x: np.roll(x, 1, -1)),
    Use("roll", [f"bool{X}"], {"steps": -2, "over": 0}, expect=f"bool{X}", equals=lambda x: np.roll(x, -2, 0)),
    *(Use("shift", [X], {"steps": s, "fill": f}, ranges=[UNIT], equals=lambda x, s=s, f=f: shifted(x.numpy(), s, f)) for s in (0, 1, -3, 99, -99) for f in (0, -1)),
    Use("shift", [f"int{DEEP}"], {"steps": 2, "over": "time"}, expect=f"int{DEEP}", equals=lambda x: shifted(x.mT.numpy(), 2, 0).swapaxes(-1, -2)),
]


def indexed(x: Tensor, i: Tensor) -> np.ndarray:
    return np.take_along_axis(x.numpy(), i.numpy(), -1)


SHAPE = [
    Use("reshape", [X], {"to": ["batch", "heads", "d/heads"]}, expect="[batch, heads, d/heads]", equals=lambda x: x.reshape(3, 2, 4)),
    Use("reshape", ["[batch, heads, 4]"], {"to": ["batch", "4*heads"]}, expect="[batch, 4*heads]", equals=lambda x: x.reshape(3, 8)),
    Use("reshape", ["[batch, time, d]"], {"to": ["batch*time", "d"]}, equals=lambda x: x.reshape(15, 8)),
    Use("reshape", ["[batch, time, d]"], {"to": ["batch", "d", "time"]}, equals=lambda x: x.reshape(3, 8, 5)),
    Use("reshape", ["[..., d]"], {"to": ["...", "heads", "d/heads"]}, expect="[..., heads, d/heads]", equals=lambda x: x.reshape(2, 3, 2, 4)),
    Use("reshape", ["[..., heads, 4]"], {"to": ["...", "4*heads"]}, expect="[..., 4*heads]", equals=lambda x: x.reshape(2, 3, 8)),
    Use("reshape", ["[..., time, d]"], {"to": ["...", "d", "time"]}, equals=lambda x: x.reshape(2, 3, 8, 5)),
    Use("reshape", ["[time, d, ...]"], {"to": ["d", "time", "..."]}, equals=lambda x: x.reshape(8, 5, 2, 3)),
    Use("reshape", ["[time, d, ...]"], {"to": ["d*time", "..."]}, equals=lambda x: x.reshape(40, 2, 3)),
    Use("reshape", ["[..., n, time, d]"], {"to": ["...", "n*time", "d"]}, equals=lambda x: x.reshape(2, 3, 20, 8)),
    Use("reshape", ["[batch, n, time, d]"], {"to": ["batch", "n*time", "d"]}, equals=lambda x: x.reshape(3, 20, 8)),
    Use("reshape", [X], {"to": ["batch", "d"]}, equals=lambda x: x),
    Use("reshape", ["[1]"], {"to": []}, expect="[]"),
    Use("flatten", ["[batch, 2, 3, 4]"], expect="[batch, 24]", equals=lambda x: x.reshape(3, 24)),
    Use("flatten", ["[..., 2, 3]"], {"start": -2}, expect="[..., 6]", equals=lambda x: x.reshape(2, 3, 6)),
    Use("flatten", ["[batch, time]"], {"start": 0}, expect="[batch*time]", equals=lambda x: x.reshape(15)),
    Use("transpose", [DEEP], expect="[..., d, time]", equals=lambda x: x.numpy().swapaxes(-1, -2)),
    Use("permute", ["int[batch, time, d]"], {"order": [2, 0, 1]}, expect="int[d, batch, time]", equals=lambda x: x.numpy().transpose(2, 0, 1)),
    Use("swap", ["[batch, time, d]"], {"a": "batch", "b": "d"}, expect="[d, time, batch]", equals=lambda x: x.numpy().swapaxes(0, 2)),
    Use("swap", ["[batch, ..., d]"], {"a": "batch", "b": "d"}, expect="[d, ..., batch]", equals=lambda x: x.numpy().swapaxes(0, 3)),
    Use("unsqueeze", [X], {"at": 1}, expect="[batch, 1, d]"),
    Use("unsqueeze", [DEEP], {"at": -2}, expect="[..., time, 1, d]"),
    Use("unsqueeze", ["[batch, ...]"], {"at": 0}, expect="[1, batch, ...]"),
    Use("unsqueeze", ["[]"], expect="[1]"),
    Use("squeeze", ["[batch, 1, d]"], {"over": 1}, expect="[batch, d]"),
    Use("squeeze", ["[1, ..., 1, d]"], {"over": [0, 2]}, expect="[..., d]"),
    Use("concat", [X, "[batch, n]"], expect="[batch, d + n]", equals=lambda a, b: np.concatenate([a, b], -1)),
    Use("concat", [DEEP, DEEP, "[..., 1, d]"], {"over": "time"}, expect="[..., 2*time + 1, d]", equals=lambda *a: np.concatenate(a, -2)),
    Use("concat", ["int[n]", "int[k]"], ranges=[(0, 1), (-2, 0)], expect="int[k + n]"),
    Use("split", [X], {"parts": 4}, expect="[batch, d/4]", equals=lambda x: x[:, :2]),
    Use("split", [DEEP], {"parts": [1, "time - 1"], "over": "time"}, expect="[..., 1, d]", equals=lambda x: x[..., :1, :]),
    Use("slice", [X], {"start": 2, "stop": 6}, expect="[batch, 4]", equals=lambda x: x[:, 2:6]),
    Use("slice", ["[batch, time, d]"], {"start": 1, "over": "time"}, expect="[batch, time - 1, d]", equals=lambda x: x[:, 1:]),
    Use("slice", [DEEP], {"stop": -1, "over": "time"}, expect="[..., time - 1, d]", equals=lambda x: x[..., :-1, :]),
    Use("slice", ["[time, ...]"], {"start": -2, "over": "time"}, expect="[2, ...]", equals=lambda x: x[-2:]),
    Use("slice", ["[n, n, time, d]"], {"stop": "=n", "over": -2}, expect="[n, n, n, d]", equals=lambda x: x[:, :, :4]),
    Use("slice", [X], {"start": "=d/2"}, expect="[batch, d/2]", equals=lambda x: x[:, 4:]),
    Use("first", ["[batch, time, d]"], {"over": "time"}, expect="[batch, d]", equals=lambda x: x[:, 0]),
    Use("first", ["[time, d]"], {"over": "time"}, expect="[d]", equals=lambda x: x[0]),
    Use("last", [DEEP], {"over": "time"}, expect="[..., d]", equals=lambda x: x[..., -1, :]),
    Use("at", [X], {"index": 3}, expect="[batch]", equals=lambda x: x[:, 3]),
    Use("at", ["[batch, n, ...]"], {"index": -1, "over": "n"}, expect="[batch, ...]", equals=lambda x: x[:, -1]),
    Use("at", ["[batch, n, ...]"], {"index": "=n/2", "over": "n"}, expect="[batch, ...]", equals=lambda x: x[:, 2]),
    Use("gather", [X, "int[batch]"], expect="[batch]", equals=lambda x, i: x[torch.arange(3), i]),
    Use("gather", ["[..., d]", "int[...]"], expect="[...]", equals=lambda x, i: indexed(x, i[..., None])[..., 0]),
    Use("gather", [DEEP, "int[..., time, 2]"], expect="[..., time, 2]", equals=indexed),
    Use("gather", ["[batch, time, d]", "int[batch, d]"], {"over": "time"}, expect="[batch, d]", equals=lambda x, i: np.take_along_axis(x.numpy(), i.numpy()[:, None], 1)[:, 0]),
    Use("lookup", ["[n, d]", "int[batch, time]"], expect="[batch, time, d]", equals=lambda t, i: t.numpy()[i.numpy()]),
    Use("lookup", ["int[n]", "int[...]"], expect="int[...]", equals=lambda t, i: t.numpy()[i.numpy()]),
    Use("pad", [X], {"before": 1, "after": 2}, expect="[batch, d + 3]", ranges=[POSITIVE], equals=lambda x: np.pad(x, ((0, 0), (1, 2)))),
    Use("pad", [DEEP], {"before": 2, "over": "time", "value": -1}, expect="[..., time + 2, d]", equals=lambda x: np.pad(x, ((0, 0), (0, 0), (2, 0), (0, 0)), constant_values=-1)),
    Use("pad", ["[batch, time, d]"], {"before": 1, "over": 0}, expect="[batch + 1, time, d]", equals=lambda x: np.pad(x, ((1, 0), (0, 0), (0, 0)))),
    Use("expand", ["[1, d]"], {"to": ["batch", "d"]}, expect=X, equals=lambda x: np.broadcast_to(x, (3, 8)).copy()),
    Use("expand", ["[d]"], {"to": ["batch", "time", "d"]}, expect="[batch, time, d]", equals=lambda x: np.broadcast_to(x, (3, 5, 8)).copy()),
    Use("expand", ["[..., 1, d]"], {"to": ["...", "time", "d"]}, expect=DEEP, equals=lambda x: np.broadcast_to(x, (2, 3, 5, 8)).copy()),
    Use("expand", ["[1, ...]"], {"to": ["time", "..."]}, expect="[time, ...]"),
    Use("patches", ["[batch, 3, 4, 6]"], {"size": 2}, expect="[batch, 6, 12]", equals=lambda x: x.reshape(3, 3, 2, 2, 3, 2).permute(0, 2, 4, 1, 3, 5).reshape(3, 6, 12)),
    Use("patches", ["[batch, 1, 4, 6]"], {"size": [2, 3]}, expect="[batch, 4, 6]"),
    Use("upsample", ["[batch, 2, 3, 4]"], expect="[batch, 2, 6, 8]", equals=lambda x: x.numpy().repeat(2, -1).repeat(2, -2)),
    Use("upsample", ["[batch, 2, time]"], {"scale": 3}, expect="[batch, 2, 3*time]", equals=lambda x: x.numpy().repeat(3, -1)),
    Use("upsample", ["[batch, 2, 3, 4]"], {"mode": "bilinear", "scale": [2, 3]}, expect="[batch, 2, 6, 12]"),
]

MAKE = [
    Use("arange", [], {"n": "=2*time"}, expect="int[2*time]", equals=lambda: np.arange(10)),
    Use("arange", [], {"n": 4}, expect="int[4]", equals=lambda: np.arange(4)),
    Use("zeros", [], {"to": ["batch", 2]}, expect="[batch, 2]", equals=lambda: np.zeros((3, 2))),
    Use("zeros", [], {"to": []}, expect="[]"),
    Use("ones", [], {"to": ["d"]}, expect="[d]", equals=lambda: np.ones(8)),
    Use("eye", [], {"n": "=d"}, expect="[d, d]", equals=lambda: np.eye(8)),
    Use("causal_mask", [], {"n": "=time"}, expect="bool[time, time]", equals=lambda: np.tri(5)),
    Use("one_hot", ["int[...]"], {"n": 4}, expect="[..., 4]", equals=lambda x: np.eye(4)[x]),
    Use("outer", ["[n]", "[k]"], expect="[n, k]", ranges=[SIGNED, UNIT], equals=np.outer),
    Use("outer", ["[..., n]", "[..., k]"], expect="[..., n, k]", equals=lambda a, b: np.einsum("...i,...j->...ij", a, b)),
    Use("diag", [X], expect="[batch, d, d]", ranges=[POSITIVE], equals=lambda x: x.numpy()[:, :, None] * np.eye(8)),
    Use("diagonal", ["[..., d, d]"], expect="[..., d]", equals=lambda x: np.diagonal(x, axis1=-2, axis2=-1).copy()),
    Use("tril", ["[..., n, k]"], expect="[..., n, k]", equals=np.tril),
    Use("triu", ["[n, n]"], {"offset": 1}, expect="[n, n]", ranges=[POSITIVE], equals=lambda x: np.triu(x, 1)),
]

ALGEBRA = [
    Use("matmul", ["[batch, time, d]", "[d, k]"], expect="[batch, time, k]", equals=np.matmul),
    Use("matmul", ["[..., d]", "[d, k]"], expect="[..., k]", equals=np.matmul),
    Use("matmul", ["[..., d]", "[d, k]"], expect="[..., k]", equals=np.matmul, rest=()),
    Use("matmul", ["[..., n, d]", "[..., d, k]"], ranges=[UNIT, UNIT], expect="[..., n, k]", equals=np.matmul),
    Use("matmul", ["[batch, 1, n, d]", "[time, d, k]"], expect="[batch, time, n, k]", equals=np.matmul),
    Use("matmul", ["[n, d]", "[d]"], expect="[n]", equals=np.matmul),
    Use("matmul", ["[..., d]", "[d]"], expect="[...]", equals=np.matmul),
    Use("matmul", ["[d]", "[d]"], expect="[]", equals=np.matmul),
    Use("matmul", ["[d]", "[batch, d, k]"], expect="[batch, k]", equals=np.matmul),
    Use("einsum", ["[batch, n, d]", "[batch, d, k]"], {"equation": "bij,bjk->bik"}, expect="[batch, n, k]", equals=np.matmul),
    Use("einsum", ["[..., d]", "[k, d]"], {"equation": "...i, oi -> ...o"}, expect="[..., k]", equals=lambda a, b: a @ b.T),
    Use("einsum", ["[d, d]"], {"equation": "ii->"}, expect="[]", equals=np.trace),
    Use("einsum", ["[n]", "[n]", "[n, k]"], {"equation": "i,i,ik->k"}, expect="[k]", equals=lambda a, b, c: (a * b) @ c),
    Use("cdist", ["[n, d]", "[k, d]"], expect="[n, k]", equals=lambda a, b: np.sqrt(((a.numpy()[:, None] - b.numpy()[None]) ** 2).sum(-1))),
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

LAYERS = [
    Use("Linear", ["[..., d]"], {"d_out": "=2*d"}, expect="[..., 2*d]"),
    Use("Linear", [X], {"d_out": 1, "bias": False}, expect="[batch, 1]"),
    Use("Linear", ["[d]"], {"d_out": 1}, expect="[1]"),
    Use("Embedding", ["int[batch, time]"], {"count": 4, "width": "=d"}, expect="[batch, time, d]"),
    Use("Bilinear", ["[..., d]", "[..., n]"], {"d_out": 3}, expect="[..., 3]"),
    Use("Bilinear", [X, X], {"d_out": 3, "bias": False}, expect="[batch, 3]"),
    Use("Dropout", [X], {"p": 0.25}, ranges=[UNIT], expect=X, equals=lambda x: x),
    Use("Dropout", [DEEP], ranges=[(-3.0, -1.0)], expect=DEEP),
    Use("Conv1d", ["[batch, n, 16]"], {"channels": 8, "kernel": 3}, expect="[batch, 8, 14]"),
    Use("Conv1d", ["[batch, n, 16]"], {"channels": 8, "kernel": 2, "dilation": 4, "padding": "causal"}, expect="[batch, 8, 16]"),
    Use("Conv1d", ["[batch, n, 16]"], {"channels": 8, "kernel": 3, "stride": 2, "padding": "causal"}, expect="[batch, 8, 8]"),
    Use("Conv1d", ["[batch, n, 15]"], {"channels": 8, "kernel": 4, "padding": "same", "dilation": 2}, expect="[batch, 8, 15]"),
    Use("Conv1d", ["[..., n, 16]"], {"channels": "=2*n", "kernel": 3, "groups": "=n"}, expect="[..., 2*n, 14]"),
    Use("Conv1d", ["[..., n, 16]"], {"channels": 2, "kernel": 3}, expect="[..., 2, 14]", rest=()),
    Use("Conv1d", ["[..., n, 16]"], {"channels": 2, "kernel": 3, "padding": "causal"}, expect="[..., 2, 16]"),
    Use("Conv2d", ["[batch, 3, 32, 28]"], {"channels": 6, "kernel": 5, "bias": False}, expect="[batch, 6, 28, 24]"),
    Use("Conv2d", ["[batch, 4, 32, 28]"], {"channels": 6, "kernel": [7, 3], "stride": 2, "padding": [3, 1], "groups": 2}, expect="[batch, 6, 16, 14]"),
    Use("Conv2d", ["[batch, time, 4, 9, 9]"], {"channels": 6, "kernel": 3, "padding": "same"}, expect="[batch, time, 6, 9, 9]"),
    Use("Conv2d", ["[batch, n, d, d]"], {"channels": 6, "kernel": 3, "stride": 2, "padding": 1}, expect="[batch, 6, floor((d-1)/2) + 1, floor((d-1)/2) + 1]"),
    Use("Conv3d", ["[batch, 1, 6, 6, 6]"], {"channels": 2, "kernel": 3, "dilation": 2}, expect="[batch, 2, 2, 2, 2]"),
    Use("ConvTranspose1d", ["[batch, n, 5]"], {"channels": 3, "kernel": 4, "stride": 2, "padding": 1}, expect="[batch, 3, 10]"),
    Use("ConvTranspose2d", ["[batch, n, 5, 4]"], {"channels": 3, "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1}, expect="[batch, 3, 10, 8]"),
    Use("ConvTranspose2d", ["[batch, time, n, 5, 4]"], {"channels": 3, "kernel": [3, 2], "bias": False}, expect="[batch, time, 3, 7, 5]"),
    *(Use(f"{kind}_pool{dims}d", [f"[batch, n{', 6' * dims}]"], {"kernel": 2}, ranges=[POSITIVE], expect=f"[batch, n{', 3' * dims}]") for kind in ("max", "avg") for dims in (1, 2, 3)),
    Use("max_pool2d", ["[..., n, 7, 7]"], {"kernel": 3, "stride": 2, "padding": 1}, expect="[..., n, 4, 4]"),
    Use("avg_pool2d", ["[batch, time, n, 7, 7]"], {"kernel": 3, "stride": 2, "padding": 1}, ranges=[POSITIVE], expect="[batch, time, n, 4, 4]"),
    Use("avg_pool2d", ["[batch, n, 7, 5]"], {"kernel": [7, 5]}, expect="[batch, n, 1, 1]", equals=lambda x: x.mean((2, 3), keepdim=True)),
    Use("max_pool2d", ["[batch, n, d, d]"], {"kernel": 3}, expect="[batch, n, floor(d/3), floor(d/3)]"),
]


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int = 1, allowed: np.ndarray | None = None, scale: float | None = None) -> np.ndarray:
    """softmax(q kᵀ · scale) v, head by head, in NumPy."""
    parts = []
    for a, b, c in zip(*(np.split(t.double().numpy(), heads, -1) for t in (q, k, v))):
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
ATTENTION = [
    Use("attention", [Q, K, V], ranges=[SIGNED, SIGNED, UNIT], expect="[batch, time, 2*d]", equals=attend),
    Use("attention", [Q, K, V], {"heads": "=heads"}, expect="[batch, time, 2*d]", equals=lambda q, k, v: attend(q, k, v, 2)),
    Use("attention", [Q, Q, Q], {"heads": 4, "mask": "causal"}, expect=Q, equals=lambda q, k, v: attend(q, k, v, 4, np.tri(5, dtype=bool))),
    Use("attention", [Q, K, V], {"mask": "causal"}, equals=lambda q, k, v: attend(q, k, v, 1, np.tri(5, 4, dtype=bool))),
    Use("attention", [Q, K, V], {"scale": 1}, equals=lambda q, k, v: attend(q, k, v, 1, None, 1.0)),
    Use("attention", ["[..., time, d]", "[..., n, d]", "[..., n, d]"], {"heads": 2}, expect="[..., time, d]", equals=lambda q, k, v: attend(q, k, v, 2)),
    Use("attention", ["[..., time, d]", "[..., n, d]", "[..., n, d]"], {"heads": 2}, equals=lambda q, k, v: attend(q, k, v, 2), rest=()),
    Use("attention", ["[time, d]", "[n, d]", "[n, d]", "bool[time, n]"], draw=mostly, equals=lambda q, k, v, m: attend(q, k, v, 1, m.numpy())),
    Use("attention", [Q, K, V, "bool[batch, 1, n]"], {"heads": 2}, draw=mostly, equals=lambda q, k, v, m: attend(q, k, v, 2, m.numpy())),
    Use("attention", [Q, Q, Q, "bool[batch, time, time]"], {"heads": 2, "mask": "causal"}, draw=mostly, equals=lambda q, k, v, m: attend(q, k, v, 2, m.numpy() & np.tri(5, dtype=bool))),
    Use("attention", [Q, Q, Q], {"dropout": 0.5, "heads": 2}, ranges=[UNIT, UNIT, UNIT]),
]


def by_cluster(x: Tensor, cluster: Tensor, mean: bool) -> np.ndarray:
    total = np.zeros((4, *x.shape[1:]))
    for row, c in zip(x.numpy(), cluster.tolist()):
        total[c] += row / ((cluster == c).sum().item() if mean else 1)
    return total


GROUP = [
    Use("mean_by", ["[time, d]", "int[time]"], {"k": 4}, ranges=[POSITIVE, (0, 2)], expect="[4, d]", equals=lambda x, c: by_cluster(x, c, True)),
    Use("mean_by", ["[time]", "int[time]"], {"k": 4}, expect="[4]", equals=lambda x, c: by_cluster(x, c, True)),
    Use("sum_by", ["[time, d, 2]", "int[time]"], {"k": 4}, expect="[4, d, 2]", equals=lambda x, c: by_cluster(x, c, False)),
    Use("count_by", ["int[time]"], {"k": "=n"}, expect="int[n]", equals=lambda c: np.bincount(c, minlength=4)),
    Use("sample_rows", ["[time, d]"], {"k": 3}, ranges=[UNIT], expect="[3, d]"),
    Use("sample_rows", ["int[time]"], {"k": "=n"}, ranges=[(0, 3)], expect="int[n]"),
]

LOSSES = [
    Use("cross_entropy", [X, "int[batch]"], expect="[]", equals=lambda x, t: -x.log_softmax(-1)[torch.arange(3), t].mean()),
    Use("cross_entropy", [DEEP, "int[..., time]"], expect="[]", equals=lambda x, t: -x.log_softmax(-1).gather(-1, t[..., None]).mean()),
    Use("cross_entropy", ["[batch, time, d]", "int[batch, time]"], {"reduction": "none"}, expect="[batch, time]", equals=lambda x, t: -x.log_softmax(-1).gather(-1, t[..., None])[..., 0]),
    Use("cross_entropy", ["[batch, time, d]", "int[batch, time]"], {"reduction": "sum", "ignore": 0, "smoothing": 0.1}, expect="[]"),
    Use("cross_entropy", ["[d]", "int[]"], expect="[]"),
    Use("nll", [X, "int[batch]"], ranges=[(-3.0, 0.0), (0, 3)], equals=lambda x, t: -x[torch.arange(3), t].mean()),
    Use("nll", ["[batch, time, d]", "int[batch, time]"], {"reduction": "none"}, ranges=[(-3.0, 0.0), (0, 3)], expect="[batch, time]"),
    Use("bce", [X, X], ranges=[UNIT, UNIT], expect="[]", equals=lambda p, t: -(t * p.log() + (1 - t) * (1 - p).log()).mean()),
    Use("bce", [X, 1], ranges=[UNIT, (1, 1)], equals=lambda p, t: -p.log().mean()),
    Use("bce", [X, 0.9], ranges=[UNIT, (1, 1)], expect="[]"),
    Use("bce", [X, "[d]"], {"reduction": "none"}, ranges=[UNIT, UNIT], expect=X),
    Use("bce_with_logits", [X, 0], equals=lambda x, t: F.softplus(x).mean()),
    Use("bce_with_logits", [DEEP, DEEP], {"reduction": "sum"}, ranges=[SIGNED, UNIT], expect="[]"),
    Use("mse", [X, X], expect="[]", equals=lambda a, b: ((a - b) ** 2).mean()),
    Use("mse", [DEEP, "[d]"], expect="[]", equals=lambda a, b: ((a - b) ** 2).mean()),
    Use("mse", [X, 0], {"reduction": "sum"}, expect="[]", equals=lambda a, b: (a**2).sum()),
    Use("l1", [X, X], {"reduction": "none"}, expect=X, equals=lambda a, b: (a - b).abs()),
    Use("l1", [X, "[d]"], {"reduction": "none"}, expect=X, equals=lambda a, b: (a - b).abs()),
]


def on_path(tensors: list[Tensor]) -> list[Tensor]:
    """A loss that depends on h."""
    h = tensors[1].requires_grad_()
    return [(h**3).sum(), h]


GRADIENT = [
    Use("stop_gradient", [DEEP], expect=DEEP, equals=lambda x: x),
    Use("stop_gradient", [f"int{X}"], expect=f"int{X}", equals=lambda x: x),
    Use("reverse_gradient", [X], {"scale": 0.5}, ranges=[SIGNED], expect=X, equals=lambda x: x),
    Use("supply_gradient", [X, X], expect=X, equals=lambda x, g: x),
    Use("gradient", ["[]", X], draw=on_path, expect=X, equals=lambda loss, h: 3 * h.detach() ** 2),
    Use("by_mode", [X, X], expect=X, equals=lambda a, b: b),
    Use("log_prob", [X, X, X], {"distribution": "Normal"}, ranges=[SIGNED, SIGNED, POSITIVE], expect=X, equals=lambda z, m, s: -((z - m) ** 2) / (2 * s**2) - s.log() - math.log(2 * math.pi) / 2),
    Use("log_prob", [X, 0, 1], {"distribution": "Normal"}, expect=X, equals=lambda z, m, s: -(z**2) / 2 - math.log(2 * math.pi) / 2),
    Use("log_prob", [X, 0, 4], {"distribution": "Uniform"}, ranges=[POSITIVE, (0, 0), (4, 4)], expect=X, equals=lambda z, *_: torch.full_like(z, -math.log(4))),
    Use("log_prob", [X, X, 2], {"distribution": "Laplace"}, expect=X, equals=lambda z, m, s: -(z - m).abs() / 2 - math.log(4)),
    Use("log_prob", [X, X], {"distribution": "Bernoulli"}, ranges=[UNIT, UNIT], draw=lambda t: [t[0].round(), t[1]], expect=X, equals=lambda z, p: (z * p + (1 - z) * (1 - p)).log()),
    Use("log_prob", ["int[batch]", X], {"distribution": "Categorical"}, draw=lambda t: [t[0], t[1].softmax(-1)], expect="[batch]", equals=lambda z, p: p[torch.arange(3), z].log()),
]

USES = [*ELEMENTWISE, *BINARY, *REDUCE, *SHAPE, *MAKE, *ALGEBRA, *LAYERS, *ATTENTION, *GROUP, *LOSSES, *GRADIENT]
