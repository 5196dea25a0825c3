"""Panels as DOT text, built with the `graphviz` package.

In: panels. Out: the figure's DOT, which any `dot` can lay out; and one `Sheet` for each panel, which `layout` lays out better. Names of
nodes and keys of edges are positions in the panel, so the same program gives the same text.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import graphviz

from archdsl.figure import changes, theme
from archdsl.figure.folding import folded_label
from archdsl.figure.html import label, left, mixed, padded
from archdsl.figure.scene import Frame, Mark, Panel, Wire
from archdsl.figure.streams import Streams, streams
from archdsl.figure.words import small


@dataclass
class Sheet:
    """One panel for the layout, as plain data: what lies in what, and what is joined."""

    name: str = ""
    """The definition that it shows; none for the legend."""
    frames: list[dict[str, str]] = field(default_factory=list)
    """Each with `name`, `parent`, `kind`, and in `words` the node that bears its words; those around others come first."""
    marks: list[dict[str, str]] = field(default_factory=list)
    """Each with `name`, `frame` and `kind`."""
    wires: list[dict[str, Any]] = field(default_factory=list)
    """Each with `key`, `tail`, `head`, `kind`, `label`; whether its ends are ports, and which way it goes (see `streams`)."""
    dot: str = ""
    """The legend, which dot lays out."""


def figure_dot(
    panels: list[Panel],
    legend: graphviz.Digraph | None,
    direction: str = "up",
    letters: int = theme.FOLD[False],
) -> str:
    """The whole figure as one graph, which is read in a direction; long words are in lines of about so many letters."""
    graph = _graph(rankdir=theme.RANKDIR[direction])
    for i, panel in enumerate(panels):
        with graph.subgraph(name=f"cluster_p{i}") as cluster:
            _panel(cluster, graph, panel, f"p{i}", streams(panel), direction, letters)
    if legend:
        graph.subgraph(legend)
    text: str = graph.source
    return text


def sheets(
    panels: list[Panel],
    legend: graphviz.Digraph | None,
    direction: str = "up",
    letters: int = theme.FOLD[False],
) -> list[Sheet]:
    """The panels for the layout."""
    result = [_sheet(panel, f"p{i}", direction, letters) for i, panel in enumerate(panels)]
    if legend:
        graph = _graph(ranksep="0.06", nodesep="0.1")
        graph.subgraph(legend)
        result.append(Sheet(dot=graph.source))
    return result


def _sheet(panel: Panel, prefix: str, direction: str, letters: int) -> Sheet:
    sheet, flow = Sheet(panel.name), streams(panel)

    def add(frame: Frame, parent: str) -> None:
        name = f"cluster_{prefix}_{frame.id}" if parent else f"cluster_{prefix}"
        words = f"{prefix}_{frame.id}_label" if _worded(frame, direction) else ""
        sheet.frames.append({"name": name, "parent": parent, "kind": frame.kind, "words": words})
        sheet.marks += [{"name": f"{prefix}_{m.id}", "frame": name, "kind": m.kind} for m in frame.marks]
        for inner in frame.frames:
            add(inner, name)

    add(panel.root, "")
    for n, wire in enumerate(panel.wires):
        sheet.wires.append(
            {
                "key": f"{prefix}_w{n}",
                "tail": f"{prefix}_{wire.tail.id}",
                "head": f"{prefix}_{wire.head.id}",
                "kind": wire.kind,
                "label": folded_label(changes.wire_label(wire), letters),
                "tail_port": wire.tail_port is not None,
                "head_port": wire.head_port is not None,
                "beside": wire.beside,
                "highway": id(wire) in flow.highway,
                "round": id(wire) in flow.around and wire.kind == "data",
                "back": id(wire) in flow.around and wire.kind == "return",
                "gone": wire.change == "removed",
            }
        )
    return sheet


def _graph(**more: str) -> graphviz.Digraph:
    return graphviz.Digraph(
        "figure",
        graph_attr={**theme.GRAPH, **more},
        node_attr=dict(theme.NODE),
        edge_attr=dict(theme.EDGE),
        engine="dot",
    )


# -- one panel ----------------------------------------------------------------------------------------------------------
def _panel(
    cluster: Any, graph: graphviz.Digraph, panel: Panel, prefix: str, flow: Streams, direction: str, letters: int
) -> None:
    look = changes.frame(theme.FRAMES["panel"], panel.root.change) | _linked(panel.root)
    cluster.attr(label=left(panel.title), labelloc="b", labeljust="l", **look)
    _frame(cluster, panel.root, prefix, flow, panel.wires, direction, letters)
    for i, wire in enumerate(panel.wires):
        _wire(graph, wire, f"{prefix}_w{i}", prefix, flow, direction, letters)
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


def _frame(
    cluster: Any, frame: Frame, prefix: str, flow: Streams, wires: list[Wire], direction: str, letters: int
) -> None:
    if _worded(frame, direction):
        cluster.node(f"{prefix}_{frame.id}_label", label=left(_titled(frame)), **theme.MARKS["label"])
    for mark in frame.marks:
        _mark(cluster, mark, prefix, flow, direction, letters)
    for inner in frame.frames:
        attributes = changes.frame(theme.FRAMES[inner.kind], inner.change)
        lanes = [w for w in wires if id(w) in flow.around and _inside(w, inner)]
        if lanes:  # room for what is drawn round the side
            attributes["margin"] = "26" if any(w.kind == "return" for w in lanes) else "19"
        if inner.kind != "stack":
            with cluster.subgraph(name=f"cluster_{prefix}_{inner.id}") as sub:
                shown = inner.lines if not _worded(inner, direction) else []
                title = left(_titled(inner)) if shown else ""
                sub.attr(label=title, labelloc="b", labeljust="l", **attributes, **_linked(inner))
                _frame(sub, inner, prefix, flow, wires, direction, letters)
            continue
        with cluster.subgraph(name=f"cluster_{prefix}_{inner.id}_outer") as double:  # a second border: separate weights
            double.attr(label="", **{**attributes, "margin": "3", "fillcolor": theme.PAPER})
            with double.subgraph(name=f"cluster_{prefix}_{inner.id}") as sub:
                sub.attr(label="", **attributes, **_linked(inner))
                _frame(sub, inner, prefix, flow, wires, direction, letters)


def _linked(thing: Mark | Frame) -> dict[str, str]:
    """Where a click on it leads; no word of it is seen."""
    return {"URL": thing.link} if thing.link else {}


def _worded(frame: Frame, direction: str) -> bool:
    """Whether a frame's words are a node in it, and not its title."""
    return (
        bool(frame.lines) and frame.kind != "panel" and not (direction in ("up", "down") and frame.kind == "training")
    )


def _titled(frame: Frame) -> list[str]:
    lines = changes.signed(frame.lines, frame.change)
    return [small(line, theme.LEARN, 9) for line in lines] if frame.kind == "training" else lines


def _inside(wire: Wire, frame: Frame) -> bool:
    """Whether both ends of a wire are in a frame, and not both in one frame of it."""
    ends = [next((f for f in [frame, *frame.frames] if any(m is mark for m in (f.marks if f is frame else f.all_marks()))), None)
            for mark in (wire.tail, wire.head)]  # fmt: skip
    return None not in ends and (ends[0] is frame or ends[0] is not ends[1])


def _mark(cluster: Any, mark: Mark, prefix: str, flow: Streams, direction: str, letters: int) -> None:
    attributes = dict(theme.MARKS[mark.kind])
    if id(mark) in flow.marks:
        attributes["group"] = f"{prefix}_s{flow.marks[id(mark)]}"
    if mark.kind in ("input", "output") and len(mark.lines) > 1:
        attributes["margin"] = "-0.06,0.02"
    if mark.kind == "circle" and not mark.ports and len(mark.lines) == 1 and len(mark.lines[0]) <= 2:
        attributes |= {"fixedsize": "true", "shape": "circle"}
    if mark.kind == "circle" and any("<SUP>" in line for line in mark.lines):
        attributes["margin"] = "0.03,0.045"  # what is raised needs room
    if mark.kind == "circle" and mark.ports:
        attributes["height"] = "0.29"  # the higher, the less wide is the ellipse around one line
    elif mark.ports or mark.results:
        attributes["margin"] = "0"
        if mark.kind == "draw":
            attributes |= {"shape": "box", "style": "rounded,filled"}
    elif len(mark.lines) == 1 and mixed(mark.lines[0]) and mark.kind in _HIGH:
        across, up = attributes["margin"].split(",")
        attributes["margin"] = f"{across},{float(up) - _LEAD:g}"
    attributes = changes.mark(attributes, mark.change) | _linked(mark)
    cluster.node(
        f"{prefix}_{mark.id}", label="" if mark.kind == "fork" else label(mark, direction, letters), **attributes
    )


_HIGH = ("input", "output", "weights", "frozen", "function")
_LEAD = 0.009
"""By how much a line of several fonts is higher than another (see `html`), in inches above and below."""


def _wire(
    graph: graphviz.Digraph, wire: Wire, key: str, prefix: str, flow: Streams, direction: str, letters: int
) -> None:
    attributes = {"key": key, "id": key, **theme.WIRES[wire.kind]}
    if (wire.kind == "gate" and wire.head.kind == "fork") or wire.head.kind == "fork":
        attributes["arrowhead"] = "none"
    if wire.gated and wire.kind == "data":
        attributes |= {"color": theme.GATE, "fontcolor": theme.GATE}
    attributes = changes.wire(attributes, wire.change)
    if words := folded_label(changes.wire_label(wire), letters):
        attributes["label"] = f"<{padded(words, '&#160;&#160;' if wire.kind == 'updates' else '&#160;')}>"
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
