"""The definitions of a file as entry points: with their defaults, or as `--set` and `--config` change one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Union

from archdsl import errors
from archdsl.diagnostics import Errors, nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Program
from archdsl.ir.terms import NotANumber as NoNumber
from archdsl.passes import definitions, expects, expressions, signatures
from archdsl.passes.entities import DefinitionRef, Flag, Function, Number, Static, Variant, Word, describe
from archdsl.passes.frame import Block, Failed, Frame, breaks, words
from archdsl.passes.session import FileScope, Session, function_named
from archdsl.source import Span
from archdsl.syntax import tree

Given = Union[Num, int, float, bool, str]


class UnknownSetting(Exception):
    """`--set`, `--config` or `--model` says something that the program does not have. The message says what there is."""


# -- what is changed --------------------------------------------------------------------------------------------------
def changed(scope: FileScope, model: str | None) -> str | None:
    """The definition that settings and configs speak of: the one named, or the first model."""
    if model is not None and model not in scope.own:
        raise UnknownSetting(f"there is no definition {model!r}; {_suggest(model, scope.own)}")
    models = [n for n, r in scope.own.items() if r.node.kind == "model"] or list(scope.own)
    return model or (models[0] if models else None)


def overrides(
    session: Session, scope: FileScope, name: str | None, settings: Mapping[str, Given], config: str | None
) -> dict[str, Static]:
    """Other values for hyperparameters: a config's, and over these what is set."""
    if name is None or not (settings or config):
        return {}
    ref = scope.own[name]
    result = _config(session, ref, config) if config else {}
    usual = signatures.with_defaults(session, ref, {}, {})
    for hyper, value in settings.items():
        if hyper not in usual:
            raise UnknownSetting(f"{name} has no hyperparameter {hyper!r}; {_suggest(hyper, usual)}")
        static = _static(session, scope, value)
        if type(static) is not type(usual[hyper]):
            raise UnknownSetting(f"{name}'s {hyper} is {describe(usual[hyper])}, and not {describe(static)}")
        result[hyper] = static
    return result


def _suggest(name: str, known: Iterable[str]) -> str:
    guess = nearest(name, known)
    return f"did you mean {guess!r}?" if guess else f"there is: {', '.join(known) or 'none'}"


def _static(session: Session, scope: FileScope, value: Given) -> Static:
    """A value from outside: a number, a flag, or the name of a function, of a definition, or a word."""
    if isinstance(value, bool):
        return Flag(value)
    if not isinstance(value, str):
        return Number(Num.of(value))
    function = function_named(value)
    return (Function(function) if function else session.find(value, scope)) or Word(value)


def _config(session: Session, ref: DefinitionRef, config: str) -> dict[str, Static]:
    """What a config sets, read before anything is made with it."""
    known = {s.name.text: s for s in ref.node.body.statements if isinstance(s, tree.Config)}
    if config not in known:
        raise UnknownSetting(f"{ref.name} has no config {config!r}; {_suggest(config, known)}")
    block = Block(Frame(session, ref, {}, {}), "definition")
    try:
        return {a.name.text: expressions.static(block, a.value) for a in known[config].arguments if a.name}
    except Failed:
        raise Errors(session.diagnostics) from None


# -- making -----------------------------------------------------------------------------------------------------------
def make_all(session: Session, scope: FileScope, name: str | None, others: Mapping[str, Static]) -> list[Variant]:
    """Make every definition of the file: models and trains first, since they say with which numbers the rest is used."""
    order = sorted(scope.own.values(), key=lambda r: {"model": 0, "train": 1}.get(r.node.kind, 2))
    made: dict[str, Variant] = {}
    for ref in order:
        try:
            made[ref.name] = make(session, ref, others if ref.name == name else {})
        except NoNumber as problem:
            session.report(errors.NotANumber(ref.node.name.span, str(problem)))
        except Failed:
            continue
    return [made[n] for n in scope.own if n in made]


def make(session: Session, ref: DefinitionRef, others: Mapping[str, Static]) -> Variant:
    """Make a definition as an entry: with its defaults, or open where it has none."""
    closed = ref.node.kind in ("model", "train")
    statics = signatures.with_defaults(session, ref, {}, others)
    structural = {n: s for n, s in statics.items() if not isinstance(s, Number)}
    numbers = {n: s.num for n, s in statics.items() if isinstance(s, Number)}
    for hyper in ref.node.hypers:
        if closed and hyper.default is None and hyper.name.text not in others:
            session.report(errors.NoDefault(hyper.span, hyper.name.text, ref.name))
            raise Failed
    witness = {n: num for n, num in numbers.items() if num.is_const}
    variant = definitions.choose(session, ref, structural, witness, entry=not closed)
    if closed:
        declared = signatures.signature(session, ref)
        for size in variant.definition.sizes:
            session.report(errors.SizeUnknown(declared.sizes[size] if declared else ref.node.span, ref.name, size))
        _constraints(variant, witness)
    for data in variant.definition.hypers:
        if data.name in others:
            data.default = numbers[data.name]
    return variant


def _constraints(variant: Variant, numbers: Mapping[str, Num], span: Span | None = None) -> None:
    """What must hold for the numbers holds; where it does not, the place is the use that brought it, or `span`."""
    frame = variant.block.frame
    for constraint in variant.definition.constraints:
        number = constraint.number.subs(numbers)
        if number.is_const and breaks(number, constraint.must):
            place = span or frame.constraint_spans[constraint.number, constraint.must]
            frame.session.report(errors.BadSize(place, str(constraint.number), str(number), words(constraint.must)))


def assemble(session: Session, scope: FileScope, entries: list[Variant]) -> Program:
    """The program: the file's definitions, then what they use, in the order they were met."""
    first = [v.definition for v in entries]
    named = {d.name for d in first}
    rest = [v.definition for v in session.order if v.definition.name not in named]
    return Program.new(file=scope.source.file, entries=[d.name for d in first], definitions=first + rest)


# -- what is expected -------------------------------------------------------------------------------------------------
def check_expects(session: Session, program: Program, entries: list[Variant], as_written: bool) -> None:
    """Compare what definitions and their configs expect with what is so. Numbers from outside make no promise false."""
    for variant in entries:
        block, definition = variant.block, variant.definition
        configs = expects.configs(block, definition)
        if not as_written:
            continue
        expects.check(program, definition, block, expects.defaults(definition, {}), block.frame.expects)
        for node in block.frame.configs:
            if node.name.text in configs:
                _check_config(session, program, variant, configs[node.name.text], node)


def _check_config(
    session: Session, program: Program, variant: Variant, settings: dict[str, Static], node: tree.Config
) -> None:
    """A config for which an `if` comes out otherwise is another program, and is made anew."""
    nodes = [s for s in node.expects if isinstance(s, tree.Expect)]
    for other in node.expects:
        if not isinstance(other, tree.Expect):
            session.report(errors.Misplaced(other.span, "this", "a config's braces hold what it expects"))
    numbers = {n: s.num for n, s in settings.items() if isinstance(s, Number)}
    if next(c.same for c in variant.definition.configs if c.name == node.name.text):
        values = expects.defaults(variant.definition, numbers)
        _constraints(variant, values, node.span)
        expects.check(program, variant.definition, variant.block, values, nodes)
        return
    inner = Session()
    scope = inner.load(variant.ref.scope.source)
    entry = make(inner, scope.own[variant.ref.name], settings)
    if not inner.diagnostics:
        values = expects.defaults(entry.definition, numbers)
        expects.check(assemble(inner, scope, [entry]), entry.definition, entry.block, values, nodes)
    for diagnostic in inner.diagnostics:
        session.report(diagnostic)
