"""The functions of symbolic numbers that polynomials cannot express: of constants, their value; of others, an atom.

In: `Num`s. Out: a `Num` in canonical form, or `NotANumber`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from archdsl.ir.num import Num
from archdsl.ir.terms import Fn, Monomial, NotANumber, is_whole


def in_floats(function: Callable[..., float], *args: Num) -> Num:
    """A function of constants by their nearest floats."""
    try:
        value = function(*(float(a.value) for a in args))
    except (ValueError, ZeroDivisionError, OverflowError) as problem:
        raise NotANumber(str(problem)) from None
    if isinstance(value, complex):
        raise NotANumber("the root of a negative number")
    return Num.of(int(value)) if value == int(value) else Num.of(value)


def floor(number: Num) -> Num:
    """The whole part. Terms that are whole for whole symbols are taken out: floor(h + 1/2) is h."""
    if number.is_const:
        return Num.of(math.floor(number.value))
    whole: dict[Monomial, Fraction] = {}
    rest: dict[Monomial, Fraction] = {}
    for monomial, coefficient in number.terms.items():
        integral = coefficient.denominator == 1 and is_whole(monomial)
        (whole if integral else rest)[monomial] = coefficient
    inside = Num(rest)
    constant = inside.terms.get((), Fraction(0))
    shift = math.floor(constant)
    inside = inside - shift
    outside = Num(whole) + shift
    once = _rounded_once(inside)
    if once is not None:
        return outside + floor(once)
    return outside + (Num.of(math.floor(inside.value)) if inside.is_const else Num.atom(Fn("floor", (inside,))))


def _rounded_once(inside: Num) -> Num | None:
    """x/m + n/m for what is ⌊x⌋/m + n/m with whole n: rounding it down once gives the same."""
    for monomial, coefficient in inside.terms.items():
        atom = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else ""
        if isinstance(atom, Fn) and atom.name == "floor" and coefficient.numerator == 1:
            others = (inside - Num({monomial: coefficient})) * coefficient.denominator
            if all(c.denominator == 1 and is_whole(m) for m, c in others.terms.items()):
                return atom.args[0] * coefficient + others * coefficient
    return None


def sqrt(number: Num) -> Num:
    """The square root; exact where it is rational."""
    if number.is_const:
        value = number.value
        if value < 0:
            raise NotANumber("the root of a negative number")
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Num.of(Fraction(top, bottom))
    return Num.atom(Fn("sqrt", (number,)))


def _folded(name: str, function: Callable[..., float]) -> Callable[..., Num]:
    def make(*args: Num) -> Num:
        if all(a.is_const for a in args):
            return in_floats(function, *args)
        return Num.atom(Fn(name, args))

    return make


def _extreme(name: str, pick: Callable[[Iterable[Fraction]], Fraction]) -> Callable[..., Num]:
    def make(*args: Num) -> Num:
        if all(a.is_const for a in args):
            return Num.of(pick([a.value for a in args]))
        distinct = tuple(sorted(set(args), key=str))
        return distinct[0] if len(distinct) == 1 else Num.atom(Fn(name, distinct))

    return make


FUNCTIONS: dict[str, Callable[..., Num]] = {
    "floor": floor,
    "ceil": lambda a: -floor(-a),
    "sqrt": sqrt,
    "log": _folded("log", math.log),
    "exp": _folded("exp", math.exp),
    "max": _extreme("max", max),
    "min": _extreme("min", min),
    "pow": lambda a, b: a**b,
    "group": lambda a: a,
}


def substituted(atom: Fn, values: Mapping[str, Num]) -> Num:
    """The function of what its arguments become."""
    return FUNCTIONS[atom.name](*(a.subs(values) for a in atom.args))
