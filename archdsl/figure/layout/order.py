"""Who stands left of whom: the order of the items in each frame for which the fewest wires cross.

In: a plan with rows. Out: the same plan, the items of every frame in order. One order holds for all rows, so that lanes are straight and
frames are never entered by what does not belong to them. Found by sifting: each item in turn goes where it causes the fewest crossings.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from archdsl.figure.layout.cost import BESIDE, FRAME, SHORT, crossings, length
from archdsl.figure.layout.packing import width
from archdsl.figure.layout.plan import Group, Item, Joint, Key, Plan, Rows, Vertex
from archdsl.figure.layout.starts import as_written, by_depth, by_depth_mirrored, by_neighbours, number, others

_STREAM = 4.0
"""What it costs to cross a main stream."""
_WIDE = 0.1
"""What a point costs by which a panel is too wide."""
_ROUNDS = 8
_TRIES = 60
_WORK = 8000
"""How many items are disturbed and sifted again, all tries together."""


def arrange(plan: Plan, most: float | None = None) -> None:
    """`most` is how wide the panel may be, as far as the order of things in rows can help."""
    _join(plan)
    _know(plan.root)
    best = _Best(plan, most)
    for start in (as_written, by_neighbours, by_depth, by_depth_mirrored):
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

    def __init__(self, plan: Plan, most: float | None):
        self.plan, self.most, self.cost = plan, most, 1e18
        self.items: list[list[Item]] = []

    def sifted(self, active: set[int] | None = None) -> None:
        """Sifts the order that there is, or what is `active` in it and what that moves, and keeps it if it is better."""
        number(self.plan)
        for _ in range(_ROUNDS):
            active = _sift(self.plan, active)
            if not active:
                break
        cost = crossings(self.plan) + SHORT * length(self.plan)
        if self.most:
            cost += _WIDE * max(0.0, width(self.plan) - self.most)
        if cost < self.cost - 1e-9:
            self.cost, self.items = cost, [list(g.items) for g in self.plan.groups]

    def restore(self) -> None:
        for g, items in zip(self.plan.groups, self.items):
            g.items = list(items)
        number(self.plan)


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
            cost = _STREAM if wire.highway else first if k == 0 else 1.0
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
            for o in others(v):
                at: Item | None = o
                while at is not None:
                    item.near.add(id(at))
                    at = at.parent.item if at.parent else None
        item.rows = {row: (vs, sum(v.left + v.right for v in vs) + 10) for row, vs in rows.items()}


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
    beside = FRAME if other.group else BESIDE
    for u in us:
        for o in u.beside:
            if o not in them and o not in us:
                total += -beside if here < o.key else beside
        for joints, next_row in ((u.above, row + 1), (u.below, row - 1)):
            through = FRAME if other.group and other.group.low <= next_row <= other.group.high else 0.0
            for joint in joints:
                v = joint.other
                if not _within(v, own) and not _within(v, other):
                    total += (-1 if here < v.key else 1) * (width * SHORT + through)
    return total
