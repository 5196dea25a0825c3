"""What two operations in a row are in one. In: statements after inlining. Out: the same, shorter."""

from __future__ import annotations

import ast
import copy

from archdsl.torch.statements import Statement, rewrite, walk


def settle(body: list[Statement]) -> None:
    """`torch.arange(n).to(x.dtype)` is made in that type at once, and `torch.stack(maps, dim=0).flatten(0, 1)` is `torch.cat(maps)`."""
    for statement in walk(body):
        rewrite(statement, _change)


def _change(node: ast.expr) -> ast.expr:
    if not any(_in_one(n) for n in ast.walk(node)):
        return node
    result = _InOne().visit(copy.deepcopy(node))
    assert isinstance(result, ast.expr)
    return result


def _in_one(node: ast.AST) -> ast.Call | None:
    """Two calls in a row as one, if they are."""
    match node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=made)) as first, attr=then
            ),
            args=args,
            keywords=[],
        ):
            pass
        case _:
            return None
    match made, then, args:
        case "arange", "to", [ast.Attribute(attr="dtype") as kind]:
            return ast.Call(first.func, first.args, [*first.keywords, ast.keyword("dtype", kind)])
        case "stack", "flatten", [ast.Constant(value=0), ast.Constant(value=1)] if _along_the_first(first):
            return ast.Call(ast.Attribute(ast.Name("torch", ast.Load()), "cat", ast.Load()), first.args, [])
    return None


def _along_the_first(stack: ast.Call) -> bool:
    return [ast.unparse(k) for k in stack.keywords] == ["dim=0"]


class _InOne(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self.generic_visit(_in_one(node) or node)
