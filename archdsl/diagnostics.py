"""How an error looks.

A `Diagnostic` is a dataclass: its fields are the facts, its class variables the words (`errors.py` has them all). Passes collect
diagnostics and go on; `Errors` carries all of a run to whoever shows them.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from typing import ClassVar

from archdsl.record import Record, keyword
from archdsl.source import Span

LONGEST_LINE = 160


class Note(Record):
    """A second place that belongs to an error, and what it has to do with it."""

    span: Span
    text: str


class Diagnostic(Record):
    """One error. Subclasses give `code`, `title`, `label` (under the underlined text) and `hint` as templates over their fields."""

    code: ClassVar[str] = "E0000"
    title: ClassVar[str] = ""
    label: ClassVar[str] = ""
    hint: ClassVar[str] = ""
    story: ClassVar[str] = ""
    wrong: ClassVar[str] = ""
    right: ClassVar[str] = ""

    span: Span
    notes: list[Note] = keyword(default=[], kw_only=True)
    """Other places that belong to the error."""
    mend: str = keyword(default="", kw_only=True)
    """What would mend it, where more is known than `hint` says."""

    @classmethod
    def every(cls) -> list[type[Diagnostic]]:
        return [c for s in cls.__subclasses__() for c in (s, *s.every())]

    def words(self, template: str) -> str:
        return template.format(**{name: getattr(self, name) for name in self._fields})

    @property
    def message(self) -> str:
        return self.words(self.title)

    def render(self, color: bool = False) -> str:
        """The whole message: title, source line with the span underlined, facts, mend."""
        red, blue, bold, off = ("\033[31m", "\033[34m", "\033[1m", "\033[0m") if color else ("", "", "", "")
        lines = [f"{red}{bold}{self.code}{off}{bold}: {self.message}{off}"]
        lines += _snippet(self.span, self.words(self.label), "^", red, blue, off)
        for note in self.notes:
            lines += _snippet(note.span, note.text, "-", blue, blue, off)
        mend = self.mend or self.words(self.hint)
        if mend:
            lines.append(f"  {blue}={off} {mend}")
        return "\n".join(lines)


Diagnostic._fields = ("span",)  # subclasses add their facts; notes and mend are given by name


def _snippet(span: Span, text: str, sign: str, color: str, blue: str, off: str) -> list[str]:
    line, column = span.source.position(span.start)
    source = span.source.line(line)
    if len(source) > LONGEST_LINE:  # a window around the place
        start = max(0, column - 1 - LONGEST_LINE // 2)
        source, column = source[start : start + LONGEST_LINE], column - start
    width = max(1, min(span.end - span.start, len(source) - column + 1))
    before, under = _plain(source[: column - 1]), _plain(source[column - 1 : column - 1 + width])
    gutter = " " * len(str(line))
    return [
        f" {gutter}{blue}-->{off} {span.source.file}:{line}:{span.source.position(span.start)[1]}",
        f" {blue}{line} |{off} {before}{under}{_plain(source[column - 1 + width :])}",
        f" {gutter} {blue}|{off} {' ' * _width(before)}{color}{sign * max(1, _width(under))} {text}{off}".rstrip(),
    ]


def _plain(text: str) -> str:
    """Text that a terminal shows as it is: tabs as spaces, control characters as a dot."""
    return "".join(
        " " * 4 if c == "\t" else "·" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") else c for c in text
    )


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Errors(Exception):
    """All the errors of a run."""

    def __init__(self, diagnostics: Iterable[Diagnostic]):
        self.diagnostics = sorted(diagnostics, key=lambda d: (d.span.source.file, d.span.start, d.code))
        super().__init__(self.render())

    def render(self, color: bool = False) -> str:
        count = len(self.diagnostics)
        shown = "\n\n".join(d.render(color) for d in self.diagnostics[:100])
        more = " (the first 100 are shown)" if count > 100 else ""
        return f"{shown}\n\n{count} error{'s' * (count != 1)}{more}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    known = sorted(set(known))
    lower = {k.lower(): k for k in known}
    if name.lower() in lower:
        return lower[name.lower()]
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return matches[0] if matches else None
