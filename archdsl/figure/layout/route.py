"""The wires that dot does not draw: what a state hands on, residuals round the side, and what enters a round mark from its side.

In: a sheet that dot laid out, and what is to be connected. Out: the same sheet with these edges in it. They run in straight lanes with
rounded corners, clear of every mark and label, beside what they pass by at one distance; where that cannot be, they take the way that
crosses least.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from archdsl.figure.layout.geometry import Box, Edge, Node, Point, Sheet, label_size

_CLEAR = 9.0
"""Distance of a lane from what it passes by."""
_ROUND = 6.0
_ARROW = 6.0
_DOT = 4.8


@dataclass
class _Map:
    """What is in the way on a sheet."""

    boxes: list[tuple[str, Box]] = field(default_factory=list)
    labels: list[Box] = field(default_factory=list)
    pieces: list[tuple[Point, Point, str]] = field(default_factory=list)


def finish(sheet: Sheet, routes: list[dict[str, str]], sides: set[str], ports: dict[str, str]) -> None:
    """Draws the edges in `routes`, redraws those of `sides`, sets upright what can be, and makes room around them."""
    for edge in sheet.edges.values():
        _upright(sheet, edge, ports.get(edge.key, ""))
    world = _map(sheet, sides)
    taken: dict[str, set[str]] = {}
    for route in sorted(routes, key=lambda r: _ORDER[r["kind"]]):
        if route["kind"] == "around":
            _connect(sheet, world, route, taken)
    for key in sorted(sides, key=lambda k: _key_order(k)):
        _from_side(sheet, world, sheet.edges[key], taken)
    for route in sorted(routes, key=lambda r: (_ORDER[r["kind"]], -_reach(sheet, r))):
        if route["kind"] != "around":
            _connect(sheet, world, route, taken)
    _make_room(sheet)
    _off_borders(sheet)


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
    back = abs((edge.tip[1] - edge.points[-1][1])) + abs(edge.tip[0] - edge.points[-1][0]) if edge.tip else 0.0
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


def _off_borders(sheet: Sheet) -> None:
    """Moves the words of an edge up or down where a frame's border would run through them."""
    borders = [f.box for f in sheet.frames.values()]
    for edge in sheet.edges.values():
        for step in range(24):
            if edge.label is None or not any(_cuts(b, edge.label) for b in borders):
                break
            for shift in (step, -step):
                moved = edge.label.moved(0, shift)
                others = [e.label for e in sheet.edges.values() if e.label and e is not edge]
                crowded = any(n.box.meets(moved) for n in sheet.nodes.values()) or any(b.meets(moved) for b in others)
                if not crowded and not any(_cuts(b, moved) for b in borders):
                    edge.label = moved
                    break


def _cuts(border: Box, label: Box) -> bool:
    inner = border.grown(-1.5)
    return border.grown(1.5).meets(label) and not inner.holds(label)


def _map(sheet: Sheet, sides: set[str]) -> _Map:
    world = _Map()
    for node in sheet.nodes.values():
        world.boxes.append((node.name, node.box))
    for edge in sheet.edges.values():
        if edge.label:
            world.labels.append(edge.label)
        line = edge.line()
        world.pieces.extend((a, b, edge.key) for a, b in zip(line, line[1:]))
    return world


def _remember(world: _Map, edge: Edge, corners: list[Point]) -> None:
    world.pieces = [p for p in world.pieces if p[2] != edge.key]
    world.pieces.extend((a, b, edge.key) for a, b in zip(corners, corners[1:]))
    if edge.label:
        world.labels.append(edge.label)


# -- entering from the side --------------------------------------------------------------------------------------------
def _from_side(sheet: Sheet, world: _Map, edge: Edge, taken: dict[str, set[str]]) -> None:
    """A wire into a round mark that comes from far to one side goes up, and then straight in."""
    tail, head = sheet.nodes[edge.tail], sheet.nodes[edge.head]
    away = tail.box.x - head.box.x
    side = "e" if away > 0 else "w"
    if abs(away) < head.box.width / 2 + 10 or tail.box.y1 > head.box.y - 4 or side in taken.setdefault(edge.head, set()):
        return
    end = (head.box.x1 if side == "e" else head.box.x0, head.box.y)
    start = (tail.box.x, tail.box.y1 if tail.box.width > 8 else tail.box.y)
    corners = [start, (start[0], end[1]), end]
    own = edge.label
    world.labels = [b for b in world.labels if b is not own]
    if _blocked(corners, world, {edge.tail, edge.head}, _CLEAR / 2) or _crossings(corners, world, edge.key) > _crossings(edge.line(), world, edge.key) + 1:
        if own:
            world.labels.append(own)
        return
    if own:
        edge.label = _beside(corners, own.width, own.height, sheet, world)
    taken[edge.head].add(side)
    _draw(edge, corners)
    _remember(world, edge, corners)


# -- going round --------------------------------------------------------------------------------------------------------
def _connect(sheet: Sheet, world: _Map, route: dict[str, str], taken: dict[str, set[str]]) -> None:
    tail, head = sheet.nodes[route["tail"]], sheet.nodes[route["head"]]
    edge = Edge(route["key"], tail.name, head.name, [], drawn_here=True)
    used = taken.setdefault(head.name, set())
    if route["kind"] == "beside":
        corners = _over(tail, head)
    else:
        corners = _best(sheet, world, tail, head, used, route["kind"] == "around")
    used.add(_side_of(head.box, corners))
    if route["label"]:
        edge.label = _beside(corners, *label_size(route["label"]), sheet, world)
    _draw(edge, corners)
    sheet.edges[edge.key] = edge
    _remember(world, edge, corners)


def _side_of(box: Box, corners: list[Point]) -> str:
    (x, y), end = corners[-2], corners[-1]
    return "e" if x > end[0] + 0.1 else "w" if x < end[0] - 0.1 else "s" if y < end[1] else "n"


def _over(tail: Node, head: Node) -> list[Point]:
    """From the top of a cell over to the delay beside it."""
    right = head.box.x > tail.box.x
    start = tail.box.x1 - min(14.0, tail.box.width / 4) if right else tail.box.x0 + min(14.0, tail.box.width / 4)
    top = max(tail.box.y1, head.box.y1) + _CLEAR + 2
    return [(start, tail.box.y1), (start, top), (head.box.x, top), (head.box.x, head.box.y1)]


def _best(sheet: Sheet, world: _Map, tail: Node, head: Node, used: set[str], skip: bool) -> list[Point]:
    """The way of least cost among those with one lane."""
    best: tuple[float, list[Point]] | None = None
    fallback: tuple[float, list[Point]] | None = None
    limits = _limits(sheet, tail, head)
    for cost, corners in sorted(_ways(sheet, world, tail, head, used, skip, limits), key=lambda w: w[0]):
        if best and cost >= best[0]:
            break
        if _blocked(corners, world, {tail.name, head.name}, _CLEAR - 2):
            hits = cost + 1000 * _hits(corners, world, {tail.name, head.name})
            if fallback is None or hits < fallback[0]:
                fallback = (hits, corners)
            continue
        total = cost + 25 * _crossings(corners, world, "")
        if best is None or total < best[0]:
            best = (total, corners)
    found = best or fallback
    assert found
    return found[1]


def _limits(sheet: Sheet, tail: Node, head: Node) -> Box:
    """Where a lane may run: inside the innermost frame that holds both ends; in the panel itself, as far out as it likes."""
    common = next((f for f in sheet.path(tail.frame) if f in sheet.path(head.frame)), "")
    frame = sheet.frames[common]
    return frame.box.grown(-4) if frame.parent else frame.box.grown(400)


def _ways(
    sheet: Sheet, world: _Map, tail: Node, head: Node, used: set[str], skip: bool, limits: Box
) -> Iterator[tuple[float, list[Point]]]:
    point = tail.box.width < 8
    starts: list[tuple[str, Point]] = [("e", (tail.box.x if point else tail.box.x1, tail.box.y)), ("w", (tail.box.x if point else tail.box.x0, tail.box.y))]
    round_head = head.shape in ("circle", "ellipse", "oval")
    bottom = head.box.y0 - _CLEAR
    for lane in _lanes(sheet, world, tail, head, limits):
        for side, start in starts:
            if (lane - start[0]) * (1 if side == "e" else -1) <= (0 if point else 3):
                continue
            into = "e" if lane > head.box.x1 + 3 else "w" if lane < head.box.x0 - 3 else ""
            length = abs(lane - tail.box.x) * 2 + abs(tail.box.y - head.box.y)
            if into and into not in used:
                end = (head.box.x1 if into == "e" else head.box.x0, head.box.y)
                yield length, [start, (lane, start[1]), (lane, end[1]), end]
            if not round_head and (not skip or head.box.y > tail.box.y):
                end = (head.box.x + (8 if lane > head.box.x else -8) * ("s" in used), head.box.y0)
                yield length + 30, [start, (lane, start[1]), (lane, bottom), (end[0], bottom), end]


def _lanes(sheet: Sheet, world: _Map, tail: Node, head: Node, limits: Box) -> list[float]:
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


# -- tests --------------------------------------------------------------------------------------------------------------
def _blocked(corners: list[Point], world: _Map, ends: set[str], clear: float) -> bool:
    return _hits(corners, world, ends, clear, first=True) > 0


def _hits(corners: list[Point], world: _Map, ends: set[str], clear: float = 2.0, first: bool = False) -> int:
    count = 0
    last = len(corners) - 2
    for i, (a, b) in enumerate(zip(corners, corners[1:])):
        lane = Box(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
        for name, box in world.boxes:
            if name in ends and (i in (0, last)):
                continue
            small = box.width < 8
            if box.grown(2.5 if small else clear).meets(lane.grown(0.01)):
                count += 1
                if first:
                    return count
        for box in world.labels:
            if box.meets(lane.grown(1.0)):
                count += 1
                if first:
                    return count
    return count


def _crossings(corners: list[Point], world: _Map, key: str) -> float:
    """How often other edges are crossed; running along one counts many times."""
    count = 0.0
    for a, b in zip(corners, corners[1:]):
        lane = Box(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])).grown(0.5)
        for c, d, other in world.pieces:
            if other == key:
                continue
            piece = Box(min(c[0], d[0]), min(c[1], d[1]), max(c[0], d[0]), max(c[1], d[1]))
            if not piece.grown(3).meets(lane):
                continue
            if abs(a[0] - b[0]) < 0.5 and abs(c[0] - d[0]) < 0.5 and abs(a[0] - c[0]) < 4:
                overlap = min(lane.y1, piece.y1) - max(lane.y0, piece.y0)
                count += max(0.0, overlap) / 8
            elif abs(a[1] - b[1]) < 0.5 and abs(c[1] - d[1]) < 0.5 and abs(a[1] - c[1]) < 4:
                overlap = min(lane.x1, piece.x1) - max(lane.x0, piece.x0)
                count += max(0.0, overlap) / 8
            elif piece.meets(lane):
                count += 1
    return count


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
    return [(a[0] + (b[0] - a[0]) / 3, a[1] + (b[1] - a[1]) / 3), (a[0] + (b[0] - a[0]) * 2 / 3, a[1] + (b[1] - a[1]) * 2 / 3), b]


def _beside(corners: list[Point], width: float, height: float, sheet: Sheet, world: _Map) -> Box:
    """A place for a label beside the line: next to an upright piece if one is free, else above a level one."""
    candidates: list[tuple[float, Box]] = []
    for a, b in zip(corners, corners[1:]):
        length = abs(a[0] - b[0]) + abs(a[1] - b[1])
        for k in (0.5, 0.35, 0.65, 0.2, 0.8, 0.1, 0.9):
            x, y = a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k
            shift = abs(k - 0.5) * 8
            if abs(a[0] - b[0]) < 0.5 and length >= height:
                candidates.append((shift - length / 50, Box.around(x + width / 2 + 2, y, width, height)))
                candidates.append((shift - length / 50 + 2, Box.around(x - width / 2 - 2, y, width, height)))
            elif length >= 8:
                candidates.append((shift + 10 + max(0.0, width - length), Box.around(x, y + height / 2 + 1, width, height)))
                candidates.append((shift + 11 + max(0.0, width - length), Box.around(x, y - height / 2 - 1, width, height)))
    borders = [f.box for f in sheet.frames.values()]
    return min(candidates, key=lambda c: c[0] + 40 * _clutter(c[1], world, corners) + 30 * sum(_cuts(b, c[1]) for b in borders))[1]


def _clutter(place: Box, world: _Map, own: list[Point]) -> float:
    inner = place.grown(-1)
    count = sum(3.0 for _, b in world.boxes if b.meets(inner)) + sum(3.0 for b in world.labels if b.meets(inner))
    lines = [(a, b) for a, b, _ in world.pieces] + list(zip(own, own[1:]))
    for a, b in lines:
        if Box(min(a[0], b[0]) - 0.1, min(a[1], b[1]) - 0.1, max(a[0], b[0]) + 0.1, max(a[1], b[1]) + 0.1).meets(inner):
            count += 1
    return count


def _make_room(sheet: Sheet) -> None:
    """Frames grow around what was drawn, from the inside out, and never over what is not theirs."""
    for frame in sorted(sheet.frames.values(), key=lambda f: -len(sheet.path(f.name))):
        own = {n.name for n in sheet.nodes.values() if frame.name in sheet.path(n.frame)}
        box = frame.box
        for edge in sheet.edges.values():
            if edge.tail in own and edge.head in own:
                for x, y in edge.points:
                    box = box.joined(Box(x - 8, y - 8, x + 8, y + 8))
                if edge.label:
                    box = box.joined(edge.label.grown(3))
        for inner in sheet.frames.values():
            if inner.parent == frame.name and not inner.name.endswith("_pair"):
                box = box.joined(inner.box.grown(3 if inner.name + "_outer" == frame.name else 8))
        if frame.parent:
            box = _held_back(frame.box, box, [n.box for n in sheet.nodes.values() if n.name not in own])
        if frame.title and box.x0 < frame.box.x0:
            frame.title = (frame.title[0] + box.x0 - frame.box.x0, frame.title[1])
        frame.box = box


def _held_back(old: Box, new: Box, others: list[Box]) -> Box:
    """The new box, side by side only as far out as leaves the others alone."""
    result = old
    for side in ("x0", "x1", "y0", "y1"):
        sign = -1 if side.endswith("0") else 1
        while (getattr(new, side) - getattr(result, side)) * sign > 0.01:
            step = min(2.0, abs(getattr(new, side) - getattr(result, side)))
            wider = replace(result, **{side: getattr(result, side) + sign * step})
            if any(o.meets(wider.grown(5)) and not o.meets(result.grown(5)) for o in others):
                break
            result = wider
    return result
