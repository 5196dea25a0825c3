"""Long lines of label text, broken within brackets, so that whoever reads knows by the open bracket that the line goes on.

In: a line of label text (see `words`), and how many letters a line may have. Out: lines; `reading.markup.unfolded` joins them again.
"""

from __future__ import annotations

import re

from archdsl.figure.words import LEAD as _LEAD
from archdsl.figure.words import LEADING as _LEADING

_TOKEN = re.compile(r"<[^>]*>|&#?\w+;(?:&#92;)?|.", re.DOTALL)
_SIGNS = frozenset("+−·/=≠<>≤≥→")
_SIZE = re.compile(r'POINT-SIZE="([0-9.]+)"')


def folded(line: str, letters: int) -> list[str]:
    """The line, or several if it has more than so many letters and brackets in which it can be broken."""
    if line.endswith(_CALL) and len(line) > letters / 2:
        return [line.removesuffix(_CALL) + ",", _CALL[2:]]
    tokens = _TOKEN.findall(line)
    shown = [_letter(t) for t in tokens]
    if sum(map(bool, shown)) <= letters:
        return [line]
    ends = _ends(shown, _places(shown), letters)
    starts = [0, *(e + 1 for e in ends)]
    return _closed(["".join(tokens[start:end]) for start, end in zip(starts, [*ends, len(tokens)])])


_CALL = ", next call"


def folded_label(label: str, letters: int) -> str:
    """A label of several lines, each of them folded."""
    return "<BR/>".join(part for line in label.split("<BR/>") for part in folded(line, letters))


def _letter(token: str) -> str:
    """What is seen of a token: one character, or nothing."""
    return "" if token.startswith("<") or token == _LEAD else token[:1] if token.startswith("&") else token


def _places(shown: list[str]) -> dict[int, int]:
    """The spaces within brackets where a line may end, before a sign and not after it, each with the depth of its brackets."""
    found: dict[int, int] = {}
    depth = 0
    for i, letter in enumerate(shown):
        depth += (letter in "([⌊⌈") - (letter in ")]⌋⌉") if letter else 0
        if letter == " " and depth > 0 and _before(shown, i) not in _SIGNS:
            found[i] = depth
    return found if depth == 0 else {}


def _ends(shown: list[str], places: dict[int, int], letters: int) -> list[int]:
    """Where lines end: none too long, in few and outer brackets and after commas rather than before signs, all about as long."""
    known: dict[int, tuple[tuple[float, float, float], list[int]]] = {}

    def best(start: int) -> tuple[tuple[float, float, float], list[int]]:
        if start not in known:
            options = []
            for end in [p for p in places if p > start] + [len(shown)]:
                length = sum(map(bool, shown[start:end]))
                (over, price, uneven), rest = best(end + 1) if end < len(shown) else ((0.0, 0.0, 0.0), [])
                here = 0.0 if end == len(shown) else 1.0 + 2 * (places[end] - 1) + 2 * (_before(shown, end) != ",")
                cost = (over + max(0, length - letters), price + here, uneven + length**2)
                options.append((cost, [end, *rest] if end < len(shown) else []))
            known[start] = min(options)
        return known[start]

    return best(0)[1]


def _before(shown: list[str], at: int) -> str:
    return next((s for s in reversed(shown[:at]) if s), "")


def _closed(lines: list[str]) -> list[str]:
    """Lines with markup that ends in each and begins again in the next; where the letters are small, the line's height is, too."""
    open_tags: list[str] = []
    found = []
    for line in lines:
        begins = "".join(open_tags)
        for tag in re.findall(r"<[^>]*>", line):
            if tag.startswith("</"):
                open_tags.pop()
            else:
                open_tags.append(tag)
        ends = "".join(f"</{re.split('[ >]', t[1:])[0]}>" for t in reversed(open_tags))
        sizes = [float(m[1]) for t in open_tags if (m := _SIZE.search(t))]
        lead = f'<FONT POINT-SIZE="{sizes[-1] * _LEADING:g}">{_LEAD}</FONT>' if sizes else ""
        found.append(begins + line + ends + lead)
    return found
