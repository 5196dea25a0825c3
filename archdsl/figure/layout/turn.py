"""Panels that are read to the right: laid out upwards with everything on its side, then turned. And what leads down or left, mirrored.

In: a panel's DOT whose labels are made for reading to the right. Out: a `Sheet` with every position. dot never sees the words: each mark is
an empty shape of the right size, lying on its side, so that all that is known of upward panels (lanes, residuals, returns) holds for these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from archdsl.figure.layout.engine import Run
from archdsl.figure.layout.geometry import Box, Point, Sheet, label_size, read

_GRAPH = ("nodesep", "ranksep", "splines", "newrank", "compound", "fontname", "fontsize")
_NODE = ("group", "peripheries", "penwidth", "style")
_EDGE = ("id", "key", "weight", "constraint", "minlen", "arrowhead", "arrowsize", "penwidth", "style")
_SIDE = {"e": "n", "w": "s"}
_TITLE = 8.0
"""How far a panel's title stands from its border."""


def lay_out(
    run: Run, dot: str, routes: list[dict[str, str]], finish: Callable[[Sheet, list[dict[str, str]]], None]
) -> Sheet:
    """The panel that a DOT text describes, read to the right. `finish` draws the routes, on a sheet that lies on its side."""
    upright = json.loads(run(dot, "dot", "json0"))
    sheet = read(run(_on_its_side(upright), "dot", "json0"))
    finish(sheet, [{**r, "label": _swapped(r["label"])} if r["label"] else r for r in routes])
    shapes = {o["name"]: o.get("shape", "ellipse") for o in upright["objects"]}
    _move(sheet, lambda p: (p[1], -p[0]))
    for node in sheet.nodes.values():
        node.shape = shapes[node.name]
    for thing in upright["objects"]:
        if thing["name"] in sheet.frames and thing.get("lwidth"):
            _entitle(sheet, thing["name"], 72 * float(thing["lwidth"]), 72 * float(thing["lheight"]))
    return sheet


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


# -- on its side --------------------------------------------------------------------------------------------------------
def _on_its_side(graph: dict[str, Any]) -> str:
    """The graph for dot: level is upright, and words are empty rooms of their size."""
    objects: list[dict[str, Any]] = graph["objects"]
    lines = ["digraph figure {", "rankdir=BT", *(f"{k}={_quoted(graph[k])}" for k in _GRAPH if k in graph)]
    for edge in graph.get("edges", []):
        lines.append(_edge(edge, objects))
    inner = {i for o in objects for i in o.get("subgraphs", [])}
    for i, thing in enumerate(objects):
        if "pos" not in thing and i not in inner:
            lines += _subgraph(thing, objects)
    placed = {i for o in objects for i in o.get("nodes", [])}
    lines += [_node(o) for i, o in enumerate(objects) if "pos" in o and i not in placed]
    return "\n".join([*lines, "}"])


def _subgraph(thing: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    yield f"subgraph {_quoted(thing['name'])} {{"
    yield from (f"{k}={_quoted(thing[k])}" for k in ("rank", "margin") if k in thing)
    if not thing["name"].startswith("cluster"):
        yield from (_quoted(objects[i]["name"]) for i in thing.get("nodes", []))
    else:
        yield 'label=""'
        deeper = {n for i in thing.get("subgraphs", []) for n in objects[i].get("nodes", [])}
        for i in thing.get("subgraphs", []):
            yield from _subgraph(objects[i], objects)
        for n in thing.get("nodes", []):
            if n not in deeper or any(
                not objects[i]["name"].startswith("cluster") and n in objects[i].get("nodes", [])
                for i in thing.get("subgraphs", [])
            ):
                yield _node(objects[n])
    yield "}"


def _node(thing: dict[str, Any]) -> str:
    width, height = 72 * float(thing["width"]), 72 * float(thing["height"])
    shape = {"plain": "box", "plaintext": "box"}.get(thing.get("shape", "ellipse"), thing.get("shape", "ellipse"))
    kept = [f"{k}={_quoted(thing[k])}" for k in _NODE if k in thing]
    label = _ports(thing.get("label", ""), height, width)
    size = f'width="{height / 72:.4f}" height="{width / 72:.4f}" fixedsize=true margin=0'
    return f"{_quoted(thing['name'])} [shape={shape} {size} label={label or _quoted('')} {' '.join(kept)}]"


def _ports(label: str, width: float, height: float) -> str:
    """An empty table with the ports of a mark's label, in a row below and a row above."""
    rows = []
    for letter in ("o", "i"):
        count = len(re.findall(rf'PORT="{letter}\d+"', label))
        cells = "".join(
            f'<TD PORT="{letter}{i}" FIXEDSIZE="TRUE" WIDTH="{width / count:.2f}" HEIGHT="{height / 3:.2f}"></TD>'
            for i in range(count)
        )
        rows.append(f"<TR><TD>{_TABLE}<TR>{cells}</TR></TABLE></TD></TR>" if count else "")
    if not any(rows):
        return ""
    room = height - sum(bool(r) for r in rows) * height / 3
    rows.insert(1, f'<TR><TD FIXEDSIZE="TRUE" WIDTH="{width:.2f}" HEIGHT="{room:.2f}"></TD></TR>')
    return f"<{_TABLE}{''.join(rows)}</TABLE>>"


_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'


def _edge(thing: dict[str, Any], objects: list[dict[str, Any]]) -> str:
    ends = []
    for end, port in (("tail", "tailport"), ("head", "headport")):
        name, _, side = thing.get(port, "").partition(":")
        ends.append(_quoted(objects[thing[end]]["name"]) + (f":{name}:{_SIDE[side]}" if name else ""))
    kept = [f"{k}={_quoted(thing[k])}" for k in _EDGE if k in thing]
    if thing.get("label"):
        kept.append(f"label=<{_swapped(thing['label'])}>")
    return f"{' -> '.join(ends)} [{' '.join(kept)}]"


def _swapped(label: str) -> str:
    """A room as high as the words are wide."""
    width, height = label_size(label)
    size = f' FIXEDSIZE="TRUE" WIDTH="{height:.0f}" HEIGHT="{width:.0f}">'
    return f"{_TABLE.removesuffix('>')}{size}<TR><TD></TD></TR></TABLE>"


def _quoted(text: str) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


# -- turning ------------------------------------------------------------------------------------------------------------
def _move(sheet: Sheet, where: Callable[[Point], Point]) -> None:
    """Every point to where it belongs."""

    def box(b: Box) -> Box:
        (ax, ay), (bx, by) = where((b.x0, b.y0)), where((b.x1, b.y1))
        return Box(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))

    for node in sheet.nodes.values():
        node.box = box(node.box)
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
