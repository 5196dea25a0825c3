"""Frames grow around what was drawn after dot, and never over what is not theirs.

In: a sheet with all its lines and words. Out: the same sheet, its frames large enough.
"""

from __future__ import annotations

from dataclasses import replace

from archdsl.figure.layout.geometry import Box, Sheet


def make_room(sheet: Sheet) -> None:
    """Frames grow around what was drawn, from the inside out, and never over what is not theirs."""
    for frame in sorted(sheet.frames.values(), key=lambda f: -len(sheet.path(f.name))):
        own = {n.name for n in sheet.nodes.values() if frame.name in sheet.path(n.frame)}
        box = frame.box
        for edge in sheet.edges.values():
            if edge.tail in own and edge.head in own:
                for x, y in edge.points:
                    box = box.joined(Box(x - 8, y - 8, x + 8, y + 8))
                if edge.label:
                    box = box.joined(edge.label.grown(3))
        for inner in sheet.frames.values():
            if inner.parent == frame.name and not inner.name.endswith("_pair"):
                box = box.joined(inner.box.grown(3 if inner.name + "_outer" == frame.name else 8))
        if frame.parent:
            box = _held_back(frame.box, box, [n.box for n in sheet.nodes.values() if n.name not in own])
        if frame.title and box.x0 < frame.box.x0:
            frame.title = (frame.title[0] + box.x0 - frame.box.x0, frame.title[1])
        frame.box = box


def _held_back(old: Box, new: Box, others: list[Box]) -> Box:
    """The new box, side by side only as far out as leaves the others alone."""
    result = old
    for side in ("x0", "x1", "y0", "y1"):
        sign = -1 if side.endswith("0") else 1
        while (getattr(new, side) - getattr(result, side)) * sign > 0.01:
            step = min(2.0, abs(getattr(new, side) - getattr(result, side)))
            wider = replace(result, **{side: getattr(result, side) + sign * step})
            if any(o.meets(wider.grown(5)) and not o.meets(result.grown(5)) for o in others):
                break
            result = wider
    return result
