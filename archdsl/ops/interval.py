"""Interval arithmetic: the range rules that families of ops share.

In: a `Site` with the ranges of its inputs. Out: an interval that holds every value the op can give (up to rounding). An
interval may be wider than the truth, never narrower.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from archdsl.ops.base import ANYTHING, Interval, RangeRule, Site

INFINITY = float("inf")
UNIT: Interval = (0.0, 1.0)
SIGNED: Interval = (-1.0, 1.0)
NATURAL: Interval = (0.0, INFINITY)


def of(site: Site, index: int = 0) -> Interval:
    """The range of an input; a plain number is its own, bools are 0 or 1."""
    if index < len(site.numbers):
        number = site.numbers[index]
        if number is not None and number.is_const:
            return (float(number.value), float(number.value))
    if index < len(site.inputs) and site.inputs[index].dtype == "bool":
        return UNIT
    return site.ranges[index] if index < len(site.ranges) else ANYTHING


def keep(site: Site) -> Interval:
    """The range of the first input: reshape, slice, mean, max …"""
    return of(site)


def union(*intervals: Interval) -> Interval:
    return (min(low for low, _ in intervals), max(high for _, high in intervals))


def all_inputs(site: Site) -> Interval:
    """The union of all inputs' ranges: concat …"""
    return union(*(of(site, i) for i in range(len(site.inputs)))) if site.inputs else ANYTHING


def monotone(function: Callable[[float], float]) -> RangeRule:
    """The rule of a function that never decreases."""

    def rule(site: Site) -> Interval:
        low, high = of(site)
        return (_try(function, low, -INFINITY), _try(function, high, INFINITY))

    return rule


def within(low: float, high: float) -> RangeRule:
    """The rule of an op that keeps the range of its input, but within bounds."""

    def rule(site: Site) -> Interval:
        a, b = of(site)
        return (min(max(a, low), high), max(min(b, high), low))

    return rule


def _try(function: Callable[[float], float], value: float, otherwise: float) -> float:
    try:
        return function(value)
    except OverflowError:
        return INFINITY
    except (ValueError, ZeroDivisionError):
        return otherwise


def add(a: Interval, b: Interval) -> Interval:
    return (a[0] + b[0], a[1] + b[1])


def negate(a: Interval) -> Interval:
    return (-a[1], -a[0])


def multiply(a: Interval, b: Interval) -> Interval:
    products = [0.0 if x == 0 or y == 0 else x * y for x in a for y in b]
    return (min(products), max(products))


def divide(a: Interval, b: Interval) -> Interval:
    if b[0] <= 0 <= b[1]:
        return NATURAL if a[0] >= 0 and b[0] >= 0 else ANYTHING
    return multiply(a, (0.0 if math.isinf(b[1]) else 1 / b[1], 0.0 if math.isinf(b[0]) else 1 / b[0]))


def power(a: Interval, b: Interval) -> Interval:
    """Of a base and an exponent; sharp for a fixed exponent, and for bases in [0, 1] or from 1 on."""
    if b[0] == b[1] and b[0].is_integer() and b[0] >= 0:
        low, high = (_try(lambda x: x ** int(b[0]), end, INFINITY) for end in a)
        if int(b[0]) % 2:
            return (low, high)
        return (0.0 if a[0] <= 0 <= a[1] else min(low, high), max(low, high))
    if a[0] < 0:
        return ANYTHING
    if a[1] <= 1 and b[0] >= 0:
        return UNIT
    if a[0] >= 1 and b[0] >= 0:
        return (1.0, INFINITY)
    return NATURAL


def sum_of(site: Site) -> Interval:
    """Of a sum of any number of values: only the sign is kept."""
    low, high = of(site)
    return (0.0 if low >= 0 else -INFINITY, 0.0 if high <= 0 else INFINITY)


def absolute(site: Site) -> Interval:
    low, high = of(site)
    return (0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high)))
