"""The names of values, told where it matters which value arrives (decision 0084).

In: values with their readers, before there are wires. Out: the same; ports, first values, numbered calls and gates say how the program
calls what they take. A place whose own name is the value's says it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archdsl.figure import words
from archdsl.figure.scene import Mark

if TYPE_CHECKING:
    from archdsl.figure.values import Held, Use

OPENS = "⊙"


def tell(values: Mapping[int, Held]) -> None:
    """Says each name at the places where it counts."""
    every = list({id(v): v for v in values.values()}.values())
    for value in every:
        if value.first and (name := _name(values, value)):
            value.type = entering(value.type, name)
        for use in value.uses:
            _at(use, words.name(value.name) if value.name else "")
    _at_gates(every)


def entering(said: str, name: str) -> str:
    """`x into the first copy`; with a name of its own there, `h = x, into the first copy`."""
    own, comma, rest = said.rpartition(", ")
    if own == name:
        return said
    return f"{own} = {name}{comma}{rest}" if own else f"{name} {said}"


def _name(values: Mapping[int, Held], value: Held) -> str:
    """How the program calls what enters a frame; a dot on its way has no name."""
    at = value.alias
    while at is not None and at < 0:
        at = values[at].alias
    return words.name(values[at].name) if at is not None else ""


def _at(use: Use, name: str) -> None:
    """Tells a name where one reader takes it."""
    mark = use.head
    if not name:
        return
    if use.port is not None and mark.ports:
        mark.operands = mark.operands or [""] * len(mark.ports)
        mark.operands[use.port] = "" if mark.ports[use.port] == name else name
    elif use.kind == "first" and use.label != f"first {name}":
        use.label = f"{use.label} = {name}"
    elif use.turn:
        mark.lines = [line.replace(" call<", f" call: {name}<") for line in mark.lines]


def told(value: Held) -> bool:
    """Whether all who read a value say its name at their ports."""
    name = words.name(value.name)
    return bool(value.uses) and all(
        use.port is not None and use.head.operands and use.head.operands[use.port] == name for use in value.uses
    )


# -- gates ----------------------------------------------------------------------------------------------------------------
def _at_gates(values: Sequence[Held]) -> None:
    """A gate says what it opens, where that has a name: `f ⊙ c`."""
    into: dict[int, list[tuple[Held, Use]]] = {}
    for value in values:
        for use in value.uses:
            into.setdefault(id(use.head), []).append((value, use))
    for value in values:
        for use in value.uses:
            if use.kind == "gate" and value.name and _product(use.head):
                others = [v for v, u in into[id(use.head)] if u is not use]
                if len(others) == 1 and others[0].name and not others[0].gate:
                    use.label = f"{OPENS} {words.name(others[0].name)}"


def _product(mark: Mark) -> bool:
    return mark.kind == "circle" and mark.lines == ["×"]
