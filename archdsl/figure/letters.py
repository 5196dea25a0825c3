"""Letters that the figure's font lacks: which they are, and where the program has them.

In: a program, its figures, a format. Out: warnings for who draws; none where the format leaves all letters to the reader's fonts.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Iterator

from archdsl.figure.layout import fonts
from archdsl.figure.render import Figure
from archdsl.ir.program import Program

_BECOME = {
    "svg": "each reader sees them in a font of their own, or as boxes",
    "pdf": "they are boxes",
    "png": "they are boxes",
    "tikz": "xelatex and lualatex set them in the document's font, other engines leave boxes",
    "tex": "xelatex and lualatex set them in the document's font, other engines leave boxes",
}
_TAG = re.compile(r"<[^>]*>")
_SHOWN = 12
"""How many letters are named, at most."""


def warnings(program: Program, figures: Iterable[Figure], form: str) -> Iterator[str]:
    """A line for each docstring with such letters; and one for those that are elsewhere."""
    font = fonts.load()
    seen = _TAG.sub("", html.unescape("".join(f.dot for f in figures)))
    missing = set(font.lacking("".join(sorted(set(seen) - _ASCII)))) if font else set()
    if not missing or form not in _BECOME:
        return
    rest = set(missing)
    for d in program.definitions:
        found = [c for c in dict.fromkeys(d.doc) if c in missing]
        if found:
            rest -= set(found)
            place = f"{os.path.basename(d.place.file)}:{d.place.line}: the docstring of {d.source_name}"
            yield f"{place} has letters that the font of figures lacks, {_named(found)}: {_BECOME[form]}; {_MEND}"
    if rest:
        yield f"the figure has letters that its font lacks, {_named(sorted(rest))}: {_BECOME[form]}"


_ASCII = set(map(chr, range(128)))
_MEND = "write them otherwise, or leave docstrings out with --no-captions"


def _named(letters: list[str]) -> str:
    shown = " ".join(f"{c} (U+{ord(c):04X})" for c in letters[:_SHOWN])
    more = len(letters) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
