"""What an order costs: crossings of wires, things in the way, and length.

In: a plan in order. Out: a number.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from operator import itemgetter

from archdsl.figure.layout.plan import Item, Key, Plan, Vertex

BESIDE = 1.2
"""What it costs that something stands between two things that are joined within a row."""
SHORT = 0.002
"""What a point of length costs, compared with a crossing."""
FRAME = 8.0
"""What it costs that a wire leads across a frame to which it does not belong."""


Line = tuple[tuple[Key, float], tuple[Key, float], float]
"""A piece of wire between two rows: where it begins, where it ends, and what it costs to cross it."""


def cost(plan: Plan) -> float:
    """Crossings, what is in the way, and about how far wires lead aside."""
    rows: list[list[Vertex]] = [[] for _ in range(plan.rows)]
    for item in plan.root.items:
        for v in item.all_vertices():
            rows[v.row].append(v)
    for row in rows:
        row.sort(key=lambda v: v.key)
    between = sum(
        _crossed([((v.key, j.dx), (j.other.key, j.far), j.weight) for v in row for j in v.above]) for row in rows
    )
    through = FRAME * sum(_through(item, rows) for g in plan.groups for item in g.items if item.group)
    return between + sum(map(_beside, rows)) + through + SHORT * _length(rows)


def _crossed(lines: list[Line]) -> float:
    """Of every two lines that cross, the product of what they cost."""
    lines.sort()
    if all(a[1] <= b[1] for a, b in pairwise(lines)):
        return 0.0
    places = {end: k for k, end in enumerate(sorted({end for _, end, _ in lines}, reverse=True), 1)}
    tree = [0.0] * (len(places) + 1)  # Fenwick's: sums over all ends so far that lie further to the right
    total = 0.0
    for _, group in groupby(lines, key=itemgetter(0)):
        together = [(places[end], weight) for _, end, weight in group]  # these have one beginning, and do not cross
        for place, weight in together:
            k = place - 1
            while k:
                total += tree[k] * weight
                k &= k - 1
        for place, weight in together:
            while place < len(tree):
                tree[place] += weight
                place += place & -place
    return total


def _beside(row: list[Vertex]) -> float:
    """What stands between what is joined within a row."""
    spots = {id(v): k for k, v in enumerate(row)}
    apart = (spots[id(o)] - spots[id(v)] for v in row for o in v.beside)
    return BESIDE * sum(between - 1 for between in apart if between > 0)


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


def _length(rows: list[list[Vertex]]) -> float:
    x: dict[int, float] = {}
    for row in rows:
        at = -sum(v.left + v.right + 10 for v in row) / 2
        for v in row:
            x[id(v)] = at + v.left
            at += v.left + v.right + 10
    return sum(abs(x[id(v)] - x[id(j.other)]) for row in rows for v in row for j in v.above)
