"""Uses of pointwise ops."""

from __future__ import annotations

import math

import numpy as np
import scipy.special

from tests.ops.table.common import DEEP, POSITIVE, SIGNED, UNIT, X
from tests.ops.uses import Use


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
    Use(
        "gelu",
        [X],
        {"approximate": "tanh"},
        equals=lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
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
    *(
        Use(name, [a, b], expect=f"bool{X}", equals=f)
        for name, f in COMPARISONS
        for a, b in ((X, X), (f"int{X}", f"int{X}"), (X, 0))
    ),
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

USES = [*ELEMENTWISE, *BINARY]
