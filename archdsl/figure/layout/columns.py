"""Columns: places from left to right that keep marks apart and wires short and straight, frames no wider than they must be.

In: a plan in rows and in order. Out: the same plan, with an `x` for every item and sides for every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archdsl.figure.layout import simplex
from archdsl.figure.layout.plan import ASIDE, GAP, LANE, Foot, Group, Item, Plan, Vertex, Wire, common, zone_of

_UNIT = 4
"""Steps in a point."""
_PAD = {"panel": 14.0, "stack": 16.0}
_FRAME = 13.0
_BESIDE_FRAME = 12.0
_LITTLE, _DEARER = 24.0, 8
"""Lines that bend by less had better be straight, and how much more it costs to bend what is straight."""
_NARROW = 5000
"""What it costs to be wider than the page, compared with a bend."""
_AFTER_WORDS = 7.0
"""Words are nearer to their own line than to the next."""

_STEMS = 5.0
"""Between two upright pieces of lines."""

Thing = Vertex | Group
_Stems = tuple[int, Foot, Foot]
"""Of a piece of wire between two rows: where it changes its column, counted from below; its lower and its upper end."""


def place(plan: Plan, most: float | None = None, apart: Sequence[tuple[Foot, Foot]] = ()) -> None:
    """`most` is how wide the panel becomes, or wider where it must. The feet of a pair in `apart` are not right above one another."""
    net = _Net(plan.room)
    for g in plan.groups:
        net.left[id(g)], net.right[id(g)] = net.new(), net.new()
        least, weight = (max(most, g.title[0]), _NARROW) if most and g is plan.root else (g.title[0], 1)
        net.edges.append((net.left[id(g)], net.right[id(g)], _whole(least), weight))
        for item in g.items:
            if item.group is None:
                net.x[id(item)] = net.new()
    for g in plan.groups:
        for row in range(g.low, g.high + 1):
            _separate(net, g, row)
    for wire in plan.wires:
        last = len(wire.stops) - 2
        for k, (a, b) in enumerate(zip(wire.stops, wire.stops[1:])):
            if a.item is not b.item:
                da = wire.start_dx if k == 0 else 0.0
                db = wire.end_dx if k == last else 0.0
                net.align(a.item, b.item, da, db, _weight(wire.weight, a, b))
    if most:
        _keep_stems_apart(net, plan)
    for one, other in apart:
        _keep_apart(net, one, other)
    places = net.solved(stairs=bool(most))
    for g in plan.groups:
        g.x0, g.x1 = places[net.left[id(g)]] / _UNIT, places[net.right[id(g)]] / _UNIT
        for item in g.items:
            if item.group is None:
                item.x = places[net.x[id(item)]] / _UNIT


def _keep_stems_apart(net: _Net, plan: Plan) -> None:
    """Between two rows, what rises from a lower border does not run along what comes up to a higher one."""
    channels: dict[int, list[_Stems]] = {}
    for wire in plan.wires:
        last = len(wire.stops) - 2
        for k, (a, b) in enumerate(zip(wire.stops, wire.stops[1:])):
            if a.item is not b.item and a.row != b.row:
                ends = [(a, wire.start_dx if k == 0 else 0.0), (b, wire.end_dx if k == last else 0.0)]
                low, high = sorted(ends, key=lambda end: end[0].row)
                kind, level = zone_of(plan, common(a.group, b.group), low[0].row)
                place = {"end": level, "middle": 1000, "start": 2000 - level}[kind]
                channels.setdefault(low[0].row, []).append((place, low, high))
    for stems in channels.values():
        for under, _, (v, dv) in stems:
            for over, (u, du), _ in stems:
                if under < over:
                    _keep_apart(net, (u, du), (v, dv))


def _keep_apart(net: _Net, a: Foot, b: Foot) -> None:
    (left, dl), (right, dr) = sorted((a, b), key=lambda end: end[0].key)
    if left.item is not right.item:
        net.edges.append((net.x[id(left.item)], net.x[id(right.item)], _whole(_STEMS + dl - dr), 0))


def words_outside(plan: Plan) -> None:
    """The words of what returns stand on the side of its lane away from what it joins, or else above it."""
    for wire in plan.wires:
        if wire.turn == "back":
            _words_outside(wire)


def _words_outside(wire: Wire) -> None:
    lane = [v for v in wire.stops[1:-1] if v.words]
    for v in lane:
        joined = [o for o in v.beside if o.row == v.row]
        right, left = any(o.key > v.key for o in joined), any(o.key < v.key for o in joined)
        if right and left and wire.label:
            v.over = True
            v.left = v.right = wire.label[0] / 2 + 1
            v.up, v.down = wire.label[1] + 3, 1.0
        elif right or (not left and v.key < min(wire.tail.key, wire.head.key)):
            v.left, v.right = max(v.left, v.right), 0.0


def frame_pad(group: Group) -> float:
    """From a frame's side to what stands in it."""
    return _PAD.get(group.kind, _FRAME)


class _Net:
    """The variables and edges of the network."""

    def __init__(self, room: float) -> None:
        self.room = room
        self.count = 0
        self.edges: list[simplex.Edge] = []
        self.joined: list[tuple[int, int, int, int]] = []
        """Two variables that had better be so far apart, and what each step more or less costs."""
        self.x: dict[int, int] = {}
        self.left: dict[int, int] = {}
        self.right: dict[int, int] = {}

    def new(self) -> int:
        self.count += 1
        return self.count - 1

    def align(self, a: Item, b: Item, da: float, db: float, weight: int) -> None:
        self.joined.append((self.x[id(a)], self.x[id(b)], round(da * _UNIT) - round(db * _UNIT), weight))

    def solved(self, stairs: bool) -> list[int]:
        """Least bend; then again, where what bends a little costs more, so that few lines bend, and those much; then, unless there may be
        `stairs`, with fewer of them."""
        weights = [w for *_, w in self.joined]
        places = self._solve(weights)
        if any(0 < bend < _LITTLE * _UNIT for bend in map(abs, self._bends(places))):
            weights = [
                round(w * max(1.0, _DEARER * 10 / (10 + abs(bend) / _UNIT)))
                for w, bend in zip(weights, self._bends(places))
            ]
            places = self._solve(weights)
        for end in () if stairs else (0, 1):
            places = self._without_stairs(places, weights, end)
        return places

    def _bends(self, places: list[int]) -> list[int]:
        return [places[b] - places[a] - d for a, b, d, _ in self.joined]

    def _without_stairs(self, places: list[int], weights: list[int], end: int) -> list[int]:
        """Where a line goes to one side in two steps, it had better go in one: the first step is to be none, or the second."""
        bends = self._bends(places)
        stairs = [(i, j) for i, j in self._middles() if bends[i] * bends[j] > 0]
        if not stairs:
            return places
        dearer = list(weights)
        for stair in stairs:
            dearer[stair[end]] *= _DEARER
        found = self._solve(dearer)
        bent, before = (sum(map(bool, self._bends(p))) for p in (found, places))
        return found if bent < before else places

    def _middles(self) -> list[tuple[int, int]]:
        """Two joined pieces each, the only ones of what is between them."""
        of: dict[int, list[int]] = {}
        for i, (a, b, _, _) in enumerate(self.joined):
            of.setdefault(a, []).append(i)
            of.setdefault(b, []).append(i)
        return [
            (two[0], two[1])
            for v, two in of.items()
            if len(two) == 2 and self.joined[two[0]][1] == v and self.joined[two[1]][0] == v
        ]

    def _solve(self, weights: list[int]) -> list[int]:
        edges, count = list(self.edges), self.count
        for (a, b, d, _), weight in zip(self.joined, weights):
            edges += [(count, a, min(0, -d), weight), (count, b, min(0, d), weight)]
            count += 1
        return simplex.solve(count, edges)


def _whole(length: float) -> int:
    return -int(-length * _UNIT // 1)


def _weight(weight: int, a: Vertex, b: Vertex) -> int:
    if a.row == b.row:
        return 1
    return weight * (1 + a.line + b.line)


def _separate(net: _Net, group: Group, row: int) -> None:
    """What stands in one row of a frame keeps apart, and inside it."""
    things = [t for item in group.items if (t := _at(item, row)) is not None]
    pad = frame_pad(group) * net.room
    if not things:
        return
    first, last = things[0], things[-1]
    net.edges.append((net.left[id(group)], _low(net, first), _whole(pad + left_of(first)), 0))
    net.edges.append((_high(net, last), net.right[id(group)], _whole(pad + right_of(last)), 0))
    for a, b in pairwise(things):
        net.edges.append((_high(net, a), _low(net, b), _whole(right_of(a) + gap(a, b) * net.room + left_of(b)), 0))


def _at(item: Item, row: int) -> Thing | None:
    if not item.low <= row <= item.high:
        return None
    return item.group or next(v for v in item.vertices if v.row == row)


def _low(net: _Net, thing: Thing) -> int:
    return net.left[id(thing)] if isinstance(thing, Group) else net.x[id(thing.item)]


def _high(net: _Net, thing: Thing) -> int:
    return net.right[id(thing)] if isinstance(thing, Group) else net.x[id(thing.item)]


def left_of(thing: Thing) -> float:
    return 0.0 if isinstance(thing, Group) else thing.left


def right_of(thing: Thing) -> float:
    return 0.0 if isinstance(thing, Group) else thing.right


def gap(a: Thing, b: Thing) -> float:
    if isinstance(a, Group) or isinstance(b, Group):
        return _BESIDE_FRAME
    one, other = a.line or _fork(a), b.line or _fork(b)
    if one or other:
        if (a.words and a.right) or (b.words and b.left):
            return _AFTER_WORDS
        return ASIDE if one and other and (_returns(a) or _returns(b)) else LANE
    return GAP


def least_gap(marks: Sequence[Vertex], frames: Sequence[Group]) -> float:
    """How near things stand at least, whatever their order."""
    return _AFTER_WORDS if frames or any(v.line or _fork(v) for v in marks) else GAP


def _returns(v: Vertex) -> bool:
    return v.item.lane is not None and v.item.lane.turn == "back"


def _fork(v: Vertex) -> bool:
    return len(v.spots) == 1 and v.spots[0].kind == "fork"
