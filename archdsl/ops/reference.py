"""The reference of all primitives, written from their entries: `archdsl ops` and `docs/ops.md` show it."""

from __future__ import annotations

from typing import Any

from archdsl.ops import DISTRIBUTIONS, FAMILIES, INITIALIZERS, OPTIMIZERS
from archdsl.ops.base import Either, Op, Over, Required, Word

HEAD = """# Primitives

What the language has before any definition. Everything else (LSTM, LayerNorm, MultiHeadAttention, …) is written in the
language, in the library. A setting with a default may be left out; one marked ! must be given. `over` names axes, by
size or by position.
"""


def default_text(value: Any) -> str:
    """A setting's default as a program would write it; `!` where it must be given."""
    match value:
        case Required():
            return "!"
        case Over(default=default):
            return "all" if default is None else default_text(default)
        case Word(words=words, required=required):
            return "|".join(words) + ("!" if required else "")
        case Either(default=default, words=words):
            return "|".join([str(default), *words])
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{', '.join(map(str, value))}]"
        case _:
            return str(value)


def settings_text(settings: dict[str, Any]) -> str:
    """`bias = true, d_out!`."""
    parts = [(name, default_text(value)) for name, value in settings.items()]
    return ", ".join(f"{name}!" if text == "!" else f"{name} = {text}" for name, text in parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


def _code(text: str) -> str:
    return "<br>".join(f"`{_cell(line)}`" for line in text.splitlines()) if text else ""


def _row(op: Op) -> str:
    cells = [
        _code(op.name),
        _code(op.signature),
        _code(settings_text(dict(op.settings))),
        _cell(op.doc),
        _code(op.example),
    ]
    return "| " + " | ".join(cells) + " |"


def _section(title: str, head: list[str], rows: list[str]) -> str:
    line = "| " + " | ".join(head) + " |\n|" + "---|" * len(head)
    return "\n".join([f"## {title[0].upper()}{title[1:]}", "", line, *rows, ""])


def _plain(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """The whole reference as Markdown."""
    sections = [
        _section(family, ["op", "inputs and result", "settings", "meaning", "example"], [_row(op) for op in ops])
        for family, ops in FAMILIES.items()
    ]
    initial = [
        _plain(_code(i.name), _code(settings_text(dict(i.settings))), _cell(i.doc)) for i in INITIALIZERS.values()
    ]
    draws = [
        _plain(
            _code(f"{d.name}({', '.join(d.parameters)})"),
            ", ".join(w.replace("_", " ") for w in d.ways[1:]),
            _cell(d.doc),
        )
        for d in DISTRIBUTIONS.values()
    ]
    optimizers = [
        _plain(_code(o.name), _code(settings_text(dict(o.settings))), _cell(o.doc)) for o in OPTIMIZERS.values()
    ]
    sections += [
        _section("initializers", ["initializer", "settings", "values"], initial),
        _section("distributions", ["distribution", "gradient passes by", "meaning"], draws),
        _section("optimizers", ["optimizer", "settings", "meaning"], optimizers),
    ]
    return "\n".join([HEAD, *sections])
