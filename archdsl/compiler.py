"""The pipeline on one page: source → tree → IR. The figure (`figure/`) and the code (`torch/`) are made from the IR.

`analyse` raises `Errors` with all the errors of a program; what it returns has been checked.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from archdsl import errors
from archdsl.diagnostics import Errors, nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Program
from archdsl.passes import attention, definitions, expects, signatures
from archdsl.passes.entities import DefinitionRef, Number, Static, Variant
from archdsl.passes.frame import Block, Failed
from archdsl.passes.session import FileScope, Session, read_text
from archdsl.source import Source


class UnknownSetting(Exception):
    """`--set`, `--config` or `--model` names something that the program does not have. The message says what there is."""


def analyse_file(path: str | os.PathLike[str], **choices: object) -> Program:
    """The checked program of a file. Raises OSError for a file that cannot be read, and what `analyse` raises."""
    return analyse(read_text(path), os.fspath(path), **choices)  # type: ignore[arg-type]


def analyse(
    text: str,
    file: str = "<text>",
    *,
    model: str | None = None,
    settings: Mapping[str, Num | int | float] | None = None,
    config: str | None = None,
) -> Program:
    """The checked program of a text.

    `model` is the definition that `settings` (other values of hyperparameters) and `config` speak of; without it, the first model.
    Raises Errors, all of the program at once, and UnknownSetting.
    """
    with _room():
        session = Session()
        scope = session.load(Source(text, file))
        if not scope.own and not session.diagnostics:
            raise errors.Empty(scope.source.span(0, min(1, len(text)))).error()
        overrides = {k: Num.of(v) for k, v in (settings or {}).items()}
        entry = _entry(scope, model, overrides, config)
        if config:
            overrides = {**_config(session, scope.own[entry or ""], config), **overrides}
        entries = _entries(session, scope, entry, overrides)
        if session.diagnostics:
            raise Errors(session.diagnostics)
        program = _program(session, scope, entries)
        attention.recognise(program)
        _expects(session, program, entries, bool(overrides))
        if session.diagnostics:
            raise Errors(session.diagnostics)
        return program


@contextmanager
def _room() -> Iterator[None]:
    """Room to work in. Long programs nest deep (the parser has limited how deep one statement can), and the collector of garbage,
    which would look again and again at a tree that is all alive, waits until the end."""
    before, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(before, 100_000))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
        if collecting:
            gc.enable()


def _entry(scope: FileScope, model: str | None, overrides: Mapping[str, Num], config: str | None) -> str | None:
    """The definition that is to be changed."""
    models = [n for n, r in scope.own.items() if r.node.kind == "model"] or list(scope.own)
    if model is not None and model not in scope.own:
        guess = nearest(model, scope.own)
        raise UnknownSetting(
            f"there is no definition {model!r}"
            + (f"; did you mean {guess!r}?" if guess else f"; there are: {', '.join(scope.own)}")
        )
    entry = model or (models[0] if models else None)
    if entry and (overrides or config):
        names = [h.name.text for h in scope.own[entry].node.hypers]
        for name in overrides:
            if name not in names:
                guess = nearest(name, names)
                raise UnknownSetting(
                    f"{entry} has no hyperparameter {name!r}; "
                    + (f"did you mean {guess!r}?" if guess else f"it has: {', '.join(names) or 'none'}")
                )
    return entry


def _config(session: Session, ref: DefinitionRef, config: str) -> dict[str, Num]:
    """The numbers of a config, read before anything is made with them."""
    from archdsl.passes import expressions
    from archdsl.passes.frame import Frame
    from archdsl.syntax import tree

    known = {s.name.text: s for s in ref.node.body.statements if isinstance(s, tree.Config)}
    if config not in known:
        guess = nearest(config, known)
        raise UnknownSetting(
            f"{ref.name} has no config {config!r}; "
            + (f"did you mean {guess!r}?" if guess else f"it has: {', '.join(known) or 'none'}")
        )
    block = Block(Frame(session, ref, {}, {}), "definition")
    try:
        return {a.name.text: expressions.number(block, a.value) for a in known[config].arguments if a.name}
    except Failed:
        raise Errors(session.diagnostics) from None


def _entries(session: Session, scope: FileScope, changed: str | None, overrides: dict[str, Num]) -> list[Variant]:
    """Make every definition of the file: models and trains first, since they say with which numbers the others are used."""
    order = sorted(scope.own.values(), key=lambda r: {"model": 0, "train": 1}.get(r.node.kind, 2))
    made: dict[str, Variant] = {}
    for ref in order:
        try:
            made[ref.name] = _enter(session, ref, overrides if ref.name == changed else {})
        except Failed:
            continue
    return [made[n] for n in scope.own if n in made]


def _enter(session: Session, ref: DefinitionRef, overrides: dict[str, Num]) -> Variant:
    """Make a definition as an entry: with its defaults, or open where it has none."""
    statics = signatures.with_defaults(session, ref, {}, overrides)
    structural: dict[str, Static] = {}
    witness: dict[str, Num] = {}
    for hyper in ref.node.hypers:
        static = statics[hyper.name.text]
        if not isinstance(static, Number):
            structural[hyper.name.text] = static
        elif static.num.is_const:
            witness[hyper.name.text] = static.num
        elif ref.node.kind in ("model", "train") and hyper.default is None:
            raise _report(session, errors.NoDefault(hyper.span, hyper.name.text, ref.name))
    variant = definitions.choose(session, ref, structural, witness, entry=ref.node.kind not in ("model", "train"))
    definition = variant.definition
    if ref.node.kind in ("model", "train"):
        declared = signatures.signature(session, ref)
        for size in definition.sizes:
            span = declared.sizes[size] if declared else ref.node.name.span
            session.report(errors.SizeUnknown(span, ref.name, size))
        for constraint in definition.constraints:
            number = constraint.number.subs(witness)
            wrong = number.is_const and (not number.is_integer if constraint.must == "whole" else number.value <= 0)
            if wrong:
                place = variant.block.frame.constraint_spans.get(
                    (constraint.number, constraint.must), ref.node.name.span
                )
                must = "whole" if constraint.must == "whole" else "greater than 0"
                session.report(errors.BadSize(place, str(constraint.number), str(number), must))
    if overrides:
        for hyper_data in definition.hypers:
            if hyper_data.name in overrides:
                hyper_data.default = overrides[hyper_data.name]
    return variant


def _report(session: Session, diagnostic: errors.Message) -> Failed:
    session.report(diagnostic)
    return Failed()


def _program(session: Session, scope: FileScope, entries: list[Variant]) -> Program:
    first = [v.definition for v in entries]
    others = [v.definition for v in session.order if v not in entries]
    return Program(file=scope.source.file, entries=[d.name for d in first], definitions=first + others)


def _expects(session: Session, program: Program, entries: list[Variant], changed: bool) -> None:
    """Check what definitions expect of themselves, and of their configs."""
    for variant in entries:
        block, definition = variant.block, variant.definition
        configs = expects.configs(block, definition)
        if not changed:
            expects.check(program, definition, block, expects.defaults(definition, {}), block.frame.expects)
        for node in [] if changed else block.frame.configs:
            settings = configs.get(node.name.text)
            if settings is not None:
                _config_expects(session, program, variant, settings, node)


def _config_expects(
    session: Session, program: Program, variant: Variant, settings: dict[str, Num], node: object
) -> None:
    """A config's own expectations. A config for which an `if` comes out otherwise is another program, and is made anew."""
    from archdsl.passes import conditions
    from archdsl.syntax import tree

    assert isinstance(node, tree.Config)
    nodes = [s for s in node.expects if isinstance(s, tree.Expect)]
    for other in node.expects:
        if not isinstance(other, tree.Expect):
            session.report(errors.Misplaced(other.span, "this", "a config's braces hold what it expects"))
    if not nodes:
        return
    definition, block = variant.definition, variant.block
    numbers = expects.defaults(definition, settings)
    same = all(conditions.evaluate(c.any_of, numbers) == c.outcome for c in definition.conditions)
    if same:
        expects.check(program, definition, block, numbers, nodes)
        return
    inner = Session()
    scope = inner.load(block.frame.ref.scope.source)
    entry = _enter(inner, scope.own[variant.ref.name], settings)
    if inner.diagnostics:
        for diagnostic in inner.diagnostics:
            session.report(diagnostic)
        return
    expects.check(_program(inner, scope, [entry]), entry.definition, entry.block, numbers, nodes)
    for diagnostic in inner.diagnostics:
        session.report(diagnostic)
