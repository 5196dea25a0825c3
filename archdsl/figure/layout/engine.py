"""Graphviz, from pygraphviz's wheel or else a `dot` executable: DOT text in, bytes out.

The fonts of the machine are never seen: a private fontconfig file names the folder of the packaged font and nothing else. It is in the
environment before Graphviz is loaded.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from archdsl.figure.layout import fonts

Run = Callable[[str, str, str], bytes]
"""`run(dot_text, engine, format)`: engine is `dot`, or `nop2` where every position is given."""


class LayoutFailed(Exception):
    """Graphviz is not there, or did not do it."""


_CONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <match target="font">
    <edit name="hinting" mode="assign"><bool>false</bool></edit>
    <edit name="hintstyle" mode="assign"><const>hintnone</const></edit>
    <edit name="autohint" mode="assign"><bool>false</bool></edit>
  </match>
  <match target="font">
    <test name="weight" compare="less_eq"><const>medium</const></test>
    <test target="pattern" name="weight" compare="more"><const>medium</const></test>
    <edit name="embolden" mode="assign"><bool>true</bool></edit>
    <edit name="weight" mode="assign"><const>bold</const></edit>
  </match>
</fontconfig>
"""


@contextlib.contextmanager
def graphviz() -> Iterator[Run]:
    """Graphviz, ready to run."""
    with tempfile.TemporaryDirectory(prefix="figure") as folder:
        home = Path(folder)
        path = fonts.folder()
        if path:
            config = home / "fonts.conf"
            config.write_text(_CONFIG.format(fonts=_xml(str(path)), cache=_xml(str(home / "cache"))), encoding="utf-8")
            os.environ["FONTCONFIG_FILE"] = str(config)
            os.environ["PANGOCAIRO_BACKEND"] = "fc"  # elsewhere than on Linux, Pango would ask the system for fonts
            os.environ.pop("FONTCONFIG_SYSROOT", None)
        yield _wheel(home) or _executable()


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _wheel(home: Path) -> Run | None:
    try:
        from pygraphviz import graphviz as gv
    except ImportError:
        return None

    def run(text: str, engine: str, form: str) -> bytes:
        source = home / "figure.dot"
        source.write_text(text, encoding="utf-8")
        try:
            with source.open(encoding="utf-8") as file:
                graph = gv.agread(file, None)
        except ValueError:
            graph = None
        if graph is None:
            raise LayoutFailed("Graphviz could not read the figure's DOT text")
        context = gv.gvContextWithBuiltins()
        try:
            if gv.gvLayout(context, graph, engine.encode()):
                raise LayoutFailed(f"Graphviz could not lay the figure out with {engine}")
            result: Any = gv.gvRenderData(context, graph, form.encode())
            data = result[-1] if isinstance(result, (list, tuple)) else result
            if not data:
                raise LayoutFailed(f"Graphviz could not write {form}")
            return data.encode() if isinstance(data, str) else bytes(data)
        finally:
            gv.gvFreeLayout(context, graph)
            gv.agclose(graph)
            gv.gvFreeContext(context)

    return run


def _executable() -> Run:
    program = shutil.which("dot")
    if not program:
        raise LayoutFailed("neither pygraphviz nor a `dot` executable is installed")

    def run(text: str, engine: str, form: str) -> bytes:
        done = subprocess.run(
            [program, f"-K{engine}", f"-T{form}"], input=text.encode(), capture_output=True, check=False
        )
        if done.returncode or not done.stdout:
            message = done.stderr.decode(errors="replace").strip().splitlines()
            raise LayoutFailed(f"dot failed: {message[0] if message else f'exit status {done.returncode}'}")
        return done.stdout

    return run
