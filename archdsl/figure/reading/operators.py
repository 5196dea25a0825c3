"""Operators read back: `+`, `1 − □`, `x ÷ y`, `□` with a 2 raised.

In: the words of a round mark. Out: the use, or None where it is no operator; and what stands before and behind a sign.
"""

from __future__ import annotations

import html
import re

from archdsl.figure.reading import words
from archdsl.figure.reading.uses import Use
from archdsl.figure.scene import SLOT, Mark
from archdsl.ops import OPS
from archdsl.ops.base import Op

_SIGNS = {html.unescape(op.mark.label): op for op in OPS.values() if op.mark.shape == "circle"}
_BINARY = {s: op for s, op in _SIGNS.items() if len(op.parsed.inputs) == 2}
_RAISED = re.compile(r"(.+?)(?:<SUP>(.+)</SUP>|([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+))")
_ORDERED = "|".join(re.escape(html.escape(s, quote=False)) for s, op in _BINARY.items() if op.mark.ordered)
_OPERAND = rf"{SLOT}|[A-Za-z_]\w*(?:<SUB>\w+</SUB>)?′?"
_INFIX = re.compile(rf"({_OPERAND}) ({_ORDERED}) ({_OPERAND})")


def signed(head: str) -> bool:
    return any(f" {s} " in html.unescape(head) for s in _BINARY)


def parted(text: str) -> tuple[str, str, str] | None:
    """`x`, `−` and `y`, for `x − y`: what names or squares stand before and behind an ordered operator."""
    match = _INFIX.fullmatch(" ".join(text.split()))
    return (match[1], match[2], match[3]) if match else None


def read(head: str, mark: Mark, use: Use) -> Use | None:
    """`+`, `1 − □`, `a ÷ b`, `□²`."""
    text = html.unescape(head)
    if text in _BINARY and len(mark.lines) == 1 and not mark.ports:
        return _of(use, _BINARY[text], {})
    if len(mark.ports) == 2:
        if text not in _BINARY:  # `concat over last axis (a + b)`, say
            return None
        use.told = ["" if p == SLOT else words.name(p) for p in mark.ports]
        return _of(use, _BINARY[text], {}, [0, 1])
    raised = _RAISED.fullmatch(head)
    if raised and text not in _SIGNS and (SLOT in (raised[1], raised[2])):
        numbers = {0: words.number(raised[1])} if raised[2] == SLOT else {1: _exponent(raised)}
        return _of(use, _BINARY["^"], numbers)
    for sign, op in _BINARY.items():
        left, found, right = text.partition(f" {sign} ")
        if found and _operand(left) and _operand(right):
            given = {i: words.number(t) for i, t in enumerate((left, right)) if t != SLOT}
            return _of(use, op, given)
        if text.startswith(f"{sign} ") and not op.mark.ordered and words.is_number(text[len(sign) + 1 :]):
            return _of(use, op, {1: words.number(text[len(sign) + 1 :])})
    return None


def _exponent(raised: re.Match[str]) -> str:
    return words.number(raised[2]) if raised[2] else words.number(f"1{raised[3]}".translate(_LOW)[1:])


_LOW = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789−")


def _operand(text: str) -> bool:
    return text == SLOT or words.is_number(text)


def _of(use: Use, op: Op, numbers: dict[int, str], ports: list[int] | None = None) -> Use:
    use.op, use.numbers, use.ports = op.name, numbers, ports or []
    return use
