"""Families of programs that differ in one meaning: `tests/cases/pairs/*.pairs`.

A family is a line `## what differs` (with `(lines)` at its end if only the way of lines can tell), then a program in which ⟦this ¦ that⟧
stands where its members differ: the first of each bracket makes the first member, and so on. Without a definition, the text is the body of a
model whose inputs are `a` and `b`, `[batch, time, d]`. In: these files. Out: `FAMILIES`, by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "cases" / "pairs"
_CHOICE = re.compile("⟦(.*?)⟧", re.DOTALL)
_DEFINES = re.compile(r"^(model|block|cell|train|⟦model)\b", re.MULTILINE)
_LINES = " (lines)"


@dataclass(frozen=True)
class Family:
    """Programs that differ in one meaning, and whether only the way of their figures' lines tells them apart."""

    name: str
    programs: tuple[str, ...]
    lines: bool = False


def _family(section: str) -> Family:
    name, _, text = section.partition("\n")
    if not _DEFINES.search(text):
        text = f"model M(d = 8) {{\n  input a, b: [batch, time, d]\n{text}}}\n"
    counts = {len(m[1].split("¦")) for m in _CHOICE.finditer(text)}
    if len(counts) != 1:
        raise ValueError(f"{name}: each bracket needs as many choices as the others, and they have {counts}")
    members = tuple(_member(text, i) for i in range(counts.pop()))
    return Family(name.removesuffix(_LINES), members, name.endswith(_LINES))


def _member(text: str, which: int) -> str:
    def chosen(match: re.Match[str]) -> str:
        parts = match[1].split("¦")
        part = parts[which]
        part = part[:-1] if which < len(parts) - 1 and part.endswith(" ") else part
        return part[1:] if which and part.startswith(" ") else part

    return _CHOICE.sub(chosen, text)


def _read() -> dict[str, Family]:
    found: dict[str, Family] = {}
    for path in sorted(FOLDER.glob("*.pairs")):
        for section in path.read_text(encoding="utf-8").split("\n## ")[1:]:
            family = _family(section)
            if family.name in found:
                raise ValueError(f"{family.name} is there twice")
            found[family.name] = family
    return found


FAMILIES = _read()
