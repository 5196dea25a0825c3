"""Uses of ops on the path of gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from archdsl.ops.base import ANYTHING
from tests.ops.table.common import DEEP, POSITIVE, SIGNED, UNIT, X
from tests.ops.uses import Use


def on_path(tensors: list[Tensor]) -> list[Tensor]:
    """A loss that depends on h."""
    h = tensors[1].requires_grad_()
    return [(h**3).sum(), h]


USES = [
    Use("stop_gradient", [DEEP], expect=DEEP, equals=lambda x: x),
    Use("stop_gradient", [f"int{X}"], expect=f"int{X}", equals=lambda x: x),
    Use("reverse_gradient", [X, 0.5], ranges=[SIGNED, ANYTHING], expect=X, equals=lambda x, scale: x),
    Use("supply_gradient", [X, X], expect=X, equals=lambda x, g: x),
    Use("gradient", ["[]", X], draw=on_path, expect=X, equals=lambda loss, h: 3 * h.detach() ** 2),
    Use("by_mode", [X, X], expect=X, equals=lambda a, b: b),
    Use(
        "log_prob",
        [X, X, X],
        {"distribution": "Normal"},
        ranges=[SIGNED, SIGNED, POSITIVE],
        expect=X,
        equals=lambda z, m, s: -((z - m) ** 2) / (2 * s**2) - s.log() - math.log(2 * math.pi) / 2,
    ),
    Use(
        "log_prob",
        [X, 0, 1],
        {"distribution": "Normal"},
        expect=X,
        equals=lambda z, m, s: -(z**2) / 2 - math.log(2 * math.pi) / 2,
    ),
    Use(
        "log_prob",
        [X, 0, 4],
        {"distribution": "Uniform"},
        ranges=[POSITIVE, (0, 0), (4, 4)],
        expect=X,
        equals=lambda z, *_: torch.full_like(z, -math.log(4)),
    ),
    Use(
        "log_prob",
        [X, X, 2],
        {"distribution": "Laplace"},
        expect=X,
        equals=lambda z, m, s: -(z - m).abs() / 2 - math.log(4),
    ),
    Use(
        "log_prob",
        [X, X],
        {"distribution": "Bernoulli"},
        ranges=[UNIT, UNIT],
        draw=lambda t: [t[0].round(), t[1]],
        expect=X,
        equals=lambda z, p: (z * p + (1 - z) * (1 - p)).log(),
    ),
    Use(
        "log_prob",
        ["int[batch]", X],
        {"distribution": "Categorical"},
        draw=lambda t: [t[0], t[1].softmax(-1)],
        expect="[batch]",
        equals=lambda z, p: p[torch.arange(3), z].log(),
    ),
]
