"""Uses of layers, convolutions and pooling."""

from __future__ import annotations

from tests.ops.table.common import DEEP, POSITIVE, UNIT, X
from tests.ops.uses import Use

USES = [
    Use("Linear", ["[..., d]"], {"d_out": "=2*d"}, expect="[..., 2*d]"),
    Use("Linear", [X], {"d_out": 1, "bias": False}, expect="[batch, 1]"),
    Use("Linear", ["[d]"], {"d_out": 1}, expect="[1]"),
    Use("Embedding", ["int[batch, time]"], {"count": 4, "width": "=d"}, expect="[batch, time, d]"),
    Use("Bilinear", ["[..., d]", "[..., n]"], {"d_out": 3}, expect="[..., 3]"),
    Use("Bilinear", [X, X], {"d_out": 3, "bias": False}, expect="[batch, 3]"),
    Use("Dropout", [X], {"p": 0.25}, ranges=[UNIT], expect=X, equals=lambda x: x),
    Use("Dropout", [DEEP], ranges=[(-3.0, -1.0)], expect=DEEP),
    Use("Conv1d", ["[batch, n, 16]"], {"channels": 8, "kernel": 3}, expect="[batch, 8, 14]"),
    Use(
        "Conv1d",
        ["[batch, n, 16]"],
        {"channels": 8, "kernel": 2, "dilation": 4, "padding": "causal"},
        expect="[batch, 8, 16]",
    ),
    Use(
        "Conv1d",
        ["[batch, n, 16]"],
        {"channels": 8, "kernel": 3, "stride": 2, "padding": "causal"},
        expect="[batch, 8, 8]",
    ),
    Use(
        "Conv1d",
        ["[batch, n, 15]"],
        {"channels": 8, "kernel": 4, "padding": "same", "dilation": 2},
        expect="[batch, 8, 15]",
    ),
    Use("Conv1d", ["[..., n, 16]"], {"channels": "=2*n", "kernel": 3, "groups": "=n"}, expect="[..., 2*n, 14]"),
    Use("Conv1d", ["[..., n, 16]"], {"channels": 2, "kernel": 3}, expect="[..., 2, 14]", rest=()),
    Use("Conv1d", ["[..., n, 16]"], {"channels": 2, "kernel": 3, "padding": "causal"}, expect="[..., 2, 16]"),
    Use("Conv2d", ["[batch, 3, 32, 28]"], {"channels": 6, "kernel": 5, "bias": False}, expect="[batch, 6, 28, 24]"),
    Use(
        "Conv2d",
        ["[batch, 4, 32, 28]"],
        {"channels": 6, "kernel": [7, 3], "stride": 2, "padding": [3, 1], "groups": 2},
        expect="[batch, 6, 16, 14]",
    ),
    Use(
        "Conv2d",
        ["[batch, time, 4, 9, 9]"],
        {"channels": 6, "kernel": 3, "padding": "same"},
        expect="[batch, time, 6, 9, 9]",
    ),
    Use(
        "Conv2d",
        ["[batch, n, d, d]"],
        {"channels": 6, "kernel": 3, "stride": 2, "padding": 1},
        expect="[batch, 6, floor((d-1)/2) + 1, floor((d-1)/2) + 1]",
    ),
    Use("Conv3d", ["[batch, 1, 6, 6, 6]"], {"channels": 2, "kernel": 3, "dilation": 2}, expect="[batch, 2, 2, 2, 2]"),
    Use(
        "ConvTranspose1d",
        ["[batch, n, 5]"],
        {"channels": 3, "kernel": 4, "stride": 2, "padding": 1},
        expect="[batch, 3, 10]",
    ),
    Use(
        "ConvTranspose2d",
        ["[batch, n, 5, 4]"],
        {"channels": 3, "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1},
        expect="[batch, 3, 10, 8]",
    ),
    Use(
        "ConvTranspose2d",
        ["[batch, time, n, 5, 4]"],
        {"channels": 3, "kernel": [3, 2], "bias": False},
        expect="[batch, time, 3, 7, 5]",
    ),
    *(
        Use(
            f"{kind}_pool{dims}d",
            [f"[batch, n{', 6' * dims}]"],
            {"kernel": 2},
            ranges=[POSITIVE],
            expect=f"[batch, n{', 3' * dims}]",
        )
        for kind in ("max", "avg")
        for dims in (1, 2, 3)
    ),
    Use("max_pool2d", ["[..., n, 7, 7]"], {"kernel": 3, "stride": 2, "padding": 1}, expect="[..., n, 4, 4]"),
    Use(
        "avg_pool2d",
        ["[batch, time, n, 7, 7]"],
        {"kernel": 3, "stride": 2, "padding": 1},
        ranges=[POSITIVE],
        expect="[batch, time, n, 4, 4]",
    ),
    Use(
        "avg_pool2d",
        ["[batch, n, 7, 5]"],
        {"kernel": [7, 5]},
        expect="[batch, n, 1, 1]",
        equals=lambda x: x.mean((2, 3), keepdim=True),
    ),
    Use("max_pool2d", ["[batch, n, d, d]"], {"kernel": 3}, expect="[batch, n, floor(d/3), floor(d/3)]"),
]
