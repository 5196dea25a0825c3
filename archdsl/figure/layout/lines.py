"""Lines: level pieces of wires on tracks between the rows, as few crossings as can be, and the heights of all rows.

In: a plan with columns. Out: the corners of every wire, a `y` for every row, and top and bottom of every frame. A wire changes its column
between two rows only, on a track that no other value uses there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from archdsl.figure.layout.plan import ASIDE, TRACK, Group, Plan, Spot, Wire, common, depth, zone_of
from archdsl.figure.layout.sides import Sides
from archdsl.figure.layout.tracks import Clash, Net, Piece, stack

Point = tuple[float, float]

_CLEAR = 8.0
"""From a row to the first track above it."""
_ARRIVE = 13.0
"""From the last track up to the row above it: an arrow head has room."""
_LEAST = 17.0
"""Between two rows."""
_BORDER = 9.0
CLOSEST = 0.72
"""How much nearer to each other rows may stand where room is scarce: an arrow head and a rounded corner need some."""


class Lines:
    """All level pieces of a plan, and the heights that they ask for."""

    def __init__(self, plan: Plan):
        self.plan, self.sides = plan, Sides(plan)
        self.center = [0.0] * plan.rows
        self.near = max(CLOSEST, plan.room)
        """Distances upwards, compared with what is usual."""
        self.clashes: list[Clash] = []
        """Where lines run along each other, for want of an order of tracks that would keep them apart."""
        self.pointed = {w.head.row for w in plan.wires if w.end.kind != "fork"}
        """Rows at which arrows arrive from below."""
        self.sidelong = {w.tail.row for w in plan.wires if w.key in self.sides.starts}
        """Rows in which something that returns leaves sideways."""
        self.pieces: dict[str, list[Piece]] = {w.key: list(self._pieces(w)) for w in plan.wires}
        self._heights()

    # -- pieces -----------------------------------------------------------------------------------------------------
    def _pieces(self, wire: Wire) -> Iterator[Piece]:
        last, turned = len(wire.stops) - 2, False
        for k, (a, b) in enumerate(zip(wire.stops, wire.stops[1:])):
            if a.item is b.item:
                continue
            xa = a.item.x + (wire.start_dx if k == 0 else 0.0)
            xb = b.item.x + (wire.end_dx + self.sides.offset.get(wire.key, 0.0) if k == last else 0.0)
            group = common(a.group, b.group)
            if a.row == b.row and wire.turn == "side":
                continue
            if a.row == b.row:
                top, turned = not turned, True
                if not (k == 0 and wire.key in self.sides.starts) and not (
                    k == last and wire.key in self.sides.finishes
                ):
                    ends = [xa, xb]
                    yield Piece(
                        wire, a.row if top else a.row - 1, ends if top else [], [] if top else ends, group, (xa, xb)
                    )
            elif not (k == last and wire.key in self.sides.finishes):
                down = a.row > b.row
                low, high = (b, a) if down else (a, b)
                lows, highs = ([xb], [xa]) if down else ([xa], [xb])
                yield Piece(wire, low.row, lows, highs, group, (xa, xb), lower=low, upper=high)

    # -- heights ----------------------------------------------------------------------------------------------------
    def _heights(self) -> None:
        nets: list[dict[tuple[str, int], list[Net]]] = [{} for _ in range(self.plan.rows + 1)]
        shared: dict[tuple[object, ...], Net] = {}
        for wire in self.plan.wires:
            for piece in self.pieces[wire.key]:
                zone = zone_of(self.plan, piece.group, piece.channel)
                own = "" if wire.start.kind == "fork" and wire.kind != "return" else wire.key
                net = shared.get((piece.channel, zone, wire.source, own))
                if net is None:
                    net = shared[(piece.channel, zone, wire.source, own)] = Net()
                    nets[piece.channel + 1].setdefault(zone, []).append(net)
                net.pieces.append(piece)
        y = 0.0
        for channel in range(-1, self.plan.rows):
            y = self._channel(channel, nets[channel + 1], y)
            if channel + 1 < self.plan.rows:
                row = self.sides.rows[channel + 1]
                down, up = max((v.down for v in row), default=0.0), max((v.up for v in row), default=0.0)
                self.center[channel + 1] = y + down
                y += down + up

    def _channel(self, channel: int, zones: dict[tuple[str, int], list[Net]], y: float) -> float:
        """Lays out what lies between two rows, from `y` upwards; where the next row begins."""
        start, clear = y, (ASIDE if channel in self.sidelong else _CLEAR) * self.near
        ending = [g for g in self.plan.groups if g.high == channel]
        starting = [g for g in self.plan.groups if g.low == channel + 1]
        for level in range(max((depth(self.plan, g, "high") for g in ending), default=0)):
            y = self._tracks(zones.get(("end", level), []), y, clear)
            own = [g for g in ending if depth(self.plan, g, "high") == level + 1]
            y += max(_border(g, self.near, top=True) for g in own)
            for g in own:
                g.y1 = y
            y += 4.0 if any(g.kind == "stack" for g in own) else 0.0
        y = self._tracks(zones.get(("middle", 0), []), y, clear)
        for level in reversed(range(max((depth(self.plan, g, "low") for g in starting), default=0))):
            own = [g for g in starting if depth(self.plan, g, "low") == level + 1]
            y += 4.0 if any(g.kind == "stack" for g in own) else 0.0
            y += (_BORDER - 2) * self.near if channel >= 0 else 0.0
            for g in own:
                g.y0 = y
            y += max(_border(g, self.near, top=False) for g in own)
            inside = zones.get(("start", level), [])
            y = self._tracks(inside, y, 0.0)
            y += _ARRIVE * self.near if any(n.bent for n in inside) else 0.0
        if 0 <= channel < self.plan.rows - 1:
            pointed = channel + 1 in self.pointed
            arrive = _ARRIVE if pointed else _CLEAR
            y = max(
                y + (_ARRIVE - _BORDER if starting else arrive if y > start else 0.0) * self.near,
                start + (_LEAST if pointed else _CLEAR) * self.near,
            )
        return y

    def _tracks(self, nets: list[Net], y: float, clear: float) -> float:
        """Gives a height to every net that changes its column."""
        bent = [n for n in nets if n.bent]
        for net in nets:
            for piece in net.pieces:
                piece.y = y
        if not bent:
            return y
        self.clashes += stack(bent)
        y += clear
        for net in bent:
            for piece in net.pieces:
                piece.y = y + net.track * TRACK * self.near
        return y + max(n.track for n in bent) * TRACK * self.near

    # -- corners ----------------------------------------------------------------------------------------------------
    def corners(self, wire: Wire) -> list[Point]:
        start, end = wire.start, wire.end
        xs, ys = wire.tail.item.x + start.dx, self.center[wire.tail.row]
        if wire.key in self.sides.starts:
            sign = 1 if self.sides.starts[wire.key] == "e" else -1
            points = [(xs + sign * (0 if start.kind == "fork" else start.width / 2), ys)]
            points.append((wire.stops[1].item.x, ys))
        else:
            points = [(wire.tail.item.x + wire.start_dx, ys + _half(start, wire.start_dx - start.dx))]
        for piece in self.pieces[wire.key]:
            points += [(piece.ends[0], piece.y), (piece.ends[1], piece.y)]
        x, y = wire.head.item.x + end.dx, self.center[wire.head.row]
        if wire.key in self.sides.finishes:
            sign = 1 if self.sides.finishes[wire.key] == "e" else -1
            points += [(self.sides.comes_from(wire), y), (x + sign * end.width / 2, y)]
        else:
            dx = wire.end_dx + self.sides.offset.get(wire.key, 0.0)
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
    if spot.shape == "lying hexagon":
        return spot.height / 2 * (1 - min(1.0, abs(dx) / spot.width))
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


def _border(group: Group, near: float, top: bool) -> float:
    """From what is in a frame to its border."""
    title = group.title[1] if top else 0.0
    return _BORDER * near + title + (3 if group.kind == "panel" else 0)
