"""Panels as DOT text, built with the `graphviz` package.

In: panels. Out: the figure's DOT, which any `dot` can lay out; and one `Sheet` for each panel, with the DOT that this package lays out
itself and the wires that it then draws round the side. Names of nodes and keys of edges are positions in the panel, so the same
program gives the same text.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import graphviz

from archdsl.figure import theme
from archdsl.figure.html import label, left, padded
from archdsl.figure.scene import Frame, Mark, Panel, Wire
from archdsl.figure.streams import Streams, streams
from archdsl.figure.words import small


@dataclass
class Sheet:
    """One panel for the layout: its DOT, and what is to be drawn after it has places."""

    dot: str
    routes: list[dict[str, str]] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)
    """Keys of edges that may enter a round mark from its side."""
    ports: dict[str, str] = field(default_factory=dict)
    """Which ends of an edge are ports: `tail`, `head` or `both`."""
    name: str = ""
    """The definition that it shows; none for the legend."""


def figure_dot(panels: list[Panel], legend: graphviz.Digraph | None, direction: str = "up") -> str:
    """The whole figure as one graph, which is read in a direction."""
    graph = _graph(rankdir=theme.RANKDIR[direction])
    for i, panel in enumerate(panels):
        with graph.subgraph(name=f"cluster_p{i}") as cluster:
            _panel(cluster, graph, panel, f"p{i}", streams(panel), direction, whole=True)
    if legend:
        graph.subgraph(legend)
    text: str = graph.source
    return text


def sheets(panels: list[Panel], legend: graphviz.Digraph | None, direction: str = "up") -> list[Sheet]:
    """The panels for the layout, which leads up, or to the right; it mirrors afterwards what is to lead down or to the left."""
    result = []
    direction = "up" if direction in ("up", "down") else "right"
    for i, panel in enumerate(panels):
        flow = streams(panel)
        graph = _graph(rankdir=theme.RANKDIR[direction])
        with graph.subgraph(name=f"cluster_p{i}") as cluster:
            _panel(cluster, graph, panel, f"p{i}", flow, direction, whole=False)
        sheet = Sheet(graph.source, name=panel.name)
        for n, wire in enumerate(panel.wires):
            key = f"p{i}_w{n}"
            ends = [e for e, p in (("tail", wire.tail_port), ("head", wire.head_port)) if p is not None]
            if ends:
                sheet.ports[key] = "both" if len(ends) == 2 else ends[0]
            if id(wire) in flow.around:
                sheet.routes.append(_route(wire, key, f"p{i}", panel.root))
            elif wire.head.kind == "circle" and wire.tail_port is None and id(wire) not in flow.highway:
                sheet.sides.append(key)
        result.append(sheet)
    if legend:
        graph = _graph(ranksep="0.06", nodesep="0.1")
        graph.subgraph(legend)
        result.append(Sheet(graph.source))
    return result


def _graph(**more: str) -> graphviz.Digraph:
    return graphviz.Digraph(
        "figure",
        graph_attr={**theme.GRAPH, **more},
        node_attr=dict(theme.NODE),
        edge_attr=dict(theme.EDGE),
        engine="dot",
    )


def _route(wire: Wire, key: str, prefix: str, root: Frame) -> dict[str, str]:
    kind = "beside" if wire.beside else "return" if wire.kind == "return" else "around"
    return {
        "key": key,
        "tail": f"{prefix}_{wire.tail.id}",
        "head": f"{prefix}_{wire.head.id}",
        "kind": kind,
        "label": wire.label,
        "arrow": "yes",
        "penwidth": theme.WIRES[wire.kind].get("penwidth", theme.EDGE["penwidth"]),
    }


# -- one panel ----------------------------------------------------------------------------------------------------------
def _panel(
    cluster: Any, graph: graphviz.Digraph, panel: Panel, prefix: str, flow: Streams, direction: str, whole: bool
) -> None:
    cluster.attr(label=left(panel.title), labelloc="b", labeljust="l", **theme.FRAMES["panel"])
    _frame(cluster, panel.root, prefix, flow, panel.wires, direction)
    for i, wire in enumerate(panel.wires):
        if whole or id(wire) not in flow.around:
            _wire(graph, wire, f"{prefix}_w{i}", prefix, flow, direction)
    for wire in panel.wires:
        if wire.beside and wire.kind != "return":
            home = _home(panel.root, wire.tail)
            _same_rank(cluster, [wire.head, wire.tail], prefix, home, panel.root)


def _home(frame: Frame, mark: Mark) -> Frame:
    for f in frame.all_frames():
        if any(m is mark for m in f.marks):
            return f
    raise ValueError(f"mark {mark.id} is in no frame")


def _same_rank(graph: Any, marks: list[Mark], prefix: str, home: Frame, root: Frame) -> None:
    """Two marks side by side. A frame's nodes are declared again in its own cluster, so that the rank does not leave it."""
    frames = []
    frame: Frame | None = home
    while frame is not None and frame is not root:
        frames.append(frame)
        frame = frame.parent

    def inside(outer: Any, rest: list[Frame]) -> None:
        if rest:
            names = [f"cluster_{prefix}_{rest[-1].id}"]
            if rest[-1].kind == "stack":
                names.insert(0, f"{names[0]}_outer")
            with contextlib.ExitStack() as nest:
                for name in names:
                    outer = nest.enter_context(outer.subgraph(name=name))
                inside(outer, rest[:-1])
        else:  # a cluster of its own, so that nothing comes between them
            with outer.subgraph(name=f"cluster_{prefix}_{marks[0].id}_pair") as pair:
                pair.attr(label="", style="invis", margin="1")
                with pair.subgraph() as same:
                    same.attr(rank="same")
                    for mark in marks:
                        same.node(f"{prefix}_{mark.id}")

    inside(graph, frames)


def _frame(cluster: Any, frame: Frame, prefix: str, flow: Streams, wires: list[Wire], direction: str) -> None:
    titled = direction in ("up", "down")
    if frame.lines and frame.kind != "panel" and not (titled and frame.kind == "training"):
        cluster.node(f"{prefix}_{frame.id}_label", label=left(_titled(frame)), **theme.MARKS["label"])
    for mark in frame.marks:
        _mark(cluster, mark, prefix, flow, direction)
    for inner in frame.frames:
        attributes = dict(theme.FRAMES[inner.kind])
        lanes = [w for w in wires if id(w) in flow.around and _inside(w, inner)]
        if lanes:  # room for what is drawn round the side
            attributes["margin"] = "26" if any(w.kind == "return" for w in lanes) else "19"
        if inner.kind != "stack":
            with cluster.subgraph(name=f"cluster_{prefix}_{inner.id}") as sub:
                shown = inner.lines if inner.kind == "training" and titled else []
                title = left(_titled(inner)) if shown else ""
                sub.attr(label=title, labelloc="b", labeljust="l", **attributes)
                _frame(sub, inner, prefix, flow, wires, direction)
            continue
        with cluster.subgraph(name=f"cluster_{prefix}_{inner.id}_outer") as double:  # a second border: separate weights
            double.attr(label="", **{**attributes, "margin": "3", "fillcolor": theme.PAPER})
            with double.subgraph(name=f"cluster_{prefix}_{inner.id}") as sub:
                sub.attr(label="", **attributes)
                _frame(sub, inner, prefix, flow, wires, direction)


def _titled(frame: Frame) -> list[str]:
    return [small(line, theme.LEARN, 9) for line in frame.lines] if frame.kind == "training" else frame.lines


def _inside(wire: Wire, frame: Frame) -> bool:
    """Whether both ends of a wire are in a frame, and not both in one frame of it."""
    ends = [next((f for f in [frame, *frame.frames] if any(m is mark for m in (f.marks if f is frame else f.all_marks()))), None)
            for mark in (wire.tail, wire.head)]  # fmt: skip
    return None not in ends and (ends[0] is frame or ends[0] is not ends[1])


def _mark(cluster: Any, mark: Mark, prefix: str, flow: Streams, direction: str) -> None:
    attributes = dict(theme.MARKS[mark.kind])
    if id(mark) in flow.marks:
        attributes["group"] = f"{prefix}_s{flow.marks[id(mark)]}"
    if mark.kind in ("input", "output") and len(mark.lines) > 1:
        attributes["margin"] = "-0.06,0.0"
    if mark.kind == "circle" and len(mark.lines) == 1 and len(mark.lines[0]) <= 2:
        attributes |= {"fixedsize": "true", "shape": "circle"}
    if mark.ports or mark.results:
        attributes["margin"] = "0"
        if mark.kind == "draw":
            attributes |= {"shape": "box", "style": "rounded,filled"}
    cluster.node(f"{prefix}_{mark.id}", label="" if mark.kind == "fork" else label(mark, direction), **attributes)


def _wire(graph: graphviz.Digraph, wire: Wire, key: str, prefix: str, flow: Streams, direction: str) -> None:
    attributes = {"key": key, "id": key, **theme.WIRES[wire.kind]}
    if (wire.kind == "gate" and wire.head.kind == "fork") or wire.head.kind == "fork":
        attributes["arrowhead"] = "none"
    if wire.gated and wire.kind == "data":
        attributes |= {"color": theme.GATE, "fontcolor": theme.GATE}
    if wire.label:
        attributes["label"] = f"<{padded(wire.label, '&#160;&#160;' if wire.kind == 'updates' else '&#160;')}>"
    if id(wire) in flow.around:
        attributes["constraint"] = "false"
    elif id(wire) in flow.highway:
        attributes["weight"] = "50"
    elif wire.kind == "data" and not wire.gated:
        attributes["weight"] = "4"
    graph.edge(
        _end(wire.tail, wire.tail_port, prefix, "o", theme.SIDES[direction][1]),
        _end(wire.head, wire.head_port, prefix, "i", theme.SIDES[direction][0]),
        **attributes,
    )


def _end(mark: Mark, port: int | None, prefix: str, letter: str, side: str) -> str:
    name = f"{prefix}_{mark.id}"
    return name if port is None else f"{name}:{letter}{port}:{side}"
