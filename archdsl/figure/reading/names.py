"""Names for the values of a definition: those that the figure shows, and short ones for the rest.

In: a panel, its signature. Out: names, each given once, none of which hides something that the program needs.
"""

from __future__ import annotations

import re

from archdsl.figure.reading import words
from archdsl.figure.reading.graph import Graph
from archdsl.figure.reading.markup import plain_lines
from archdsl.figure.reading.titles import Signature, titled
from archdsl.figure.scene import Mark, Panel
from archdsl.ir.num import FUNCTIONS
from archdsl.ops import INITIALIZERS, OPS

_KEPT = {"true", "false", "causal", "none", "stable", "params", "frozen", "macs", *OPS, *FUNCTIONS, *INITIALIZERS}


class Names:
    """The names of one definition."""

    def __init__(self, panel: Panel, signature: Signature):
        self.taken = {*_KEPT, *signature.hypers, *signature.chosen, *signature.ports}
        self.minimized = {
            m: words.name(words.unmarked(m.lines[0]).rpartition(" ")[2])
            for m in panel.root.all_marks()
            if m.kind == "objective"
        }
        for port in signature.ports.values():
            for size in port.type.sizes:
                self.taken |= size.symbols()
        for frame in panel.root.all_frames():
            for line in frame.lines:
                index = re.match(r"(\w+) = 0 … ", line)
                self.taken |= {index[1]} if index else set()
        for mark in panel.root.all_marks():
            self._take(mark)
        self.taken |= set(self.minimized.values())
        self.count = 0

    def _take(self, mark: Mark) -> None:
        """Parameters, memories and the states of the definition keep their names."""
        if mark.kind == "memory" and "." not in words.unmarked(mark.lines[0]):
            self.taken.add(words.name(mark.lines[0]))
        elif mark.kind in ("weights", "frozen") and any(line.startswith("starts ") for line in mark.lines):
            self.taken.add(titled(mark)[0])
        elif mark.kind == "state" and len(mark.lines) > 1 and "," not in mark.lines[0] and words.type_of(mark.lines[1]):
            self.taken.add(words.name(mark.lines[0]))

    def unique(self, wish: str) -> str:
        """A name that nothing else has; the wish, if it is free."""
        if not wish:
            self.count += 1
            return self.unique(f"v{self.count}")
        name, n = wish, 2
        while name in self.taken:
            name, n = f"{wish}_{n}", n + 1
        self.taken.add(name)
        return name

    def memory(self, text: str) -> str:
        """`net.readout` of an update."""
        found = re.search(r"<B>(.*)</B>", text)
        part, _, memory = (found[1] if found else text).partition(".")
        return f"{words.name(part)}.{words.name(memory)}"

    def told(self, graph: Graph) -> dict[int, str]:
        """The names on wires, by the value that a wire brings."""
        found: dict[int, str] = {}
        for wire in graph.panel.wires:
            if wire.kind in ("data", "gate") and not graph.rides(wire.tail):
                names = [s.text for s in words.label(plain_lines(wire.label)) if s.what == "name"]
                if names:
                    found.setdefault(id(graph.brought(wire)), names[0])
        return found
