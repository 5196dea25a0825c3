"""Outlines and words into frames and marks: what each shape is, what it says, where its ports are.

In: `Ink`. Out: `Sheet`s, one for each panel: its frame with all that lies in it, and what is left for wires and their words. The legend is
left out.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import pairwise

from archdsl.figure.reading import headings, operators
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.ink import Ink, Outline, Stroke, Word
from archdsl.figure.reading.lines import Line, lines
from archdsl.figure.reading.markup import plain, unfolded
from archdsl.figure.reading.places import Box, around, joined
from archdsl.figure.reading.sheet import Framed, Row, Seen, Sheet
from archdsl.figure.scene import Frame, FrameKind, Mark, MarkKind

_THICK = 1.25
_THICKEST = 1.85
_DOT = 3.2
"""The largest radius of a fork or of a gate's head."""


def sheets(found: Ink) -> list[Sheet]:
    """Every panel, without the legend."""
    panels = _outermost([o for o in found.outlines if o.form == "rounded" and o.lined])
    if not panels:
        raise Unreadable("this picture has no panels", "it is no figure that `archdsl draw` wrote")
    panels.sort(key=lambda o: (o.box.y0, o.box.x0))
    result = [_sheet(panel, own) for panel, own in zip(panels, _apart(panels, found)) if not _is_legend(own.words)]
    if not result:
        raise Unreadable("this picture has a legend alone", "it is no figure that `archdsl draw` wrote")
    return result


def _apart(panels: Sequence[Outline], found: Ink) -> list[Ink]:
    """What lies in each panel; around them there is nothing but paper."""
    areas = [p.box.grown(0.5) for p in panels]
    result = [Ink() for _ in panels]

    def home(box: Box) -> Ink:
        for area, own in zip(areas, result):
            if area.holds(box):
                return own
        raise Unreadable("something stands outside all panels")

    for outline in found.outlines:
        if outline not in panels and (outline.lined or not outline.box.grown(0.5).holds(areas[0])):
            home(outline.box).outlines.append(outline)
    for stroke in found.strokes:
        home(around((stroke.points[0], stroke.points[-1]))).strokes.append(stroke)
    for word in found.words:
        middle = (word.box.x, word.box.y)
        home(Box(*middle, *middle)).words.append(word)
    return result


def _dot(outline: Outline) -> bool:
    return outline.form == "ellipse" and outline.box.width < 2 * _DOT and outline.solid


def _outermost(rounded: Sequence[Outline]) -> list[Outline]:
    found: list[Outline] = []
    for outline in sorted(rounded, key=lambda o: -o.box.area):
        if not any(p.box.holds(outline.box) for p in found):
            found.append(outline)
    return found


def _is_legend(words: Sequence[Word]) -> bool:
    """The legend has its name alone for a title, in no bold letters."""
    title = min(lines(words, gap=4.0), key=lambda line: line.y, default=None)
    return title is not None and title.text == "Legend" and not title.bold


# -- one panel ------------------------------------------------------------------------------------------------------------
def _sheet(panel: Outline, own: Ink) -> Sheet:
    bodies = [o for o in own.outlines if o.lined and o.form != "triangle" and not _dot(o)]
    frames, marked = _frames(panel, bodies, own.words)
    sheet = Sheet([], frames, strokes=own.strokes)
    sheet.dots = [o for o in own.outlines if _dot(o)]
    sheet.heads = [o for o in own.outlines if o.form == "triangle"]
    free = own.words
    for core, double in _cores(marked):
        area = core.box.grown(0.6)
        words = [w for w in free if _mostly(core.box, w.box)]
        free = [w for w in free if not _mostly(core.box, w.box)]
        inner = [o for o in marked if o is not core and core.box.holds(o.box)] if double is None else []
        dividers = [s for s in sheet.strokes if all(area.has(p) for p in s.points)]
        sheet.strokes = [s for s in sheet.strokes if s not in dividers]
        try:
            sheet.marks.append(_mark(core, double, words, inner, dividers))
        except Unreadable as problem:
            raise Unreadable(f"{_where(core.box, panel.box, own.words)}, {problem.message}", problem.hint) from None
    headings.place(sheet, free)
    for seen in sheet.marks:
        sheet.home(seen.box).frame.marks.append(seen.mark)
    return sheet


def _where(box: Box, panel: Box, words: Sequence[Word]) -> str:
    """A place in a panel whose words have not been read yet, for who looks at the picture."""
    name = max((w for w in words if w.bold), key=lambda w: w.size, default=None)
    x, y = (round(100 * part) for part in ((box.x - panel.x0) / panel.width, (box.y - panel.y0) / panel.height))
    return f"in the panel of {name.text if name else 'no name'}, {x}% from its left and {y}% from its top"


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
            row.names.append("<BR/>".join(line.text for line in lines(own)))
        seen.rows.append(row)
    found = lines(words)
    mark.lines = unfolded(line.text for line in found)
    if not mark.lines:
        raise Unreadable("a mark says nothing")
    mark.kind = _mark_kind(core, double, found)
    if mark.kind == "circle":
        seen.rows += _sides(core.box, found)
    return seen


def _sides(box: Box, found: Sequence[Line]) -> list[Row]:
    """What stands before and behind the sign of an operator, or above and beside it: two operands, if two arrows end there."""
    parts = operators.parted(" ".join(line.text for line in found))
    if parts is None or len(found) > 2:
        return []
    left, sign, right = parts
    if len(found) == 2:
        middle = (found[0].box.y1 + found[1].box.y0) / 2
        cells = [Box(box.x0, box.y0, box.x1, middle), Box(box.x0, middle, box.x1, box.y1)]
        return [Row(cells, [left, right], 0, box.x, box.width / 2 + 3.2, sign)]
    middle = _place(found[0].words, html.unescape(sign))
    cells = [Box(box.x0, box.y0, middle, box.y1), Box(middle, box.y0, box.x1, box.y1)]
    return [Row(cells, [left, right], 1, box.y, box.height / 2 + 3.2, sign)]


def _place(words: Sequence[Word], sign: str) -> float:
    """Where a sign stands in a line."""
    for word in sorted(words, key=lambda w: w.text.strip() != sign):
        at = f" {word.text} ".replace("\xa0", " ").find(f" {sign} ")
        if at >= 0:
            return word.x0 + (word.x1 - word.x0) * (at + len(sign) / 2) / len(word.text)
    return joined(w.box for w in words).x


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
            raise Unreadable(f"the mark “{plain(found[0].text)}” has a shape that no mark has")


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
