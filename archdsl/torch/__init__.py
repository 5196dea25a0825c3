"""IR → standalone PyTorch source. No torch is imported here."""

from __future__ import annotations

from archdsl.ir.program import Program
from archdsl.torch.errors import CannotEmit

__all__ = ["CannotEmit", "class_name", "emit"]


def emit(program: Program, entries: list[str] | None = None, plain: bool = False) -> str:
    """One Python file with the definitions named (all that the program's file defines, if none are) and what they use.

    `plain` writes the literal equations; without it, what torch has a kernel for runs on that kernel, and loops do the least they can.
    """
    from archdsl.torch.file import write_file

    return write_file(program, program.entries if entries is None else entries, plain)


def class_name(program: Program, definition: str) -> str:
    """The name that a definition has in the file: its own, unless Python or the file's imports have it."""
    from archdsl.torch.plan import ProgramPlan

    return ProgramPlan(program).plans[definition].name
