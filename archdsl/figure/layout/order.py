"""Who stands left of whom: the order of the items in each frame for which the fewest wires cross.

In: a plan with rows. Out: the same plan, the items of every frame in order. One order holds for all rows, so that lanes are straight and
frames are never entered by what does not belong to them. Found by sifting: each item in turn goes where it causes the fewest crossings.
"""

from __future__ import annotations

from archdsl.figure.layout.plan import Group, Item, Joint, Plan, Vertex

_BESIDE = 1.2
"""What it costs that something stands between two things that are joined within a row."""
_SHORT = 0.002
"""What a point of length costs, compared with a crossing."""
_ROUNDS = 8

Key = tuple[int, ...]


def arrange(plan: Plan) -> None:
    _join(plan)
    best: tuple[float, dict[int, list[Item]]] | None = None
    for start in (_as_written, _by_neighbours):
        start(plan)
        _number(plan)
        for _ in range(_ROUNDS):
            if not _sift(plan):
                break
        cost = crossings(plan) + _SHORT * _length(plan)
        if best is None or cost < best[0] - 1e-9:
            best = cost, {id(g): list(g.items) for g in plan.groups}
    assert best
    for g in plan.groups:
        g.items = best[1][id(g)]
    _number(plan)


def _join(plan: Plan) -> None:
    for wire in plan.wires:
        last = len(wire.stops) - 2
        for k, (a, b) in enumerate(zip(wire.stops, wire.stops[1:])):
            da = wire.start_dx if k == 0 else 0.0
            db = wire.end_dx if k == last else 0.0
            if a.row == b.row:
                a.beside.append(b)
                b.beside.append(a)
            elif a.row < b.row:
                a.above.append(Joint(b, da, db))
                b.below.append(Joint(a, db, da))
            else:
                a.below.append(Joint(b, da, db))
                b.above.append(Joint(a, db, da))


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


def _others(v: Vertex) -> list[Item]:
    return [j.other.item for j in (*v.above, *v.below)] + [o.item for o in v.beside]


def _number(plan: Plan) -> None:
    def visit(group: Group, path: Key) -> None:
        for k, item in enumerate(group.items):
            item.place = k
            if item.group:
                visit(item.group, (*path, k))
            else:
                for v in item.vertices:
                    v.key = (*path, k)

    visit(plan.root, ())


def _prefix(item: Item) -> Key:
    found: list[int] = []
    at: Item | None = item
    while at is not None:
        found.append(at.place)
        at = at.parent.item if at.parent else None
    return tuple(reversed(found))


# -- sifting ------------------------------------------------------------------------------------------------------------
def _sift(plan: Plan) -> bool:
    """Each item goes to its best place; whether any moved."""
    moved = False
    for group in plan.groups:
        if len(group.items) < 2:
            continue
        rows = {id(i): _by_row(i) for i in group.items}
        for item in list(group.items):
            if not item.still:
                moved |= _settle(plan, group, item, rows)
    return moved


def _by_row(item: Item) -> dict[int, list[Vertex]]:
    found: dict[int, list[Vertex]] = {}
    for v in item.all_vertices():
        found.setdefault(v.row, []).append(v)
    return found


def _settle(plan: Plan, group: Group, item: Item, rows: dict[int, dict[int, list[Vertex]]]) -> bool:
    at = group.items.index(item)
    low, high, mine = item.low, item.high, rows[id(item)]
    inside = {id(item)}
    best, where = -1e-6, at
    for step in (1, -1):
        total, k = 0.0, at + step
        while 0 <= k < len(group.items):
            other = group.items[k]
            if other.still:
                break
            if other.low <= high and low <= other.high:
                total += step * _change(item, other, mine, rows[id(other)], step)
            if total < best:
                best, where = total, k
            k += step
    del inside
    if where == at:
        return False
    group.items.insert(where, group.items.pop(at))
    _renumber(group, min(at, where), max(at, where))
    return True


def _renumber(group: Group, first: int, last: int) -> None:
    depth = len(group.path()) - 1
    for k in range(first, last + 1):
        item = group.items[k]
        item.place = k
        for v in item.all_vertices():
            v.key = (*v.key[:depth], k, *v.key[depth + 1 :])


def _change(i: Item, j: Item, mine: dict[int, list[Vertex]], theirs: dict[int, list[Vertex]], step: int) -> float:
    """What it costs more if `i`, now next to `j` on the left, stands on its right (times -1 if it is on the right now)."""
    ki, kj = _prefix(i), _prefix(j)
    total = 0.0
    for row in mine.keys() & theirs.keys():
        for u in mine[row]:
            for v in theirs[row]:
                total += _pair(u.above, v.above, i, j, ki, kj) + _pair(u.below, v.below, i, j, ki, kj)
        total += _between(mine[row], theirs[row], i, j, kj, step)
    return total


def _inside(v: Vertex, item: Item, key: Key) -> bool:
    return v.item is item or v.key[: len(key)] == key


def _pair(a: list[Joint], b: list[Joint], i: Item, j: Item, ki: Key, kj: Key) -> int:
    """Crossings that come (or go, less than 0) between the wires of two vertices when the left one goes to the right."""
    total = 0
    for p in a:
        inside_i = _inside(p.other, i, ki)
        for q in b:
            inside_j = _inside(q.other, j, kj)
            if inside_i and inside_j:
                continue
            if p.other is q.other:
                total += (p.far < q.far) - (p.far > q.far)
                continue
            one = kj if inside_i else p.other.key  # where i stands by now
            two = kj if inside_j else q.other.key
            total += 1 if one < two else -1
    return total


def _between(mine: list[Vertex], theirs: list[Vertex], i: Item, j: Item, kj: Key, step: int) -> float:
    """What stands between two things that are joined within a row, and how much longer wires get."""
    total = 0.0
    width_i = sum(v.left + v.right for v in mine) + 10
    width_j = sum(v.left + v.right for v in theirs) + 10
    for us, them, width, sign in ((mine, theirs, width_j, 1), (theirs, mine, width_i, -1)):
        for u in us:
            for o in u.beside:
                if o not in them and o not in us:
                    right = kj < o.key if o.key[: len(kj)] != kj else False
                    total += sign * (-_BESIDE if right else _BESIDE)
            for joint in (*u.above, *u.below):
                if joint.other not in them and joint.other not in us:
                    right = kj < joint.other.key
                    total += sign * (-1 if right else 1) * width * _SHORT
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
        lines = sorted(
            (v.key, j.dx, j.other.key, j.far) for v in row for j in v.above
        )
        for k, (a, da, b, db) in enumerate(lines):
            for c, dc, d, dd in lines[k + 1 :]:
                total += (b, db) > (d, dd) and (a, da) < (c, dc)
        for v in row:
            for o in v.beside:
                if spots[id(v)] < spots[id(o)]:
                    total += _BESIDE * (spots[id(o)] - spots[id(v)] - 1)
    return total


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
