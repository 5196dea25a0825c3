"""Rows: every wire leads up, into a frame from below and out of it above; all wires together are as short as can be.

In: a plan. Out: the same plan, its vertices and frames in rows, and every wire with a vertex in each row that it passes.
"""

from __future__ import annotations

from archdsl.figure.layout import circles, simplex
from archdsl.figure.layout.narrow import Narrowing, Room, insert_row, make_room, widens
from archdsl.figure.layout.plan import Group, Item, Plan, Vertex, Wire, below, common
from archdsl.figure.layout.towers import towers


def assign(plan: Plan, most: float | None = None) -> None:
    """`most` is how wide the panel may be, as far as wires leave a choice."""
    circles.turn_back(plan)
    narrowing = Narrowing(plan, most) if most else None
    for _ in range(_SPLITS if narrowing else 1):
        try:
            _rows(plan, narrowing)
        except simplex.Circular:
            if narrowing is None:
                _rows(plan, None, beside=False)
            elif not narrowing.undo():
                raise
            continue
        if narrowing is None or not narrowing.part():
            break
    _sides(plan)
    _words(plan, most)
    if most:
        make_room(plan, most, _places)
    room = Room(plan) if most else None
    for wire in plan.wires:
        if wire.turn == "back":
            _back(plan, wire, room)
        else:
            _forth(plan, wire, room)


def _sides(plan: Plan) -> None:
    """Of several wires into a round mark, one comes from below, and two may come from the sides: gates first, then what comes from far."""
    into: dict[int, list[Wire]] = {}
    for w in plan.wires:
        if w.end.kind == "circle" and not w.end_port and not w.turn:
            into.setdefault(id(w.head), []).append(w)
    for wires in into.values():
        main = max(
            wires, key=lambda w: (not w.round, w.weight, w.tail.group is w.head.group, w.tail.row, -wires.index(w))
        )
        for w in [w for w in wires if w is not main][:2]:
            w.turn = "side"


def _rows(plan: Plan, narrowing: Narrowing | None, beside: bool = True) -> None:
    """`beside`: whether frames that meet stand beside each other, which of three and more may ask for a circle."""
    number: dict[int, int] = {id(v): i for i, v in enumerate(plan.vertices)}
    for g in plan.groups:
        number[id(g)] = len(number)
        number[-id(g)] = len(number)
    edges: list[simplex.Edge] = []
    for g in plan.groups:
        low, high = number[id(g)], number[-id(g)]
        edges.append((low, high, 0, 2))
        if g.parent:
            edges += [(number[id(g.parent)], low, 0, 0), (high, number[-id(g.parent)], 0, 0)]
    for v in plan.vertices:
        edges += [(number[id(v.group)], number[id(v)], 0, 0), (number[id(v)], number[-id(v.group)], 0, 0)]
    met = {} if narrowing or not beside else towers(plan)
    edges += {(number[id(b)], number[id(a)], 0, 1) for a, b in met.values()}
    words = {id(w.head) for w in plan.wires if w.label and w.turn != "back" and w.start.kind != "fork"}
    for w in plan.wires:
        if w.turn == "back":
            continue
        w.across = False
        outer = common(w.tail.group, w.head.group)
        a, b = below(outer, w.tail), below(outer, w.head)
        least = 2 if (w.label or (id(w.head) in words and w.start.kind != "fork")) and w.end.kind != "fork" else 1
        if w.key in met:
            b, least, w.across = w.head, 2 if w.label else 1, True
        start, end = number[-id(a) if isinstance(a, Group) else id(a)], number[id(b)]
        edges.append((start, end, least, 0))
        edges.append((number[id(w.tail)], number[id(w.head)], 0, w.weight))
    if narrowing:
        edges += [(number[_end(a)], number[id(b)], 1, 0) for a, b in narrowing.apart]
    rows = simplex.solve(len(number), edges)
    for v in plan.vertices:
        v.row = rows[number[id(v)]]
    inside: dict[Group, list[int]] = {g: [] for g in plan.groups}
    for v in plan.vertices:
        for g in v.group.path():
            inside[g].append(v.row)
    for g in plan.groups:
        g.low, g.high = min(inside[g]), max(inside[g])
    for _, g in met.values():
        g.low = rows[number[id(g)]]
    plan.root.low, plan.rows = 0, max(v.row for v in plan.vertices) + 1


def _end(thing: Vertex | Group) -> int:
    return -id(thing) if isinstance(thing, Group) else id(thing)


_SPLITS = 24
"""How often rows are parted that are too wide, at most."""


def _words(plan: Plan, most: float | None) -> None:
    """A frame's words stand in that row of it that has the most room; where none has, in a row of their own at its top."""
    for g in plan.groups:
        if not g.words:
            continue
        wide = dict.fromkeys(range(g.low, g.high + 1), 0.0)
        for v in plan.vertices:
            if g in v.group.path():
                wide[v.row] += v.left + v.right + 12
        row = min(wide, key=lambda r: (round(wide[r]), r))
        if most and widens(plan, g, row, g.words.width, most):
            insert_row(plan, g.high + 1, g.path())
            row = g.high
        item = Item(g, still=True)
        v = Vertex(g, item, row, spots=[g.words])
        v.left = v.right = g.words.width / 2
        v.up = v.down = g.words.height / 2
        item.vertices.append(v)
        g.items.append(item)


def _frame_at(row: int, tail: Vertex, head: Vertex, outer: Group) -> Group:
    """In which frame a wire passes a row: that of its tail up to its top, and that of its head from its bottom."""
    for g in reversed(tail.group.path()[len(outer.path()) :]):
        if row <= g.high:
            return g
    for g in reversed(head.group.path()[len(outer.path()) :]):
        if row >= g.low:
            return g
    return outer


def _forth(plan: Plan, wire: Wire, room: Room | None) -> None:
    tail, head = wire.tail, wire.head
    outer = common(tail.group, head.group)
    passed = _passed(wire, outer)
    words = _words_row(wire, passed, outer, room)
    if wire.turn == "side":
        passed.append((head.row, head.group))
    wire.stops = [tail, *_lanes(wire, passed, words), head]


def _passed(wire: Wire, outer: Group) -> list[tuple[int, Group]]:
    passed = [(r, _frame_at(r, wire.tail, wire.head, outer)) for r in range(wire.tail.row + 1, wire.head.row)]
    if wire.across and wire.label:  # its words stand between the two frames
        top = wire.tail.group.path()[len(outer.path())].high + 1
        passed = [(r, outer if r == top else g) for r, g in passed]
    return passed


def _places(wire: Wire) -> list[tuple[int, Group]]:
    """Where the words of a wire may stand, outside of the frames that it enters and leaves."""
    if not wire.label or wire.end.kind == "fork" or wire.turn == "back":
        return []
    outer = common(wire.tail.group, wire.head.group)
    passed = _passed(wire, outer)
    return [(r, g) for r, g in passed if g is outer] or passed


def _words_row(wire: Wire, passed: list[tuple[int, Group]], outer: Group, room: Room | None) -> int:
    """The row of a wire's words: outside of the frames that it enters and leaves; near what it leaves, or else what it enters."""
    if not wire.label or not passed or wire.end.kind == "fork":
        return -1
    if room:
        return room.best([(r, g) for r, g in passed if g is outer] or passed, wire.label[0])
    outside = [r for r, g in passed if g is outer] or [r for r, _ in passed]
    enters = wire.head.group is not outer and wire.tail.group is outer
    return outside[-1] if enters else outside[0]


def _lanes(wire: Wire, passed: list[tuple[int, Group]], words: int) -> list[Vertex]:
    """A vertex for each row, and an item for each stretch in one frame."""
    found: list[Vertex] = []
    item: Item | None = None
    for row, group in passed:
        if item is None or item.parent is not group or item.vertices[-1].row + 1 != row:
            item = Item(group, lane=wire)
            group.items.append(item)
        v = Vertex(group, item, row)
        if row == words and wire.label:
            v.words, v.right = wire, wire.label[0] + 3
            v.up = v.down = wire.label[1] / 2
        item.vertices.append(v)
        found.append(v)
    return found


def _back(plan: Plan, wire: Wire, room: Room | None) -> None:
    """Up out of the frames of its tail, down beside everything, and up into those of its head."""
    tail, head = wire.tail, wire.head
    outer = common(tail.group, head.group)
    a, b = below(outer, tail), below(outer, head)
    top = a.high if isinstance(a, Group) else a.row
    bottom = b.low if isinstance(b, Group) else b.row
    up = [(r, _frame_at(r, tail, tail, outer)) for r in range(tail.row + 1, top + 1)]
    into = [(r, _frame_at(r, head, head, outer)) for r in range(bottom, head.row)]
    if top < bottom:
        return _forth(plan, wire, room)
    lane = [(r, outer) for r in range(bottom, top + 1)]
    down = _lanes(wire, lane, -1)
    wire.stops = [tail, *_lanes(wire, up, -1), *reversed(down), *_lanes(wire, into, -1), head]
    label = wire.label
    if label:
        heights = {v.row: max((u.up + u.down for u in plan.vertices if u.row == v.row), default=0.0) for v in down}
        middle = (bottom + top) / 2
        chosen = min(down, key=lambda v: (heights[v.row] < label[1], abs(v.row - middle), v.row))
        if room:
            high = [v.row for v in down if heights[v.row] >= label[1]] or [v.row for v in down]
            row = room.best([(r, outer) for r in high], label[0])
            chosen = next(v for v in down if v.row == row)
        chosen.words, chosen.right = wire, label[0] + 3
        chosen.up = chosen.down = label[1] / 2
