"""First values of parameters and memories: `0`, `normal(0, 0.02)`."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl import errors
from archdsl.diagnostics import nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Fill, Setting
from archdsl.ops import INITIALIZERS, Initializer, Optimizer
from archdsl.ops.base import REQUIRED, Misfit, default_of
from archdsl.passes import expressions, limits
from archdsl.passes.entities import Flag, Number
from archdsl.passes.frame import Block
from archdsl.source import Span
from archdsl.syntax import tree


def fill(block: Block, node: tree.Expression) -> Fill:
    """The initializer that an expression names; a number stands for all elements."""
    found = maybe_fill(block, node)
    if found is None and isinstance(node, tree.Call):  # sqrt(2 * d)
        entity = expressions.value(block, node)
        found = number_fill(entity.num) if isinstance(entity, Number) else None
    if found is None:
        raise block.frame.fail(
            errors.WrongArguments(
                node.span,
                "this first value",
                "a number or an initializer is needed",
                mend=f"initializers: {', '.join(INITIALIZERS)}",
            )
        )
    return found


def maybe_fill(block: Block, node: tree.Expression) -> Fill | None:
    """The initializer, or None if the expression names none (a memory may start from a computed value)."""
    name = node.function if isinstance(node, tree.Call) else node
    if (
        isinstance(name, tree.Name)
        and name.text in INITIALIZERS
        and block.find(name.text) is None
        and name.text not in block.frame.statics
    ):
        arguments = node.arguments if isinstance(node, tree.Call) else []
        return Fill.new(name=name.text, settings=bind(block, name.text, INITIALIZERS[name.text], arguments, node))
    if isinstance(node, (tree.Number, tree.Unary, tree.Binary, tree.Name)):
        entity = expressions.value(block, node)
        if isinstance(entity, Number):
            return number_fill(entity.num)
        if isinstance(entity, Flag):
            return number_fill(Num.of(int(entity.value)))
    elif isinstance(node, tree.Call) and isinstance(name, tree.Name) and expressions.lookup(block, name.text) is None:
        guess = nearest(name.text, INITIALIZERS)
        raise block.frame.fail(
            errors.UnknownName(
                name.span,
                name.text,
                "initializer",
                mend=f"did you mean `{guess}`?" if guess else f"initializers: {', '.join(INITIALIZERS)}",
            )
        )
    return None


def fits(block: Block, fill: Fill, shape: Sequence[Num], span: Span) -> None:
    """Demand that an initializer can fill a shape."""
    try:
        INITIALIZERS[fill.name].check(shape, fill.settings)
    except Misfit as misfit:
        raise block.frame.fail(errors.WrongShape(span, "this first value", misfit.reason, mend=misfit.hint)) from None


def number_fill(number: Num) -> Fill:
    if number == 0:
        return Fill.new(name="zeros")
    return Fill.new(name="ones") if number == 1 else Fill.new(name="constant", settings={"value": number})


def bind(
    block: Block, what: str, entry: Initializer | Optimizer, arguments: Sequence[tree.Argument], node: tree.Node
) -> dict[str, Setting]:
    """Settings of an initializer or an optimizer, by place or by name, defaults filled in."""
    declared = entry.settings
    names, spans = list(declared), {}
    settings: dict[str, Setting] = {}
    for i, argument in enumerate(arguments):
        name = argument.name.text if argument.name else names[i] if i < len(names) else None
        if name is None or name not in declared:
            guess = nearest(name, names) if name else None
            mend = f"did you mean `{guess}`?" if guess else f"its settings are: {', '.join(names) or 'none'}"
            raise block.frame.fail(
                errors.WrongArguments(
                    argument.span, what, f"has no setting `{name}`" if name else "has too many arguments", mend=mend
                )
            )
        if name in settings:
            raise block.frame.fail(errors.Twice(argument.span, name))
        spans[name] = argument.span
        settings[name] = expressions.setting(expressions.static(block, argument.value))
        default = declared[name]
        if isinstance(default, bool) != isinstance(settings[name], bool) or not isinstance(settings[name], (bool, Num)):
            raise block.frame.fail(
                errors.WrongArguments(
                    argument.span,
                    what,
                    f"`{name}` must be {'true or false' if isinstance(default, bool) else 'a number'}",
                )
            )
    for name, default in declared.items():
        if name not in settings:
            if default is REQUIRED:
                raise block.frame.fail(errors.WrongArguments(node.span, what, f"its setting `{name}` is missing"))
            settings[name] = default_of(default)
    limits.check(block, what, entry.limits, settings, spans, node.span)
    return {name: settings[name] for name in declared}
