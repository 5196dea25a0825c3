"""Uses of losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.ops.table.common import DEEP, SIGNED, UNIT, X
from tests.ops.uses import Use

USES = [
    Use(
        "cross_entropy",
        [X, "int[batch]"],
        expect="[]",
        equals=lambda x, t: -x.log_softmax(-1)[torch.arange(3), t].mean(),
    ),
    Use(
        "cross_entropy",
        [DEEP, "int[..., time]"],
        expect="[]",
        equals=lambda x, t: -x.log_softmax(-1).gather(-1, t[..., None]).mean(),
    ),
    Use(
        "cross_entropy",
        ["[batch, time, d]", "int[batch, time]"],
        {"reduction": "none"},
        expect="[batch, time]",
        equals=lambda x, t: -x.log_softmax(-1).gather(-1, t[..., None])[..., 0],
    ),
    Use(
        "cross_entropy",
        ["[batch, time, d]", "int[batch, time]"],
        {"reduction": "sum", "ignore": 0, "smoothing": 0.1},
        expect="[]",
    ),
    Use("cross_entropy", ["[d]", "int[]"], expect="[]"),
    Use("nll", [X, "int[batch]"], ranges=[(-3.0, 0.0), (0, 3)], equals=lambda x, t: -x[torch.arange(3), t].mean()),
    Use(
        "nll",
        ["[batch, time, d]", "int[batch, time]"],
        {"reduction": "none"},
        ranges=[(-3.0, 0.0), (0, 3)],
        expect="[batch, time]",
    ),
    Use(
        "bce",
        [X, X],
        ranges=[UNIT, UNIT],
        expect="[]",
        equals=lambda p, t: -(t * p.log() + (1 - t) * (1 - p).log()).mean(),
    ),
    Use("bce", [X, 1], ranges=[UNIT, (1, 1)], equals=lambda p, t: -p.log().mean()),
    Use("bce", [X, 0.9], ranges=[UNIT, (1, 1)], expect="[]"),
    Use("bce", [X, "[d]"], {"reduction": "none"}, ranges=[UNIT, UNIT], expect=X),
    Use("bce_with_logits", [X, 0], equals=lambda x, t: F.softplus(x).mean()),
    Use("bce_with_logits", [DEEP, DEEP], {"reduction": "sum"}, ranges=[SIGNED, UNIT], expect="[]"),
    Use("mse", [X, X], expect="[]", equals=lambda a, b: ((a - b) ** 2).mean()),
    Use("mse", ["[batch, time, d]", "[batch, 1, 1]"], expect="[]", equals=lambda a, b: ((a - b) ** 2).mean()),
    Use("mse", [X, 0], {"reduction": "sum"}, expect="[]", equals=lambda a, b: (a**2).sum()),
    Use("l1", [X, X], {"reduction": "none"}, expect=X, equals=lambda a, b: (a - b).abs()),
    Use("l1", [X, "[1, d]"], {"reduction": "none"}, expect=X, equals=lambda a, b: (a - b).abs()),
]
