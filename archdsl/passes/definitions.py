"""Definitions: what a caller must give, the choice of a variant, and the making of one.

A definition is made once for each distinct outcome of its `if`s, symbolic in its numbers. A later caller for whom everything comes
out alike gets the same variant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl import errors
from archdsl.diagnostics import Note
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Definition, Hyper, Input, Made, Memory, Must, Output, Region, State
from archdsl.ir.types import Shape, Type, subs_shape, unify_shape
from archdsl.passes import apply, conditions, expressions, signatures, statements, verify
from archdsl.passes.entities import (
    DefinitionRef,
    Flag,
    Function,
    Maker,
    Number,
    Part,
    Static,
    Tensor,
    Variant,
    Word,
)  # fmt: skip
from archdsl.passes.frame import Block, Failed, Frame
from archdsl.passes.session import Session
from archdsl.source import Span


# -- a caller's variant -------------------------------------------------------------------------------------------------
def instantiate(
    block: Block,
    part: Part,
    ref: DefinitionRef,
    declared: signatures.SignatureOf,
    operands: list[Tensor | None],
    span: Span,
) -> tuple[Variant, dict[str, Num], Shape | None]:
    """The variant for these inputs, its numbers in the caller's terms, and what its `...` stands for."""
    frame = block.frame
    bindings = {n: s.num for n, s in part.statics.items() if isinstance(s, Number)}
    rest: list[Shape] = []
    for port, operand in zip(declared.ports, operands):
        if operand is not None:
            _fit(block, ref, port, operand, bindings, rest, span)
    unbound = [s for s in declared.sizes if s not in bindings]
    if unbound and any(o is not None for o in operands):
        raise frame.fail(errors.WrongShape(span, ref.name, f"its size `{unbound[0]}` cannot be told from these inputs"))
    structural = {n: s for n, s in part.statics.items() if not isinstance(s, Number)}
    witness = {n: v for n, num in bindings.items() if (v := num.subs(frame.witness)).is_const}
    variant = choose(frame.session, ref, structural, witness)
    for condition in variant.definition.conditions:
        conditions.lift(frame, condition, bindings)
    for constraint in variant.definition.constraints:
        _lift(block, ref, constraint.number, constraint.number.subs(bindings), constraint.must, span)
    _fix(block, part, ref, variant, bindings, span)
    part.rest = rest[0] if rest else None
    return variant, bindings, rest[0] if rest else None


def _lift(block: Block, ref: DefinitionRef, inner: Num, number: Num, must: Must, span: Span) -> None:
    block.frame.constrain(number, must, span, f"{inner}, in {ref.name},")


def _fit(
    block: Block,
    ref: DefinitionRef,
    port: signatures.PortOf,
    operand: Tensor,
    bindings: dict[str, Num],
    rest: list[Shape],
    span: Span,
) -> None:
    """An operand's type against what a port declares."""
    have, want = operand.type, port.type
    wrong = unify_shape(want.shape, have.shape, bindings, rest)
    if not wrong and have.dtype != want.dtype and not (isinstance(operand.operand, Num) and have.shape == ()):
        wrong = f"the elements must be {want.dtype}, and they are {have.dtype}"
    if wrong:
        needed = Type(dtype=want.dtype, shape=subs_shape(want.shape, bindings, rest[0] if rest else None))
        declared = f"`{port.name}` is declared {want}" + (f", here {needed}" if needed != want else "")
        reason = f"its input `{port.name}` is {have} and must be {needed}: {wrong}"
        raise block.frame.fail(
            errors.WrongShape(span, ref.name, reason, notes=[Note(port.span, declared)], mend=apply.rounded(wrong))
        )


def _fix(block: Block, part: Part, ref: DefinitionRef, variant: Variant, bindings: dict[str, Num], span: Span) -> None:
    """The part gets its variant and sizes at its first use, and keeps them."""
    definition = variant.definition
    sizes = {s: bindings[s] for s in definition.sizes}
    if part.made is None:
        settings = {n: expressions.setting(s) for n, s in part.statics.items() if isinstance(s, Number)}
        part.variant, part.bindings = variant, bindings
        part.made = Made(
            id=part.id, name=part.name, named=part.named, alias=part.alias, of=definition.name, primitive=False, settings=settings,
            sizes=sizes, frozen=part.frozen, place=part.span.place(),
        )  # fmt: skip
    elif part.variant is not variant or part.made.sizes != sizes:
        old = ", ".join(f"{k} = {v}" for k, v in part.made.sizes.items()) or "other choices"
        new = ", ".join(f"{k} = {v}" for k, v in sizes.items()) or "other choices"
        raise block.frame.fail(
            errors.NotShared(
                span,
                part.name,
                f"it was made for {old}, and this use needs {new}",
                notes=[Note(part.span, "made here")],
            )
        )


def _comes_out(session: Session, any_of: conditions.AnyOf, witness: Mapping[str, Num]) -> bool | None:
    outcome = conditions.evaluate(any_of, witness)
    return conditions.by_itself(any_of) if outcome is None and session.open else outcome


def choose(
    session: Session, ref: DefinitionRef, structural: Mapping[str, Static], witness: dict[str, Num], entry: bool = False
) -> Variant:
    """A variant made before for which every `if` comes out alike, or a new one."""
    keys = {n: conditions.key(s) for n, s in structural.items()}
    made = session.variants.get(ref.key, [])
    open_kinds = any(
        h.default is None and isinstance(v.statics[h.name.text], Maker | Function)
        for v in made
        for h in ref.node.hypers
    )
    if entry and open_kinds:
        return made[0]  # only a user can say what such a hyperparameter stands for
    for variant in made:
        known = {n: conditions.key(s) for n, s in variant.statics.items() if not isinstance(s, Number)}
        if entry and known == keys:
            return variant  # a block of the file is shown as the file's models use it
        if known == keys and all(
            _comes_out(session, c.any_of, witness) == c.outcome for c in variant.definition.conditions
        ):
            return variant
    if ref.key in session.making:
        around = list(session.making)
        through = [name for _, name in around[around.index(ref.key) + 1 :]]
        session.report(
            errors.UsesItself(ref.node.name.span, ref.name, f", through {', '.join(through)}" if through else "")
        )
        raise Failed
    if (ref.key, str(keys)) in session.broken:
        raise Failed
    statics: dict[str, Static] = {
        h.name.text: structural.get(h.name.text, Number(Num.symbol(h.name.text))) for h in ref.node.hypers
    }
    session.making[ref.key] = ref
    try:
        return make(session, ref, statics, witness)
    except Failed:
        session.broken.add((ref.key, str(keys)))
        raise
    finally:
        del session.making[ref.key]


# -- making -------------------------------------------------------------------------------------------------------------
def make(session: Session, ref: DefinitionRef, statics: dict[str, Static], witness: dict[str, Num]) -> Variant:
    """Make a definition. Raises Failed where callers could do nothing with it."""
    declared = signatures.signature(session, ref)
    if declared is None:
        raise Failed
    position = len(session.order)
    frame = Frame(session, ref, statics, witness, sizes=dict(declared.sizes))
    block = Block(frame, "definition")
    inputs = []
    frame.inputs = {port.name for port in declared.ports}
    for port in declared.ports:
        value = frame.value(port.type, port.name)
        inputs.append(
            Input.new(id=value.id, name=port.name, type=value.type, default=port.default, place=port.span.place())
        )
        frame.spans[value.id] = port.span
        block.names[port.name] = Tensor(value.id, value.type)
        for size in port.type.shape:
            if size != ELLIPSIS:
                frame.constrain(size, "whole", port.span) if size.divides else None
    initial = frame.initial = Block(frame, "initial")
    statements.run(block, ref.node.body.statements)
    statements.finish(block)
    for value in frame.values.values():  # what an `if` told of sizes holds for what was made before it, too
        value.type = value.type.subs(frame.equal)
    definition = _definition(frame, block, initial, declared, inputs)
    verify.dead_weights(frame, definition)
    if frame.broken:
        raise Failed  # callers say nothing about what is known to be wrong
    outputs = {n: Tensor(t.operand, t.type, t.range) for n, (t, _) in block.outputs.items()}
    states = {s.name: s.value.type for s in block.states.values()}
    variant = Variant(definition, ref, statics, outputs, states, bool(block.states) or frame.rides, block)
    session.variants.setdefault(ref.key, []).append(variant)
    session.order.insert(position, variant)
    return variant


def _definition(
    frame: Frame, block: Block, initial: Block, declared: signatures.SignatureOf, inputs: list[Input]
) -> Definition:
    node, session = frame.ref.node, frame.session
    body = block.region()
    chosen = {n: expressions.setting(s) for n, s in frame.statics.items() if not isinstance(s, Number)}
    return Definition(
        name=session.unique(_variant_name(frame)),
        source_name=node.name.text,
        kind=node.kind,  # type: ignore[arg-type]
        doc=node.doc,
        library=frame.ref.scope.source.library,
        hypers=_hypers(frame),
        chosen=chosen,
        sizes=[s for s in declared.sizes if s in _needed(body, frame, block)],
        inputs=inputs,
        initial=initial.nodes,  # type: ignore[arg-type]
        states=[
            State.new(value=s.value, initial=s.initial, next=s.next.operand, place=s.span.place())
            for s in block.states.values()
            if s.next
        ],
        memories=[
            Memory.new(value=s.value, initial=s.initial, next=s.next.operand if s.next else None, place=s.span.place())
            for s in frame.memories.values()
        ],
        body=body,
        outputs=[
            Output.new(name=n, operand=t.operand, type=t.type, place=s.place()) for n, (t, s) in block.outputs.items()
        ],
        configs=[],
        constraints=list(frame.constraints.values()),
        conditions=list(frame.conditions.values()),
        place=node.name.span.place(),
    )


def _variant_name(frame: Frame) -> str:
    """The definition's name, with what was chosen otherwise than its defaults say (MultiHeadAttentionCausal) and what holds of it
    (ResidualUnitProjected). What holds only of its parts is said where the name would else be taken."""
    ref, session = frame.ref, frame.session
    entry = len(session.making) == 1
    if ref.node.kind in ("model", "train") and entry:
        return ref.node.name.text
    usual = signatures.with_defaults(session, ref, {}, {})
    others = {n: s for n, s in frame.statics.items() if not isinstance(s, Number)}
    words = [_word(n, s) for n, s in others.items() if conditions.key(s) != conditions.key(usual[n])]
    name = _joined(ref.node.name.text, [*words, *frame.chosen])
    if name in session.names:
        return _joined(name, [c.name for c in frame.conditions.values() if c.outcome and c.name not in frame.chosen])
    return name


def _word(hyper: str, static: Static) -> str:
    """What was chosen, in a word."""
    match static:
        case Flag():
            return hyper if static.value else f"no_{hyper}"
        case Word():
            return static.text
        case Function():
            return static.op.name
        case Maker():
            return static.name
    return ""


def _joined(name: str, words: list[str]) -> str:
    return name + "".join(w[:1].upper() + w[1:] for text in words for w in re.split(r"\W+|_", text))


def _hypers(frame: Frame) -> list[Hyper]:
    """The hyperparameters that are numbers, with their defaults."""
    defaults = Frame(frame.session, frame.ref, frame.statics, {})
    block = Block(defaults, "definition")
    result = []
    for hyper in frame.ref.node.hypers:
        name = hyper.name.text
        if isinstance(frame.statics[name], Number):
            entity = expressions.static(block, hyper.default) if hyper.default is not None else None
            result.append(Hyper.new(name=name, default=entity.num if isinstance(entity, Number) else None))
    return result


def _needed(region: Region, frame: Frame, block: Block) -> set[str]:
    """Symbols that must be numbers when the module is made: what sizes of weights, of memories and counts of copies depend on."""
    found: set[str] = set()

    def visit(region: Region) -> None:
        for made in region.made:
            for size in [*made.sizes.values(), *(s for s in made.settings.values() if isinstance(s, Num))]:
                found.update(size.symbols())
            for type in made.weights.values():
                found.update(type.symbols())
        for param in region.params:
            found.update(param.value.type.symbols())
        for inner in region.nodes:
            if inner.kind == "stack":
                found.update(inner.count.symbols())
            if inner.kind in ("stack", "loop", "scan", "until"):
                visit(inner.body)

    visit(region)
    for memory in frame.memories.values():
        found.update(memory.value.type.symbols())
    return found
