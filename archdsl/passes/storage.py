"""What holds a value: `param`, `state`, `memory`, and what is drawn."""

from __future__ import annotations

from archdsl import errors
from archdsl.diagnostics import nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Draw as DrawNode
from archdsl.ir.program import Param as ParamData
from archdsl.ir.types import Type
from archdsl.ops import DISTRIBUTIONS
from archdsl.ops.base import Misfit
from archdsl.passes import expressions, initial, limits, statements, written
from archdsl.passes.entities import Tensor
from archdsl.passes.frame import Block, StateInfo
from archdsl.source import Span
from archdsl.syntax import tree


def param(block: Block, node: tree.Param) -> None:
    type = written.type_of(block, node.type)
    written.no_rest(block, type, node.type)
    for name in node.names:
        statements.declare(block, name.text, name.span)
        fill = initial.fill(block, node.initial)
        initial.fits(block, fill, type.shape, node.initial.span)
        value = block.frame.value(type, block.frame.attribute(name.text))
        block.frame.spans[value.id] = name.span
        block.params.append(ParamData.new(value=value, frozen=node.frozen, initial=fill, place=node.span.place()))
        block.names[name.text] = Tensor(value.id, type)


def state(block: Block, node: tree.State) -> None:
    frame = block.frame
    if block.kind == "definition" and frame.ref.node.kind != "cell":
        mend = f"make it `cell {frame.ref.name}`, or put the state into the body of a loop, stack or scan"
        raise frame.fail(
            errors.StateProblem(
                node.span, f"`{frame.ref.name}` is a {frame.ref.node.kind}, and only a cell has state", mend=mend
            )
        )
    if block.kind == "until":
        raise frame.fail(
            errors.Misplaced(node.span, "`state`", "an until repeats training calls, whose memory is in their parts")
        )
    for name in node.names:
        statements.declare(block, name.text, name.span)
        outside = (frame.initial if block.kind == "definition" else block.parent) or block
        if block.kind == "definition":
            outside.names.update(
                {n: e for n, e in block.names.items() if isinstance(e, Tensor) and _is_param(block, e)}
            )
        start = expressions.tensor(outside, node.initial)
        if node.type is None and isinstance(start.operand, Num):
            raise frame.fail(
                errors.StateProblem(
                    node.span,
                    f"the type of `{name.text}` cannot be told from a number",
                    mend=f"write `state {name.text}: [batch, …] = …`",
                )
            )
        type = written.type_of(block, node.type) if node.type else start.type
        start = statements.widen(outside, start, type)
        if start.type.subs(frame.equal) != type and not isinstance(start.operand, Num):
            raise frame.fail(
                errors.StateProblem(
                    node.initial.span, f"the first value of `{name.text}` is {start.type}, and it is declared {type}"
                )
            )
        add_state(block, name.text, type, start, name.span)


def _is_param(block: Block, tensor: Tensor) -> bool:
    return any(p.value.id == tensor.operand for p in block.params)


def add_state(block: Block, name: str, type: Type, start: Tensor, span: Span) -> Tensor:
    """A state of this block; what it is as it comes in."""
    value = block.frame.value(type, name)
    block.frame.spans[value.id] = span
    block.states[name] = StateInfo(name, value, start.operand, span)
    tensor = Tensor(value.id, value.type)
    block.names[name] = tensor
    return tensor


def memory(block: Block, node: tree.Memory) -> None:
    frame = block.frame
    if frame.ref.node.kind == "train":
        mend = "put it into a model, block or cell that the train calls"
        raise frame.fail(
            errors.Misplaced(node.span, "`memory`", "what is kept between calls belongs to a part", mend=mend)
        )
    if block.kind != "definition":
        raise frame.fail(errors.Misplaced(node.span, "`memory`", "it belongs to a definition, not to a repeat's body"))
    type = written.type_of(block, node.type)
    written.no_rest(block, type, node.type)
    for name in node.names:
        statements.declare(block, name.text, name.span)
        fill = initial.maybe_fill(block, node.initial)
        start: object = fill
        if fill is not None:
            initial.fits(block, fill, type.shape, node.initial.span)
        if fill is None:
            tensor = statements.widen(block, expressions.tensor(block, node.initial), type)
            if tensor.type.subs(frame.equal) != type and not isinstance(tensor.operand, Num):
                raise frame.fail(
                    errors.StateProblem(
                        node.initial.span,
                        f"the first value of `{name.text}` is {tensor.type}, and it is declared {type}",
                    )
                )
            start = tensor.operand
            if type.dtype != "float" and not isinstance(start, Num):
                mend = "start it from a number, or keep it as float"
                raise frame.fail(
                    errors.StateProblem(
                        node.initial.span,
                        f"`{name.text}` is {type.dtype}, and only a float memory can start from data",
                        mend=mend,
                    )
                )
        value = frame.value(type, frame.attribute(name.text))
        frame.spans[value.id] = name.span
        frame.memories[name.text] = StateInfo(name.text, value, start, node.span)  # type: ignore[arg-type]
        block.names[name.text] = Tensor(value.id, type)


# -- chance -----------------------------------------------------------------------------------------------------------
def draw(block: Block, node: tree.Draw) -> None:
    frame = block.frame
    distribution = DISTRIBUTIONS.get(node.distribution.text)
    if distribution is None:
        guess = nearest(node.distribution.text, DISTRIBUTIONS)
        mend = f"did you mean `{guess}`?" if guess else f"distributions: {', '.join(DISTRIBUTIONS)}"
        raise frame.fail(errors.UnknownName(node.distribution.span, node.distribution.text, "distribution", mend=mend))
    names = list(distribution.parameters)
    tensors: dict[str, Tensor] = {}
    for i, argument in enumerate(node.arguments):
        name = argument.name.text if argument.name else names[i] if i < len(names) else ""
        if name not in names or name in tensors:
            raise frame.fail(errors.DrawProblem(argument.span, f"{distribution.name} takes {', '.join(names)}"))
        tensors[name] = expressions.tensor(block, argument.value)
    if len(tensors) != len(names):
        raise frame.fail(errors.DrawProblem(node.span, f"{distribution.name} takes {', '.join(names)}"))
    spans = dict(zip(tensors, (a.span for a in node.arguments)))
    limits.check(
        block, distribution.name, distribution.limits, {n: t.operand for n, t in tensors.items()}, spans, node.span
    )
    ordered = [tensors[n] for n in names]
    declared = written.type_of(block, node.type) if node.type else None
    way = node.gradient.text if node.gradient else "none"
    try:
        type = distribution.type([t.type for t in ordered], way, declared)  # type: ignore[arg-type]
    except Misfit as misfit:
        raise frame.fail(errors.DrawProblem(node.span, misfit.reason, mend=misfit.hint)) from None
    value = frame.value(type)
    frame.spans[value.id] = node.span
    operands = [t.operand for t in ordered]
    block.nodes.append(
        DrawNode.new(
            distribution=distribution.name, inputs=operands, gradient=way, outputs=[value], place=node.span.place()
        )
    )
    support = distribution.support([t.range for t in ordered])
    drawn = Tensor(value.id, value.type, support, (distribution.name, operands))
    statements.bind(block, node.target, drawn, node)
