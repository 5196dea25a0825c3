"""Symbolic numbers as text, and back: `4*d`, `d/heads`, `floor((h + 1)/2)`, `2^i`."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

from archdsl.ir.functions import FUNCTIONS
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.terms import Atom, Monomial, atom_key


def decimal(value: Fraction) -> str:
    """A rational as people write it: 3, 0.1, 2e-05, 1/3."""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1 and Fraction(repr(float(value))) == value:
        return repr(float(value))
    return f"{value.numerator}/{value.denominator}"


def quotient_text(number: Num) -> str:
    """A sum of fractions over their common denominator: h/2 + 1/2 is (h + 1)/2."""
    powers: dict[Atom, int] = {}
    for monomial in number.terms:
        for atom, exponent in monomial:
            powers[atom] = min(powers.get(atom, 0), exponent)
    below = Num({tuple((a, -e) for a, e in sorted(powers.items(), key=lambda p: atom_key(p[0])) if e < 0): Fraction(1)})
    below = below * math.lcm(*(c.denominator for c in number.terms.values()))
    above = number * below
    if below == 1 or len(above.terms) == 1 or any(e < 0 for m in above.terms for _, e in m):
        return str(number)
    bottom = str(below)
    return f"({above})/{bottom if below.name or below.is_const else f'({bottom})'}"


def sum_text(number: Num) -> str:
    text = ""
    for monomial, coefficient in number.sorted_terms():
        piece = _term_text(monomial, abs(coefficient))
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {piece}" if text else (f"-{piece}" if sign == "-" else piece)
    return text


def _term_text(monomial: Monomial, coefficient: Fraction) -> str:
    top = [_power_text(a, e) for a, e in monomial if e > 0]
    bottom = [_power_text(a, -e) for a, e in monomial if e < 0]
    fraction = top and coefficient.denominator in (2, 4, 8, 16, 32, 64)  # h/2 rather than 0.5*h
    exact = "/" not in decimal(coefficient) and not (fraction and coefficient.denominator > 1)
    if exact and (coefficient != 1 or not top):
        top.insert(0, decimal(coefficient))
    if not exact:
        if coefficient.numerator != 1 or not top:
            top.insert(0, str(coefficient.numerator))
        bottom.insert(0, str(coefficient.denominator))
    return "/".join(["*".join(top), *bottom])


def _power_text(atom: Atom, exponent: int) -> str:
    if isinstance(atom, str):
        base = atom
    elif atom.name == "group":
        base = f"({atom.args[0]})"
    elif atom.name == "pow":
        base = f"{_tight(atom.args[0])}^{_tight(atom.args[1])}"
        return base if exponent == 1 else f"({base})^{exponent}"
    else:
        base = str(atom)
    return base if exponent == 1 else f"{base}^{exponent}"


def _tight(number: Num) -> str:
    text = str(number)
    return text if number.name or (number.is_integer and number.value >= 0) else f"({text})"


@lru_cache(maxsize=4096)
def parse(text: str) -> Num:
    import ast

    source = text.replace("...", "__ellipsis__").replace("^", "**")
    try:
        return _build(ast.parse(source, mode="eval").body)
    except (SyntaxError, RecursionError, KeyError, TypeError, ArithmeticError, MemoryError):
        raise ValueError(f"{text!r} is not a number") from None


def _build(node: Any) -> Num:
    import ast

    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return Num.of(value)
        case ast.Name(id="__ellipsis__"):
            return ELLIPSIS
        case ast.Name(id=name):
            return Num.symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_build(operand)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _build(left), _build(right)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
                case ast.Pow():
                    return a**b
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*map(_build, args))
    raise ValueError(ast.dump(node))
