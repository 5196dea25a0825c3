"""Sizes that a definition's conditions make equal: where `if c == channels { … }` holds, `c` is `channels`.

In: a checked `Definition`. Out: what is known to be equal; the definition written with one name for each. Its hyperparameters and
conditions stay as they are: they say what a caller gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from archdsl.ir.num import Num
from archdsl.ir.program import Comparison, Definition

_WRITTEN = ("inputs", "initial", "states", "memories", "body", "outputs")


def with_equal_sizes(definition: Definition) -> Definition:
    """The definition with each size that has another name written by that."""
    equal = equal_sizes(definition)
    if not equal:
        return definition
    return definition.model_copy(update={name: rewritten(getattr(definition, name), equal) for name in _WRITTEN})


def rewritten(data: Any, equal: Mapping[str, Num]) -> Any:
    """IR with other numbers for some symbols."""
    match data:
        case Num():
            return data.subs(equal)
        case BaseModel():
            return data.model_copy(update={k: rewritten(v, equal) for k, v in data.__dict__.items()})
        case list():
            return [rewritten(item, equal) for item in data]
        case tuple():
            return tuple(rewritten(item, equal) for item in data)
        case dict():
            return {k: rewritten(v, equal) for k, v in data.items()}
    return data


def equal_sizes(definition: Definition) -> dict[str, Num]:
    """What is known to be equal, by symbol."""
    hypers = {h.name for h in definition.hypers}
    known: dict[str, Num] = {}
    for c in _equations(definition):
        symbol, other = (c.left.name, c.right) if c.left.name else (c.right.name, c.left)
        if (
            symbol is None
            or symbol in other.symbols()
            or (other.name and symbol in hypers and other.name not in hypers)
        ):
            symbol, other = other.name, Num.symbol(symbol) if symbol else other
        if symbol is not None and symbol not in other.symbols():
            known = {s: n.subs({symbol: other}) for s, n in known.items()} | {symbol: other}
    return known


def _equations(definition: Definition) -> Iterator[Comparison]:
    for condition in definition.conditions:
        if condition.outcome and len(condition.any_of) == 1:
            yield from (c for c in condition.any_of[0] if c.op == "==")
        if not condition.outcome:
            yield from (c[0] for c in condition.any_of if len(c) == 1 and c[0].op == "!=")
