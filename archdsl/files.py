"""Reading programs and writing results.

A file is written whole or not at all: its text goes to a new file beside it, which takes its place once it is complete. What
stood there before keeps its permissions, and a link keeps pointing where it did. All trouble is a `Trouble` with one line that says
what and where.
"""

from __future__ import annotations

import contextlib
import keyword
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

LARGEST = 16 * 2**20
"""Bytes of the largest program that is read."""


class Trouble(Exception):
    """The tool could not do its work: a missing file, a full disk, a wrong option. Exit status 2."""


def read_bytes(path: str, largest: int = LARGEST) -> bytes:
    """The bytes of a file; `-` is standard input."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(largest + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(largest + 1)
    except (OSError, ValueError) as problem:
        raise Trouble(f"cannot read {shown(path)}: {reason(problem)}") from None
    if len(data) > largest:
        raise Trouble(f"cannot read {shown(path)}: it is larger than {largest // 2**20} MiB")
    return data


def figures_at(path: str) -> list[str]:
    """The SVG files of a folder, or else its DOT files; of what is no folder, itself."""
    if not os.path.isdir(path):
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError as problem:
        raise Trouble(f"cannot read {shown(path)}: {reason(problem)}") from None
    for suffix in (".svg", ".dot"):
        if found := [name for name in names if name.endswith(suffix)]:
            return [os.path.join(path, name) for name in found]
    raise Trouble(f"cannot read {shown(path)}: there is no .svg and no .dot file in this folder")


def read_text(path: str) -> str:
    """The text of a program; `-` is standard input. Bytes that are no UTF-8 stay visible as U+FFFD, which no program may hold."""
    data = read_bytes(path)
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")


def module_beside(path: str, output: str, program: str) -> str:
    """The name by which the code in `output` imports the base class of trains that `--trainer` writes to `path`."""
    name, suffix = os.path.splitext(os.path.basename(path))
    taken = keyword.iskeyword(name) or name in {"torch", *sys.stdlib_module_names}
    if output == "-":
        raise Trouble("--trainer writes a file that the code imports; name a file for the code, too, with -o")
    if suffix != ".py" or not name.isidentifier() or taken:
        raise Trouble(f"cannot import {shown(path)} as a module; name it such as training.py")
    if os.path.realpath(path) == os.path.realpath(output) or same_file(path, program):
        raise Trouble(f"cannot write {shown(path)}: it is the program or its code; name another file with --trainer")
    if os.path.realpath(os.path.dirname(path)) != os.path.realpath(os.path.dirname(output)):
        raise Trouble(f"{shown(output)} cannot import {shown(path)}; let --trainer name a file in its folder")
    if os.path.exists(path) and "\nclass Trainer(nn.Module):\n" not in read_text(path):
        raise Trouble(f"{shown(path)} is there, and is no training base class; name another file with --trainer")
    return name


def write_whole(path: str, content: str | bytes) -> None:
    """Writes a file, all of it or nothing."""
    write_all({path: content})


def write_all(contents: Mapping[str, str | bytes]) -> None:
    """Writes several files, all of them or none: each is complete, beside its place, before the first takes it."""
    ready: list[tuple[str, str]] = []
    path = ""
    try:
        for path, content in contents.items():
            data = content.encode("utf-8") if isinstance(content, str) else content
            target = _target(path)
            if os.path.exists(target) and not os.path.isfile(target):
                with open(target, "wb") as device:  # /dev/null, a pipe: nothing to replace
                    device.write(data)
            else:
                ready.append((_written(target, data), target))
        for temporary, target in ready:
            os.replace(temporary, target)
    except (OSError, ValueError) as problem:
        raise Trouble(f"cannot write {shown(path)}: {reason(problem)}") from None
    finally:
        for temporary, _ in ready:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _target(path: str) -> str:
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(0, "it is a directory")
    if os.path.islink(target):
        raise OSError(0, "its links lead in a circle")
    return target


def _written(target: str, data: bytes) -> str:
    """A new file beside the target, complete, with the target's permissions."""
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(0, f"there is no folder {shown(folder)}")
    before = os.stat(target) if os.path.exists(target) else None
    if before and not os.access(target, os.W_OK):
        raise PermissionError(0, "it is not writable")
    descriptor, temporary = tempfile.mkstemp(prefix=".archdsl-", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _keep_owner(temporary, before)
        os.chmod(temporary, stat.S_IMODE(before.st_mode) if before else 0o666 & ~_umask())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _keep_owner(path: str, before: os.stat_result | None) -> None:
    if before and hasattr(os, "chown"):
        with contextlib.suppress(OSError):  # only root may give files away, and the new file is then its writer's
            os.chown(path, before.st_uid, before.st_gid)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def same_file(left: str, right: str) -> bool:
    """Whether two paths are one file, through links too."""
    try:
        return os.path.samefile(left, right)
    except (OSError, ValueError):
        return False


def shown(path: str | Path) -> str:
    """A path for a message: on one line, whatever is in it."""
    text = str(path)
    return text if text.isprintable() and text else ascii(text)


def reason(problem: Exception) -> str:
    """Why the system refused, in its words."""
    if isinstance(problem, OSError):
        known = {
            FileNotFoundError: "there is no such file",
            IsADirectoryError: "it is a directory",
            PermissionError: "permission denied",
        }
        return (problem.strerror if problem.errno == 0 else known.get(type(problem)) or problem.strerror) or str(
            problem
        )
    return str(problem)


# -- standard output ------------------------------------------------------------------------------------------------
def lenient_output() -> None:
    """Signs that the terminal's encoding has not are replaced, not refused; where there is no output at all, it goes nowhere."""
    sys.stdout, sys.stderr = sys.stdout or open(os.devnull, "w"), sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def drop_output() -> None:
    """Nothing more goes to a pipe that is closed, not even when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
