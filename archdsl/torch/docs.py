"""Docstrings and shape comments."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence

from archdsl.ir.program import Definition, Value
from archdsl.ir.types import Type
from archdsl.torch.names import variable
from archdsl.torch.printer import WIDTH, fits
from archdsl.torch.statements import Assign, Statement, Variable, reads, walk

HELD = "\x00"
"""A space where no line is to end."""


def clean(text: str) -> str:
    """A program's text without what could end a docstring, or hide."""
    text = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in text)
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    return text[:-1] + "'" if text.endswith('"') else text


def docstring(text: str, indent: str) -> list[str]:
    """The docstring with a program's text, wrapped."""
    text = clean(text.strip())
    if not text:
        return []
    one = f'{indent}"""{text}"""'
    if "\n" not in text and fits(one):
        return [one]
    paragraphs = [" ".join(p.split()) for p in text.split("\n\n")] if "\n" in text else [text]
    result: list[str] = []
    for p in paragraphs:
        result += ([""] if result else []) + _wrapped(p, WIDTH - len(indent) - 4)
    if len(result) == 1:  # a single line would be joined with its closing quotes, and be too long
        result = _wrapped(result[0], WIDTH - len(indent) - 10)
    first, *rest = result
    return [f'{indent}"""{first}', *[f"{indent}{r}".rstrip() for r in rest], f'{indent}"""']


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most a width; a shape is broken after its commas, if that will do."""
    whole = re.sub(r"\[[^][]*\]", lambda shape: re.sub(r"(?<!,) ", HELD, shape[0]), text)
    lines = textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    if any(len(line) > width for line in lines):
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace(HELD, " ") for line in lines]


def inputs(values: Sequence[Value], types: Sequence[Type] = ()) -> str:
    """`x [batch, d], target int[batch]`, by the names of the parameters."""
    shown = types or [v.type for v in values]
    return ", ".join(f"{variable(v.name or 'x')} {t}" for v, t in zip(values, shown))


def forward(definition: Definition, indent: str) -> list[str]:
    """`x [batch, time, d] -> y [batch, time, tags]`."""
    left = inputs(definition.inputs)
    right = ", ".join("{} {}".format(o.name.rstrip("'"), o.type) for o in definition.outputs)
    word = "One step: " if definition.kind == "cell" else ""
    text = clean(f"{word}{left} -> {right}".strip())
    one = f'{indent}"""{text}"""'
    if fits(one):
        return [one]
    return docstring(f"{word}{left}\n\n-> {right}", indent)


def comment_shapes(body: list[Statement], variables: dict[str, Variable]) -> None:
    """A comment where a value has a shape that nothing it is made of has."""
    for statement in walk(body):
        if (
            not isinstance(statement, Assign)
            or statement.keep
            or len(statement.targets) != 1
            or statement.targets[0] not in variables
        ):
            continue
        made = variables[statement.targets[0]].type
        before = [variables[k].type for k in reads(statement) if k in variables]
        shapes = {t.shape for t in before if t is not None}
        if made is not None and made.shape and shapes and made.shape not in shapes:
            statement.comment = str(Type(shape=made.shape))
