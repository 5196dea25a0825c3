"""The marks of what holds values: inputs, outputs, parameters, states, memories; and of plain numbers.

In: what the IR says of it. Out: a `Mark` that says its type, its first value, and whether it is frozen.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.figure import words
from archdsl.figure.scene import Mark
from archdsl.figure.words import bold, esc, number, setting, small, type_text
from archdsl.ir.num import Num
from archdsl.ir.program import Fill, Input, Memory, Param, State
from archdsl.ir.types import Type


def of_input(value: Input) -> Mark:
    lines = _titled(words.name(value.name or "input"), value.type)
    if value.default is not None:
        lines.append(small(f"default {_default(value)}"))
    return Mark("input", lines)


def _default(value: Input) -> str:
    if value.type.dtype == "bool":
        return "false" if value.default in (False, Num.of(0)) else "true"
    return setting(value.default)


def of_output(name: str, kind: Type) -> Mark:
    return Mark("output", _titled(words.name(name), kind))


def _titled(name: str, kind: Type) -> list[str]:
    """A name with its type: on one line if that is short."""
    text = type_text(kind)
    return [f"{bold(name)} {small(text)}"] if len(text) <= 16 else [bold(name), small(text)]


def of_constant(value: Num) -> Mark:
    return Mark("constant", [number(value)])


def of_param(param: Param, tag: str = "", notes: Sequence[str] = ()) -> Mark:
    head = _titled(words.name(param.value.name or "param"), param.value.type)
    lines = [*head, small(f"starts {words.fill(param.initial)}"), *(small(n) for n in notes)]
    return learned(Mark("weights", lines, tag=tag), param.frozen)


def of_state(name: str, kind: Type | None, first: str) -> Mark:
    """The delay of a state: what it was, one step before. `first` is empty where an arrow brings the first value."""
    lines = [f"{bold(words.name(name))}"]
    if kind is not None:
        lines.append(small(type_text(kind)))
    if first:
        lines.append(small(f"first {first}"))
    return Mark("state", lines)


def of_states(names: Sequence[str]) -> Mark:
    """The delay of all states of a cell that is stepped here."""
    return Mark("state", [bold(line) for line in in_rows(names)])


def in_rows(names: Sequence[str], handed_on: bool = False) -> list[str]:
    """Names, three to a line, or as many as have room."""
    rows: list[list[str]] = []
    for name in names or ["state"]:
        if not rows or len(rows[-1]) == 3 or len(", ".join([*rows[-1], name])) > _ROW:
            rows.append([])
        rows[-1].append(name)
    lines = [", ".join(words.name(n, handed_on and bool(names)) for n in row) for row in rows]
    return [f"{line}," for line in lines[:-1]] + lines[-1:]


_ROW = 18
"""Letters in a line of names."""


def of_update(part: str, memory: str, order: str = "") -> Mark:
    return Mark("memory", [f"{order}{bold(f'{words.name(part)}.{words.name(memory)}')}"])


def state_of(state: State) -> Mark:
    first = number(state.initial) if isinstance(state.initial, Num) else ""
    return of_state(state.value.name or "state", state.value.type, first)


def of_memory(memory: Memory, writers: Sequence[str] = ()) -> Mark:
    """The cylinder of a memory. `writers` are the trains that set it from outside."""
    lines = [bold(words.name(memory.value.name or "memory")), small(type_text(memory.value.type))]
    if isinstance(memory.initial, (Fill, Num)):
        lines.append(
            small(f"first {words.fill(memory.initial) if isinstance(memory.initial, Fill) else number(memory.initial)}")
        )
    if writers:
        lines.append(small("set by " + ", ".join(esc(w) for w in writers)))
    elif memory.next is None:
        lines.append(small("never changes"))
    return Mark("memory", lines)


def learned(mark: Mark, frozen: bool) -> Mark:
    if frozen:
        mark.kind = "frozen"
        mark.lines.append(small("❄ frozen"))
    return mark
