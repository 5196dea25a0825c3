"""Statements of what holds values, and of what learns: `param`, `state`, `memory`, a part's memory, `minimize`.

In: a mark, and the body of the definition around it. Out: text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archdsl.figure.reading import words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.titles import titled
from archdsl.figure.scene import Mark

if TYPE_CHECKING:
    from archdsl.figure.reading.body import Body


# -- what holds values ----------------------------------------------------------------------------------------------


def param(body: Body, mark: Mark) -> str:
    name, kind, rest = titled(mark)
    body.name_value(mark, None, name)
    start = next(line.removeprefix("starts ") for line in rest if line.startswith("starts "))
    frozen = "frozen " if mark.kind == "frozen" else ""
    return f"{frozen}param {name}: {kind} = {words.fill(start)}"


def first(body: Body, mark: Mark) -> str:
    """The first value of a state or memory."""
    said = [line.removeprefix("first ") for line in mark.lines[1:] if line.startswith("first ")]
    wires = body.wires(mark, "first")
    if len(said) + len(wires) != 1:
        raise Unreadable(
            f"{words.unmarked(mark.lines[0])} of {body.panel.name} has {len(said) + len(wires)} first values"
        )
    return words.fill(said[0]) if said else body.read(body.graph.brought(wires[0])).text


def state(body: Body, mark: Mark) -> str:
    name = words.name(mark.lines[0])
    if body.graph.home[id(mark)].kind == "panel":
        body.name_value(mark, None, name)
    else:
        name = body.text[id(body.graph.made(mark, None))].text
    kind = next((str(k) for k in map(words.type_of, mark.lines[1:]) if k), "")
    return f"state {name}{f': {kind}' if kind else ''} = {first(body, mark)}"


def memory(body: Body, mark: Mark) -> str:
    name, kind, _ = titled(mark)
    body.name_value(mark, None, name)
    return f"memory {name}: {kind} = {first(body, mark)}"


# -- learning -------------------------------------------------------------------------------------------------------


def update(body: Body, mark: Mark) -> str:
    part, _, memory = words.unmarked(re.sub(r"^\d+\. ", "", mark.lines[0])).partition(".")
    name = body.names.memory(mark.lines[0])
    wires = body.wires(mark, "return")
    if len(wires) != 1 or not memory:
        raise Unreadable(f"the update of {part} in {body.panel.name} has {len(wires)} values")
    return f"{name}' = {body.read(body.graph.brought(wires[0])).best}"


def minimize(body: Body, mark: Mark) -> list[str]:
    loss = words.name(words.unmarked(mark.lines[0]).rpartition(" ")[2])
    optimizer = mark.lines[1].removeprefix("with ")
    options = [words.option(t) for line in mark.lines[2:] for t in words.split(line)]
    given = [f"{o.key} = {words.value(o.text) if o.text else str(o.flag).lower()}" for o in options if o]
    over = [
        words.name(w.head.lines[0]) for w in body.graph.outs.get(id(mark), []) if w.head.lines != ["all that learns"]
    ]
    wires = body.wires(mark)
    if len(wires) != 1:
        raise Unreadable(f"a minimize of {body.panel.name} has {len(wires)} losses")
    value = body.graph.brought(wires[0])
    found: list[str] = []
    if body.read(value).text != loss:
        found.append(f"{loss} = {body.read(value).best}")
    targets = f" over {', '.join(sorted(over))}" if over else ""
    return [*found, f"minimize {loss}{targets} with {optimizer}" + (f"({', '.join(given)})" if given else "")]
