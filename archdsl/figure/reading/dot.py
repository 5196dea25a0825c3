"""A figure in DOT, read by what it makes visible: shapes, lines, labels, and what lies in what.

In: DOT text. Out: the panels it describes, as `scene` has them, their text in canonical markup.
"""

from __future__ import annotations

import html
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

from archdsl.figure.reading import operators
from archdsl.figure.reading.dottext import Cluster, Edge, Graph, parse
from archdsl.figure.reading.errors import Unreadable, within
from archdsl.figure.reading.markup import Run, Shift, unfolded, written
from archdsl.figure.scene import Frame, FrameKind, Mark, MarkKind, Panel, Wire, WireKind

_THICK = 1.25
_THICKEST = 1.75
_NOT_OURS = "it is no figure that `archdsl draw` wrote"


@dataclass
class _Label:
    """A label's lines, its rows of named cells (port and name), and its tag."""

    lines: list[str] = field(default_factory=list)
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    tag: str = ""
    bold: bool = False


def panels_of_dot(text: str) -> list[Panel]:
    """The panels of a DOT text."""
    graph = parse(text)
    shown = [c for c in graph.root.clusters if not _is_legend(c)]
    if not shown:
        raise Unreadable("this DOT text has no panels", _NOT_OURS)
    if graph.root.nodes:
        raise Unreadable(f"the node in line {graph.lines[graph.root.nodes[0]]} stands outside all panels", _NOT_OURS)
    homes = {name: i for i, cluster in enumerate(shown) for name in _all_nodes(cluster)}
    edges: list[list[Edge]] = [[] for _ in shown]
    legend = {name for c in graph.root.clusters if _is_legend(c) for name in _all_nodes(c)}
    for edge in graph.edges:
        if edge.tail in legend or edge.attributes.get("style") == "invis":
            continue
        if homes.get(edge.tail, -1) != homes.get(edge.head, -2):
            raise Unreadable("an edge leads from one panel into another", _NOT_OURS)
        edges[homes[edge.tail]].append(edge)
    return [_named(cluster, graph, own) for cluster, own in zip(shown, edges)]


def _named(cluster: Cluster, graph: Graph, edges: list[Edge]) -> Panel:
    """A panel; what is wrong with it says in which it is."""
    title = _label(cluster.attributes)
    if not title.bold:
        first = min((graph.lines[n] for n in _all_nodes(cluster)), default=0)
        raise Unreadable("a panel has no name" + f", that around line {first} of the DOT text" * bool(first), _NOT_OURS)
    with within(title.lines[0]):
        return _panel(cluster, graph, edges, title)


def _is_legend(cluster: Cluster) -> bool:
    label = _label(cluster.attributes)
    return label.lines == ["Legend"] and not label.bold


def _all_nodes(cluster: Cluster) -> Iterator[str]:
    yield from cluster.nodes
    for inner in cluster.clusters:
        yield from _all_nodes(inner)


def _panel(cluster: Cluster, graph: Graph, edges: list[Edge], title: _Label) -> Panel:
    root = Frame("panel")
    marks: dict[str, Mark] = {}
    labels: dict[str, _Label] = {}
    _fill(root, cluster, graph, marks, labels)
    wires = [_wire(edge, marks, labels) for edge in edges]
    for name, mark in marks.items():
        for row in labels[name].rows:
            ports = {port for port, _ in row}
            heads = any(e.head == name and e.head_port in ports for e in edges)
            names = [text for _, text in row]
            mark.ports, mark.results = (names, mark.results) if heads else (mark.ports, names)
    for i, mark in enumerate(root.all_marks()):
        mark.id = f"m{i}"
    for i, frame in enumerate(root.all_frames()):
        frame.id = f"f{i}"
        if i and not frame.lines:
            raise Unreadable(f"a frame in {title.lines[0]} says nothing of itself", _NOT_OURS)
    name = title.lines[0].removeprefix("<B>").partition("</B>")[0]
    return Panel(name, title.lines, root, wires)


# -- frames and marks -------------------------------------------------------------------------------------------------
def _fill(frame: Frame, cluster: Cluster, graph: Graph, marks: dict[str, Mark], labels: dict[str, _Label]) -> None:
    """What lies in a cluster goes into its frame."""
    for name in cluster.nodes:
        attributes = graph.nodes[name]
        try:
            label = _label(attributes)
            kind = _mark_kind(attributes, label)
        except Unreadable as problem:
            raise Unreadable(f"line {graph.lines[name]} of the DOT text: {problem.message}", problem.hint) from None
        if attributes.get("shape") == "plain" and (label.bold or len(label.lines) > 1 or label.lines in _TITLES):
            _entitle(frame, label)
            continue
        labels[name] = label
        marks[name] = Mark(kind, label.lines, tag=label.tag)
        frame.marks.append(marks[name])
    for inner in cluster.clusters:
        style = inner.attributes.get("style", "")
        if "invis" in style:
            _fill(frame, inner, graph, marks, labels)
            continue
        double = (
            not inner.nodes and len(inner.clusters) == 1 and not _label(inner.attributes).lines and _plain_border(inner)
        )
        found = Frame(_frame_kind(inner, double), parent=frame)
        frame.frames.append(found)
        body = inner.clusters[0] if double else inner
        if title := _label(body.attributes):
            found.lines = title.lines
            found.kind = "training" if title.lines == ["training"] else found.kind
        _fill(found, body, graph, marks, labels)


_TITLES = (["training"], ["before the first step"])


def _entitle(frame: Frame, label: _Label) -> None:
    if frame.lines or frame.kind == "panel":
        raise Unreadable(f"the words “{label.lines[0]}” stand where no words belong", _NOT_OURS)
    frame.lines = label.lines
    if frame.kind == "loop" and label.lines[0].endswith(("→</B>", "←</B>")):
        frame.kind = "scan"
    if label.lines == ["training"]:
        frame.kind = "training"


def _plain_border(cluster: Cluster) -> bool:
    return _width(cluster.attributes) < _THICK and not {"dotted", "dashed"} & _style(cluster.attributes)


def _frame_kind(cluster: Cluster, double: bool) -> FrameKind:
    style = _style(cluster.attributes)
    if double:
        return "stack"
    if "dotted" in style:
        return "before"  # or training, which its title says
    if "dashed" in style:
        return "until"
    if _width(cluster.attributes) > _THICK:
        return "loop"  # or a scan, which its words say
    raise Unreadable("a frame has a border that no frame has", _NOT_OURS)


def _mark_kind(attributes: dict[str, str], label: _Label) -> MarkKind:
    shape, style, width = attributes.get("shape", "ellipse"), _style(attributes), _width(attributes)
    if attributes.get("peripheries") == "2":
        return "draw"
    match shape:
        case "point":
            return "fork"
        case "plain":
            return "constant"
        case "cylinder":
            return "memory"
        case "hexagon":
            return "objective"
        case "oval" | "ellipse" | "circle":
            return "output" if width > _THICK else "input" if label.bold else "circle"
        case "box" if "rounded" in style:
            return "frozen" if "dashed" in style else "weights"
        case "box" if "dotted" in style:
            return "gradient"
        case "box":
            return "state" if width > _THICKEST else "attention" if width > _THICK else "function"
    raise Unreadable(f"no mark has the shape {shape!r}", _NOT_OURS)


def _style(attributes: dict[str, str]) -> set[str]:
    return {part.strip() for part in attributes.get("style", "").split(",")}


def _width(attributes: dict[str, str]) -> float:
    try:
        return float(attributes.get("penwidth", "1"))
    except ValueError:
        return 1.0


# -- wires --------------------------------------------------------------------------------------------------------------
def _wire(edge: Edge, marks: dict[str, Mark], labels: dict[str, _Label]) -> Wire:
    if edge.tail not in marks or edge.head not in marks:
        raise Unreadable("an edge begins or ends at words", _NOT_OURS)
    tail, head = marks[edge.tail], marks[edge.head]
    wire = Wire(tail, head, _wire_kind(edge, head))
    wire.tail_port, wire.head_port = _port(edge.tail_port, labels[edge.tail]), _port(edge.head_port, labels[edge.head])
    wire.label = "<BR/>".join(_label(edge.attributes).lines)
    return wire


def _wire_kind(edge: Edge, head: Mark) -> WireKind:
    arrow = edge.attributes.get("arrowhead", "normal")
    if (arrow == "none") != (head.kind == "fork"):
        raise Unreadable(
            "an edge without an arrow head ends at a mark" if arrow == "none" else "an arrow points to a dot", _NOT_OURS
        )
    match arrow:
        case "none":
            return "data"
        case "dot":
            return "gate"
        case "empty":
            return "updates" if ":" in edge.attributes.get("color", "") else "first"
    return "return" if "dashed" in _style(edge.attributes) else "data"


def _port(name: str, label: _Label) -> int | None:
    for row in label.rows:
        for i, (port, _) in enumerate(row):
            if name and port == name:
                return i
    if len(name) > 2 or (name and name not in ("n", "s", "e", "w", "ne", "nw", "se", "sw", "c", "_")):
        raise Unreadable("an edge ends at a port that its mark has not", _NOT_OURS)
    return None


# -- labels -------------------------------------------------------------------------------------------------------------
def _label(attributes: dict[str, str]) -> _Label:
    """A label as it is seen."""
    text = attributes.get("label", "")
    found = _Label()
    if not text:
        return found
    if "label is html" not in attributes:
        found.lines = [line for line in (written([Run(t)]) for t in text.replace("\\l", "\\n").split("\\n")) if line]
        return found
    try:
        root = ET.fromstring(f"<LABEL>{text}</LABEL>")
    except (ET.ParseError, ValueError):
        raise Unreadable("a label's markup is broken", _NOT_OURS) from None
    lines: list[list[Run]] = [[]]
    _walk(root, False, "", lines, found)
    found.lines = unfolded(line for line in map(written, lines) if line)
    found.bold = bool(found.lines) and found.lines[0].startswith("<B>")
    return found


def _walk(element: ET.Element, bold: bool, shift: Shift, lines: list[list[Run]], found: _Label) -> None:
    """The runs of an element; rows of cells with ports, and the tag, are put aside."""
    tag = element.tag.upper()
    if tag == "BR":
        lines.append([])
        return
    if tag == "TABLE":
        cells = [td for tr in element for td in tr]
        if any(td.get("PORT") and not td.get("BORDER") for td in cells):
            _infix(cells, lines, found)
            return
        if cells and all(td.get("PORT") for td in cells):
            found.rows.append([(td.get("PORT", ""), _text_of(td)) for td in cells])
            return
        if len(cells) == 1 and cells[0].get("BGCOLOR"):
            found.tag = _text_of(cells[0])
            return
    bold = bold or tag == "B"
    shift = "SUB" if tag == "SUB" else "SUP" if tag == "SUP" else shift
    if element.text:
        lines[-1].append(Run(element.text, bold, shift))
    for child in element:
        _walk(child, bold, shift, lines, found)
        if child.tail:
            lines[-1].append(Run(child.tail, bold, shift))


def _infix(cells: list[ET.Element], lines: list[list[Run]], found: _Label) -> None:
    """An operator between its operands."""
    parts = operators.parted(" ".join(_text_of(td) for td in cells))
    if parts is None:
        raise Unreadable("an operator has no sign", _NOT_OURS)
    left, sign, right = parts
    lines[-1].append(Run(html.unescape(sign)))
    found.rows.append(list(zip((td.get("PORT", "") for td in cells if td.get("PORT")), (left, right))))


def _text_of(element: ET.Element) -> str:
    lines: list[list[Run]] = [[]]
    _walk(element, False, "", lines, _Label())
    return "<BR/>".join(written(line) for line in lines if line)
