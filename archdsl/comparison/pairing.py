"""Which definition of one program is which of another: by name, else by what is in it.

In: the panels of both. Out: pairs in the order of the second's figure; what only the first has comes last.
"""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher

from archdsl.comparison.align import plain
from archdsl.figure.scene import Panel

LEAST = 0.4
"""How alike two definitions of different names must be to be one that was renamed."""


def paired(a: list[Panel], b: list[Panel], together: bool = False) -> list[tuple[Panel | None, Panel | None]]:
    """`together`: whether the first of both are a pair, whatever they are called."""
    named = {p.name: p for p in (a[1:] if together else a)}
    partner = {y.name: named[y.name] for y in (b[1:] if together else b) if y.name in named}
    if together:
        partner[b[0].name] = a[0]
    taken = {p.name for p in partner.values()}
    left = [p for p in a if p.name not in taken]
    right = [p for p in b if p.name not in partner]
    scored = [
        (_likeness(x, y) + 0.2 * (x is a[0] and y is b[0]), i, j)
        for i, x in enumerate(left)
        for j, y in enumerate(right)
    ]
    for score, i, j in sorted(scored, key=lambda s: (-s[0], s[1], s[2])):
        x, y = left[i], right[j]
        if score >= LEAST and x.name not in taken and y.name not in partner:
            partner[y.name] = x
            taken.add(x.name)
    used = {p.name for p in partner.values()}
    return [*((partner.get(y.name), y) for y in b), *((x, None) for x in a if x.name not in used)]


def _likeness(a: Panel, b: Panel) -> float:
    """How many of their marks two panels have in common, and how alike their names are; only definitions of one kind can be one."""
    if _kind(a) != _kind(b):
        return 0
    left, right = (
        Counter((m.kind, *map(plain, m.lines)) for m in p.root.all_marks() if m.kind != "fork") for p in (a, b)
    )
    shared = (left & right).total() / max(1, (left | right).total())
    return shared + 0.3 * SequenceMatcher(None, a.name, b.name).ratio()


def _kind(panel: Panel) -> str:
    """The last word of a title's first line: model, block, cell or train."""
    words = plain(panel.title[0]).split(" · ")[0].split()
    return words[-1] if words else ""
