"""What a panel says of its definition: name, kind, hyperparameters, what was chosen, configs, and the caption.

In: the lines of a panel's title, and its marks. Out: `Signature`, which the callers of the definition need as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archdsl.figure.captions import uncaptioned
from archdsl.figure.reading import words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.words import TypeText
from archdsl.figure.scene import Mark, Panel
from archdsl.ops import OPS

_HEAD = re.compile(r"<B>(\w+)</B> (model|block|cell|train)(?: · .*)?")


@dataclass
class Port:
    """An input of a definition."""

    name: str
    type: TypeText
    default: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.type}" + (f" = {self.default}" if self.default else "")


@dataclass
class Signature:
    """What others need to know of a definition."""

    name: str
    kind: str
    hypers: dict[str, str] = field(default_factory=dict)
    """Numbers, with their defaults; empty for none."""
    chosen: dict[str, str] = field(default_factory=dict)
    configs: list[str] = field(default_factory=list)
    doc: str = ""
    ports: dict[str, Port] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    """The states of a cell in their order, as who steps it shows them."""
    learns: bool = False
    """Whether something in it learns, apart from what it uses."""
    uses: set[str] = field(default_factory=set)

    def head(self) -> str:
        given = [f"{k} = {v}" if v else k for k, v in [*self.hypers.items(), *self.chosen.items()]]
        return f"{self.kind} {self.name}" + (f"({', '.join(given)})" if given else "")


def signature(panel: Panel, known: Iterable[str]) -> Signature:
    """The signature of a panel. `known` are the names of all panels."""
    found = _HEAD.fullmatch(panel.title[0]) if panel.title else None
    if found is None:
        raise Unreadable(f"{(panel.title or ['a panel'])[0]!r} is no title of a definition")
    result = Signature(found[1], found[2])
    lines = _Lines(panel.title[1:])
    for text in lines.list("with "):
        key, _, default = text.partition(" = ")
        result.hypers[key] = words.number(default) if default else ""
    for text in lines.list("where "):
        option = words.option(text)
        if option is None:
            raise Unreadable(f"{text!r} chooses nothing")
        result.chosen[option.key] = _chosen(option, known)
    lines.list("if ")
    while parts := lines.list("config "):
        name, _, first = parts[0].partition(":")
        options = [o for o in (words.option(t) for t in [first.strip(), *parts[1:]] if t) if o]
        given = [f"{o.key} = {_chosen(o, known, result.hypers)}" for o in options]
        result.configs.append(f"config {name}({', '.join(given)})")
    result.doc = words.plain(uncaptioned(lines.rest)).replace('"""', "'''")
    for mark in panel.root.all_marks():
        _ports(mark, result)
    return result


class _Lines:
    """The lines below a title's first, lists first. A list goes on where its line ends with a comma."""

    def __init__(self, lines: Sequence[str]):
        self.rest = list(lines)

    def list(self, word: str) -> list[str]:
        if not self.rest or not self.rest[0].startswith(word):
            return []
        text = self.rest.pop(0)
        while text.endswith(",") and self.rest:
            text += " " + self.rest.pop(0)
        return words.split(text.removeprefix(word))


def _chosen(option: words.Option, known: Iterable[str], numbers: Iterable[str] = ()) -> str:
    if option.text is None:
        return "true" if option.flag else "false"
    if option.key in set(numbers):
        return words.number(option.text)
    if option.text in {"causal", "none", *OPS, *known} or words.numbers(option.text):
        return words.value(option.text, {option.text} if option.text[0] != "[" and "×" not in option.text else ())
    return words.quoted(option.text)


def _ports(mark: Mark, result: Signature) -> None:
    if mark.kind in ("input", "output"):
        name, kind, rest = titled(mark)
        if mark.kind == "output":
            result.outputs.append(name)
            return
        default = rest[0].removeprefix("default ") if rest else ""
        default = default if default in ("", "true", "false") else words.number(default)
        result.ports[name] = Port(name, kind, default)
    elif mark.kind in ("weights", "frozen"):
        called = re.search(r"<B>(\w+)</B> ▸", mark.lines[0]) if mark.lines else None
        if called:
            result.uses |= {called[1]} if mark.kind == "weights" else set()
        elif mark.lines and mark.kind == "weights" and mark.lines != ["all that learns"]:
            result.learns = True


def titled(mark: Mark) -> tuple[str, TypeText, list[str]]:
    """A name with its type, on one line or two; and the lines below."""
    found = re.fullmatch(r"<B>(.*?)</B> (.+)", mark.lines[0])
    if found and (kind := words.type_of(found[2])):
        return words.name(found[1]), kind, mark.lines[1:]
    kind = words.type_of(mark.lines[1]) if len(mark.lines) > 1 else None
    if kind is None:
        raise Unreadable(f"{words.unmarked(mark.lines[0])!r} has no type")
    return words.name(mark.lines[0]), kind, mark.lines[2:]
