"""Strokes and arrow heads into wires: what each one connects, at which port, and what kind it is.

In: a `Sheet` with its marks. Out: the same sheet with its forks as marks, and `Drawn` wires: each with its line, for its words to be found.
Lines that cross do not join; a dot joins them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.ink import Outline, Stroke
from archdsl.figure.reading.places import Point, to_piece
from archdsl.figure.reading.sheet import Row, Seen, Sheet
from archdsl.figure.scene import Mark, Wire, WireKind

_TOUCH = 3.2
_HEAD = 3.2
_BARE = 9.0
"""How far a line without a head may end from a mark: where one was, it left a gap."""


@dataclass(eq=False)
class Drawn:
    """A wire and its line."""

    wire: Wire
    points: list[Point]
    labels: list[str] = field(default_factory=list)


@dataclass(eq=False)
class _Arrow:
    """Strokes that share a head: one, or the parallel lines of an update."""

    strokes: list[Stroke]
    points: list[Point]
    """From tail to head, if it has one."""
    head: Outline | None = None
    tip: Point | None = None


def connect(sheet: Sheet) -> list[Drawn]:
    """All wires of a panel."""
    forks, gates = _sorted_dots(sheet)
    for dot in forks:
        seen = Seen(Mark("fork"), dot.box, dot.points)
        sheet.marks.append(seen)
        sheet.home(dot.box).frame.marks.append(seen.mark)
    arrows = _arrows(sheet, gates)
    found = [_headed(a, sheet) for a in arrows if a.head is not None]
    found += _stems([a for a in arrows if a.head is None], found, sheet)
    _name_rows(sheet, found)
    return found


def _sorted_dots(sheet: Sheet) -> tuple[list[Outline], list[Outline]]:
    """Dots where lines fork, and dots that are heads of gates: one line ends on those, which touch a mark."""
    forks: list[Outline] = []
    gates: list[Outline] = []
    for dot in sheet.dots:
        center = (dot.box.x, dot.box.y)
        ends = sum(
            math.dist(p, center) < dot.box.width / 2 + 1.5 for s in sheet.strokes for p in (s.points[0], s.points[-1])
        )
        touches = any(abs(m.away(center) - dot.box.width / 2) < 1.6 for m in sheet.marks)
        (gates if touches and ends == 1 else forks).append(dot)
    return forks, gates


# -- heads ----------------------------------------------------------------------------------------------------------------
def _arrows(sheet: Sheet, gates: Sequence[Outline]) -> list[_Arrow]:
    """Each stroke with the head at one of its ends: the nearest pairs first, one head each; an update's lines share theirs."""
    tips = {id(h): _tip(h) for h in sheet.heads}
    near: list[tuple[float, Outline, Stroke, bool]] = []
    for head in [*sheet.heads, *gates]:
        for stroke in sheet.strokes:
            for last in (True, False):
                end = stroke.points[-1 if last else 0]
                gap = _to_head(end, head, tips.get(id(head)))
                if gap < _HEAD:
                    near.append(
                        (gap + 4 * _aside(stroke, last, tips.get(id(head))) + (0 if last else 0.01), head, stroke, last)
                    )
    arrows: dict[int, _Arrow] = {}
    used: set[int] = set()
    for _, head, stroke, last in sorted(near, key=lambda n: n[0]):
        if id(stroke) in used or id(head) in arrows:
            continue
        used.add(id(stroke))
        points = stroke.points if last else stroke.points[::-1]
        tip = tips[id(head)][0] if id(head) in tips else _far_side(points[-1], head)
        arrows[id(head)] = _Arrow([stroke], [*points, tip], head, tip)
    for _, head, stroke, _ in sorted(near, key=lambda n: n[0]):
        arrow = arrows.get(id(head))
        if arrow and id(stroke) not in used and not head.solid and _parallel(stroke, arrow.strokes[0]):
            used.add(id(stroke))
            arrow.strokes.append(stroke)
    if len(arrows) < len(sheet.heads) + len(gates):
        lost = next(h for h in [*sheet.heads, *gates] if id(h) not in arrows)
        raise Unreadable(f"the arrow head {_beside(lost.box.middle, sheet)} stands at the end of no line")
    return [*arrows.values(), *(_Arrow([s], s.points) for s in sheet.strokes if id(s) not in used)]


def _tip(head: Outline) -> tuple[Point, Point]:
    """A triangle's point, opposite its shortest side, and the middle of that side."""
    a, b, c = list(dict.fromkeys((round(x, 2), round(y, 2)) for x, y in head.points))[:3]
    _, tip, p, q = min((math.dist(p, q), tip, p, q) for tip, p, q in ((a, b, c), (b, a, c), (c, a, b)))
    return tip, ((p[0] + q[0]) / 2, (p[1] + q[1]) / 2)


def _to_head(end: Point, head: Outline, tip: tuple[Point, Point] | None) -> float:
    if tip is None:
        return abs(math.dist(end, (head.box.x, head.box.y)) - head.box.width / 2)
    return to_piece(end, *tip)


def _aside(stroke: Stroke, last: bool, tip: tuple[Point, Point] | None) -> float:
    """How much a line's end and its head point into different directions: 0 to 2."""
    if tip is None:
        return 0.0
    points = stroke.points if last else stroke.points[::-1]
    end = points[-1]
    before = next((p for p in reversed(points) if math.dist(p, end) > 0.5), points[0])
    ax, ay, bx, by = end[0] - before[0], end[1] - before[1], tip[0][0] - tip[1][0], tip[0][1] - tip[1][1]
    length = math.hypot(ax, ay) * math.hypot(bx, by)
    return 1 - (ax * bx + ay * by) / length if length > 1e-9 else 0.0


def _far_side(end: Point, head: Outline) -> Point:
    return 2 * head.box.x - end[0], 2 * head.box.y - end[1]


def _parallel(a: Stroke, b: Stroke) -> bool:
    return a.dash == b.dash and all(
        min(math.dist(p, q), math.dist(p, r)) < 6.5
        for p, q, r in ((a.points[0], b.points[0], b.points[-1]), (a.points[-1], b.points[-1], b.points[0]))
    )


# -- ends -----------------------------------------------------------------------------------------------------------------
def _headed(arrow: _Arrow, sheet: Sheet) -> Drawn:
    assert arrow.head and arrow.tip
    head = _nearest(arrow.tip, sheet, "ends")
    tail = _nearest(arrow.points[0], sheet, "starts")
    if head.mark.kind in ("fork", "input"):
        raise Unreadable(f"an arrow points to {_told(head)}, {_beside(arrow.points[0], sheet)}")
    kind: WireKind
    if arrow.head.form == "ellipse":
        kind = "gate"
    elif len(arrow.strokes) > 1:
        kind = "updates"
    elif not arrow.head.solid:
        kind = "first"
    else:
        kind = "return" if arrow.strokes[0].dash else "data"
    if arrow.strokes[0].dash and kind != "return":
        raise Unreadable(f"the arrow from {_told(tail)} to {_told(head)} has a head that no dashed arrow has")
    wire = Wire(
        tail.mark,
        head.mark,
        kind,
        None if kind == "return" else _port(tail, arrow.points[0]),
        _port(head, arrow.tip, True),
    )
    return Drawn(wire, arrow.points)


def _stems(arrows: Sequence[_Arrow], headed: Sequence[Drawn], sheet: Sheet) -> list[Drawn]:
    """Lines without a head lead to a fork; between two forks, from the one that is fed to the one that is not."""
    waiting = [
        (a, _nearest(a.points[0], sheet, "starts", _BARE), _nearest(a.points[-1], sheet, "ends", _BARE)) for a in arrows
    ]
    found: list[Drawn] = []
    fed: set[int] = set()
    while waiting:
        left = []
        for arrow, a, b in waiting:
            if _backward(a.mark, b.mark, fed):
                arrow.points.reverse()
                a, b = b, a
            if b.mark.kind != "fork" or id(b.mark) in fed:
                raise Unreadable(f"a line between {_told(a)} and {_told(b)} has no arrow head")
            if arrow.strokes[0].dash:
                raise Unreadable(f"the line between {_told(a)} and {_told(b)} is dashed and has no arrow head")
            if a.mark.kind == "fork" and id(a.mark) not in fed:
                left.append((arrow, a, b))
                continue
            fed.add(id(b.mark))
            found.append(Drawn(Wire(a.mark, b.mark, "data", _port(a, arrow.points[0])), arrow.points))
        if len(left) == len(waiting):
            raise Unreadable("a dot joins lines, and none of them leads to it")
        waiting = left
    return found


def _backward(a: Mark, b: Mark, fed: set[int]) -> bool:
    """Whether a line without a head, from a to b, is to be read from b to a."""
    if a.kind != "fork":
        return False
    return b.kind != "fork" or (id(b) in fed and id(a) not in fed)


def _nearest(point: Point, sheet: Sheet, verb: str, reach: float = _TOUCH) -> Seen:
    gap, seen = min(((m.away(point), m) for m in sheet.marks), key=lambda g: g[0], default=(1e9, None))
    if seen is None or gap > (reach + 2.5 if seen.mark.kind == "constant" else reach):
        raise Unreadable(f"a line {verb} at no mark, {_beside(point, sheet)}")
    return seen


def _beside(point: Point, sheet: Sheet) -> str:
    """Where a point is, for who looks at the picture."""
    named = [m for m in sheet.marks if m.mark.lines]
    nearest = min(named, key=lambda m: m.box.away(point), default=None)
    return f"beside {_told(nearest)}" if nearest else "in the middle of nothing"


def _told(seen: Seen) -> str:
    if seen.mark.kind == "fork":
        return "a dot"
    return f"“{' '.join(seen.mark.lines)}”" if seen.mark.lines else f"a mark without words ({seen.mark.kind})"


def _port(seen: Seen, point: Point, enters: bool = False) -> int | None:
    for row in seen.rows:
        cell = row.cell(point) if enters or not row.sign else None
        if cell is not None:
            return cell
    return None


def _name_rows(sheet: Sheet, found: Sequence[Drawn]) -> None:
    """Cells at which arrows end name operands; those at which lines start name results."""
    for seen in sheet.marks:
        for row in seen.rows:
            if row.sign:
                _name_sides(seen.mark, row, [d.wire for d in found if d.wire.head is seen.mark])
                continue
            ends = sum(d.wire.head is seen.mark and row.cell(d.points[-1]) is not None for d in found)
            starts = sum(d.wire.tail is seen.mark and row.cell(d.points[0]) is not None for d in found)
            if ends > starts:
                seen.mark.ports = row.names
            else:
                seen.mark.results = row.names


def _name_sides(mark: Mark, row: Row, wires: Sequence[Wire]) -> None:
    """Two arrows bring the operands that stand beside a sign; one brings that for which a square stands, and the other is a number."""
    if len(wires) == 2:
        mark.lines, mark.ports = [row.sign], row.names
    else:
        for wire in wires:
            wire.head_port = None
