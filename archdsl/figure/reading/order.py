"""The order of a body's statements: each after those whose values it reads, updates and calls in their numbers' order.

In: a graph, a frame. Out: the frame's marks and frames that become statements, in that order.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Union

from archdsl.figure.reading import words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.graph import Graph, Value
from archdsl.figure.reading.uses import Use
from archdsl.figure.scene import Frame, Mark

Item = Union[Mark, Frame]
_NUMBER = re.compile(r"(\d+)\. ")


def in_order(
    graph: Graph, frame: Frame, uses: Mapping[int, Use], params: set[int], states: Sequence[str] = ()
) -> list[Item]:
    """The items of a frame, in order; states in theirs, if it is known."""
    items = [m for m in _marks(frame) if id(m) in uses or id(m) in params or _stands(graph, m)]
    every: list[Item] = [*items, *(f for f in frame.frames if f.kind not in ("before", "training"))]
    place = {id(item): i for i, item in enumerate(every)}
    inside = {
        id(m): i for i, item in enumerate(every) for m in (item.all_marks() if isinstance(item, Frame) else [item])
    }
    inside |= {id(f): i for i, item in enumerate(every) if isinstance(item, Frame) for f in item.all_frames()}
    after: list[set[int]] = [set() for _ in every]
    for one, other in [*_read(graph), *_numbered(graph.root, uses)]:
        a, b = inside.get(id(one)), inside.get(id(other))
        if a is not None and b is not None and a != b:
            after[a].add(b)
    urgency: list[tuple[int, ...]] = [
        (*_urgency(item, uses, params), _place(item, states), place[id(item)]) for item in every
    ]
    return [every[i] for i in _sorted(after, urgency, graph)]


def _place(item: Item, states: Sequence[str]) -> int:
    """The place of a state among those of its cell."""
    if isinstance(item, Frame) or item.kind != "state":
        return 0
    name = words.name(item.lines[0])
    return states.index(name) if name in states else 0


def _marks(frame: Frame) -> list[Mark]:
    return frame.marks + [m for f in frame.frames if f.kind == "training" for m in f.marks]


def _stands(graph: Graph, mark: Mark) -> bool:
    if mark.kind == "state":
        return not graph.rides(mark)
    return mark.kind in ("memory", "objective")


def _urgency(item: Item, uses: Mapping[int, Use], params: set[int]) -> tuple[int]:
    """Parameters first, then what starts from them; the weight of a layer as late as can be, when its sizes are known."""
    if isinstance(item, Frame):
        return (3,)
    if id(item) in params:
        return (0,)
    if item.kind in ("state", "memory") and "." not in words.unmarked(item.lines[0]):
        return (1,)
    return (4 if id(item) in uses and uses[id(item)].weight else 3,)


def makers(value: Value) -> Iterator[Item]:
    """What makes a value."""
    if value.kind == "mark" and value.mark is not None:
        yield value.mark
    elif value.kind in ("final", "all", "ride") and value.frame is not None:
        yield value.frame
    elif value.kind in ("slice", "carry") and value.of is not None:
        yield from makers(value.of)


def _read(graph: Graph) -> Iterator[tuple[Item, Item]]:
    """Who makes a value, and who reads it."""
    for wire in graph.panel.wires:
        if wire.kind == "updates" or (wire.tail.kind == "state" and graph.rides(wire.tail)):
            continue
        if (
            wire.kind == "return"
            and wire.head.kind in ("state", "memory")
            and "." not in words.unmarked(wire.head.lines[0])
        ):
            home = graph.home[id(wire.head)]
            yield from ((m, home) for m in makers(graph.brought(wire)))
            continue
        first = wire.kind == "first" and graph.target(wire) is not graph.home[id(wire.head)]
        reader: Item = graph.home[id(wire.head)] if first else wire.head
        yield from ((m, reader) for m in makers(graph.brought(wire)))
        for mark in _before(graph, wire.tail):
            yield mark, reader


def _before(graph: Graph, mark: Mark, seen: frozenset[int] = frozenset()) -> Iterator[Mark]:
    """What is read in the frame of first values."""
    if id(mark) in seen or graph.home[id(mark)].kind != "before":
        return
    for wire in graph.ins.get(id(mark), []):
        yield wire.tail
        yield from _before(graph, wire.tail, seen | {id(mark)})


def _numbered(root: Frame, uses: Mapping[int, Use]) -> Iterator[tuple[Item, Item]]:
    """Neighbours in the order of updates, and in the order of the calls of a part."""
    numbered: dict[int, Item] = {}
    every: list[Item] = [*root.all_marks(), *root.all_frames()]
    for item in every:
        found = _NUMBER.match(item.lines[0]) if item.lines and item.kind in ("objective", "memory", "until") else None
        if found:
            numbered[int(found[1])] = item
    yield from ((numbered[n], numbered[n + 1]) for n in numbered if n + 1 in numbered)
    calls: dict[tuple[str, int], Item] = {}
    for mark in root.all_marks():
        if id(mark) in uses and uses[id(mark)].turn:
            calls[mark.tag, uses[id(mark)].turn] = mark
    yield from ((item, calls[tag, n + 1]) for (tag, n), item in calls.items() if (tag, n + 1) in calls)


def _sorted(after: list[set[int]], urgency: list[tuple[int, ...]], graph: Graph) -> list[int]:
    waiting = [0] * len(after)
    for later in after:
        for i in later:
            waiting[i] += 1
    ready = [(urgency[i], i) for i, n in enumerate(waiting) if not n]
    heapq.heapify(ready)
    found: list[int] = []
    while ready:
        _, at = heapq.heappop(ready)
        found.append(at)
        for i in after[at]:
            waiting[i] -= 1
            if not waiting[i]:
                heapq.heappush(ready, (urgency[i], i))
    if len(found) < len(after):
        raise Unreadable(f"the arrows of {graph.panel.name} run in a circle")
    return found
