"""Figures as bytes: the layout runs in a process of its own, so that no fault of Graphviz reaches the one that asked.

In: a program, and which of it to show. Out: `Figure`: DOT text at once; SVG, PDF or PNG when asked for.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from archdsl.figure.dot import Sheet, figure_dot, sheets
from archdsl.figure.legend import legend
from archdsl.figure.panels import UnknownDefinition, panels
from archdsl.ir.program import Program

_SECONDS = 120


class FigureError(Exception):
    """No figure could be made. `message` says why, `hint` what to do."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Figure:
    """A figure that can be written in several formats. A notebook shows it by itself."""

    dot: str
    title: str = ""
    description: str = ""
    sheets: list[Sheet] = field(default_factory=list, repr=False)

    def svg(self) -> bytes:
        return self._painted("svg")

    def pdf(self) -> bytes:
        return self._painted("pdf")

    def png(self, dpi: int = 192) -> bytes:
        if not 20 <= dpi <= 2400:
            raise FigureError(f"{dpi} dots per inch cannot be drawn", "between 20 and 2400")
        return self._painted("png", dpi)

    def places(self) -> list[dict[str, Any]]:
        """Where everything is, panel by panel: nodes, edges and frames, in points."""
        return list(json.loads(self._painted("places")))

    def _repr_svg_(self) -> str:
        return self.svg().decode("utf-8")

    def _painted(self, form: str, dpi: int = 96) -> bytes:
        job = {
            "dot": self.dot,
            "sheets": [asdict(s) for s in self.sheets],
            "format": form,
            "dpi": dpi,
            "title": self.title,
            "description": self.description,
        }
        return _run(json.dumps(job).encode())


def figure(
    program: Program,
    *,
    entry: str | None = None,
    only: Collection[str] = (),
    expand: Collection[str] = (),
    collapse: Collection[str] = (),
    depth: int | None = None,
    counts: Mapping[str, int] | None = None,
) -> Figure:
    """The figure of a program. `counts` are numbers of parameters by definition, for the titles."""
    try:
        shown = panels(program, entry=entry, only=only, expand=expand, collapse=collapse, depth=depth, counts=counts)
    except UnknownDefinition as problem:
        raise FigureError(str(problem), problem.hint) from None
    if not shown:
        raise FigureError("there is nothing to draw", "a program needs a model, block, cell or train")
    first = program[shown[0].name]
    key = legend(shown)
    return Figure(figure_dot(shown, key), first.source_name, " ".join(first.doc.split()), sheets(shown, key))


def _run(job: bytes) -> bytes:
    """The layout process on one job."""
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-P", "-X", "utf8", "-m", "archdsl.figure.layout"]
    try:
        done = subprocess.run(command, input=job, capture_output=True, env=environment, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise FigureError(
            f"the layout took more than {_SECONDS} seconds", "draw less at once: --only NAME, --collapse NAME"
        ) from None
    except OSError as problem:
        raise FigureError(f"the layout could not be started: {problem.strerror}") from None
    if done.returncode == 3:
        raise FigureError(_last_line(done.stderr), "pip install pygraphviz, or install Graphviz")
    if done.returncode or not done.stdout:
        reason = f"signal {-done.returncode}" if done.returncode < 0 else _last_line(done.stderr)
        raise FigureError(f"the layout failed: {reason}", "draw less at once: --only NAME, --collapse NAME")
    return done.stdout


def _last_line(data: bytes) -> str:
    lines = re.sub(r"[\x00-\x08\x0b-\x1f]", " ", data.decode("utf-8", "replace")).strip().splitlines()
    return lines[-1] if lines else "no reason given"
