"""Canonical text: what `archdsl fmt` writes.

In: a `Source` that parses. Out: the same tokens and comments with one spacing, one indentation and one way to break long lines.
What fits on a line stands on one line, except definitions and bodies of several statements. Formatting twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from lark import Token

from archdsl.source import Source
from archdsl.syntax import parse as parser

WIDTH = 120
STEP = 2
_CLOSER = {"LPAR": "RPAR", "LSQB": "RSQB"}
_OPERAND_END = {"NAME", "NUMBER", "STRING", "REST", "RPAR", "RSQB", "RBRACE", "PRIME"}
_TIGHT_AFTER = {"LPAR", "LSQB", "DOT", "CIRCUMFLEX", None}
_TIGHT_BEFORE = {"RPAR", "RSQB", "COMMA", "COLON", "DOT", "PRIME", "CIRCUMFLEX"}
_LOOSEST_FIRST = ({"OR"}, {"AND"}, {"COMPARE"}, {"PLUS", "MINUS"}, {"TIMES", "AT"})


@dataclass
class Comment:
    text: str
    own_line: bool
    """Whether it stands alone on its line; else it follows what is before it."""


@dataclass
class Group:
    """What stands between `(` and `)` or `[` and `]`, split at its commas."""

    opener: Token
    parts: list[Items]
    closer: Token

    @cached_property
    def flat(self) -> str | None:
        parts = [_flat(part) for part in self.parts]
        if any(part is None for part in parts):
            return None
        return f"{self.opener}{' '.join(p for p in parts if p is not None)}{self.closer}"


@dataclass
class Block:
    """A body in braces."""

    opener: Token
    comment: Comment | None
    statements: list[Statement]
    closer: Token

    @cached_property
    def flat(self) -> str | None:
        if (
            self.comment
            or len(self.statements) > 1
            or any(s.before or (s.items and _is_if(s.items)) for s in self.statements)
        ):
            return None
        inner = _flat(self.statements[0].items) if self.statements else ""
        return None if inner is None else f"{{ {inner} }}" if inner else "{ }"


Item = Token | Comment | Group | Block
Items = list[Item]


@dataclass
class Statement:
    """A statement or a definition, what is said about it before, and whether a blank line comes first."""

    items: Items
    before: list[tuple[Comment, bool]] = field(default_factory=list)
    blank: bool = False


def format_text(source: Source) -> str:
    """The canonical text of a program. Raises `Errors` where it is none."""
    file = parser.parse(source)
    tokens = parser.lex(source)
    comments = [Token("COMMENT", span.text, start_pos=span.start, end_pos=span.end) for span in file.comments]
    text = _Writer().file(_Reader(source.text, tokens, comments).statements())
    after = parser.lex(Source(text, source.file))
    return text if _significant(tokens) == _significant(after) else source.text


def _significant(tokens: list[Token]) -> list[tuple[str, str]]:
    """What must stay. A word that only a line break keeps from being a keyword would change; such a text is left alone."""
    return [(token.type, str(token)) for token in tokens if token.type != "_NL"]


class _Reader:
    """Tokens and comments → statements, by brackets and line ends alone."""

    def __init__(self, text: str, tokens: list[Token], comments: list[Token]):
        self.text = text
        self.tokens = sorted([*tokens, *comments], key=lambda t: (t.start_pos or 0, t.type == "_NL"))
        self.at = 0
        self.end = 0  # where the last token or comment that was read ends

    def peek(self) -> str | None:
        return self.tokens[self.at].type if self.at < len(self.tokens) else None

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        if token.type != "_NL":
            self.end = token.end_pos or 0
        return token

    def lines_before(self) -> int:
        """Line breaks between what was read last and what comes next."""
        at = self.at
        while at < len(self.tokens) and self.tokens[at].type == "_NL":
            at += 1
        return self.text.count("\n", self.end, self.tokens[at].start_pos if at < len(self.tokens) else len(self.text))

    def comment(self) -> Comment:
        own_line = self.lines_before() > 0 or self.end == 0
        return Comment(str(self.take()).rstrip(), own_line)

    def statements(self) -> list[Statement]:
        """All until the brace that closes the body, or the end."""
        found: list[Statement] = []
        while True:
            while self.peek() == "_NL":
                self.take()
            statement = self.statement(first=not found)
            if statement.items or statement.before:
                found.append(statement)
            if self.peek() in (None, "RBRACE"):
                return found

    def statement(self, first: bool) -> Statement:
        before: list[tuple[Comment, bool]] = []
        while self.peek() in ("COMMENT", "_NL"):
            if self.peek() == "_NL":
                self.take()
                continue
            blank = self.lines_before() > 1 and not (first and not before)
            before.append((self.comment(), blank))
        blank = self.lines_before() > 1 and not (first and not before)
        items: Items = []
        while self.peek() not in (None, "_NL", "RBRACE"):
            if self.peek() == "COMMENT" and self.lines_before() > 0 and self.ends_here():
                break
            items.append(self.item())
        return Statement(items, before, blank)

    def ends_here(self) -> bool:
        """Whether the comments ahead stand after the statement, not inside it."""
        at = self.at
        while at < len(self.tokens) and self.tokens[at].type == "COMMENT":
            at += 1
        return at == len(self.tokens) or self.tokens[at].type in ("_NL", "RBRACE")

    def item(self) -> Item:
        kind = self.peek()
        if kind == "COMMENT":
            return self.comment()
        if kind in _CLOSER:
            return self.group()
        if kind == "LBRACE":
            opener = self.take()
            comment = self.comment() if self.peek() == "COMMENT" and self.lines_before() == 0 else None
            statements = self.statements()
            return Block(opener, comment, statements, self.take())
        return self.take()

    def group(self) -> Group:
        opener = self.take()
        parts: list[Items] = [[]]
        while self.peek() != _CLOSER[opener.type]:
            item = self.item()
            parts[-1].append(item)
            if isinstance(item, Token) and item.type == "COMMA":
                parts.append([])
                while self.peek() == "COMMENT" and self.lines_before() == 0:
                    parts[-2].append(self.comment())
        return Group(opener, parts if parts != [[]] else [], self.take())


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
        if isinstance(items[-1], Comment):
            items, trailing = items[:-1], items[-1].text
        first = items[0]
        if isinstance(first, Token) and first.type == "DOC":
            lines += [Line(indent, str(first))]
            items = items[1:]
            while items and isinstance(items[0], Comment):
                lines.append(Line(indent, items[0].text))
                items = items[1:]
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
        flat = None if _must_open(items) else _flat(items)
        if flat is not None and (indent + len(flat) <= WIDTH or indent > WIDTH // 2):
            return [Line(indent, flat)]
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
            piece, after = list(items[start:end]), []
            while piece and isinstance(piece[-1], Comment):
                after.insert(0, piece.pop())
            inner = indent + STEP if start else indent
            if piece:
                lines += self.layout(piece, inner)
            for comment in after:
                self.remark(lines, comment, indent + STEP)  # type: ignore[arg-type]
        return lines

    def open_groups(self, items: Items, indent: int) -> list[Line] | None:
        """The longest list or call is opened, one part on each line; so are those that hold comments."""
        groups = [i for i in items if isinstance(i, Group) and i.parts]
        if not groups:
            return None
        opened = {id(g) for g in groups if _flat([g]) is None} or {id(max(groups, key=lambda g: len(_flat([g]) or "")))}
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
            here.text += _gap(before, previous, _first(item))
            if id(item) in opened:
                self.opened(lines, item, indent)
            else:
                here.text += _flat([item]) or ""
            before, previous = (previous, item) if isinstance(item, Token) else (_first(item), _last(item))
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
        part = list(part)
        while part and isinstance(part[0], Comment):
            self.remark(lines, part.pop(0), indent)  # type: ignore[arg-type]
        after: list[Comment] = []
        while part and isinstance(part[-1], Comment):
            after.insert(0, part.pop())  # type: ignore[arg-type]
        if part:
            lines += self.layout(part, indent)
        for comment in after:
            self.remark(lines, comment, indent)

    def remark(self, lines: list[Line], comment: Comment, indent: int) -> None:
        """A comment: after the last line if it stood there, else on a line of its own."""
        if comment.own_line or not lines or not lines[-1].text or lines[-1].comment:
            lines.append(Line(indent, comment.text))
        else:
            lines[-1].comment = comment.text


def _flat(items: Items) -> str | None:
    """The items on one line; None where a comment or a body of several statements forbids it."""
    text = ""
    previous: Token | None = None
    before: Token | None = None
    for item in items:
        piece = _flat_item(item)
        if piece is None:
            return None
        text += _gap(before, previous, _first(item)) + piece
        before, previous = (previous, item) if isinstance(item, Token) else (_first(item), _last(item))
    return text


def _flat_item(item: Item) -> str | None:
    if isinstance(item, Token):
        return None if "\n" in item else str(item)
    if isinstance(item, Comment):
        return None
    return item.flat


def _gap(before: Token | None, previous: Token | None, following: Token | None) -> str:
    """The space between two tokens: none or one. `before` is the token before `previous`."""
    left, right = previous.type if previous else None, following.type if following else None
    if left in _TIGHT_AFTER or right in _TIGHT_BEFORE:
        return ""
    if left == "MINUS" and (before is None or before.type not in _OPERAND_END):
        return ""
    if right in ("LPAR", "LSQB") and left in ("NAME", "RPAR", "PRIME", "STRING"):
        return ""
    return " "


def _first(item: Item) -> Token | None:
    return item if isinstance(item, Token) else item.opener if isinstance(item, (Group, Block)) else None


def _last(item: Item) -> Token | None:
    return item if isinstance(item, Token) else item.closer if isinstance(item, (Group, Block)) else None


def _ends_operand(item: Item) -> bool:
    last = _last(item)
    return last is not None and last.type in _OPERAND_END


def _is_definition(items: Items) -> bool:
    return any(isinstance(i, Token) and i.type in ("MODEL", "BLOCK", "CELL", "TRAIN") for i in items[:2])


def _is_if(items: Items) -> bool:
    return isinstance(items[0], Token) and items[0].type == "IF"


def _must_open(items: Items) -> set[int]:
    """The bodies and lists that do not go on one line; a definition's body and the branches of an `if` are among them."""
    closed = [i for i in items if isinstance(i, (Group, Block)) and _flat([i]) is None]
    if _is_definition(items) or _is_if(items):
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
