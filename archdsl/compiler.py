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
from archdsl.diagnostics import Errors
from archdsl.ir.program import Program
from archdsl.passes import attention, entries
from archdsl.passes.entries import Given, UnknownSetting
from archdsl.passes.session import Session, read_text
from archdsl.source import Source


def analyse_file(
    path: str | os.PathLike[str],
    *,
    model: str | None = None,
    settings: Mapping[str, Given] | None = None,
    config: str | None = None,
) -> Program:
    """The checked program of a file. Raises OSError for a file that cannot be read, and what `analyse` raises."""
    return analyse(read_text(path), os.fspath(path), model=model, settings=settings, config=config)


def analyse(
    text: str,
    file: str = "<text>",
    *,
    model: str | None = None,
    settings: Mapping[str, Given] | None = None,
    config: str | None = None,
) -> Program:
    """The checked program of a text.

    `model` is the definition that `settings` (other values of hyperparameters) and `config` speak of; without it, the first model.
    Raises Errors, all of the program at once, and UnknownSetting.
    """
    with _room():
        session = Session()
        scope = session.load(Source(text.removeprefix("\ufeff"), file))
        if not scope.own and not session.diagnostics:
            raise errors.Empty(scope.source.span(0, min(1, len(text)))).error()
        name = entries.changed(scope, model)
        others = entries.overrides(session, scope, name, settings or {}, config)
        made = entries.make_all(session, scope, name, others)
        stop_at_errors(session)
        program = entries.assemble(session, scope, made)
        attention.recognise(program)
        entries.check_expects(session, program, made, as_written=not others)
        stop_at_errors(session)
        return program


def stop_at_errors(session: Session) -> None:
    if session.diagnostics:
        raise Errors(session.diagnostics)


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


__all__ = ["UnknownSetting", "analyse", "analyse_file", "read_text"]
