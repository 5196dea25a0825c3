"""The files that ship with the package: the grammar, the library and the examples.

In a wheel they lie inside the package; in a checkout `grammars/` and `examples/` lie beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `grammars`, `library`, `examples` or `latex`."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def read(name: str, file: str) -> str:
    """The text of a shipped file."""
    return (folder(name) / file).read_text(encoding="utf-8")
