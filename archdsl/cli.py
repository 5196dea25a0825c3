"""The command line: one small function for each command.

Exit status 0 done, 1 the program has errors (nothing is written), 2 misuse or the tool failed. Whatever happens, what is said is a
message and no traceback. Rooms are imported where they are used, so that a command starts as fast as what it needs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from archdsl.files import (
    LARGEST,
    Trouble,
    drop_output,
    figures_at,
    lenient_output,
    module_beside,
    read_bytes,
    read_text,
    same_file,
    shown,
    write_all,
    write_whole,
)
from archdsl.options import FORMATS, parser_of, setting

if TYPE_CHECKING:
    from archdsl.diagnostics import Errors
    from archdsl.ir.program import Definition, Program

T = TypeVar("T")


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Runs a command; returns its exit status."""
    lenient_output()
    try:
        status = _command(arguments)
        sys.stdout.flush()
        return status
    except Trouble as trouble:
        return _say(str(trouble))
    except BrokenPipeError:
        drop_output()
        return _say("cannot write standard output: nobody reads it any more")
    except OSError as problem:
        return _say(f"cannot write standard output: {problem.strerror or problem}")
    except KeyboardInterrupt:
        return _say("interrupted", status=130)
    except (RecursionError, MemoryError):
        return _say("the program is too large for this machine")
    except Exception as problem:
        if os.environ.get("ARCHDSL_DEBUG"):
            raise
        return _say(
            f"internal error, please report it: {type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
        )


def _command(arguments: Sequence[str]) -> int:
    try:
        options = parser_of(COMMANDS).parse_args(list(arguments))
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    return int(options.command(options))


# -- commands -----------------------------------------------------------------------------------------------------
def check(options: argparse.Namespace) -> int:
    """Find the errors of programs, all at once."""
    status = 0
    for path in options.files:
        program = _checked(path)
        status = max(status, program is None)
        if program is not None:
            print(f"{shown(program.file)}: ok ({', '.join(program.entries)})")
    return status


def draw(options: argparse.Namespace) -> int:
    """Draw a program."""
    output, kind = _draw_target(options)
    if options.panels == "separate" and output == "-":
        raise Trouble(
            "separate panels cannot go to one standard output; name a file with -o, and each panel gets one like it"
        )
    if options.depth is not None and options.depth < 0:
        raise Trouble(f"--depth {options.depth}: the model itself is at depth 0; a number from 0 on is needed")
    if options.width and kind == "dot":
        raise Trouble("DOT text has no width; draw svg, pdf, png, tikz or tex")
    program = _checked(options.file, options)
    if program is None:
        return 1
    from archdsl.figure import FigureError

    try:
        return _write_all(_drawn(program, options, output, kind))
    except FigureError as problem:
        raise Trouble(f"{problem.message}; {problem.hint}" if problem.hint else problem.message) from None


def _drawn(program: Program, options: argparse.Namespace, output: str, kind: str) -> dict[str, str | bytes]:
    """What is to be written where."""
    from archdsl.figure import figure, figures, paint
    from archdsl.figure.letters import warnings

    names = ("only", "expand", "collapse", "depth", "width", "direction", "theme", "link")
    chosen = {name: getattr(options, name) for name in names}
    chosen |= {"legend": not options.no_legend, "captions": not options.no_captions}
    chosen["entry"] = _entry(program, options).name if options.model else None  # else all: a stranger can rebuild it
    if options.counts:
        from archdsl.summary import totals

        chosen["counts"] = totals(program)
    if options.panels == "separate":
        drawn = figures(program, **chosen)
        stem, suffix = os.path.splitext(output)
        places = [f"{stem}-{f.name}{suffix}" for f in drawn]
    else:
        drawn, places = [figure(program, **chosen)], [output]
    pictures = [f.dot for f in drawn] if kind == "dot" else paint(drawn, kind, options.dpi)
    for warning in warnings(program, drawn, kind):
        _say(f"warning: {warning}")
    return dict(zip(places, pictures))


def diff(options: argparse.Namespace) -> int:
    """Say what is different between two programs, and draw it. Exit status 0: they mean the same; 1: they do not."""
    wanted = _draw_target(options) if options.output is not None else None
    if wanted and wanted[0] != "-" and any(same_file(wanted[0], path) for path in (options.file, options.other)):
        raise Trouble(f"cannot write {shown(wanted[0])}: it is one of the programs")
    if options.file == options.other == "-":
        raise Trouble("both programs cannot come from one standard input; name a file for one of them")
    models, configs = _for_both(options, "model"), _for_both(options, "config")
    before, after = (
        _checked(path, argparse.Namespace(model=model, config=config, set=options.set), named=True)
        for path, model, config in zip((options.file, options.other), models, configs)
    )
    if before is None or after is None:
        return 2
    from archdsl.comparison import compare
    from archdsl.figure import FigureError, paint

    found = compare(before, after, models=models)
    print(found.text(), file=sys.stderr if wanted and wanted[0] == "-" else sys.stdout)
    if wanted:
        wishes = {name: getattr(options, name) for name in ("width", "direction", "theme")}
        try:
            drawn = found.figure(whole=options.all, legend=not options.no_legend, **wishes)
            content = drawn.dot if wanted[1] == "dot" else paint([drawn], wanted[1], options.dpi)[0]
        except FigureError as problem:
            raise Trouble(f"{problem.message}; {problem.hint}" if problem.hint else problem.message) from None
        _write(wanted[0], content)
    return 0 if found.same else 1


def _for_both(options: argparse.Namespace, name: str) -> tuple[str | None, str | None]:
    """What an option of `diff` says of each program: the same of both, unless it is given twice."""
    given: list[str] = getattr(options, name) or []
    if len(given) > 2:
        raise Trouble(f"--{name} {given[2]}: there are two programs; give it once for both, or once for each")
    return (given[0], given[-1]) if given else (None, None)


def read(options: argparse.Namespace) -> int:
    """Rebuild the program of a figure from what can be seen of it."""
    from archdsl.figure.reading import Holes, Unreadable, read

    pictures = {path: read_bytes(path, 2 * LARGEST) for of in options.files for path in figures_at(of)}
    if options.output != "-" and any(same_file(options.output, path) for path in pictures):
        raise Trouble(f"cannot write {shown(options.output)}: it is the figure itself")
    name = _named(next(iter(pictures)))
    try:
        return _write(options.output, read(pictures, name))
    except Unreadable as problem:
        text = f"cannot read {shown(_named(problem.file) or name)}: {problem.message}" + (
            f"; {problem.hint}" if problem.hint else ""
        )
        if isinstance(problem, Holes):
            return _say(text, status=1)
        raise Trouble(text) from None


def compile_(options: argparse.Namespace) -> int:
    """Write a program as PyTorch."""
    output = _target(options, "py")
    trainer = module_beside(options.trainer, output, options.file) if options.trainer else ""
    program = _checked(options.file, options)
    if program is None:
        return 1
    from archdsl.torch import CannotEmit, emit, emit_trainer, kept_stacks

    try:
        code = emit(
            program,
            plain=options.plain,
            trainer=trainer,
            checkpointing=options.checkpointing,
            open_time=options.open_time,
        )
        for place in kept_stacks(program) if options.checkpointing else ():
            _say(f"{shown(place)}: this stack is not computed again: what it remembers would change twice")
        written = {output: code}
        return _write_all(written | ({options.trainer: emit_trainer()} if trainer else {}))
    except CannotEmit as problem:
        raise Trouble(f"{shown(program.file)} cannot be written as PyTorch: {problem}") from None


def ir(options: argparse.Namespace) -> int:
    """Print what a program means, as data."""
    import json

    from archdsl.ir.program import Program

    if options.schema:
        print(json.dumps(Program.model_json_schema(), indent=2))
        return 0
    if options.file is None:
        raise Trouble("ir needs a file, or --schema")
    program = _checked(options.file, options)
    if program is None:
        return 1
    if options.json:
        print(program.model_dump_json(indent=2))
    else:
        from archdsl.ir.show import show

        print(show(program))
    return 0


def summary(options: argparse.Namespace) -> int:
    """Print each part's output type, parameters and multiply-adds."""
    program = _checked(options.file, options)
    if program is None:
        return 1
    from archdsl.parts import table

    names = [_entry(program, options).name] if options.model else _models(program)
    print("\n\n".join(table(program, name, depth=options.depth) for name in names))
    return 0


def fmt(options: argparse.Namespace) -> int:
    """Write programs in canonical form."""
    from archdsl.diagnostics import Errors
    from archdsl.source import Source
    from archdsl.syntax.format import format_text

    status = 0
    for path in options.files:
        text = read_text(path)
        try:
            formatted = format_text(Source(text, _named(path)))
        except Errors as errors:
            status = _show(errors)
            continue
        if options.check:
            if formatted != text:
                print(f"{shown(path)} would change")
                status = 1
        elif path == "-":
            _write("-", formatted)
        elif formatted != text:
            write_whole(path, formatted)
            print(f"formatted {shown(path)}")
    return status


def ops(options: argparse.Namespace) -> int:
    """List the primitives, or tell of one."""
    from archdsl import reference

    print(
        reference.listing()
        if options.name is None
        else reference.describe(_find(options.name, reference.names(), "primitive"))
    )
    return 0


def examples(options: argparse.Namespace) -> int:
    """List the examples, or print one."""
    from archdsl import reference, resources

    known = {path.stem: path for path in sorted(resources.folder("examples").glob("*.arch"))}
    if options.name is None:
        for name, path in known.items():
            print(f"{name:<18} {reference.first_sentence(path.read_text(encoding='utf-8'))}")
        return 0
    return _write("-", _find(options.name.removesuffix(".arch"), known, "example").read_bytes())


def explain(options: argparse.Namespace) -> int:
    """Tell the longer story of an error."""
    from archdsl import reference

    known = reference.messages()
    if options.code is None:
        print("\n".join(f"{code}  {reference.title(message)}" for code, message in known.items()))
        return 0
    print(reference.explain(_find(options.code.upper(), known, "error code")))
    return 0


def latex(options: argparse.Namespace) -> int:
    """Write the LaTeX package: \\usepackage{archdsl}, \\archfigure[width=\\columnwidth]{model.arch}."""
    from archdsl import resources

    return _write(options.output, (resources.folder("latex") / "archdsl.sty").read_bytes())


COMMANDS = {
    **{"check": check, "draw": draw, "diff": diff, "read": read, "compile": compile_, "ir": ir, "summary": summary},
    **{"fmt": fmt, "ops": ops, "examples": examples, "latex": latex, "explain": explain},
}


# -- programs -----------------------------------------------------------------------------------------------------
def _checked(path: str, options: argparse.Namespace | None = None, named: bool = False) -> Program | None:
    """The checked program, with the numbers that the options give; None once its errors have been shown. `named`: what options ask for in
    vain is said with the file."""
    from archdsl import compiler
    from archdsl.diagnostics import Errors

    model, config = getattr(options, "model", None), getattr(options, "config", None)
    settings = dict(map(setting, getattr(options, "set", None) or []))
    try:
        return compiler.analyse(read_text(path), _named(path), model=model, config=config, settings=settings)
    except compiler.UnknownSetting as problem:
        raise Trouble(f"{shown(_named(path))}: {problem}" if named else str(problem)) from None
    except Errors as errors:
        _show(errors)
        return None


def _named(path: str) -> str:
    return "<stdin>" if path == "-" else path


def _show(errors: Errors) -> int:
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    print(errors.render(color=color), file=sys.stderr)
    return 1


def _models(program: Program) -> list[str]:
    return [name for name in program.entries if program[name].kind == "model"] or program.entries


def _entry(program: Program, options: argparse.Namespace | None) -> Definition:
    """The definition that `--model` names, or the first model."""
    wanted: str | None = getattr(options, "model", None)
    return program[wanted or _models(program)[0]]


def _find(name: str, known: Mapping[str, T], what: str) -> T:
    """What is known by that name; a mistake names the nearest."""
    if name in known:
        return known[name]
    from archdsl.diagnostics import nearest

    close = nearest(name, known)
    hint = f"did you mean {close}?" if close else f"there is {', '.join(sorted(known))}" if 0 < len(known) < 20 else ""
    raise Trouble(f"there is no {what} {shown(name)}" + (f"; {hint}" if hint else ""))


# -- output -------------------------------------------------------------------------------------------------------
def _draw_target(options: argparse.Namespace) -> tuple[str, str]:
    """Where the figure goes, and in which format."""
    output = _target(options, options.format or "svg")
    suffix = os.path.splitext(output)[1][1:].lower()
    kind = options.format or ("svg" if output == "-" else suffix)
    if kind not in FORMATS:
        raise Trouble(
            f"cannot tell the format of {shown(output)}: end it in {', '.join('.' + f for f in FORMATS)}, or give --format"
        )
    return output, kind


def _target(options: argparse.Namespace, suffix: str) -> str:
    """Where the result goes: what `-o` says, else beside the program under its name."""
    if options.output is None:
        if options.file == "-":
            return "-"
        output = f"{os.path.splitext(options.file)[0]}.{suffix}"
        if same_file(output, options.file):
            raise Trouble(f"cannot write {shown(output)}: it is the program itself; name another file with -o")
        return output
    if options.output != "-" and same_file(options.output, options.file):
        raise Trouble(f"cannot write {shown(options.output)}: it is the program itself")
    return str(options.output)


def _write(output: str, content: str | bytes) -> int:
    return _write_all({output: content})


def _write_all(contents: Mapping[str, str | bytes]) -> int:
    if "-" in contents:
        content = contents["-"]
        sys.stdout.flush()
        sys.stdout.buffer.write(content.encode("utf-8") if isinstance(content, str) else content)
        sys.stdout.buffer.flush()
    else:
        write_all(contents)
        for output in contents:
            print(f"wrote {shown(output)}")
    return 0


def _say(text: str, status: int = 2) -> int:
    with contextlib.suppress(OSError):  # nobody listens
        print(f"archdsl: {text}", file=sys.stderr)
    return status
