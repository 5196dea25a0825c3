"""A figure in SVG, read by its visible marks alone.

In: SVG bytes. Out: the panels it shows, as `scene` has them, their text in canonical markup.
"""

from __future__ import annotations

import re

from archdsl.figure.reading import labels
from archdsl.figure.reading.errors import Unreadable, within
from archdsl.figure.reading.ink import ink
from archdsl.figure.reading.shapes import sheets
from archdsl.figure.reading.sheet import Sheet
from archdsl.figure.reading.wires import connect
from archdsl.figure.scene import Panel

_BOLD = re.compile(r"<B>(.*?)</B>")


def panels_of_svg(data: bytes) -> list[Panel]:
    """The panels of a picture."""
    return [_named(sheet) for sheet in sheets(ink(data))]


def _named(sheet: Sheet) -> Panel:
    """A panel; what is wrong with it says in which it is."""
    with within(sheet.title[0]):
        return _panel(sheet)


def _panel(sheet: Sheet) -> Panel:
    drawn = connect(sheet)
    left = labels.give(drawn, sheet.labels, sheet.frames[0].frame)
    if left:
        raise Unreadable(f"the words “{left[0][0].text}” stand beside no line")
    root = sheet.frames[0].frame
    for i, mark in enumerate(root.all_marks()):
        mark.id = f"m{i}"
    for i, frame in enumerate(root.all_frames()):
        frame.id = f"f{i}"
    name = _BOLD.search(sheet.title[0])
    return Panel(name[1] if name else "", sheet.title, root, [d.wire for d in drawn])
