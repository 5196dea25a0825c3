"""Label text in one canonical form: what the eye sees of it, whoever wrote the markup.

In: a line of label text (see `figure.words`), or runs of text as a picture holds them. Out: the same line as plain text with `<B>`, `<SUB>`
and `<SUP>` where they are seen; sizes, colours and hair spaces are gone, and any white space is one space.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Literal, NamedTuple

Shift = Literal["", "SUB", "SUP"]


class Run(NamedTuple):
    """Characters that look alike."""

    text: str
    bold: bool = False
    shift: Shift = ""


_TOKEN = re.compile(r"<(/?)(\w+)[^>]*>|([^<]+)")
_BREAK = re.compile(r"<BR\b[^>]*>", re.IGNORECASE)
_LEAD = "\u200a"


def plain(line: str) -> str:
    """The canonical form of one line; of a canonical line, itself."""
    return written(runs(line))


def plain_lines(text: str) -> list[str]:
    """The canonical lines of a label with breaks in it; none where it is empty."""
    return [line for line in map(plain, _BREAK.split(text)) if line]


def unfolded(lines: Iterable[str]) -> list[str]:
    """Lines of canonical markup; one whose brackets are open goes on in the next."""
    found: list[str] = []
    depth = 0
    for line in lines:
        goes_on = depth > 0 or (line == "next call" and found[-1:] and found[-1].endswith("′,"))
        found[-1:] = [plain(f"{found[-1]} {line}")] if goes_on else [*found[-1:], line]
        depth = sum((c in "([⌊⌈") - (c in ")]⌋⌉") for c in found[-1])
    return found


def runs(line: str) -> list[Run]:
    """A line of markup as runs."""
    found: list[Run] = []
    bold, shifts = 0, list[Shift]()
    for close, tag, text in _TOKEN.findall(line):
        if text:
            found.append(
                Run(html.unescape(text.replace("&#92;&#92;", "&#92;")), bold > 0, shifts[-1] if shifts else "")
            )
            continue
        step = -1 if close else 1
        match tag.upper():
            case "B":
                bold += step
            case "SUB" | "SUP" as shift:
                if close:
                    del shifts[-1:]
                else:
                    shifts.append("SUB" if shift == "SUB" else "SUP")
    return found


def written(line: Iterable[Run]) -> str:
    """Runs as canonical markup: bold outside, what is raised or lowered inside, no markup around white space alone."""
    text = ""
    for bold, group in groupby(_settled(line), key=lambda run: run.bold):
        inside = "".join(f"<{r.shift}>{_escaped(r.text)}</{r.shift}>" if r.shift else _escaped(r.text) for r in group)
        text += f"<B>{inside}</B>" if bold else inside
    return text


def _settled(line: Iterable[Run]) -> list[Run]:
    """Equal neighbours joined, white space as the smaller of its neighbours has it, one space at a time, none at the ends."""
    pieces: list[Run] = []
    for run in line:
        for text in re.findall(r"\s+|\S+", run.text.replace(_LEAD, "")):
            space = text.isspace()
            if space and (not pieces or pieces[-1].text.isspace()):
                continue
            pieces.append(Run(" " if space else text, run.bold, run.shift))
    while pieces and pieces[-1].text.isspace():
        pieces.pop()
    for i, piece in enumerate(pieces):
        if piece.text.isspace():
            before, after = pieces[i - 1], pieces[i + 1]
            both = before.shift if before.shift == after.shift else ""
            pieces[i] = Run(" ", before.bold and after.bold, both if before.bold == after.bold else "")
    return [
        Run("".join(r.text for r in same), *key) for key, same in groupby(pieces, key=lambda run: (run.bold, run.shift))
    ]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\\", "&#92;&#92;")
