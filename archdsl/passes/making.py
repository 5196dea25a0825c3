"""Capitalized names: from hyperparameters to something that holds weights, and from that and its inputs to values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Call as CallNode
from archdsl.ir.program import Choice, Made
from archdsl.ops.base import REQUIRED, Op, Site, weight_types
from archdsl.passes import apply, definitions, expressions, initial, published, riding, signatures
from archdsl.passes.entities import Bundle, DefinitionRef, Entity, Flag, Maker, Part, Tensor, Variant
from archdsl.passes.frame import Block, Failed
from archdsl.source import Span
from archdsl.syntax import tree


def construct_frozen(block: Block, node: tree.Expression) -> Entity:
    """`frozen Linear(4)`, `frozen Linear(4)(x)`."""
    match node:
        case tree.Call(function=tree.Call()):
            part = construct_frozen(block, node.function)
            return apply.use(block, part, [], node.arguments, node.span)
        case tree.Call():
            entity = expressions.value(block, node.function)
            if isinstance(entity, Maker):
                return construct(block, entity, node.arguments, node.span, frozen=True)
        case tree.Name():
            entity = expressions.value(block, node)
            if isinstance(entity, Maker):
                return construct(block, entity, [], node.span, frozen=True)
    raise block.frame.fail(errors.NotApplicable(node.span, "only what holds weights can be frozen: `frozen Linear(4)`"))


def construct_alias(block: Block, node: tree.Alias, frozen: bool = False) -> Part:
    """`Linear(4) as "c_attn"`: a part that the state dict has under another name."""
    value = node.value
    if isinstance(value, tree.Frozen):
        value, frozen = value.value, True
    entity = construct_frozen(block, value) if frozen else expressions.value(block, value)
    if isinstance(entity, Maker):
        entity = construct(block, entity, [], value.span)
    if not isinstance(entity, Part) or entity.made or entity not in block.frame.anonymous:
        wrong = 'only a part has a published name, where it is made: `Linear(4) as "c_attn"`'
        raise block.frame.fail(errors.NotApplicable(node.span, wrong))
    entity.alias = published.claim(block, node.name)
    return entity


def construct(block: Block, maker: Maker, arguments: Sequence[tree.Argument], span: Span, frozen: bool = False) -> Part:
    """A Capitalized name with its hyperparameters: something that holds weights, not yet applied."""
    if isinstance(maker.target, DefinitionRef):
        if maker.target.node.kind == "train":
            raise block.frame.fail(errors.NotApplicable(span, f"`{maker.name}` is a train, and cannot be a part"))
        statics = signatures.bind_hypers(block, maker.target, arguments, span)
        part = block.make(maker, span, frozen)
        part.statics = statics
        return part
    op = maker.target
    names = list(op.settings)
    given: dict[str, tree.Expression] = {}
    for i, argument in enumerate(arguments):
        if argument.name is not None:
            apply.give_setting(block, op, given, argument)
        elif i >= len(names):
            wrong = f"takes {len(names)} hyperparameter{'s' * (len(names) != 1)}; its inputs go into second parentheses: {op.name}(…)(x)"
            raise block.frame.fail(errors.WrongArguments(argument.span, op.name, wrong))
        else:
            given[names[i]] = argument.value
    fills = {n: initial.fill(block, given.pop(n)) for n in op.weights if n in given and not _is_flag(block, given[n])}
    settings = apply.settings_of(block, op, given, span)
    for name, setting in settings.items():
        if isinstance(setting, Num) and isinstance(op.settings[name], (int, type(REQUIRED))) and setting.divides:
            block.frame.constrain(setting, "whole", span)
    part = block.make(maker, span, frozen)
    part.settings, part.initial = settings, fills
    return part


def _is_flag(block: Block, node: tree.Expression) -> bool:
    """`bias = false`: whether a layer has the weight, and not how it starts."""
    return isinstance(node, tree.Name) and isinstance(expressions.lookup(block, node.text), Flag)


def fix_sizes(block: Block, op: Op, part: Part, site: Site, span: Span) -> None:
    """A primitive's weights get their sizes at its first use, and keep them."""
    weights = weight_types(op, site)
    sizes = {k: v for k, v in site.sizes.items() if k not in part.settings}
    if part.made is None:
        for name, fill in part.initial.items():
            if name in weights:
                initial.fits(block, fill, weights[name].shape, part.span)
        for size in {n for t in weights.values() for n in t.shape}:
            block.frame.constrain(size, "whole", part.span)
            block.frame.constrain(size, "positive", part.span)
        needed = {s for shape in op.weights.values() for s in _symbols(shape)} | set(sizes)
        part.made = Made(
            id=part.id, name=part.name, named=part.named, alias=part.alias, of=op.name, primitive=True, settings=part.settings,
            sizes={k: v for k, v in sizes.items() if k in needed and v != ELLIPSIS}, weights=weights,
            initial=part.initial, frozen=part.frozen, place=part.span.place(),
        )  # fmt: skip
    elif part.made.weights != weights:
        old, new = (", ".join(f"{n} {t}" for n, t in w.items()) for w in (part.made.weights, weights))
        raise block.frame.fail(
            errors.NotShared(
                span,
                part.name,
                f"its weights are {old}, and this use needs {new}",
                notes=[Note(part.span, "made here")],
            )
        )


def _symbols(shape: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", shape))


def weight(block: Block, part: Part, name: tree.Identifier) -> Tensor:
    """`E.weight`: the weight of a named layer as a value."""
    op = part.maker.target
    if not isinstance(op, Op):
        raise block.frame.fail(
            errors.NoSuchField(name.span, name.text, "no weight of its own: only primitives' weights have names")
        )
    if part.made is None:
        site = Site([], part.settings, sizes={k: v for k, v in part.settings.items() if isinstance(v, Num)})
        shapes = weight_types(op, site)
        known = all(t.symbols() <= set(block.frame.statics) | set(block.frame.sizes) for t in shapes.values())
        if not known:
            raise block.frame.fail(
                errors.NotApplicable(name.span, f"the sizes of `{part.name}` are not known before its first use")
            )
        fix_sizes(block, op, part, site, name.span)
    assert part.made
    if name.text not in part.made.weights:
        known_weights = ", ".join(f".{w}" for w in part.made.weights) or "no weight"
        raise block.frame.fail(errors.NoSuchField(name.span, name.text, known_weights))
    return block.apply(
        "weight_of", [], [part.made.weights[name.text]], name.span, {"name": Choice.new(word=name.text)}, part.id
    )[0]


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
            wanted = (
                f"takes {len(ports)} input{'s' * (len(ports) != 1)} ({', '.join(ports)}), and {len(tensors)} are given"
            )
            raise block.frame.fail(errors.WrongArguments(span, part.maker.name, wanted))
        return apply.operate(block, target, tensors, {}, span, part)
    return _apply_definition(block, part, target, entities, named, span)


def _apply_definition(
    block: Block, part: Part, ref: DefinitionRef, entities: list[Entity], named: dict[str, tree.Argument], span: Span
) -> Entity:
    frame = block.frame
    signature = signatures.signature(frame.session, ref)
    if signature is None:
        raise Failed
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
    operands: list[Tensor | None], signature: signatures.SignatureOf, span: Span,
) -> Entity:  # fmt: skip
    while operands and operands[-1] is None:
        operands.pop()
    inputs = [t.operand if t else p.default for t, p in zip(operands, signature.ports)]
    if not variant.outputs:
        raise Failed  # that it has none has been reported
    outputs, tensors = [], {}
    for name, output in variant.outputs.items():
        value = block.frame.value(output.type.subs(bindings, rest))
        block.frame.spans[value.id] = span
        outputs.append(value)
        tensors[name] = Tensor(value.id, value.type, output.range)
    if variant.rides:
        riding.ride(block, part, span)
    block.nodes.append(
        CallNode.new(made=part.id, inputs=inputs, outputs=outputs, rides=variant.rides, place=span.place())
    )
    if len(tensors) == 1:
        return next(iter(tensors.values()))
    shown = ", ".join(f"`{n}`" for n in tensors)
    return Bundle(f"several outputs of `{variant.ref.name}`: {shown}", None, tensors)
