"""What Graphviz placed: boxes, curves and frames of one panel, in points, y upwards.

In: Graphviz's JSON. Out: `Measured`, which `layered` makes a `Sheet` from; it writes itself as DOT that fixes every position.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from archdsl.figure.layout import fonts

Point = tuple[float, float]
_TAGS = re.compile(r"<[^>]*>")
_LINES = re.compile(r"<BR[^>]*>", re.IGNORECASE)


@dataclass
class Box:
    """A rectangle."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def y(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    def grown(self, by: float) -> Box:
        return Box(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def meets(self, other: Box) -> bool:
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def holds(self, other: Box) -> bool:
        return self.x0 <= other.x0 and self.y0 <= other.y0 and other.x1 <= self.x1 and other.y1 <= self.y1

    def joined(self, other: Box) -> Box:
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def moved(self, dx: float, dy: float) -> Box:
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    @staticmethod
    def around(x: float, y: float, width: float, height: float) -> Box:
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


@dataclass
class Node:
    name: str
    box: Box
    shape: str
    frame: str = ""
    """The innermost cluster it lies in."""


@dataclass
class Edge:
    key: str
    tail: str
    head: str
    points: list[Point]
    tip: Point | None = None
    label: Box | None = None
    kind: str = ""


@dataclass
class Frame:
    name: str
    box: Box
    parent: str = ""
    title: Point | None = None


@dataclass
class Sheet:
    """One panel with every position."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    frames: dict[str, Frame] = field(default_factory=dict)

    def bounds(self) -> Box:
        boxes = [f.box for f in self.frames.values()]
        box = boxes[0]
        for other in boxes[1:]:
            box = box.joined(other)
        return box

    def move(self, dx: float, dy: float) -> None:
        for node in self.nodes.values():
            node.box = node.box.moved(dx, dy)
        for edge in self.edges.values():
            edge.points = [(x + dx, y + dy) for x, y in edge.points]
            edge.tip = (edge.tip[0] + dx, edge.tip[1] + dy) if edge.tip else None
            edge.label = edge.label.moved(dx, dy) if edge.label else None
        for frame in self.frames.values():
            frame.box = frame.box.moved(dx, dy)
            frame.title = (frame.title[0] + dx, frame.title[1] + dy) if frame.title else None

    def path(self, frame: str) -> list[str]:
        """A frame and those around it, the innermost first."""
        found = []
        while frame:
            found.append(frame)
            frame = self.frames[frame].parent
        return found

    def statements(self) -> Iterator[str]:
        """DOT that fixes every position."""
        for frame in self.frames.values():
            if not frame.parent:
                yield self._frame_statement(frame)
        for node in self.nodes.values():
            yield f'"{node.name}" [pos="{node.box.x:.2f},{node.box.y:.2f}"]'
        for edge in self.edges.values():
            tip = f"e,{_xy(edge.tip)} " if edge.tip else ""
            label = f', lp="{edge.label.x:.2f},{edge.label.y:.2f}"' if edge.label else ""
            curve = " ".join(_xy(p) for p in edge.points)
            yield f'"{edge.tail}" -> "{edge.head}" [key="{edge.key}", pos="{tip}{curve}"{label}]'

    def _frame_statement(self, frame: Frame) -> str:
        """A cluster and those in it: DOT knows a cluster by its name and by what it lies in."""
        b = frame.box
        title = f' lp="{_xy(frame.title)}";' if frame.title else ""
        inner = " ".join(self._frame_statement(f) for f in self.frames.values() if f.parent == frame.name)
        return f'subgraph "{frame.name}" {{ bb="{b.x0:.2f},{b.y0:.2f},{b.x1:.2f},{b.y1:.2f}";{title} {inner} }}'


def _xy(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"


def label_size(label: str, size: float = 7.5) -> tuple[float, float]:
    """How large the text of an edge is, about."""
    font = fonts.load()
    lines = [
        html.unescape(_TAGS.sub("", line)).replace("\\\\", "\\")
        for line in _LINES.split(label.removeprefix("<").removesuffix(">"))
    ]
    width = max((font.width(line, size) if font else 0.6 * size * len(line)) for line in lines)
    return width + 4, 1.2 * size * len(lines) + 2


_NODESEP = 0.22
"""What is usual between two nodes, in inches."""


@dataclass
class Measured:
    """How large Graphviz makes what it is given, in points."""

    nodes: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    """Width, height and shape."""
    ports: dict[str, tuple[float, float]] = field(default_factory=dict)
    """How far from the middles of its ends an edge meets their ports."""
    titles: dict[str, tuple[float, float]] = field(default_factory=dict)
    lying: bool = False
    """Whether the figure is read to the side; then all that is here lies on its side, too."""
    room: float = 1.0
    """How much room there is between things, compared with what is usual."""
    words: float = 7.5
    """The size of the words at edges."""

    def label(self, text: str) -> tuple[float, float]:
        """How large the words at an edge are."""
        width, height = label_size(text, self.words)
        return (height, width) if self.lying else (width, height)


def measure(data: bytes, lying: bool) -> Measured:
    """The sizes in Graphviz's JSON; its places do not count."""
    graph = json.loads(data)
    sizes, objects = (
        Measured(lying=lying, room=float(graph.get("nodesep", _NODESEP)) / _NODESEP),
        graph.get("objects", []),
    )
    sizes.words = min((float(e.get("fontsize", sizes.words)) for e in graph.get("edges", [])), default=sizes.words)
    for thing in objects:
        if "pos" in thing:
            width, height = 72 * float(thing["width"]), 72 * float(thing["height"])
            thing["shape"] = (
                "lying hexagon" if lying and thing.get("shape") == "hexagon" else thing.get("shape", "ellipse")
            )
            sizes.nodes[thing["name"]] = (
                *((height, width) if lying else (width, height)),
                thing.get("shape", "ellipse"),
            )
        elif thing.get("lwidth"):
            sizes.titles[thing["name"]] = 72 * float(thing["lwidth"]), 72 * float(thing["lheight"])
    for thing in graph.get("edges", []):
        if "pos" in thing and ("tailport" in thing or "headport" in thing):
            edge = _edge(thing, "", "")
            start, end = edge.points[0], edge.tip or edge.points[-1]
            a, b = (_point(objects[thing[side]]["pos"]) for side in ("tail", "head"))
            sizes.ports[edge.key] = (a[1] - start[1], b[1] - end[1]) if lying else (start[0] - a[0], end[0] - b[0])
    return sizes


def read(data: bytes) -> Sheet:
    """The sheet that Graphviz's JSON describes."""
    graph = json.loads(data)
    sheet = Sheet()
    objects = graph.get("objects", [])
    for thing in objects:
        if thing["name"].startswith("cluster"):
            box = Box(*map(float, thing["bb"].split(",")))
            sheet.frames[thing["name"]] = Frame(
                thing["name"], box, title=_point(thing["lp"]) if thing.get("lp") else None
            )
        elif "pos" in thing:
            x, y = _point(thing["pos"])
            box = Box.around(x, y, 72 * float(thing["width"]), 72 * float(thing["height"]))
            sheet.nodes[thing["name"]] = Node(thing["name"], box, thing.get("shape", "ellipse"))
    for thing in objects:
        if thing["name"] in sheet.frames:
            for i in thing.get("subgraphs", []):
                if objects[i]["name"] in sheet.frames:
                    sheet.frames[objects[i]["name"]].parent = thing["name"]
    for thing in objects:
        if thing["name"] in sheet.frames:
            for i in thing.get("nodes", []):
                node = sheet.nodes[objects[i]["name"]]
                if not node.frame or thing["name"] not in sheet.path(node.frame):
                    node.frame = thing["name"]
    for thing in graph.get("edges", []):
        if "pos" in thing:
            edge = _edge(thing, objects[thing["tail"]]["name"], objects[thing["head"]]["name"])
            sheet.edges[edge.key] = edge
    return sheet


def _edge(thing: dict[str, str], tail: str, head: str) -> Edge:
    tip: Point | None = None
    points: list[Point] = []
    for part in thing["pos"].split(";")[0].split():
        if part.startswith("e,"):
            tip = _point(part[2:])
        elif not part.startswith("s,"):
            points.append(_point(part))
    label = None
    if "lp" in thing and thing.get("label"):
        label = Box.around(*_point(thing["lp"]), *label_size(thing["label"]))
    return Edge(thing["id"], tail, head, points, tip, label)


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)
