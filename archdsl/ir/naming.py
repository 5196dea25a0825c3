"""The name that a part gets where the program gives none: its definition's, in lower case."""

import re


def snake(name: str) -> str:
    """`LayerNorm` → `layer_norm`, `LSTM` → `lstm`, `Conv2d` → `conv2d`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
