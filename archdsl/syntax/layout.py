"""From Lark's tokens to the tokens of the grammar: newlines that end statements, and words that are keywords where they stand.

Nothing is reserved. A statement's word (`state`, `memory`, …) is a keyword only where a statement begins and something follows that
could not follow a value; an infix word (`over`, `as`, …) only after an operand, where no name can stand; a word that opens an
expression (`scan`, `frozen`, …) only before an operand.
"""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

from archdsl.errors import TooDeep, TooLong, Unbalanced
from archdsl.source import Source

DEEPEST = 100
LONGEST = 1000

_TOP = {w: w.upper() for w in ("use", "model", "block", "cell", "train")}
_STATEMENT = {
    w: w.upper()
    for w in ("input", "output", "param", "frozen", "state", "memory", "gate", "expect", "config", "minimize", "until")
}
_INFIX = {w: w.upper() for w in ("over", "as", "reversed", "from", "by", "with", "at_most", "and", "or", "else")}
_PREFIX = {w: w.upper() for w in ("stack", "loop", "scan", "residual", "if", "not", "frozen", "output")}
_OPERAND_END = {"NAME", "NUMBER", "STRING", "RPAR", "RSQB", "RBRACE", "PRIME", "REVERSED"}
_OPERAND_START = {"NAME", "NUMBER", "STRING", "LPAR", "LSQB"}
_OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_CLOSERS = set(_OPENERS.values())
_STATEMENT_END = _OPERAND_END | {"RBRACE"}
_COUNTED = {"PLUS", "MINUS", "TIMES", "AT", "CIRCUMFLEX", "COMPARE", "LPAR", "DOT", "AND", "OR", "NOT"}


class Layout:
    """Lark's post-lexer. `source` is set before each parse."""

    always_accept = ()
    source: Source

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        tokens = list(stream)
        open_: list[Token] = []
        previous: str | None = None
        count = 0
        last = len(tokens) - 1
        for i, token in enumerate(tokens):
            kind = token.type
            inside = bool(open_) and open_[-1].type != "LBRACE"  # newlines mean nothing in parentheses
            j = i + 1
            while inside and j < last and tokens[j].type == "_NL":
                j += 1
            after = tokens[j] if j <= last else None
            if kind == "_NL":
                if self._ends_statement(previous, tokens, j, open_):
                    previous, count = "_NL", 0
                    yield token
                continue
            if kind == "NAME":
                following = after.type if after else None
                word = _keyword(token.value, previous, following, not open_)
                if word == "AS" and following == "STRING":  # `Linear(4) as "fc"`, and not `stack n as i`
                    word = "NAMED"
                if word:
                    kind = token.type = word
            elif kind in _OPENERS:
                open_.append(token)
                if len(open_) > DEEPEST:
                    raise TooDeep(self.source.span(token.start_pos or 0, token.end_pos or 0)).error()
                if kind == "LBRACE":
                    count = 0
            elif kind in _CLOSERS:
                if not open_ or _OPENERS[open_[-1].type] != kind:
                    raise self._unbalanced(token, open_)
                open_.pop()
            if kind in _COUNTED:
                count += 1
                if count > LONGEST:
                    raise TooLong(self.source.span(token.start_pos or 0, token.end_pos or 0)).error()
            previous = kind
            yield token
        if open_:
            raise self._unbalanced(None, open_)

    def _ends_statement(self, previous: str | None, tokens: list[Token], i: int, open_: list[Token]) -> bool:
        if previous not in _STATEMENT_END or i == len(tokens) or (open_ and open_[-1].type != "LBRACE"):
            return False
        return tokens[i].type not in ("RBRACE", "_NL", "ARROW") and not _goes_on_an_if(tokens, i)

    def _unbalanced(self, token: Token | None, open_: list[Token]) -> Exception:
        if token is None or open_:
            opener = open_[-1]
            span = self.source.span(opener.start_pos or 0, opener.end_pos or 0)
            return Unbalanced(
                span, str(opener), "is never closed" if token is None else f"is closed by {str(token)!r}"
            ).error()
        return Unbalanced(
            self.source.span(token.start_pos or 0, token.end_pos or 0), str(token), "closes nothing"
        ).error()


def _goes_on_an_if(tokens: list[Token], i: int) -> bool:
    """Whether an `else` comes with its body or its condition, and not a value of that name."""
    if tokens[i].value != "else":
        return False
    after = next((tokens[k] for k in range(i + 1, len(tokens)) if tokens[k].type != "_NL"), None)
    return after is not None and (after.type == "LBRACE" or after.value == "if")


def _keyword(word: str, previous: str | None, following: str | None, top: bool) -> str | None:
    if previous in _OPERAND_END and word in _INFIX:
        return _INFIX[word]
    if previous in (None, "_NL", "LBRACE", "DOC", "FROZEN") or (previous == "RBRACE" and top):
        if top and word in _TOP and following in ("NAME", "STRING"):
            return _TOP[word]
        if not top and word in _STATEMENT and following in _OPERAND_START | {"MINUS"}:
            return _STATEMENT[word]
    before_operand = following in _OPERAND_START or (following == "LBRACE" and word in ("scan", "residual"))
    if word in _PREFIX and before_operand and (word != "output" or previous == "ARROW"):
        return _PREFIX[word]
    return None
