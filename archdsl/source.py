"""Source text and places in it.

A `Source` is a file's text; a `Span` is a half-open range of its characters. Everything that can be wrong carries a span.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from archdsl.ir.program import Place

_LONE = re.compile("\r(?!\n)")
"""A line's end as some editors write it; one character, as a newline is, so that places stay."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of a source."""

    source: Source
    start: int
    end: int

    def to(self, other: Span) -> Span:
        return Span(self.source, self.start, max(self.end, other.end))

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def place(self) -> Place:
        """Where this is, as data for the IR."""
        line, column = self.source.position(self.start)
        end_line, end_column = self.source.position(max(self.end, self.start))
        return Place.new(file=self.source.file, line=line, column=column, end_line=end_line, end_column=end_column)


class Source:
    """A text and the name of the file it came from."""

    def __init__(self, text: str, file: str = "<text>", library: bool = False):
        self.text = _LONE.sub("\n", text) if "\r" in text else text
        self.file, self.library = file, library

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def span(self, start: int, end: int) -> Span:
        return Span(self, start, end)
