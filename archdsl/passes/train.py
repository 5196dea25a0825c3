"""`minimize`, `until` and updates of a part's memory: statements of a train."""

from __future__ import annotations

from archdsl import errors
from archdsl.diagnostics import nearest
from archdsl.ir.program import Minimize, Node, Repeat, Setting, Until, Update
from archdsl.ops import OPTIMIZERS
from archdsl.ops.base import default_of
from archdsl.passes import expressions, initial, reach
from archdsl.passes.entities import Part, Tensor, describe
from archdsl.passes.frame import Block
from archdsl.source import Span
from archdsl.syntax import tree


def _only_in_train(block: Block, node: tree.Node, what: str) -> None:
    if block.frame.ref.node.kind != "train" or block.kind not in ("definition", "until"):
        raise block.frame.fail(errors.Misplaced(node.span, what, "it stands in a train"))


def minimize(block: Block, node: tree.Minimize) -> None:
    """`minimize loss over G with Adam(2e-4)`"""
    _only_in_train(block, node, "`minimize`")
    frame = block.frame
    loss = expressions.tensor(block, node.loss)
    if loss.type.shape != () or loss.type.dtype != "float":
        mend = "mean(…) of it makes it a scalar" if loss.type.shape else ""
        raise frame.fail(
            errors.LearningProblem(node.loss.span, f"a loss is a scalar, and this is {loss.type}", mend=mend)
        )
    parts, params = [], []
    for name in node.over:
        entity = block.find(name.text)
        if isinstance(entity, Part):
            parts.append(entity.id)
        elif isinstance(entity, Tensor) and any(p.value.id == entity.operand for p in _params(block)):
            params.append(entity.operand)
        else:
            known = [n for n, e in block.names.items() if isinstance(e, Part)]
            guess = nearest(name.text, known)
            what = (
                f"`{name.text}` is {describe(entity)}"
                if entity is not None
                else f"`{name.text}` is nothing that learns"
            )
            mend = (
                f"did you mean `{guess}`?"
                if guess
                else f"name a part first (`net = Net()`); here: {', '.join(known) or 'none'}"
            )
            raise frame.fail(errors.LearningProblem(name.span, what, mend=mend))
    _check_reach(block, node, loss)
    optimizer, settings = _optimizer(block, node)
    taken = {n.name for n in block.nodes if isinstance(n, Minimize)}
    base = node.loss.text if isinstance(node.loss, tree.Name) else "loss"
    name_of, i = base, 2
    while name_of in taken:
        name_of, i = f"{base}_{i}", i + 1
    block.nodes.append(
        Minimize.new(
            name=name_of,
            loss=loss.operand,
            over=parts,
            over_params=params,
            optimizer=optimizer,
            settings=settings,
            place=node.span.place(),
        )
    )


def _params(block: Block) -> list:  # type: ignore[type-arg]
    return [*block.params, *(_params(block.parent) if block.parent else [])]


def _check_reach(block: Block, node: tree.Minimize, loss: Tensor) -> None:
    """The loss must have a gradient that reaches what it is to teach, and that must be able to learn."""
    frame = block.frame
    made, values = reach.reached(_nodes(block), loss.operand)
    definitions = {v.definition.name: v.definition for v in frame.session.order}
    learning = {p.id for p in frame.parts if p.made and reach.learns(p.made, definitions)}
    for name in node.over:
        entity = block.find(name.text)
        what = entity.id if isinstance(entity, Part) else entity.operand if isinstance(entity, Tensor) else None
        if [n.text for n in node.over].count(name.text) > 1:
            raise frame.fail(errors.Twice(name.span, name.text))
        if isinstance(entity, Part) and what not in learning:
            reason = f"nothing in `{name.text}` learns: it is frozen, holds no weights, or is not used yet"
            raise frame.fail(errors.LearningProblem(name.span, reason))
        if what not in made and what not in values:
            mend = "is it cut by stop_gradient, argmax or a draw, or is the part not in this loss?"
            raise frame.fail(
                errors.LearningProblem(name.span, f"no gradient of this loss reaches `{name.text}`", mend=mend)
            )
    own = {p.value.id for p in _params(block) if not p.frozen}
    if not node.over and not (made & learning) and not (values & own):
        raise frame.fail(
            errors.LearningProblem(node.loss.span, "no gradient of this loss reaches anything that learns")
        )


def check_gradient(block: Block, loss: Tensor, h: Tensor, span: Span) -> None:
    """`gradient(loss, h)`: the loss must depend on h in a way that has a gradient."""
    _, values = reach.reached(_nodes(block), loss.operand)
    if h.operand not in values:
        known = block.frame.values.get(h.operand) if isinstance(h.operand, int) else None
        name = f"`{known.name}`" if known and known.name else "this value"
        raise block.frame.fail(
            errors.LearningProblem(
                span,
                f"no gradient of this loss reaches {name}",
                mend="is it cut by stop_gradient, argmax or a draw, or is the value not in this loss?",
            )
        )


def _nodes(block: Block) -> list[Node]:
    return [*(_nodes(block.parent) if block.parent else []), *block.nodes]


def _optimizer(block: Block, node: tree.Minimize) -> tuple[str, dict[str, Setting]]:
    written = node.optimizer
    if written is None:
        return "Adam", {n: default_of(d) for n, d in OPTIMIZERS["Adam"].settings.items()}
    name = written.function if isinstance(written, tree.Call) else written
    if not isinstance(name, tree.Name) or name.text not in OPTIMIZERS:
        text = name.text if isinstance(name, tree.Name) else written.span.text
        guess = nearest(text, OPTIMIZERS)
        mend = f"did you mean `{guess}`?" if guess else f"optimizers: {', '.join(OPTIMIZERS)}"
        raise block.frame.fail(errors.UnknownName(written.span, text, "optimizer", mend=mend))
    arguments = written.arguments if isinstance(written, tree.Call) else []
    return name.text, initial.bind(block, name.text, OPTIMIZERS[name.text], arguments, written)


def update(block: Block, node: tree.Assign) -> None:
    """`E.readout' = …`"""
    _only_in_train(block, node, "an update of a part's memory")
    target = node.targets[0]
    part = block.find(target.part or "")
    if len(node.targets) != 1 or not target.handed or not isinstance(part, Part):
        raise block.frame.fail(
            errors.StateProblem(
                target.span, "only `part.memory' = …` updates a part", mend="name the part first: `E = …`"
            )
        )
    tensor = expressions.tensor(block, node.value)
    memory = _memory(block, part, target.name, target)
    if tensor.type != memory:
        raise block.frame.fail(
            errors.StateProblem(
                node.value.span, f"`{target.part}.{target.name}` is {memory}, and this is {tensor.type}"
            )
        )
    block.nodes.append(Update.new(made=part.id, memory=target.name, operand=tensor.operand, place=node.span.place()))


def _memory(block: Block, part: Part, name: str, node: tree.Node):  # type: ignore[no-untyped-def]
    """The type of a part's memory, in the caller's sizes."""
    memories = part.variant.definition.memories if part.variant else []
    for memory in memories:
        if memory.value.name == name:
            return memory.value.type.subs(part.bindings)
    known = ", ".join(m.value.name or "" for m in memories) or "none, as long as it is not applied"
    raise block.frame.fail(
        errors.StateProblem(node.span, f"`{part.name}` has no memory `{name}`", mend=f"its memories: {known}")
    )


def until(block: Block, node: tree.Until) -> None:
    """`until stable(m) at_most 300 { … }`"""
    from archdsl.passes import statements

    _only_in_train(block, node, "`until`")
    frame = block.frame
    inner = block.child("until")
    statements.run(inner, node.body.statements)
    condition = node.condition
    if not (
        isinstance(condition, tree.Call)
        and isinstance(condition.function, tree.Name)
        and condition.function.text == "stable"
        and condition.arguments
    ):
        raise frame.fail(
            errors.LearningProblem(
                condition.span, "an until waits for memories to stop changing", mend="write `until stable(m) at_most n`"
            )
        )
    stable = [_stable(inner, a.value) for a in condition.arguments]
    at_most = expressions.number(block, node.at_most)
    frame.constrain(at_most, "whole", node.at_most.span)
    frame.constrain(at_most, "positive", node.at_most.span)
    block.nodes.append(Until.new(stable=stable, at_most=at_most, body=inner.region(), place=node.span.place()))


def _stable(block: Block, node: tree.Expression) -> tuple[int, str]:
    frame = block.frame
    if isinstance(node, tree.Field) and isinstance(node.value, tree.Name):
        part = block.find(node.value.text)
        if isinstance(part, Part):
            _memory(block, part, node.name.text, node)
            return part.id, node.name.text
    if isinstance(node, tree.Name):
        holders = [
            p
            for p in frame.parts
            if p.variant and any(m.value.name == node.text for m in p.variant.definition.memories)
        ]
        if len(holders) == 1:
            return holders[0].id, node.text
        reason = (
            f"no part here has a memory `{node.text}`"
            if not holders
            else f"{len(holders)} parts have a memory `{node.text}`"
        )
        raise frame.fail(errors.LearningProblem(node.span, reason, mend="write `stable(part.memory)`"))
    raise frame.fail(errors.LearningProblem(node.span, "stable takes memories: `stable(part.memory)`"))


__all__ = ["Repeat", "minimize", "until", "update"]
