"""One node of the IR becomes one mark: its shape, its words, and the port that each operand goes to.

In: a node, the types around it, what it was made from. Out: a `Mark`, and where each operand arrives. Everything that changes the
meaning is in the words. Nothing here knows about places, colours or Graphviz. This module has definitions, draws and objectives;
`primitives` has the ops, `storage` what holds values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.figure import words
from archdsl.figure.primitives import WAYS, Holder, Placed, of_apply, wrapped
from archdsl.figure.scene import Mark
from archdsl.figure.storage import (
    in_rows,
    learned,
    of_constant,
    of_input,
    of_memory,
    of_output,
    of_param,
    of_state,
    of_states,
    of_update,
    state_of,
)  # fmt: skip
from archdsl.figure.words import bold, esc, number, option, small, type_text
from archdsl.ir.num import Num
from archdsl.ir.program import Call, Definition, Draw, Made, Minimize, Operand, Setting
from archdsl.ir.types import Type

__all__ = [
    "Holder", "Placed", "in_rows", "of_apply", "of_call", "of_constant", "of_draw", "of_input", "of_memory", "of_minimize", "of_output",
    "of_param", "of_state", "of_states", "of_update", "state_of",
]  # fmt: skip


def of_call(node: Call, of: Definition, made: Holder, holds_weights: bool, drawn: bool) -> Placed:
    """The mark of a definition that is used: its name, the hyperparameters that are not defaults, its operands by name."""
    assert made.made
    head = bold(esc(of.name))
    if made.made.named:
        head = f"{words.name(made.made.name)}: {head}"
    given = [call_option(key, value) for key, value in shown_settings(made.made, of)]
    lines = [f"{head}{' ▸' if drawn else ''}", *wrapped(given), *(small(n) for n in made.notes)]
    if not drawn:
        lines.append(small("inside not drawn"))
    mark = Mark("weights" if holds_weights else "function", lines, tag=made.tag)
    learned(mark, made.frozen and holds_weights)
    if len(of.outputs) > 1:
        mark.results = [words.name(o.name) for o in of.outputs]
    if len(of.inputs) > 1:
        mark.ports = [words.name(v.name or str(i)) for i, v in enumerate(of.inputs)]
        return Placed(mark, list(range(len(of.inputs))))
    return Placed(mark, [None])


def shown_settings(made: Made, of: Definition) -> list[tuple[str, Setting]]:
    """The hyperparameters that the use of a definition chooses otherwise than by default."""
    given = {k: v for k, v in made.settings.items() if isinstance(v, Num)}
    defaults = {h.name: h.default.subs(given) if h.default is not None else None for h in of.hypers}
    return [(k, v) for k, v in made.settings.items() if k not in defaults or v != defaults[k]]


def call_option(key: str, value: Setting) -> str:
    if isinstance(value, Num) and value.name == key:
        return esc(key)
    if isinstance(value, Num) and key in value.symbols():  # `channels = 2·channels` would read as an equation
        return f"{esc(key)}: {number(value)}"
    return option(key, value)


def of_draw(node: Draw, names: Sequence[str], usual: Type | None = None) -> Placed:
    """`usual`: the type that it has if the program does not say another one."""
    shown = [_parameter(n, i) for n, i in zip(names, node.inputs)]
    lines = [f"~ {esc(node.distribution)}({', '.join(shown)})"]
    if not any(isinstance(i, int) for i in node.inputs) or (usual and usual != node.outputs[0].type):
        lines.append(small(type_text(node.outputs[0].type)))
    if node.gradient != "none" or any(isinstance(i, int) for i in node.inputs):
        lines.append(small("gradient: " + WAYS[node.gradient]))
    mark = Mark("draw", lines)
    values = [i for i, operand in enumerate(node.inputs) if isinstance(operand, int)]
    if len(values) < 2:
        return Placed(mark, [None] * len(node.inputs))
    mark.ports = [esc(names[i]) for i in values]
    return Placed(mark, [values.index(i) if i in values else None for i in range(len(node.inputs))])


def _parameter(name: str, operand: Operand) -> str:
    """A distribution's parameter: its name for a value, else the number."""
    text = number(operand) if isinstance(operand, Num) else esc(name)
    return f"{text} = {text}" if isinstance(operand, Num) and text == name else text


def of_minimize(node: Minimize, order: str, defaults: Mapping[str, Setting]) -> Mark:
    settings = [option(k, v) for k, v in node.settings.items() if k not in defaults or defaults[k] != v]
    lines = [f"{order}{bold('minimize')} {words.name(node.name)}", f"with {esc(node.optimizer)}", *wrapped(settings)]
    return Mark("objective", lines)
