"""Labelled graphs in canonical form: the same data, whatever order the nodes came in.

In: nodes, each with a label and children, in order or not. `pure` nodes with the same label and children are one node; each `own` node
is itself, as two layers with the same settings are two. Out: `canonical(root)`, a list of `[label, children]`: two graphs give the same
list only if one can be laid on the other.

Colour refinement in both directions (Weisfeiler and Leman) tells nodes apart by what they are made of and by what reads them; where several
still look alike, one is singled out and the refinement goes on. What then still ties is symmetric in all but contrived graphs, and there
an error is on the safe side: the same graph may be called different, never a different one the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Union

Row = list[Union[str, list[int]]]


class Graph:
    """A graph under construction. Nodes are numbers."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.children: list[list[int]] = []
        self.unordered: list[bool] = []
        self._pure: dict[tuple[str, tuple[int, ...]], int] = {}

    def own(self, label: str, children: Iterable[int] = ()) -> int:
        """A node that is itself. Its children may still be changed, so that a graph can have cycles."""
        self.labels.append(label)
        self.children.append(list(children))
        self.unordered.append(False)
        return len(self.labels) - 1

    def pure(self, label: str, children: Sequence[int] = (), unordered: bool = False) -> int:
        """The node of this label and these children."""
        key = (label, tuple(sorted(children) if unordered else children))
        if key not in self._pure:
            self._pure[key] = self.own(label, key[1])
            self.unordered[-1] = unordered
        return self._pure[key]

    def canonical(self, root: int) -> list[Row]:
        """What can be reached from `root`, in an order that depends on its structure alone."""
        reached = self._reached(root)
        place = {node: i for i, node in enumerate(reached)}
        children = [[place[c] for c in self.children[n]] for n in reached]
        unordered = [self.unordered[n] for n in reached]
        labels = [self.labels[n] for n in reached]
        rank = _Refinement(labels, children, unordered, place[root]).ranks()
        rows: list[Row] = [[] for _ in reached]
        for i, label in enumerate(labels):
            below = [rank[c] for c in children[i]]
            rows[rank[i]] = [label, sorted(below) if unordered[i] else below]
        return rows

    def _reached(self, root: int) -> list[int]:
        found, waiting = {root: None}, [root]
        while waiting:
            for child in self.children[waiting.pop()]:
                if child not in found:
                    found[child] = None
                    waiting.append(child)
        return list(found)


class _Refinement:
    """Ranks of nodes, finer and finer, until each node has its own."""

    def __init__(self, labels: list[str], children: list[list[int]], unordered: list[bool], root: int):
        self.children, self.unordered = children, unordered
        self.readers: list[list[tuple[int, int]]] = [[] for _ in labels]
        for i, below in enumerate(children):
            for position, child in enumerate(below):
                self.readers[child].append((i, -1 if unordered[i] else position))
        self.start = _ranked([(label, i == root) for i, label in enumerate(labels)])

    def ranks(self) -> list[int]:
        rank = self._stable(self.start)
        while (tied := _first_tie(rank)) is not None:
            rank = self._stable([2 * r + (i != tied) for i, r in enumerate(rank)])
        return rank

    def _stable(self, rank: list[int]) -> list[int]:
        classes = len(set(rank))
        while True:
            keys: list[tuple[object, ...]] = []
            for i, below in enumerate(self.children):
                seen = [rank[c] for c in below]
                if self.unordered[i]:
                    seen.sort()
                keys.append((rank[i], seen, sorted([(rank[r], position) for r, position in self.readers[i]])))
            rank = _ranked([(key[0], tuple(key[1]), tuple(key[2])) for key in keys])  # type: ignore[arg-type]
            before, classes = classes, len(set(rank))
            if classes == before or classes == len(rank):
                return rank


def _ranked(keys: list[tuple[object, ...]]) -> list[int]:
    order = {key: i for i, key in enumerate(sorted(set(keys)))}
    return [order[key] for key in keys]


def _first_tie(rank: list[int]) -> int | None:
    """The first of the nodes that share the lowest shared rank."""
    count: dict[int, int] = {}
    for r in rank:
        count[r] = count.get(r, 0) + 1
    shared = min((r for r, n in count.items() if n > 1), default=None)
    return None if shared is None else rank.index(shared)
