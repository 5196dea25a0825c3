"""Who stands left of whom: the order of the items in each frame for which the fewest wires cross.

In: a plan with rows. Out: the same plan, the items of every frame in order. One order holds for all rows, so that lanes are straight and
frames are never entered by what does not belong to them. Found by sifting: each item in turn goes where it causes the fewest crossings.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from archdsl.figure.layout.plan import Group, Item, Joint, Plan, Rows, Vertex, Wire

_BESIDE = 1.2
"""What it costs that something stands between two things that are joined within a row."""
_SHORT = 0.002
"""What a point of length costs, compared with a crossing."""
_FRAME = 8.0
"""What it costs that a wire leads across a frame to which it does not belong."""
_ROUNDS = 8
_TRIES = 60
_WORK = 4000
"""How many items are disturbed and sifted again, all tries together."""

Key = tuple[int, ...]


def arrange(plan: Plan) -> None:
    _join(plan)
    _know(plan.root)
    best = _Best(plan)
    for start in (_as_written, _by_neighbours, _by_depth, _by_depth_mirrored):
        start(plan)
        best.sifted()
    count = sum(len(g.items) for g in plan.groups)
    chance = Random(count)  # the same every time
    for _ in range(min(_TRIES, _WORK // count)):
        best.restore()
        best.sifted(_disturb(plan, chance))
    best.restore()


class _Best:
    """The best order so far."""

    def __init__(self, plan: Plan):
        self.plan, self.cost = plan, 1e18
        self.items: list[list[Item]] = []

    def sifted(self, active: set[int] | None = None) -> None:
        """Sifts the order that there is, or what is `active` in it and what that moves, and keeps it if it is better."""
        _number(self.plan)
        for _ in range(_ROUNDS):
            active = _sift(self.plan, active)
            if not active:
                break
        cost = crossings(self.plan) + _SHORT * _length(self.plan)
        if cost < self.cost - 1e-9:
            self.cost, self.items = cost, [list(g.items) for g in self.plan.groups]

    def restore(self) -> None:
        for g, items in zip(self.plan.groups, self.items):
            g.items = list(items)
        _number(self.plan)


def _disturb(plan: Plan, chance: Random) -> set[int]:
    """Some items, each with what stands next to it, go elsewhere. Which ones may want to move now."""
    active: set[int] = set()
    for _ in range(1 + int(chance.random() * 3)):
        group = plan.groups[int(chance.random() * len(plan.groups))]
        free = [i for i in group.items if not i.still]
        if len(free) < 3:
            group = plan.root
            free = [i for i in group.items if not i.still]
        still = group.items[len(free) :]
        at, length = int(chance.random() * len(free)), 1 + int(chance.random() * 3)
        taken = free[at : at + length]
        rest = free[:at] + free[at + length :]
        to = int(chance.random() * (len(rest) + 1))
        group.items = [*rest[:to], *taken, *rest[to:], *still]
        for item in [*taken, *rest[max(0, to - 1) : to + 1], *free[max(0, at - 1) : at + length + 1]]:
            active |= {id(item), *item.near}
    return active


def _join(plan: Plan) -> None:
    forks = Counter(w.source for w in plan.wires if w.turn != "back")
    for wire in plan.wires:
        last = len(wire.stops) - 2
        first = 1.5 if wire.end.kind == "fork" else 1.0 / min(forks[wire.source] or 1, 3)
        for k, (a, b) in enumerate(zip(wire.stops, wire.stops[1:])):
            da = wire.start_dx if k == 0 else 0.0
            db = wire.end_dx if k == last else 0.0
            cost = first if k == 0 else 1.0
            if a.row == b.row:
                a.beside.append(b)
                b.beside.append(a)
            elif a.row < b.row:
                a.above.append(Joint(b, da, db, cost))
                b.below.append(Joint(a, db, da, cost))
            else:
                a.below.append(Joint(b, da, db, cost))
                b.above.append(Joint(a, db, da, cost))


def _know(group: Group) -> None:
    """What every item has in each row, and which items it is joined to, with the frames they lie in."""
    for item in group.items:
        if item.group:
            _know(item.group)
        rows: dict[int, list[Vertex]] = {}
        for v in item.all_vertices():
            rows.setdefault(v.row, []).append(v)
            for o in _others(v):
                at: Item | None = o
                while at is not None:
                    item.near.add(id(at))
                    at = at.parent.item if at.parent else None
        item.rows = {row: (vs, sum(v.left + v.right for v in vs) + 10) for row, vs in rows.items()}


def _as_written(plan: Plan) -> None:
    """The order of the program; lanes beside where they end."""
    for g in plan.groups:
        first = {id(item): k for k, item in enumerate(g.items)}
        g.items.sort(key=lambda item: (item.still, first[id(item)]))


def _by_neighbours(plan: Plan) -> None:
    """Each item in the middle of what it is joined to, again and again."""
    _number(plan)
    leaves = [v.item for v in plan.vertices] + [i for g in plan.groups for i in g.items if i.lane]
    spot = {id(item): 0.0 for item in leaves}
    for k, item in enumerate(dict.fromkeys(sorted(leaves, key=lambda i: i.vertices[0].key))):
        spot[id(item)] = float(k)
    near = {
        id(item): [spot_of for v in item.vertices for spot_of in _others(v) if spot_of is not item] for item in leaves
    }
    for _ in range(12):
        new = {}
        for item in leaves:
            others = [spot[id(o)] for o in near[id(item)] if id(o) in spot]
            new[id(item)] = 0.5 * spot[id(item)] + 0.5 * sum(others) / len(others) if others else spot[id(item)]
        ranked = sorted(new, key=lambda i: new[i])
        spot = {i: 0.5 * k + 0.5 * new[i] for k, i in enumerate(ranked)}

    def middle(item: Item) -> float:
        inside = {id(v.item): spot[id(v.item)] for v in item.all_vertices() if id(v.item) in spot}
        return sum(inside.values()) / len(inside) if inside else 0.0

    for g in plan.groups:
        g.items.sort(key=lambda item: (item.still, middle(item)))


def _by_depth(plan: Plan, mirrored: bool = False) -> None:
    """Operands from left to right as they are written, each with all that leads to it, beneath what reads them."""
    spot: dict[int, int] = {}
    into: dict[int, list[Wire]] = {}
    for w in plan.wires:
        if w.turn != "back":
            into.setdefault(id(w.head), []).append(w)
    read = {id(w.tail) for w in plan.wires if w.turn != "back"}

    def visit(v: Vertex) -> None:
        if id(v.item) in spot:
            return
        spot[id(v.item)] = -1
        wires = sorted(into.get(id(v), []), key=lambda w: w.end_dx)
        for k, w in enumerate(reversed(wires) if mirrored else wires):
            if 2 * k >= len(wires) and spot[id(v.item)] < 0:
                spot[id(v.item)] = len(spot)
            visit(w.tail)
            for lane in w.stops[1:-1]:
                spot.setdefault(id(lane.item), len(spot))
        if spot[id(v.item)] < 0:
            spot[id(v.item)] = len(spot)

    for v in plan.vertices:
        if id(v) not in read:
            visit(v)
    sign = -1 if mirrored else 1

    def middle(item: Item) -> float:
        inside = [spot[id(v.item)] for v in item.all_vertices() if id(v.item) in spot]
        return sign * sum(inside) / len(inside) if inside else 0.0

    for g in plan.groups:
        g.items.sort(key=lambda item: (item.still, middle(item)))


def _by_depth_mirrored(plan: Plan) -> None:
    _by_depth(plan, mirrored=True)


def _others(v: Vertex) -> list[Item]:
    return [j.other.item for j in (*v.above, *v.below)] + [o.item for o in v.beside]


def _number(plan: Plan) -> None:
    def visit(group: Group, path: Key) -> None:
        for k, item in enumerate(group.items):
            item.path = (*path, k)
            if item.group:
                visit(item.group, item.path)
            else:
                for v in item.vertices:
                    v.key = item.path

    visit(plan.root, ())


# -- sifting ------------------------------------------------------------------------------------------------------------
def _sift(plan: Plan, active: set[int] | None) -> set[int]:
    """Each item, or each that is active, goes to its best place; those that may want to move then."""
    moved: set[int] = set()
    for group in plan.groups:
        free = [i for i in group.items if not i.still]
        for item in free if len(free) > 1 else []:
            if (active is None or id(item) in active) and _settle(group, item, len(free)):
                moved |= item.near
    return moved


def _settle(group: Group, item: Item, count: int) -> bool:
    items = group.items
    at, mine = items.index(item), item.rows
    best, where = -1e-6, at
    for step in (1, -1):
        total, k = 0.0, at + step
        while 0 <= k < count:
            theirs = items[k].rows
            shared = mine.keys() & theirs.keys()
            if shared:
                total += step * _change(item, items[k], mine, theirs, shared)
                if total < best:
                    best, where = total, k
            k += step
    if where == at:
        return False
    items.insert(where, items.pop(at))
    _renumber(group, min(at, where), max(at, where))
    return True


def _renumber(group: Group, first: int, last: int) -> None:
    depth = len(group.path()) - 1
    for k in range(first, last + 1):
        item = group.items[k]
        if item.group:
            _moved(item, depth, k)
        else:
            item.path = (*item.path[:depth], k)
        for v in item.all_vertices():
            v.key = (*v.key[:depth], k, *v.key[depth + 1 :])


def _moved(item: Item, depth: int, k: int) -> None:
    item.path = (*item.path[:depth], k, *item.path[depth + 1 :])
    if item.group:
        for inner in item.group.items:
            _moved(inner, depth, k)


def _change(i: Item, j: Item, mine: Rows, theirs: Rows, shared: set[int]) -> float:
    """What it costs more if `i`, which is next to `j` on its left, stands on its right. (The other way round it is as much less.)"""
    total = 0.0
    for row in shared:
        (us, width_i), (vs, width_j) = mine[row], theirs[row]
        for u in us:
            for v in vs:
                if u.above and v.above:
                    total += _pair(u.above, v.above, i, j)
                if u.below and v.below:
                    total += _pair(u.below, v.below, i, j)
        total += _between(us, vs, i, j, row, width_j, j.path) - _between(vs, us, j, i, row, width_i, j.path)
    return total


def _pair(a: list[Joint], b: list[Joint], i: Item, j: Item) -> float:
    """Crossings that come (or go, less than 0) between the wires of two vertices when the left one goes to the right."""
    total = 0.0
    for p in a:
        mine = _within(p.other, i)
        one = j.path if mine else p.other.key  # where `i` stands by now, next to `j`
        for q in b:
            theirs = _within(q.other, j)
            if mine and theirs:
                continue
            if p.other is q.other:
                total += ((p.far < q.far) - (p.far > q.far)) * p.weight * q.weight
            elif one < (j.path if theirs else q.other.key):
                total += p.weight * q.weight
            else:
                total -= p.weight * q.weight
    return total


def _within(v: Vertex, item: Item) -> bool:
    return v.item is item or (item.group is not None and v.key[: len(item.path)] == item.path)


def _between(us: list[Vertex], them: list[Vertex], own: Item, other: Item, row: int, width: float, here: Key) -> float:
    """What it costs that `us` go to the right past `them`: what stands between things that are joined, and longer wires."""
    total = 0.0
    beside = _FRAME if other.group else _BESIDE
    for u in us:
        for o in u.beside:
            if o not in them and o not in us:
                total += -beside if here < o.key else beside
        for joints, next_row in ((u.above, row + 1), (u.below, row - 1)):
            through = _FRAME if other.group and other.group.low <= next_row <= other.group.high else 0.0
            for joint in joints:
                v = joint.other
                if not _within(v, own) and not _within(v, other):
                    total += (-1 if here < v.key else 1) * (width * _SHORT + through)
    return total


# -- measures -----------------------------------------------------------------------------------------------------------
def crossings(plan: Plan) -> float:
    """All crossings of wires between rows, and of things that stand between what is joined within a row."""
    rows: list[list[Vertex]] = [[] for _ in range(plan.rows)]
    for v in _everything(plan.root):
        rows[v.row].append(v)
    total = 0.0
    for row in rows:
        row.sort(key=lambda v: v.key)
        spots = {id(v): k for k, v in enumerate(row)}
        lines = sorted((v.key, j.dx, j.other.key, j.far, j.weight) for v in row for j in v.above)
        for k, (a, da, b, db, w) in enumerate(lines):
            for c, dc, d, dd, u in lines[k + 1 :]:
                if (b, db) > (d, dd) and (a, da) < (c, dc):
                    total += w * u
        for v in row:
            for o in v.beside:
                if spots[id(v)] < spots[id(o)]:
                    total += _BESIDE * (spots[id(o)] - spots[id(v)] - 1)
    return total + _FRAME * sum(_through(item, rows) for g in plan.groups for item in g.items if item.group)


def _through(frame: Item, rows: list[list[Vertex]]) -> int:
    """How many wires lead across a frame to which they do not belong."""
    path, count = frame.path, 0
    size = len(path)
    for row in range(frame.low, frame.high + 1):
        for v in rows[row]:
            if v.key[:size] != path:
                others = [o for o in v.beside if o.key > v.key]
                others += [j.other for j in v.above] if row < frame.high else []
                count += sum(o.key[:size] != path and (o.key < path) != (v.key < path) for o in others)
    return count


def _everything(group: Group) -> list[Vertex]:
    return [v for item in group.items for v in item.all_vertices()]


def _length(plan: Plan) -> float:
    """About how far wires lead aside."""
    rows: list[list[Vertex]] = [[] for _ in range(plan.rows)]
    for v in _everything(plan.root):
        rows[v.row].append(v)
    x: dict[int, float] = {}
    for row in rows:
        at = 0.0
        for v in sorted(row, key=lambda v: v.key):
            x[id(v)] = at + v.left
            at += v.left + v.right + 10
        for v in row:
            x[id(v)] -= at / 2
    return sum(abs(x[id(v)] - x[id(j.other)]) for row in rows for v in row for j in v.above)
