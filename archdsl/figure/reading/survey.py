"""A first look at all of a panel: who reads each value, what is called how, what is a gate.

In: the body of a definition whose graph has been made. Out: `readers`, `into` and `name` of its values; names that must be as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archdsl.figure.reading import words
from archdsl.figure.reading.markup import plain_lines
from archdsl.figure.reading.titles import titled
from archdsl.ops import OPS

if TYPE_CHECKING:
    from archdsl.figure.reading.body import Body


_UNUSED = re.compile(r"unused( after the last copy)?")


def count_readers(body: Body) -> None:
    """Follow every wire, so that each value knows who reads it."""
    for wire in body.panel.wires:
        rides = (wire.kind == "data" and body.graph.rides(wire.tail)) or (
            wire.kind == "return" and body.graph.rides(wire.head)
        )
        if wire.kind != "updates" and not rides:
            value = body.graph.brought(wire)
            if wire.head.kind != "fork" and not _UNUSED.fullmatch(" ".join(wire.head.lines)):
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
    told = body.names.told() | _told_at_places(body)
    body.named = set(told)
    body.names.shown |= set(told.values())
    for value in list(body.graph.values.values()):
        value.name = told.get(id(value), "")
    for inside in body.graph.inside.values():
        for value in inside.slices:  # a slice is called as what it is a slice of
            if value.of and value.name and not value.of.name and id(value.of) not in body.forked:
                value.of.name = value.name
                body.named.add(id(value.of))
    shown = {
        *told.values(),
        *(words.name(d.lines[0]) for f in body.panel.root.all_frames() for d in body.graph.delays(f)),
    }
    body.names.kept -= {n for n in shown if n in OPS and not _needed(body, n)}
    wires = [w for w in body.panel.wires if w.kind in ("data", "gate") and w.head.kind != "fork"]
    body.gates = {id(body.graph.brought(w)) for w in wires if w.kind == "gate" or body.names.on(w)}


def _needed(body: Body, name: str) -> bool:
    """Whether the program may have to say a primitive's name: it uses it, or a setting is called so."""
    lines = [line for m in body.panel.root.all_marks() for line in m.lines]
    lines += [body.signature.head(), *body.signature.configs]
    return any(u.op == name for u in body.uses.values()) or any(re.search(rf"= {name}\b", line) for line in lines)


def _told_at_places(body: Body) -> dict[int, str]:
    """The names that places say of what arrives there: ports, numbered calls, first values, gates of what they open."""
    found: dict[int, str] = {}
    graph = body.graph
    for wire in body.panel.wires:
        if wire.kind in ("updates", "return") or graph.rides(wire.tail):
            continue
        value, said = graph.brought(wire), words.label(plain_lines(wire.label))
        use = body.uses.get(id(wire.head))
        port = wire.head_port if wire.head_port is not None else 0 if use and use.turn else None
        if use and port is not None and port < len(use.told) and use.told[port]:
            found[id(value)] = use.told[port]
        for s in said:
            if s.what == "first" and s.of:
                found[id(value)] = words.name(s.of)
            if s.what == "enter" and s.of:
                found[id(value.of)] = words.name(s.of)
            if s.what == "opens":
                others = [w for w in graph.ins[id(wire.head)] if w is not wire]
                found.update({id(graph.brought(w)): words.name(s.text) for w in others})
    return found


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
