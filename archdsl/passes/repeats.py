"""`stack`, `loop`, `scan` and `residual`: bodies, what they carry, what they collect, and the states that ride on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Union

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Axis, Carried, Collected, Operand, Repeat, Ride, Sliced
from archdsl.ir.types import Type, show_shape
from archdsl.ops import OPS
from archdsl.passes import apply, axes, expressions, making, statements, storage, written
from archdsl.passes.entities import Bundle, Entity, Function, Maker, Number, Part, Tensor, Unknown, describe
from archdsl.passes.frame import Block
from archdsl.source import Span
from archdsl.syntax import tree

RepeatTree = Union[tree.Stack, tree.Loop, tree.Scan, tree.Residual]


def repeat(block: Block, node: RepeatTree, operands: list[Entity]) -> Entity:
    """A repeat applied to what comes in."""
    tensors = [expressions.as_tensor(block, e, node.span) for e in operands]
    match node:
        case tree.Residual():
            return residual(block, node, tensors)
        case tree.Scan():
            return scan(block, node, tensors)
    return copies(block, node, tensors)


# -- bodies -----------------------------------------------------------------------------------------------------------
def chain_of(body: tree.Body) -> tree.Expression | None:
    """The chain that a body is, if it has no statements."""
    if len(body.statements) == 1:
        only = body.statements[0]
        if isinstance(
            only,
            (
                tree.Chain,
                tree.Name,
                tree.Call,
                tree.Frozen,
                tree.Stack,
                tree.Loop,
                tree.Scan,
                tree.Residual,
                tree.Choice,
                tree.Field,
            ),
        ):
            if not (isinstance(only, tree.Chain) and isinstance(only.stages[-1], tree.Sink)):
                return only
    return None


def through(block: Block, chain: tree.Expression, entity: Entity) -> Entity:
    """What comes in, passed through a chain of stages."""
    nodes = chain.stages if isinstance(chain, tree.Chain) else [chain]
    return apply.stages(block, nodes, entity)


def named_inputs(block: Block, body: tree.Body, count: int, span: Span) -> list[tree.Port]:
    """The names that a body gives to what comes in."""
    ports = [p for s in body.statements if isinstance(s, tree.Input) for p in s.ports]
    if len(ports) != count:
        what = f"{count} value{'s' * (count != 1)} come{'s' * (count == 1)} in, and the body names {len(ports)}"
        raise block.frame.fail(
            errors.RepeatProblem(span, what, mend="name each with `input a, b` at the top of the body")
        )
    return ports


def rest_of(body: tree.Body) -> list[tree.Statement]:
    return [s for s in body.statements if not isinstance(s, tree.Input)]


def check_type(block: Block, port: tree.Port, tensor: Tensor) -> None:
    """A body's input may say its type; then it is checked."""
    if port.type is not None:
        declared = written.type_of(block, port.type)
        if declared != tensor.type:
            raise block.frame.fail(
                errors.WrongShape(port.span, f"`{port.name.text}`", f"it is {tensor.type}, and declared {declared}")
            )


def inline(block: Block, body: tree.Body, piped: Entity | None) -> Entity:
    """A body in the place where it stands: `residual { … }`, `if c { … }`."""
    chain = chain_of(body)
    if chain is not None:
        return expressions.value(block, chain) if piped is None else through(block, chain, piped)
    inner = Block(block.frame, "inline", block, nodes=block.nodes, parts=block.parts, params=block.params)
    incoming = [] if piped is None else [expressions.as_tensor(block, piped, body.span)]
    if not body.statements and piped is not None:
        return piped
    for port, tensor in zip(named_inputs(inner, body, len(incoming), body.span), incoming):
        check_type(block, port, tensor)
        inner.names[port.name.text] = tensor
    statements.run(inner, rest_of(body))
    if len(inner.outputs) != 1:
        raise block.frame.fail(
            errors.RepeatProblem(
                body.span,
                f"this body gives {len(inner.outputs)} values, and must give one",
                mend="end it with `output y`",
            )
        )
    return next(iter(inner.outputs.values()))[0]


def residual(block: Block, node: tree.Residual, tensors: list[Tensor]) -> Entity:
    if len(tensors) != 1:
        raise block.frame.fail(
            errors.RepeatProblem(
                node.span, "a residual adds to one value that comes in", mend="write `x -> residual { … }`"
            )
        )
    (incoming,) = tensors
    result = expressions.as_tensor(block, inline(block, node.body, incoming), node.span)
    if result.type != incoming.type:
        reason = f"what comes in is {incoming.type}, and its body gives {result.type}"
        raise block.frame.fail(
            errors.WrongShape(node.span, "`residual`", reason, mend="both are added, so they must be alike")
        )
    return apply.operate(block, OPS["add"], [incoming, result], {}, node.span)  # type: ignore[no-any-return]


# -- stack and loop ---------------------------------------------------------------------------------------------------
def copies(block: Block, node: tree.Stack | tree.Loop, tensors: list[Tensor]) -> Entity:
    """`stack n as i { … }`, `loop n { … }`"""
    frame = block.frame
    stacked = isinstance(node, tree.Stack)
    count = expressions.number(block, node.count)
    frame.constrain(count, "whole", node.count.span) if count.is_const or count.divides else None
    frame.constrain(count, "positive", node.count.span) if count.is_const else None
    inner = block.child("stack" if stacked else "loop")
    index = node.index.text if isinstance(node, tree.Stack) and node.index else None
    if index:
        if index in frame.statics or index in frame.sizes or block.find(index) is not None:
            raise frame.fail(
                errors.Twice(node.index.span if isinstance(node, tree.Stack) and node.index else node.span, index)
            )
        inner.names[index] = Number(Num.symbol(index))
    chain = chain_of(node.body)
    main: str | None = None
    if chain is not None and (tensors or not isinstance(chain, tree.Chain)):
        main = _carry_chain(inner, chain, tensors, node)
    else:
        ports = named_inputs(inner, node.body, len(tensors), node.body.span)
        handed = statements.handed_on(node.body.statements)
        for port, tensor in zip(ports, tensors):
            check_type(block, port, tensor)
            if port.name.text in handed:
                storage.add_state(inner, port.name.text, tensor.type, tensor, port.span)
                main = main or port.name.text
            else:
                inner.names[port.name.text] = tensor
        statements.run(inner, rest_of(node.body))
        _check_handed(inner)
    return close(block, inner, node, _Shape(inner.kind, count, index=index), main, node.start)


def _carry_chain(inner: Block, chain: tree.Expression, tensors: list[Tensor], node: tree.Stack | tree.Loop) -> str:
    """A chain as a body: what it gives is what it takes."""
    frame = inner.frame
    if len(tensors) != 1:
        raise frame.fail(
            errors.RepeatProblem(
                node.span,
                "a chain passes one value on, and none comes in" if not tensors else "a chain passes one value on",
            )
        )
    (tensor,) = tensors
    known = frame.values[tensor.operand].name if isinstance(tensor.operand, int) else None
    name = known or "x"
    incoming = storage.add_state(inner, name, tensor.type, tensor, node.body.span)
    result = expressions.as_tensor(inner, through(inner, chain, incoming), chain.span)
    if result.type.subs(frame.equal) != tensor.type.subs(frame.equal):
        reason = f"each pass takes {tensor.type} and gives {result.type}"
        raise frame.fail(
            errors.RepeatProblem(
                chain.span,
                reason,
                mend="what a pass gives is what the next one takes; change the size before the repeat",
            )
        )
    inner.states[name].next = result
    return name


def _check_handed(inner: Block) -> None:
    for info in inner.states.values():
        if info.next is None and not any(isinstance(e, Unknown) for e in inner.names.values()):
            raise inner.frame.fail(
                errors.StateProblem(
                    info.span,
                    f"`{info.name}` is never handed on",
                    mend=f"say what the next pass gets: `{info.name}' = …`",
                )
            )


# -- scan -------------------------------------------------------------------------------------------------------------
def scan(block: Block, node: tree.Scan, tensors: list[Tensor]) -> Entity:
    """`scan F over time`"""
    frame = block.frame
    if not tensors:
        raise frame.fail(
            errors.RepeatProblem(
                node.span,
                "nothing comes into this scan",
                mend="write `x -> scan F over time` or `(scan F over time)(x, y)`",
            )
        )
    positions = _slices(block, node, tensors)
    target = None if isinstance(node.target, tree.Body) else expressions.value(block, node.target)
    if isinstance(target, Maker):
        target = making.construct(block, target, [], node.target.span)
    inner = block.child("scan")
    sliced, incoming = [], []
    for tensor, position in zip(tensors, positions):
        if position is None:
            incoming.append(tensor)
            continue
        shape = tensor.type.shape
        value = frame.value(tensor.type.with_shape([*shape[:position], *shape[position + 1 :]]))
        if isinstance(tensor.operand, int):
            value.name = frame.values[tensor.operand].name
            frame.spans[value.id] = node.span
        sliced.append(Sliced.new(operand=tensor.operand, axis=axes.axis_at(shape, position), value=value))
        incoming.append(Tensor(value.id, value.type, tensor.range))
    _scan_body(block, inner, node, target, incoming)
    first = next(i for i, p in enumerate(positions) if p is not None)
    shape = tensors[first].type.shape
    position = positions[first] or 0
    size = shape[position]
    how = _Shape("scan", size, at=shape[:position], reversed=node.reversed, sliced=sliced)
    return close(block, inner, node, how, None, node.start)


def _scan_body(block: Block, inner: Block, node: tree.Scan, target: Entity | None, incoming: list[Tensor]) -> None:
    frame = block.frame
    if isinstance(node.target, tree.Body):
        chain = chain_of(node.target)
        if chain is not None and len(incoming) == 1:
            result = expressions.as_tensor(inner, through(inner, chain, incoming[0]), chain.span)
            statements.give(inner, "output", result, chain.span)
            return
        for port, tensor in zip(named_inputs(inner, node.target, len(incoming), node.target.span), incoming):
            check_type(inner, port, tensor)
            inner.names[port.name.text] = tensor
            if isinstance(tensor.operand, int):
                frame.values[tensor.operand].name = frame.values[tensor.operand].name or port.name.text
        statements.run(inner, rest_of(node.target))
        _check_handed(inner)
        return
    span = node.target.span
    entity: Entity
    match target:
        case Part():
            entity = making.apply_part(inner, target, list(incoming), {}, span)
        case Function():
            entity = apply.function(inner, target.op, list(incoming), [], span)
        case _:
            raise frame.fail(
                errors.NotApplicable(
                    span,
                    f"a scan steps something that can be applied, and this is {describe(target) if target else 'nothing'}",
                )
            )
    if isinstance(entity, Bundle):
        for name, tensor in entity.fields.items():
            statements.give(inner, name, tensor, span)
    else:
        names = list(target.variant.outputs) if isinstance(target, Part) and target.variant else ["output"]
        statements.give(inner, names[0], expressions.as_tensor(inner, entity, span), span)


def _slices(block: Block, node: tree.Scan, tensors: list[Tensor]) -> list[int | None]:
    """For each operand the position of the scanned axis, or None if it is held."""
    frame = block.frame
    if node.axis.name is None:
        axis = axes.resolve_axis(block, tensors[0].type.shape, Num.of(node.axis.index or 0), node.axis.span)
        position = axis.index % len(tensors[0].type.shape)
        shapes = [t.type.shape for t in tensors]
        return [position if len(s) > position and s[position] == axis.size else None for s in shapes]
    found = expressions.lookup(block, node.axis.name)
    if not isinstance(found, Number):
        known = {str(n) for t in tensors for n in t.type.shape if n.name}
        guess = nearest(node.axis.name, known)
        mend = f"did you mean `{guess}`?" if guess else f"what comes in has the axes {', '.join(sorted(known))}"
        raise frame.fail(errors.UnknownName(node.axis.span, node.axis.name, "axis", mend=mend))
    result: list[int | None] = []
    for tensor in tensors:
        positions = [i for i, n in enumerate(tensor.type.shape) if n == found.num]
        if len(positions) > 1:
            raise frame.fail(
                errors.WrongShape(
                    node.axis.span,
                    "this axis",
                    f"{tensor.type} has {len(positions)} axes of size {found.num}",
                    mend="say which by its position: `over 1`",
                )
            )
        result.append(positions[0] if positions else None)
    if all(p is None for p in result):
        shown = ", ".join(str(t.type) for t in tensors)
        raise frame.fail(
            errors.WrongShape(
                node.axis.span, "this axis", f"nothing that comes in has an axis `{node.axis.name}`: {shown}"
            )
        )
    return result


# -- what comes out ---------------------------------------------------------------------------------------------------
@dataclass
class _Shape:
    """How a body is repeated."""

    kind: str
    count: Num
    index: str | None = None
    at: Sequence[Num] = ()
    reversed: bool = False
    sliced: list[Sliced] = field(default_factory=list)


def close(
    block: Block, inner: Block, node: tree.Node, how: _Shape, main: str | None, start: Sequence[tree.Argument]
) -> Bundle:
    """The repeat's node, and its result."""
    frame = block.frame
    carried, finals = [], {}
    for name, info in inner.states.items():
        if info.next is None:
            continue
        final = frame.value(info.value.type)
        frame.spans[final.id] = node.span
        carried.append(
            Carried.new(name=name, initial=info.initial, value=info.value, next=info.next.operand, final=final)
        )
        finals[name] = Tensor(
            final.id, final.type, info.next.range if isinstance(info.initial, Num) else (float("-inf"), float("inf"))
        )
    _starts(block, inner, start)
    collected, fields = [], {}
    for name, (tensor, span) in inner.outputs.items():
        type, axis = _stacked(tensor.type, how)
        value = frame.value(type)
        frame.spans[value.id] = span
        collected.append(Collected.new(name=name, operand=tensor.operand, axis=axis, value=value))
        fields[name] = Tensor(value.id, value.type, tensor.range)
    if not carried and not collected:
        raise frame.fail(
            errors.RepeatProblem(
                node.span, f"this {how.kind} gives nothing", mend="hand something on (`h' = …`), or collect an `output`"
            )
        )
    block.nodes.append(
        Repeat(
            kind=how.kind, count=how.count, index=how.index, reversed=how.reversed, sliced=how.sliced, carried=carried,  # type: ignore[arg-type]
            rides=inner.rides, collected=collected, body=inner.region(), place=node.span.place(),
        )
    )  # fmt: skip
    value_of = finals[main] if main else next(iter(fields.values()), None) or next(iter(finals.values()), None)
    rides = {r.made: r for r in inner.rides}
    riders = [p for p in frame.parts if p.id in rides]

    def final_of(name: str) -> Tensor | None:
        return finals.get(name) or _final(block, riders, rides, name, node.span)

    known = [*finals, *(s for p in riders if p.variant for s in p.variant.states)]
    return Bundle(f"the result of this {how.kind}", value_of, fields, final_of, known)


def _stacked(type: Type, how: _Shape) -> tuple[Type, Axis]:
    """The type of a collected output: the repeated axis stands where the sliced one stood, or first."""
    shape = list(type.shape)
    at = list(how.at)
    if ELLIPSIS in at and ELLIPSIS in shape:
        position = min(shape.index(ELLIPSIS) + len(at) - at.index(ELLIPSIS), len(shape))
    else:
        position = min(len(at), len(shape))
    shape.insert(position, how.count)
    return type.with_shape(shape), axes.axis_at(shape, position)


def _final(block: Block, riders: list[Part], rides: dict[int, Ride], name: str, span: Span) -> Tensor | None:
    """The last value of a riding cell's state, made a value of the outside when it is first asked for."""
    for part in riders:
        if part.variant and name in part.variant.states:
            ride = rides[part.id]
            if name not in ride.finals:
                value = block.frame.value(part.variant.states[name].subs(part.bindings, part.rest))
                block.frame.spans[value.id] = span
                ride.finals[name] = value
            return Tensor(ride.finals[name].id, ride.finals[name].type)
    return None


def _starts(block: Block, inner: Block, start: Sequence[tree.Argument]) -> None:
    """`from (h = h0)`: where riding states start."""
    frame = block.frame
    for argument in start:
        if argument.name is None:
            raise frame.fail(
                errors.StateProblem(
                    argument.span, "`from` names the states that start elsewhere", mend="write `from (h = h0)`"
                )
            )
        name = argument.name.text
        states = {}
        for ride in inner.rides:
            part = next(p for p in frame.parts if p.id == ride.made)
            if part.variant:
                states.update({s: (ride, t.subs(part.bindings, part.rest)) for s, t in part.variant.states.items()})
        if name not in states:
            guess = nearest(name, states)
            mend = f"did you mean `{guess}`?" if guess else f"states here: {', '.join(states) or 'none'}"
            raise frame.fail(
                errors.StateProblem(argument.span, f"no cell that is stepped here has a state `{name}`", mend=mend)
            )
        ride, type = states[name]
        tensor = statements.widen(block, expressions.tensor(block, argument.value), type)
        if tensor.type != type and not isinstance(tensor.operand, Num):
            raise frame.fail(
                errors.StateProblem(argument.span, f"the state `{name}` is {type}, and this is {tensor.type}")
            )
        ride.initial[name] = tensor.operand


def ride(block: Block, part: Part, span: Span) -> None:
    """A cell is stepped: its state rides on the repeat around the call, or on the cell that steps it."""
    frame = block.frame
    target: Block | None = block
    while target is not None and target.kind not in ("stack", "loop", "scan", "definition"):
        target = target.parent
    if target is None:
        return
    if target.kind == "definition" and frame.ref.node.kind != "cell":
        mend = f"`x -> scan {part.maker.name}(…) over time` steps it along an axis"
        raise frame.fail(
            errors.StateProblem(
                span,
                f"`{part.maker.name}` is a cell, and nothing here repeats: its state has nothing to ride on",
                mend=mend,
            )
        )
    if target.kind == "stack" and _inside(part.block, target):
        mend = "scan it inside the stack, or make it outside to carry one state from copy to copy"
        raise frame.fail(
            errors.StateProblem(
                span,
                f"each copy makes its own `{part.maker.name}` and steps it once, so its state goes nowhere",
                mend=mend,
            )
        )
    if id(target) in part.steps:
        raise frame.fail(
            errors.StateProblem(
                span,
                f"`{part.name}` is stepped twice in one pass",
                mend="make a second one",
                notes=[Note(part.span, "made here")],
            )
        )
    part.steps.add(id(target))
    if target.kind == "definition":
        frame.rides = True
    else:
        target.rides.append(Ride.new(made=part.id))


def _inside(block: Block | None, outer: Block) -> bool:
    while block is not None:
        if block is outer:
            return True
        block = block.parent
    return False


__all__ = ["Operand", "chain_of", "inline", "repeat", "ride", "show_shape"]
