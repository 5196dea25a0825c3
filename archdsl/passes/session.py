"""A run of the checker: its files, its definitions, its errors.

In: a source. `find` resolves a Capitalized name in a file's scope: its own definitions, those of the files it uses, the library,
the primitives. Errors are collected in `diagnostics`, each place once.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl import errors, resources
from archdsl.diagnostics import Diagnostic, Errors, Note
from archdsl.ir.num import Num
from archdsl.ops import OPS
from archdsl.ops.base import Op
from archdsl.passes.entities import DefinitionRef, Maker, Variant
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse

if TYPE_CHECKING:
    from archdsl.passes.signatures import SignatureOf


@dataclass
class FileScope:
    """A parsed file and the definitions it sees."""

    source: Source
    tree: tree.File
    own: dict[str, DefinitionRef] = field(default_factory=dict)
    used: dict[str, DefinitionRef] = field(default_factory=dict)


@dataclass
class Session:
    """One run. `overrides` are other values for the hyperparameters of the entry `entry`."""

    overrides: dict[str, Num] = field(default_factory=dict)
    entry: str | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    variants: dict[tuple[str, str], list[Variant]] = field(default_factory=dict)
    order: list[Variant] = field(default_factory=list)
    making: dict[tuple[str, str], DefinitionRef] = field(default_factory=dict)
    loading: list[str] = field(default_factory=list)
    files: dict[str, FileScope] = field(default_factory=dict)
    broken: set[tuple[tuple[str, str], str]] = field(default_factory=set)
    signatures: dict[tuple[str, str], SignatureOf | None] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    _seen: set[tuple[str, int, str]] = field(default_factory=set)

    @property
    def open(self) -> bool:
        """Whether what is being made is a block or cell by itself, whose numbers nobody gives."""
        return bool(self.making) and next(iter(self.making.values())).node.kind in ("block", "cell")

    def report(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.span.source.file, diagnostic.span.start, diagnostic.code)
        if key not in self._seen:
            self._seen.add(key)
            self.diagnostics.append(diagnostic)

    def unique(self, name: str) -> str:
        """A definition's name in the program."""
        result, i = name, 2
        while result in self.names:
            result, i = f"{name}{i}", i + 1
        self.names.add(result)
        return result

    # -- files ----------------------------------------------------------------------------------------------------
    def load(self, source: Source, parsed: tree.File | None = None) -> FileScope:
        """Parse a file, if that has not been done, and what it uses."""
        scope = FileScope(source, parsed or parse(source))
        self.files[source.file] = scope
        self.loading.append(source.file)
        for item in scope.tree.items:
            if isinstance(item, tree.Use):
                self._use(scope, item)
            elif not item.name.text[:1].isupper() and item.name.text[:1] != "_":
                self.report(errors.NotCapitalized(item.name.span, item.name.text))
            elif item.name.text in scope.own:
                first = scope.own[item.name.text].node.name
                self.report(errors.Twice(item.name.span, item.name.text, notes=[Note(first.span, "first here")]))
            else:
                scope.own[item.name.text] = DefinitionRef(item, scope)
                self._hypers(item)
        self.loading.pop()
        return scope

    def _hypers(self, node: tree.Definition) -> None:
        """A hyperparameter has a name of its own."""
        seen: dict[str, Span] = {}
        for hyper in node.hypers:
            if hyper.name.text in seen:
                note = Note(seen[hyper.name.text], "first here")
                self.report(errors.Twice(hyper.name.span, hyper.name.text, notes=[note]))
            seen.setdefault(hyper.name.text, hyper.name.span)

    def _use(self, scope: FileScope, use: tree.Use) -> None:
        if os.path.isabs(use.path.text) or not use.path.text.endswith(".arch"):
            self.report(errors.UseFails(use.span, "it takes the relative path of an .arch file"))
            return
        folder = Path() if scope.source.file.startswith("<") else Path(scope.source.file).parent
        path = os.path.normpath(folder / use.path.text)
        if path in self.loading or os.path.normpath(path) in map(os.path.normpath, self.loading):
            self.report(errors.UseFails(use.span, "the files use each other in a circle"))
            return
        if "\0" in path or (os.path.exists(path) and not os.path.isfile(path)):
            self.report(errors.UseFails(use.span, f"{use.path.text!r} is no file"))  # a pipe would never end
            return
        try:
            used = self.files.get(path) or self.load(Source(read_text(path), path, scope.source.library))
        except OSError as problem:
            self.report(errors.UseFails(use.span, f"{use.path.text}: {(problem.strerror or 'cannot be read').lower()}"))
            return
        except Errors as problems:
            self.loading = self.loading[: self.loading.index(scope.source.file) + 1]
            for diagnostic in problems.diagnostics:
                self.report(diagnostic)
            self.report(errors.UseFails(use.span, f"{use.path.text} has errors"))
            return
        scope.used.update({**used.used, **used.own})

    # -- names ----------------------------------------------------------------------------------------------------
    def find(self, name: str, scope: FileScope) -> Maker | None:
        """What a Capitalized name means."""
        ref = scope.own.get(name) or scope.used.get(name) or self._library(name)
        if ref:
            return Maker(ref)
        op = OPS.get(name)
        return Maker(op) if op and name[:1].isupper() else None

    def _library(self, name: str) -> DefinitionRef | None:
        file = library_index().get(name)
        if file is None:
            return None
        label = f"library/{file}"
        scope = self.files.get(label)
        if scope is None:
            source, parsed = library_file(file)
            scope = self.load(source, parsed)
        return scope.own.get(name)

    def known(self, scope: FileScope) -> set[str]:
        """All names that `find` and the primitives know, for suggestions."""
        return {*scope.own, *scope.used, *library_index(), *OPS}


@lru_cache
def library_file(file: str) -> tuple[Source, tree.File]:
    """A file of the library, parsed once for the process."""
    source = Source(resources.read("library", file), f"library/{file}", library=True)
    return source, parse(source)


@lru_cache(maxsize=1)
def library_index() -> dict[str, str]:
    """Definition → file, of the library that ships."""
    index: dict[str, str] = {}
    for path in sorted(resources.folder("library").glob("*.arch")):
        for match in re.finditer(r"^(?:model|block|cell|train)\s+(\w+)", path.read_text(encoding="utf-8"), re.M):
            index.setdefault(match.group(1), path.name)
    return index


def read_text(path: str | os.PathLike[str]) -> str:
    """A file's text; undecodable bytes become a character that no program has, so that the parser says where."""
    with open(path, "rb") as file:
        data = file.read(20_000_000)
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")


def function_named(name: str) -> Op | None:
    """The primitive function of that name."""
    op = OPS.get(name)
    return op if op and not name[:1].isupper() else None
