"""Figures read back: a picture that archdsl drew becomes the program it was drawn from, by what the eye can see of it alone.

    read(Path("figure.svg").read_bytes(), "figure.svg")

In: the bytes of an SVG or DOT file. Out: the text of a program whose figure has the same marks. What stands between: `picture` and `ink`
(SVG as shapes, words), `shapes`, `wires` and `labels` (these as marks, frames and wires), or `dottext` and `dot` (for DOT text); then
`program` (marks as a program). At the end the program is drawn again, and every mark compared with what was seen: a picture damaged
or changed by hand is refused with an `Unreadable`, one that leaves something out with `Holes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.figure.reading.errors import Holes, Unreadable
    from archdsl.figure.reading.reader import panels_of, read

__all__ = ["Holes", "Unreadable", "panels_of", "read"]


def __getattr__(name: str) -> Any:
    if name in ("Holes", "Unreadable"):
        from archdsl.figure.reading import errors

        return getattr(errors, name)
    if name in __all__:
        from archdsl.figure.reading import reader

        return getattr(reader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
