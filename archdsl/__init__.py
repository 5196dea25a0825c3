"""archdsl: a language for machine-learning architectures. One text becomes an unambiguous figure and PyTorch code.

    archdsl.check("model.arch")                      # the checked program, as data
    archdsl.draw("model.arch")                       # a figure; a notebook shows it
    archdsl.diff("before.arch", "after.arch")        # what is different, in words and in one figure
    archdsl.compile("model.arch")                    # PyTorch source
    archdsl.load("model.arch", "Tagger", units=512)  # an nn.Module

Each takes a path or the text of a program, and raises `archdsl.Errors` where the program has errors.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import torch

    from archdsl.comparison import Difference as Difference
    from archdsl.diagnostics import Errors as Errors
    from archdsl.figure import Figure as Figure
    from archdsl.ir.program import Program as Program

__version__ = "0.1.0"
__all__ = ["Difference", "Errors", "Figure", "Program", "check", "compile", "diff", "draw", "load", "read"]

PathOrText = Union[str, "os.PathLike[str]"]


def check(program: PathOrText, model: str | None = None, /, **sizes: float | str) -> Program:
    """The checked program. Keywords are other values for the hyperparameters of `model`, or else of the first model."""
    from archdsl import compiler

    if isinstance(program, str) and ("\n" in program or "{" in program):
        return compiler.analyse(program, model=model, settings=sizes)
    return compiler.analyse_file(program, model=model, settings=sizes)


def draw(program: PathOrText, **options: Any) -> Figure:
    """The figure of a program: `.svg()`, `.pdf()`, `.png(dpi)`, `.tikz()`, `.dot`. Options are as for `archdsl draw`: `only`, `width`, …"""
    from archdsl.figure import figure

    return figure(check(program), **options)


def read(*figures: str | os.PathLike[str]) -> str:
    """The program of a figure, from what can be seen of it: SVG or DOT files that `draw` wrote, or folders of such; all are parts of one
    figure."""
    from archdsl.figure.reading import read as read_figure
    from archdsl.files import figures_at

    pictures = {}
    for path in (path for of in figures for path in figures_at(os.fspath(of))):
        with open(path, "rb") as file:
            pictures[path] = file.read()
    return read_figure(pictures, next(iter(pictures), ""))


def diff(before: PathOrText, after: PathOrText, models: tuple[str | None, str | None] = (None, None)) -> Difference:
    """What is different between two programs, or one definition of each: `.same`, `.text()`, `.figure()`."""
    from archdsl.comparison import compare

    return compare(check(before, models[0]), check(after, models[1]), models)


def compile(
    program: PathOrText,
    *,
    plain: bool = False,
    open_time: bool = False,
    trainer: str = "",
    checkpointing: bool = False,
    **sizes: float | str,
) -> str:
    """The program as PyTorch source, standalone. `plain` writes the literal equations, without torch's faster kernels; with `open_time`,
    `torch.export` and ONNX can leave the number of a scan's steps open; with `checkpointing`, each copy of a stack is computed again for
    its gradients; `trainer` is a module with the text of `archdsl.torch.emit_trainer()`, from which trains import their base class."""
    from archdsl.torch import emit

    checked = check(program, **sizes)
    return emit(checked, plain=plain, open_time=open_time, trainer=trainer, checkpointing=checkpointing)


def load(
    program: PathOrText,
    name: str | None = None,
    /,
    *,
    plain: bool = False,
    open_time: bool = False,
    weights: str | os.PathLike[str] | None = None,
    strict: bool = True,
    **sizes: Any,
) -> torch.nn.Module:
    """One of the program's definitions as an `nn.Module`; its one model, where no name is given.

    Keywords are hyperparameters, and the sizes that a block or cell takes from its inputs. `weights` is a file with its state dict, of
    safetensors or of torch, or a checkpoint that `fit` wrote; `strict` as in `load_state_dict`. `plain` and `open_time` as in `compile`.

        archdsl.load("model.arch", "Tagger", units=512, weights="tagger.safetensors").eval()

    It can be pickled, and read in any process that has archdsl. Raises `archdsl.Errors` where the program, or the program with these
    sizes, has errors; ValueError for an unknown name; TypeError for a keyword that is unknown, of the wrong kind or missing.
    """
    from archdsl.loading import load as load_module

    return load_module(program, name, sizes, plain, open_time, weights, strict)


_HOMES = {
    "Difference": "archdsl.comparison",
    "Errors": "archdsl.diagnostics",
    "Figure": "archdsl.figure",
    "Program": "archdsl.ir.program",
}


def __getattr__(name: str) -> Any:
    """The classes that the functions above give, imported when they are asked for."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
