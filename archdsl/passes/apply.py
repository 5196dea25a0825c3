"""Applying things: functions to their inputs, Capitalized names to their hyperparameters, and what those make to its inputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Axis, Choice, Numbers, Operand, Setting
from archdsl.ir.types import Type
from archdsl.ops import OPS
from archdsl.ops.base import (
    REQUIRED,
    Either,
    Misfit,
    Op,
    Over,
    Site,
    Word,
    apply_signature,
    default_of,
)
from archdsl.passes import axes, expressions, limits, making, repeats, train
from archdsl.passes.entities import (
    Bundle,
    Entity,
    Function,
    Maker,
    Number,
    Part,
    Tensor,
    describe,
)  # fmt: skip
from archdsl.passes.entities import Word as WordEntity
from archdsl.passes.frame import Block
from archdsl.source import Span
from archdsl.syntax import tree


# -- stages and calls -------------------------------------------------------------------------------------------------
def stages(block: Block, nodes: Sequence[tree.Expression], entity: Entity) -> Entity:
    """The value after it has passed through the stages of a chain."""
    for node in nodes:
        entity = stage(block, node, entity)
    return entity


def stage(block: Block, node: tree.Expression, piped: Entity, frozen: bool = False) -> Entity:
    """One stage of a chain, applied to what comes in."""
    match node:
        case tree.Sink():
            from archdsl.passes.statements import declare, give

            tensor = expressions.as_tensor(block, piped, node.span)
            give(block, node.name.text, tensor, node.span)
            declare(block, node.name.text, node.name.span)
            block.names[node.name.text] = tensor
            return piped
        case tree.Call():
            return call(block, node, [piped], frozen)
        case tree.Stack() | tree.Loop() | tree.Scan() | tree.Residual():
            return repeats.repeat(block, node, [piped])
        case tree.Choice():
            return expressions.choice(block, node, piped)
        case tree.Frozen():
            return stage(block, node.value, piped, frozen=True)
        case tree.Alias():
            return use(block, making.construct_alias(block, node, frozen), [piped], [], node.span)
    return use(block, expressions.value(block, node), [piped], [], node.span, frozen)


def call(block: Block, node: tree.Call, piped: list[Entity], frozen: bool = False) -> Entity:
    """`f(…)`. What is piped in comes before a function's arguments; for a Capitalized name it is the input."""
    function = node.function
    if isinstance(function, (tree.Stack, tree.Loop, tree.Scan, tree.Residual)):
        return repeats.repeat(block, function, [*piped, *positional(block, node.arguments)])
    if isinstance(function, tree.Name):
        special = _special(block, function.text, node, piped)
        if special is not None:
            return special
    entity = expressions.value(block, function)
    if isinstance(entity, Maker):
        part = making.construct(block, entity, node.arguments, node.span, frozen)
        return use(block, part, piped, [], node.span) if piped else part
    return use(block, entity, piped, node.arguments, node.span)


def _special(block: Block, text: str, node: tree.Call, piped: list[Entity]) -> Entity | None:
    """Calls that are no ordinary application: functions of numbers, `log_prob`."""
    if block.find(text) is not None or text in block.frame.statics:
        return None
    if not piped:
        result = expressions.number_function(block, text, node)
        if isinstance(result, Number):
            return result
        if result is not None:
            return use(block, expressions.value(block, node.function), [result], node.arguments[1:], node.span)
    if text == "log_prob":
        entities = [*piped, *positional(block, node.arguments)]
        drawn = entities[0] if len(entities) == 1 else None
        if not isinstance(drawn, Tensor) or drawn.distribution is None:
            raise block.frame.fail(errors.DrawProblem(node.span, "`log_prob` takes one value, drawn with `~`"))
        name, operands = drawn.distribution
        return log_prob(block, drawn, name, operands, node.span)
    return None


def log_prob(block: Block, drawn: Tensor, name: str, operands: list[Operand], span: Span) -> Tensor:
    types = [_type_of(block, o) for o in operands]
    tensors = [drawn, *(Tensor(o, t) for o, t in zip(operands, types))]
    return _node(block, OPS["log_prob"], tensors, {"distribution": Choice.new(word=name)}, {}, span)[0]


def _type_of(block: Block, operand: Operand) -> Type:
    return block.frame.values[operand].type if isinstance(operand, int) else expressions.scalar(operand).type


def positional(block: Block, arguments: Sequence[tree.Argument]) -> list[Entity]:
    """The values of arguments that may have no names."""
    for argument in arguments:
        if argument.name:
            raise block.frame.fail(
                errors.WrongArguments(argument.span, "this call", f"it takes no `{argument.name.text} =`")
            )
    return [expressions.value(block, a.value) for a in arguments]


def use(
    block: Block,
    entity: Entity,
    piped: list[Entity],
    arguments: Sequence[tree.Argument],
    span: Span,
    frozen: bool = False,
) -> Entity:
    """Apply what an entity is to inputs."""
    if frozen and not isinstance(entity, Maker):
        raise block.frame.fail(
            errors.NotApplicable(span, f"only what holds weights can be frozen, and this is {describe(entity)}")
        )
    match entity:
        case Function():
            return function(block, entity.op, piped, arguments, span)
        case Maker():
            return use(block, making.construct(block, entity, [], span, frozen), piped, arguments, span)
        case Part():
            entities = [*piped, *(expressions.value(block, a.value) for a in arguments if a.name is None)]
            named = {a.name.text: a for a in arguments if a.name}
            return making.apply_part(block, entity, entities, named, span)
    raise block.frame.fail(errors.NotApplicable(span, f"this is applied to something, and it is {describe(entity)}"))


# -- functions --------------------------------------------------------------------------------------------------------
def function(block: Block, op: Op, piped: list[Entity], arguments: Sequence[tree.Argument], span: Span) -> Entity:
    """A primitive function: its inputs come first, then its settings, each by place or by name."""
    frame = block.frame
    ports = [p.name for p in op.parsed.inputs]
    inputs: dict[int, Tensor] = {}
    given: dict[str, tree.Expression] = {}
    names = list(op.settings)
    most = op.parsed.most
    for i, entity in enumerate(piped):
        inputs[i] = expressions.as_tensor(block, entity, span)
    place = len(piped)
    for argument in arguments:
        if argument.name is None:
            if most is None or place < most:
                inputs[place] = expressions.tensor(block, argument.value)
            elif place - most < len(names):
                given[names[place - most]] = argument.value
            else:
                raise frame.fail(
                    errors.WrongArguments(argument.span, op.name, f"takes at most {most + len(names)} arguments")
                )
            place += 1
        elif argument.name.text in ports:
            index = ports.index(argument.name.text)
            if index in inputs:
                raise frame.fail(errors.Twice(argument.name.span, argument.name.text))
            inputs[index] = expressions.tensor(block, argument.value)
        else:
            give_setting(block, op, given, argument)
    if (most is not None and sorted(inputs) != list(range(len(inputs)))) or len(inputs) < op.parsed.least:
        missing = next((p for i, p in enumerate(ports) if i not in inputs), ports[0] if ports else "")
        raise frame.fail(errors.WrongArguments(span, op.name, f"the input `{missing}` is missing"))
    tensors = [inputs[i] for i in sorted(inputs)]
    return operate(block, op, tensors, given, span)


def give_setting(block: Block, op: Op, given: dict[str, tree.Expression], argument: tree.Argument) -> None:
    assert argument.name
    name = argument.name.text
    if name not in op.settings and name not in op.weights:
        guess = nearest(name, [*op.settings, *(p.name for p in op.parsed.inputs)])
        known = ", ".join(op.settings) or "none"
        mend = f"did you mean `{guess}`?" if guess else f"its settings are: {known}"
        raise block.frame.fail(
            errors.WrongArguments(argument.name.span, op.name, f"has no setting `{name}`", mend=mend)
        )
    if name in given:
        raise block.frame.fail(errors.Twice(argument.name.span, name))
    given[name] = argument.value


def operate(
    block: Block, op: Op, tensors: list[Tensor], given: dict[str, tree.Expression], span: Span, part: Part | None = None
) -> Tensor | Bundle:
    """A primitive applied to tensors. One output is a tensor, several are a bundle."""
    if op.name == "gradient" and block.frame.ref.node.kind != "train":
        raise block.frame.fail(errors.Misplaced(span, "`gradient`", "only a train knows losses"))
    if op.name == "gradient" and len(tensors) == 2:
        train.check_gradient(block, tensors[0], tensors[1], span)
    settings = settings_of(block, op, given, span) if part is None else part.settings
    resolved = axes.axes_of(block, op, tensors, given, span)
    outputs = _node(block, op, tensors, settings, resolved, span, part)
    if len(outputs) == 1:
        return outputs[0]
    return Bundle(f"the {len(outputs)} outputs of {op.name}", None, {str(i): t for i, t in enumerate(outputs)})


def _node(
    block: Block,
    op: Op,
    tensors: list[Tensor],
    settings: dict[str, Setting],
    resolved: dict[str, list[Axis]],
    span: Span,
    part: Part | None = None,
) -> list[Tensor]:
    """Check an op against its signature and add its node."""
    frame = block.frame
    numbers = [t.operand if isinstance(t.operand, Num) else None for t in tensors]
    site = Site([t.type for t in tensors], settings, resolved, [t.range for t in tensors], numbers)
    try:
        types = apply_signature(op, site)
        if op.has_weights and part:
            making.fix_sizes(block, op, part, site, span)
    except Misfit as misfit:
        raise frame.fail(_shape_error(block, op, tensors, misfit, span)) from None
    for number, must in site.constraints:
        frame.constrain(number, must, span)
    ranges = op.range(site) if callable(op.range) else op.range
    made = part.id if part and op.init else None
    return block.apply(op.name, [t.operand for t in tensors], types, span, settings, made, ranges, axes=resolved)


def _shape_error(block: Block, op: Op, tensors: list[Tensor], misfit: Misfit, span: Span) -> errors.WrongShape:
    """The error of an op that does not fit, with both shapes and where each came from."""
    sign = {v: k for k, v in expressions._OPERATORS.items()}.get(op.name, op.name)
    notes = []
    for tensor in tensors:
        value = block.frame.values.get(tensor.operand) if isinstance(tensor.operand, int) else None
        place = block.frame.spans.get(value.id) if value else None
        if value and place and len(tensors) > 1:
            notes.append(Note(place, f"{value.name or 'this'} is {tensor.type}"))
    return errors.WrongShape(
        span, f"`{sign}`", misfit.reason, notes=notes[:2], mend=misfit.hint or rounded(misfit.reason)
    )


def rounded(reason: str) -> str:
    """The mend where sizes differ by rounding alone."""
    if "floor(" not in reason:
        return ""
    halved = re.search(r"2\*floor\((\w+)/2\)", reason)
    if halved:  # padding = kernel // 2
        return f"for an odd `{halved[1]}`, `({halved[1]} - 1) / 2` rounds nothing, where `{halved[1]} // 2` does"
    return "a size that must divide is written so that nothing is rounded: `input x: [batch, 3, 4 * side, 4 * side]`"


def settings_of(block: Block, op: Op, given: dict[str, tree.Expression], span: Span) -> dict[str, Setting]:
    """All settings of an op, defaults filled in; axes are resolved elsewhere."""
    settings: dict[str, Setting] = {}
    for name, declared in op.settings.items():
        if isinstance(declared, Over):
            continue
        if name in given:
            settings[name] = _setting(block, op, name, declared, given[name])
        elif declared is REQUIRED or (isinstance(declared, Word) and declared.required):
            raise block.frame.fail(errors.WrongArguments(span, op.name, f"its setting `{name}` is missing"))
        else:
            settings[name] = default_of(declared)
    limits.check(block, op.name, op.limits, settings, {n: e.span for n, e in given.items()}, span)
    return settings


def _setting(block: Block, op: Op, name: str, declared: Any, expression: tree.Expression) -> Setting:
    frame = block.frame
    words = declared.words if isinstance(declared, (Word, Either)) else ()
    if isinstance(expression, tree.Name) and expression.text in words and block.find(expression.text) is None:
        return Choice.new(word=expression.text)
    entity = expressions.static(block, expression)
    if isinstance(entity, WordEntity) and entity.text == "none" and "none" in words:
        return Choice.new(word="none")
    result = expressions.setting(entity)
    expected = ""
    if words and isinstance(result, Choice):
        if result.word not in words:
            expected = "one of " + ", ".join(words)
    elif isinstance(declared, Word):
        expected = "one of " + ", ".join(words)
    elif isinstance(declared, bool) and not isinstance(result, bool):
        expected = "true or false"
    elif (
        isinstance(declared, (int, float, Num))
        and not isinstance(declared, bool)
        and not isinstance(result, (Num, Numbers))
    ):
        expected = "a number"
    elif isinstance(declared, str) and not isinstance(result, Choice):
        expected = "a string"
    if expected:
        raise frame.fail(
            errors.WrongArguments(
                expression.span, op.name, f"`{name}` must be {expected}, and it is {describe(entity)}"
            )
        )
    return result
