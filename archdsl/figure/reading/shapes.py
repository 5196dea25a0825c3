"""Outlines and words into frames and marks: what each shape is, what it says, where its ports are.

In: `Ink`. Out: `Sheet`s, one for each panel: its frame with all that lies in it, and what is left for wires and their words. The legend is
left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.ink import Ink, Outline, Stroke, Word
from archdsl.figure.reading.lines import Line, blocks, lines
from archdsl.figure.reading.markup import plain
from archdsl.figure.reading.places import Box, Point, to_line
from archdsl.figure.scene import Frame, FrameKind, Mark, MarkKind

_THICK = 1.25
_THICKEST = 1.85
_NEAR = 8.0
_LABEL = 0.83
"""Words of wires are smaller than this share of a panel's name, those of constants and frames larger."""
_DOT = 3.2
"""The largest radius of a fork or of a gate's head."""


@dataclass(eq=False)
class Seen:
    """A mark with its place."""

    mark: Mark
    box: Box
    outline: list[Point]
    closed: bool = True
    rows: list[Row] = field(default_factory=list)

    def away(self, point: Point) -> float:
        """How far its border is from a point; from a far one, at least how far."""
        if (far := self.box.away(point)) > _NEAR:
            return far
        if self.mark.kind == "fork":
            return max(0.0, math.dist(point, (self.box.x, self.box.y)) - self.box.width / 2)
        return to_line(point, self.outline, closed=True)


@dataclass(eq=False)
class Row:
    """Cells along one side of a mark; `outer` is the border they touch: its axis (0: x, 1: y) and its place."""

    cells: list[Box]
    names: list[str]
    axis: int
    outer: float

    def cell(self, point: Point, slack: float = 3.2) -> int | None:
        """The cell on whose outer side a point lies."""
        if abs(point[self.axis] - self.outer) > slack:
            return None
        along = 1 - self.axis
        for i, cell in enumerate(self.cells):
            if cell[along] - 0.5 <= point[along] <= cell[along + 2] + 0.5:
                return i
        return None


@dataclass(eq=False)
class Framed:
    """A frame with its place."""

    frame: Frame
    box: Box
    inner: Box


@dataclass(eq=False)
class Sheet:
    """One panel: its frames, its marks, and what belongs to its wires."""

    title: list[str]
    frames: list[Framed]
    marks: list[Seen] = field(default_factory=list)
    dots: list[Outline] = field(default_factory=list)
    heads: list[Outline] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    labels: list[list[Line]] = field(default_factory=list)

    @property
    def box(self) -> Box:
        return self.frames[0].box

    def home(self, box: Box) -> Framed:
        """The innermost frame that a thing lies in."""
        around = [f for f in self.frames if f.inner.grown(0.5).has((box.x, box.y))]
        return min(around, key=lambda f: f.inner.area, default=self.frames[0])


def sheets(found: Ink) -> list[Sheet]:
    """Every panel, without the legend."""
    bodies = [o for o in found.outlines if o.form != "triangle" and not _dot(o) and not _unlined(o, found)]
    panels = _outermost([o for o in bodies if o.form == "rounded"])
    if not panels:
        raise Unreadable("this picture has no panels", "it is no figure that `archdsl draw` wrote")
    result = []
    for panel in sorted(panels, key=lambda o: (o.box.y0, o.box.x0)):
        area = panel.box.grown(0.5)
        inside = [o for o in bodies if o is not panel and area.holds(o.box)]
        words = [w for w in found.words if area.has((w.box.x, w.box.y))]
        if _is_legend(words, inside):
            continue
        result.append(_sheet(panel, inside, words, found))
    if not result:
        raise Unreadable("this picture has a legend alone", "it is no figure that `archdsl draw` wrote")
    return result


def _dot(outline: Outline) -> bool:
    return outline.form == "ellipse" and outline.box.width < 2 * _DOT and outline.solid


def _unlined(outline: Outline, found: Ink) -> bool:
    """A shape without a line: the paper itself, or the ground of a tag, whose line is drawn on top."""
    return not outline.lined


def _outermost(rounded: Sequence[Outline]) -> list[Outline]:
    return [
        o for o in rounded if not any(p is not o and p.box.area > o.box.area and p.box.holds(o.box) for p in rounded)
    ]


def _is_legend(words: Sequence[Word], inside: Sequence[Outline]) -> bool:
    """The legend has its name alone for a title, in no bold letters."""
    titles = [line.text for line in lines(words, gap=4.0) if not line.bold]
    return "Legend" in titles and max((w.size for w in words if w.bold), default=0.0) < max(w.size for w in words)


# -- one panel ------------------------------------------------------------------------------------------------------------
def _sheet(panel: Outline, inside: list[Outline], words: list[Word], found: Ink) -> Sheet:
    area = panel.box.grown(0.5)
    frames, marked = _frames(panel, inside, words)
    sheet = Sheet([], frames)
    cores = _cores(marked)
    free = list(words)
    strokes = [s for s in found.strokes if area.has(s.points[0]) and area.has(s.points[-1])]
    for core, double in cores:
        own = [w for w in free if _mostly(core.box, w.box)]
        free = [w for w in free if w not in own]
        inner = [o for o in marked if o is not core and core.box.holds(o.box) and double is None]
        dividers = [s for s in strokes if core.box.grown(0.6).has(s.points[0]) and core.box.grown(0.6).has(s.points[-1])
                    and all(core.box.grown(0.6).has(p) for p in s.points)]  # fmt: skip
        strokes = [s for s in strokes if s not in dividers]
        sheet.marks.append(_mark(core, double, own, inner, dividers))
    sheet.strokes = strokes
    sheet.dots = [o for o in found.outlines if _dot(o) and area.holds(o.box)]
    sheet.heads = [o for o in found.outlines if o.form == "triangle" and area.holds(o.box)]
    _free_words(sheet, free)
    for seen in sheet.marks:
        sheet.home(seen.box).frame.marks.append(seen.mark)
    return sheet


def _mostly(outer: Box, inner: Box) -> bool:
    """Whether a word lies in a mark; its end may stand out, where the letters are wider than they were thought."""
    shared = min(outer.x1, inner.x1) - max(outer.x0, inner.x0)
    return outer.y0 - 1 < inner.y0 and inner.y1 < outer.y1 + 1 and shared > 0.8 * inner.width


def _frames(panel: Outline, inside: list[Outline], words: list[Word]) -> tuple[list[Framed], list[Outline]]:
    """The frames of a panel, the outermost first, and the outlines that are none."""
    rounded = sorted((o for o in inside if o.form == "rounded"), key=lambda o: -o.box.area)
    framed = [Framed(Frame("panel"), panel.box, panel.box)]
    used: set[int] = set()
    for outline in rounded:
        if id(outline) in used:
            continue
        twin = _twin(outline, rounded)
        kind = _frame_kind(outline, twin, words)
        if kind is None:
            continue
        inner = twin.box if twin and kind == "stack" else outline.box
        used |= {id(outline)} | ({id(twin)} if twin and kind == "stack" else set())
        parent = min(
            (f for f in framed if f.inner.grown(0.5).holds(outline.box)), key=lambda f: f.inner.area, default=framed[0]
        )
        frame = Frame(kind, parent=parent.frame)
        parent.frame.frames.append(frame)
        framed.append(Framed(frame, outline.box, inner))
    return framed, [o for o in inside if id(o) not in used]


def _twin(outline: Outline, rounded: Sequence[Outline]) -> Outline | None:
    """The second border right inside a first one."""
    for other in rounded:
        a, b = outline.box, other.box
        gaps = (b.x0 - a.x0, b.y0 - a.y0, a.x1 - b.x1, a.y1 - b.y1)
        if other is not outline and all(1.0 < g < 7.0 for g in gaps) and other.dash == outline.dash == "":
            return other
    return None


def _frame_kind(outline: Outline, twin: Outline | None, words: Sequence[Word]) -> FrameKind | None:
    """What a rounded border is if it is a frame's: by its line, and by what stands in it."""
    if outline.dash == "dotted":
        return "training" if outline.width > 1.2 else "before"
    if outline.dash == "dashed":
        return "until" if outline.width > _THICKEST else None
    if outline.width > _THICKEST:
        return "loop"  # or a scan: its words say which
    if twin is not None and any(
        w.bold and w.text.startswith("×") and outline.box.has((w.box.x, w.box.y)) for w in words
    ):
        return "stack"
    return None


def _cores(marked: Sequence[Outline]) -> list[tuple[Outline, Outline | None]]:
    """The outer border of every mark, and its second border, if it has one; tags are left out."""
    found: list[tuple[Outline, Outline | None]] = []
    for outline in sorted(marked, key=lambda o: -o.box.area):
        if any(core.box.grown(0.1).holds(outline.box) for core, _ in found):
            continue
        inner = (
            o
            for o in marked
            if o is not outline
            and o.form == outline.form
            and outline.box.holds(o.box)
            and abs(o.box.x - outline.box.x) < 0.6
            and 4.0 < outline.box.width - o.box.width < 14.0
            and 4.0 < outline.box.height - o.box.height < 14.0
        )
        found.append((outline, next(inner, None)))
    return found


def _mark(
    core: Outline, double: Outline | None, words: list[Word], inner: list[Outline], dividers: list[Stroke]
) -> Seen:
    mark = Mark("function")
    seen = Seen(mark, core.box, core.points)
    tag = next((o for o in inner if o.form == "rounded"), None)
    if tag:
        letters = [w for w in words if tag.box.has((w.box.x, w.box.y))]
        words = [w for w in words if w not in letters]
        mark.tag = plain("".join(w.text for w in sorted(letters, key=lambda w: w.x0)))
    for row in _rows(core.box, double.box if double else core.box, dividers):
        for cell in row.cells:
            own = [w for w in words if cell.has((w.box.x, w.box.y))]
            words = [w for w in words if w not in own]
            row.names.append(" ".join(line.text for line in lines(own)))
        seen.rows.append(row)
    found = lines(words)
    mark.lines = [line.text for line in found]
    if not mark.lines:
        raise Unreadable("a mark says nothing", "the figure is damaged or was changed by hand")
    mark.kind = _mark_kind(core, double, found)
    return seen


def _mark_kind(core: Outline, double: Outline | None, found: list[Line]) -> MarkKind:
    match core.form:
        case "ellipse" if double:
            return "draw"
        case "ellipse" if core.width > _THICK:
            return "output"
        case "ellipse":
            return "input" if found and found[0].bold else "circle"
        case "rounded" if double:
            return "draw"
        case "rounded":
            return "frozen" if core.dash else "weights"
        case "cylinder":
            return "memory"
        case "hexagon":
            return "objective"
        case "box":
            if core.dash:
                return "gradient"
            return "state" if core.width > _THICKEST - 0.1 else "attention" if core.width > _THICK else "function"
        case _:
            raise Unreadable("a shape in this picture is none that a figure has", "it may have been changed by hand")


# -- ports ----------------------------------------------------------------------------------------------------------------
def _rows(outside: Box, box: Box, dividers: list[Stroke]) -> list[Row]:
    """Rows of cells along a side of a mark's inner border: they make one line from side to side of it."""
    pieces: dict[tuple[int, float], list[tuple[float, float]]] = {}
    ends: dict[tuple[int, float], list[float]] = {}
    for stroke in dividers:
        for a, b in pairwise(stroke.points):
            axis = 1 if abs(a[1] - b[1]) < 0.05 else 0
            key = (axis, round(a[axis], 1))
            pieces.setdefault(key, []).append((min(a[1 - axis], b[1 - axis]), max(a[1 - axis], b[1 - axis])))
            ends.setdefault(key, []).extend(p[axis] for p in stroke.points if abs(p[axis] - a[axis]) > 0.5)
    found = []
    for (axis, at), spans in pieces.items():
        along = 1 - axis
        if len(spans) < 2 or abs(sum(q - p for p, q in spans) - (box[along + 2] - box[along])) > 1.5:
            continue
        outer = min((box[axis], box[axis + 2]), key=lambda side: sum(abs(side - e) for e in ends[axis, at]))
        near, far = min(at, outer), max(at, outer)
        outer = outside[axis] if outer == box[axis] else outside[axis + 2]
        cells = [Box(p, near, q, far) if axis else Box(near, p, far, q) for p, q in sorted(spans)]
        found.append(Row(cells, [], axis, outer))
    return found


# -- words that stand free ----------------------------------------------------------------------------------------------
def _free_words(sheet: Sheet, words: list[Word]) -> None:
    """Titles, headings of frames, constants, and the words of wires."""
    title, rest = _title(sheet, words)
    sheet.title = [line.text for line in title]
    found = lines(rest, gap=2.0)
    for line in [n for n in found if n.text == "training"]:
        frame = sheet.home(line.box).frame
        if frame.kind == "training" and not frame.lines:
            frame.lines = [line.text]
            found.remove(line)
    limit = _LABEL * title[0].size
    sheet.labels = blocks([n for n in found if n.size < limit], centred=True)
    for block in blocks([n for n in found if n.size >= limit], centred=False):
        text = [line.text for line in block]
        frame = sheet.home(block[0].box).frame
        if block[0].bold or (text == ["before the first step"] and frame.kind == "before"):
            if frame.lines or frame.kind in ("panel", "training"):
                raise Unreadable(
                    f"the words “{text[0]}” stand where no words belong", "the figure is damaged or was changed by hand"
                )
            frame.lines = text
            if frame.kind == "loop" and text[0].endswith(("→</B>", "←</B>")):
                frame.kind = "scan"
            continue
        for line in block:
            box = line.box
            corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
            sheet.marks.append(Seen(Mark("constant", [line.text]), box, corners))
    for framed in sheet.frames[1:]:
        if not framed.frame.lines:
            raise Unreadable(
                f"a frame in {_named(sheet)} says nothing of itself", "the figure is damaged or was changed by hand"
            )


def _named(sheet: Sheet) -> str:
    return plain(sheet.title[0]) if sheet.title else "a panel"


def _title(sheet: Sheet, words: list[Word]) -> tuple[list[Line], list[Word]]:
    """The lines of the title: from the panel's name, at one left edge, each right below the one before."""
    largest = max((w.size for w in words if w.bold), default=0.0)
    names = [w for w in words if w.bold and w.size > 0.97 * largest]
    if not names:
        raise Unreadable("a panel has no name", "this is no figure of archdsl, or its words are gone")
    start = min(names, key=lambda w: (w.y, w.x0))
    found: list[Line] = []
    for line in lines([w for w in words if w.y >= start.y - 1], gap=8.0):
        if not found:
            found = [line] if start in line.words else []
        elif (
            abs(line.box.x0 - start.x0) < 2.5
            and 0.7 < (line.y - found[-1].y) / line.size < 1.6
            and line.size < 0.9 * start.size
        ):
            found.append(line)
    taken = {id(w) for line in found for w in line.words}
    return found, [w for w in words if id(w) not in taken]
