"""The wires that dot does not draw: what a state hands on, residuals round the side, and what enters a round mark from its side.

In: a sheet that dot laid out, and what is to be connected. Out: the same sheet with these edges in it. They run in straight lanes with
rounded corners, clear of every mark and label, beside what they pass by at one distance; where that cannot be, they take the way that
crosses least.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archdsl.figure.layout.bus import spread
from archdsl.figure.layout.frames import make_room
from archdsl.figure.layout.geometry import Box, Edge, Node, Point, Sheet, label_size
from archdsl.figure.layout.labels import beside, settle
from archdsl.figure.layout.maze import through
from archdsl.figure.layout.world import World, blocked, crossings, hits, overlaps, remember, survey

_CLEAR = 9.0
"""Distance of a lane from what it passes by."""
_ROUND = 6.0
_LEVELS = (0.0, 6.0, -6.0, 11.0, -11.0)
"""How far above a fork a way may leave its stem."""
_ARROW = 6.0
_DOT = 4.8


def finish(sheet: Sheet, routes: list[dict[str, str]], sides: set[str], ports: dict[str, str]) -> None:
    """Draws the edges in `routes`, redraws those of `sides`, sets upright what can be, and makes room around them."""
    for edge in sheet.edges.values():
        _upright(sheet, edge, ports.get(edge.key, ""))
    world = survey(sheet)
    spread(sheet, world, ports, sides, _draw)
    taken: dict[str, set[str]] = {}
    for route in sorted(routes, key=lambda r: _ORDER[r["kind"]]):
        if route["kind"] == "around":
            _connect(sheet, world, route, taken)
    for key in sorted(sides, key=lambda k: _key_order(k)):
        _from_side(sheet, world, sheet.edges[key], taken)
    for route in sorted(routes, key=lambda r: (_ORDER[r["kind"]], -_reach(sheet, r))):
        if route["kind"] != "around":
            _connect(sheet, world, route, taken)
    settle(sheet, world, growing=True)
    make_room(sheet)
    settle(sheet, world)


_ORDER = {"around": 0, "beside": 1, "return": 2}


def _key_order(key: str) -> tuple[str, int]:
    head, _, number = key.rpartition("_w")
    return head, int(number)


def _reach(sheet: Sheet, route: dict[str, str]) -> float:
    return -abs(sheet.nodes[route["tail"]].box.y - sheet.nodes[route["head"]].box.y)


def _upright(sheet: Sheet, edge: Edge, ports: str) -> None:
    """A curve between marks that stand above each other becomes one straight line."""
    tail, head = sheet.nodes[edge.tail], sheet.nodes[edge.head]
    if tail.box.y1 > head.box.y0 + 1 or edge.tail == edge.head:
        return
    a = _anchors(tail, edge.points[0][0], ports in ("tail", "both"))
    b = _anchors(head, (edge.tip or edge.points[-1])[0], ports in ("head", "both"))
    low, high = max(a[0], b[0]), min(a[1], b[1])
    if low > high:
        return
    narrow = min((a, b), key=lambda r: r[1] - r[0])
    x = min(max(sum(narrow) / 2, low), high)
    start = (x, tail.box.y if tail.box.width < 8 else tail.box.y1)
    end = (x, head.box.y if head.box.width < 8 else head.box.y0)
    lane = Box(x, start[1], x, end[1]).grown(3)
    if any(n.box.meets(lane) for n in sheet.nodes.values() if n not in (tail, head)):
        return
    if any(e.label and e is not edge and e.label.meets(lane.grown(-2)) for e in sheet.edges.values()):
        return
    moved = edge.label.moved(x + 1 - edge.label.x0, 0) if edge.label else None
    if moved and any(n.box.meets(moved) for n in sheet.nodes.values()):
        return
    edge.label = moved
    back = abs(edge.tip[1] - edge.points[-1][1]) + abs(edge.tip[0] - edge.points[-1][0]) if edge.tip else 0.0
    if edge.tip:
        back = ((edge.tip[1] - edge.points[-1][1]) ** 2 + (edge.tip[0] - edge.points[-1][0]) ** 2) ** 0.5
        edge.tip = end
    edge.points = [start, *_straight(start, (x, end[1] - back))]


def _anchors(node: Node, port: float, is_port: bool) -> tuple[float, float]:
    """Where along its width a line may meet a mark."""
    if is_port:
        return port, port
    if node.shape in ("box", "hexagon", "cylinder"):
        inset = 8.0 if node.shape == "box" else node.box.width / 4
        return node.box.x0 + min(inset, node.box.width / 2), node.box.x1 - min(inset, node.box.width / 2)
    return node.box.x, node.box.x


# -- entering from the side --------------------------------------------------------------------------------------------
def _from_side(sheet: Sheet, world: World, edge: Edge, taken: dict[str, set[str]]) -> None:
    """A wire into a round mark that comes from far to one side goes up, and then straight in."""
    tail, head = sheet.nodes[edge.tail], sheet.nodes[edge.head]
    away = tail.box.x - head.box.x
    side = "e" if away > 0 else "w"
    if (
        abs(away) < head.box.width / 2 + 10
        or tail.box.y1 > head.box.y - 4
        or side in taken.setdefault(edge.head, set())
    ):
        return
    end = (head.box.x1 if side == "e" else head.box.x0, head.box.y)
    start = (tail.box.x, tail.box.y1 if tail.box.width > 8 else tail.box.y)
    corners = [start, (start[0], end[1]), end]
    own = edge.label
    world.labels = [b for b in world.labels if b is not own]
    if (
        overlaps(corners, world, {e.key for e in sheet.edges.values() if e.tail == edge.tail})
        or blocked(corners, world, {edge.tail, edge.head}, _CLEAR / 2)
        or crossings(corners, world, edge.key) > crossings(edge.line(), world, edge.key) + 1
    ):
        if own:
            world.labels.append(own)
        return
    if own:
        edge.label = beside(corners, own.width, own.height, sheet, world)
    taken[edge.head].add(side)
    _draw(edge, corners)
    remember(world, edge, corners)


# -- going round --------------------------------------------------------------------------------------------------------
def _connect(sheet: Sheet, world: World, route: dict[str, str], taken: dict[str, set[str]]) -> None:
    tail, head = sheet.nodes[route["tail"]], sheet.nodes[route["head"]]
    edge = Edge(route["key"], tail.name, head.name, [], drawn_here=True)
    used = taken.setdefault(head.name, set())
    skip = route["kind"] == "around"
    corners = _over(tail, head) if route["kind"] == "beside" else _best(sheet, world, tail, head, used, skip)
    used.add(_side_of(head.box, corners))
    if route["label"]:
        edge.label = beside(corners, *label_size(route["label"]), sheet, world)
    _draw(edge, corners)
    sheet.edges[edge.key] = edge
    remember(world, edge, corners)


def _side_of(box: Box, corners: list[Point]) -> str:
    (x, y), end = corners[-2], corners[-1]
    return "e" if x > end[0] + 0.1 else "w" if x < end[0] - 0.1 else "s" if y < end[1] else "n"


def _over(tail: Node, head: Node) -> list[Point]:
    """From the top of a cell over to the delay beside it."""
    right = head.box.x > tail.box.x
    start = tail.box.x1 - min(14.0, tail.box.width / 4) if right else tail.box.x0 + min(14.0, tail.box.width / 4)
    top = max(tail.box.y1, head.box.y1) + _CLEAR + 2
    return [(start, tail.box.y1), (start, top), (head.box.x, top), (head.box.x, head.box.y1)]


def _best(sheet: Sheet, world: World, tail: Node, head: Node, used: set[str], skip: bool) -> list[Point]:
    """The way of least cost: with one lane, else through a maze, else the one that runs through least."""
    limits = _limits(sheet, tail, head)
    own = {*sheet.path(tail.frame), *sheet.path(head.frame)}
    closed = [
        (f.name, f.box.grown(-4)) for f in sheet.frames.values() if f.name not in own and not f.name.endswith("_pair")
    ]
    world = replace(world, boxes=[*world.boxes, *closed])
    ends = {tail.name, head.name}
    ways = sorted(_ways(sheet, world, tail, head, used, skip, limits), key=lambda w: w[0])
    friends = {e.key for e in sheet.edges.values() if e.tail == tail.name}
    best: tuple[float, list[Point]] | None = None
    for cost, corners in ways:
        if best and cost >= best[0]:
            break
        if not blocked(corners, world, ends, _CLEAR - 2) and not overlaps(corners, world, friends):
            total = cost + 25 * crossings(corners, world, "")
            best = (total, corners) if best is None or total < best[0] else best
    if best:
        return best[1]
    found = through(world, tail, head, limits, friends)
    if found or not ways:
        return found or [(tail.box.x, tail.box.y), (head.box.x, head.box.y)]
    return min(ways, key=lambda w: w[0] + 1000 * hits(w[1], world, ends))[1]


def _limits(sheet: Sheet, tail: Node, head: Node) -> Box:
    """Where a lane may run: inside the innermost frame that holds both ends; in the panel itself, as far out as it likes."""
    common = next((f for f in sheet.path(tail.frame) if f in sheet.path(head.frame)), "")
    frame = sheet.frames[common]
    return frame.box.grown(-4) if frame.parent else frame.box.grown(400)


def _ways(
    sheet: Sheet, world: World, tail: Node, head: Node, used: set[str], skip: bool, limits: Box
) -> Iterator[tuple[float, list[Point]]]:
    point = tail.box.width < 8
    starts: list[tuple[str, Point, float]] = [
        (side, (tail.box.x if point else x, tail.box.y), level)
        for side, x in (("e", tail.box.x1), ("w", tail.box.x0))
        for level in (_LEVELS if point else (0.0,))
    ]
    round_head = head.shape in ("circle", "ellipse", "oval")
    bottom = head.box.y0 - _CLEAR
    for lane in _lanes(sheet, world, tail, head, limits):
        for side, start, level in starts:
            if (lane - start[0]) * (1 if side == "e" else -1) <= (0 if point else 3):
                continue
            y = start[1] + level
            begin = [start, (start[0], y), (lane, y)] if level else [start, (lane, y)]
            into = "e" if lane > head.box.x1 + 3 else "w" if lane < head.box.x0 - 3 else ""
            length = abs(lane - tail.box.x) * 2 + abs(tail.box.y - head.box.y) + 2 * abs(level)
            if into and into not in used:
                end = (head.box.x1 if into == "e" else head.box.x0, head.box.y)
                yield length, [*begin, (lane, end[1]), end]
            if not round_head and (not skip or head.box.y > tail.box.y):
                end = (head.box.x + (8 if lane > head.box.x else -8) * ("s" in used), head.box.y0)
                yield length + 30, [*begin, (lane, bottom), (end[0], bottom), end]


def _lanes(sheet: Sheet, world: World, tail: Node, head: Node, limits: Box) -> list[float]:
    low, high = sorted((tail.box.y, head.box.y))
    found = set()
    for _, box in world.boxes:
        if box.y1 > low - 40 and box.y0 < high + 40:
            found |= {round(box.x0 - _CLEAR, 2), round(box.x1 + _CLEAR, 2)}
    for box in world.labels:
        if box.y1 > low - 10 and box.y0 < high + 10:
            found |= {round(box.x0 - 5, 2), round(box.x1 + 5, 2)}
    for a, b, _ in world.pieces:
        if abs(a[0] - b[0]) < 0.5 and abs(a[1] - b[1]) > 20:
            found |= {round(a[0] - 7, 2), round(a[0] + 7, 2)}
    return [x for x in sorted(found) if limits.x0 <= x <= limits.x1]


# -- drawing ------------------------------------------------------------------------------------------------------------
def _draw(edge: Edge, corners: list[Point]) -> None:
    """A line through the corners, each rounded, with room for the arrow head at its end."""
    if edge.drawn_here or edge.tip is not None:
        (x, y), end = corners[-2], corners[-1]
        length = max(abs(end[0] - x) + abs(end[1] - y), 0.01)
        back = min(_ARROW if edge.drawn_here else _DOT, length - 0.01)
        edge.tip = end
        corners = [*corners[:-1], (end[0] - (end[0] - x) / length * back, end[1] - (end[1] - y) / length * back)]
    points = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:]):
        enter, leave = _toward(corner, before), _toward(corner, after)
        points += _straight(points[-1], enter)
        points += [_mix(enter, corner), _mix(leave, corner), leave]
    points += _straight(points[-1], corners[-1])
    edge.points = points


def _toward(corner: Point, other: Point) -> Point:
    length = abs(other[0] - corner[0]) + abs(other[1] - corner[1])
    by = min(_ROUND, length / 2)
    if length < 0.01:
        return corner
    return corner[0] + (other[0] - corner[0]) / length * by, corner[1] + (other[1] - corner[1]) / length * by


def _mix(a: Point, b: Point) -> Point:
    return a[0] + (b[0] - a[0]) * 0.55, a[1] + (b[1] - a[1]) * 0.55


def _straight(a: Point, b: Point) -> list[Point]:
    return [
        (a[0] + (b[0] - a[0]) / 3, a[1] + (b[1] - a[1]) / 3),
        (a[0] + (b[0] - a[0]) * 2 / 3, a[1] + (b[1] - a[1]) * 2 / 3),
        b,
    ]
