"""Where wires meet marks: those into round marks, and those that return, go in and out at the sides where the way is free.

In: a plan with columns. Out: `Sides`. Where a side is not free, a wire comes from below like all others, which is always possible; several
wires at one foot or top stand side by side; and a wire that would bend a little goes straight where the marks are wide enough.
"""

from __future__ import annotations

from collections import Counter

from archdsl.figure.layout.plan import Plan, Spot, Vertex, Wire

_PAIR = 7.0
"""From what a cell hands on to its delay to what else it gives."""


class Sides:
    """Which wires leave and arrive sideways, and to which side; and how far from the middle a wire meets the foot of a mark."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.rows: list[list[Vertex]] = [[] for _ in range(plan.rows)]
        for g in plan.groups:
            for item in g.items:
                if item.group is None:
                    for v in item.vertices:
                        self.rows[v.row].append(v)
        self.starts: dict[str, str] = {}
        self.finishes: dict[str, str] = {}
        self.offset: dict[str, float] = {}
        self._level: list[list[tuple[float, float, tuple[str, float]]]] = [[] for _ in range(plan.rows)]
        self._used: set[tuple[str, str]] = set()
        self._sideways()
        self._part()
        self._slide()
        self._spread()

    def _sideways(self) -> None:
        backs = [w for w in self.plan.wires if w.turn == "back"]
        for wire in backs:
            self._leave(wire)
        turned = [w for w in self.plan.wires if w.turn]
        for wire in sorted(turned, key=lambda w: (w.head.row, abs(self.comes_from(w) - w.head.item.x), w.key)):
            self._arrive(wire)
            if wire.turn == "side" and wire.key not in self.finishes:  # no way in from the side: from below, then
                lane = wire.stops.pop(-2)
                self.rows[lane.row].remove(lane)

    def comes_from(self, wire: Wire) -> float:
        """Where a wire comes from, in the last piece of its way."""
        before = wire.stops[-2]
        return before.item.x + (wire.start_dx if before is wire.tail else 0.0)

    def _leave(self, wire: Wire) -> None:
        lane = wire.stops[1]
        if lane.row != wire.tail.row or wire.start_port or wire.start.kind == "input":
            return
        x, to = wire.tail.item.x + wire.start.dx, lane.item.x
        side = "e" if to > x else "w"
        edge = x + (wire.start.width / 2) * (1 if side == "e" else -1)
        if (wire.start.name, side) in self._used or not self._free(wire, wire.tail, lane, edge, to):
            return
        self._used.add((wire.start.name, side))
        self.starts[wire.key] = side

    def _arrive(self, wire: Wire) -> None:
        before, head = wire.stops[-2], wire.head
        if wire.end_port or before.row != head.row:
            return
        x, start = head.item.x + wire.end.dx, self.comes_from(wire)
        side = "e" if start > x else "w"
        edge = x + (wire.end.width / 2) * (1 if side == "e" else -1)
        if (wire.end.name, side) in self._used or not self._free(wire, head, before, edge, start):
            return
        self._used.add((wire.end.name, side))
        self.finishes[wire.key] = side

    def _free(self, wire: Wire, mark: Vertex, lane: Vertex, x: float, to: float) -> bool:
        """Whether the way within a row between a mark and a lane is free of marks, words, frames and lines of other values."""
        row, low, high = mark.row, min(x, to), max(x, to)
        for v in self.rows[row]:
            if v is lane or (v.line and not v.words):
                continue
            parts = [(v.item.x - v.left, v.item.x + v.right)]
            if v is mark:
                parts = [(v.item.x + s.dx - s.width / 2, v.item.x + s.dx + s.width / 2) for s in v.spots]
            elif v.line and v in wire.stops:
                parts = [(v.item.x, v.item.x + v.right)]
            near = 0.0 if v is mark else 3.0
            if any(low < right + near - 0.5 and left - near + 0.5 < high for left, right in parts):
                return False
        for g in self.plan.groups:
            inside = g in mark.group.path()
            if g.low <= row <= g.high and not inside and low < g.x1 + 4 and g.x0 - 4 < high:
                return False
        for p, q, source in self._level[row]:
            if low < q + 4 and p - 4 < high and source != wire.source:
                return False
        self._level[row].append((low, high, wire.source))
        return True

    def _part(self) -> None:
        """Several wires out of the top of one mark, where no fork is, start side by side."""
        tops: dict[str, list[Wire]] = {}
        paired = {back.start.name for _, back, _ in self.plan.pairs if back}
        for wire in self.plan.wires:
            if not wire.start_port and wire.start.kind != "fork" and wire.key not in self.starts:
                tops.setdefault(wire.start.name, []).append(wire)
        for wires in tops.values():
            if len(wires) < 2:
                continue
            wires.sort(key=lambda w: (w.stops[1].item.x, w.key))
            straight = [k for k, w in enumerate(wires) if abs(w.stops[1].item.x - w.tail.item.x - w.start_dx) < 0.5]
            middle = straight[0] if straight else (len(wires) - 1) / 2
            half = wires[0].start.width / 2
            wide = min(12.0, max(half - 14, half / 2) / max(1.0, middle, len(wires) - 1 - middle))
            first = pair_start(2 * half)
            if wires[0].start.name in paired and half - middle * wide < first + _PAIR:  # beside what goes to the delay
                wide = min(12.0, (2 * half - first - 3) / len(wires))
                middle = (half - first) / wide - 1
            for k, w in enumerate(wires):
                w.start_dx += (k - middle) * wide

    def _slide(self) -> None:
        """A wire that would bend a little goes straight where the marks are wide enough."""
        feet = Counter(w.end.name for w in self.plan.wires if w.key not in self.finishes)
        returning = {v.spots[0].name for _, back, v in self.plan.pairs if back}
        tops = Counter(w.start.name for w in self.plan.wires if w.key not in self.starts)
        for wire in self.plan.wires:
            first, last = wire.stops[1], wire.stops[-2]
            start, end = wire.tail.item.x + wire.start_dx, wire.head.item.x + wire.end_dx
            a = (
                min(_reach(wire.start), _beside_return(wire.start) if wire.start.name in returning else 1e9)
                if not wire.start_port and tops[wire.start.name] == 1 and first.row != wire.tail.row
                else 0.0
            )
            b = (
                _reach(wire.end)
                if not wire.end_port and last.row != wire.head.row and feet[wire.end.name] == 1
                else 0.0
            )
            if first is wire.head:
                low, high = max(start - a, end - b), min(start + a, end + b)
                if low <= high:
                    x = min(max(start if a <= b else end, low), high)
                    wire.start_dx += x - start
                    wire.end_dx += x - end
                continue
            if abs(first.item.x - start) <= a:
                wire.start_dx += first.item.x - start
            if abs(last.item.x - end) <= b:
                wire.end_dx += last.item.x - end

    def _spread(self) -> None:
        """Several wires into the foot of one mark stand side by side."""
        feet: dict[str, list[Wire]] = {}
        for wire in self.plan.wires:
            if not wire.end_port and wire.key not in self.finishes:
                feet.setdefault(wire.end.name, []).append(wire)
        for wires in feet.values():
            if len(wires) < 2:
                continue
            wires.sort(key=lambda w: (self.comes_from(w), w.key))
            wide = (
                min(5.0, (wires[0].end.width / 2 - 2) / (len(wires) - 1) * 2) if wires[0].end.kind == "circle" else 12.0
            )
            middle = (len(wires) - 1) / 2
            straight = [k for k, w in enumerate(wires) if abs(self.comes_from(w) - w.head.item.x - w.end.dx) < 0.5]
            if straight:
                middle = straight[0]
            for k, w in enumerate(wires):
                self.offset[w.key] = (k - middle) * (wide if straight or len(wires) > 2 else 2 * wide)


def pair_start(width: float) -> float:
    """How far from the left of a cell begins what it hands on to the delay beside it."""
    return min(14.0, width / 4)


def _beside_return(spot: Spot) -> float:
    """How far from its middle a line may leave a cell over whose left corner something returns to the delay beside it."""
    return max(0.0, spot.width / 2 - pair_start(spot.width) - 8)


def _reach(spot: Spot) -> float:
    """How far from its middle a line may meet a mark."""
    if spot.kind in ("fork", "state", "memory"):
        return 0.0
    if spot.shape in ("box", "rect", "rectangle", "plain"):
        return max(0.0, spot.width / 2 - 9)
    return spot.width / 6 if spot.width > 30 else 0.0
