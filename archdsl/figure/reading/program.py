"""A figure's panels as a program: `program_text(panels)`.

In: panels, from wherever, of which only what the eye sees is used: kinds, words, arrows, and what lies in what. Out: the canonical text
of a program with the same meaning as the one that was drawn. Raises `Unreadable` where the panels are no figure of a program, and `Holes`
where they leave out what a definition holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archdsl.figure.reading import titles, words
from archdsl.figure.reading.body import Body
from archdsl.figure.reading.errors import BY_HAND, Holes, Unreadable, within
from archdsl.figure.reading.markup import plain, plain_lines
from archdsl.figure.scene import Frame, Mark, Panel, Wire
from archdsl.source import Source


def program_text(panels: Sequence[Panel]) -> str:
    """The text of the program that these panels show."""
    from archdsl.diagnostics import Errors

    try:
        return _text(panels)
    except (LookupError, ValueError, TypeError, AttributeError, StopIteration, RecursionError, Errors) as problem:
        # a figure that somebody changed can be wrong in any way
        raise Unreadable(f"the marks do not fit together ({type(problem).__name__})", BY_HAND) from problem


def _text(panels: Sequence[Panel]) -> str:
    from archdsl.syntax.format import format_text

    if not panels:
        raise Unreadable("there is no panel")
    seen = [canonical(p) for p in panels]
    names = [p.title[0].partition("</B>")[0].removeprefix("<B>") if p.title else "" for p in seen]
    signatures, bodies = [], []
    for panel in seen:
        with within(panel.name):
            signatures.append(titles.signature(panel, names))
    all_of = {s.name: s for s in signatures}
    if twice := sorted(n for n, k in Counter(s.name for s in signatures).items() if k > 1):
        raise Unreadable(f"two panels have the title {twice[0]}", "give the parts of one figure, each once")
    for panel, signature in zip(seen, signatures):
        with within(panel.name):
            bodies.append(Body(panel, signature, all_of))
    missing = {u.definition for b in bodies for u in b.uses.values() if u.definition and u.definition not in all_of}
    if missing:
        raise Holes(sorted(missing))
    for body in bodies:
        _order_ports(body, all_of)
    blocks = []
    for body in bodies:
        with within(body.panel.name):
            blocks.append("\n".join(body.lines()))
    text = "\n\n".join(blocks) + "\n"
    return format_text(Source(text, "figure.arch"))


def _order_ports(body: Body, all_of: dict[str, titles.Signature]) -> None:
    """Whoever calls a definition shows its inputs, outputs and states in their order."""
    for use in body.uses.values():
        of = all_of.get(use.definition)
        if of and len(use.names) == len(of.ports) and set(use.names) == set(of.ports):
            of.ports = {n: of.ports[n] for n in use.names}
        if of and set(use.results) == set(of.outputs):
            of.outputs = use.results
    for frame in body.panel.root.all_frames():
        for mark in frame.marks:
            if mark.kind == "state" and body.graph.rides(mark):
                of = all_of.get(body.uses[id(body.cell(mark))].definition)
                names = [
                    n for line in mark.lines for n in words.split(words.unmarked(line).rstrip(",")) if "." not in n
                ]
                if of:
                    of.states = [words.name(n) for n in names if not n.startswith("first ")]


def canonical(panel: Panel) -> Panel:
    """A copy with every text in its canonical form, so that only what is seen is left."""
    marks: dict[int, Mark] = {}

    def frame(old: Frame) -> Frame:
        new = Frame(old.kind, [plain(t) for t in old.lines])
        for mark in old.marks:
            marks[id(mark)] = Mark(
                mark.kind,
                [plain(t) for t in mark.lines],
                ["<BR/>".join(plain_lines(t)) for t in mark.cells],
                [plain(t) for t in mark.results],
                mark.tag,
            )
            new.marks.append(marks[id(mark)])
        new.frames = [frame(f) for f in old.frames]
        for inner in new.frames:
            inner.parent = new
        return new

    root = frame(panel.root)
    wires = []
    for w in panel.wires:
        if id(w.tail) not in marks or id(w.head) not in marks:
            raise Unreadable(f"an arrow of {panel.name} ends at no mark")
        label = "<BR/>".join(plain_lines(w.label))
        wires.append(Wire(marks[id(w.tail)], marks[id(w.head)], w.kind, w.tail_port, w.head_port, label))
    return Panel(panel.name, [plain(t) for t in panel.title], root, wires)
