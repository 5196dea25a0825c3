"""`if`: deciding a condition on hyperparameters and sizes, and remembering what it was decided by.

A definition is symbolic, and its `if`s are decided by the numbers that its first caller gives (the witness). What was compared is
recorded, so that a later caller for whom all comparisons come out alike shares the variant, and another gets one of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction

from archdsl import errors
from archdsl.ir.num import Num
from archdsl.ir.program import Condition
from archdsl.passes.entities import Entity, Flag, Function, Maker, Number, Series, Tensor, Word, describe
from archdsl.passes.frame import Block, Frame
from archdsl.syntax import tree

COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def holds(block: Block, condition: tree.Expression) -> bool:
    """The outcome of an `if`'s condition."""
    from archdsl.passes.expressions import value

    entity = value(block, condition)
    if isinstance(entity, Flag):
        return entity.value
    raise block.frame.fail(errors.NotANumber(condition.span, f"a condition is needed, and this is {describe(entity)}"))


def decide(block: Block, left: Num, op: str, right: Num, node: tree.Node) -> bool:
    """The outcome of a comparison of numbers, recorded if it depends on the caller."""
    frame = block.frame
    known = evaluate(left, op, right, {})
    if known is not None:
        return known
    key = (left, op, right)
    if key in frame.conditions:
        return frame.conditions[key].outcome
    outcome = evaluate(left, op, right, frame.witness)
    if outcome is None:
        if frame.witness or (left.symbols() | right.symbols()) - set(frame.statics):
            raise frame.fail(errors.CannotDecide(node.span, node.span.text))
        outcome = True
    record(frame, Condition(text=node.span.text, left=left, op=op, right=right, outcome=outcome))  # type: ignore[arg-type]
    if outcome == (op == "==") and op in ("==", "!="):
        learn(block, left, right)
    return outcome


def record(frame: Frame, condition: Condition) -> None:
    frame.conditions.setdefault((condition.left, condition.op, condition.right), condition)


def evaluate(left: Num, op: str, right: Num, witness: Mapping[str, Num]) -> bool | None:
    """The outcome, or None if the numbers are not known."""
    difference = (left - right).subs(witness)
    if difference.is_const:
        return COMPARISONS[op](difference.value, Fraction(0))
    return None


def learn(block: Block, left: Num, right: Num) -> None:
    """Two sizes are equal in this variant: from here on types are written with one of them."""
    frame = block.frame
    symbol, other = (left.name, right) if left.name else (right.name, left)
    if symbol is None or symbol in other.symbols() or (other.name and symbol in frame.statics and other.name not in frame.statics):
        symbol, other = other.name, Num.symbol(symbol) if symbol else other
    if symbol is None or symbol in other.symbols():
        return
    frame.equal = {s: n.subs({symbol: other}) for s, n in frame.equal.items()} | {symbol: other}
    scope: Block | None = block
    while scope is not None:
        for name, entity in scope.names.items():
            if isinstance(entity, Tensor):
                entity.type = entity.type.subs(frame.equal)
        scope = scope.parent


def key(entity: Entity) -> object:
    """What tells static values apart, other than numbers."""
    match entity:
        case Flag():
            return entity.value
        case Word():
            return entity.text
        case Number():
            return entity.num
        case Series():
            return tuple(entity.items)
        case Function():
            return ("function", entity.op.name)
        case Maker():
            target = entity.target
            return ("maker", target.name if not hasattr(target, "key") else target.key)
    return entity
