"""Canonical text: what `archdsl fmt` writes.

In: a `Source` that parses. Out: the same tokens and comments with one spacing, one indentation and one way to break long lines.
What fits on a line stands on one line, except definitions and bodies of several statements. Formatting twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from lark import Token

from archdsl.source import Source
from archdsl.syntax import parse as parser
from archdsl.syntax.groups import (
    OPERAND_END,
    Block,
    Comment,
    Group,
    Item,
    Items,
    Reader,
    Statement,
    first,
    flat,
    gap,
    is_if,
    last,
)

WIDTH = 120
STEP = 2
_LOOSEST_FIRST = ({"OR"}, {"AND"}, {"COMPARE"}, {"PLUS", "MINUS"}, {"TIMES", "AT"})


def format_text(source: Source) -> str:
    """The canonical text of a program. Raises `Errors` where it is none."""
    file = parser.parse(source)
    tokens = parser.lex(source)
    comments = [Token("COMMENT", span.text, start_pos=span.start, end_pos=span.end) for span in file.comments]
    text = _Writer().file(Reader(source.text, tokens, comments).statements())
    after = parser.lex(Source(text, source.file))
    return text if _significant(tokens) == _significant(after) else source.text


def _significant(tokens: list[Token]) -> list[tuple[str, str]]:
    """What must stay. A word that only a line break keeps from being a keyword would change; such a text is left alone."""
    return [(token.type, str(token)) for token in tokens if token.type != "_NL"]


@dataclass
class Line:
    indent: int
    text: str
    comment: str = ""

    def __str__(self) -> str:
        return f"{' ' * self.indent}{self.text}"


class _Writer:
    """Statements → lines."""

    def __init__(self) -> None:
        self.done: dict[tuple[object, ...], list[Line]] = {}

    def file(self, statements: list[Statement]) -> str:
        lines: list[Line] = []
        for number, statement in enumerate(statements):
            if number and self._both_use(statements[number - 1], statement):
                statement.blank = statement.blank and bool(statement.before)
            elif number and statement.items:
                self._blank_before(statement)
            lines += self.statement(statement, 0)
        return "".join(f"{line}\n" for line in _aligned(lines))

    def _both_use(self, left: Statement, right: Statement) -> bool:
        firsts = [s.items[0] if s.items else None for s in (left, right)]
        return all(isinstance(first, Token) and first.type == "USE" for first in firsts)

    def _blank_before(self, statement: Statement) -> None:
        if statement.before:
            statement.before[0] = (statement.before[0][0], True)
        else:
            statement.blank = True

    def statement(self, statement: Statement, indent: int) -> list[Line]:
        lines: list[Line] = []
        for comment, blank in statement.before:
            lines += [Line(0, "")] * blank + [Line(indent, comment.text)]
        if not statement.items:
            return lines
        lines += [Line(0, "")] * statement.blank
        items, trailing = statement.items, ""
        end, start = items[-1], items[0]
        if isinstance(end, Comment):
            items, trailing = items[:-1], end.text
        if isinstance(start, Token) and start.type == "DOC":
            lines += [Line(indent, str(start))]
            items = items[1:]
            remarks = list(takewhile(lambda item: isinstance(item, Comment), items))
            lines += [Line(indent, item.text) for item in remarks if isinstance(item, Comment)]
            items = items[len(remarks) :]
        written = self.layout(items, indent)
        written[-1].comment = trailing
        return lines + written

    # -- ways to lay out one statement, the best that fits ------------------------------------------------------
    def layout(self, items: Items, indent: int) -> list[Line]:
        """The first way of writing the items that fits, or the one that runs over least."""
        key = (indent, *map(id, items))
        if key not in self.done:
            self.done[key] = self.best(items, indent)
        *lines, last = self.done[key]
        return [*lines, replace(last)]  # what comes after may go on in the last line

    def best(self, items: Items, indent: int) -> list[Line]:
        line = None if _must_open(items) else flat(items)
        if line is not None and (indent + len(line) <= WIDTH or indent > WIDTH // 2):
            return [Line(indent, line)]
        best: list[Line] | None = None
        ways = (
            self.open_what_must,
            self.open_repeats,
            self.at_arrows,
            self.open_bodies,
            self.after_operators,
            self.open_groups,
        )
        for way in ways:
            lines = way(items, indent)
            if lines is not None and (best is None or _overrun(lines) < _overrun(best)):
                best = lines
                if not _overrun(best) or indent > WIDTH // 2:
                    break
        return best if best is not None else self.flow(items, indent, set())

    def open_what_must(self, items: Items, indent: int) -> list[Line] | None:
        """Bodies that cannot stand on a line are opened in place; all else stays on one line."""
        if any(isinstance(i, Comment) for i in items):
            return None
        return self.flow(items, indent, set()) if _must_open(items) else None

    def open_repeats(self, items: Items, indent: int) -> list[Line] | None:
        """The bodies of stacks, loops and scans are opened in place."""
        repeats, of_repeat = set(), False
        for item in items:
            if isinstance(item, Block):
                repeats |= {id(item)} if of_repeat else set()
                of_repeat = False
            elif isinstance(item, Token):
                of_repeat = item.type in ("STACK", "LOOP", "SCAN") or (of_repeat and item.type != "ARROW")
        return None if not repeats or any(isinstance(i, Comment) for i in items) else self.flow(items, indent, repeats)

    def open_bodies(self, items: Items, indent: int) -> list[Line] | None:
        bodies = {id(i) for i in items if isinstance(i, Block) and i.statements}
        return self.flow(items, indent, bodies) if bodies else None

    def at_arrows(self, items: Items, indent: int) -> list[Line] | None:
        """Each stage of a pipeline on its own line."""
        starts = [n for n, i in enumerate(items) if n and isinstance(i, Token) and i.type == "ARROW"]
        if not starts:
            return None
        return self.pieces(items, starts, indent)

    def after_operators(self, items: Items, indent: int) -> list[Line] | None:
        """A line break after each of the operators that bind loosest."""
        for kinds in _LOOSEST_FIRST:
            starts = [
                n + 1
                for n, i in enumerate(items)
                if isinstance(i, Token) and i.type in kinds and n and _ends_operand(items[n - 1]) and n + 1 < len(items)
            ]
            starts = [n + 1 if isinstance(items[n], Comment) and n + 1 < len(items) else n for n in starts]
            if starts:
                return self.pieces(items, starts, indent)
        return None

    def pieces(self, items: Items, starts: list[int], indent: int) -> list[Line]:
        lines: list[Line] = []
        for start, end in zip([0, *starts], [*starts, len(items)]):
            piece, after = _without_last_comments(items[start:end])
            inner = indent + STEP if start else indent
            if piece:
                lines += self.layout(piece, inner)
            for comment in after:
                self.remark(lines, comment, indent + STEP)
        return lines

    def open_groups(self, items: Items, indent: int) -> list[Line] | None:
        """The longest list or call is opened, one part on each line; so are those that hold comments."""
        groups = [i for i in items if isinstance(i, Group) and i.parts]
        if not groups:
            return None
        opened = {id(g) for g in groups if flat([g]) is None} or {id(max(groups, key=lambda g: len(flat([g]) or "")))}
        return self.flow(items, indent, opened)

    def flow(self, items: Items, indent: int, opened: set[int]) -> list[Line]:
        """Everything in one line, but for what is opened or cannot be closed, and for comments."""
        opened = opened | _must_open(items)
        lines = [Line(indent, "")]
        started = [lines[0]]
        previous: Token | None = None
        before: Token | None = None
        for item in items:
            if isinstance(item, Comment):
                self.remark(lines, item, indent + STEP)
                lines.append(Line(indent + STEP, ""))
                started.append(lines[-1])
                previous = before = None
                continue
            here = lines[-1]
            here.text += gap(before, previous, first(item))
            if id(item) in opened:
                self.opened(lines, item, indent)
            else:
                here.text += flat([item]) or ""
            before, previous = (previous, item) if isinstance(item, Token) else (first(item), last(item))
        return [line for line in lines if line.text or line.comment or all(line is not s for s in started)]

    def opened(self, lines: list[Line], item: Item, indent: int) -> None:
        if isinstance(item, Block):
            lines[-1].text += "{"
            lines[-1].comment = item.comment.text if item.comment else ""
            for statement in item.statements:
                lines += self.statement(statement, indent + STEP)
            lines.append(Line(indent, "}"))
        elif isinstance(item, Group):
            lines[-1].text += str(item.opener)
            for part in item.parts:
                self.part(lines, part, indent + STEP)
            lines.append(Line(indent, str(item.closer)))

    def part(self, lines: list[Line], part: Items, indent: int) -> None:
        """One part of an opened group, with its comma and its comments."""
        part, after = _without_last_comments(part)
        before = list(takewhile(lambda item: isinstance(item, Comment), part))
        for item in before:
            if isinstance(item, Comment):
                self.remark(lines, item, indent)
        if part[len(before) :]:
            lines += self.layout(part[len(before) :], indent)
        for comment in after:
            self.remark(lines, comment, indent)

    def remark(self, lines: list[Line], comment: Comment, indent: int) -> None:
        """A comment: after the last line if it stood there, else on a line of its own."""
        if comment.own_line or not lines or not lines[-1].text or lines[-1].comment:
            lines.append(Line(indent, comment.text))
        else:
            lines[-1].comment = comment.text


def _ends_operand(item: Item) -> bool:
    end = last(item)
    return end is not None and end.type in OPERAND_END


def _is_definition(items: Items) -> bool:
    return any(isinstance(i, Token) and i.type in ("MODEL", "BLOCK", "CELL", "TRAIN") for i in items[:2])


def _must_open(items: Items) -> set[int]:
    """The bodies and lists that do not go on one line; a definition's body and the branches of an `if` are among them."""
    closed = [i for i in items if isinstance(i, (Group, Block)) and flat([i]) is None]
    if _is_definition(items) or is_if(items):
        closed += [i for i in items if isinstance(i, Block) and i.statements]
    return {id(i) for i in closed}


def _overrun(lines: list[Line]) -> int:
    return sum(max(0, len(str(line)) - WIDTH) for line in lines)


def _aligned(lines: list[Line]) -> Iterator[str]:
    """Lines as text; comments after neighbouring lines of one indentation start in one column."""
    run: list[Line] = []
    for line in [*lines, None]:
        if run and (line is None or not line.comment or line.indent != run[0].indent):
            column = max(len(str(r)) for r in run) + 2
            yield from (f"{r!s:<{column}}{r.comment}" for r in run)
            run = []
        if line is None:
            return
        if line.comment:
            run.append(line)
        else:
            yield str(line)


def _without_last_comments(items: Items) -> tuple[Items, list[Comment]]:
    """The items up to the comments at their end, and these."""
    end = len(items)
    while end and isinstance(items[end - 1], Comment):
        end -= 1
    return items[:end], [item for item in items[end:] if isinstance(item, Comment)]
