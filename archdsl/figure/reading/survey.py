"""A first look at all of a panel: who reads each value, what is called how, what is a gate.

In: the body of a definition whose graph has been made. Out: `readers`, `into` and `name` of its values; names that must be as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.figure.reading import words
from archdsl.figure.reading.titles import titled

if TYPE_CHECKING:
    from archdsl.figure.reading.body import Body


def count_readers(body: Body) -> None:
    """Follow every wire, so that each value knows who reads it."""
    for wire in body.panel.wires:
        rides = (wire.kind == "data" and body.graph.rides(wire.tail)) or (
            wire.kind == "return" and body.graph.rides(wire.head)
        )
        if wire.kind != "updates" and not rides:
            value = body.graph.brought(wire)
            if wire.head.kind != "fork" and wire.head.lines != ["unused"]:
                value.readers.append(body.graph.target(wire))
                value.into.append(wire.head)
    for frame in body.panel.root.all_frames():
        inside = body.graph.inside[id(frame)]
        outer = body.graph.parent[id(frame)]
        for value in [*inside.slices, *inside.carries.values()]:
            if value.of and outer:
                value.of.readers.append(outer)
        finals = {v.text for v in inside.results if v.kind == "final"}
        for delay in body.graph.delays(frame):
            back = [w for w in body.graph.ins.get(id(delay), []) if w.kind == "return"]
            if words.name(delay.lines[0]) in finals:
                for wire in back:
                    body.graph.brought(wire).readers.append(frame)
        if inside.lengths and outer:
            inside.lengths.readers.append(outer)
        for value in [*inside.collected, *inside.nexts.values()]:
            value.readers.append(frame)
    forks = [m for m in body.panel.root.all_marks() if m.kind == "fork"]
    body.forked = {id(body.graph.made(m, None)) for m in forks}
    """What a dot passes on; if it has a name, its arrow says it."""
    told = body.names.told()
    for value in list(body.graph.values.values()):
        value.name = told.get(id(value), "")
    wires = [w for w in body.panel.wires if w.kind in ("data", "gate") and w.head.kind != "fork"]
    body.gates = {id(body.graph.brought(w)) for w in wires if w.kind == "gate" or body.names.on(w)}


def claim_names(body: Body) -> None:
    """Inputs, parameters, states and memories are called as the figure says."""
    for frame in body.panel.root.all_frames():
        for mark in frame.marks:
            if id(mark) in body.params or (mark.kind == "memory" and not body.is_update(mark)) or mark.kind == "input":
                body.names.claim(titled(mark)[0], frame, body.graph.made(mark, None).readers)
        for delay in body.graph.delays(frame):
            name, readers = words.name(delay.lines[0]), list(body.graph.made(delay, None).readers)
            for wire in body.graph.ins.get(id(delay), []):
                readers += body.graph.brought(wire).readers if wire.kind == "return" else []
            if frame.kind == "panel":
                body.names.claim(name, frame, readers)
            else:
                body.name_value(delay, None, body.names.choose(name, frame, readers))
    for value in body.graph.values.values():
        if value.kind == "ride" and value.frame is not None:
            body.names.claim(value.text, value.frame, [])
