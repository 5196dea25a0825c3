"""How narrow the order of a panel lets it be; and lanes that bend, so that it becomes narrower.

In: a plan in order. Out: its least width; from `bend`, the same plan, in which lanes that push things apart in different rows are in
pieces.
"""

from __future__ import annotations

from archdsl.figure.layout.columns import frame_pad, gap, least_gap, left_of, right_of
from archdsl.figure.layout.plan import Group, Item, Plan, Vertex

Front = tuple[float, "Item | Group | None", int]
"""How far a row is filled, by what, and in which row that begins."""


def width(plan: Plan) -> float:
    """The least width of the panel."""
    return _Packed(plan).width


def least_width(plan: Plan) -> float:
    """How wide the panel is at least, whatever its order."""
    return max(_row_width(plan, plan.root, row) for row in range(plan.rows)) if plan.rows else 0.0


def _row_width(plan: Plan, group: Group, row: int) -> float:
    marks = [v for item in group.items if item.group is None for v in item.vertices if v.row == row]
    frames = [g.group for g in group.items if g.group and g.group.low <= row <= g.group.high]
    things = sum(v.left + v.right - bool(v.words) for v in marks) + sum(_row_width(plan, g, row) for g in frames)
    between = max(0, len(marks) + len(frames) - 1) * least_gap(marks, frames)
    return max(group.title[0], things + (2 * frame_pad(group) + between) * plan.room)


def bend(plan: Plan, most: float) -> None:
    """Lanes bend where that makes the panel narrower, until it is no wider than `most`, or no lane makes it wide."""
    for _ in range(_BENDS):
        packed = _Packed(plan)
        if packed.width <= most or not packed.bend():
            return


_BENDS = 200


class _Packed:
    """Everything as far left as its order lets it be."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.fill = [0.0] * plan.rows
        self.last: list[Vertex | Group | None] = [None] * plan.rows
        self.cause: dict[int, tuple[int, Vertex | Group | None]] = {}
        """For the `id()` of each item and frame's side: the row that places it, and what stands there before it."""
        self._frame(plan.root)
        self.width = max(self.fill)

    def _frame(self, group: Group) -> None:
        pad = frame_pad(group) * self.plan.room
        rows = range(group.low, group.high + 1)
        row = max(rows, key=lambda r: self._reach(r, group))
        start = self._reach(row, group)
        self.cause[id(group)] = (row, self.last[row])
        for r in rows:
            self.fill[r], self.last[r] = start + pad, None
        for item in group.items:
            if item.group:
                self._frame(item.group)
            else:
                self._item(item)
        row = max(rows, key=lambda r: self.fill[r])
        end = max(self.fill[row] + pad, start + group.title[0])
        self.cause[-id(group)] = (row, self.last[row])
        for r in rows:
            self.fill[r], self.last[r] = end, group

    def _reach(self, row: int, thing: Vertex | Group) -> float:
        before = self.last[row]
        return self.fill[row] + (gap(before, thing) * self.plan.room if before else 0.0) + left_of(thing)

    def _item(self, item: Item) -> None:
        first = max(item.vertices, key=lambda v: self._reach(v.row, v))
        x = self._reach(first.row, first)
        self.cause[id(item)] = (first.row, self.last[first.row])
        for v in item.vertices:
            self.fill[v.row], self.last[v.row] = x + right_of(v), v

    def bend(self) -> bool:
        """Breaks one lane that makes the panel as wide as it is."""
        row, thing = self.cause[-id(self.plan.root)]
        waiting: list[tuple[int, Vertex | Group | None]] = [(row, thing)]
        while waiting:
            row, thing = waiting.pop()
            if thing is None:
                continue
            if isinstance(thing, Group):
                waiting += [self.cause[id(thing)], self.cause[-id(thing)]]
                continue
            by, before = self.cause[id(thing.item)]
            if by != row and thing.item.lane is not None:
                _break(thing.item, row, by)
                return True
            waiting.append((by, before))
        return False


def _break(item: Item, row: int, by: int) -> None:
    """A lane in two: the piece with one row, and that with the other."""
    group = item.parent
    assert group is not None
    at = max(row, by)  # the upper piece begins here
    upper = [v for v in item.vertices if v.row >= at]
    item.vertices = [v for v in item.vertices if v.row < at]
    piece = Item(group, upper, lane=item.lane, still=item.still)
    for v in upper:
        v.item = piece
    group.items.insert(group.items.index(item) + 1, piece)
