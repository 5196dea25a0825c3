"""Tracks between two rows: as few crossings as can be, and no line along another.

In: nets, each the level pieces of one value between two rows. Out: the number of its track for each, counted from below.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archdsl.figure.layout.plan import ASIDE, TRACK, Foot, Group, Vertex, Wire

_NEAR = 4.5
"""Closer than this, two lines beside each other would be one."""


_CLASH = 50.0
"""What it costs, compared with a crossing, that two lines run along each other."""


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
    lower: Vertex | None = None
    upper: Vertex | None = None


Clash = tuple[Foot, Foot]
"""Two that are to be farther apart, since lines between their rows run along each other."""


@dataclass(eq=False)
class Net:
    """Pieces of one value that share a track."""

    pieces: list[Piece] = field(default_factory=list)
    track: float = 0.0

    def lows(self) -> list[float]:
        return [x for p in self.pieces for x in p.low]

    def highs(self) -> list[float]:
        return [x for p in self.pieces for x in p.high]

    @property
    def bent(self) -> bool:
        return self.span[1] - self.span[0] > 0.5

    @property
    def returns(self) -> bool:
        return self.pieces[0].wire.turn == "back"

    @property
    def span(self) -> tuple[float, float]:
        every = self.lows() + self.highs()
        return min(every), max(every)


def stack(nets: list[Net]) -> list[Clash]:
    """Tracks for nets, from below, such that as few as can be cross and none run along each other; those that do all the same."""
    order: dict[tuple[int, int], float] = {}
    for i, a in enumerate(nets):
        for j in range(i):
            b = nets[j]
            (a0, a1), (b0, b1) = a.span, b.span
            if a0 < b1 + _NEAR and b0 < a1 + _NEAR:
                order[(i, j)] = _cost(b, a) - _cost(a, b)  # more than 0: `a` below `b` is better
    below: list[list[int]] = [[] for _ in nets]
    clashes: list[Clash] = []
    for (i, j), gain in sorted(order.items(), key=lambda e: (-abs(e[1]), e[0])):
        low, high = (i, j) if gain > 0 or (gain == 0 and _first(nets[i], nets[j])) else (j, i)
        if _leads(below, low, high):
            low, high = high, low
        if _cost(nets[low], nets[high]) >= _CLASH:
            clashes += _clashes(nets[high], nets[low])
        below[high].append(low)
    tracks: dict[int, float] = {}

    def track(k: int) -> float:
        if k not in tracks:
            tracks[k] = max((track(b) + _apart(nets[b], nets[k]) for b in below[k]), default=0.0)
        return tracks[k]

    for k, net in enumerate(nets):
        net.track = track(k)
    return clashes


def _clashes(a: Net, b: Net) -> list[Clash]:
    """Ends of pieces that would be one line: `a` lies above `b`, so what comes up to it meets what rises from `b`."""
    return [
        ((p.upper, x - p.upper.item.x), (q.lower, y - q.lower.item.x))
        for p in b.pieces
        for q in a.pieces
        if p.upper and q.lower
        for x in p.high
        for y in q.low
        if abs(x - y) < _NEAR
    ]


def _apart(a: Net, b: Net) -> float:
    """How many tracks lie from one to the next: what returns keeps away from others."""
    return ASIDE / TRACK if a.returns or b.returns else 1.0


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
        total += sum(_CLASH for y in b.lows() if abs(x - y) < _NEAR)
    return total
