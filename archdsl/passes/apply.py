"""Applying things: functions to their inputs, Capitalized names to their hyperparameters, and what those make to its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Axis, Choice, Made, Numbers, Operand, Setting
from archdsl.ir.program import Call as CallNode
from archdsl.ir.types import Type, show_shape
from archdsl.ops import INITIALIZERS, OPS
from archdsl.ops.base import ANYTHING, REQUIRED, Either, Misfit, Op, Over, Site, Word, apply_signature, default_of, weight_types
from archdsl.passes import definitions, expressions, initial, repeats
from archdsl.passes.entities import (
    Bundle, DefinitionRef, Entity, Flag, Function, Maker, Number, Part, Series, Tensor, Unknown, Variant, describe,
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
        part = construct(block, entity, node.arguments, node.span, frozen)
        return use(block, part, piped, [], node.span) if piped else part
    return use(block, entity, piped, node.arguments, node.span)


def _special(block: Block, text: str, node: tree.Call, piped: list[Entity]) -> Entity | None:
    """Calls that are no ordinary application: functions of numbers, `log_prob`."""
    if block.find(text) is not None or text in block.frame.statics:
        return None
    if not piped:
        result = expressions.number_function(block, text, node)
        if result is not None:
            return result
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
            raise block.frame.fail(errors.WrongArguments(argument.span, "this call", f"it takes no `{argument.name.text} =`"))
    return [expressions.value(block, a.value) for a in arguments]


def use(
    block: Block, entity: Entity, piped: list[Entity], arguments: Sequence[tree.Argument], span: Span, frozen: bool = False
) -> Entity:
    """Apply what an entity is to inputs."""
    match entity:
        case Function():
            return function(block, entity.op, piped, arguments, span)
        case Maker():
            return use(block, construct(block, entity, [], span, frozen), piped, arguments, span)
        case Part():
            entities = [*piped, *(expressions.value(block, a.value) for a in arguments if a.name is None)]
            named = {a.name.text: a for a in arguments if a.name}
            return apply_part(block, entity, entities, named, span)
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
                raise frame.fail(errors.WrongArguments(argument.span, op.name, f"takes at most {most + len(names)} arguments"))
            place += 1
        elif argument.name.text in ports:
            index = ports.index(argument.name.text)
            if index in inputs:
                raise frame.fail(errors.Twice(argument.name.span, argument.name.text))
            inputs[index] = expressions.tensor(block, argument.value)
        else:
            _give(block, op, given, argument)
    if most is not None and sorted(inputs) != list(range(len(inputs))) or len(inputs) < op.parsed.least:
        missing = next((p for i, p in enumerate(ports) if i not in inputs), ports[0] if ports else "")
        raise frame.fail(errors.WrongArguments(span, op.name, f"the input `{missing}` is missing"))
    tensors = [inputs[i] for i in sorted(inputs)]
    return operate(block, op, tensors, given, span)


def _give(block: Block, op: Op, given: dict[str, tree.Expression], argument: tree.Argument) -> None:
    assert argument.name
    name = argument.name.text
    if name not in op.settings and name not in op.weights:
        guess = nearest(name, [*op.settings, *(p.name for p in op.parsed.inputs)])
        known = ", ".join(op.settings) or "none"
        mend = f"did you mean `{guess}`?" if guess else f"its settings are: {known}"
        raise block.frame.fail(errors.WrongArguments(argument.name.span, op.name, f"has no setting `{name}`", mend=mend))
    if name in given:
        raise block.frame.fail(errors.Twice(argument.name.span, name))
    given[name] = argument.value


def operate(block: Block, op: Op, tensors: list[Tensor], given: dict[str, tree.Expression], span: Span, part: Part | None = None) -> Any:
    """A primitive applied to tensors. One output is a tensor, several are a bundle."""
    if op.name == "gradient" and block.frame.ref.node.kind != "train":
        raise block.frame.fail(errors.Misplaced(span, "`gradient`", "only a train knows losses"))
    settings = settings_of(block, op, given, span) if part is None else part.settings
    axes = _axes(block, op, tensors, given, span)
    outputs = _node(block, op, tensors, settings, axes, span, part)
    if len(outputs) == 1:
        return outputs[0]
    return Bundle(f"the {len(outputs)} outputs of {op.name}", None, {str(i): t for i, t in enumerate(outputs)})


def _node(
    block: Block, op: Op, tensors: list[Tensor], settings: dict[str, Setting], axes: dict[str, list[Axis]], span: Span, part: Part | None = None
) -> list[Tensor]:
    """Check an op against its signature and add its node."""
    frame = block.frame
    numbers = [t.operand if isinstance(t.operand, Num) else None for t in tensors]
    site = Site([t.type for t in tensors], settings, axes, [t.range for t in tensors], numbers)
    try:
        types = apply_signature(op, site)
        if op.has_weights and part:
            _fix_sizes(block, op, part, site, span)
    except Misfit as misfit:
        raise frame.fail(_shape_error(block, op, tensors, misfit, span)) from None
    for number, must in site.constraints:
        frame.constrain(number, must, span)
    ranges = op.range(site) if callable(op.range) else op.range
    made = part.id if part and op.init else None
    return block.apply(op.name, [t.operand for t in tensors], types, span, settings, made, ranges, axes=axes)


def _shape_error(block: Block, op: Op, tensors: list[Tensor], misfit: Misfit, span: Span) -> errors.WrongShape:
    """The error of an op that does not fit, with both shapes and where each came from."""
    sign = {v: k for k, v in expressions._OPERATORS.items()}.get(op.name, op.name)
    notes = []
    for tensor in tensors:
        value = block.frame.values.get(tensor.operand) if isinstance(tensor.operand, int) else None
        place = block.frame.spans.get(value.id) if value else None
        if value and place and len(tensors) > 1:
            notes.append(Note(place, f"{value.name or 'this'} is {tensor.type}"))
    return errors.WrongShape(span, f"`{sign}`", misfit.reason, notes=notes[:2], mend=misfit.hint)


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
    elif isinstance(declared, (int, float, Num)) and not isinstance(declared, bool) and not isinstance(result, (Num, Numbers)):
        expected = "a number"
    elif isinstance(declared, str) and not isinstance(result, Choice):
        expected = "a string"
    if expected:
        raise frame.fail(errors.WrongArguments(expression.span, op.name, f"`{name}` must be {expected}, and it is {describe(entity)}"))
    return result


# -- axes -------------------------------------------------------------------------------------------------------------
def _axes(block: Block, op: Op, tensors: list[Tensor], given: dict[str, tree.Expression], span: Span) -> dict[str, list[Axis]]:
    result: dict[str, list[Axis]] = {}
    for name, declared in op.settings.items():
        if not isinstance(declared, Over):
            continue
        shape = tensors[0].type.shape if tensors else ()
        if name not in given:
            if declared.default is REQUIRED:
                known = show_shape(shape)
                raise block.frame.fail(errors.WrongArguments(span, op.name, f"`{name}` is missing: which axis of {known}?"))
            if declared.default is None:
                result[name] = [] if ELLIPSIS in shape else [axis_at(shape, i) for i in range(len(shape))]
            else:
                result[name] = [resolve_axis(block, shape, Num.of(declared.default), span)]
            continue
        entity = expressions.static(block, given[name])
        if isinstance(entity, Number):
            numbers = [entity.num]
        elif isinstance(entity, Series) and declared.many:
            numbers = entity.items
        else:
            raise block.frame.fail(errors.WrongArguments(given[name].span, op.name, f"`{name}` names {'axes' if declared.many else 'an axis'}"))
        result[name] = [resolve_axis(block, shape, n, given[name].span) for n in numbers]
    return result


def resolve_axis(block: Block, shape: Sequence[Num], which: Num, span: Span) -> Axis:
    """The axis of that size, or, for a plain number, at that position."""
    shape = tuple(n.subs(block.frame.equal) for n in shape)
    if which.is_integer:
        index = int(which.value)
        if -len(shape) <= index < len(shape):
            axis = axis_at(shape, index % len(shape))
            bare = index if index < 0 else axis.index
            if axis.size != ELLIPSIS and not (index < 0 and ELLIPSIS in shape[index:]) and not (index >= 0 and ELLIPSIS in shape[:index]):
                return Axis.new(index=bare, size=axis.size)
        raise block.frame.fail(errors.WrongShape(span, "this axis", f"{show_shape(shape)} has no axis {index}"))
    found = [i for i, n in enumerate(shape) if n == which.subs(block.frame.equal)]
    if len(found) == 1:
        return axis_at(shape, found[0])
    reason = f"{show_shape(shape)} has no axis of size {which}" if not found else f"{show_shape(shape)} has {len(found)} axes of size {which}"
    mend = f"say which by its position: {', '.join(str(axis_at(shape, i).index) for i in found)}" if found else ""
    raise block.frame.fail(errors.WrongShape(span, "this axis", reason, mend=mend))


def axis_at(shape: Sequence[Num], position: int) -> Axis:
    """The axis at a position from 0; counted from the end where `...` comes before it."""
    return Axis.new(index=position - len(shape) if ELLIPSIS in shape[:position] else position, size=shape[position])


# -- making things ----------------------------------------------------------------------------------------------------
def construct_frozen(block: Block, node: tree.Expression) -> Entity:
    """`frozen Linear(4)`, `frozen Linear(4)(x)`."""
    match node:
        case tree.Call(function=tree.Call()):
            part = construct_frozen(block, node.function)
            return use(block, part, [], node.arguments, node.span)
        case tree.Call():
            entity = expressions.value(block, node.function)
            if isinstance(entity, Maker):
                return construct(block, entity, node.arguments, node.span, frozen=True)
        case tree.Name():
            entity = expressions.value(block, node)
            if isinstance(entity, Maker):
                return construct(block, entity, [], node.span, frozen=True)
    raise block.frame.fail(errors.NotApplicable(node.span, "only what holds weights can be frozen: `frozen Linear(4)`"))


def construct(block: Block, maker: Maker, arguments: Sequence[tree.Argument], span: Span, frozen: bool = False) -> Part:
    """A Capitalized name with its hyperparameters: something that holds weights, not yet applied."""
    if isinstance(maker.target, DefinitionRef):
        if maker.target.node.kind == "train":
            raise block.frame.fail(errors.NotApplicable(span, f"`{maker.name}` is a train, and cannot be a part"))
        statics = definitions.bind_hypers(block, maker.target, arguments, span)
        part = block.make(maker, span, frozen)
        part.statics = statics
        return part
    op = maker.target
    names = list(op.settings)
    given: dict[str, tree.Expression] = {}
    for i, argument in enumerate(arguments):
        if argument.name is not None:
            _give(block, op, given, argument)
        elif i >= len(names):
            wrong = f"takes {len(names)} hyperparameter{'s' * (len(names) != 1)}; its inputs go into second parentheses: {op.name}(…)(x)"
            raise block.frame.fail(errors.WrongArguments(argument.span, op.name, wrong))
        else:
            given[names[i]] = argument.value
    fills = {n: initial.fill(block, e) for n, e in given.items() if n in op.weights and isinstance(e, tree.Call)}
    for name in fills:
        del given[name]
    settings = settings_of(block, op, given, span)
    for name, setting in settings.items():
        if isinstance(setting, Num) and isinstance(op.settings[name], (int, type(REQUIRED))) and setting.divides:
            block.frame.constrain(setting, "whole", span)
    part = block.make(maker, span, frozen)
    part.settings, part.initial = settings, fills
    return part


def _fix_sizes(block: Block, op: Op, part: Part, site: Site, span: Span) -> None:
    """A primitive's weights get their sizes at its first use, and keep them."""
    weights = weight_types(op, site)
    sizes = {k: v for k, v in site.sizes.items() if k not in part.settings}
    if part.made is None:
        for size in {n for t in weights.values() for n in t.shape}:
            block.frame.constrain(size, "whole", part.span)
            block.frame.constrain(size, "positive", part.span)
        needed = {s for shape in op.weights.values() for s in _symbols(shape)} | set(sizes)
        part.made = Made(
            id=part.id, name=part.name, named=part.named, of=op.name, primitive=True, settings=part.settings,
            sizes={k: v for k, v in sizes.items() if k in needed and ELLIPSIS != v}, weights=weights,
            initial=part.initial, frozen=part.frozen, place=part.span.place(),
        )  # fmt: skip
    elif part.made.weights != weights:
        old, new = (", ".join(f"{n} {t}" for n, t in w.items()) for w in (part.made.weights, weights))
        raise block.frame.fail(
            errors.NotShared(span, part.name, f"its weights are {old}, and this use needs {new}", notes=[Note(part.span, "made here")])
        )


def _symbols(shape: str) -> set[str]:
    import re

    return set(re.findall(r"[A-Za-z_]\w*", shape))


def weight(block: Block, part: Part, name: tree.Identifier) -> Tensor:
    """`E.weight`: the weight of a named layer as a value."""
    op = part.maker.target
    if not isinstance(op, Op):
        raise block.frame.fail(errors.NoSuchField(name.span, name.text, "no weight of its own: only primitives' weights have names"))
    if part.made is None:
        site = Site([], part.settings, sizes={k: v for k, v in part.settings.items() if isinstance(v, Num)})
        shapes = weight_types(op, site)
        known = all(t.symbols() <= set(block.frame.statics) | set(block.frame.sizes) for t in shapes.values())
        if not known:
            raise block.frame.fail(errors.NotApplicable(name.span, f"the sizes of `{part.name}` are not known before its first use"))
        _fix_sizes(block, op, part, site, name.span)
    assert part.made
    if name.text not in part.made.weights:
        known_weights = ", ".join(f".{w}" for w in part.made.weights) or "no weight"
        raise block.frame.fail(errors.NoSuchField(name.span, name.text, known_weights))
    return block.apply("weight_of", [], [part.made.weights[name.text]], name.span, {"name": Choice.new(word=name.text)}, part.id)[0]


# -- applying what was made -------------------------------------------------------------------------------------------
def apply_part(block: Block, part: Part, entities: list[Entity], named: dict[str, tree.Argument], span: Span) -> Entity:
    """A part applied to its inputs."""
    target = part.maker.target
    if isinstance(target, Op):
        ports = [p.name for p in target.parsed.inputs]
        tensors = [expressions.as_tensor(block, e, span) for e in entities]
        for name, argument in named.items():
            raise block.frame.fail(errors.WrongArguments(argument.span, part.maker.name, f"has no input `{name}`"))
        if not target.parsed.least <= len(tensors) <= (target.parsed.most or 1000):
            wanted = f"takes {len(ports)} input{'s' * (len(ports) != 1)} ({', '.join(ports)}), and {len(tensors)} are given"
            raise block.frame.fail(errors.WrongArguments(span, part.maker.name, wanted))
        return operate(block, target, tensors, {}, span, part)
    return _apply_definition(block, part, target, entities, named, span)


def _apply_definition(
    block: Block, part: Part, ref: DefinitionRef, entities: list[Entity], named: dict[str, tree.Argument], span: Span
) -> Entity:
    frame = block.frame
    signature = definitions.signature(frame.session, ref)
    if signature is None:
        raise definitions.silent()
    operands: list[Tensor | None] = [expressions.as_tensor(block, e, span) for e in entities]
    names = [p.name for p in signature.ports]
    operands += [None] * (len(names) - len(operands))
    for name, argument in named.items():
        if name not in names:
            guess = nearest(name, names)
            mend = f"did you mean `{guess}`?" if guess else f"its inputs are: {', '.join(names)}"
            raise frame.fail(errors.WrongArguments(argument.span, ref.name, f"has no input `{name}`", mend=mend))
        if operands[names.index(name)] is not None:
            raise frame.fail(errors.Twice(argument.span, name))
        operands[names.index(name)] = expressions.tensor(block, argument.value)
    missing = [p.name for p, o in zip(signature.ports, operands) if o is None and p.default is None]
    if len(operands) > len(names) or missing:
        wanted = f"takes {len(names)} input{'s' * (len(names) != 1)} ({', '.join(names) or 'none'})"
        what = f"`{missing[0]}` is missing" if missing else f"{len(operands)} are given"
        raise frame.fail(errors.WrongArguments(span, ref.name, f"{wanted}, and {what}"))
    variant, bindings, rest = definitions.instantiate(block, part, ref, signature, operands, span)
    return _call_node(block, part, variant, bindings, rest, operands, signature, span)


def _call_node(
    block: Block, part: Part, variant: Variant, bindings: dict[str, Num], rest: tuple[Num, ...] | None,
    operands: list[Tensor | None], signature: "definitions.SignatureOf", span: Span,
) -> Entity:  # fmt: skip
    while operands and operands[-1] is None:
        operands.pop()
    inputs = [t.operand if t else p.default for t, p in zip(operands, signature.ports)]
    outputs, tensors = [], {}
    for name, output in variant.outputs.items():
        value = block.frame.value(output.type.subs(bindings, rest))
        block.frame.spans[value.id] = span
        outputs.append(value)
        tensors[name] = Tensor(value.id, value.type, output.range)
    if variant.rides:
        repeats.ride(block, part, span)
    block.nodes.append(CallNode.new(made=part.id, inputs=inputs, outputs=outputs, rides=variant.rides, place=span.place()))  # type: ignore[arg-type]
    if len(tensors) == 1:
        return next(iter(tensors.values()))
    return Bundle(f"the outputs of {variant.ref.name}", next(iter(tensors.values())), tensors)
