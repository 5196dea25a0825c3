"""Two panels as one, in which what was added, removed and changed is marked.

In: two panels, of which one may be missing. Out: `Merged`: the panel, and what is to be said of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from archdsl.comparison import align, titles
from archdsl.comparison.align import plain
from archdsl.comparison.flat import Flat, Flow, flat, forked
from archdsl.figure.changes import signed
from archdsl.figure.scene import Change, Frame, Mark, Panel


@dataclass
class Note:
    """One difference: what was done, to what, and where."""

    change: Change
    what: str
    where: str = ""


@dataclass
class Merged:
    """One definition of both programs."""

    panel: Panel
    kind: Change
    old: str
    new: str
    notes: list[Note] = field(default_factory=list)


def merged(a: Panel | None, b: Panel | None, renamed: Mapping[str, str]) -> Merged:
    if a is None or b is None:
        change: Change = "added" if a is None else "removed"
        whole = b or a
        assert whole
        return Merged(_all(whole, change), change, a.name if a else "", b.name if b else "")
    return _Merge(flat(a), flat(b), renamed).result()


def _all(panel: Panel, change: Change) -> Panel:
    """A panel of which everything is new, or gone."""
    twin: dict[int, Mark] = {}
    root = _copy(panel.root, None, "", twin)
    root.change = change
    wires = [replace(w, tail=twin[id(w.tail)], head=twin[id(w.head)]) for w in panel.wires]
    return _numbered(Panel(panel.name, signed(panel.title, change), root, wires))


def _copy(frame: Frame, parent: Frame | None, change: Change, twin: dict[int, Mark]) -> Frame:
    made = Frame(frame.kind, list(frame.lines), parent=parent, change=change)
    for mark in frame.marks:
        made.marks.append(replace(mark, change=change))
        twin[id(mark)] = made.marks[-1]
    made.frames = [_copy(f, made, change, twin) for f in frame.frames]
    return made


class _Merge:
    """Two panels that become one. `twin` leads from each mark of either to its mark in the result."""

    def __init__(self, a: Flat, b: Flat, renamed: Mapping[str, str]):
        self.a, self.b = a, b
        self.framed = align.frames(a.panel.root, b.panel.root)
        self.pairs = align.marks(a, b, self.framed, renamed)
        self.twin: dict[int, Mark] = {}
        self.notes: list[Note] = []

    def result(self) -> Merged:
        root = self.frame(self.a.panel.root, self.b.panel.root, None)
        flows = self.flows()
        title = self.title()
        home = {id(m): f for f in root.all_frames() for m in f.marks}
        panel = Panel(self.b.panel.name, title, root)
        panel.wires = forked(flows, home)
        place = {id(m): i for i, m in enumerate(root.all_marks())}
        panel.wires.sort(
            key=lambda w: (place[id(w.tail)], place[id(w.head)], w.tail_port or 0, w.head_port or 0, w.kind)
        )
        kind: Change = "changed" if self.notes or self.a.panel.name != self.b.panel.name else ""
        return Merged(_numbered(panel), kind, self.a.panel.name, self.b.panel.name, self.notes)

    # -- frames and marks -------------------------------------------------------------------------------------------
    def frame(self, a: Frame, b: Frame, parent: Frame | None) -> Frame:
        """Two frames as one: what is in both, what is new, and what is gone."""
        made = Frame(b.kind, _lines(a.lines, b.lines), parent=parent)
        if (a.kind, a.lines) != (b.kind, b.lines):
            made.change = "changed"
            self.notes.append(Note("changed", f"{_words(a.lines)} → {_words(b.lines)}"))
        old = {id(y): x for x, y in self.pairs}
        kept = {id(x) for x, _ in self.pairs}
        for mark in b.marks:
            if id(mark) not in self.b.parting:
                made.marks.append(self.mark(old.get(id(mark)), mark))
        for mark in a.marks:
            if id(mark) not in kept | self.a.parting:
                made.marks.append(self.alone(mark, "removed"))
        inner = {id(y): x for x, y in self.framed}
        gone = {id(x) for x, _ in self.framed}
        for frame in b.frames:
            before = inner.get(id(frame))
            made.frames.append(self.frame(before, frame, made) if before else self.whole(frame, made, "added"))
        made.frames += [self.whole(f, made, "removed") for f in a.frames if id(f) not in gone]
        return made

    def whole(self, frame: Frame, parent: Frame, change: Change) -> Frame:
        """A frame that is new, or gone, with all that is in it."""
        self.notes.append(Note(change, _words(frame.lines) or frame.kind, f"with {len(_real(frame))} marks"))
        made = _copy(frame, parent, change, self.twin)
        parting = {id(self.twin[i]) for i in self.a.parting | self.b.parting if i in self.twin}
        for f in made.all_frames():
            f.marks = [m for m in f.marks if id(m) not in parting]
        return made

    def mark(self, old: Mark | None, new: Mark) -> Mark:
        if old is None:
            return self.alone(new, "added")
        made = replace(new)
        if (old.kind, old.lines, bool(old.tag)) != (new.kind, new.lines, bool(new.tag)):
            made.change, made.lines = "changed", _lines(old.lines, new.lines)
            before, after = _told(old), _told(new)
            if before == after:
                before, after = _shared(old), _shared(new)
            self.notes.append(Note("changed", f"{before} → {after}"))
        self.twin[id(old)] = self.twin[id(new)] = made
        return made

    def alone(self, mark: Mark, change: Change) -> Mark:
        self.twin[id(mark)] = made = replace(mark, change=change)
        self.notes.append(Note(change, _told(mark), self.between(mark, self.a if change == "removed" else self.b)))
        return made

    def between(self, mark: Mark, of: Flat) -> str:
        """Where a mark stands: what it reads, and what reads it."""
        before = [_short(f.tail) for f in of.flows if f.head is mark and f.tail is not mark and not f.beside]
        after = [_short(f.head) for f in of.flows if f.tail is mark and f.head is not mark and not f.beside]
        parts = [f"of {_listed(before)}" if before else "", f"into {_listed(after)}" if after else ""]
        return ", ".join(p for p in parts if p)

    # -- flows ------------------------------------------------------------------------------------------------------
    def flows(self) -> list[Flow]:
        """The flows of both: in both, new, or gone."""
        before: dict[object, list[Flow]] = {}
        for flow in self.a.flows:
            before.setdefault(self.key(flow), []).append(flow)
        found = []
        for flow in self.b.flows:
            same = before.get(self.key(flow), [])
            if same:
                found.append(self.in_both(same.pop(0), flow))
            else:
                found.append(self.moved(flow, "added"))
        found += [self.moved(flow, "removed") for rest in before.values() for flow in rest]
        return found

    def key(self, flow: Flow) -> object:
        return (
            id(self.twin[id(flow.tail)]),
            flow.tail_port,
            id(self.twin[id(flow.head)]),
            flow.head_port,
            flow.kind,
            flow.beside,
        )

    def in_both(self, old: Flow, new: Flow) -> Flow:
        tail, head = self.twin[id(new.tail)], self.twin[id(new.head)]
        if old.told == new.told:
            return replace(new, tail=tail, head=head)
        self.notes.append(
            Note("changed", f"{_words(old.told)} → {_words(new.told)}", f"from {_short(tail)} to {_short(head)}")
        )
        label = f"{old.label} → {new.label}" if old.label != new.label else new.label
        return replace(new, tail=tail, head=head, label=label, change="changed")

    def moved(self, flow: Flow, change: Change) -> Flow:
        tail, head = self.twin[id(flow.tail)], self.twin[id(flow.head)]
        if not {tail.change, head.change} & {"added", "removed"}:  # else the mark is told of
            port = f", {_port(head, flow.head_port)}" if flow.head_port is not None and head.ports else ""
            self.notes.append(Note(change, f"arrow from {_short(tail)} to {_short(head)}{port}"))
        return replace(flow, tail=tail, head=head, change=change)

    def title(self) -> list[str]:
        a, b = self.a.panel.title, self.b.panel.title
        if [plain(t) for t in a] == [plain(t) for t in b]:
            return b
        self.notes[:0] = [
            Note("changed" if x and y else "removed" if x else "added", f"{x} → {y}" if x and y else x or y)
            for x, y in titles.differences(a, b)
        ]
        first = b[0] if a[0] == b[0] else signed([f"{a[0]} → {b[0]}"], "changed")[0]
        added = [line if line in a else signed([line], "added")[0] for line in b[1:]]
        return [first, *added, *(signed([line], "removed")[0] for line in a[1:] if line not in b)]


# -- words ------------------------------------------------------------------------------------------------------------
def _lines(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Lines as they were and as they are: `old → new` where one took the place of the other."""
    if list(old) == list(new):
        return list(new)
    if len(old) == len(new):
        return [
            y if x == y else f"{x} → {y}" if len(plain(x)) + len(plain(y)) < 30 else f"{x} →<BR/>{y}"
            for x, y in zip(old, new)
        ]
    kept = [line for line in new if line in old]
    added = [line if line in kept else signed([line], "added")[0] for line in new]
    return [*added, *(signed([line], "removed")[0] for line in old if line not in kept)]


def _words(lines: Sequence[str]) -> str:
    return ", ".join(plain(line) for line in lines)


_WORDLESS = {"fork": "an arrow that ends at a dot"}


def _told(mark: Mark) -> str:
    """A mark in words: its lines, or its kind where it has none."""
    frozen = " (frozen)" if mark.kind == "frozen" and "frozen" not in _words(mark.lines) else ""
    name = {"input": "input ", "output": "output ", "state": "state ", "memory": "memory "}.get(mark.kind, "")
    return f"{name}{_words(mark.lines) or _WORDLESS.get(mark.kind, mark.kind)}{frozen}"


def _shared(mark: Mark) -> str:
    return f"{_told(mark)} ({f'shared, {mark.tag}' if mark.tag else 'not shared'})"


def _short(mark: Mark) -> str:
    """A mark's name or operation, in quotation marks."""
    words = plain(mark.lines[0]) if mark.lines else _WORDLESS.get(mark.kind, mark.kind)
    return f"“{words.partition(' [')[0]}”"


def _port(mark: Mark, port: int) -> str:
    """A port's name; an operator has a left and a right side."""
    return ("left", "right")[port] if mark.kind == "circle" else plain(mark.ports[port])


def _listed(names: list[str]) -> str:
    shown = list(dict.fromkeys(names))
    return ", ".join(shown[:3]) + (" …" if len(shown) > 3 else "")


def _real(frame: Frame) -> list[Mark]:
    return [m for m in frame.all_marks() if m.kind != "fork"]


def _numbered(panel: Panel) -> Panel:
    for i, mark in enumerate(panel.root.all_marks()):
        mark.id = f"m{i}"
    for i, frame in enumerate(panel.root.all_frames()):
        frame.id = f"f{i}"
    return panel
