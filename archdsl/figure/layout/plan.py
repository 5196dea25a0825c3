"""What a panel is to the layout: vertices in frames, joined by links; items, which stand in an order from left to right.

In: the marks, frames and wires of a panel with their measured sizes. Out: `Plan`, which `ranks`, `order`, `columns` and `lines` fill in.
Rows count upwards. A wire that passes rows between its ends has a vertex in each; those that lie in one frame are one item, which has one
place from left to right, so that a long wire is one straight lane.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GAP = 15.0
"""Between two marks side by side."""
LANE = 9.0
"""Between two lines, or a line and a mark."""
TRACK = 8.0
"""Between two tracks."""
ASIDE = 14.0
"""Between what returns and any other line."""


@dataclass(eq=False)
class Spot:
    """A mark with its size, relative to the vertex it belongs to."""

    name: str
    width: float
    height: float
    shape: str = "box"
    kind: str = ""
    dx: float = 0.0


@dataclass(eq=False)
class Vertex:
    """What takes room in one row: a mark (or a cell with the delay beside it), or a piece of a lane, perhaps with words."""

    group: Group
    item: Item
    row: int = 0
    left: float = 0.0
    right: float = 0.0
    up: float = 0.0
    down: float = 0.0
    spots: list[Spot] = field(default_factory=list)
    words: Wire | None = None
    over: bool = False
    """Whether its words stand above it, and not at one side."""
    above: list[Joint] = field(default_factory=list)
    below: list[Joint] = field(default_factory=list)
    beside: list[Vertex] = field(default_factory=list)
    """Vertices of the same row that a wire joins to it, over the row above or under the row below."""
    key: tuple[int, ...] = ()
    """Its place in the order, down from the panel's frame."""

    @property
    def line(self) -> bool:
        return not self.spots


Key = tuple[int, ...]
"""A place in the order, down from the panel's frame."""


@dataclass(eq=False)
class Joint:
    """One end of a piece of wire between two rows."""

    other: Vertex
    dx: float = 0.0
    far: float = 0.0
    """Where it meets the vertices, from their middles."""
    weight: float = 1.0
    """What it costs to cross it."""


End = tuple[Vertex, float, float, bool]
"""The other end of a piece of wire, where it meets that, what it costs to cross it, and whether both ends lie in one item."""


Foot = tuple[Vertex, float]
"""A vertex, and where a line meets it, from its middle."""


@dataclass(eq=False)
class Strip:
    """What an item has in one row."""

    width: float
    above: list[End]
    below: list[End]
    """To the next row and the one before."""
    beside: list[Vertex]
    up: list[Vertex]
    down: list[Vertex]
    """What wires join it to outside of the item, in this row, the next and the one before."""


@dataclass(eq=False)
class Item:
    """What stands in its frame's order as one: a vertex, a lane, or a frame."""

    parent: Group | None
    vertices: list[Vertex] = field(default_factory=list)
    group: Group | None = None
    still: bool = False
    lane: Wire | None = None
    path: tuple[int, ...] = ()
    """Its place in the order, down from the panel's frame."""
    rows: dict[int, Strip] = field(default_factory=dict)
    span: int = 0
    """A bit for each row in which it has something."""
    ends: int = 0
    """A bit for each row in which a wire joins it to what lies outside of it."""
    near: set[int] = field(default_factory=set)
    """The `id()` of every item that it is joined to."""
    x: float = 0.0

    @property
    def low(self) -> int:
        return self.group.low if self.group else self.vertices[0].row

    @property
    def high(self) -> int:
        return self.group.high if self.group else self.vertices[-1].row

    def all_vertices(self) -> list[Vertex]:
        if self.group is None:
            return self.vertices
        return [v for item in self.group.items for v in item.all_vertices()]


@dataclass(eq=False)
class Group:
    """A frame around items."""

    name: str
    kind: str
    parent: Group | None = None
    items: list[Item] = field(default_factory=list)
    item: Item | None = None
    words: Spot | None = None
    title: tuple[float, float] = (0.0, 0.0)
    low: int = 0
    high: int = 0
    x0: float = 0.0
    x1: float = 0.0
    y0: float = 0.0
    y1: float = 0.0

    def path(self) -> list[Group]:
        """It and those around it, from the panel inwards."""
        return [*self.parent.path(), self] if self.parent else [self]


@dataclass(eq=False)
class Wire:
    """A wire, and then the vertices it passes."""

    key: str
    tail: Vertex
    head: Vertex
    kind: str
    start: Spot
    end: Spot
    start_dx: float = 0.0
    end_dx: float = 0.0
    start_port: bool = False
    end_port: bool = False
    weight: int = 1
    highway: bool = False
    beside: bool = False
    """Whether it leads from a delay to the cell beside it."""
    round: bool = False
    """Whether a longer way leads from its tail to its head: a residual."""
    across: bool = False
    """Whether it leads from a frame into another beside it, at its side."""
    label: tuple[float, float] | None = None
    stops: list[Vertex] = field(default_factory=list)
    gone: bool = False
    """Whether it is shown that it is no more."""
    turn: str = ""
    """`back` for a wire that returns downwards, `side` for one that enters a round mark from its side."""

    @property
    def source(self) -> tuple[str, float]:
        """What is the same for all wires of one value."""
        return self.start.name, self.start_dx if self.start_port else 0.0


@dataclass(eq=False)
class Plan:
    root: Group
    groups: list[Group]
    vertices: list[Vertex] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    pairs: list[tuple[Wire | None, Wire | None, Vertex]] = field(default_factory=list)
    rows: int = 0
    room: float = 1.0
    """How much room there is between things, compared with what is usual."""


def common(a: Group, b: Group) -> Group:
    """The innermost frame that holds both."""
    one, other = a.path(), b.path()
    found = one[0]
    for g, h in zip(one, other):
        if g is not h:
            break
        found = g
    return found


def below(group: Group, vertex: Vertex) -> Vertex | Group:
    """What of a frame's own things a vertex lies in: itself, or a frame in the frame."""
    path = vertex.group.path()
    k = path.index(group)
    return path[k + 1] if k + 1 < len(path) else vertex


def depth(plan: Plan, group: Group, side: str) -> int:
    """How many borders lie in one another where a frame ends."""
    inner = [g for g in plan.groups if g.parent is group and getattr(g, side) == getattr(group, side)]
    return 1 + max((depth(plan, g, side) for g in inner), default=0)


def zone_of(plan: Plan, group: Group, channel: int) -> tuple[str, int]:
    """Where a piece of wire in a frame changes its column above the row `channel`: below the border of a frame that ends there, between all
    borders, or above the border of one that begins; and how many borders of such frames lie in that one's."""
    if group.high == channel:
        return "end", depth(plan, group, "high") - 1
    if group.low == channel + 1:
        return "start", depth(plan, group, "low") - 1
    return "middle", 0
