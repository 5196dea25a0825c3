"""Panels no wider than a page: what stands side by side in a row that is too wide stands above one another.

In: a plan in rows, and how wide it may be. Out: `apart`, pairs of which the second is to stand above the first; with these, `ranks` finds
rows anew.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.figure.layout.columns import frame_pad
from archdsl.figure.layout.plan import GAP, LANE, Group, Plan, Vertex, Wire, below, common

Thing = Vertex | Group


class Narrowing:
    """What is to stand above what, found little by little."""

    def __init__(self, plan: Plan, most: float):
        self.plan, self.most = plan, most
        self.apart: list[tuple[Thing, Thing]] = []
        self._before = 0
        self._closed = False
        self.first = {id(v): k for k, v in enumerate(plan.vertices)}

    def part(self) -> bool:
        """Finds pairs that are to be parted in the rows that there are; whether there are any."""
        if self._closed:
            return False
        self._before = len(self.apart)
        self._part(Widths(self.plan), self.plan.root, self.most)
        return len(self.apart) > self._before

    def undo(self) -> bool:
        """Takes back the pairs found last, which cannot all be kept, and finds no more; whether there were any."""
        found = len(self.apart) > self._before
        del self.apart[self._before :]
        self._closed = True
        return found

    def _part(self, widths: Widths, group: Group, most: float) -> None:
        """Parts the rows of a frame that may be so wide, and those of each frame in it that is alone in a row, once."""
        frames = 0
        inner: dict[Group, float] = {}
        for row in range(group.low, group.high + 1):
            things, rest = widths.at(group, row)
            if rest + sum(widths.of(t) for t in things) <= most:
                continue
            if len(things) == 1 and isinstance(things[0], Group):
                inner[things[0]] = min(most - rest, inner.get(things[0], most))
            elif len(things) > 1 and not frames:
                frames += any(isinstance(t, Group) for t in things)
                self._stack(widths, things, most - rest)
        for frame, room in inner.items():
            self._part(widths, frame, room)

    def _stack(self, widths: Widths, things: list[Thing], most: float) -> None:
        """Keeps as many of a row as there is room for; the others go above them."""
        things = sorted(things, key=self._place)
        kept, taken = [things[0]], widths.of(things[0])
        for thing in things[1:]:
            width = widths.of(thing)
            if taken + width <= most:
                kept.append(thing)
                taken += width
            else:
                self.apart.append((min(kept, key=_high), thing))

    def _place(self, thing: Thing) -> int:
        if isinstance(thing, Group):
            return min(self.first[id(v)] for v in self.plan.vertices if thing in v.group.path())
        return self.first[id(thing)]


def widens(plan: Plan, group: Group, row: int, width: float, most: float) -> bool:
    """Whether something so wide in a row of a frame makes the panel too wide."""
    widths = Widths(plan)
    things, rest = widths.at(group, row)
    more = rest + sum(map(widths.of, things)) + width + GAP * plan.room - widths.of(group)
    at = (widths.at(plan.root, r) for r in range(group.low, group.high + 1))
    return more > 0 and max(rest + sum(map(widths.of, things)) for things, rest in at) + more > most


def _high(thing: Thing) -> int:
    return thing.high if isinstance(thing, Group) else thing.row


class Room:
    """Where the words of wires have most room."""

    def __init__(self, plan: Plan):
        widths = Widths(plan, words=False)
        self.taken: dict[tuple[int, int], float] = {}
        for g in plan.groups:
            for row in range(g.low, g.high + 1):
                things, rest = widths.at(g, row)
                self.taken[id(g), row] = rest + sum(map(widths.of, things))

    def best(self, places: list[tuple[int, Group]], width: float) -> int:
        """The row, of those in their frames, that is least full; it then has these words, too."""
        row, group = min(places, key=lambda p: (round(self.taken[id(p[1]), p[0]]), p[0]))
        self.taken[id(group), row] += width
        return row


def make_room(plan: Plan, most: float, places: Callable[[Wire], list[tuple[int, Group]]]) -> None:
    """Inserts rows for words that make the panel too wide wherever they may stand."""
    for _ in range(_ROWS):
        room, widths = Room(plan), Widths(plan, words=False)
        for wire in plan.wires:
            found = places(wire)
            if not found or not wire.label:
                continue
            row = room.best(found, wire.label[0] + 3)
            group = next(g for r, g in found if r == row)
            if room.taken[id(group), row] > _allowed(widths, group, most) and _room_for(plan, widths, found):
                break
        else:
            return


_ROWS = 40


def _allowed(widths: Widths, group: Group, most: float) -> float:
    """How wide the rows of a frame may be."""
    root = widths.plan.root
    if group is root:
        return most
    rows = (widths.at(root, r) for r in range(group.low, group.high + 1))
    return widths.of(group) + max(0.0, most - max(rest + sum(map(widths.of, things)) for things, rest in rows))


def _room_for(plan: Plan, widths: Widths, places: list[tuple[int, Group]]) -> bool:
    """Inserts a row among those in which words may stand, or at their ends, where it is least full; whether that helps."""
    group = places[0][1]

    def between(row: int) -> float:
        inside = [t for t in widths.frames(group) if t.low < row <= t.high]
        return sum(map(widths.of, inside))

    rows = [r for r, g in places if g is group]
    best = min((*rows, rows[-1] + 1), key=lambda r: (round(between(r)), r))
    if between(best) >= min(sum(map(widths.of, widths.at(group, r)[0])) for r in rows):
        return False
    around = group.path() if best > group.high else []
    insert_row(plan, best, around)
    return True


def insert_row(plan: Plan, row: int, around: list[Group]) -> None:
    """An empty row, which lies in `around` too if these end below it."""
    for v in [v for g in plan.groups for item in g.items for v in item.vertices]:
        v.row += v.row >= row
    for g in plan.groups:
        g.low += g.low >= row
        g.high += g.high >= row or (g in around and g.high == row - 1)
    plan.rows += 1


class Widths:
    """How wide things are and rows will be, lanes and (if wished) their words included."""

    def __init__(self, plan: Plan, words: bool = True):
        self.plan, self.words = plan, words
        self._frames: dict[int, float] = {}
        self._things: dict[tuple[int, int], list[Thing]] = {}
        self._lanes: dict[tuple[int, int], float] = {}
        for g in plan.groups:
            for item in g.items:
                thing: Thing = item.group or item.vertices[0]
                if item.lane is None:
                    low, high = (thing.low, thing.high) if isinstance(thing, Group) else (thing.row, thing.row)
                    for row in range(low, high + 1):
                        self._things.setdefault((id(g), row), []).append(thing)
        for wire in plan.wires:
            self._pass(wire)

    def _pass(self, wire: Wire) -> None:
        tail, head = wire.tail, wire.head
        low, high = min(tail.row, head.row), max(tail.row, head.row)
        if wire.turn != "back":
            low, high = low + 1, high - 1
        outer = common(tail.group, head.group)
        for row in range(low, high + 1):
            group = outer
            for end in (tail, head):
                inner = below(outer, end)
                while isinstance(inner, Group) and inner.low <= row <= inner.high:
                    group = inner
                    inner = below(group, end)
            worded = self.words and wire.label and row == low and wire.end.kind != "fork"
            words = wire.label[0] + 3 if worded and wire.label else 0.0
            key = (id(group), row)
            self._lanes[key] = self._lanes.get(key, 0.0) + LANE * self.plan.room + words

    def frames(self, group: Group) -> list[Group]:
        return [item.group for item in group.items if item.group]

    def at(self, group: Group, row: int) -> tuple[list[Thing], float]:
        """What a frame has in a row, and how much is taken there by its borders and by lanes."""
        rest = 2 * frame_pad(group) * self.plan.room + self._lanes.get((id(group), row), 0.0)
        return self._things.get((id(group), row), []), rest

    def of(self, thing: Thing) -> float:
        if isinstance(thing, Vertex):
            return thing.left + thing.right + (LANE if thing.left < 5 else GAP) * self.plan.room
        if id(thing) not in self._frames:
            rows = (self.at(thing, row) for row in range(thing.low, thing.high + 1))
            self._frames[id(thing)] = max(rest + sum(map(self.of, things)) for things, rest in rows)
        return self._frames[id(thing)] + 12 * self.plan.room
