"""Words that lie in no mark: the panel's title, the headings of frames, constants, and the words of wires.

In: a sheet with its frames and marks, and these words. Out: the sheet with its title, its headings, its constants as marks, and blocks of
small words for `labels`.
"""

from __future__ import annotations

from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.ink import Word
from archdsl.figure.reading.lines import Line, blocks, lines
from archdsl.figure.reading.sheet import Seen, Sheet
from archdsl.figure.scene import Mark

_LABEL = 0.83
"""Words of wires are smaller than this share of a panel's name, those of constants and frames larger."""


def place(sheet: Sheet, words: list[Word]) -> None:
    """Titles, headings of frames, constants, and the words of wires."""
    title, rest = _title(sheet, words)
    sheet.title = [line.text for line in title]
    found = lines(rest, gap=2.0, unlike=0.8)
    for line in [n for n in found if n.text == "training"]:
        frame = sheet.home(line.box).frame
        if frame.kind == "training" and not frame.lines:
            frame.lines = [line.text]
            found.remove(line)
    limit = _LABEL * title[0].size
    sheet.labels = blocks([n for n in found if n.size < limit], centred=True)
    for block in blocks([n for n in found if n.size >= limit], centred=False):
        text = [line.text for line in block]
        frame = sheet.home(block[0].box).frame
        if any(w.bold for w in block[0].words) or (text == ["before the first step"] and frame.kind == "before"):
            if frame.lines or frame.kind in ("panel", "training"):
                raise Unreadable(f"the words “{text[0]}” stand where no words belong")
            frame.lines = text
            if frame.kind == "loop" and text[0].endswith(("→</B>", "←</B>")):
                frame.kind = "scan"
            continue
        for line in block:
            box = line.box
            corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
            sheet.marks.append(Seen(Mark("constant", [line.text]), box, corners))
    for framed in sheet.frames[1:]:
        if not framed.frame.lines:
            raise Unreadable(f"a frame in {_named(sheet)} says nothing of itself")


def _named(sheet: Sheet) -> str:
    return sheet.title[0] if sheet.title else "a panel"


def _title(sheet: Sheet, words: list[Word]) -> tuple[list[Line], list[Word]]:
    """The lines of the title: from the panel's name, at one left edge, each right below the one before."""
    largest = max((w.size for w in words if w.bold), default=0.0)
    names = [w for w in words if w.bold and w.size > 0.97 * largest]
    if not names:
        raise Unreadable("a panel has no name", "this is no figure of archdsl, or its words are gone")
    start = min(names, key=lambda w: (w.y, w.x0))
    found: list[Line] = []
    for line in lines([w for w in words if w.y >= start.y - 1], gap=8.0):
        if not found:
            found = [line] if start in line.words else []
        elif (
            abs(line.box.x0 - start.x0) < 2.5
            and 0.7 < (line.y - found[-1].y) / line.size < 1.6
            and line.size < 0.9 * start.size
        ):
            found.append(line)
    taken = {id(w) for line in found for w in line.words}
    return found, [w for w in words if id(w) not in taken]
