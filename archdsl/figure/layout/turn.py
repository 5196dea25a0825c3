"""Panels that are read to the right: laid out upwards with everything on its side, then turned. And what leads down or left, mirrored.

In: a `Sheet` that lies on its side. Out: the same sheet, upright. So all that is known of upward panels (lanes, residuals, returns)
holds for these.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.figure.layout.geometry import Box, Measured, Point, Sheet

_TITLE = 8.0
"""How far a panel's title stands from its border."""


def upright(sheet: Sheet, sizes: Measured) -> None:
    """The sheet turned to the right, with room for titles above what they head."""
    _move(sheet, lambda p: (p[1], -p[0]))
    for name in sheet.frames:
        if name in sizes.titles:
            _entitle(sheet, name, *sizes.titles[name])


def mirror(sheet: Sheet, direction: str) -> None:
    """Down instead of up, left instead of right; titles stay where titles are."""
    if direction == "down":
        _move(sheet, lambda p: (p[0], -p[1]))
    elif direction == "left":
        _move(sheet, lambda p: (-p[0], p[1]))
    for frame in sheet.frames.values():
        if frame.title and not frame.parent:
            box, (x, y) = frame.box, frame.title
            if direction == "left":
                frame.title = (box.x0 + box.x1 - x, y)
            elif direction == "down":
                above = 2 * (y - box.y0)
                frame.box = Box(box.x0, box.y0 + above, box.x1, box.y1 + above)
                frame.title = (x, frame.box.y1 - above / 2)


# -- turning ------------------------------------------------------------------------------------------------------------
def _move(sheet: Sheet, where: Callable[[Point], Point]) -> None:
    """Every point to where it belongs."""

    def box(b: Box) -> Box:
        (ax, ay), (bx, by) = where((b.x0, b.y0)), where((b.x1, b.y1))
        return Box(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))

    for node in sheet.nodes.values():
        node.box, node.shape = box(node.box), node.shape.removeprefix("lying ")
    for edge in sheet.edges.values():
        edge.points = [where(p) for p in edge.points]
        edge.tip = where(edge.tip) if edge.tip else None
        edge.label = box(edge.label) if edge.label else None
    for frame in sheet.frames.values():
        frame.box = box(frame.box)
        frame.title = where(frame.title) if frame.title else None


def _entitle(sheet: Sheet, name: str, width: float, height: float) -> None:
    """Room for a panel's title above what it holds."""
    frame = sheet.frames[name]
    box = frame.box
    top = box.y1 + height + _TITLE / 2
    frame.box = Box(box.x0, box.y0, max(box.x1, box.x0 + width + 2 * _TITLE), top)
    frame.title = (box.x0 + _TITLE + width / 2, top - _TITLE / 2 - height / 2)
