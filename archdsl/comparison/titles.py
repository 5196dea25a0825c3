"""What differs between the titles of two panels: hyperparameters, what was chosen, configurations.

In: two titles. Out: pairs of what was said and what is said, one of them empty where something is new or gone. What a definition is
called does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from archdsl.comparison.align import plain

_STATEMENT = re.compile(r"(with|where|if|config [^:]+:) (.*)", re.DOTALL)


def differences(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is said in the one title and not in the other, item by item."""
    before, after = _kind(old), _kind(new)
    if before != after:
        yield before, after
    a, b = _statements(old), _statements(new)
    for key in {**b, **a}:
        if key.startswith("config") and not (key in a and key in b):
            said = f"{key} {', '.join((a.get(key) or b[key]).values())}"
            yield (said, "") if key in a else ("", said)
            continue
        left, right = a.get(key, {}), b.get(key, {})
        for name in {**right, **left}:
            if left.get(name) != right.get(name):
                one, two = left.get(name, ""), right.get(name, "")
                yield f"{key} {one}" if one else "", two if one else f"{key} {two}"


def _kind(title: Sequence[str]) -> str:
    """The last word of a title's first line: model, block, cell or train."""
    words = plain(title[0]).split(" · ")[0].split() if title else []
    return words[-1] if words else ""


def _statements(title: Sequence[str]) -> dict[str, dict[str, str]]:
    """`with`, `where`, `if` and each `config`: what it says, by the names of its items. A line that ends with a comma goes on."""
    lines: list[str] = []
    for line in map(plain, title[1:]):
        if lines and lines[-1].endswith(","):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        match = _STATEMENT.fullmatch(line)
        if match:
            found[match[1]] = {item.partition(" = ")[0]: item for item in _items(match[2])}
    return found


def _items(text: str) -> list[str]:
    """The parts of a list, parted by commas outside of brackets."""
    found, depth = [""], 0
    for piece in re.split(r"(, |[()\[\]])", text):
        depth += piece in ("(", "[")
        depth -= piece in (")", "]")
        if piece == ", " and depth == 0:
            found.append("")
        else:
            found[-1] += piece
    return found
