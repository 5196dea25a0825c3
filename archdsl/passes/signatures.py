"""What a caller gives a definition: the types of its inputs, and its hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.num import Num
from archdsl.ir.types import Type
from archdsl.passes import expressions, written
from archdsl.passes.entities import DefinitionRef, Flag, Number, Static, describe
from archdsl.passes.frame import Block, Failed, Frame
from archdsl.passes.session import Session
from archdsl.source import Span
from archdsl.syntax import tree


@dataclass
class PortOf:
    name: str
    type: Type
    default: Num | None
    span: Span


@dataclass
class SignatureOf:
    """What a caller gives: ports in order, and the size symbols that they introduce."""

    ports: list[PortOf] = field(default_factory=list)
    sizes: dict[str, Span] = field(default_factory=dict)


def signature(session: Session, ref: DefinitionRef) -> SignatureOf | None:
    """The inputs of a definition; None if they have errors."""
    cached = session.signatures.get(ref.key)
    if cached is not None or ref.key in session.signatures:
        return cached
    frame = Frame(session, ref, {h.name.text: Number(Num.symbol(h.name.text)) for h in ref.node.hypers}, {})
    block = Block(frame, "definition")
    result: SignatureOf | None = SignatureOf(sizes=frame.sizes)
    for statement in ref.node.body.statements:
        if isinstance(statement, tree.Choice):
            _no_inputs(frame, statement)
        if isinstance(statement, tree.Input):
            try:
                _ports(block, statement, result)
            except Failed:
                result = None
                break
    session.signatures[ref.key] = result
    return result


def _no_inputs(frame: Frame, choice: tree.Choice) -> None:
    """What a definition takes does not depend on an `if`."""
    branch: tree.Body | tree.Choice | None = choice
    while branch is not None:
        body = branch.then if isinstance(branch, tree.Choice) else branch
        for statement in body.statements:
            if isinstance(statement, tree.Input):
                mend = "put it at the top, with a default where it may be left out"
                frame.report(errors.Misplaced(statement.span, "`input`", "it stands in an `if`", mend=mend))
            if isinstance(statement, tree.Choice):
                _no_inputs(frame, statement)
        branch = branch.otherwise if isinstance(branch, tree.Choice) else None


def _ports(block: Block, statement: tree.Input, result: SignatureOf | None) -> None:
    assert result is not None
    frame = block.frame
    types: list[tree.TypeOf | None] = [p.type for p in statement.ports]
    for i in reversed(range(len(types) - 1)):
        types[i] = types[i] or types[i + 1]
    for port, declared in zip(statement.ports, types):
        if declared is None:
            mend = f"write `input {port.name.text}: [batch, …]`"
            raise frame.fail(
                errors.Misplaced(port.span, "an input without a type", "a definition says what it takes", mend=mend)
            )
        if any(p.name == port.name.text for p in result.ports):
            raise frame.fail(errors.Twice(port.name.span, port.name.text))
        type = written.type_of(block, declared, introduce=True)
        default = None
        if port.default is not None:
            entity = expressions.static(block, port.default)
            default = Num.of(int(entity.value)) if isinstance(entity, Flag) else getattr(entity, "num", None)
            if default is None:
                raise frame.fail(
                    errors.NotANumber(
                        port.default.span, f"an input's default is a number, and this is {describe(entity)}"
                    )
                )
        result.ports.append(PortOf(port.name.text, type, default, port.span))


# -- hyperparameters ----------------------------------------------------------------------------------------------------
def bind_hypers(block: Block, ref: DefinitionRef, arguments: Sequence[tree.Argument], span: Span) -> dict[str, Static]:
    """The hyperparameters of a definition, in the caller's numbers; defaults filled in."""
    frame = block.frame
    names = [h.name.text for h in ref.node.hypers]
    given: dict[str, Static] = {}
    for i, argument in enumerate(arguments):
        name = argument.name.text if argument.name else names[i] if i < len(names) else None
        if name is None:
            few = f"takes {len(names)} hyperparameter{'s' * (len(names) != 1)} ({', '.join(names) or 'none'})"
            wrong = f"{few}; its inputs go into second parentheses"
            raise frame.fail(errors.WrongArguments(argument.span, ref.name, wrong))
        if name not in names:
            guess = nearest(name, names)
            mend = f"did you mean `{guess}`?" if guess else f"its hyperparameters are: {', '.join(names) or 'none'}"
            raise frame.fail(
                errors.WrongArguments(argument.span, ref.name, f"has no hyperparameter `{name}`", mend=mend)
            )
        if name in given:
            raise frame.fail(errors.Twice(argument.span, name))
        given[name] = expressions.static(block, argument.value)
    missing = [h.name.text for h in ref.node.hypers if h.name.text not in given and h.default is None]
    if missing:
        note = Note(ref.node.name.span, "defined here")
        raise frame.fail(
            errors.WrongArguments(span, ref.name, f"its hyperparameter `{missing[0]}` is missing", notes=[note])
        )
    return with_defaults(frame.session, ref, given, {})


def with_defaults(
    session: Session, ref: DefinitionRef, given: Mapping[str, Static], overrides: Mapping[str, Static]
) -> dict[str, Static]:
    """All hyperparameters: those given, and the defaults in terms of those before them."""
    numbers: dict[str, Num] = {}
    result: dict[str, Static] = {}
    frame = Frame(session, ref, {}, {})
    block = Block(frame, "definition")
    for hyper in ref.node.hypers:
        name = hyper.name.text
        if name in overrides:
            entity: Static = overrides[name]
        elif name in given:
            entity = given[name]
        elif hyper.default is not None:
            entity = expressions.static(block, hyper.default)
            if isinstance(entity, Number):
                entity = Number(entity.num.subs(numbers))
        else:
            entity = Number(Num.symbol(name))
        result[name] = entity
        if isinstance(entity, Number):
            numbers[name] = entity.num
            frame.statics[name] = Number(Num.symbol(name))
        else:
            frame.statics[name] = entity
    return result
