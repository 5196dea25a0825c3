"""Text → syntax tree.

In: a `Source`. Out: a `tree.File` with a span on every node, and all its comments. Raises `Errors` for text that is no program;
nothing is skipped or guessed. The grammar is `grammars/archdsl.lark`; lark keeps its tables in the user's cache between runs.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from archdsl import errors, resources
from archdsl.diagnostics import Diagnostic, Errors
from archdsl.source import Source, Span
from archdsl.syntax.build import Build
from archdsl.syntax.layout import Layout
from archdsl.syntax.tree import File

MOST = 100  # definitions that are read again after an error
_BEGINNING = re.compile(r'^(?:"""(?:(?!""")[\s\S])*"""\s*)?(?:model|block|cell|train)\s+\w', re.M)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffd]")
_lock = threading.Lock()


def parse(source: Source) -> File:
    """The syntax tree of a program. Raises Errors: the first of each definition that is wrong."""
    with _lock:
        parser = _Parser.shared()
        try:
            return parser.parse(source)
        except Errors as first:
            raise Errors([*first.diagnostics, *_others(parser, source, first)]) from None


def _others(parser: _Parser, source: Source, first: Errors) -> list[Diagnostic]:
    """The errors of the definitions after the one that ended the parse, each read by itself in its place."""
    starts = [m.start() for m in _BEGINNING.finditer(source.text)]
    found: list[Diagnostic] = []
    for start, end in zip(starts[:MOST], [*starts[1:], len(source.text)]):
        if start <= first.diagnostics[0].span.start:
            continue
        alone = Source(" " * start + source.text[start:end], source.file)
        try:
            parser.parse(alone)
        except Errors as errors_:
            for diagnostic in errors_.diagnostics:
                diagnostic.span = source.span(diagnostic.span.start, diagnostic.span.end)
                found.append(diagnostic)
    return found


def lex(source: Source) -> list[Token]:
    """The tokens of a program as the grammar gets them, keywords told from names; comments are left out."""
    with _lock:
        parser = _Parser.shared()
        parser.layout.source = parser.build.source = source
        parser.comments = []
        return list(parser.lark.lex(source.text))


class _Parser:
    """Lark's parser with our layout and our tree; one for the process, since its tables are large."""

    def __init__(self) -> None:
        self.comments: list[Span] = []
        self.layout, self.build = Layout(), Build()
        self.lark = Lark(
            resources.read("grammars", "archdsl.lark"),
            parser="lalr",
            lexer="basic",
            postlex=self.layout,
            transformer=self.build,
            keep_all_tokens=True,
            maybe_placeholders=False,
            lexer_callbacks={"COMMENT": self._comment},
            cache=_cache() or False,
        )

    @staticmethod
    @lru_cache(maxsize=1)
    def shared() -> _Parser:
        return _Parser()

    def _comment(self, token: Token) -> Token:
        start, end = token.start_pos or 0, token.end_pos or 0
        self.comments.append(self.build.source.span(start, end))
        return token

    def parse(self, source: Source) -> File:
        self.comments = []
        self.layout.source = self.build.source = source
        control = _CONTROL.search(source.text)
        if control:
            raise errors.NotText(source.span(control.start(), control.end())).error()
        try:
            file: Any = self.lark.parse(source.text)
        except UnexpectedCharacters as problem:
            raise _character(source, problem.pos_in_stream or 0) from None
        except UnexpectedToken as problem:
            raise _token(source, problem) from None
        file.comments = self.comments
        return file  # type: ignore[no-any-return]


def _cache() -> str | None:
    """Where lark keeps the grammar's tables; None where nothing can be written."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = Path(base) / "archdsl"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    if not os.access(path, os.W_OK | os.X_OK) or (hasattr(os, "getuid") and path.stat().st_uid != os.getuid()):
        return None
    return str(path / f"grammar-{sys.version_info[0]}.{sys.version_info[1]}.tables")


def _character(source: Source, at: int) -> Errors:
    character = source.text[at]
    span = source.span(at, at + 1)
    if character == '"':
        return errors.OpenString(span).error()
    if character < " " or character in "\x7f\ufffd":
        return errors.NotText(span).error()
    return errors.BadCharacter(span, character).error()


_WORDS = {
    "_NL": "the end of the statement", "$END": "the end of the file", "NAME": "a name", "NUMBER": "a number", "STRING": "a string",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "LBRACE": "`{`", "RBRACE": "`}`", "ARROW": "`->`", "EQUAL": "`=`",
    "COMMA": "`,`", "COLON": "`:`", "PRIME": "`'`", "DOT": "`.`", "DOC": "a docstring",
}  # fmt: skip
_EXPRESSION = {"NAME", "NUMBER", "LPAR", "LSQB"}


def _token(source: Source, problem: UnexpectedToken) -> Errors:
    token = problem.token
    found = _WORDS.get(token.type, f"`{token}`") if token.type in ("_NL", "$END", "DOC") else f"`{token}`"
    expected = set(problem.expected)
    if expected & {"MODEL", "BLOCK"} and "NAME" not in expected:
        wanted = "a definition: `model`, `block`, `cell`, `train` or `use`"
    elif expected >= _EXPRESSION:
        wanted = "a statement" if "_NL" in expected or "INPUT" in expected else "an expression"
    else:
        words = [
            _WORDS[e]
            for e in ("EQUAL", "COLON", "COMMA", "RPAR", "RSQB", "LBRACE", "RBRACE", "NAME", "LSQB", "_NL", "$END")
            if e in expected
        ]
        wanted = " or ".join(words[:4]) or "something else"
    start = token.start_pos if token.start_pos is not None else len(source.text)
    end = token.end_pos if token.end_pos is not None else start
    if token.type == "$END":
        start = end = len(source.text.rstrip())
        start = max(0, start - 1)
    return errors.BadSyntax(source.span(start, end), found, wanted, mend=_mend(str(token), expected)).error()


def _mend(found: str, expected: set[str]) -> str:
    """What would do instead of words that other languages have there."""
    if found == "as" and "LBRACE" in expected:
        return "only the copies of a `stack` are counted; passes are alike, so carry a number: `state i: int[] = 0`, `i' = i + 1`"
    if found == "," and "_NL" in expected and "COLON" not in expected:
        return "one value stands right of `=`: write a statement for each"
    return ""
