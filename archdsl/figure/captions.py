"""A docstring in lines: words go to the next line whole, Chinese and Japanese, which have no spaces, between letters.

In: a docstring and about how many letters a line has, wide ones for several. Out: lines, all about as long; and of lines that were read,
the docstring.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from archdsl.figure.words import esc


def caption(doc: str, width: int = 62) -> list[str]:
    """A docstring as lines of label text."""
    doc = " ".join(doc.split())
    pieces = list(_pieces(doc[:1].upper() + doc[1:]))

    def lines(width: int) -> list[str]:
        found: list[str] = []
        for space, piece in pieces:
            if found and _length(found[-1]) + len(space) + _length(piece) <= width:
                found[-1] += space + piece
            else:
                found.append(piece)
        return found

    return [esc(line) for line in even(lines, width)]


def uncaptioned(lines: Iterable[str]) -> str:
    """The text of a caption's lines: a space between two of them, but where they could be parted without one."""
    found = ""
    for line in lines:
        apart = bool(found) and not _parts(html.unescape(found)[-1:], html.unescape(line)[:1])
        found += " " * apart + line
    return found


def even(lines: Callable[[int], list[str]], width: int) -> list[str]:
    """The narrowest lines of which there are no more than there would be at full width, so that no word is left alone."""
    found = lines(width)
    for less in range(width - 1, width // 2, -1):
        closer = lines(less)
        if len(closer) > len(found):
            break
        found = closer
    return found


def _pieces(doc: str) -> Iterator[tuple[str, str]]:
    """What stays together, each with the space before it. A space where a line could end without one stays, or it would be lost."""
    space = piece = ""
    for word in doc.split(" ") if doc else ():
        if piece and _parts(piece[-1], word[:1]):
            piece += " "
        elif piece:
            yield space, piece
            space, piece = " ", ""
        for letter in word:
            if piece and _parts(piece[-1], letter):
                yield space, piece
                space, piece = "", ""
            piece += letter
    if piece:
        yield space, piece


def _parts(before: str, after: str) -> bool:
    """Whether a line may end between two letters: after a wide one, unless it opens a bracket, and before an ideograph or a kana that is
    not small."""
    return (
        unicodedata.east_asian_width(before or "a") in "WF"
        and unicodedata.category(before) in ("Lo", "Lm", "Po", "Pe")
        and unicodedata.name(after or "a", "").startswith(("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER"))
        and " SMALL " not in unicodedata.name(after)
    )


def _length(text: str) -> int:
    return sum(_WIDE if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


_WIDE = 5
"""The packaged font has boxes for them, more than two letters wide."""
