"""A figure with nothing but its ink: what `read` may rely on.

In: SVG or DOT. Out: the same picture without ids, classes, titles, descriptions, comments, links, metadata and groups, in grey, its elements in
another order; or the same graph with other names.
"""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET

_SVG = "http://www.w3.org/2000/svg"
_KEPT = {
    "d", "points", "cx", "cy", "rx", "ry", "x", "y", "dx", "dy", "fill", "stroke", "stroke-width", "stroke-dasharray", "font-size",
    "font-weight", "text-anchor", "textLength", "baseline-shift",
}  # fmt: skip
_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_NAME = re.compile(r"\bcluster_p\d+\w*\b|\bp\d+_[mf]\d+(?:_\w+)?\b")


def grey(text: str) -> str:
    """Every colour as the grey that is as light."""

    def light(match: re.Match[str]) -> str:
        red, green, blue = (int(match[i], 16) for i in (1, 2, 3))
        return "#" + 3 * f"{round(0.299 * red + 0.587 * green + 0.114 * blue):02x}"

    return _COLOUR.sub(light, text)


def stripped(svg: bytes, seed: int = 0) -> bytes:
    """The ink of an SVG, drawn in another order."""
    root = ET.fromstring(svg)
    group = next(root.iter(f"{{{_SVG}}}g"))
    shapes = [e for e in group.iter() if e.tag.rpartition("}")[2] in ("path", "polygon", "polyline", "ellipse", "text")]
    random.Random(seed).shuffle(shapes)
    ET.register_namespace("", _SVG)
    bare = ET.Element(f"{{{_SVG}}}svg", {k: v for k, v in root.attrib.items() if k in ("width", "height", "viewBox")})
    paper = ET.SubElement(bare, f"{{{_SVG}}}g", {"transform": group.get("transform", "")})
    for shape in shapes:
        kept = {k: grey(v) if k in ("fill", "stroke") else v for k, v in shape.attrib.items() if k in _KEPT}
        ET.SubElement(paper, shape.tag, kept).text = shape.text
    return ET.tostring(bare, encoding="utf-8")


def renamed(dot: str, seed: int = 0) -> str:
    """A figure's DOT in grey, with other names for nodes and clusters, and none for edges."""
    names = sorted(set(_NAME.findall(dot)))
    numbers = list(range(len(names)))
    random.Random(seed).shuffle(numbers)
    other = {n: f"{'cluster_' * n.startswith('cluster')}n{k}" for n, k in zip(names, numbers)}
    return grey(re.sub(r"\b(?:id|key)=\w+ ?", "", _NAME.sub(lambda m: other[m[0]], dot)))
