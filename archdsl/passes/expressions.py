"""Expressions → entities. `value` gives what an expression denotes; the helpers below ask for a tensor, a number, …

Errors are reported where they are found; `Failed` is raised when an expression has no value, and ends its statement.
"""

from __future__ import annotations

from typing import assert_never

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.functions import FUNCTIONS
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Choice, Operand, Setting
from archdsl.ir.terms import NotANumber as NoNumber
from archdsl.ir.types import Type
from archdsl.ops import OPS
from archdsl.passes import apply, conditions, making, repeats
from archdsl.passes.entities import (
    Bundle,
    Entity,
    Flag,
    Function,
    Maker,
    Number,
    Part,
    Series,
    Static,
    Tensor,
    Test,
    Unknown,
    Word,
    describe,
)  # fmt: skip
from archdsl.passes.frame import Block, Failed
from archdsl.passes.session import function_named
from archdsl.source import Span
from archdsl.syntax import tree

_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floordiv", "%": "mod", "^": "pow", "@": "matmul",
    "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "and": "and", "or": "or",
}  # fmt: skip
_BUILTINS: dict[str, Static] = {
    "true": Flag(True),
    "false": Flag(False),
    "causal": Word("causal"),
    "none": Word("none"),
}


def value(block: Block, expression: tree.Expression) -> Entity:
    """What the expression denotes."""
    match expression:
        case tree.Name():
            return name(block, expression)
        case tree.Number():
            return Number(number_of(block, expression))
        case tree.String():
            return Word(expression.text)
        case tree.Rest():
            return Number(ELLIPSIS)
        case tree.ListOf():
            return list_of(block, expression)
        case tree.Call():
            return apply.call(block, expression, [])
        case tree.Field():
            return field(block, expression)
        case tree.Handed():
            return handed(block, expression)
        case tree.Frozen():
            return making.construct_frozen(block, expression.value)
        case tree.Alias():
            return making.construct_alias(block, expression)
        case tree.Unary():
            return unary(block, expression)
        case tree.Binary():
            return binary(block, expression)
        case tree.Chain():
            entity = value(block, expression.stages[0])
            return apply.stages(block, expression.stages[1:], entity)
        case tree.Sink():
            raise block.frame.fail(errors.Misplaced(expression.span, "`output`", "nothing comes before it"))
        case tree.Stack() | tree.Loop() | tree.Scan() | tree.Residual():
            return repeats.repeat(block, expression, [])
        case tree.Choice():
            return choice(block, expression, None)
    assert_never(expression)


# -- names ----------------------------------------------------------------------------------------------------------
def name(block: Block, node: tree.Name) -> Entity:
    entity = lookup(block, node.text)
    if entity is None:
        raise unknown(block, node.text, node.span)
    if isinstance(entity, Unknown):
        raise Failed
    return entity


def lookup(block: Block, text: str) -> Entity | None:
    """What a name means, in the order that the language says."""
    frame = block.frame
    local = block.find(text)
    if local is not None:
        return local
    if text in frame.statics:
        return frame.statics[text]
    if text in frame.sizes:
        return Number(Num.symbol(text))
    if text[:1].isupper():
        maker = frame.session.find(text, frame.ref.scope)
        if maker:
            return maker
    op = function_named(text)
    if op:
        return Function(op)
    return _BUILTINS.get(text)


def unknown(block: Block, text: str, span: Span, what: str = "name") -> Failed:
    """Report an unknown name: one that comes later is a cycle or an order gone wrong."""
    frame = block.frame
    if block.kind == "initial" and text in frame.inputs:
        mend = "it is made before the first step, from parameters and sizes; `scan … from (h = h0)` starts it elsewhere"
        return frame.fail(errors.StateProblem(span, f"a state's first value cannot read the input `{text}`", mend=mend))
    inner: Block | None = block
    while inner is not None:
        if text in inner.later and inner.later[text].start < span.start:
            note = Note(inner.later[text], "it has a value only if this `if` comes out otherwise")
            return frame.fail(errors.UnknownName(span, text, what, notes=[note]))
        if text in inner.later:
            return frame.fail(errors.UsedEarly(span, text, notes=[Note(inner.later[text], "it gets its value here")]))
        inner = inner.parent
    if len(frame.session.diagnostics) > 100:  # nobody reads so many suggestions, and each one is looked for
        return frame.fail(errors.UnknownName(span, text, what))
    known = (
        block.known() | set(frame.statics) | set(frame.sizes) | frame.session.known(frame.ref.scope) | set(_BUILTINS)
    )
    guess = nearest(text, known)
    return frame.fail(errors.UnknownName(span, text, what, mend=f"did you mean `{guess}`?" if guess else ""))


def number_of(block: Block, node: tree.Number) -> Num:
    digits = node.text.replace("_", "")
    if len(digits) > 40 or ("e" in digits.lower() and abs(int(digits.lower().split("e")[1])) > 300):
        raise block.frame.fail(errors.NotANumber(node.span, "this number is too long"))
    return Num.of(float(digits)) if set(digits) & set(".eE") else Num.of(int(digits))


def list_of(block: Block, node: tree.ListOf) -> Entity:
    """A list of numbers, or the concatenation of tensors on their last axis."""
    items = [value(block, item) for item in node.items]
    if all(isinstance(i, Number) for i in items):
        return Series([i.num for i in items if isinstance(i, Number)])
    tensors = [as_tensor(block, entity, item.span) for entity, item in zip(items, node.items)]
    return tensors[0] if len(tensors) == 1 else apply.operate(block, OPS["concat"], tensors, {}, node.span)


def field(block: Block, node: tree.Field) -> Entity:
    entity = value(block, node.value)
    if isinstance(entity, Part):
        return making.weight(block, entity, node.name)
    if isinstance(entity, Bundle):
        if node.name.text in entity.fields:
            return entity.fields[node.name.text]
        known = ", ".join([f".{f}" for f in entity.fields] + [f".{f}'" for f in entity.finals])
        raise block.frame.fail(errors.NoSuchField(node.name.span, node.name.text, known or "no field"))
    raise block.frame.fail(errors.NotApplicable(node.span, f"{describe(entity)} has no fields"))


def handed(block: Block, node: tree.Handed) -> Entity:
    """`h'` of a state, `r.h'` of a repeat."""
    if isinstance(node.value, tree.Name):
        found = block.find(node.value.text + "'")
        if found is None:
            raise block.frame.fail(
                errors.UnknownName(node.span, node.value.text + "'", mend=f"hand it on first: `{node.value.text}' = …`")
            )
        if isinstance(found, Unknown):
            raise Failed
        return found
    if isinstance(node.value, tree.Field):
        entity = value(block, node.value.value)
        if isinstance(entity, Bundle):
            final = entity.final(node.value.name.text)
            if final:
                return final
            known = ", ".join([f".{f}" for f in entity.fields] + [f".{f}'" for f in entity.finals])
            raise block.frame.fail(
                errors.NoSuchField(node.value.name.span, node.value.name.text + "'", known or "no field")
            )
    raise block.frame.fail(errors.NotApplicable(node.span, "only a state has a value that is handed on"))


# -- operators ------------------------------------------------------------------------------------------------------
def unary(block: Block, node: tree.Unary) -> Entity:
    entity = value(block, node.value)
    match node.op, entity:
        case "-", Number():
            return Number(-entity.num)
        case "not", Flag():
            return Flag(not entity.value)
        case "not", Test():
            return conditions.negate(entity)
    op = OPS["neg" if node.op == "-" else "not"]
    return apply.operate(block, op, [as_tensor(block, entity, node.value.span)], {}, node.span)


def binary(block: Block, node: tree.Binary) -> Entity:
    left = value(block, node.left)
    if node.op in ("and", "or") and isinstance(left, Flag) and left.value == (node.op == "or"):
        return left  # the right side does not matter, and may not even make sense
    right = value(block, node.right)
    if node.op in ("and", "or") and isinstance(left, (Flag, Test)) and isinstance(right, (Flag, Test)):
        return conditions.connect(left, node.op, right)
    if isinstance(left, Number) and isinstance(right, Number):
        if node.op in conditions.COMPARISONS:
            return conditions.compare(left.num, node.op, right.num)
        return Number(arithmetic(block, node, left.num, right.num))
    if node.op in ("==", "!=") and isinstance(left, (Word, Flag, Function, Maker)):
        return Flag((conditions.key(left) == conditions.key(right)) == (node.op == "=="))
    operands = [as_tensor(block, left, node.left.span), as_tensor(block, right, node.right.span)]
    return apply.operate(block, OPS[_OPERATORS[node.op]], operands, {}, node.span)


def arithmetic(block: Block, node: tree.Binary, left: Num, right: Num) -> Num:
    if ELLIPSIS in (left, right):
        raise block.frame.fail(errors.NotANumber(node.span, "`...` stands for axes, and is no number"))
    try:
        match node.op:
            case "+":
                result = left + right
            case "-":
                result = left - right
            case "*":
                result = left * right
            case "/":
                result = left / right
            case "//":
                result = left // right
            case "%":
                result = left % right
            case "^":
                if (right.is_const and abs(right.value) > 1000) or (
                    left.is_const and abs(left.value) > 10**12 and right.is_const and abs(right.value) > 20
                ):
                    raise NoNumber("this power is too large")
                result = left**right
            case _:
                raise NoNumber(f"`{node.op}` of two numbers")
    except (NoNumber, OverflowError) as problem:
        raise block.frame.fail(errors.NotANumber(node.span, str(problem))) from None
    if len(result.terms) > 200 or any(
        abs(c.numerator) > 10**60 or c.denominator > 10**60 for c in result.terms.values()
    ):
        raise block.frame.fail(errors.NotANumber(node.span, "this number is too large"))
    return result


def choice(block: Block, node: tree.Choice, piped: Entity | None) -> Entity:
    """`if` as a stage or an expression: the body that was chosen, as a chain."""
    chosen = node.then if conditions.holds(block, node.condition) else node.otherwise
    if chosen is None:
        if piped is None:
            raise block.frame.fail(errors.NotApplicable(node.span, "an `if` that is a value needs an `else`"))
        return piped
    if isinstance(chosen, tree.Choice):
        return choice(block, chosen, piped)
    return repeats.inline(block, chosen, piped)


# -- what is asked for ----------------------------------------------------------------------------------------------
def tensor(block: Block, expression: tree.Expression) -> Tensor:
    return as_tensor(block, value(block, expression), expression.span)


def as_tensor(block: Block, entity: Entity, span: Span) -> Tensor:
    """The entity as a tensor; a number is a scalar."""
    match entity:
        case Tensor():
            return entity
        case Number():
            if entity.num == ELLIPSIS:
                raise block.frame.fail(errors.NotApplicable(span, "`...` is no value"))
            return scalar(entity.num)
        case Flag():
            number = Num.of(int(entity.value))
            return Tensor(number, Type(dtype="bool"), (float(entity.value), float(entity.value)))
        case Bundle(main=Tensor() as main):
            return main
        case Unknown():
            raise Failed
    raise block.frame.fail(errors.NotApplicable(span, f"a value is needed, and this is {describe(entity)}"))


def scalar(num: Num) -> Tensor:
    from archdsl.ops.base import ANYTHING

    exact = float(num.value) if num.is_const else None
    whole = (
        num.is_integer
        if num.is_const
        else not num.divides and not any(not isinstance(a, str) for m in num.terms for a, _ in m)
    )
    return Tensor(num, Type(dtype="int" if whole else "float"), ANYTHING if exact is None else (exact, exact))


def static(block: Block, expression: tree.Expression) -> Static:
    """A value known before the model runs."""
    entity = value(block, expression)
    if isinstance(entity, Test):
        return conditions.decide(block, entity, expression)
    if isinstance(entity, Number) and "..." in entity.num.symbols():
        raise block.frame.fail(errors.NotANumber(expression.span, "`...` stands for axes, and is no number"))
    if isinstance(entity, (Number, Flag, Word, Series, Function, Maker)):
        return entity
    raise block.frame.fail(
        errors.NotANumber(
            expression.span,
            f"this must be known before the model runs, and it is {describe(entity)}",
            mend="the inputs of a Capitalized name go into second parentheses: `Linear(4)(x)`"
            if isinstance(entity, (Tensor, Bundle))
            else "",
        )
    )


def number(block: Block, expression: tree.Expression) -> Num:
    entity = static(block, expression)
    if isinstance(entity, Number):
        return entity.num
    raise block.frame.fail(errors.NotANumber(expression.span, f"a number is needed, and this is {describe(entity)}"))


def setting(entity: Static) -> Setting:
    """A static value as data."""
    from archdsl.ir.program import Numbers

    match entity:
        case Number():
            return entity.num
        case Flag():
            return entity.value
        case Word():
            return None if entity.text == "none" else Choice(word=entity.text)
        case Series():
            return Numbers(items=entity.items)
        case Function():
            return Choice(word=entity.op.name)
        case Maker():
            return Choice(word=entity.name)


def number_function(block: Block, text: str, node: tree.Call) -> Entity | None:
    """`sqrt(d)`, `floor(h / 2)` of numbers are numbers. Where the first argument is none, it is returned: to evaluate it again would
    make its layers again."""
    if text not in FUNCTIONS or text in ("pow", "group") or not node.arguments or any(a.name for a in node.arguments):
        return None
    first = value(block, node.arguments[0].value)
    if not isinstance(first, Number):
        return first
    entities = [first, *(value(block, a.value) for a in node.arguments[1:])]
    if not all(isinstance(e, Number) for e in entities):
        return None
    try:
        return Number(FUNCTIONS[text](*(e.num for e in entities if isinstance(e, Number))))
    except (NoNumber, OverflowError, TypeError) as problem:
        raise block.frame.fail(errors.NotANumber(node.span, f"{text}: {problem}")) from None


def operand(block: Block, expression: tree.Expression) -> Operand:
    return tensor(block, expression).operand
