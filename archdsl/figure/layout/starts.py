"""Orders to begin with: as the program is written, each beside what it is joined to, and operands before what reads them.

In: a plan whose vertices are joined. Out: the same plan, the items of every frame in such an order.
"""

from __future__ import annotations

from archdsl.figure.layout.plan import Group, Item, Key, Plan, Vertex, Wire


def as_written(plan: Plan) -> None:
    """The order of the program; lanes beside where they end."""
    for g in plan.groups:
        first = {id(item): k for k, item in enumerate(g.items)}
        g.items.sort(key=lambda item: (item.still, first[id(item)]))


def by_neighbours(plan: Plan) -> None:
    """Each item in the middle of what it is joined to, again and again."""
    number(plan)
    leaves = [v.item for v in plan.vertices] + [i for g in plan.groups for i in g.items if i.lane]
    spot = {id(item): 0.0 for item in leaves}
    for k, item in enumerate(dict.fromkeys(sorted(leaves, key=lambda i: i.vertices[0].key))):
        spot[id(item)] = float(k)
    near = {
        id(item): [spot_of for v in item.vertices for spot_of in others(v) if spot_of is not item] for item in leaves
    }
    for _ in range(12):
        new = {}
        for item in leaves:
            joined = [spot[id(o)] for o in near[id(item)] if id(o) in spot]
            new[id(item)] = 0.5 * spot[id(item)] + 0.5 * sum(joined) / len(joined) if joined else spot[id(item)]
        ranked = sorted(new, key=lambda i: new[i])
        spot = {i: 0.5 * k + 0.5 * new[i] for k, i in enumerate(ranked)}

    def middle(item: Item) -> float:
        inside = {id(v.item): spot[id(v.item)] for v in item.all_vertices() if id(v.item) in spot}
        return sum(inside.values()) / len(inside) if inside else 0.0

    for g in plan.groups:
        g.items.sort(key=lambda item: (item.still, middle(item)))


def by_depth(plan: Plan, mirrored: bool = False) -> None:
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


def by_depth_mirrored(plan: Plan) -> None:
    by_depth(plan, mirrored=True)


def others(v: Vertex) -> list[Item]:
    return [j.other.item for j in (*v.above, *v.below)] + [o.item for o in v.beside]


def number(plan: Plan) -> None:
    def visit(group: Group, path: Key) -> None:
        for k, item in enumerate(group.items):
            item.path = (*path, k)
            if item.group:
                visit(item.group, item.path)
            else:
                for v in item.vertices:
                    v.key = item.path

    visit(plan.root, ())
