"""Figures as bytes: the layout runs in a process of its own, so that no fault of Graphviz reaches the one that asked.

In: a program, which of it to show, and how: theme, direction, width. Out: `Figure`: DOT text at once; SVG, PDF, PNG or TikZ when asked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from archdsl.figure import links, style, theme
from archdsl.figure.dot import Sheet, figure_dot, sheets
from archdsl.figure.legend import legend
from archdsl.figure.panels import UnknownDefinition, panels
from archdsl.figure.scene import Panel
from archdsl.ir.program import Program

_SECONDS = 60
_COMMAND = ["-P", "-X", "utf8", "-m", "archdsl.figure.layout"]
_LESS = "draw less at once: --panels separate, --depth N, --only NAME, --collapse NAME"
_WIDER = "leave --width out, which is what takes long where much stands side by side; or "
DIRECTIONS = ("up", "down", "left", "right")


class FigureError(Exception):
    """No figure could be made. `message` says why, `hint` what to do."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Look:
    """One way to draw a figure: which way it reads, how closely it is set, and its DOT and panels so drawn."""

    direction: str
    close: bool
    """Whether it is set closely: smaller letters, and panels as narrow as they must be."""
    dot: str
    sheets: list[Sheet] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Figure:
    """A figure that can be written in several formats. A notebook shows it by itself."""

    looks: list[Look] = field(repr=False)
    """The ways to draw it, the best first; the first that fits its width is taken."""
    title: str = ""
    description: str = ""
    width: float | None = None
    """How wide it may be, in points; no text is then smaller than 6 pt."""
    name: str = ""
    """Of the one definition that it shows, where each has a figure of its own."""

    @property
    def dot(self) -> str:
        return self.looks[0].dot

    @property
    def sheets(self) -> list[Sheet]:
        return self.looks[0].sheets

    def svg(self) -> bytes:
        return paint([self], "svg")[0]

    def pdf(self) -> bytes:
        return paint([self], "pdf")[0]

    def png(self, dpi: int = 192) -> bytes:
        return paint([self], "png", dpi)[0]

    def tikz(self, whole: bool = False) -> str:
        """A `tikzpicture` to `\\input` into a paper; with `whole`, a document of its own."""
        return paint([self], "tex" if whole else "tikz")[0].decode("utf-8")

    def places(self) -> list[dict[str, Any]]:
        """Where everything is, panel by panel: nodes, edges and frames, in points."""
        return list(json.loads(paint([self], "places")[0]))

    def _repr_svg_(self) -> str:
        return self.svg().decode("utf-8")


@dataclass(frozen=True)
class Wishes:
    """What of a program is to be drawn, and how."""

    entry: str | None = None
    only: Collection[str] = ()
    expand: Collection[str] = ()
    collapse: Collection[str] = ()
    depth: int | None = None
    counts: Mapping[str, int] | None = None
    """Numbers of parameters by definition, for the titles."""
    width: float | str | None = None
    """Points, or a length such as `"3.25in"`."""
    direction: str | None = None
    theme: str = "paper"
    legend: bool = True
    captions: bool = True
    link: str | None = None
    """Where the program is found: each mark becomes a link to its line."""


def figure(program: Program, **wishes: Any) -> Figure:
    """The figure of a program. Options are the fields of `Wishes`: `only`, `width="3.25in"`, `theme="mono"`, …"""
    asked = Wishes(**wishes)
    return _figure(program, {close: _shown(program, asked, close) for close in _closeness(asked)}, asked)


def figures(program: Program, **wishes: Any) -> list[Figure]:
    """One figure for each panel, each with a legend of its own."""
    asked = Wishes(**wishes)
    shown = {close: _shown(program, asked, close) for close in _closeness(asked)}
    return [
        replace(_figure(program, {close: [ps[i]] for close, ps in shown.items()}, asked), name=p.name)
        for i, p in enumerate(shown[False])
    ]


def figure_of(shown: list[Panel], title: str, description: str, **wishes: Any) -> Figure:
    """The figure of panels that are there; of the wishes, those count that say how it looks."""
    asked = Wishes(**wishes)
    return _drawn(dict.fromkeys(_closeness(asked), shown), title, description, asked)


def _closeness(asked: Wishes) -> tuple[bool, ...]:
    """Whether a figure may also be set closely: only where there is a width to fit."""
    return (False,) if asked.width is None else (False, True)


def _figure(program: Program, shown: Mapping[bool, list[Panel]], asked: Wishes) -> Figure:
    first = program[shown[False][0].name]
    return _drawn(shown, first.source_name, " ".join(first.doc.split()), asked)


def _drawn(shown: Mapping[bool, list[Panel]], title: str, description: str, asked: Wishes) -> Figure:
    if asked.theme not in theme.THEMES:
        raise FigureError(f"there is no theme {asked.theme!r}", "there is " + ", ".join(theme.THEMES))
    width, direction = _points(asked.width), _known(asked.direction)
    ways = [direction] if direction else ["up"] if width is None else ["up", "right"]
    looks = [_look(shown[close], way, close, asked) for way in ways for close in _closeness(asked)]
    return Figure(looks, title, description, width)


def _shown(program: Program, asked: Wishes, close: bool) -> list[Panel]:
    try:
        found = panels(
            program,
            entry=asked.entry,
            only=asked.only,
            expand=asked.expand,
            collapse=asked.collapse,
            depth=asked.depth,
            counts=asked.counts,
            captions=asked.captions,
            letters=theme.LETTERS[close],
        )
    except UnknownDefinition as problem:
        raise FigureError(str(problem), problem.hint) from None
    if not found:
        raise FigureError("there is nothing to draw", "a program needs a model, block, cell or train")
    if asked.link is not None:
        if not links.is_address(asked.link):
            raise FigureError(
                f"{asked.link!r} is no address", "such as https://example.org/model.arch, or one with {line} in it"
            )
        links.link(found, asked.link)
    return found


def _look(shown: list[Panel], direction: str, close: bool, asked: Wishes) -> Look:
    key = legend(shown) if asked.legend else None
    letters = theme.FOLD[close]
    dot = style.themed(figure_dot(shown, key, direction, letters), asked.theme)
    parts = sheets(shown, key, direction, letters)
    if close:
        dot, parts = style.dense(dot), [replace(s, dot=style.dense(s.dot)) for s in parts]
    return Look(direction, close, dot, parts)


# -- what is asked for --------------------------------------------------------------------------------------------------
_UNITS = {"in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4, "pt": 1.0, "px": 0.75}
_LENGTH = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*(in|cm|mm|pt|px)")


def _points(width: float | str | None) -> float | None:
    """A length in points, of 72 to the inch."""
    if width is None:
        return None
    match = _LENGTH.fullmatch(width.strip()) if isinstance(width, str) else None
    if isinstance(width, str) and not match:
        raise FigureError(
            f"{width!r} is no width", "a number and a unit are needed, as in 3.25in; there is in, cm, mm, pt and px"
        )
    points = float(match[1]) * _UNITS[match[2]] if match else float(width)
    if not 36 <= points <= 7200:
        raise FigureError(f"a figure cannot be {points / 72:.3g}in wide", "between 0.5in and 100in")
    return points


def _known(direction: str | None) -> str | None:
    if direction not in (None, *DIRECTIONS):
        raise FigureError(f"there is no direction {direction!r}", "there is " + ", ".join(DIRECTIONS))
    return direction


# -- painting -----------------------------------------------------------------------------------------------------------
def paint(drawn: list[Figure], form: str, dpi: int = 96) -> list[bytes]:
    """Several figures in one format, by one layout process."""
    if not 20 <= dpi <= 2400:
        raise FigureError(f"{dpi} dots per inch cannot be drawn", "between 20 and 2400")
    pages = [
        {
            "looks": [{**asdict(look), "smallest": style.smallest(look.dot) if f.width else 0.0} for look in f.looks],
            "title": f.title,
            "description": f.description,
            "width": f.width,
        }
        for f in drawn
    ]
    found = _run(
        json.dumps({"pages": pages, "format": form, "dpi": dpi, "least": theme.SMALLEST}).encode(),
        len(drawn),
        any(f.width for f in drawn),
    )
    blobs = []
    at = 0
    while at < len(found):
        (size,) = struct.unpack_from(">Q", found, at)
        blobs.append(found[at + 8 : at + 8 + size])
        at += 8 + size
    return blobs


def _run(job: bytes, pages: int, fitted: bool = False) -> bytes:
    """The layout process on one job. It is ended, with what it started, when it takes too long: `fitted` says whether to a width."""
    seconds = _SECONDS * (1 + pages // 20)
    try:
        process = subprocess.Popen(
            [sys.executable, *_COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )
    except OSError as problem:
        raise FigureError(f"the layout could not be started: {problem.strerror}") from None
    try:
        out, errors = process.communicate(job, timeout=seconds)
    except subprocess.TimeoutExpired as problem:
        _end(process)
        said = (problem.stderr or b"").decode("utf-8", "replace")
        where = re.findall(r"^panel (\w+)$", said, re.MULTILINE)
        which = f"the panel of {where[-1]}" if where else "the figure"
        raise FigureError(f"the layout of {which} took more than {seconds} seconds", _WIDER * fitted + _LESS) from None
    except BaseException:
        _end(process)
        raise
    return _result(process.returncode, out, errors)


def _environment() -> dict[str, str]:
    """That of this process, but for what would make a difference: the language, and modules that lie about."""
    root = str(Path(__file__).resolve().parents[2])
    kept = {k: v for k, v in os.environ.items() if k != "LANGUAGE" and not k.startswith(("LC_", "PANGO_", "GV", "DOT"))}
    return {
        **kept,
        "LC_ALL": "C",
        "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)]),
        "PYTHONHASHSEED": "0",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def _result(status: int, out: bytes, errors: bytes) -> bytes:
    if status == 0 and out:
        return out
    if status == 3:
        raise FigureError(_last_line(errors), "pip install pygraphviz, or install Graphviz")
    if status == 5:
        raise FigureError(_last_line(errors), "fewer dots per inch, a smaller --width, or --panels separate")
    if status == 4:
        needs = json.loads(_last_line(errors))
        raise FigureError(
            f"{needs['panel']} does not fit a width of {needs['width'] / 72:.3g}in with no text under {theme.SMALLEST:g} pt: "
            f"it needs {-(-needs['needed'] * 100 // 72) / 100:.2f}in",
            _room_for(needs),
        )
    reason = f"signal {-status}" if status < 0 else _last_line(errors)
    raise FigureError(f"the layout failed: {reason}", _LESS)


def _room_for(needs: dict[str, Any]) -> str:
    """What to do where something does not fit."""
    if not needs["name"]:
        return "give it that width, or leave it out with --no-legend"
    upright = ", leave --direction out, as only panels that read up or down are made narrower" if needs["lying"] else ""
    apart = (
        ""
        if needs["alone"]
        else f", leave it out with --collapse {needs['name']}, or draw it apart with --panels separate"
    )
    return f"give it that width{upright}{apart}"


_SILENT = "no reason given"


def _last_line(data: bytes) -> str:
    lines = re.sub(r"[\x00-\x08\x0b-\x1f]", " ", data.decode("utf-8", "replace")).strip().splitlines()
    return lines[-1] if lines else _SILENT
