"""Training and evaluation in one function: `a if self.training else b`, or a block for each where that reads better.

In: statements in which a mode's value is a conditional expression. Out: the same, where whatever only one mode needs is computed only
in that mode, in an `if self.training:` block of its own.
"""

from __future__ import annotations

import ast

from archdsl.torch.statements import Assign, If, Statement, blocks, expressions, keys, reads, walk

TRAINING = ast.Attribute(ast.Name("self", ast.Load()), "training", ast.Load())


def is_training(test: ast.expr) -> bool:
    return isinstance(test, ast.Attribute) and test.attr == "training"


def settle(body: list[Statement]) -> list[Statement]:
    """Move what one mode alone needs into that mode's block."""
    changed = True
    while changed:
        changed = False
        for at in reversed(range(len(body))):
            statement = body[at]
            if isinstance(statement, Assign) and not _impure(statement) and (place := _one_mode(body, at)):
                later, side = place
                body[later] = _as_block(body[later])
                block = body[later]
                assert isinstance(block, If)
                (block.body if side == "training" else block.orelse).insert(0, statement)
                del body[at]
                changed = True
                break
    return _merged(body)


def _impure(statement: Assign) -> bool:
    return statement.keep or any(t != "_" and not t.startswith("ν") for t in statement.targets)


def _one_mode(body: list[Statement], at: int) -> tuple[int, str] | None:
    """The first later statement that needs the value of statement `at`, and the mode, if no other mode needs it."""
    statement = body[at]
    assert isinstance(statement, Assign)
    found: list[tuple[int, str]] = []
    for later in range(at + 1, len(body)):
        for target in statement.targets:
            for side in _sides(body[later], target):
                if side == "both":
                    return None
                found.append((later, side))
    if not found or any(side != found[0][1] for _, side in found):
        return None
    return found[0]


def _sides(statement: Statement, key: str) -> set[str]:
    """In which modes a statement reads a variable."""
    if isinstance(statement, If) and is_training(statement.test):
        sides = {"training"} if any(key in reads(s) for s in walk(statement.body)) else set()
        return sides | ({"evaluation"} if any(key in reads(s) for s in walk(statement.orelse)) else set())
    if isinstance(statement, Assign) and isinstance(statement.value, ast.IfExp) and is_training(statement.value.test):
        sides = {"training"} if key in keys(statement.value.body) else set()
        return sides | ({"evaluation"} if key in keys(statement.value.orelse) else set())
    inside = any(key in reads(s) for b in blocks(statement) for s in walk(b)) or any(
        key in keys(e) for e in expressions(statement)
    )
    return {"both"} if inside else set()


def _as_block(statement: Statement) -> If:
    if isinstance(statement, If):
        return statement
    assert isinstance(statement, Assign) and isinstance(statement.value, ast.IfExp)
    body, orelse = (Assign(list(statement.targets), v) for v in (statement.value.body, statement.value.orelse))
    return If(statement.value.test, [body], [orelse])


def _merged(body: list[Statement]) -> list[Statement]:
    """Neighbouring blocks of the same mode as one."""
    result: list[Statement] = []
    for statement in body:
        last = result[-1] if result else None
        if (
            isinstance(statement, If)
            and isinstance(last, If)
            and is_training(last.test)
            and is_training(statement.test)
        ):
            last.body += statement.body
            last.orelse += statement.orelse
        else:
            result.append(statement)
    return result
