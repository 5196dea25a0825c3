"""One panel gets its places: rows, order, columns, lines.

In: a panel (`dot.Sheet` as plain data) and the sizes that Graphviz measured. Out: a `geometry.Sheet`.
"""

from __future__ import annotations

from typing import Any

from archdsl.figure.layout import columns, judge, order, packing, ranks
from archdsl.figure.layout.curves import rounded
from archdsl.figure.layout.geometry import Box, Edge, Frame, Measured, Node, Sheet
from archdsl.figure.layout.lines import CLOSEST, Lines
from archdsl.figure.layout.plan import Group, Item, Plan, Spot, Vertex, Wire
from archdsl.figure.layout.sides import pair_start
from archdsl.figure.layout.tracks import Clash

_PAIR = 26.0
"""Between a delay and the cell beside it."""
_OVER = 10.0
"""How far above both what the cell hands on goes over to the delay."""
_HEAD, _DOT = 6.0, 4.8


def lay_out(
    panel: dict[str, Any], sizes: Measured, most: float = 1e9, narrow: bool = True, usual: bool = True
) -> Sheet:
    """The panel, no wider than `most` if more rows with less in them, and lanes that bend, make it so (and if it is to be `narrow`).
    `usual`: whether it may be no wider even without."""
    plan = _in_rows(panel, sizes) if usual else None
    if plan and (not narrow or packing.least_width(plan) <= most):
        _in_order(plan)
        columns.place(plan)
        if not narrow or plan.root.x1 - plan.root.x0 <= most:
            return _sheet(plan, Lines(plan), sizes)
    return _narrowed(panel, sizes, most - _ROUNDING)


_Way = tuple[float, int, float, int, Plan, Lines]
"""The panel in some rows: how wide it is, or may be; clashes; what its lines cost; a number."""


def _narrowed(panel: dict[str, Any], sizes: Measured, most: float) -> Sheet:
    """The panel in more rows, the best to look at of those that fit. One row is not all that makes it wide, so less and less is there.
    What comes to the same rows as before, or cannot be narrower than what does not fit either, is not tried again."""
    found: list[_Way] = []
    ways: dict[tuple[object, ...], _Way | None] = {}
    wall = 1e18
    for share in _SHARES:
        if len(found) >= _ENOUGH and min(f[:2] for f in found) <= (most + _ROUNDING, 0):
            break
        plan = _in_rows(panel, sizes, most * share)
        rows, least = _rows(plan), packing.least_width(plan)
        if rows not in ways:
            hopeless = least > most and least >= wall
            ways[rows] = None if hopeless else _way(plan, most, len(ways), found[0][0] if found else 1e18)
            wall = min(wall, least)
        if way := ways[rows]:
            found.append(way)
    plan, lines = min(found, key=lambda f: f[:4])[4:]
    return _sheet(plan, lines, sizes)


def _rows(plan: Plan) -> tuple[object, ...]:
    """All that its rows say about a plan."""
    return tuple((v.row, v.words is None) for g in plan.groups for item in g.items for v in item.vertices)


def _way(plan: Plan, most: float, number: int, widest: float) -> _Way | None:
    """A plan that has its rows, with the rest; none if it does not fit and is wider than the `widest`."""
    _in_order(plan, most)
    packing.bend(plan, most)
    if packing.width(plan) > max(most, widest):
        return None
    lines = _parted(plan, most)
    width = max(most + _ROUNDING, plan.root.x1 - plan.root.x0)
    return width, len(lines.clashes), judge.cost(plan, lines), number, plan, lines


def _parted(plan: Plan, most: float) -> Lines:
    """The lines of a plan; where some run along each other, its columns are found again, and keep these apart."""
    apart: list[Clash] = []
    for _ in range(_TRIES):
        columns.place(plan, most, apart)
        before = [(w, w.start_dx, w.end_dx, list(w.stops)) for w in plan.wires]
        lines = Lines(plan)
        if not lines.clashes:
            break
        apart += lines.clashes
        for wire, start, end, stops in before:
            wire.start_dx, wire.end_dx, wire.stops = start, end, stops
    return Lines(plan) if lines.clashes else lines


_TRIES = 4
_ENOUGH = 3
"""Ways among which the best is taken."""
_SHARES = (1.0, 0.85, 0.7, 0.93, 0.77, 0.55)
"""How wide the rows of a panel may be, compared with the page."""
_ROUNDING = 2.0
"""Columns are quarters of a point, and every distance is rounded up."""


def _in_rows(panel: dict[str, Any], sizes: Measured, most: float | None = None) -> Plan:
    plan = _plan(panel, sizes)
    ranks.assign(plan, most)
    return plan


def _in_order(plan: Plan, most: float | None = None) -> None:
    order.arrange(plan, most)
    columns.words_outside(plan)


# -- in -----------------------------------------------------------------------------------------------------------------
def _plan(panel: dict[str, Any], sizes: Measured) -> Plan:
    groups = _groups(panel, sizes)
    by_name = {g.name: g for g in groups}
    plan = Plan(groups[0], groups, room=sizes.room)
    spots = {m["name"]: Spot(m["name"], *sizes.nodes[m["name"]], kind=m["kind"]) for m in panel["marks"]}
    beside = _beside(panel)
    home: dict[str, Vertex] = {}
    for m in panel["marks"]:
        if m["name"] not in beside:
            home[m["name"]] = _vertex(plan, by_name[m["frame"]], [spots[m["name"]]])
    pairs: dict[str, list[Wire | None]] = {}
    for delay, cell in beside.items():
        home[delay] = home[cell]
        _pair(home[cell], spots[cell], spots[delay], _PAIR * max(CLOSEST, plan.room))
        pairs[cell] = [None, None]
    for w in panel["wires"]:
        wire = _wire(w, home, spots, sizes)
        if w["beside"] and wire.tail is wire.head:
            pairs[w["head"] if w["kind"] != "return" else w["tail"]][w["kind"] == "return"] = wire
        else:
            plan.wires.append(wire)
    for cell, (there, back) in pairs.items():
        plan.pairs.append((there, back, home[cell]))
        if back and back.label:
            v, (width, height) = home[cell], back.label
            v.up += height
            v.left = max(v.left, width / 2 - (v.spots[1].dx + v.spots[0].dx) / 2)
    return plan


def _groups(panel: dict[str, Any], sizes: Measured) -> list[Group]:
    found: dict[str, Group] = {}
    for f in panel["frames"]:
        parent = found.get(f["parent"])
        title = (0.0, 0.0) if sizes.lying else sizes.titles.get(f["name"], (0.0, 0.0))
        group = Group(f["name"], f["kind"], parent, title=title)
        if group.title[0]:
            group.title = (group.title[0] + 24, group.title[1] + 2)
        if parent:
            group.item = Item(parent, group=group)
            parent.items.append(group.item)
        if f["words"]:
            group.words = Spot(f["words"], *sizes.nodes[f["words"]], kind="words")
        found[f["name"]] = group
    return list(found.values())


def _vertex(plan: Plan, group: Group, spots: list[Spot]) -> Vertex:
    item = Item(group)
    v = Vertex(group, item, spots=spots)
    v.left = v.right = spots[0].width / 2
    v.up = v.down = spots[0].height / 2
    item.vertices.append(v)
    group.items.append(item)
    plan.vertices.append(v)
    return v


def _beside(panel: dict[str, Any]) -> dict[str, str]:
    """Delays that stand beside one cell and nowhere else, and the cell."""
    cells: dict[str, set[str]] = {}
    frames = {m["name"]: m["frame"] for m in panel["marks"]}
    for w in panel["wires"]:
        if w["beside"]:
            delay, cell = (w["head"], w["tail"]) if w["kind"] == "return" else (w["tail"], w["head"])
            cells.setdefault(delay, set()).add(cell)
        else:
            cells.setdefault(w["tail"], set()).add("")
    found = {d: min(c) for d, c in cells.items() if len(c) == 1 and "" not in c and frames[d] == frames[min(c)]}
    taken: dict[str, str] = {}
    for delay, cell in found.items():
        if cell not in taken.values() and cell not in found:
            taken[delay] = cell
    return taken


def _pair(v: Vertex, cell: Spot, delay: Spot, apart: float) -> None:
    delay.dx = -(cell.width / 2 + apart + delay.width / 2)
    v.spots.append(delay)
    v.left = cell.width / 2 + apart + delay.width
    v.up = max(cell.height, delay.height) / 2 + _OVER
    v.down = max(cell.height, delay.height) / 2


def _wire(w: dict[str, Any], home: dict[str, Vertex], spots: dict[str, Spot], sizes: Measured) -> Wire:
    start, end = spots[w["tail"]], spots[w["head"]]
    wire = Wire(w["key"], home[w["tail"]], home[w["head"]], w["kind"], start, end)
    at = sizes.ports.get(w["key"], (0.0, 0.0))
    wire.start_port, wire.end_port = w["tail_port"], w["head_port"]
    wire.start_dx = start.dx + (at[0] if wire.start_port else 0.0)
    wire.end_dx = end.dx + (at[1] if wire.end_port else 0.0)
    wire.label = sizes.label(f"<{w['label']}>") if w["label"] else None
    wire.turn, wire.gone = "back" if w["kind"] == "return" and w["back"] else "", w["gone"]
    if wire.label and end.kind == "fork":  # a fork has its name below it
        wire.head.right = max(wire.head.right, wire.label[0] + 5)
        wire.head.down = max(wire.head.down, wire.label[1] + 4)
    wire.highway = w["highway"]
    wire.round, wire.beside = w["round"], w["beside"] and w["kind"] != "return"
    aside = wire.turn or wire.round or w["kind"] == "gate"
    wire.weight = 30 if w["highway"] or (end.kind == "fork" and not wire.turn) else 1 if aside else 4
    return wire


# -- out ----------------------------------------------------------------------------------------------------------------
def _sheet(plan: Plan, lines: Lines, sizes: Measured) -> Sheet:
    sheet = Sheet()
    for g in plan.groups:
        parent = g.parent.name if g.parent else ""
        box = Box(g.x0, g.y0, g.x1, g.y1)
        if g.kind == "stack":
            sheet.frames[f"{g.name}_outer"] = Frame(f"{g.name}_outer", box.grown(3), parent)
            parent = f"{g.name}_outer"
        sheet.frames[g.name] = frame = Frame(g.name, box, parent)
        if g.title[1]:
            width, height = sizes.titles[g.name]
            frame.title = (g.x0 + width / 2 + 6, g.y1 - height / 2 - 4)
    for g in plan.groups:
        for item in g.items:
            for v in item.vertices:
                for s in v.spots:
                    box = Box.around(item.x + s.dx, lines.center[v.row], s.width, s.height)
                    sheet.nodes[s.name] = Node(s.name, box, s.shape, g.name)
    for there, back, v in plan.pairs:
        _draw_pair(sheet, there, back, v)
    for wire in [w for w in plan.wires if w.beside] + [there for there, _, _ in plan.pairs if there]:
        delay, cell = sheet.nodes[wire.start.name], sheet.nodes[wire.end.name]
        apart = wire.tail is not wire.head
        box = cell.box if apart else cell.box.joined(delay.box)
        name = f"cluster_{wire.end.name}_pair"  # what plain dot needs to set the two side by side
        sheet.frames[name] = Frame(name, box, wire.head.group.name)
        for node in (cell,) if apart else (cell, delay):
            node.frame = name
    for wire in plan.wires:
        _draw(sheet, plan, lines, wire)
    return sheet


def _draw(sheet: Sheet, plan: Plan, lines: Lines, wire: Wire) -> None:
    points, tip = rounded(lines.corners(wire), _length(wire))
    edge = Edge(wire.key, wire.start.name, wire.end.name, points, tip, kind=wire.kind)
    if wire.label:
        width, height = wire.label
        v = next((v for v in wire.stops if v.words is wire), None)
        if v:
            side = 0 if v.over else -1 if v.left > v.right else 1
            x, y = v.item.x + side * (3 + width / 2), lines.center[v.row] + v.over * (height / 2 + 2)
        elif wire.end.kind == "fork":
            x, y = wire.head.item.x + 3 + width / 2, lines.center[wire.head.row] - height / 2 - 2
        else:
            (ax, ay), (bx, by) = points[-4] if len(points) > 3 else points[0], points[-1]
            x, y = (ax + bx) / 2 + 3 + width / 2, (ay + by) / 2
        edge.label = Box.around(x, y, width, height)
    sheet.edges[edge.key] = edge


def _length(wire: Wire) -> float:
    return 0.0 if wire.end.kind == "fork" else _DOT if wire.kind == "gate" else _HEAD


def _draw_pair(sheet: Sheet, there: Wire | None, back: Wire | None, v: Vertex) -> None:
    cell, delay = (sheet.nodes[s.name].box for s in v.spots[:2])
    if there:
        points, tip = rounded([(delay.x1, delay.y), (cell.x0, cell.y)], _HEAD)
        sheet.edges[there.key] = Edge(there.key, there.start.name, there.end.name, points, tip, kind=there.kind)
    if back:
        top = max(cell.y1, delay.y1) + _OVER
        x = cell.x0 + pair_start(cell.width)
        points, tip = rounded([(x, cell.y1), (x, top), (delay.x, top), (delay.x, delay.y1)], _HEAD)
        edge = Edge(back.key, back.start.name, back.end.name, points, tip, kind=back.kind)
        if back.label:
            width, height = back.label
            edge.label = Box.around((x + delay.x) / 2, top + height / 2 + 1, width, height)
        sheet.edges[edge.key] = edge
