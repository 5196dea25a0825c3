"""What each command of the shell takes: one small function for each, named as the command.

In: the functions that carry the commands out, by name. Out: the parser. `setting` reads the text of `--set`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from archdsl import __version__
from archdsl.files import Trouble, shown

if TYPE_CHECKING:
    from archdsl.ir.num import Num

FORMATS = ("svg", "pdf", "png", "tikz", "tex", "dot")


def parser_of(commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """The parser of all commands; each is described by its function's docstring."""
    parser = argparse.ArgumentParser(
        prog="archdsl", description="One text becomes an unambiguous figure and PyTorch code.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"archdsl {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, function in commands.items():
        words = (function.__doc__ or "").strip()
        added = subparsers.add_parser(name, help=words, description=words, allow_abbrev=False)
        added.set_defaults(command=function)
        _OPTIONS[name](added)
    return parser


# -- of each command ----------------------------------------------------------------------------------------------
def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a program; - is standard input")


def _draw(parser: argparse.ArgumentParser) -> None:
    _program_options(parser)
    _output_options(parser, "FILE with .svg; the suffix picks svg, pdf, png, tikz, tex or dot")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="draw the panel of NAME alone")
    parser.add_argument(
        "--expand", action="append", default=[], metavar="NAME", help="draw NAME open, where it is used"
    )
    parser.add_argument("--collapse", action="append", default=[], metavar="NAME", help="draw no panel of NAME")
    parser.add_argument("--depth", type=int, metavar="N", help="panels down to N calls below the model")
    parser.add_argument(
        "--panels", choices=("together", "separate"), default="together", help="one figure, or one file for each panel"
    )
    parser.add_argument("--no-captions", action="store_true", help="without the docstrings under the titles")
    parser.add_argument(
        "--link",
        metavar="URL",
        help="make each mark a link to its line of the program: URL#L12, or URL with {line} in it",
    )
    parser.add_argument("--counts", action="store_true", help="with the number of parameters of each part")
    _look_options(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="BEFORE", help="a program")
    parser.add_argument("other", metavar="AFTER", help="another")
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="this definition of both, and what it uses (all there are); given twice, the first of BEFORE, the second of AFTER",
    )
    parser.add_argument(
        "--config",
        action="append",
        metavar="NAME",
        help="one of the configs of the model; given twice, of BEFORE and of AFTER",
    )
    parser.add_argument(
        "--set", action="append", metavar="NAME=NUMBER", help="another value for a hyperparameter, in both"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="draw both as one figure, with what was added, removed and changed marked"
    )
    parser.add_argument("--all", action="store_true", help="draw the definitions, too, that are alike in both")
    _look_options(parser)


def _read(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a figure that draw wrote, SVG or DOT; of one in parts, all of them or their folder",
    )
    parser.add_argument(
        "-o", "--output", default="-", metavar="OUT", help="where to write the program (standard output)"
    )


def _compile(parser: argparse.ArgumentParser) -> None:
    _program_options(parser)
    _output_options(parser, "FILE with .py")
    parser.add_argument("--plain", action="store_true", help="the literal equations, without torch's faster kernels")
    parser.add_argument(
        "--checkpointing", action="store_true", help="compute stacks again for their gradients, to need less memory"
    )
    parser.add_argument(
        "--open-time", action="store_true", help="torch.export and ONNX can leave the number of a scan's steps open"
    )
    parser.add_argument(
        "--trainer", metavar="FILE", help="write what all trains share into FILE, and import it from there"
    )


def _ir(parser: argparse.ArgumentParser) -> None:
    _program_options(parser, optional=True)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--schema", action="store_true", help="the JSON Schema of that JSON, of no program in particular"
    )


def _summary(parser: argparse.ArgumentParser) -> None:
    _program_options(parser)
    parser.add_argument(
        "--depth", type=int, default=0, metavar="N", help="open parts down to N calls below the model (0)"
    )


def _fmt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a program; - formats standard input to standard output"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a file would change")


def _ops(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME")


def _examples(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME")


def _latex(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        default="archdsl.sty",
        help="where to write (archdsl.sty); - is standard output",
    )


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as E0301")


_OPTIONS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "check": _check,
    "draw": _draw,
    "diff": _diff,
    "read": _read,
    "compile": _compile,
    "ir": _ir,
    "summary": _summary,
    "fmt": _fmt,
    "ops": _ops,
    "examples": _examples,
    "latex": _latex,
    "explain": _explain,
}


# -- of several ---------------------------------------------------------------------------------------------------
def _program_options(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    parser.add_argument("file", nargs="?" if optional else None, metavar="FILE", help="a program; - is standard input")
    parser.add_argument("--model", metavar="NAME", help="this definition, and what it uses (all there are)")
    parser.add_argument("--config", metavar="NAME", help="one of the configs of the model, or of the first")
    parser.add_argument(
        "--set", action="append", metavar="NAME=NUMBER", help="another value for a hyperparameter of the model"
    )


def _look_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, help="the format, whatever the name says")
    parser.add_argument(
        "--width", metavar="LENGTH", help="fit this width, such as 3.25in or 82mm, with no text under 6 pt"
    )
    parser.add_argument("--direction", choices=("up", "down", "left", "right"), help="which way the figure reads (up)")
    parser.add_argument("--theme", choices=("paper", "dark", "mono"), default="paper", help="its colours (paper)")
    parser.add_argument("--no-legend", action="store_true", help="without the legend of marks")
    parser.add_argument("--dpi", type=int, default=192, metavar="N", help="dots per inch of a PNG (192)")


def _output_options(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("-o", "--output", metavar="OUT", help=f"where to write ({default}); - is standard output")


def setting(assignment: str) -> tuple[str, Num | bool | str]:
    """`d=512`, `pre_norm=true`, `act=gelu`: a name and a number, a flag or a word."""
    from archdsl.ir.num import Num
    from archdsl.ir.terms import NotANumber

    name, _, text = (part.strip() for part in assignment.partition("="))
    if text in ("true", "false"):
        return name, text == "true"
    if name.isidentifier() and text.isidentifier():
        return name, text
    digits = text.lstrip("+-").replace("_", "")
    try:
        return name, Num.of(int(text) if digits.isdecimal() and len(digits) < 100 else float(text))
    except (ValueError, NotANumber):
        raise Trouble(f"--set {shown(assignment)}: a name and a value are needed, as in --set d=512") from None
