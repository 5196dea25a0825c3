"""IR → standalone PyTorch source. No torch is imported here."""

from __future__ import annotations

from archdsl.ir.program import Program
from archdsl.torch.errors import CannotEmit

__all__ = ["CannotEmit", "class_name", "emit", "emit_trainer", "kept_stacks"]


def emit(
    program: Program,
    entries: list[str] | None = None,
    plain: bool = False,
    trainer: str = "",
    checkpointing: bool = False,
    open_time: bool = False,
) -> str:
    """One Python file with the definitions named (all that the program's file defines, if none are) and what they use.

    `plain` writes the literal equations; without it, what torch has a kernel for runs on that kernel, and loops do the least they can.
    `trainer` is a module, with the text of `emit_trainer`, from which trains import their base class; without it, it stands in the file.
    `checkpointing` computes each copy of a stack again for its gradients, to keep less. `open_time` leaves the number of a scan's steps
    open where the model is exported.
    """
    from archdsl.torch.file import write_file

    wanted = program.entries if entries is None else entries
    return write_file(program, wanted, plain, trainer, checkpointing, open_time)


def emit_trainer() -> str:
    """The base class of trains as a file of its own."""
    from archdsl.torch.file import write_trainer

    return write_trainer()


def kept_stacks(program: Program) -> list[str]:
    """Where the stacks stand, as `model.arch:12:7`, that `checkpointing` leaves as they are."""
    from archdsl.torch.checkpoints import kept

    places = [node.place for node in kept(program)]
    return list(dict.fromkeys(f"{p.file}:{p.line}:{p.column}" for p in places))


def class_name(program: Program, definition: str) -> str:
    """The name that a definition has in the file: its own, unless Python or the file's imports have it."""
    from archdsl.torch.plan import ProgramPlan

    return ProgramPlan(program).plans[definition].name
