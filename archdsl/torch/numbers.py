"""Symbolic numbers → Python text: `4 * d`, `d // heads`, `math.sqrt(d)`.

Where a number is a size, it is known to be whole, and its quotients are written `//`; elsewhere they are written `/`.
The text is fully parenthesised: whoever prints it takes the needless parentheses away.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm

from archdsl.ir.num import ONE, ZERO, Num
from archdsl.ir.num_text import decimal
from archdsl.ir.terms import Atom, Fn, Monomial

Symbol = Callable[[str], str]
LARGE = 10**9


def number(value: Num, symbol: Symbol, whole: bool = True) -> str:
    """The number as Python; `symbol` says how each symbol is reached."""
    if value.is_const:
        return _constant(value.value)
    remainder = _remainder(value)
    if remainder:
        top, bottom, rest = remainder
        text = f"({number(top, symbol)} % {number(bottom, symbol)})"
        return text if rest == ZERO else f"({text} + {number(rest, symbol, whole)})"
    square = _square(value)
    if square:
        factor, base = square
        text = f"({number(base, symbol, whole)} ** 2)"
        return text if factor == 1 else f"({_constant(factor)} * {text})"
    if whole and value.divides and len(value.terms) > 1:
        fractional = [m for m, c in value.terms.items() if c.denominator != 1 or any(e < 0 for _, e in m)]
        if len(fractional) > 1:
            return _quotient(value, symbol)
    text = ""
    for monomial, coefficient in sorted(value.sorted_terms(), key=lambda t: t[1] < 0):
        piece = _term(monomial, abs(coefficient), symbol, whole)
        sign = "-" if coefficient < 0 else "+"
        first = f"(-{piece})" if sign == "-" else piece
        text = f"({text} {sign} {piece})" if text else first
    return text


def _remainder(value: Num) -> tuple[Num, Num, Num] | None:
    """`a`, `b` and `c` of a number that is `a - b ⌊a / b⌋ + c`, with b a symbol or a whole number."""
    for monomial, coefficient in value.terms.items():
        atoms = dict(monomial)
        floors = [a for a in atoms if isinstance(a, Fn) and a.name == "floor"]
        symbols = [a for a in atoms if isinstance(a, str)]
        if len(floors) != 1 or len(symbols) != len(atoms) - 1 or set(atoms.values()) != {1} or coefficient >= 0:
            continue
        by = Num.symbol(symbols[0]) if len(symbols) == 1 and coefficient == -1 else Num.of(-coefficient)
        top = floors[0].args[0] * by
        if len(symbols) > 1 or (symbols and coefficient != -1):
            continue
        if top.divides or any(value.terms.get(m) != c for m, c in top.terms.items()):
            continue
        return top, by, value - top + Num({monomial: -coefficient})
    return None


def _square(value: Num) -> tuple[Fraction, Num] | None:
    """`k` and `a + b` of a number that is `k * (a + b) ** 2`, with b a whole number, which it would be longer to write out."""
    highest = [m for m in value.terms if len(m) == 1 and m[0][1] == 2]
    if len(value.terms) != 3 or len(highest) != 1:
        return None
    ((atom, _),) = highest[0]
    factor, middle, last = (value.terms.get(m, Fraction(0)) for m in (highest[0], ((atom, 1),), ()))
    added = middle / (2 * factor)
    if factor <= 0 or added.denominator != 1 or factor * added * added != last:
        return None
    return factor, Num({((atom, 1),): Fraction(1)}) + Num.of(int(added))


def is_real(value: Num, real_symbols: set[str]) -> bool:
    """Whether a number may be other than whole, by its form."""
    for monomial, coefficient in value.terms.items():
        if not monomial and coefficient.denominator != 1:
            return True
        for atom, _ in monomial:
            if isinstance(atom, str) and atom in real_symbols:
                return True
            if isinstance(atom, Fn) and (atom.name in ("sqrt", "log", "exp") or _real_inside(atom, real_symbols)):
                return True
    return False


def _real_inside(atom: Fn, real_symbols: set[str]) -> bool:
    return atom.name != "floor" and any(is_real(a, real_symbols) for a in atom.args)


def _constant(value: Fraction) -> str:
    if value.denominator == 1 and abs(value) >= LARGE:  # no size is so large, and torch takes no such integer
        text = repr(float(value)).replace("e+", "e")
        return text if value >= 0 else f"({text})"
    if value.denominator == 1:
        return str(value.numerator) if value >= 0 else f"({value.numerator})"
    text = decimal(value) if value.denominator < LARGE else repr(float(value))
    return f"({text})" if "/" in text or value < 0 else text


def _times(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        text = f"({text} * {part})"
    return text


def _term(monomial: Monomial, coefficient: Fraction, symbol: Symbol, whole: bool) -> str:
    top = [_power(a, e, symbol, whole) for a, e in monomial if e > 0]
    bottom = [_power(a, -e, symbol, whole) for a, e in monomial if e < 0]
    exact = not whole and "/" not in decimal(coefficient)
    if exact and (coefficient != 1 or not top):
        top.insert(0, _constant(coefficient))
    elif not exact and not whole and coefficient.denominator >= LARGE:  # a quotient of digits that nobody wrote
        top.insert(0, repr(float(coefficient)))
    elif not exact:
        if coefficient.numerator != 1 or not top:
            top.insert(0, str(coefficient.numerator))
        if coefficient.denominator != 1:
            bottom.insert(0, str(coefficient.denominator))
    sign = "//" if whole else "/"
    return f"({_times(top)} {sign} {_times(bottom)})" if bottom else _times(top)


def _quotient(value: Num, symbol: Symbol) -> str:
    """One quotient for the whole sum, since its terms need not be whole each."""
    top, bottom = over_one(value)
    return f"({number(top, symbol)} // {number(bottom, symbol)})"


def over_one(value: Num) -> tuple[Num, Num]:
    """Numerator and denominator without quotients."""
    powers: dict[Atom, int] = {}
    for monomial in value.terms:
        for atom, exponent in monomial:
            powers[atom] = max(powers.get(atom, 0), -exponent)
    bottom = Num({tuple((a, e) for a, e in sorted(powers.items(), key=str) if e > 0): Fraction(1)})
    bottom = bottom * lcm(*(c.denominator for c in value.terms.values()))
    return value * bottom, bottom


def _power(atom: Atom, exponent: int, symbol: Symbol, whole: bool) -> str:
    base = symbol(atom) if isinstance(atom, str) else _function(atom, symbol, whole)
    return base if exponent == 1 else f"({base} ** {exponent})"


def _function(atom: Fn, symbol: Symbol, whole: bool) -> str:
    if atom.name == "group":
        return number(atom.args[0], symbol, whole)
    if atom.name == "floor":
        return _floor(atom.args[0], symbol)
    if atom.name == "pow":
        base, exponent = (number(a, symbol, whole) for a in atom.args)
        return f"({base} ** {exponent})"
    if atom.name in ("max", "min"):
        return f"{atom.name}({', '.join(number(a, symbol, whole) for a in atom.args)})"
    return f"math.{atom.name}({number(atom.args[0], symbol, False)})"


def _floor(value: Num, symbol: Symbol) -> str:
    if is_real(value - value.terms.get((), Fraction(0)), set()):
        return f"math.floor({number(value, symbol, False)})"
    top, bottom = over_one(value)
    return number(top, symbol) if bottom == ONE else f"({number(top, symbol)} // {number(bottom, symbol)})"
