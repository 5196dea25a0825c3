"""Types, settings, axes, names and the words of wires, read back. Out: program text, or small data for whoever writes it.

In: canonical text (see `markup`), as `figure.words` and its users wrote it. Raises `Unreadable` where that is not so.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from typing import NamedTuple

from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.numbers import LOWERED, NoNumber, parse
from archdsl.ir.num import Num
from archdsl.ops import INITIALIZERS

_BOLD = re.compile(r"<B>(.*?)</B>")
_NAME = re.compile(r"[A-Za-z_]\w*")
_SHORT = re.compile(r"([A-Za-z])<SUB>(\w+)</SUB>")
_TYPE = re.compile(r"(?:(int|bool|float) ?)?\[(.*)\]")


def split(text: str, by: str = ", ") -> list[str]:
    """The parts of a text between separators that stand in no bracket and are not raised."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        if text.startswith(("<SUP>", "<SUB>", "<B>"), at) or text[at] in "([⌊⌈":
            depth += 1
        elif text.startswith(("</SUP>", "</SUB>", "</B>"), at) or text[at] in ")]⌋⌉":
            depth -= 1
        elif not depth and text.startswith(by, at):
            parts.append(text[start:at])
            at = start = at + len(by)
            continue
        at += 1
    return [*parts, text[start:]]


def unmarked(text: str) -> str:
    """Text without bold."""
    return _BOLD.sub(r"\1", text)


def name(text: str) -> str:
    """A program's name: `h` with a low 0 is `h0`, `W` with a low `in` is `W_in`. Primes are gone."""
    text = unmarked(text).strip().rstrip("′")
    match = _SHORT.fullmatch(text)
    if match:
        return f"{match[1]}{'' if match[2].isdigit() else '_'}{match[2]}"
    if not _NAME.fullmatch(text):
        raise Unreadable(f"{text!r} is no name")
    return text


def source(number: Num) -> str:
    """A number as a program writes it, what is taken away last."""
    text = ""
    for monomial, coefficient in sorted(number.sorted_terms(), key=lambda t: t[1] < 0):
        piece = str(Num({monomial: abs(coefficient)}))
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {piece}" if text else (f"-{piece}" if sign == "-" else piece)
    return text or "0"


def number(text: str) -> str:
    """A number of a figure as a program writes it."""
    try:
        value = parse(text)
    except NoNumber as problem:
        raise Unreadable(str(problem)) from None
    return _with_remainder(text) if " mod " in text and not set(text) & set("⌈π⌊√") else source(value)


def _with_remainder(text: str) -> str:
    """`2` with `i mod n` raised, as `2^(i % n)`; the canonical text of the number would spell the remainder out."""
    for seen, written in (("<SUP>", "^("), ("</SUP>", ")"), ("·", " * "), ("−", "-"), (" mod ", " % "), ("…", "...")):
        text = text.replace(seen, written)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: f"^({m[0].translate(LOWERED)})", text)
    return re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)(?=[A-Za-z_.]{1}(?!\d))(?!\.)", r"\1 * ", text)


def is_number(text: str) -> bool:
    try:
        parse(text)
    except NoNumber:
        return False
    return True


class TypeText(NamedTuple):
    """A type of a figure, and as a program writes it."""

    dtype: str
    sizes: list[Num]

    def __str__(self) -> str:
        return ("" if self.dtype == "float" else self.dtype) + "[" + ", ".join(map(source, self.sizes)) + "]"


def type_of(text: str) -> TypeText | None:
    """The type that a text is, if it is one."""
    if text in ("scalar", "int scalar", "bool scalar"):
        return TypeText(text.split()[0] if " " in text else "float", [])
    match = _TYPE.fullmatch(text)
    if match is None:
        return None
    try:
        return TypeText(match[1] or "float", [parse(t) for t in split(match[2]) if t])
    except NoNumber:
        return None


# -- settings ---------------------------------------------------------------------------------------------------------
def numbers(text: str) -> str | None:
    """`3×3` and `[a, b]` as a list."""
    if text.startswith("[") and text.endswith("]"):
        parts = [p for p in split(text[1:-1]) if p]
    else:
        parts = text.split("×")
        if len(parts) < 2:
            return None
    return "[" + ", ".join(map(number, parts)) + "]" if all(map(is_number, parts)) else None


def value(text: str, words: Collection[str] = ()) -> str:
    """The value of a setting: a word of these, a number, a list, a flag, or any other word as a string."""
    if text in words or text == "none":
        return text
    if text in ("yes", "no"):
        return "true" if text == "yes" else "false"
    listed = numbers(text)
    if listed is not None:
        return listed
    if is_number(text):
        return number(text)
    return quoted(text)


def quoted(text: str) -> str:
    """A string of the language, which has no escapes: `a\\b` is what stands there. What looks empty or like a list has its quotes."""
    text = plain(text)
    return text if text.startswith('"') else f'"{text}"'


def plain(text: str) -> str:
    """What the eye sees of a label's text (see `archdsl.figure.words.esc`)."""
    return html.unescape(text.replace("&#92;&#92;", "&#92;"))


def fill(text: str) -> str:
    """`normal(0, 0.02)`, `identity`, or a number."""
    if text not in INITIALIZERS and is_number(text):
        return number(text)
    match = re.fullmatch(r"(\w+)(?:\((.*)\))?", text)
    if match is None:
        raise Unreadable(f"{text!r} is no first value")
    inside = ", ".join(value(t) for t in split(match[2])) if match[2] else ""
    return f"{match[1]}({inside})" if inside else match[1]


class Option(NamedTuple):
    """`stride = 2`, `no bias`, `keep`: text is None for a flag."""

    key: str
    text: str | None
    flag: bool = True


def option(text: str) -> Option | None:
    """A setting with its name, if the text is one."""
    match = re.fullmatch(r"([A-Za-z_]\w*)(?: = |: )(.+)", text)
    if match:
        return Option(match[1], match[2])
    match = re.fullmatch(r"(no )?([A-Za-z_]\w*)", text)
    return Option(match[2], None, not match[1]) if match else None


# -- axes -------------------------------------------------------------------------------------------------------------
def axis(text: str) -> str:
    """An axis as a program names it: by its size or by its position."""
    match = re.fullmatch(r"(?:axis ([−-]?\d+)|last axis)(?: \(.*\))?", text)
    if match:
        return match[1].replace("−", "-") if match[1] else "-1"
    if not is_number(text):
        raise Unreadable(f"{text!r} is no axis")
    return number(text)


def axes(text: str) -> str | None:
    """Several axes; None for all."""
    if text == "all":
        return None
    found = [axis(t) for t in split(text)]
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]"


# -- wires ------------------------------------------------------------------------------------------------------------
class Said(NamedTuple):
    """One thing that a wire's label says: `each`, `all`, `enter`, `last`, `first`, `opens`, `name`, `type`. `of` names the value that
    enters, or that is the first one."""

    what: str
    text: str = ""
    of: str = ""


_SAYS = (
    ("each", re.compile(r"each (.+):")),
    ("all", re.compile(r"all (.+):")),
    ("enter", re.compile(r"(?:(\S+)(?: = (\S+))?, )?into the first copy")),
    ("enter", re.compile(r"()(\S+) into the first copy")),
    ("most", re.compile(r"(at most)(?: so many steps)?")),
    ("last", re.compile(r"last (.+)′")),
    ("on", re.compile(r"(.+)′, on to the next copy")),
    ("first", re.compile(r"first (\S+)(?: = (\S+))?")),
    ("opens", re.compile(r"⊙ (\S+)")),
)


def label(lines: list[str]) -> list[Said]:
    """What a label says, in its order, which is the order of the borders that its wire crosses."""
    found: list[Said] = []
    for line in lines:
        for what, pattern in _SAYS:
            match = pattern.fullmatch(line)
            if match:
                found.append(Said(what, match[1] or "", (match[2] or "") if match.re.groups > 1 else ""))
                break
        else:
            found += _name_and_type(line)
    return found


def _name_and_type(line: str) -> list[Said]:
    if type_of(line):
        return [Said("type", line)]
    head, _, rest = line.partition(" ")
    if rest and type_of(rest):
        return [Said("name", name(head)), Said("type", rest)]
    return [
        Said("name", name(part)) for part in split(line.replace(" next call", "").rstrip(","), ", ") if _named(part)
    ]


def _named(text: str) -> bool:
    return bool(_NAME.fullmatch(text.rstrip("′")) or _SHORT.fullmatch(text.rstrip("′")))
