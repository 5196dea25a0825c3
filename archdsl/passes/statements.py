"""Statements of a body, one after the other. A statement that fails has been reported; what it would have named is then unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Operand
from archdsl.ir.terms import NotANumber as NoNumber
from archdsl.ir.types import Type
from archdsl.ops.base import Misfit, broadcast
from archdsl.passes import conditions, expressions, storage, train, verify
from archdsl.passes.entities import Bundle, Entity, Number, Part, Tensor, Unknown, describe
from archdsl.passes.frame import Block, Failed
from archdsl.source import Span
from archdsl.syntax import tree


def run(block: Block, body: Sequence[tree.Statement]) -> None:
    """Make the statements of a body."""
    block.later.update(_targets(body))
    for statement in body:
        frame = block.frame
        outer, frame.anonymous = frame.anonymous, []
        try:
            _one(block, statement)
        except NoNumber as problem:
            frame.report(errors.NotANumber(statement.span, str(problem)))
            for name in dict(_targets([statement])):
                block.names.setdefault(name, Unknown())
        except Failed:
            frame.broken = True
            for name in dict(_targets([statement])):
                block.names.setdefault(name, Unknown())
        _settle(block, statement)
        frame.anonymous = outer


def _targets(body: Sequence[tree.Statement]) -> Iterator[tuple[str, Span]]:
    """The names that statements give, for words about what comes too late."""
    for statement in body:
        match statement:
            case tree.Assign():
                yield from ((t.name + "'" * t.handed, t.span) for t in statement.targets if not t.part)
            case tree.Draw():
                yield statement.target.name + "'" * statement.target.handed, statement.target.span
            case tree.Param() | tree.State() | tree.Memory():
                yield from ((n.text, n.span) for n in statement.names)
            case tree.Choice():
                branch: tree.Body | tree.Choice | None = statement
                while isinstance(branch, tree.Choice):
                    yield from _targets(branch.then.statements)
                    branch = branch.otherwise
                if branch:
                    yield from _targets(branch.statements)


def handed_on(body: Sequence[tree.Statement]) -> set[str]:
    """The states that a body hands on."""
    return {name[:-1] for name, _ in _targets(body) if name.endswith("'")}


def _settle(block: Block, statement: tree.Statement) -> None:
    """Parts that the statement made without a name get one: its target's, or one from what they are."""
    frame = block.frame
    wishes: dict[int, str] = {}
    match statement:
        case (
            tree.Assign(targets=[tree.Target(name=wish)])
            | tree.Draw(target=tree.Target(name=wish))
            | tree.Output(results=[tree.Result(name=tree.Identifier(text=wish))])
        ):
            wishes = {p.id: wish for p in frame.anonymous} if len(frame.anonymous) == 1 else _by_input(block, wish)
    for part in frame.anonymous:
        plain = part.alias.replace(".", "_") if part.alias else None
        same = bool(plain) and plain == part.alias
        name = plain if plain and same else frame.attribute(plain or wishes.get(part.id) or part.name)
        rename(part, name, named=False)


def _by_input(block: Block, target: str) -> dict[int, str]:
    """Parts of one kind that a statement adds up or multiplies, each by what it is applied to: `i_x` and `i_h`."""
    parts = block.frame.anonymous
    applied = {n.made: n.inputs for n in block.nodes if n.kind in ("apply", "call")}
    sources = {p.id: _source(block, applied.get(p.id, [])) for p in parts}
    distinct = len(set(sources.values())) == len(parts) and None not in sources.values()
    if not distinct or len({p.maker.name for p in parts}) > 1:
        return {}
    return {part: f"{target}_{source}" for part, source in sources.items()}


def _source(block: Block, operands: Sequence[Operand]) -> str | None:
    """The name of the one value that a part is applied to; of a product (`r * h`), what is multiplied last."""
    if len(operands) != 1 or not isinstance(operands[0], int):
        return None
    name = block.frame.values[operands[0]].name
    if name is None:
        made = next((n for n in block.nodes if isinstance(n, Apply) and n.outputs[0].id == operands[0]), None)
        return _source(block, made.inputs[-1:]) if made and made.op == "mul" else None
    return name


def rename(part: Part, name: str, named: bool) -> None:
    part.name, part.named = name, named
    if part.made:
        part.made.name, part.made.named = name, named


def _one(block: Block, statement: tree.Statement) -> None:
    match statement:
        case tree.Input():
            if block.kind != "definition" or statement not in block.frame.ref.node.body.statements:
                raise block.frame.fail(
                    errors.Misplaced(statement.span, "`input`", "inputs stand at the top of a definition or of a body")
                )
        case tree.Output():
            if block.frame.ref.node.kind == "train" and block.kind in ("definition", "until"):
                raise block.frame.fail(
                    errors.Misplaced(statement.span, "`output`", "a training step gives its losses, by name")
                )
            for result in statement.results:
                _output(block, result)
        case tree.Param():
            storage.param(block, statement)
        case tree.State():
            storage.state(block, statement)
        case tree.Memory():
            storage.memory(block, statement)
        case tree.Assign():
            assign(block, statement)
        case tree.Draw():
            storage.draw(block, statement)
        case tree.Expect():
            block.frame.expects.append(statement)
        case tree.Config():
            if block.frame.ref.node.kind != "model":
                raise block.frame.fail(errors.Misplaced(statement.span, "`config`", "only a model has configs"))
            block.frame.configs.append(statement)
        case tree.Minimize():
            train.minimize(block, statement)
        case tree.Until():
            train.until(block, statement)
        case tree.Choice():
            branch: tree.Body | tree.Choice | None = statement
            while isinstance(branch, tree.Choice):
                branch = branch.then if conditions.holds(block, branch.condition) else branch.otherwise
            if branch:
                outer = block.frame.anonymous
                run(block, branch.statements)
                block.frame.anonymous = outer
        case _:
            _expression(block, statement)


def _expression(block: Block, statement: tree.Expression) -> None:
    """An expression as a statement: it must do something, such as give an output or train a part's memory."""
    entity = expressions.value(block, statement)
    ends = isinstance(statement, tree.Chain) and isinstance(statement.stages[-1], tree.Sink)
    if not ends and block.frame.ref.node.kind != "train":
        raise block.frame.fail(
            errors.Misplaced(
                statement.span,
                "this value",
                "nothing uses it",
                mend="name it (`y = …`), or give it to the caller (`-> output y`)",
            )
        )
    if isinstance(entity, Part):
        raise block.frame.fail(errors.NotApplicable(statement.span, f"this is {describe(entity)}"))


# -- values -----------------------------------------------------------------------------------------------------------
def assign(block: Block, statement: tree.Assign) -> None:
    frame = block.frame
    if statement.targets[0].part:
        return train.update(block, statement)
    entity = expressions.value(block, statement.value)
    if len(statement.targets) == 1:
        bind(block, statement.targets[0], entity, statement)
    else:
        fields = list(entity.fields.values()) if isinstance(entity, Bundle) else []
        if len(fields) != len(statement.targets):
            have = f"{len(fields)} values" if fields else describe(entity)
            raise frame.fail(
                errors.WrongArguments(statement.span, f"{len(statement.targets)} names", f"the right side has {have}")
            )
        for target, field in zip(statement.targets, fields):
            bind(block, target, field, statement)
    if statement.gate:
        gate(block, statement)


def bind(block: Block, target: tree.Target, entity: Entity, statement: tree.Statement) -> None:
    """Give a name its value."""
    frame = block.frame
    if target.handed:
        return hand_on(block, target, expressions.as_tensor(block, entity, statement.span))
    declare(block, target.name, target.span)
    if isinstance(entity, Part) and entity in frame.anonymous:
        frame.anonymous.remove(entity)
        rename(entity, target.name if entity.alias == target.name else frame.attribute(target.name), named=True)
    if isinstance(entity, Number) and entity.num.symbols() & {"..."}:
        raise frame.fail(errors.NotApplicable(statement.span, "`...` is no value"))
    block.names[target.name] = entity
    main = entity.main if isinstance(entity, Bundle) else entity
    if isinstance(main, Tensor) and isinstance(main.operand, int):
        value = frame.values[main.operand]
        value.name = value.name or target.name


def declare(block: Block, name: str, span: Span) -> None:
    """A name may be given once in a body."""
    if name in block.names:
        raise block.frame.fail(errors.Twice(span, name))
    if name in block.frame.statics:
        raise block.frame.fail(
            errors.Twice(span, name, notes=[Note(block.frame.ref.node.name.span, "a hyperparameter has this name")])
        )


def hand_on(block: Block, target: tree.Target, tensor: Tensor) -> None:
    """`h' = …`"""
    frame = block.frame
    info = block.states.get(target.name) or (frame.memories.get(target.name) if block.kind == "definition" else None)
    if info is None and isinstance(block.names.get(target.name), Unknown):
        raise Failed
    if info is None:
        known = nearest(target.name, [*block.states, *frame.memories])
        mend = f"did you mean `{known}'`?" if known else f"declare `state {target.name}: […] = 0` in this body first"
        raise frame.fail(errors.StateProblem(target.span, f"`{target.name}` is no state of this body", mend=mend))
    if info.next is not None:
        raise frame.fail(errors.Twice(target.span, target.name + "'"))
    tensor = widen(block, tensor, info.value.type)
    same = tensor.type.subs(frame.equal) == info.value.type.subs(frame.equal) or isinstance(tensor.operand, Num)
    if not same:
        raise frame.fail(
            errors.StateProblem(
                target.span, f"`{target.name}'` is {tensor.type}, and `{target.name}` is {info.value.type}",
                notes=[Note(info.span, f"declared {info.value.type}")], mend="what is handed on has the type of what came in",
            )
        )  # fmt: skip
    info.next = tensor
    block.names[target.name + "'"] = tensor
    if isinstance(tensor.operand, int):
        value = frame.values[tensor.operand]
        value.name = value.name or target.name


def widen(block: Block, tensor: Tensor, type: Type) -> Tensor:
    """A value that broadcasts to a declared type, as that type: `state r: [batch, d] = r0` with `r0: [d]`."""
    have = tensor.type.subs(block.frame.equal)
    if isinstance(tensor.operand, Num) or have == type or have.dtype != type.dtype:
        return tensor
    try:
        fits = broadcast(have.shape, type.shape) == type.shape
    except Misfit:
        return tensor
    if not fits:
        return tensor
    span = block.frame.spans.get(tensor.operand)
    if span is None:
        return tensor
    from archdsl.ir.program import Numbers

    return block.apply(
        "expand", [tensor.operand], [type], span, {"to": Numbers.new(items=list(type.shape))}, ranges=tensor.range
    )[0]


def gate(block: Block, statement: tree.Assign) -> None:
    """A gate's range is checked here, that it multiplies something at the end of the definition."""
    target = statement.targets[0]
    entity = block.names.get(target.name + "'" * target.handed)
    if not isinstance(entity, Tensor) or not isinstance(entity.operand, int):
        raise block.frame.fail(errors.NotAGate(statement.span, target.name, "?", "?"))
    low, high = entity.range
    if low < 0 or high > 1:
        raise block.frame.fail(errors.NotAGate(statement.value.span, target.name, _bound(low), _bound(high)))
    block.frame.values[entity.operand].gate = True
    block.frame.values[entity.operand].name = target.name
    block.frame.gates.append((entity, statement.span))


def _bound(number: float) -> str:
    return "-∞" if number == float("-inf") else "∞" if number == float("inf") else f"{number:g}"


# -- outputs ----------------------------------------------------------------------------------------------------------
def _output(block: Block, result: tree.Result) -> None:
    node = result.value
    if isinstance(node, tree.Chain) and isinstance(node.stages[-1], tree.Sink):
        raise block.frame.fail(errors.Misplaced(node.span, "`output` twice", "one of them says it"))
    entity = expressions.value(block, node)
    if (
        isinstance(entity, Bundle)
        and not result.name
        and not isinstance(node, tree.Name)
        and len(entity.fields) > 1
        and entity.main is None
    ):
        for name, tensor in entity.fields.items():
            give(block, name, tensor, result.span)
        return
    tensor = expressions.as_tensor(block, entity, node.span)
    name = result.name.text if result.name else _implied(node)
    if not result.name and not isinstance(node, (tree.Name, tree.Handed, tree.Field)):
        i = 2
        base = name
        while name in block.outputs:
            name, i = f"{base}_{i}", i + 1
    give(block, name, tensor, result.span)
    if result.name:
        declare(block, name, result.name.span) if name not in block.names else None
        block.names.setdefault(name, tensor)
        if isinstance(tensor.operand, int):
            value = block.frame.values[tensor.operand]
            value.name = value.name or name


def _implied(node: tree.Expression) -> str:
    match node:
        case tree.Name():
            return node.text
        case tree.Handed():
            return _implied(node.value)
        case tree.Field():
            return node.name.text
    return "output"


def give(block: Block, name: str, tensor: Tensor, span: Span) -> None:
    """An output of a definition or a body."""
    if name in block.outputs:
        raise block.frame.fail(
            errors.Twice(span, name, notes=[Note(block.outputs[name][1], "an output has this name")])
        )
    if isinstance(tensor.operand, int):
        value = block.frame.values[tensor.operand]
        value.name = value.name or (name if name != "output" else None)
    block.outputs[name] = (tensor, span)


# -- the end of a definition ------------------------------------------------------------------------------------------
def finish(block: Block) -> None:
    """What can be said only when all statements have been made."""
    frame = block.frame
    broken = frame.broken
    kind = frame.ref.node.kind
    for info in block.states.values():
        if info.next is None and not broken:
            frame.report(
                errors.StateProblem(
                    info.span,
                    f"`{info.name}` is never handed on",
                    mend=f"say what the next step gets: `{info.name}' = …`",
                )
            )
    for part in frame.parts:
        if part.made is None and not broken:
            frame.report(errors.Unused(part.span, part.name))
    if not block.outputs and kind != "train" and not broken:
        frame.report(errors.NoOutput(frame.ref.node.name.span, frame.ref.name))
    if kind == "block" and frame.rides:
        mend = f"make `{frame.ref.name}` a cell, or scan the cell along an axis"
        frame.report(
            errors.StateProblem(
                frame.ref.node.name.span, "a block steps a cell, and has nothing for its state to ride on", mend=mend
            )
        )
    if not broken:
        verify.gates(block)
