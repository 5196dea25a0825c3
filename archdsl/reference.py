"""What the command line tells about the language itself: primitives, examples, error codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from archdsl.diagnostics import Diagnostic
from archdsl.ops import DISTRIBUTIONS, FAMILIES, INITIALIZERS, OPS, OPTIMIZERS
from archdsl.ops.base import Op
from archdsl.ops.reference import default_text

OTHERS: dict[str, Mapping[str, Any]] = {
    "initializers": INITIALIZERS,
    "distributions": DISTRIBUTIONS,
    "optimizers": OPTIMIZERS,
}


def names() -> dict[str, str]:
    """All that `describe` knows."""
    return {name: name for known in (OPS, *OTHERS.values()) for name in known}


def listing() -> str:
    """Every primitive with the first line of what it does, by family."""
    families = {family: {op.name: op for op in members} for family, members in FAMILIES.items()} | OTHERS
    return "\n\n".join(
        "\n".join([family, *(f"  {name:<18} {entry.doc.splitlines()[0]}" for name, entry in members.items())])
        for family, members in families.items()
    )


def describe(name: str) -> str:
    """All that bears the name: a primitive, an initializer, a distribution, an optimizer."""
    found = [_op(OPS[name])] if name in OPS else []
    found += [_other(kind, name, known[name]) for kind, known in OTHERS.items() if name in known]
    return "\n\n".join(found)


def _op(op: Op) -> str:
    """A primitive: its signature, what it does, its settings, its weights, an example."""
    lines = [f"{op.name}  {op.signature}", "", f"  {op.doc}", *_settings(op.settings)]
    if op.weights:
        lines += ["", "weights", *(f"  {name:<16} {shape}".rstrip() for name, shape in op.weights.items())]
    if op.example:
        lines += ["", "example", *(f"  {line}" for line in op.example.strip().splitlines())]
    return "\n".join(lines)


def _other(kind: str, name: str, entry: Any) -> str:
    parameters = f"({', '.join(entry.parameters)})" if kind == "distributions" else ""
    ways = [way.replace("_", " ") for way in getattr(entry, "ways", []) if way != "none"]
    lines = [f"{name}{parameters}  one of the {kind}", "", f"  {entry.doc}", *_settings(getattr(entry, "settings", {}))]
    return "\n".join([*lines, *(["", f"the gradient passes by {' or '.join(ways)}"] if ways else [])])


def _settings(settings: Mapping[str, Any]) -> list[str]:
    rows = [(name, default_text(value)) for name, value in settings.items()]
    texts = [f"  {name:<16} {'must be given' if text == '!' else text}" for name, text in rows]
    return ["", "settings and their defaults", *texts] if texts else []


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
