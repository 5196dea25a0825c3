"""`stack`, `loop`, `scan` and `residual`: bodies, what they carry, what they collect, and the states that ride on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Union

from archdsl import errors
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Axis, Carried, Collected, Operand, Repeat, Sliced
from archdsl.ir.types import Type
from archdsl.ops import OPS
from archdsl.passes import apply, axes, expressions, riding, scans, statements, storage, written
from archdsl.passes.entities import Bundle, Entity, Number, Tensor, Unknown
from archdsl.passes.frame import Block, Failed
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
            return scans.scan(block, node, tensors)
    return copies(block, node, tensors)


# -- bodies -----------------------------------------------------------------------------------------------------------
_CHAINS = (
    tree.Chain, tree.Name, tree.Call, tree.Frozen, tree.Alias, tree.Stack, tree.Loop, tree.Scan, tree.Residual, tree.Choice, tree.Field,
)  # fmt: skip


def chain_of(body: tree.Body) -> tree.Expression | None:
    """The chain that a body is, if it has no statements."""
    only = body.statements[0] if len(body.statements) == 1 else None
    ends = isinstance(only, tree.Chain) and isinstance(only.stages[-1], tree.Sink)
    return only if isinstance(only, _CHAINS) and not ends else None


def through(block: Block, chain: tree.Expression, entity: Entity) -> Entity:
    """What comes in, passed through a chain of stages."""
    nodes = chain.stages if isinstance(chain, tree.Chain) else [chain]
    return apply.stages(block, nodes, entity)


def node_collects(body: tree.Body) -> bool:
    """Whether a body has outputs, that are collected."""
    return any(isinstance(s, tree.Output) for s in body.statements)


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
    return apply.operate(block, OPS["add"], [incoming, result], {}, node.span)


# -- stack and loop ---------------------------------------------------------------------------------------------------
def copies(block: Block, node: tree.Stack | tree.Loop, tensors: list[Tensor]) -> Entity:
    """`stack n as i { … }`, `loop n { … }`"""
    frame = block.frame
    stacked = isinstance(node, tree.Stack)
    count = expressions.number(block, node.count)
    frame.constrain(count, "whole", node.count.span)
    if count.is_const or node_collects(node.body):  # nothing can be collected from no pass
        frame.constrain(count, "positive", node.count.span)
    else:
        frame.constrain(count, "at least 0", node.count.span)
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
        check_handed(inner)
    return close(block, inner, node, Shape(inner.kind, count, index=index), main, node.start)


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
                mend="what a pass gives is what the next one takes; change the size before the repeat, or write each copy by itself",
            )
        )
    inner.states[name].next = result
    return name


def check_handed(inner: Block) -> None:
    for info in inner.states.values():
        if info.next is None and not any(isinstance(e, Unknown) for e in inner.names.values()):
            raise inner.frame.fail(
                errors.StateProblem(
                    info.span,
                    f"`{info.name}` is never handed on",
                    mend=f"say what the next pass gets: `{info.name}' = …`",
                )
            )


# -- what comes out ---------------------------------------------------------------------------------------------------
@dataclass
class Shape:
    """How a body is repeated."""

    kind: str
    count: Num
    index: str | None = None
    at: Sequence[Num] = ()
    reversed: bool = False
    sliced: list[Sliced] = field(default_factory=list)
    lengths: Operand | None = None


def close(
    block: Block, inner: Block, node: tree.Node, how: Shape, main: str | None, start: Sequence[tree.Argument]
) -> Bundle:
    """The repeat's node, and its result."""
    frame = block.frame
    carried, finals = _carried(inner, node.span)
    riding.starts(block, inner, start)
    collected, fields = _collected(inner, how)
    if not carried and not collected and frame.broken:
        raise Failed
    if not carried and not collected:
        raise frame.fail(
            errors.RepeatProblem(
                node.span, f"this {how.kind} gives nothing", mend="hand something on (`h' = …`), or collect an `output`"
            )
        )
    block.nodes.append(
        Repeat(
            kind=how.kind, count=how.count, index=how.index, reversed=how.reversed, lengths=how.lengths, sliced=how.sliced, carried=carried,  # type: ignore[arg-type]
            rides=inner.rides, collected=collected, body=inner.region(), place=node.span.place(),
        )
    )  # fmt: skip
    if main and main not in finals:
        raise Failed  # what should have handed it on has been reported
    value_of = finals[main] if main else next(iter(fields.values()), None) or next(iter(finals.values()), None)
    rides = {r.made: r for r in inner.rides}
    riders = [p for p in frame.parts if p.id in rides]

    def final_of(name: str) -> Tensor | None:
        return finals.get(name) or riding.final(block, riders, rides, name, node.span)

    known = [*finals, *(s for p in riders if p.variant for s in p.variant.states)]
    return Bundle(f"the result of this {how.kind}", value_of, fields, final_of, known)


def _carried(inner: Block, span: Span) -> tuple[list[Carried], dict[str, Tensor]]:
    """What the body hands on from pass to pass, and what the last pass leaves of each, by name."""
    carried, finals = [], {}
    for name, info in inner.states.items():
        if info.next is None:
            continue
        final = inner.frame.value(info.value.type)
        inner.frame.spans[final.id] = span
        carried.append(
            Carried.new(name=name, initial=info.initial, value=info.value, next=info.next.operand, final=final)
        )
        known = info.next.range if isinstance(info.initial, Num) else (float("-inf"), float("inf"))
        finals[name] = Tensor(final.id, final.type, known)
    return carried, finals


def _collected(inner: Block, how: Shape) -> tuple[list[Collected], dict[str, Tensor]]:
    """What the body gives in each pass, and all of it together, by name."""
    collected, fields = [], {}
    for name, (tensor, span) in inner.outputs.items():
        if how.index and any(how.index in n.symbols() for n in tensor.type.shape):
            reason = f"`{name}` is {tensor.type}, which differs from copy to copy"
            raise inner.frame.fail(
                errors.RepeatProblem(span, reason, mend="what is collected has one type; pad it, or use it in the copy")
            )
        type, axis = _stacked(tensor.type, how)
        value = inner.frame.value(type)
        inner.frame.spans[value.id] = span
        collected.append(Collected.new(name=name, operand=tensor.operand, axis=axis, value=value))
        fields[name] = Tensor(value.id, value.type, tensor.range)
    return collected, fields


def _stacked(type: Type, how: Shape) -> tuple[Type, Axis]:
    """The type of a collected output: the repeated axis stands where the sliced one stood, or first."""
    shape = list(type.shape)
    at = list(how.at)
    if ELLIPSIS in at and ELLIPSIS in shape:
        position = min(shape.index(ELLIPSIS) + len(at) - at.index(ELLIPSIS), len(shape))
    else:
        position = min(len(at), len(shape))
    shape.insert(position, how.count)
    return type.with_shape(shape), axes.axis_at(shape, position)
