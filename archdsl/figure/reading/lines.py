"""Words into lines, and lines into blocks.

In: words with their places. Out: `Line`s in canonical markup, each with its box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from archdsl.figure.reading.ink import Word
from archdsl.figure.reading.markup import Run, Shift, written
from archdsl.figure.reading.places import Box, joined

_LEVEL = 0.5
"""How far words of one line may stand apart in height."""


@dataclass(eq=False)
class Line:
    """Words that are read in one go."""

    words: list[Word]
    shifts: dict[int, Shift]
    """Which of them are raised or lowered, by `id()`."""

    @property
    def text(self) -> str:
        return written(Run(w.text, w.bold, self.shifts.get(id(w), "")) for w in self.words)

    @property
    def box(self) -> Box:
        return joined(w.box for w in self.words)

    @property
    def y(self) -> float:
        return next((w.y for w in self.words if id(w) not in self.shifts), self.words[0].y)

    @property
    def size(self) -> float:
        return max(w.size for w in self.words)

    @property
    def bold(self) -> bool:
        return self.words[0].bold


def lines(words: Iterable[Word], gap: float | None = None, unlike: float | None = None) -> list[Line]:
    """Words by lines, downwards; with a `gap`, words farther from each other are of two lines; `unlike` is that for words of two sizes."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda w: (w.y, w.x0)):
        row = next((r for r in reversed(rows[-3:]) if abs(r[0].y - word.y) <= _LEVEL), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    rows, shifts = _settled(rows)
    found = []
    for row in rows:
        row.sort(key=lambda w: w.x0)
        for group in _split(row, gap, gap if unlike is None else unlike, shifts) if gap is not None else [row]:
            line = Line(group, shifts)
            if line.text:
                found.append(line)
    return found


def _settled(rows: list[list[Word]]) -> tuple[list[list[Word]], dict[int, Shift]]:
    """Smaller words right beside a word, a little higher or lower, are raised or lowered parts of its line."""
    shifts: dict[int, Shift] = {id(w): w.shift for row in rows for w in row if w.shift}
    smallest = min((w.size for row in rows for w in row), default=0.0)
    for i, row in enumerate(rows):
        near = [r for r in rows[max(0, i - 6) : i + 7] if r is not row]
        for word in list(row):
            home = next((r for r in near if any(_raises(word, w, smallest) for w in r)), None)
            if home is not None:
                row.remove(word)
                shifts[id(word)] = "SUP" if word.y < home[0].y else "SUB"
                home.append(word)
    return [r for r in rows if r], shifts


def _raises(word: Word, base: Word, smallest: float) -> bool:
    """Whether a word is an index or exponent of another. Closely set figures have none that is smaller than their smallest words."""
    slack = (0.12 if base.bold else 0.03) * (base.x1 - base.x0)
    least, most = (0.73, 0.97) if word.size < 1.02 * smallest else (0.805, 0.87)
    return (
        not base.shift
        and word.bold == base.bold
        and base.text.strip() != ""
        and _LEVEL < abs(word.y - base.y) < 0.55 * base.size
        and least < word.size / base.size < most
        and not word.text[:1].isspace()
        and (abs(word.x0 - base.x1) < 1.5 + slack or abs(base.x0 - word.x1) < 1.5)
    )


def _split(row: list[Word], gap: float, unlike: float, shifts: Mapping[int, Shift]) -> list[list[Word]]:
    """Where a word's end is far from the next one's start; bold words may be wider than measured."""
    groups = [[row[0]]]
    for before, word in pairwise(row):
        slack = 0.12 * (before.x1 - before.x0) if before.bold else 0.03 * (before.x1 - before.x0)
        alike = id(before) in shifts or id(word) in shifts or abs(before.size - word.size) < 0.1
        padded = before.text[-1] in " \xa0" and word.text[0] in " \xa0"  # the words of two wires, side by side
        if word.x0 - before.x1 > (0.5 if padded else gap + slack if alike else unlike + slack):
            groups.append([word])
        else:
            groups[-1].append(word)
    return groups


def blocks(found: Iterable[Line], centred: bool) -> list[list[Line]]:
    """Lines that stand right below each other on one axis (or at one left edge), downwards."""
    result: list[list[Line]] = []
    for line in sorted(found, key=lambda n: n.y):
        home = next((b for b in result if _follows(b[-1], line, centred)), None)
        if home is None:
            result.append([line])
        else:
            home.append(line)
    return result


def _follows(above: Line, line: Line, centred: bool) -> bool:
    step = (line.y - above.y) / line.size
    aside = line.box.x - above.box.x if centred else line.box.x0 - above.box.x0
    wide = max(line.box.width, above.box.width)
    return 0.8 < step < 1.45 and abs(aside) < (1.0 + 0.04 * wide if centred else 1.5)
