"""Symbolic numbers: sizes, hyperparameters and settings.

A `Num` is a polynomial with rational coefficients over atoms, kept in one canonical form, so that equal numbers compare and hash equal:
`d / heads * heads` *is* `d`, `2 * (x + 1)` *is* `2 * x + 2`. An atom is a symbol (`batch`) or a function that polynomials cannot
express (`functions.py`): `floor`, `sqrt`, `pow`, `max`, `min`, `log`, `exp`. Exponents of atoms may be negative (`d / heads`).

In: numbers and symbols. Out: `Num`, immutable; `str(num)` is its canonical text and `Num.parse` reads that text back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Union

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticSerializationUnexpectedValue, core_schema

from archdsl.ir.terms import Atom, Fn, Monomial, NotANumber, atom_key, times

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue


MOST_TERMS = 1000
MOST_BITS = 4000
ONE_TERMS = {(): Fraction(1)}
Numeric = Union["Num", int, float, Fraction]


class Num:
    """An immutable symbolic number in canonical form."""

    __slots__ = ("_hash", "_name", "terms")
    terms: dict[Monomial, Fraction]

    def __init__(self, terms: Mapping[Monomial, Fraction]):
        self.terms = {m: c for m, c in terms.items() if c}
        self._hash: int | None = None
        self._name: str | bool | None = False  # not looked at yet

    # -- making -------------------------------------------------------------------------------------------------
    @staticmethod
    def of(value: Numeric) -> Num:
        """A number from a Python number; a float keeps its decimal digits (0.1 is 1/10)."""
        if isinstance(value, Num):
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise NotANumber(f"{value} is not a finite number")
            return Num({(): Fraction(repr(value))})
        return _integer(value) if isinstance(value, int) else Num({(): Fraction(value)})

    @staticmethod
    def symbol(name: str) -> Num:
        return _symbol(name)

    @staticmethod
    def parse(text: str) -> Num:
        """The number that `str` wrote."""
        from archdsl.ir.num_text import parse

        return parse(text)

    @staticmethod
    def atom(atom: Atom) -> Num:
        """A number that is one atom."""
        return Num({((atom, 1),): Fraction(1)})

    # -- looking ------------------------------------------------------------------------------------------------
    @property
    def is_const(self) -> bool:
        return not self.terms or (len(self.terms) == 1 and () in self.terms)

    @property
    def value(self) -> Fraction:
        """The value of a constant."""
        if not self.is_const:
            raise NotANumber(f"{self} has no value yet")
        return self.terms.get((), Fraction(0))

    @property
    def is_integer(self) -> bool:
        return self.is_const and self.value.denominator == 1

    @property
    def name(self) -> str | None:
        """The symbol that this number is, if it is one alone."""
        if self._name is False:
            self._name = self._find_name()
        return self._name  # type: ignore[return-value]

    def _find_name(self) -> str | None:
        if len(self.terms) == 1:
            ((monomial, coefficient),) = self.terms.items()
            if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1 and isinstance(monomial[0][0], str):
                return monomial[0][0]
        return None

    def symbols(self) -> set[str]:
        found: set[str] = set()
        for monomial in self.terms:
            for atom, _ in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    for arg in atom.args:
                        found |= arg.symbols()
        return found

    @property
    def divides(self) -> bool:
        """Whether the number holds a quotient, so that it may fail to be whole."""
        return any(c.denominator != 1 or any(e < 0 for _, e in m) for m, c in self.terms.items())

    # -- computing ----------------------------------------------------------------------------------------------
    def __add__(self, other: Numeric) -> Num:
        terms = dict(self.terms)
        for monomial, coefficient in Num.of(other).terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + coefficient
        return Num(terms)

    __radd__ = __add__

    def __neg__(self) -> Num:
        return Num({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Numeric) -> Num:
        return self + (-Num.of(other))

    def __rsub__(self, other: Numeric) -> Num:
        return Num.of(other) - self

    def __mul__(self, other: Numeric) -> Num:
        other = Num.of(other)
        if self.terms == ONE_TERMS:
            return other
        if other.terms == ONE_TERMS:
            return self
        terms: dict[Monomial, Fraction] = {}
        for m1, c1 in self.terms.items():
            for m2, c2 in other.terms.items():
                monomial = times(m1, m2)
                terms[monomial] = terms.get(monomial, Fraction(0)) + c1 * c2
            if len(terms) > MOST_TERMS:
                raise NotANumber("this number has too many terms")
        if any(c.numerator.bit_length() > MOST_BITS or c.denominator.bit_length() > MOST_BITS for c in terms.values()):
            raise NotANumber("this number is too large")
        return _fold_roots(Num(terms))

    __rmul__ = __mul__

    def __truediv__(self, other: Numeric) -> Num:
        divisor = Num.of(other)
        if not divisor.terms:
            raise NotANumber("division by zero")
        if len(divisor.terms) == 1:
            ((monomial, coefficient),) = divisor.terms.items()
            return self * Num({tuple((a, -e) for a, e in monomial): 1 / coefficient})
        if self == divisor:
            return ONE
        return self * Num({((_group(divisor), -1),): Fraction(1)})

    def __rtruediv__(self, other: Numeric) -> Num:
        return Num.of(other) / self

    def __floordiv__(self, other: Numeric) -> Num:
        from archdsl.ir.functions import floor

        return floor(self / other)

    def __mod__(self, other: Numeric) -> Num:
        return self - Num.of(other) * (self // other)

    def __pow__(self, other: Numeric) -> Num:
        from archdsl.ir.functions import in_floats, sqrt

        exponent = Num.of(other)
        if exponent.is_integer and abs(exponent.value) <= 64:
            n = int(exponent.value)
            if self.is_const:
                if not self.terms and n < 0:
                    raise NotANumber("division by zero")
                if abs(n) * max(self.value.numerator.bit_length(), self.value.denominator.bit_length()) > MOST_BITS:
                    raise NotANumber("this number is too large")
                return Num.of(self.value**n)
            if n < 0:
                return ONE / (self**-n)
            result = ONE
            for _ in range(n):
                result = result * self
            return result
        if exponent == HALF:
            return sqrt(self)
        if self.is_const and exponent.is_const:
            return in_floats(lambda a, b: a**b, self, exponent)
        return Num.atom(Fn("pow", (self, exponent)))

    def subs(self, values: Mapping[str, Num]) -> Num:
        """The number with symbols replaced, in canonical form again."""
        if self.name is not None:
            return values.get(self.name, self)
        if not self.terms or self.is_const or not (self.symbols() & values.keys()):
            return self
        from archdsl.ir.functions import substituted

        result = ZERO
        for monomial, coefficient in self.terms.items():
            term = Num({(): coefficient})
            for atom, exponent in monomial:
                base = values.get(atom, Num.symbol(atom)) if isinstance(atom, str) else substituted(atom, values)
                power = base if exponent in (1, -1) else base ** abs(exponent)
                term = term * power if exponent > 0 else term / power
            result = result + term
        return result

    # -- comparing and showing ----------------------------------------------------------------------------------
    def __eq__(self, other: object) -> bool:
        if isinstance(other, Num):
            return self.terms == other.terms
        if isinstance(other, (int, float, Fraction)):
            return self.terms == Num.of(other).terms
        return NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"Num({self})"

    def __str__(self) -> str:
        return self.text()

    def sorted_terms(self) -> list[tuple[Monomial, Fraction]]:
        """Terms in the order they are written: symbols first, constants last, larger powers before smaller."""
        return sorted(
            self.terms.items(),
            key=lambda t: (not t[0], t[1] < 0, -sum(e for _, e in t[0]), [atom_key(a) for a, _ in t[0]]),
        )

    def text(self) -> str:
        """Canonical text, which `parse` reads back: `4*d`, `d/heads`, `floor(h/2) + 1`, `2^i`."""
        from archdsl.ir.num_text import sum_text

        return sum_text(self) if self.terms else "0"

    # -- as data ------------------------------------------------------------------------------------------------
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validate, serialization=core_schema.plain_serializer_function_ser_schema(_serialize)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "description": "a symbolic number, such as 4*d, d/heads or floor(h/2) + 1"}


def _validate(value: Any) -> Num:
    if isinstance(value, Num):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Num.of(value)
    if isinstance(value, str):
        return Num.parse(value)
    raise ValueError(f"{value!r} is not a number")


def _serialize(value: Any) -> str:
    if not isinstance(value, Num):
        raise PydanticSerializationUnexpectedValue(f"{value!r} is not a Num")
    return str(value)


def _group(number: Num) -> Fn:
    return Fn("group", (number,))


def _fold_roots(number: Num) -> Num:
    """sqrt(x)·sqrt(x) is x, and a group to a positive power is written out."""
    if not any(
        isinstance(a, Fn) and ((a.name == "sqrt" and abs(e) > 1) or (a.name == "group" and e > 0))
        for m in number.terms
        for a, e in m
    ):
        return number
    result = ZERO
    for monomial, coefficient in number.terms.items():
        term = Num({(): coefficient})
        for atom, exponent in monomial:
            if isinstance(atom, Fn) and atom.name == "sqrt" and abs(exponent) > 1:
                whole, rest = divmod(abs(exponent), 2)
                factor = atom.args[0] ** whole
                term = term * factor if exponent > 0 else term / factor
                if rest:
                    term = term * Num({((atom, 1 if exponent > 0 else -1),): Fraction(1)})
            elif isinstance(atom, Fn) and atom.name == "group" and exponent > 0:
                term = term * atom.args[0] ** exponent
            else:
                term = term * Num({((atom, exponent),): Fraction(1)})
        result = result + term
    return result


@lru_cache(maxsize=4096)
def _symbol(name: str) -> Num:
    return Num({((name, 1),): Fraction(1)})


@lru_cache(maxsize=4096)
def _integer(value: int) -> Num:
    return Num({(): Fraction(value)})


ZERO, ONE, HALF = _integer(0), _integer(1), Num({(): Fraction(1, 2)})
ELLIPSIS = Num.symbol("...")
