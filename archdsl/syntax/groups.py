"""Tokens and comments → statements of nested groups: what `format` lays out.

In: the tokens of a program that parses, and its comments. Out: `Statement`s by brackets and line ends alone, in which every token and
every comment stands once; and how any of it reads on one line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from lark import Token

_CLOSER = {"LPAR": "RPAR", "LSQB": "RSQB"}
OPERAND_END = {"NAME", "NUMBER", "STRING", "REST", "RPAR", "RSQB", "RBRACE", "PRIME"}
_TIGHT_AFTER = {"LPAR", "LSQB", "DOT", "CIRCUMFLEX", None}
_TIGHT_BEFORE = {"RPAR", "RSQB", "COMMA", "COLON", "DOT", "PRIME", "CIRCUMFLEX"}


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
        parts = [flat(part) for part in self.parts]
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
            or any(s.before or (s.items and is_if(s.items)) for s in self.statements)
        ):
            return None
        inner = flat(self.statements[0].items) if self.statements else ""
        return None if inner is None else f"{{ {inner} }}" if inner else "{ }"


Item = Token | Comment | Group | Block
Items = list[Item]


@dataclass
class Statement:
    """A statement or a definition, what is said about it before, and whether a blank line comes first."""

    items: Items
    before: list[tuple[Comment, bool]] = field(default_factory=list)
    blank: bool = False


class Reader:
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


def flat(items: Items) -> str | None:
    """The items on one line; None where a comment or a body of several statements forbids it."""
    text = ""
    previous: Token | None = None
    before: Token | None = None
    for item in items:
        piece = _flat_item(item)
        if piece is None:
            return None
        text += gap(before, previous, first(item)) + piece
        before, previous = (previous, item) if isinstance(item, Token) else (first(item), last(item))
    return text


def _flat_item(item: Item) -> str | None:
    if isinstance(item, Token):
        return None if "\n" in item else str(item)
    if isinstance(item, Comment):
        return None
    return item.flat


def gap(before: Token | None, previous: Token | None, following: Token | None) -> str:
    """The space between two tokens: none or one. `before` is the token before `previous`."""
    left, right = previous.type if previous else None, following.type if following else None
    if left in _TIGHT_AFTER or right in _TIGHT_BEFORE:
        return ""
    if left == "MINUS" and (before is None or before.type not in OPERAND_END):
        return ""
    if right in ("LPAR", "LSQB") and left in ("NAME", "RPAR", "PRIME", "STRING"):
        return ""
    return " "


def first(item: Item) -> Token | None:
    return item if isinstance(item, Token) else item.opener if isinstance(item, (Group, Block)) else None


def last(item: Item) -> Token | None:
    return item if isinstance(item, Token) else item.closer if isinstance(item, (Group, Block)) else None


def is_if(items: Items) -> bool:
    return isinstance(items[0], Token) and items[0].type == "IF"
