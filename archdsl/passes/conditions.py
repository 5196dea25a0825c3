"""`if`: deciding a condition on hyperparameters and sizes, and remembering what it was decided by.

A definition is symbolic, and its `if`s are decided by the numbers that its first caller gives (the witness). What was compared is
recorded, so that a later caller for whom all comparisons come out alike shares the variant, and another gets one of its own.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction

from archdsl import errors
from archdsl.ir.num import Num
from archdsl.ir.program import Comparison, Condition
from archdsl.passes.entities import Entity, Flag, Function, Maker, Number, Series, Tensor, Test, Word, describe
from archdsl.passes.frame import Block, Frame
from archdsl.syntax import tree

COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
AnyOf = list[list[Comparison]]


# -- conditions as data -----------------------------------------------------------------------------------------------
def compare(left: Num, op: str, right: Num) -> Flag | Test:
    """A comparison of numbers; decided at once where they are known."""
    return _simple([[Comparison.new(left=left, op=op, right=right)]])


def connect(left: Flag | Test, op: str, right: Flag | Test) -> Flag | Test:
    """`and`, `or`"""
    if isinstance(left, Flag):
        return left if left.value == (op == "or") else right
    if isinstance(right, Flag):
        return right if right.value == (op == "or") else left
    if op == "or":
        return _simple(left.any_of + right.any_of)
    return _simple([a + b for a in left.any_of for b in right.any_of])


def negate(test: Test) -> Flag | Test:
    """`not`"""
    opposite = [[c.model_copy(update={"op": _OPPOSITE[c.op]}) for c in conjunction] for conjunction in test.any_of]
    return _simple([list(choice) for choice in itertools.product(*opposite)])


def _simple(any_of: AnyOf, values: Mapping[str, Num] | None = None) -> Flag | Test:
    """The condition with numbers put in, and without what is decided."""
    left_open: AnyOf = []
    for conjunction in any_of:
        rest: list[Comparison] = []
        for c in conjunction:
            left, right = c.left.subs(values or {}), c.right.subs(values or {})
            difference = left - right
            if len(difference.terms) == 1 and not left.is_const and not right.is_const:
                difference = Num.of(
                    next(iter(difference.terms.values()))
                )  # 4 * width is not width, since sizes are positive
            if not difference.is_const:
                rest.append(Comparison.new(left=left, op=c.op, right=right))
            elif not COMPARISONS[c.op](difference.value, Fraction(0)):
                break
        else:
            if not rest:
                return Flag(True)
            left_open.append(rest)
    return Test(left_open) if left_open else Flag(False)


def evaluate(any_of: AnyOf, values: Mapping[str, Num]) -> bool | None:
    """The outcome for these numbers, or None if they do not decide it."""
    result = _simple(any_of, values)
    return result.value if isinstance(result, Flag) else None


def fingerprint(any_of: AnyOf) -> object:
    return frozenset(frozenset((c.left, c.op, c.right) for c in conjunction) for conjunction in any_of)


# -- deciding ---------------------------------------------------------------------------------------------------------
def holds(block: Block, condition: tree.Expression) -> bool:
    """The outcome of an `if`'s condition."""
    from archdsl.passes.expressions import value

    entity = value(block, condition)
    if isinstance(entity, Test):
        entity = decide(block, entity, condition, condition.text if isinstance(condition, tree.Name) else "")
    if isinstance(entity, Flag):
        return entity.value
    own = isinstance(condition, tree.Name) and condition.text in block.frame.statics
    mend = f"with a default that is no number it can be chosen: `{condition.span.text} = false`" if own else ""
    wrong = f"a condition is needed, and this is {describe(entity)}"
    raise block.frame.fail(errors.NotANumber(condition.span, wrong, mend=mend))


def decide(block: Block, test: Test, node: tree.Node, name: str = "") -> Flag:
    """The outcome of a condition for the numbers of the first caller, recorded, with the name that the program gives it."""
    frame = block.frame
    key = fingerprint(test.any_of)
    if key in frame.conditions:
        return Flag(frame.conditions[key].outcome)
    outcome = evaluate(test.any_of, frame.witness)
    if outcome is None:
        if not frame.session.open:
            raise frame.fail(errors.CannotDecide(node.span, node.span.text))
        outcome = by_itself(test.any_of)
    record(frame, test, outcome, name)
    if outcome and name and name not in frame.chosen:
        frame.chosen.append(name)
    if outcome and len(test.any_of) == 1:
        for c in test.any_of[0]:
            if c.op == "==":
                learn(block, c.left, c.right)
    if not outcome:
        for conjunction in test.any_of:
            if len(conjunction) == 1 and conjunction[0].op == "!=":
                learn(block, conjunction[0].left, conjunction[0].right)
    return Flag(outcome)


def by_itself(any_of: AnyOf) -> bool:
    """The outcome in a block with nobody to give numbers: those that are not given are taken to differ."""
    return any(all(c.op != "==" for c in conjunction) for conjunction in any_of)


def record(frame: Frame, test: Test, outcome: bool, name: str) -> None:
    frame.conditions.setdefault(fingerprint(test.any_of), Condition.new(any_of=test.any_of, outcome=outcome, name=name))


def lift(frame: Frame, condition: Condition, bindings: Mapping[str, Num]) -> None:
    """A part's condition, in the numbers of who uses it."""
    test = _simple(condition.any_of, bindings)
    if isinstance(test, Test):
        record(frame, test, condition.outcome, condition.name)


def learn(block: Block, left: Num, right: Num) -> None:
    """Two sizes are equal in this variant: from here on types are written with one of them."""
    frame = block.frame
    symbol, other = (left.name, right) if left.name else (right.name, left)
    if (
        symbol is None
        or symbol in other.symbols()
        or (other.name and symbol in frame.statics and other.name not in frame.statics)
    ):
        symbol, other = other.name, Num.symbol(symbol) if symbol else other
    if symbol is None or symbol in other.symbols():
        return
    frame.equal = {s: n.subs({symbol: other}) for s, n in frame.equal.items()} | {symbol: other}
    scope: Block | None = block
    while scope is not None:
        for entity in scope.names.values():
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
