"""What an order costs: crossings of wires, things in the way, and length.

In: a plan in order. Out: numbers.
"""

from __future__ import annotations

from archdsl.figure.layout.plan import Group, Item, Plan, Vertex

BESIDE = 1.2
"""What it costs that something stands between two things that are joined within a row."""
SHORT = 0.002
"""What a point of length costs, compared with a crossing."""
FRAME = 8.0
"""What it costs that a wire leads across a frame to which it does not belong."""


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
                    total += BESIDE * (spots[id(o)] - spots[id(v)] - 1)
    return total + FRAME * sum(_through(item, rows) for g in plan.groups for item in g.items if item.group)


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


def length(plan: Plan) -> float:
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
