"""Frames of repeats as statements: `stack`, `loop`, `scan`, and `until`.

In: a frame, and the body of the definition around it. Out: lines. What the repeat gives is then known to the body by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from archdsl.figure.reading import words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.expressions import OR, Expression
from archdsl.figure.reading.graph import Inside, Value
from archdsl.figure.scene import Frame

if TYPE_CHECKING:
    from archdsl.figure.reading.body import Body


class Output(NamedTuple):
    """An output of a body: the field that it is outside, its expression, its statement."""

    name: str
    text: str
    statement: str


def repeat(body: Body, frame: Frame, outer: Frame) -> list[str]:
    """The statement of a stack, loop or scan."""
    inside = body.graph.inside[id(frame)]
    incoming = _incoming(body, frame, inside)
    given = [body.read(v.of) for v in incoming if v.of]
    start = _start(body, frame)
    named = {id(v.of) for v in inside.results if v.kind == "all" and v.name}
    inside.collected.sort(key=lambda v: id(v) not in named)  # the first gives the repeat its name
    names = [body.names.choose(_wish(v), frame, v.readers) for v in incoming]
    for value, name in zip(incoming, names):
        body.text[id(value)] = Expression(name)
    lines = body.region(frame)
    outputs = _outputs(body, frame, inside)
    short = _as_chain(frame, names, lines, outputs, inside)
    if short:
        text = [f"{_word(frame)} {short}{_after(body, frame, inside, start)}"]
    else:
        within = [f"input {', '.join(names)}"] * bool(names) + lines + [o.statement for o in outputs]
        text = [f"{_word(frame)} {{", *(f"  {line}" for line in within), f"}}{_after(body, frame, inside, start)}"]
    if len(given) == 1:
        text[0] = f"{' -> '.join(given[0].stages)} -> {text[0]}"
    elif given:
        text = [f"({text[0]}", *text[1:]]
        text[-1] += f")({', '.join(g.text for g in given)})"
    return _named(body, frame, outer, inside, text, [o.name for o in outputs])


# -- what goes in -------------------------------------------------------------------------------------------------------
def _incoming(body: Body, frame: Frame, inside: Inside) -> list[Value]:
    """What enters by name: slices, those first whose axis the results share; what a stack carries."""
    if frame.kind != "scan":
        return list(inside.carries.values())
    if not inside.slices:
        raise Unreadable(f"nothing enters a scan of {body.panel.name}")
    along = {v.text for v in inside.results if v.kind == "all"}
    place = {id(v): i for i, v in enumerate(inside.slices)}
    return sorted(inside.slices, key=lambda v: (v.text not in along, place[id(v)]))


def _wish(value: Value) -> str:
    return value.text if value.kind == "carry" and value.text else value.name


def _start(body: Body, frame: Frame) -> str:
    """`from (h = h0)`: where the states of a cell start."""
    found = []
    for mark in frame.marks:
        if mark.kind == "state" and body.graph.rides(mark):
            for line in mark.lines:
                number = re.fullmatch(r"first (\S+) (.+)", line)
                found += [f"{words.name(number[1])} = {words.number(number[2])}"] if number else []
            for wire in body.wires(mark, "first"):
                said = next((s.text for s in words.label([_last_line(wire.label)]) if s.what == "first"), "")
                found.append(f"{words.name(said)} = {body.read(body.graph.brought(wire)).text}")
    return f" from ({', '.join(sorted(found))})" if found else ""


def _last_line(label: str) -> str:
    from archdsl.figure.reading.markup import plain_lines

    return next((line for line in plain_lines(label) if line.startswith("first ")), "")


# -- the words around a body ----------------------------------------------------------------------------------------------
def _word(frame: Frame) -> str:
    """`stack 12 as i`, `loop 4`, `scan`."""
    if frame.kind == "scan":
        return "scan"
    count = words.unmarked(frame.lines[0]).lstrip("×↻ ").partition(" = ")[0]
    index = next((m[1] for line in frame.lines if (m := re.match(r"(\w+) = 0 … ", line))), "")
    return f"{frame.kind} {words.number(count)}" + (f" as {index}" if index else "")


def _after(body: Body, frame: Frame, inside: Inside, start: str) -> str:
    if frame.kind != "scan":
        return start
    most = f" at_most {body.read(inside.lengths).at(OR)}" if inside.lengths else ""
    found = re.fullmatch(r"↻ over (.+) ([←→])", words.unmarked(frame.lines[0]))
    if found is None:
        raise Unreadable(f"{words.unmarked(frame.lines[0])!r} names no axis")
    told = {v.text for v in inside.slices}
    axis = next((t for t in told if not _by_name(t)), found[1])
    if len({words.axis(t) for t in told}) > 1 and all(not _by_name(t) for t in told):
        axis = found[1].partition("(")[2].rstrip(")") or found[1]
        axis = axis if _by_name(axis) else found[1]
    return f" over {words.axis(axis)}{' reversed' if found[2] == '←' else ''}{most}{start}"


def _by_name(text: str) -> bool:
    return not re.match(r"axis |last axis", text)


_FIELD = re.compile(r"\w+\.\w+'?")
"""`step.logdet`, which as an output would be named so."""


# -- what comes out -----------------------------------------------------------------------------------------------------
def _outputs(body: Body, frame: Frame, inside: Inside) -> list[Output]:
    """The outputs of a body. A single one that the repeat stands for needs no name."""
    values = list(inside.collected)
    if not values and not inside.carries and not any(body.graph.delays(frame)):
        cell = body.cell(next(m for m in frame.marks if m.kind == "state" and body.graph.rides(m)))
        values = [body.graph.made(cell, 0 if cell.results else None)]
    found: list[Output] = []
    for value in values:
        text = body.read(value)
        name = text.text.rstrip("'")
        if name.isidentifier() and all(name != o.name for o in found):
            found.append(Output(name, text.text, f"output {text.text}"))
        elif len(values) == 1 and not _FIELD.fullmatch(text.best):
            found.append(Output("output", text.best, f"output {text.best}"))
        else:
            name = body.names.choose("", frame, [frame])
            found.append(Output(name, text.best, f"output {name} = {text.best}"))
    return found


def _as_chain(
    frame: Frame, names: Sequence[str], lines: Sequence[str], outputs: Sequence[Output], inside: Inside
) -> str:
    """A body that is one chain: `{ LayerNorm -> Linear(4) }`; for a scan of one cell, the cell itself."""
    if len(names) != 1:
        return ""
    if frame.kind == "scan":
        text = outputs[0].text if len(outputs) == 1 and not lines else ""
    else:
        text = (
            lines[0].partition(" = ")[2]
            if len(lines) == 1 and not outputs and lines[0].startswith(f"{names[0]}' = ")
            else ""
        )
    head, arrow, chain = text.partition(" -> ")
    if not arrow:
        call = re.fullmatch(r"((?:frozen )?\w+)(\(.*\))?\((\w+)\)", text)
        if call is None or call[3] != names[0] or re.search(rf"\b{names[0]}\b", call[2] or "") or "\n" in text:
            return ""
        if call[2] and not _balanced(call[2]):
            return ""
        inner = call[2] if call[2] not in (None, "()") else ""
        chain, head = f"{call[1]}{inner}", names[0]
        if inner and not call[1].removeprefix("frozen ")[:1].isupper():
            return ""
    if head != names[0] or re.search(rf"\b{names[0]}\b", chain):
        return ""
    if frame.kind == "scan" and " -> " not in chain and re.match(r"(frozen )?[A-Z]\w*", chain) and inside:
        return chain
    return f"{{ {chain} }}"


def _balanced(text: str) -> bool:
    """Whether the first bracket closes at the end."""
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth:
            return i == len(text) - 1
    return False


def _named(
    body: Body, frame: Frame, outer: Frame, inside: Inside, text: list[str], outputs: Sequence[str]
) -> list[str]:
    """Give the results their names. A single one that the repeat itself stands for needs none of its own."""
    read = [v for v in inside.results if v.readers]
    main = _main(body, frame, inside)
    if not read:
        return [f"{body.names.choose('', outer, [])} = {text[0]}", *text[1:]]
    if len(read) == 1 and read[0] is main:
        value = read[0]
        if id(value) in body.handed:
            name = body.handed[id(value)]
            body.text[id(value)] = Expression(f"{name}'")
            return [f"{name}' = {text[0]}", *text[1:]]
        alone = len(value.readers) == 1 and value.readers[0] is outer and id(value) not in body.named
        if len(text) == 1 and alone and " from (" not in text[0]:
            stages = text[0].split(" -> ", 1) if text[0].count("{") == 0 else [text[0]]
            body.text[id(value)] = Expression(text[0], 0, stages if len(stages) == 2 else [text[0]])
            return []
        name = body.names.choose(value.name, outer, value.readers)
        body.text[id(value)] = Expression(name)
        return [f"{name} = {text[0]}", *text[1:]]
    wish = main.name if main is not None else ""
    name = body.names.choose(wish, outer, [r for v in read for r in v.readers])
    for value in inside.results:
        body.text[id(value)] = Expression(
            name if value is main else f"{name}.{_field(body, frame, inside, value, outputs)}"
        )
    return [f"{name} = {text[0]}", *text[1:], *_name_results(body, outer, [v for v in read if v is not main])]


def _name_results(body: Body, outer: Frame, read: Sequence[Value]) -> Iterator[str]:
    """Results that are states of the body around, or have a name."""
    for value in read:
        field = body.text[id(value)].text
        if id(value) in body.handed:
            body.text[id(value)] = Expression(f"{body.handed[id(value)]}'")
        elif value.name:
            body.text[id(value)] = Expression(body.names.choose(value.name, outer, value.readers))
        else:
            continue
        yield f"{body.text[id(value)].text} = {field}"


def _main(body: Body, frame: Frame, inside: Inside) -> Value | None:
    """The result that the repeat stands for: what a stack carries, or the first that is collected."""
    finals = [v for v in inside.results if v.kind == "final" and v.text in inside.carries]
    if inside.carries:
        first = next(iter(inside.carries))
        return next((v for v in finals if v.text == first), None)
    if inside.collected:
        return next((v for v in inside.results if v.kind == "all" and v.of is inside.collected[0]), None)
    first_state = next((m for m in body.order.get(id(frame), ()) if m.kind == "state"), None)
    named = words.name(first_state.lines[0]) if first_state else ""
    return next((v for v in inside.results if v.kind == "final" and v.text == named), None)


def _field(body: Body, frame: Frame, inside: Inside, value: Value, outputs: Sequence[str]) -> str:
    if value.kind == "all":
        return outputs[next(i for i, v in enumerate(inside.collected) if v is value.of)]
    if value.kind == "ride":
        return f"{value.text}'"
    if value.text in inside.carries:
        return f"{body.text[id(inside.carries[value.text])].text}'"
    for delay in body.graph.delays(frame):
        if words.name(delay.lines[0]) == value.text:
            return f"{body.text[id(body.graph.made(delay, None))].text}'"
    raise Unreadable(f"nothing in a {frame.kind} of {body.panel.name} is called {value.text}")


# -- training -------------------------------------------------------------------------------------------------------------
def until(body: Body, frame: Frame, outer: Frame) -> list[str]:
    """`until stable(m) at_most 300 { … }`"""
    head = re.fullmatch(r"(?:\d+\. )?<B>↻ until (.+) stable</B>", frame.lines[0])
    most = re.fullmatch(r"at most (.+) calls", frame.lines[1]) if len(frame.lines) > 1 else None
    if head is None or most is None:
        raise Unreadable(f"{frame.lines} names no end")
    stable = [".".join(map(words.name, name.split("."))) for name in words.split(head[1])]
    lines = body.region(frame)
    return [
        f"until stable({', '.join(stable)}) at_most {words.number(most[1])} {{",
        *(f"  {line}" for line in lines),
        "}",
    ]
