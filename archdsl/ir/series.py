"""Sums over the copies of a stack, without walking through them.

In: a symbolic number that depends on an index, and how many copies there are. Out: the sum over the index from 0, in closed form
(Faulhaber's formula) where the number is a polynomial in the index, else None.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb

from archdsl.ir.num import ONE, ZERO, Num
from archdsl.ir.terms import Monomial


def total(number: Num, index: str, copies: Num) -> Num | None:
    """The sum of `number` for `index` = 0, 1, … `copies` - 1; None where the index is in a function, a quotient or an exponent."""
    result = ZERO
    for monomial, coefficient in number.terms.items():
        power, rest = _power(monomial, index)
        if power < 0 or index in Num({rest: coefficient}).symbols():
            return None
        result += Num({rest: coefficient}) * _powers(power, copies)
    return result


def _power(monomial: Monomial, index: str) -> tuple[int, Monomial]:
    """The index's exponent in a monomial, and what the monomial is without it."""
    exponent = next((e for atom, e in monomial if atom == index), 0)
    return exponent, tuple((atom, e) for atom, e in monomial if atom != index)


@lru_cache(maxsize=256)
def _powers(k: int, n: Num) -> Num:
    """0^k + 1^k + … + (n - 1)^k, from n^(k + 1) = Σ comb(k + 1, j) · (sum of the powers j)."""
    if k == 0:
        return n
    lower = sum((comb(k + 1, j) * _powers(j, n) for j in range(k)), ZERO)
    return (n ** (k + 1) - lower) / (k + 1) * ONE
