"""Names for the values of a definition: those that the figure shows, and short ones for the rest.

In: a panel's graph, its signature. Out: names. A body may use a name that is used outside of it, as long as it does not read what is called
so there; and no name hides a function that the program needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from archdsl.figure.reading import words
from archdsl.figure.reading.graph import Graph
from archdsl.figure.reading.markup import plain_lines
from archdsl.figure.reading.titles import Signature
from archdsl.figure.scene import Frame, Wire
from archdsl.ir.functions import FUNCTIONS
from archdsl.ops import INITIALIZERS, OPS

_KEPT = {"true", "false", "causal", "none", "stable", "params", "frozen", "macs", *OPS, *FUNCTIONS, *INITIALIZERS}


class Names:
    """The names of one definition, by the body in which they are given."""

    def __init__(self, graph: Graph, signature: Signature):
        self.graph = graph
        self.kept = {*_KEPT, *signature.hypers, *signature.chosen}
        for port in signature.ports.values():
            for size in port.type.sizes:
                self.kept |= size.symbols()
        for frame in graph.root.all_frames():
            for line in frame.lines:
                index = re.match(r"(\w+) = 0 … ", line)
                self.kept |= {index[1]} if index else set()
        for mark in graph.root.all_marks():  # a part that is called so hid the function already
            part = re.match(r"(\w+): <B>", mark.lines[0]) if mark.lines else None
            self.kept -= {part[1]} & OPS.keys() if part else set()
        self.minimized = {
            m: words.name(words.unmarked(m.lines[0]).rpartition(" ")[2])
            for m in graph.root.all_marks()
            if m.kind == "objective"
        }
        self.given: dict[int, dict[str, list[Frame]]] = {id(f): {} for f in graph.root.all_frames()}
        """The names of each body, with the bodies that read them."""
        self.shown: set[str] = set()
        """The names on wires."""
        self.count = 0

    def claim(self, name: str, home: Frame, readers: Iterable[Frame]) -> str:
        """A name that must be as it is."""
        self.given[id(home)].setdefault(name, []).extend(readers)
        return name

    def choose(self, wish: str, home: Frame, readers: Sequence[Frame]) -> str:
        """A name for what is made in a body and read in others: the wish if it is free there."""
        while not wish:
            self.count += 1
            short = f"v{self.count}"
            wish = "" if short in self.shown or self._taken(short, home, readers) else short
        name, n = wish, 2
        while self._taken(name, home, readers):
            name, n = f"{wish}_{n}", n + 1
        return self.claim(name, home, readers)

    def _taken(self, name: str, home: Frame, readers: Sequence[Frame]) -> bool:
        if name in self.kept or name in self.given[id(home)] or name in self.minimized.values():
            return True
        for reader in readers:  # nothing between may be called so
            between = self.graph.path(reader)
            below = next((i for i, f in enumerate(between) if f is home), len(between)) + 1
            if any(name in self.given[id(f)] for f in between[below:]):
                return True
        return any(  # nor may it hide what is read here
            home in self.graph.path(reader)
            for outer in self.graph.path(home)[:-1]
            for reader in self.given[id(outer)].get(name, ())
        )

    def memory(self, text: str) -> str:
        """`net.readout` of an update."""
        found = re.search(r"<B>(.*)</B>", text)
        part, _, memory = (found[1] if found else text).partition(".")
        return f"{words.name(part)}.{words.name(memory)}"

    def on(self, wire: Wire) -> bool:
        """Whether a wire bears a name."""
        return any(s.what == "name" for s in words.label(plain_lines(wire.label)))

    def told(self) -> dict[int, str]:
        """The names on wires, by the value that a wire brings."""
        found: dict[int, str] = {}
        for wire in self.graph.panel.wires:
            if wire.kind in ("data", "gate") and not self.graph.rides(wire.tail):
                names = [s.text for s in words.label(plain_lines(wire.label)) if s.what == "name"]
                if names:
                    found.setdefault(id(self.graph.brought(wire)), names[0])
        return found
