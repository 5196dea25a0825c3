"""Numbers, types and settings as words of a figure.

In: what the IR holds. Out: HTML-like label text for Graphviz, with every character of a program escaped. Numbers look like mathematics
(`4d`, `√d`, `2` with `i` raised), and two different numbers never look the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction
from math import lcm, log, pi, sqrt

from archdsl.figure import theme
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.num_text import decimal
from archdsl.ir.program import Axis, Choice, Fill, Numbers, Setting
from archdsl.ir.terms import Atom, Fn, Monomial
from archdsl.ir.types import Type
from archdsl.ops import INITIALIZERS

_SHORT = re.compile(r"([A-Za-z])(?:_([A-Za-z][0-9A-Za-z]{0,2})|([0-9]{1,2}))")
"""`W_in`, `h0`; `h_0` stays as it is, so that it does not look like `h0`."""


LEADING = 1.2
LEAD = "\u200a"
"""A hair space, in a larger size: it sets the line's height, which is otherwise that of the letters alone."""


def esc(text: str) -> str:
    """Any text as label text: nothing in it is markup, and control characters are gone.

    Graphviz replaces `\\G`, `\\N` and the like even in a label's text, entities or not; a doubled backslash it draws as one.
    """
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") else c for c in text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("\\", "&#92;&#92;")


def bold(text: str) -> str:
    return f"<B>{text}</B>"


def small(text: str, color: str = theme.QUIET, size: float = theme.SMALL) -> str:
    return (
        f'<FONT POINT-SIZE="{size:g}" COLOR="{color}">{text}</FONT><FONT POINT-SIZE="{size * LEADING:g}">{LEAD}</FONT>'
    )


def name(text: str, handed_on: bool = False) -> str:
    """A program's name: `h0` with its index lowered, and a prime for what is handed on."""
    prime = "′" if handed_on or text.endswith("'") else ""
    text = text.rstrip("'")
    match = _SHORT.fullmatch(text)
    body = f"{match[1]}<SUB>{match[2] or match[3]}</SUB>" if match else esc(text)
    return body + prime


def number(value: Num) -> str:
    """A symbolic number as mathematics."""
    if not value.terms:
        return "0"
    if short := _remainder(value) or _ceiling(value):
        return short
    text = ""
    for monomial, coefficient in sorted(value.sorted_terms(), key=lambda t: t[1] < 0):
        piece = _term(monomial, abs(coefficient))
        sign = "−" if coefficient < 0 else "+"
        text += f" {sign} {piece}" if text else (f"−{piece}" if sign == "−" else piece)
    return text


def _remainder(value: Num) -> str:
    """`i mod n`, for what the IR holds as i − n·⌊i/n⌋."""
    for monomial, coefficient in value.terms.items():
        floors = [a for a, e in monomial if not isinstance(a, str) and a.name == "floor" and e == 1]
        if len(floors) == 1:
            step = -Num({tuple(f for f in monomial if f[0] != floors[0]): coefficient})
            whole = value - Num({monomial: coefficient})
            if floors[0].args[0] * step == whole:
                top, bottom = number(whole), number(step)
                plain = step.name or (step.is_integer and step.value > 0)
                return f"{top if whole.name else f'({top})'} mod {bottom if plain else f'({bottom})'}"
    return ""


def _ceiling(value: Num) -> str:
    """`⌈h/s⌉`, for what the IR holds as ⌊(h − 1)/s⌋ + 1."""
    atom = _floor_alone({m: c for m, c in value.terms.items() if m})
    if value.terms.get(()) != 1 or atom is None:
        return ""
    inside = atom.args[0]
    step = next((Num.symbol(a) for m in inside.terms for a, e in m if e == -1 and isinstance(a, str)), None)
    if step is None:
        return ""
    top = inside * step + 1
    if top.divides or len(top.terms) >= len(inside.terms):
        return ""
    text = number(top)
    return f"⌈{text if top.name else f'({text})'}/{number(step)}⌉"


def _floor_alone(terms: Mapping[Monomial, Fraction]) -> Fn | None:
    """The one floor that these terms are, if they are that and nothing else."""
    if len(terms) != 1:
        return None
    ((monomial, coefficient),) = terms.items()
    if coefficient != 1 or len(monomial) != 1 or monomial[0][1] != 1:
        return None
    atom = monomial[0][0]
    return None if isinstance(atom, str) or atom.name != "floor" else atom


def _rounded(inside: Num) -> str:
    """⌊x⌋, or ⌈x⌉ where a half was added for that; roundings within a rounding are one: ⌈⌈h/2⌉/2⌉ is ⌈h/4⌉."""
    sign, whole, step = _division(inside)
    while step > 1 and (inner_floor := _floor_alone(whole.terms)):
        inner_sign, inner, inner_step = _division(inner_floor.args[0])
        if inner_sign != sign or inner_step == 1:
            break
        whole, step = inner, step * inner_step
    text = number(whole)
    text = text if step == 1 else f"{text}/{step}" if len(whole.terms) == 1 else f"({text})/{step}"
    return f"⌈{text}⌉" if sign == "ceiling" else f"⌊{text}⌋"


def _division(inside: Num) -> tuple[str, Num, int]:
    """What is rounded, as (whole, step): ⌊whole/step⌋, or ⌈whole/step⌉ written as ⌊(whole + step − 1)/step⌋."""
    step = lcm(*(c.denominator for c in inside.terms.values()))
    constant = inside.terms.get((), Fraction(0))
    if step > 1 and constant == Fraction(step - 1, step):
        return "ceiling", (inside - constant) * step, step
    return "floor", inside * step, step


def raised(exponent: str) -> str:
    """An exponent above the line; a whole number by characters that have no effect on the line's height."""
    plain = exponent.translate(_HIGH) if re.fullmatch(r"[−-]?\d+", exponent) else ""
    return plain or f"<SUP>{exponent.replace('<SUP>', '^(').replace('</SUP>', ')')}</SUP>"


_HIGH = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")


def _term(monomial: Monomial, coefficient: Fraction) -> str:
    exact = "/" not in decimal(coefficient) and (
        coefficient.denominator == 1 or not monomial or coefficient.denominator > 64
    )
    factors = [_power(a, e) for a, e in monomial if e > 0]
    divisors = [_power(a, -e) for a, e in monomial if e < 0]
    top = coefficient if exact else Fraction(coefficient.numerator)
    known = coefficient not in CONSTANTS and next(
        (n for n in (2, 3, 4, 8) if coefficient * n in CONSTANTS), None
    )  # π/2
    if known:
        top = coefficient * known
        divisors.insert(0, str(known))
    elif not exact:
        divisors.insert(0, str(coefficient.denominator))
    product = "·".join(factors)
    if top != 1 or not factors:
        first = next((a for a, e in monomial if e > 0), None)
        letter = isinstance(first, str) and (len(first) == 1 or Num.symbol(first) == ELLIPSIS)
        letter = letter and re.fullmatch(r"[\d.]+", _decimal(top)) is not None
        product = _decimal(top) + ("" if letter and factors else "·" if factors else "") + product
    if len(divisors) > 1:
        return f"{product}/({'·'.join(divisors)})"
    return "/".join([product, *divisors])


CONSTANTS = {
    Fraction(repr(v)): t
    for v, t in ((pi, "π"), (2 * pi, "2π"), (sqrt(pi), "√π"), (sqrt(2 * pi), "√(2π)"), (log(2 * pi), "log(2π)"))
}
"""Numbers that nobody knows by their digits. Only these very floats are written so, so that they read back."""


def _decimal(value: Fraction) -> str:
    """A number that is not negative: its digits, or its name."""
    return CONSTANTS[value] if value in CONSTANTS else _digits(value)


def _digits(value: Fraction) -> str:
    """The digits of a number, the power of ten apart."""
    text = decimal(value)
    round_ = re.fullmatch(r"(-?[1-9])(0{9,})", text)
    if round_:
        text = f"{round_[1]}e{len(round_[2])}"
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text.replace("-", "−")
    power = "10" + raised(str(int(exponent)))
    mantissa = mantissa.removesuffix(".0")
    return power if mantissa == "1" else f"{mantissa}·{power}"


def _power(atom: Atom, exponent: int) -> str:
    if isinstance(atom, str):
        base = "…" if Num.symbol(atom) == ELLIPSIS else esc(atom)
    else:
        inside = [number(a) for a in atom.args]
        plain = atom.args[0].name is not None or (atom.args[0].is_integer and atom.args[0].value >= 0)
        match atom.name:
            case "sqrt":
                digits = atom.args[0].is_const and not plain  # √(2π) is a number of its own
                base = f"√{inside[0]}" if plain else f"√({_digits(atom.args[0].value) if digits else inside[0]})"
            case "floor":
                base = _rounded(atom.args[0])
            case "group":
                base = f"({inside[0]})"
            case "pow":
                base = (inside[0] if plain else f"({inside[0]})") + raised(inside[1])
                return base if exponent == 1 else f"({base})" + raised(str(exponent))
            case other:
                base = f"{esc(other)}({', '.join(inside)})"
    return base if exponent == 1 else base + raised(str(exponent))


def type_text(kind: Type) -> str:
    """`[batch, 4d]`, `int[batch]`, `scalar`."""
    if not kind.shape:
        return "scalar" if kind.dtype == "float" else f"{kind.dtype} scalar"
    prefix = "" if kind.dtype == "float" else kind.dtype
    return prefix + "[" + ", ".join(number(n) for n in kind.shape) + "]"


def setting(value: Setting, listed: bool = False) -> str:
    """The value of a setting; several numbers are extents, `3×3`, unless they are to be `listed`."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Num():
            return number(value)
        case Choice():
            plain = value.word.strip() and not value.word.startswith("[")
            return esc(value.word if plain else f'"{value.word}"')
        case Numbers():
            texts = [number(n) for n in value.items]
            return (
                texts[0] + "×" + "×".join(texts[1:])
                if len(texts) > 1 and not listed and all(n.is_integer for n in value.items)
                else f"[{', '.join(texts)}]"
            )
        case Fill():
            return fill(value)


def fill(value: Fill) -> str:
    """An initializer: `normal(0, 0.02)`; a constant is its number alone."""
    if value.name in ("zeros", "ones") and not value.settings:
        return "0" if value.name == "zeros" else "1"
    if value.name == "constant" and list(value.settings) == ["value"]:
        return setting(value.settings["value"])
    known = INITIALIZERS.get(value.name)
    names = known.settings if known else value.settings  # they are told by their places
    inside = ", ".join(setting(value.settings[n]) for n in names if n in value.settings)
    return f"{esc(value.name)}({inside})" if inside else esc(value.name)


def option(key: str, value: Setting) -> str:
    """A setting with its name: `stride = 2`, `no bias`, `nesterov`."""
    if isinstance(value, bool):
        return esc(key) if value else f"no {esc(key)}"
    return f"{esc(key)} = {setting(value)}"


def axis(which: Axis, of: Type | None) -> str:
    """An axis by the name of its size, and by its position too where the size does not say which it is."""
    text = number(which.size)
    same = [n for n in of.shape if n == which.size] if of else [which.size]
    if which.size.name and len(same) == 1:
        return text
    position = "last axis" if which.index == -1 else f"axis {str(which.index).replace('-', '−')}"
    return f"{position} ({text})" if len(text) <= 12 and not which.size.is_const else position


def position(which: Axis) -> str:
    """An axis by its position and its size."""
    return f"axis {str(which.index).replace('-', '−')} ({number(which.size)})"


def axes(which: list[Axis], of: Type | None) -> str:
    return ", ".join(axis(a, of) for a in which)
