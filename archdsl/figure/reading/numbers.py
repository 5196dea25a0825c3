"""Numbers as a figure writes them, read back: `4d`, `d/heads`, `√d`, `⌈h/2⌉`, `i mod n`, `2` with `i` raised.

In: canonical text (see `markup`), as `words.number` writes it. Out: the `Num` that it stands for: `parse(plain(number(n))) == n`.
"""

from __future__ import annotations

import html
import re
from fractions import Fraction
from functools import lru_cache

from archdsl.figure.words import CONSTANTS
from archdsl.ir.functions import FUNCTIONS
from archdsl.ir.num import ELLIPSIS, ONE, ZERO, Num
from archdsl.ir.terms import NotANumber


class NoNumber(ValueError):
    """Text that is no number of a figure."""


_NAMED = {text: Num({(): value}) for value, text in CONSTANTS.items()}
LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<named>" + "|".join(re.escape(t) for t in sorted(_NAMED, key=len, reverse=True)) + ")"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><SUP>|</SUP>|[-+−·/^√()⌊⌋⌈⌉,…])"
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Num:
    """The number of a text. Raises NoNumber."""
    reader = _Reader(html.unescape(text.replace("<SUP>", "\0").replace("</SUP>", "\1")))
    try:
        value = reader.sum()
    except (NotANumber, RecursionError) as problem:
        raise NoNumber(f"{text!r}: {problem}") from None
    if reader.kind:
        raise NoNumber(f"{text!r} is no number")
    return value


class _Reader:
    """Tokens of a text, and one method for each level of binding."""

    def __init__(self, text: str):
        self.tokens: list[tuple[str, str]] = []
        text, at = text.replace("\0", "<SUP>").replace("\1", "</SUP>"), 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise NoNumber(f"{text!r} is no number")
            at = match.end()
            if match.lastgroup != "space":
                self.tokens.append((str(match.lastgroup), match.group()))
        self.tokens.reverse()

    @property
    def kind(self) -> str:
        return self.tokens[-1][0] if self.tokens else ""

    @property
    def text(self) -> str:
        return self.tokens[-1][1] if self.tokens else ""

    def take(self, text: str = "") -> str:
        if not self.tokens or (text and self.text != text):
            raise NoNumber(f"{text or 'a number'} is missing")
        return self.tokens.pop()[1]

    def sum(self) -> Num:
        negative = self.text == "−" and bool(self.take())
        value = -self.remainder() if negative else self.remainder()
        while self.text in ("+", "−"):
            value = value + self.remainder() if self.take() == "+" else value - self.remainder()
        return value

    def remainder(self) -> Num:
        value = self.product()
        if self.text == "mod":
            self.take()
            value = value % self.product()
        return value

    def product(self) -> Num:
        value = self.juxtaposed()
        while self.text in ("·", "/"):
            value = value * self.power() if self.take() == "·" else self.divided(value)
        return value

    def divided(self, value: Num) -> Num:
        """`a/(b·c)` is divided by one factor after the other, so that a sum among them stays one."""
        before = list(self.tokens)
        if self.text == "(":
            self.take()
            try:
                result = value / self.power()
                while self.text == "·":
                    self.take()
                    result = result / self.power()
                self.take(")")
                if self.kind != "raised" and self.text not in ("<SUP>", "^"):
                    return result
            except NoNumber:
                pass
            self.tokens = before
        return value / self.power()

    def juxtaposed(self) -> Num:
        """`4d`: a coefficient right before a letter."""
        digits = self.kind == "number"
        value = self.power()
        return (
            value * self.power()
            if digits and ((self.kind == "name" and self.text != "mod") or self.text == "…")
            else value
        )

    def power(self) -> Num:
        base = self.atom()
        if self.kind == "raised":
            return base ** int(self.take().translate(LOWERED))
        if self.text == "<SUP>":
            self.take()
            base = base ** self.sum()
            self.take("</SUP>")
        elif self.text == "^":
            self.take()
            base = base ** self.atom()
        return base

    def atom(self) -> Num:
        kind, text = self.kind, self.take()
        match kind, text:
            case "number", _:
                return Num.of(Fraction(text))
            case "named", _:
                return _NAMED[text]
            case "name", _ if self.text == "(" and text in FUNCTIONS:
                return self.function(text)
            case "name", _:
                return Num.symbol(text)
            case _, "…":
                return ELLIPSIS
            case _, "√":
                return FUNCTIONS["sqrt"](self.atom())
            case _, "(":
                return self.inside(")")
            case _, "⌊":
                return FUNCTIONS["floor"](self.inside("⌋"))
            case _, "⌈":
                return self.ceiling()
        raise NoNumber(f"{text!r} starts no number")

    def inside(self, end: str) -> Num:
        value = self.sum()
        self.take(end)
        return value

    def function(self, name: str) -> Num:
        self.take("(")
        given = [self.sum()]
        while self.text == ",":
            self.take()
            given.append(self.sum())
        self.take(")")
        return FUNCTIONS[name](*given)

    def ceiling(self) -> Num:
        """⌈a/b⌉ stands for ⌊(a − 1)/b⌋ + 1, and with a whole b for ⌊(a + b − 1)/b⌋."""
        negative = self.text == "−" and bool(self.take())
        top = -self.juxtaposed() if negative else self.juxtaposed()
        while self.text in ("·", "/") and not (self.text == "/" and self.ends_after_one()):
            top = top * self.power() if self.take() == "·" else self.divided(top)
        self.take("/")
        below = self.power()
        self.take("⌉")
        floor = FUNCTIONS["floor"]
        return floor((top + below - 1) / below) if below.is_integer else floor((top - 1) / below) + ONE

    def ends_after_one(self) -> bool:
        return len(self.tokens) > 2 and self.tokens[-3][1] == "⌉"


__all__ = ["ZERO", "NoNumber", "parse"]
