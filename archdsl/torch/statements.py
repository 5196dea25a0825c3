"""The statements of an emitted function, before its variables have names.

A variable is a `Variable`; in expressions it is an `ast.Name` whose id is the variable's key. Keys begin with a Greek letter, so that
no name of a program can be one.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from archdsl.ir.types import Type

KEY = "ν"


@dataclass
class Variable:
    """A local variable: the names it would like, best first."""

    key: str
    wishes: list[str]
    type: Type | None = None
    named: bool = False
    """The program itself gave the name, so that it is kept."""
    kind: str = "tensor"
    """Variables of different kinds never have one name."""
    of: str = ""
    """The variable of which it is another form."""
    name: str = ""
    """Set from the start for a parameter, else by `naming`."""


@dataclass
class Assign:
    """`a, b = value`. A target is a variable's key, or `_`."""

    targets: list[str]
    value: ast.expr
    keep: bool = False
    """Not to be written into where it is used."""
    annotation: str = ""
    comment: str = ""
    copy: bool = False
    """A loop hands a value on: where both sides get one name, nothing is left to do."""


@dataclass
class Do:
    """An expression for its effect."""

    value: ast.expr


@dataclass
class For:
    target: ast.expr
    source: ast.expr
    body: list[Statement]
    stack: bool = False
    """It goes through the copies of a stack, each of which may be computed again for its gradients."""


@dataclass
class Define:
    """A function inside the function, of named variables with their types."""

    name: str
    parameters: list[tuple[str, str]]
    body: list[Statement]


@dataclass
class If:
    test: ast.expr
    body: list[Statement]
    orelse: list[Statement] = field(default_factory=list)


@dataclass
class With:
    context: ast.expr
    body: list[Statement]


@dataclass
class Assert:
    test: ast.expr
    message: str = ""


@dataclass
class Break:
    """Leaves the loop."""


@dataclass
class Blank:
    """An empty line, with a comment if there is one."""

    comment: str = ""


@dataclass
class Return:
    values: list[ast.expr]


Statement = Union[Assign, Do, For, Define, If, With, Assert, Break, Blank, Return]


def name(key: str) -> ast.expr:
    return ast.Name(key, ast.Load())


def keys(node: ast.AST | None) -> Iterator[str]:
    """The variables that an expression reads, as often as it reads them."""
    if node is not None:
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and n.id.startswith(KEY):
                yield n.id


def blocks(statement: Statement) -> list[list[Statement]]:
    match statement:
        case For(body=body) | With(body=body) | Define(body=body):
            return [body]
        case If(body=body, orelse=orelse):
            return [body, orelse]
    return []


def expressions(statement: Statement) -> list[ast.expr]:
    """The expressions that a statement itself reads, without those of its blocks."""
    match statement:
        case Assign(value=value) | Do(value=value):
            return [value]
        case For(source=source):
            return [source]
        case If(test=test) | Assert(test=test):
            return [test]
        case With(context=context):
            return [context]
        case Return(values=values):
            return values
    return []


def reads(statement: Statement) -> list[str]:
    return [k for e in expressions(statement) for k in keys(e)]


def writes(statement: Statement) -> list[str]:
    match statement:
        case Assign(targets=targets):
            return [t for t in targets if t.startswith(KEY)]
        case For(target=target):
            return list(keys(target))
    return []


def walk(block: list[Statement]) -> Iterator[Statement]:
    for statement in block:
        yield statement
        for inner in blocks(statement):
            yield from walk(inner)


def rewrite(statement: Statement, change: Callable[[ast.expr], ast.expr]) -> None:
    """Change the expressions that a statement itself reads."""
    match statement:
        case Assign() | Do():
            statement.value = change(statement.value)
        case For():
            statement.source = change(statement.source)
        case If() | Assert():
            statement.test = change(statement.test)
        case With():
            statement.context = change(statement.context)
        case Return():
            statement.values = [change(v) for v in statement.values]


def substitute(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """The expression with variables replaced. Nothing is changed in place; parts without variables are shared."""
    result = _substituted(node, values)
    assert isinstance(result, ast.expr)
    return result


def _substituted(node: ast.AST, values: Mapping[str, ast.expr]) -> ast.AST:
    if isinstance(node, ast.Name):
        return values.get(node.id, node)
    changes: dict[str, object] = {}
    for field_ in node._fields:
        old = getattr(node, field_, None)
        if isinstance(old, ast.AST):
            new: object = _substituted(old, values)
        elif isinstance(old, list):
            items = [_substituted(i, values) if isinstance(i, ast.AST) else i for i in old]
            new = items if any(a is not b for a, b in zip(items, old)) else old
        else:
            continue
        if new is not old:
            changes[field_] = new
    if not changes:
        return node
    return type(node)(**{f: changes.get(f, getattr(node, f, None)) for f in node._fields})


def copied(body: list[Statement]) -> list[Statement]:
    """The statements, to be changed without changing these. Expressions are shared."""
    result: list[Statement] = []
    for statement in body:
        new = copy.copy(statement)
        match new:
            case For() | With():
                new.body = copied(new.body)
            case If():
                new.body, new.orelse = copied(new.body), copied(new.orelse)
            case Assign():
                new.targets = list(new.targets)
            case Return():
                new.values = list(new.values)
        result.append(new)
    return result
