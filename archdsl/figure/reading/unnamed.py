"""Panels as they look once the names that a program may choose are covered: values, parts, states and definitions.

In: panels. Out: canonical panels without those names, the types that stood on wires gathered in the title. Two programs with one meaning
look the same so, whatever names they use; another operation, another number, another wire, and they do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.figure.reading import marks
from archdsl.figure.reading.canonical import canonical
from archdsl.figure.scene import Frame, Mark, Panel

_TYPE = re.compile(r"(?<!\S)(?:(?:bool|int)?\[.*\]|(?:bool |int )?scalar)$")
_BOLD = re.compile(r"<B>.*?</B>")
_PART = re.compile(r"^[^<]*(?:<SUB>\w+</SUB>)?: (?=<B>)")
_KEPT = ("into every copy", "updates", "before the first step")
_FIRST = "into the first copy"
_TURN = re.compile(r"( call): \S+$")


def unnamed(panels: Sequence[Panel]) -> list[Panel]:
    """Canonical copies with the names covered."""
    found = canonical(panels)
    names = {name.group() for p in found if p.title and (name := _BOLD.match(p.title[0]))}
    for panel in found:
        types: list[str] = []
        for wire in panel.wires:
            wire.label = "<BR/>".join(kept for line in wire.label.split("<BR/>") if (kept := _label(line, types)))
        for mark in panel.root.all_marks():
            _cover(mark, names)
        for frame in panel.root.all_frames():
            _cover_frame(frame)
        panel.title = [_BOLD.sub("_", line) for line in panel.title[:1]] + [*_decided(panel.title[1:]), *sorted(types)]
    return found


def _decided(lines: Sequence[str]) -> list[str]:
    """The lines below a title without the condition that chose this variant: a program that has but this one need not say it."""
    at = 0
    while at < len(lines) and lines[at].startswith(("with ", "where ")):
        at = _end(lines, at)
    return [*lines[:at], *lines[_end(lines, at) :]] if at < len(lines) and lines[at].startswith("if ") else [*lines]


def _end(lines: Sequence[str], at: int) -> int:
    """Behind a list, which goes on where its line ends with a comma."""
    while at < len(lines) - 1 and lines[at].endswith(","):
        at += 1
    return at + 1


def _label(line: str, types: list[str]) -> str:
    """What the words of a wire say beside a name; their type goes to the others."""
    if match := _TYPE.search(line):
        types.append(match[0])
        line = line[: match.start()].strip()
    if line.endswith(":") or line in _KEPT:
        return line
    if line.endswith(_FIRST):
        return _FIRST
    first = line.partition(" ")[0]
    return first if first in ("first", "last") else "next call" if line.endswith("next call") else ""


def _cover(mark: Mark, names: set[str]) -> None:
    """Covers the name of a part, of a definition, and of what a mark holds."""
    lines = mark.lines
    if not lines:
        return
    if mark.ports:
        use = marks.read(mark)
        mark.ports = use.names or [str(i) for i in use.ports]
    match mark.kind:
        case "state":
            bold = [line for line in lines if line.startswith("<B>")]
            count = ", ".join(bold).count(", ") + 1 - sum(line.endswith(",</B>") for line in bold)
            lines[:] = [f"{count} states", *(_first(line) for line in lines if line not in bold)]
        case "memory":
            lines[:] = [_BOLD.sub("_", lines[0], 1), *(line for line in lines[1:] if not line.startswith("set by "))]
        case "objective":
            lines[:] = [lines[0].partition("</B>")[0], *lines[1:]]
        case "weights" | "frozen" | "function":
            lines[0] = _PART.sub("", lines[0])
            lines[:] = [_TURN.sub(r"\1", _covered(line, names)) for line in lines]
    mark.lines = [" ".join(lines)]


def _first(line: str) -> str:
    """`first h 0`, which a state of several says, without the name."""
    words = line.split(" ")
    return f"first {words[-1]}" if words[0] == "first" else line


def _covered(line: str, names: set[str]) -> str:
    return _BOLD.sub(lambda m: "_" if m[0] in names else m[0], line)


def _cover_frame(frame: Frame) -> None:
    if frame.kind == "until" and frame.lines:
        frame.lines = ["until", *frame.lines[1:]]
