"""What the command line tells about the language itself: primitives, examples, error codes."""

from __future__ import annotations

import re
from typing import Any

from archdsl.diagnostics import Diagnostic
from archdsl.ops.base import Op, Over, Required, Word


def describe(op: Op) -> str:
    """A primitive: its signature, what it does, its settings, its weights, an example."""
    lines = [f"{op.name}  {op.signature}", "", f"  {op.doc}"]
    if op.settings:
        lines += ["", "settings", *(f"  {name:<16} {_default(value)}" for name, value in op.settings.items())]
    if op.weights:
        lines += ["", "weights", *(f"  {name:<16} {shape}" for name, shape in op.weights.items())]
    if op.example:
        lines += ["", "example", *(f"  {line}" for line in op.example.strip().splitlines())]
    return "\n".join(lines)


def _default(value: Any) -> str:
    match value:
        case Required():
            return "must be given"
        case Word(words=words, required=required):
            return " or ".join(words) + ("; must be given" if required else f" ({words[0]})")
        case Over(default=default, many=many):
            what = "axes" if many else "an axis"
            return f"{what}; must be given" if isinstance(default, Required) else f"{what} ({'all' if default is None else default})"
        case bool():
            return f"true or false ({str(value).lower()})"
        case None:
            return "(none)"
        case _:
            return f"({value})"


def first_sentence(text: str) -> str:
    """Of the docstring of a program's first model, or else of its first definition."""
    match = re.search(r'"""((?:(?!""").)*)"""\s*model\b', text, re.S) or re.search(r'"""(.*?)"""', text, re.S)
    words = " ".join(match.group(1).split()) if match else ""
    return re.split(r"(?<!\bal)(?<!\beqs)(?<!\beq)\.(?=\s+[A-Z]|$)", words, maxsplit=1)[0]


def messages() -> dict[str, type[Diagnostic]]:
    """All error codes."""
    from archdsl import errors

    classes = [m for m in vars(errors).values() if isinstance(m, type) and issubclass(m, Diagnostic)]
    found = [m for m in classes if "code" in vars(m) and m is not Diagnostic]
    return {message.code: message for message in sorted(found, key=lambda m: m.code)}


def title(message: type[Diagnostic]) -> str:
    """The message with its facts as `<name>`."""
    return re.sub(r"\{(\w+)\}", lambda m: f"<{m.group(1)}>", message.title)


def explain(message: type[Diagnostic]) -> str:
    """The longer story of an error, with a wrong and a right program where there are."""
    paragraphs = [f"{message.code}: {title(message)}", message.story]
    for words, program in (("Wrong:", message.wrong), ("Right:", message.right)):
        if program:
            paragraphs.append(words + "\n\n" + "\n".join(f"    {line}".rstrip() for line in program.splitlines()))
    return "\n\n".join(p for p in paragraphs if p)
