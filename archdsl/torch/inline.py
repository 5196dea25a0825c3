"""Writes values that are used once into the expression that uses them, as long as the result can be read.

In: statements over variables, one operation each. Out: the same, with fewer variables. Kept: values the program named, values used more
than once, and whatever would make a line too long or too deep, or would be read after something changed it.
"""

from __future__ import annotations

import ast
from collections import Counter

from archdsl.torch.annotate import Types
from archdsl.torch.printer import flat
from archdsl.torch.statements import (
    Assign,
    For,
    If,
    Return,
    Statement,
    Variable,
    With,
    expressions,
    keys,
    reads,
    rewrite,
    substitute,
    walk,
    writes,
)

LONGEST = 84
DEEPEST = 4


class Inliner:
    def __init__(self, body: list[Statement], variables: dict[str, Variable], kept: set[str]):
        self.body, self.variables, self.kept = body, variables, kept
        self.uses = Counter(k for s in walk(body) for k in reads(s))
        self.defined = Counter(k for s in walk(body) for k in writes(s))
        self.types = self._types(body)
        self.absorbed: dict[int, dict[str, str]] = {}
        """What was written into each statement, by the statement's `id`: variables and their text."""

    def _types(self, body: list[Statement]) -> Types:
        """Which variables `mypy` takes for `Any`."""
        known: dict[str, bool] = {}
        types = Types(known)
        for statement in walk(body):
            for key in writes(statement):
                known.setdefault(key, types.is_any(statement.value) if isinstance(statement, Assign) else True)
        return types

    def run(self) -> None:
        self.block(self.body, 0)

    def block(self, block: list[Statement], depth: int) -> None:
        at = 0
        while at < len(block):
            statement = block[at]
            if self.movable(statement) and self.move(block, at, depth):
                del block[at]
                continue
            at += 1
        for statement in block:
            match statement:
                case For(body=body) | With(body=body):
                    self.block(body, depth + 1)
                case If(body=body, orelse=orelse):
                    self.block(body, depth + 1)
                    self.block(orelse, depth + 1)

    def movable(self, statement: Statement) -> bool:
        if not isinstance(statement, Assign) or statement.keep or len(statement.targets) != 1:
            return False
        (key,) = statement.targets
        return key in self.variables and self.uses[key] == 1 and self.defined[key] == 1 and key not in self.kept

    def move(self, block: list[Statement], at: int, depth: int) -> bool:
        """Write the value of statement `at` into its use, if that is in this block or in a branch of it, and may be."""
        statement = block[at]
        assert isinstance(statement, Assign)
        key, value = statement.targets[0], statement.value
        read = set(keys(value)) | attributes(value)
        for later in block[at + 1 :]:
            if key in reads(later):
                return self.write(later, key, value, depth)
            if isinstance(later, If) and any(key in reads(s) for s in [*later.body, *later.orelse]):
                inside = next(s for s in [*later.body, *later.orelse] if key in reads(s))
                side = later.body if any(s is inside for s in later.body) else later.orelse
                return not self.changed(side[: [s is inside for s in side].index(True)], read) and self.write(
                    inside, key, value, depth + 1
                )
            if self.changed([later], read):
                return False
        return False

    def changed(self, between: list[Statement], read: set[str]) -> bool:
        return any(read & written(s) for s in walk(between))

    def write(self, later: Statement, key: str, value: ast.expr, depth: int) -> bool:
        if isinstance(later, Return):
            if (len(later.values) > 1 and self.variables[key].named) or self.types.is_any(value):
                return False
        elif self.variables[key].named and not self.is_renamed(later, key):
            return False
        trial = [substitute(e, {key: value}) for e in expressions(later)]
        if not all(self.readable(e, depth, later) for e in trial):
            return False
        rewrite(later, lambda e: substitute(e, {key: value}))
        self.absorbed.setdefault(id(later), {})[key] = ast.dump(value)
        return True

    def is_renamed(self, later: Statement, key: str) -> bool:
        """Whether a statement only gives a named value another name, or reshapes it under the same one."""
        if not isinstance(later, Assign):
            return False
        value = later.value
        if isinstance(value, ast.Name) and later.targets[0] in self.variables:
            return True
        if isinstance(value, ast.IfExp) and any(
            isinstance(v, ast.Name) and v.id == key for v in (value.body, value.orelse)
        ):
            return True
        if later.targets[0].startswith("self."):
            return isinstance(value, ast.Name)
        target = self.variables.get(later.targets[0])
        return target is not None and target.of == key

    def readable(self, node: ast.expr, depth: int, later: Statement) -> bool:
        names: dict[str, ast.expr] = {k: ast.Name(self.guess(k), ast.Load()) for k in keys(node)}
        head = 4 * depth + (16 if isinstance(later, Assign) else 8)
        return len(flat(substitute(node, names))) + head <= LONGEST + 8 and nesting(node) <= DEEPEST

    def guess(self, key: str) -> str:
        var = self.variables.get(key)
        return (var.name or var.wishes[0]) if var else "value"


def attributes(node: ast.expr) -> set[str]:
    """The module's own tensors that an expression reads, as `self.m`."""
    return {
        f"self.{n.attr}"
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"
    }


def written(statement: Statement) -> set[str]:
    """The variables and tensors of the module that a statement changes."""
    kept = {t for t in statement.targets if t.startswith("self.")} if isinstance(statement, Assign) else set()
    return set(writes(statement)) | kept


def nesting(node: ast.AST) -> int:
    """How deep calls stand in calls; a method of a value counts with the value."""
    inner = max((nesting(c) for c in ast.iter_child_nodes(node)), default=0)
    return inner + 1 if isinstance(node, (ast.Call, ast.IfExp)) else inner
