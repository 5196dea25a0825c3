"""What a program computes and how it learns, without how it is written: two programs have equal meanings if they do the same.

In: a checked `Program`. Out: plain data, which goes to JSON; `same(a, b)` compares. What counts and what does not is told in
docs/decisions/0065. In short: names of definitions, hyperparameters, inputs, outputs, parameters, states and memories count, as
they are the interface; names of local values, parts and sizes, the order of statements that do not depend on one another, the order of
operands that commute, docs, places, what an `if` was decided by and what is never used do not. What one definition does is told by
`content.py`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from archdsl.ir.content import Content
from archdsl.ir.equal import with_equal_sizes
from archdsl.ir.facts import Facts
from archdsl.ir.program import Program
from archdsl.ir.regions import regions


def same(a: Program, b: Program) -> bool:
    """Whether two programs compute and learn the same way."""
    return meaning(a) == meaning(b)


def meaning(program: Program, entry: str | None = None, *, gates: bool = False) -> dict[str, Any]:
    """The meaning of a program, or of its definition `entry` with what that uses.

    `gates`: whether it counts that a value is declared a gate, which changes nothing that is computed.
    """
    found = _Meanings(program, gates)
    roots = [entry] if entry is not None else _on_top(program)
    digests = sorted({found.digest(name) for name in roots})
    return {"roots": digests, "definitions": dict(sorted(found.data.items()))}


def _on_top(program: Program) -> list[str]:
    """The definitions that no other one uses."""
    used = {m.of for d in program.definitions for r in regions(d.body) for m in r.made if not m.primitive}
    return [d.name for d in program.definitions if d.name not in used]


class _Meanings:
    """The meanings of a program's definitions, each made when it is first asked for, under a digest of its content."""

    def __init__(self, program: Program, gates: bool):
        self.facts, self.gates = Facts(program.definitions), gates
        self.data: dict[str, Any] = {}
        self._digests: dict[str, str] = {}

    def digest(self, name: str) -> str:
        if name not in self._digests:
            definition = self.facts.definitions[name]
            content = Content(with_equal_sizes(definition), self.facts, self.digest, self.gates).data()
            text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
            digest = f"{definition.name}:{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"
            self._digests[name] = digest
            self.data[digest] = content
        return self._digests[name]
