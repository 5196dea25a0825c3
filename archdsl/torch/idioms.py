"""What two operations in a row are in one. In: statements after inlining. Out: the same, shorter."""

from __future__ import annotations

import ast
import copy

from archdsl.torch.statements import Statement, rewrite, walk


def settle(body: list[Statement]) -> None:
    """`torch.arange(n, device=x.device).to(x.dtype)` is made in that type at once."""
    for statement in walk(body):
        rewrite(statement, _change)


def _change(node: ast.expr) -> ast.expr:
    if not any(_converted(n) for n in ast.walk(node)):
        return node
    result = _InOne().visit(copy.deepcopy(node))
    assert isinstance(result, ast.expr)
    return result


def _converted(node: ast.AST) -> ast.Call | None:
    """The range of whole numbers that a call makes another type of."""
    match node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="arange")) as made, attr="to"
            ),
            args=[ast.Attribute(attr="dtype")],
            keywords=[],
        ):
            return made
    return None


class _InOne(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        made = _converted(node)
        if made is None:
            return self.generic_visit(node)
        return ast.Call(made.func, made.args, [*made.keywords, ast.keyword("dtype", node.args[0])])
