"""What the eye can see of an SVG: shapes, words, and where they are; no ids, classes, titles or comments, and colour only as grey.

In: SVG bytes. Out: a list that two figures share only if they look the same in black and white.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

_SHAPE = (
    "d",
    "points",
    "cx",
    "cy",
    "rx",
    "ry",
    "x",
    "y",
    "stroke-width",
    "stroke-dasharray",
    "font-size",
    "font-weight",
)


def visible(svg: bytes) -> list[tuple[str, ...]]:
    found = []
    for element in ET.fromstring(svg).iter():
        tag = element.tag.rpartition("}")[2]
        if tag in ("path", "polygon", "polyline", "ellipse", "text"):
            shape = tuple(f"{k}={element.get(k)}" for k in _SHAPE if element.get(k) is not None)
            found.append((tag, *shape, f"filled={element.get('fill', 'none') != 'none'}", element.text or ""))
    return found


def words(svg: bytes) -> str:
    """All text of a figure, in the order it is drawn."""
    return "\n".join(e.text or "" for e in ET.fromstring(svg).iter() if e.tag.endswith("}text"))
