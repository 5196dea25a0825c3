"""Named statements → lines of Python."""

from __future__ import annotations

import ast

from archdsl.torch.printer import INDENT, WIDTH, bare, fits, flat, lines, signature
from archdsl.torch.statements import (
    KEY,
    Assert,
    Assign,
    Blank,
    Break,
    Define,
    Do,
    For,
    If,
    Return,
    Statement,
    Variable,
    With,
    substitute,
)


class Writer:
    """Writes the statements of one function."""

    def __init__(self, variables: dict[str, Variable]):
        self.variables = variables
        self.names: dict[str, ast.expr] = {k: ast.Name(v.name, ast.Load()) for k, v in variables.items() if v.name}

    def named(self, node: ast.expr) -> ast.expr:
        return substitute(node, self.names)

    def target(self, target: str) -> str:
        if target in self.variables:
            return self.variables[target].name
        return target

    def block(self, body: list[Statement], indent: str) -> list[str]:
        return [line for statement in body for line in self.statement(statement, indent)]

    def statement(self, statement: Statement, indent: str) -> list[str]:
        own = self.own_lines(statement, indent)
        inner = indent + INDENT
        match statement:
            case For(body=body) | With(body=body) | Define(body=body):
                return own + self.block(body, inner)
            case If(body=body, orelse=orelse):
                tail = [f"{indent}else:", *self.block(orelse, inner)] if orelse else []
                return own + self.block(body, inner) + tail
        return own

    def own_lines(self, statement: Statement, indent: str) -> list[str]:
        """A statement without those inside it."""
        match statement:
            case Assign(targets=targets, annotation=annotation):
                head = ", ".join(map(self.target, targets)) + (f": {annotation}" if annotation else "")
                several = len(targets) > 1
                return _commented(
                    lines(indent, f"{head} = ", self.named(statement.value), tuple_bare=several), statement.comment
                )
            case Do(value=value):
                return lines(indent, "", self.named(value))
            case For(target=target, source=source):
                return lines(indent, f"for {bare(self.named(target))} in ", self.named(source), ":")
            case Define(name=function, parameters=parameters):
                return signature(indent, function, [f"{self.target(k)}: {kind}" for k, kind in parameters], "Any")
            case If(test=test):
                return lines(indent, "if ", self.named(test), ":")
            case With(context=context):
                return lines(indent, "with ", self.named(context), ":")
            case Assert(test=test, message=message):
                return [
                    f'{indent}assert {flat(self.named(test))}, "{message}"'
                    if message
                    else f"{indent}assert {flat(self.named(test))}"
                ]
            case Return(values=values):
                value = values[0] if len(values) == 1 else ast.Tuple(values, ast.Load())
                return lines(indent, "return ", self.named(value), tuple_bare=len(values) > 1)
            case Break():
                return [f"{indent}break"]
            case Blank(comment=comment):
                return [f"{indent}# {comment}"] if comment else [""]
        raise TypeError(statement)

    def well_laid(self, statement: Statement, indent: str) -> bool:
        """Whether a statement needs no line breaks, or only those between the arguments of one plain call."""
        own = self.own_lines(statement, indent)
        if len(own) == 1:
            return fits(own[0])
        value = getattr(statement, "value", None)
        return isinstance(value, ast.Call) and _plain(value.func) and len(own) == 3 and all(map(fits, own))


def _plain(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return _plain(function.value)
    return isinstance(function, ast.Name) and not function.id.startswith(KEY)


def _commented(text: list[str], comment: str) -> list[str]:
    if comment and len(text) == 1 and len(text[0]) + len(comment) + 4 <= WIDTH:
        return [f"{text[0]}  # {comment}"]
    return text
