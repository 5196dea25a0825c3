"""Lines: level pieces of wires on tracks between the rows, as few crossings as can be, and the heights of all rows.

In: a plan with columns. Out: the corners of every wire, a `y` for every row, and top and bottom of every frame. A wire changes its column
between two rows only, on a track that no other value uses there; wires into round marks, and those that return, go straight in from the
side where the way is free.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from archdsl.figure.layout.plan import Group, Plan, Spot, Vertex, Wire, common

Point = tuple[float, float]

_TRACK = 8.0
"""Between two tracks."""
_CLEAR = 8.0
"""From a row to the first track above it."""
_ARRIVE = 13.0
"""From the last track up to the row above it: an arrow head has room."""
_LEAST = 17.0
"""Between two rows."""
_BORDER = 9.0
_NEAR = 4.5
"""Closer than this, two lines beside each other would be one."""


@dataclass(eq=False)
class Piece:
    """A level piece of a wire, between the rows `channel` and `channel + 1`, and where it comes from and goes to."""

    wire: Wire
    channel: int
    low: list[float]
    high: list[float]
    group: Group
    ends: tuple[float, float]
    y: float = 0.0


@dataclass(eq=False)
class Net:
    """Pieces of one value that share a track."""

    pieces: list[Piece] = field(default_factory=list)
    track: int = 0

    def lows(self) -> list[float]:
        return [x for p in self.pieces for x in p.low]

    def highs(self) -> list[float]:
        return [x for p in self.pieces for x in p.high]

    @property
    def span(self) -> tuple[float, float]:
        every = self.lows() + self.highs()
        return min(every), max(every)


class Lines:
    """All level pieces of a plan, and the heights that they ask for."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.rows: list[list[Vertex]] = [[] for _ in range(plan.rows)]
        for g in plan.groups:
            for item in g.items:
                if item.group is None:
                    for v in item.vertices:
                        self.rows[v.row].append(v)
        self.center = [0.0] * plan.rows
        self.level: list[list[tuple[float, float, tuple[str, float]]]] = [[] for _ in range(plan.rows)]
        self.starts: dict[str, str] = {}
        self.finishes: dict[str, str] = {}
        """Wires that leave or arrive sideways: to which side."""
        self.pointed = {w.head.row for w in plan.wires if w.end.kind != "fork"}
        """Rows at which arrows arrive from below."""
        self.offset: dict[str, float] = {}
        self.pieces: dict[str, list[Piece]] = {}
        self._sideways()
        self._part()
        self._slide()
        self._spread()
        for wire in plan.wires:
            self.pieces[wire.key] = list(self._pieces(wire))
        self._heights()

    # -- sideways ---------------------------------------------------------------------------------------------------
    def _sideways(self) -> None:
        used: set[tuple[str, str]] = set()
        backs = [w for w in self.plan.wires if w.turn == "back"]
        for wire in backs:
            self._leave(wire, used)
        turned = [w for w in self.plan.wires if w.turn]
        for wire in sorted(turned, key=lambda w: (w.head.row, abs(self._from(w) - w.head.item.x), w.key)):
            self._arrive(wire, used)
            if wire.turn == "side" and wire.key not in self.finishes:  # no way in from the side: from below, then
                lane = wire.stops.pop(-2)
                self.rows[lane.row].remove(lane)

    def _from(self, wire: Wire) -> float:
        """Where a wire comes from, in the last piece of its way."""
        before = wire.stops[-2]
        return before.item.x + (wire.start_dx if before is wire.tail else 0.0)

    def _leave(self, wire: Wire, used: set[tuple[str, str]]) -> None:
        lane = wire.stops[1]
        if lane.row != wire.tail.row or wire.start_port or wire.start.kind == "input":
            return
        x, to = wire.tail.item.x + wire.start.dx, lane.item.x
        side = "e" if to > x else "w"
        edge = x + (wire.start.width / 2) * (1 if side == "e" else -1)
        if (wire.start.name, side) in used or not self._free(wire, wire.tail, lane, edge, to):
            return
        used.add((wire.start.name, side))
        self.starts[wire.key] = side

    def _arrive(self, wire: Wire, used: set[tuple[str, str]]) -> None:
        before, head = wire.stops[-2], wire.head
        if wire.end_port or before.row != head.row:
            return
        x, start = head.item.x + wire.end.dx, self._from(wire)
        side = "e" if start > x else "w"
        edge = x + (wire.end.width / 2) * (1 if side == "e" else -1)
        if (wire.end.name, side) in used or not self._free(wire, head, before, edge, start):
            return
        used.add((wire.end.name, side))
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
        for p, q, source in self.level[row]:
            if low < q + 4 and p - 4 < high and source != wire.source:
                return False
        self.level[row].append((low, high, wire.source))
        return True

    def _part(self) -> None:
        """Several wires out of the top of one mark, where no fork is, start side by side."""
        tops: dict[str, list[Wire]] = {}
        for wire in self.plan.wires:
            if not wire.start_port and wire.start.kind != "fork" and wire.key not in self.starts:
                tops.setdefault(wire.start.name, []).append(wire)
        for wires in tops.values():
            if len(wires) < 2:
                continue
            wires.sort(key=lambda w: (w.stops[1].item.x, w.key))
            straight = [k for k, w in enumerate(wires) if abs(w.stops[1].item.x - w.tail.item.x - w.start_dx) < 0.5]
            middle = straight[0] if straight else (len(wires) - 1) / 2
            wide = min(12.0, (wires[0].start.width / 2 - 14) / max(1.0, middle, len(wires) - 1 - middle))
            for k, w in enumerate(wires):
                w.start_dx += (k - middle) * wide

    def _slide(self) -> None:
        """A wire that would bend a little goes straight where the marks are wide enough."""
        feet = Counter(w.end.name for w in self.plan.wires if w.key not in self.finishes)
        tops = Counter(w.start.name for w in self.plan.wires if w.key not in self.starts)
        for wire in self.plan.wires:
            first, last = wire.stops[1], wire.stops[-2]
            start, end = wire.tail.item.x + wire.start_dx, wire.head.item.x + wire.end_dx
            a = (
                _reach(wire.start)
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
            wires.sort(key=lambda w: (self._from(w), w.key))
            wide = (
                min(5.0, (wires[0].end.width / 2 - 2) / (len(wires) - 1) * 2) if wires[0].end.kind == "circle" else 12.0
            )
            middle = (len(wires) - 1) / 2
            straight = [k for k, w in enumerate(wires) if abs(self._from(w) - w.head.item.x - w.end.dx) < 0.5]
            if straight:
                middle = straight[0]
            for k, w in enumerate(wires):
                self.offset[w.key] = (k - middle) * (wide if straight or len(wires) > 2 else 2 * wide)

    # -- pieces -----------------------------------------------------------------------------------------------------
    def _pieces(self, wire: Wire) -> Iterator[Piece]:
        last, turned = len(wire.stops) - 2, False
        for k, (a, b) in enumerate(zip(wire.stops, wire.stops[1:])):
            if a.item is b.item:
                continue
            xa = a.item.x + (wire.start_dx if k == 0 else 0.0)
            xb = b.item.x + (wire.end_dx + self.offset.get(wire.key, 0.0) if k == last else 0.0)
            group = common(a.group, b.group)
            if a.row == b.row and wire.turn == "side":
                continue
            if a.row == b.row:
                top, turned = not turned, True
                if not (k == 0 and wire.key in self.starts) and not (k == last and wire.key in self.finishes):
                    ends = [xa, xb]
                    yield Piece(
                        wire, a.row if top else a.row - 1, ends if top else [], [] if top else ends, group, (xa, xb)
                    )
            elif not (k == last and wire.key in self.finishes):
                yield Piece(wire, a.row, [xa], [xb], group, (xa, xb))

    # -- heights ----------------------------------------------------------------------------------------------------
    def _heights(self) -> None:
        nets: list[dict[tuple[str, int], list[Net]]] = [{} for _ in range(self.plan.rows + 1)]
        shared: dict[tuple[object, ...], Net] = {}
        for wire in self.plan.wires:
            for piece in self.pieces[wire.key]:
                zone = self._zone(piece)
                own = wire.key if wire.kind == "return" else ""
                net = shared.get((piece.channel, zone, wire.source, own))
                if net is None:
                    net = shared[(piece.channel, zone, wire.source, own)] = Net()
                    nets[piece.channel + 1].setdefault(zone, []).append(net)
                net.pieces.append(piece)
        y = 0.0
        for channel in range(-1, self.plan.rows):
            y = self._channel(channel, nets[channel + 1], y)
            if channel + 1 < self.plan.rows:
                row = self.rows[channel + 1]
                down, up = max((v.down for v in row), default=0.0), max((v.up for v in row), default=0.0)
                self.center[channel + 1] = y + down
                y += down + up

    def _zone(self, piece: Piece) -> tuple[str, int]:
        if piece.group.high == piece.channel:
            return "end", _depth(self.plan, piece.group, "high") - 1
        if piece.group.low == piece.channel + 1:
            return "start", _depth(self.plan, piece.group, "low") - 1
        return "middle", 0

    def _channel(self, channel: int, zones: dict[tuple[str, int], list[Net]], y: float) -> float:
        """Lays out what lies between two rows, from `y` upwards; where the next row begins."""
        start = y
        ending = [g for g in self.plan.groups if g.high == channel]
        starting = [g for g in self.plan.groups if g.low == channel + 1]
        for level in range(max((_depth(self.plan, g, "high") for g in ending), default=0)):
            y = self._tracks(zones.get(("end", level), []), y, _CLEAR)
            own = [g for g in ending if _depth(self.plan, g, "high") == level + 1]
            y += max(_border(g, top=True) for g in own)
            for g in own:
                g.y1 = y
            y += 4.0 if any(g.kind == "stack" for g in own) else 0.0
        y = self._tracks(zones.get(("middle", 0), []), y, _CLEAR)
        for level in reversed(range(max((_depth(self.plan, g, "low") for g in starting), default=0))):
            own = [g for g in starting if _depth(self.plan, g, "low") == level + 1]
            y += 4.0 if any(g.kind == "stack" for g in own) else 0.0
            y += _BORDER - 2 if channel >= 0 else 0.0
            for g in own:
                g.y0 = y
            y += max(_border(g, top=False) for g in own)
            inside = zones.get(("start", level), [])
            y = self._tracks(inside, y, 0.0)
            y += _ARRIVE if any(n.span[1] - n.span[0] > 0.5 for n in inside) else 0.0
        if 0 <= channel < self.plan.rows - 1:
            pointed = channel + 1 in self.pointed
            arrive = _ARRIVE if pointed else _CLEAR
            y = max(
                y + (_ARRIVE - _BORDER if starting else arrive if y > start else 0.0),
                start + (_LEAST if pointed else _CLEAR),
            )
        return y

    def _tracks(self, nets: list[Net], y: float, clear: float) -> float:
        """Gives a height to every net that changes its column."""
        bent = [n for n in nets if n.span[1] - n.span[0] > 0.5]
        for net in nets:
            for piece in net.pieces:
                piece.y = y
        if not bent:
            return y
        _stack(bent, [n for n in nets if n not in bent])
        y += clear
        for net in bent:
            for piece in net.pieces:
                piece.y = y + net.track * _TRACK
        return y + max(n.track for n in bent) * _TRACK

    # -- corners ----------------------------------------------------------------------------------------------------
    def corners(self, wire: Wire) -> list[Point]:
        start, end = wire.start, wire.end
        xs, ys = wire.tail.item.x + start.dx, self.center[wire.tail.row]
        if wire.key in self.starts:
            sign = 1 if self.starts[wire.key] == "e" else -1
            points = [(xs + sign * (0 if start.kind == "fork" else start.width / 2), ys)]
            points.append((wire.stops[1].item.x, ys))
        else:
            points = [(wire.tail.item.x + wire.start_dx, ys + _half(start, wire.start_dx - start.dx))]
        for piece in self.pieces[wire.key]:
            points += [(piece.ends[0], piece.y), (piece.ends[1], piece.y)]
        x, y = wire.head.item.x + end.dx, self.center[wire.head.row]
        if wire.key in self.finishes:
            sign = 1 if self.finishes[wire.key] == "e" else -1
            points += [(self._from(wire), y), (x + sign * end.width / 2, y)]
        else:
            dx = wire.end_dx + self.offset.get(wire.key, 0.0)
            points.append((wire.head.item.x + dx, y - _half(end, dx - end.dx)))
        return _plain(points)


def _half(spot: Spot, dx: float) -> float:
    """How high a mark is above its middle, at some distance aside."""
    if spot.kind == "fork":
        return 0.0
    if spot.shape in ("circle", "ellipse", "oval"):
        return spot.height / 2 * math.sqrt(max(0.0, 1 - (dx / (spot.width / 2)) ** 2))
    if spot.shape == "hexagon":
        return spot.height / 2 * min(1.0, (spot.width / 2 - abs(dx)) / (spot.width / 4))
    return spot.height / 2


def _plain(points: list[Point]) -> list[Point]:
    """Without points where a line goes straight on."""
    kept: list[Point] = []
    for p in points:
        if kept and abs(p[0] - kept[-1][0]) < 0.3 and abs(p[1] - kept[-1][1]) < 0.3:
            continue
        if len(kept) > 1 and any(
            abs(kept[-2][k] - kept[-1][k]) < 0.3 and abs(kept[-1][k] - p[k]) < 0.3 for k in (0, 1)
        ):
            kept.pop()
        kept.append(p)
    return kept


def _reach(spot: Spot) -> float:
    """How far from its middle a line may meet a mark."""
    if spot.kind in ("fork", "state", "memory"):
        return 0.0
    if spot.shape in ("box", "rect", "rectangle", "plain"):
        return max(0.0, spot.width / 2 - 9)
    return spot.width / 6 if spot.width > 30 else 0.0


def _depth(plan: Plan, group: Group, side: str) -> int:
    """How many borders lie in one another where a frame ends."""
    inner = [g for g in plan.groups if g.parent is group and getattr(g, side) == getattr(group, side)]
    return 1 + max((_depth(plan, g, side) for g in inner), default=0)


def _border(group: Group, top: bool) -> float:
    """From what is in a frame to its border."""
    title = group.title[1] if top else 0.0
    return _BORDER + title + (3 if group.kind == "panel" else 0)


# -- tracks -------------------------------------------------------------------------------------------------------------
def _stack(nets: list[Net], straight: list[Net]) -> None:
    """Tracks for nets, from below, such that as few as can be cross and none run along each other."""
    order: dict[tuple[int, int], float] = {}
    for i, a in enumerate(nets):
        for j in range(i):
            b = nets[j]
            (a0, a1), (b0, b1) = a.span, b.span
            if a0 < b1 + _NEAR and b0 < a1 + _NEAR:
                order[(i, j)] = _cost(b, a) - _cost(a, b)  # more than 0: `a` below `b` is better
    below: list[list[int]] = [[] for _ in nets]
    for (i, j), gain in sorted(order.items(), key=lambda e: (-abs(e[1]), e[0])):
        low, high = (i, j) if gain > 0 or (gain == 0 and _first(nets[i], nets[j])) else (j, i)
        if _leads(below, low, high):
            low, high = high, low
        below[high].append(low)
    tracks: dict[int, int] = {}

    def track(k: int) -> int:
        if k not in tracks:
            tracks[k] = max((track(b) + 1 for b in below[k]), default=0)
        return tracks[k]

    for k, net in enumerate(nets):
        net.track = track(k)


def _first(a: Net, b: Net) -> bool:
    return (a.span[1] - a.span[0], a.span) < (b.span[1] - b.span[0], b.span)


def _leads(below: list[list[int]], start: int, goal: int) -> bool:
    """Whether `goal` already has to be below `start`."""
    waiting, seen = [start], {start}
    while waiting:
        k = waiting.pop()
        if k == goal:
            return True
        for b in below[k]:
            if b not in seen:
                seen.add(b)
                waiting.append(b)
    return False


def _cost(a: Net, b: Net) -> float:
    """Crossings if `a` lies below `b`, and much where two stems would run along each other."""
    (a0, a1), (b0, b1) = a.span, b.span
    total = float(sum(b0 - 1 < x < b1 + 1 for x in a.highs()) + sum(a0 - 1 < x < a1 + 1 for x in b.lows()))
    for x in a.highs():
        total += sum(50.0 for y in b.lows() if abs(x - y) < _NEAR)
    return total
