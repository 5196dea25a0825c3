"""What the eye can see of a figure: no ids, classes, titles or comments, and colour only as grey.

`visible(svg)`: shapes, words, and where they are; equal for two figures only if they look the same in black and white.
`drawn(program)`: the marks, frames and wires of a program's panels in canonical form (`archdsl.ir.graph`), before they have places; equal
for two programs only if one figure can be laid on the other. It costs no layout.
`signs(program)`: the same without what is joined to what: which marks, frames and arrows there are, with their words, and how many.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

from archdsl.comparison.flat import flat
from archdsl.figure.panels import panels
from archdsl.figure.scene import Frame, Panel, Wire
from archdsl.ir.graph import Graph
from archdsl.ir.program import Program

_LOOK = (
    *("stroke-width", "stroke-dasharray", "font-size", "font-weight"),
    *("d", "points", "cx", "cy", "rx", "ry", "x", "y", "dx", "dy", "transform"),
)
_SHAPES = ("path", "polygon", "polyline", "ellipse", "text", "tspan", "rect", "circle", "line")


def visible(svg: bytes) -> list[tuple[str, ...]]:
    found = []
    for element in ET.fromstring(svg).iter():
        tag = element.tag.rpartition("}")[2]
        if tag in _SHAPES:
            look = [f"{k}={element.get(k)}" for k in _LOOK if element.get(k) is not None]
            found.append((tag, *look, f"filled={element.get('fill', 'none') != 'none'}", element.text or ""))
    return found


def words(svg: bytes) -> str:
    """All text of a figure, in the order it is drawn."""
    return "\n".join(e.text or "" for e in ET.fromstring(svg).iter() if e.tag.endswith("}text"))


# -- before anything has a place --------------------------------------------------------------------------------------
def drawn(program: Program, dots: bool = True) -> list[Any]:
    """Without `dots`, arrows that part are several, and bear neither names nor types: these depend on which reader comes first."""
    return sorted((_panel(p, dots) for p in panels(program)), key=repr)


def signs(program: Program) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for panel in panels(program):
        found[("panel", *_text(panel.title))] += 1
        for frame in panel.root.all_frames():
            found[("frame", frame.kind, *_text(frame.lines))] += 1
            for mark in frame.marks:
                found[
                    (
                        "mark",
                        frame.kind,
                        *_text(frame.lines),
                        mark.kind,
                        *_text([*mark.lines, "in", *mark.cells, "out", *mark.results]),
                        mark.tag,
                    )
                ] += 1
        for wire in panel.wires:
            found[("wire", wire.kind, *_text([wire.label]))] += 1
    return found


def _text(lines: list[str]) -> list[str]:
    """Label text without sizes and colours."""
    return [re.sub("<FONT[^>]*>|</FONT>", "", line) for line in lines]


def _panel(panel: Panel, dots: bool) -> Any:
    graph, node, whole = Graph(), dict[int, int](), flat(panel)

    def label(*parts: object) -> str:
        return json.dumps(parts)

    def frame(of: Frame, outer: list[int]) -> None:
        here = graph.own(label(of.kind, _text(of.lines)), outer)
        for mark in of.marks:
            if not dots and id(mark) in whole.parting:
                continue
            words = label(mark.kind, _text(mark.lines), _text(mark.cells), _text(mark.results))
            node[id(mark)] = graph.own(words, [here])
        for inner in of.frames:
            frame(inner, [here])

    frame(panel.root, [])
    tagged: dict[str, list[int]] = {}
    for mark in panel.root.all_marks():
        if mark.tag:
            tagged.setdefault(mark.tag, []).append(node[id(mark)])
    parts = [graph.pure("tag", marks, unordered=True) for marks in tagged.values()]
    for wire in panel.wires if dots else whole.flows:
        told = [wire.label] if isinstance(wire, Wire) else list(wire.told)
        words = label(wire.kind, _text(told), wire.gated, wire.tail_port, wire.head_port)
        parts.append(graph.own(words, [node[id(wire.tail)], node[id(wire.head)]]))
    return [_text(panel.title), graph.canonical(graph.pure("panel", [*node.values(), *parts], unordered=True))]
