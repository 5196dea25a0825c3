"""Sifting: each item of a frame in turn goes to the place in its order where it causes the fewest crossings.

In: a plan whose vertices are joined and numbered (`order`), and how much work may be done. Out: the same plan, in a better order. What two
things cost the other way round differs only in rows in which a wire joins one of them to something else. A lane has two of these, however
many it passes.
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.figure.layout.cost import BESIDE, FRAME, SHORT
from archdsl.figure.layout.plan import End, Group, Item, Joint, Key, Plan, Strip, Vertex
from archdsl.figure.layout.starts import others

_ROUNDS = 8


class Sifter:
    """Sifts a plan again and again, while there is work left: pairs of things side by side that are looked at."""

    def __init__(self, plan: Plan, work: int):
        self.plan, self.left = plan, work
        _know(plan.root)

    def sift(self, active: set[int] | None = None) -> None:
        """Sifts everything, or what is `active` (by `id()`) and what that moves."""
        for _ in range(_ROUNDS):
            active = self._round(active)
            if not active:
                break

    def _round(self, active: set[int] | None) -> set[int]:
        """Each item, or each that is active, goes to its best place; those that may want to move then."""
        moved: set[int] = set()
        for group in self.plan.groups:
            free = [i for i in group.items if not i.still]
            for item in free if len(free) > 1 else []:
                if self.left <= 0:
                    return set()
                if (active is None or id(item) in active) and self._settle(group, item, len(free)):
                    moved |= item.near
        return moved

    def _settle(self, group: Group, item: Item, count: int) -> bool:
        items, span, ends = group.items, item.span, item.ends
        at = items.index(item)
        best, where = -1e-6, at
        for step in (1, -1):
            total, k = 0.0, at + step
            while 0 <= k < count:
                other = items[k]
                rows = span & other.span
                if rows and (rows := rows & (ends | other.ends)):
                    total += step * _change(item, other, rows)
                    self.left -= 1
                    if total < best:
                        best, where = total, k
                k += step
        if where == at:
            return False
        items.insert(where, items.pop(at))
        _renumber(group, min(at, where), max(at, where))
        return True


# -- what is known beforehand -------------------------------------------------------------------------------------------
def _know(group: Group) -> None:
    """What every item has in each row, which of its wires lead out of it, and which items it is joined to, with their frames."""
    for item in group.items:
        if item.group:
            _know(item.group)
        rows: dict[int, list[Vertex]] = {}
        for v in item.all_vertices():
            rows.setdefault(v.row, []).append(v)
            for o in others(v):
                item.near.update(map(id, _around(o)))
        item.rows = {row: _strip(vs, item) for row, vs in rows.items()}
        item.span = sum(1 << row for row in rows)
        item.ends = sum(1 << row for row, s in item.rows.items() if s.beside or s.up or s.down)


def _strip(vertices: list[Vertex], item: Item) -> Strip:
    def ends(joints: list[Joint]) -> list[End]:
        return [(j.other, j.far, j.weight, _inside(j.other, item)) for j in joints]

    above = [e for v in vertices for e in ends(v.above)]
    below = [e for v in vertices for e in ends(v.below)]
    return Strip(
        sum(v.left + v.right for v in vertices) + 10,
        above,
        below,
        [o for v in vertices for o in v.beside if not _inside(o, item)],
        [v for v, _, _, inside in above if not inside],
        [v for v, _, _, inside in below if not inside],
    )


def _inside(v: Vertex, item: Item) -> bool:
    return any(around is item for around in _around(v.item))


def _around(item: Item | None) -> Iterator[Item]:
    """An item, and the frames in which it lies."""
    while item is not None:
        yield item
        item = item.parent.item if item.parent else None


# -- places -------------------------------------------------------------------------------------------------------------
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


# -- what a place costs -------------------------------------------------------------------------------------------------
def _change(i: Item, j: Item, rows: int) -> float:
    """What it costs more if `i`, which is next to `j` on its left, stands on its right. (The other way round it is as much less.) Only
    `rows` count."""
    total, here = 0.0, j.path  # where `i` stands by now, next to `j`
    while rows:
        bit = rows & -rows
        rows ^= bit
        row = bit.bit_length() - 1
        mine, theirs = i.rows[row], j.rows[row]
        if mine.above and theirs.above and (mine.up or theirs.up):
            total += _pairs(mine.above, theirs.above, here)
        if mine.below and theirs.below and (mine.down or theirs.down):
            total += _pairs(mine.below, theirs.below, here)
        total += _past(mine, j, row, theirs.width, here) - _past(theirs, i, row, mine.width, here)
    return total


def _pairs(a: list[End], b: list[End], here: Key) -> float:
    """Crossings that come (or go, less than 0) between wires of two things when the left one goes to the right."""
    total = 0.0
    for v, far, weight, mine in a:
        one = here if mine else v.key
        for o, away, other, theirs in b:
            if mine and theirs:
                continue
            if v is o:
                total += ((far < away) - (far > away)) * weight * other
            elif one < (here if theirs else o.key):
                total += weight * other
            else:
                total -= weight * other
    return total


def _past(own: Strip, other: Item, row: int, width: float, here: Key) -> float:
    """What it costs that something goes to the right past `other`: what stands between things that are joined, and longer wires."""
    total, frame, path = 0.0, other.group, other.path
    size = len(path)
    for o in own.beside:
        if not (o.item is other or (frame and o.key[:size] == path)):
            beside = FRAME if frame else BESIDE
            total += -beside if here < o.key else beside
    for joined, beyond in ((own.up, row + 1), (own.down, row - 1)):
        if not joined:
            continue
        more = width * SHORT + (FRAME if frame and frame.low <= beyond <= frame.high else 0.0)
        for o in joined:
            if not (o.item is other or (frame and o.key[:size] == path)):
                total += -more if here < o.key else more
    return total
