"""`scan F over time`: what is sliced, what is held, what is collected."""

from __future__ import annotations

from archdsl import errors
from archdsl.diagnostics import nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Sliced
from archdsl.passes import apply, axes, expressions, making, repeats, statements
from archdsl.passes.entities import Bundle, Entity, Function, Maker, Number, Part, Tensor, describe
from archdsl.passes.frame import Block
from archdsl.syntax import tree


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
    sliced: list[Sliced] = []
    incoming = []
    for tensor, position in zip(tensors, positions):
        if position is None:
            incoming.append(tensor)
            continue
        shape = tensor.type.shape
        axis = axes.axis_at(shape, position)
        twin = next((s.value for s in sliced if (s.operand, s.axis) == (tensor.operand, axis)), None)
        if twin is not None:  # the same slices, under another name
            incoming.append(Tensor(twin.id, twin.type, tensor.range))
            continue
        value = frame.value(tensor.type.with_shape([*shape[:position], *shape[position + 1 :]]))
        if isinstance(tensor.operand, int):
            value.name = frame.values[tensor.operand].name
            frame.spans[value.id] = node.span
        sliced.append(Sliced.new(operand=tensor.operand, axis=axis, value=value))
        incoming.append(Tensor(value.id, value.type, tensor.range))
    lengths = _lengths(block, node, tensors, positions)
    _scan_body(block, inner, node, target, incoming)
    if lengths is not None:
        _check_led(block, inner, node, lengths)
    first = next(i for i, p in enumerate(positions) if p is not None)
    shape = tensors[first].type.shape
    position = positions[first] or 0
    size = shape[position]
    if size.symbols() <= set(frame.statics):
        frame.constrain(size, "positive", node.span)  # of no step at all, nothing could be collected
    how = repeats.Shape("scan", size, at=shape[:position], reversed=node.reversed, sliced=sliced)
    how.lengths = lengths.operand if lengths is not None else None
    return repeats.close(block, inner, node, how, None, node.start)


def _lengths(block: Block, node: tree.Scan, tensors: list[Tensor], positions: list[int | None]) -> Tensor | None:
    """`at_most lengths`: how many steps each entry of the first axis of what is sliced has."""
    if node.at_most is None:
        return None
    given = expressions.tensor(block, node.at_most)
    mend = "`input lengths: int[batch]` has one for each entry of the batch"
    if given.type.dtype != "int" or len(given.type.shape) != 1 or not isinstance(given.operand, int):
        reason = f"lengths are whole numbers, one for each entry of one axis, and this is {given.type}"
        raise block.frame.fail(errors.WrongShape(node.at_most.span, "`at_most`", reason, mend=mend))
    for tensor, position in zip(tensors, positions):
        rest = [n for i, n in enumerate(tensor.type.shape) if i != position]
        if position is not None and (position > 1 or rest[:1] != list(given.type.shape)):
            reason = f"{tensor.type} has no axis {given.type.shape[0]} before or right after the one that is scanned"
            raise block.frame.fail(errors.WrongShape(node.at_most.span, "`at_most`", reason, mend=mend))
    return given


def _check_led(block: Block, inner: Block, node: tree.Scan, lengths: Tensor) -> None:
    """Whatever stops at its own length has the axis of the lengths first."""
    (axis,) = lengths.type.shape
    types = {name: info.value.type for name, info in inner.states.items()}
    types |= {name: tensor.type for name, (tensor, _) in inner.outputs.items()}
    parts = {p.id: p for p in block.frame.parts}
    for ride in inner.rides:
        part = parts[ride.made]
        if part.variant:
            types |= {name: t.subs(part.bindings, part.rest) for name, t in part.variant.states.items()}
    for name, found in types.items():
        if found.shape[:1] != (axis,) and node.at_most is not None:
            reason = f"`{name}` is {found}, so that no entry of {axis} stops by itself"
            raise block.frame.fail(errors.WrongShape(node.at_most.span, "`at_most`", reason))


def _scan_body(block: Block, inner: Block, node: tree.Scan, target: Entity | None, incoming: list[Tensor]) -> None:
    frame = block.frame
    if isinstance(node.target, tree.Body):
        chain = repeats.chain_of(node.target)
        if chain is not None and len(incoming) == 1:
            result = expressions.as_tensor(inner, repeats.through(inner, chain, incoming[0]), chain.span)
            statements.give(inner, "output", result, chain.span)
            return
        for port, tensor in zip(repeats.named_inputs(inner, node.target, len(incoming), node.target.span), incoming):
            repeats.check_type(inner, port, tensor)
            inner.names[port.name.text] = tensor
            if isinstance(tensor.operand, int):
                frame.values[tensor.operand].name = frame.values[tensor.operand].name or port.name.text
        statements.run(inner, repeats.rest_of(node.target))
        repeats.check_handed(inner)
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
