"""What holds weights, and where it is made: at its use, or by a name of its own where several uses share it.

In: the uses of a panel. Out: the text that makes each part, and declarations for the bodies in which named parts are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.figure.reading import expressions
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.graph import Graph
from archdsl.figure.reading.names import Names
from archdsl.figure.reading.titles import Signature
from archdsl.figure.reading.uses import Use
from archdsl.figure.scene import Frame, Mark
from archdsl.ops import OPS


class Parts:
    """The parts of one definition."""

    def __init__(self, graph: Graph, uses: Mapping[int, Use], all_of: Mapping[str, Signature], names: Names):
        self.graph, self.uses, self.all_of = graph, uses, all_of
        self.named: dict[int, str] = {}
        self.taken: set[str] = set()
        """The parts whose weights are read as values: only once they have been applied are their sizes known."""
        self.homes: dict[str, tuple[Frame, str]] = {}
        groups: dict[str, list[Mark]] = {}
        for mark in graph.root.all_marks():
            if id(mark) not in uses:
                continue
            use = uses[id(mark)]
            alone = self._outside(mark) is not graph.home[id(mark)]
            if mark.tag or use.part or alone:
                groups.setdefault(mark.tag or use.part or f"{id(mark)}", []).append(mark)
        wishes = {k: next((uses[id(m)].part for m in g if uses[id(m)].part), "") for k, g in groups.items()}
        for key, group in sorted(groups.items(), key=lambda g: not wishes[g[0]]):
            self._name(group, wishes[key], names)

    def _name(self, group: Sequence[Mark], wish: str, names: Names) -> None:
        home = self._common([self._outside(m) for m in group])
        use = self.uses[id(group[0])]
        wish = wish or (use.definition or use.op)[:1] or "W"
        name = names.choose(wish, home, [self.graph.home[id(m)] for m in group])
        shown = [m for m in group if not self._only_weight(m)]
        if not shown:
            raise Unreadable(f"nothing in {self.graph.panel.name} shows what {name} is")
        for mark in group:
            self.named[id(mark)] = name
        if any(self.uses[id(m)].weight for m in group):
            self.taken.add(name)
        self.homes[name] = (home, self.maker(shown[0]))

    def _only_weight(self, mark: Mark) -> bool:
        return bool(self.uses[id(mark)].weight) and not self.uses[id(mark)].op

    def _outside(self, mark: Mark) -> Frame:
        """The innermost frame in which a part may be made, so that it is the same in as many stacks as its mark says."""
        frame, stacks = self.graph.home[id(mark)], self.uses[id(mark)].same
        while stacks and (outer := self.graph.parent[id(frame)]) is not None:
            stacks -= frame.kind == "stack"
            frame = outer
        return frame

    def _common(self, frames: Sequence[Frame]) -> Frame:
        """The innermost frame around all of these; a dotted frame makes nothing."""
        paths = [self.graph.path(f) for f in frames]
        common: list[Frame] = [level[0] for level in zip(*paths) if all(f is level[0] for f in level)]
        while common[-1].kind in ("before", "training"):
            common.pop()
        return common[-1]

    def name(self, mark: Mark) -> str:
        """The name of the part that a mark uses, if it has one."""
        return self.named.get(id(mark), "")

    def maker(self, mark: Mark) -> str:
        """The text that makes the part of a mark: `Linear(4)`."""
        use = self.uses[id(mark)]
        if not use.definition:
            return expressions.made(use.op, expressions.arguments(OPS[use.op], use, positional=True), use.frozen)
        of = self.all_of.get(use.definition)
        hypers = list(of.hypers) if of else list(use.settings)
        given: list[str] = []
        for i, key in enumerate(hypers):
            if key in use.settings:
                value = use.settings[key]
                given.append(value if len(given) == i else f"{key} = {value}")
        return expressions.made(use.definition, given, use.frozen and (of is None or self.learns(of)))

    def learns(self, of: Signature, seen: frozenset[str] = frozenset()) -> bool:
        """Whether something learns in a definition, or in what it uses."""
        inner = [self.all_of[n] for n in of.uses - seen if n in self.all_of]
        return of.learns or any(self.learns(i, seen | {of.name}) for i in inner)

    def declared(self, frame: Frame) -> list[str]:
        """The statements that make the named parts of a body."""
        return [
            f"{name} = {maker if maker.endswith(')') else f'{maker}()'}"
            for name, (home, maker) in self.homes.items()
            if home is frame
        ]
