"""The name that a part gets where the program gives none: its definition's, in lower case."""

import re

_EDGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_PIECES = re.compile(r"\b([a-z]{1,2}) (?=[a-z]{1,2}\b)")


def snake(name: str) -> str:
    """`LayerNorm` → `layer_norm`, `LSTM` → `lstm`, `Conv2d` → `conv2d`; `MoE` → `moe`, for pieces of words are no words."""
    return _PIECES.sub(r"\1", _EDGE.sub(" ", name).lower()).replace(" ", "_")
