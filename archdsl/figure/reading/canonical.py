"""Panels as what the eye can tell of them, and what differs between two.

In: panels, from a program or from a picture. Out: the same panels in canonical text, without what is not seen; differences as sentences.
Two lists of panels are alike if one becomes the other by renaming marks and changing the order of marks, frames and wires.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import zip_longest

from archdsl.figure.captions import uncaptioned
from archdsl.figure.reading.markup import plain, plain_lines
from archdsl.figure.scene import SLOT, Frame, Mark, Panel, Wire


def canonical(panels: Sequence[Panel]) -> list[Panel]:
    """Copies in canonical markup, without what colour or place alone tells."""
    return [_panel(p) for p in panels]


def _panel(panel: Panel) -> Panel:
    copies: dict[int, Mark] = {}
    root = _frame(panel.root, None, copies)
    wires = [
        Wire(
            copies[id(w.tail)],
            copies[id(w.head)],
            "data" if w.head.kind == "fork" else w.kind,
            w.tail_port,
            w.head_port,
            "<BR/>".join(line for t in plain_lines(w.label) if (line := _without_nameless(t))),
        )
        for w in panel.wires
    ]
    title = _without_conditions(_lines(panel.title))
    return Panel(panel.name, [_COUNT.sub("", title[0]), *title[1:]] if title else [], root, wires)


_NAMELESS = re.compile(r"^v(?:<SUB>\d+</SUB>|\d+)(?: |$)")
"""The names that `read` gives to what has none, such as `v1`."""
_TOLD = re.compile(r"(?:^⊙ | = )v(?:<SUB>\d+</SUB>|\d+)(?=$|,)")
"""The same where a name tells what arrives: `first h = v1`."""


def _without_nameless(line: str) -> str:
    return _NAMELESS.sub("", _TOLD.sub("", line))


def _cells(mark: Mark) -> list[str]:
    """The words at a mark's ports, without names that nobody wrote."""
    called = bool(mark.lines) and mark.lines[0].endswith("▸")
    found = []
    for i, cell in enumerate(mark.cells):
        first, *rest = plain_lines(cell)
        if not rest and not called and _NAMELESS.sub("", first) == "":
            first = SLOT if mark.kind == "circle" else str(i + 1)
        found.append("<BR/>".join([first, *(t for t in rest if _NAMELESS.sub("", t))]))
    return found


def _without_conditions(title: list[str]) -> list[str]:
    """A title without what an `if` was decided by, which no program says once it is decided."""
    start = next((i for i, line in enumerate(title[:8]) if i and line.startswith("if ")), None)
    if start is None:
        return title
    end = start
    while title[end].endswith(",") and end + 1 < len(title):
        end += 1
    return title[:start] + title[end + 1 :]


_TURN = re.compile(r"(\d(?:st|nd|rd|th) call): v(?:<SUB>\d+</SUB>|\d+)")
_COUNT = re.compile(r" · [0-9,]+ parameters$")
"""What `--counts` adds to a title, and no program says."""


def _frame(frame: Frame, parent: Frame | None, copies: dict[int, Mark]) -> Frame:
    copy = Frame(frame.kind, _lines(frame.lines), parent=parent, id=frame.id)
    for mark in frame.marks:
        copies[id(mark)] = Mark(
            mark.kind,
            [_TURN.sub(r"\1", line) for line in _lines(mark.lines)],
            _cells(mark),
            [plain(t) for t in mark.results],
            plain(mark.tag),
            mark.id,
        )
        copy.marks.append(copies[id(mark)])
    copy.frames = [_frame(f, copy, copies) for f in frame.frames]
    return copy


def _lines(lines: Sequence[str]) -> list[str]:
    return [piece for line in lines for piece in plain_lines(line)]


# -- comparison -----------------------------------------------------------------------------------------------------------
def differences(a: Sequence[Panel], b: Sequence[Panel]) -> list[str]:
    """What canonical panels do not have in common, panel by panel by their titles; none where they are alike."""
    found: list[str] = []
    left, right = _by_title(a), _by_title(b)
    for title in {**left, **right}:
        ours, theirs = left.get(title, []), list(right.get(title, []))
        shown = title[0] if title else "?"
        apart = []
        for panel in ours:
            twin = next((p for p in theirs if not _of_panels(panel, p)), None)
            if twin is None:
                apart.append(panel)
            else:
                theirs = [p for p in theirs if p is not twin]
        for one, two in zip_longest(apart, theirs):
            if one is None or two is None:
                found.append(f"the panel {shown} is in one only")
            else:
                found += [f"{shown}: {text}" for text in _of_panels(one, two)]
    return found


def _by_title(panels: Sequence[Panel]) -> dict[tuple[str, ...], list[Panel]]:
    result: dict[tuple[str, ...], list[Panel]] = {}
    for panel in panels:
        result.setdefault((*panel.title[:1], uncaptioned(panel.title[1:])), []).append(
            panel
        )  # a narrow figure breaks it otherwise
    return result


def _of_panels(a: Panel, b: Panel) -> list[str]:
    """Differences of two panels: their marks, then their wires, then how these hang together."""
    for things in (_marks, _wires):
        one, two = Counter(things(a)), Counter(things(b))
        if one != two:
            return [f"only here: {t}" for t in (one - two).elements()] + [
                f"only there: {t}" for t in (two - one).elements()
            ]
    return [] if _alike(_Graph(a), _Graph(b)) else ["the same marks and wires are joined otherwise"]


def _told(mark: Mark) -> str:
    parts = [" | ".join(mark.lines), "tagged" * bool(mark.tag), f"ports {mark.ports}" * bool(mark.ports)]
    parts.append(f"results {mark.results}" * bool(mark.results))
    return f"{mark.kind} «{' '.join(p for p in parts if p)}»"


def _marks(panel: Panel) -> list[str]:
    return [f"{_told(m)} in {f.kind} {f.lines}" for f in panel.root.all_frames() for m in f.marks]


def _wires(panel: Panel) -> list[str]:
    return [
        f"{w.kind} from {_told(w.tail)}{_port(w.tail_port)} to {_told(w.head)}{_port(w.head_port)} “{w.label}”"
        for w in panel.wires
    ]


def _port(port: int | None) -> str:
    return "" if port is None else f" port {port}"


class _Graph:
    """Marks and frames as nodes, wires and containment as labelled edges."""

    def __init__(self, panel: Panel):
        self.colours: dict[int, Hashable] = {}
        self.edges: dict[int, list[tuple[Hashable, int]]] = {}
        tags: dict[str, int] = {}
        for frame in panel.root.all_frames():
            self.node(id(frame), (frame.kind, tuple(frame.lines)))
            if frame.parent is not None:
                self.edge(id(frame.parent), id(frame), "holds")
            for mark in frame.marks:
                self.node(id(mark), _told(mark))
                self.edge(id(frame), id(mark), "holds")
                if mark.tag:  # which letter it is means nothing, but that it is the same one
                    self.node(tags.setdefault(mark.tag, -1 - len(tags)), "tag")
                    self.edge(tags[mark.tag], id(mark), "tags")
        for w in panel.wires:
            self.edge(id(w.tail), id(w.head), (w.kind, str(w.tail_port), str(w.head_port), w.label))

    def node(self, key: int, colour: Hashable) -> None:
        self.colours[key] = str(colour)
        self.edges.setdefault(key, [])

    def edge(self, a: int, b: int, label: Hashable) -> None:
        self.edges.setdefault(a, []).append((("out", str(label)), b))
        self.edges.setdefault(b, []).append((("in", str(label)), a))


def _refined(graph: _Graph, colours: Mapping[int, Hashable]) -> dict[int, Hashable]:
    """Colours that tell nodes apart by all that is around them, near and far."""
    now = dict(colours)
    while True:
        keys = {
            n: (now[n], tuple(sorted(Counter((str(l), now[m]) for l, m in graph.edges[n]).items(), key=repr)))
            for n in now
        }
        then: dict[int, Hashable] = {n: hash(k) for n, k in keys.items()}
        if len(set(then.values())) == len(set(now.values())):
            return then
        now = then


def _alike(
    a: _Graph, b: _Graph, of_a: Mapping[int, Hashable] | None = None, of_b: Mapping[int, Hashable] | None = None
) -> bool:
    """Whether one graph is the other: by refinement, and where that leaves twins, by trying."""
    one, two = _refined(a, of_a or a.colours), _refined(b, of_b or b.colours)
    classes = Counter(one.values())
    if classes != Counter(two.values()):
        return False
    twins = min((c for c, n in classes.items() if n > 1), key=lambda c: classes[c], default=None)
    if twins is None:
        return True
    chosen = next(n for n, c in one.items() if c == twins)
    return any(_alike(a, b, one | {chosen: "chosen"}, two | {n: "chosen"}) for n, c in two.items() if c == twins)
