"""What `mypy` takes each value for: calling a module gives `Any`, which a function that returns a `Tensor` may not return.

So the variable that such a function returns is declared: `scores: Tensor = self.head(x)`.
"""

from __future__ import annotations

import ast

from archdsl.torch.statements import KEY, Assign, For, If, Return, Statement, Variable, With, walk

_UNTYPED = {"unflatten": "unflatten", "split": "split"}
"""Methods of `Tensor` without annotations, which a typed function may not call, and the functions of `torch` that have them."""


class Types:
    """Which variables are `Any`, by their key or name."""

    def __init__(self, known: dict[str, bool]):
        self.known = known

    def is_any(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=key):
                return self.known.get(key, False)
            case ast.Call(func=func):
                return self._call(func)
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                return self.is_any(value)
            case ast.BinOp(left=left, right=right):
                return self.is_any(left) or self.is_any(right)
            case ast.Compare(left=left, comparators=rights):
                return self.is_any(left) or any(map(self.is_any, rights))
            case ast.UnaryOp(operand=operand):
                return self.is_any(operand)
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_any(body) or self.is_any(orelse)
        return False

    def _call(self, func: ast.expr) -> bool:
        match func:
            case ast.Name(id=key):
                return key.startswith(KEY) or self.known.get(key, False)
            case ast.Attribute(value=ast.Name(id="self")):
                return True
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="torch"), attr="linalg")):
                return True
            case ast.Attribute(value=ast.Name(id="torch" | "F" | "nn")):
                return False
            case ast.Attribute(value=value):
                return self.is_any(value)
            case ast.Subscript():
                return True
        return False


def settle(body: list[Statement], variables: dict[str, Variable], parameters: list[str]) -> None:
    """Declare what is returned, and write untyped methods as functions. The variables have their names."""
    by_name: dict[str, bool] = {variables[p].name: False for p in parameters}
    first: dict[str, Assign] = {}
    noted: set[str] = set()
    known = dict.fromkeys(variables, False)
    types = Types(known)

    same: dict[str, list[str]] = {}
    for key, var in variables.items():
        same.setdefault(var.name, []).append(key)

    def note(key: str, is_any: bool) -> None:
        name = variables[key].name
        if name not in noted:
            noted.add(name)
            by_name.setdefault(name, is_any)
            known.update(dict.fromkeys(same[name], by_name[name]))

    for p in parameters:
        note(p, False)
    for statement in walk(body):
        _typed_calls(statement, types)
        match statement:
            case Assign(targets=targets, value=value):
                several = len(targets) > 1 and not isinstance(value, ast.Tuple)
                for target in targets:
                    if target in variables:
                        if variables[target].name not in by_name:
                            first[variables[target].name] = statement
                        note(target, types.is_any(value) if not several else _unpacked(value, types))
            case For(target=target, source=source):
                for n in ast.walk(target):
                    if isinstance(n, ast.Name) and n.id in variables:
                        note(n.id, not _tensors(source, types))
            case Return(values=[ast.Name(id=key)]) if key in variables and by_name.get(variables[key].name):
                declared = first.get(variables[key].name)
                if declared is not None and len(declared.targets) == 1 and not declared.annotation:
                    declared.annotation = "Tensor"
            case With() | If():
                pass


def _unpacked(value: ast.expr, types: Types) -> bool:
    return types.is_any(value)


def _tensors(source: ast.expr, types: Types) -> bool:
    """Whether a loop's source gives tensors: `x.unbind(1)` of a tensor, alone or in `zip` or `reversed`."""
    match source:
        case ast.Call(func=ast.Attribute(attr="unbind", value=value)):
            return not types.is_any(value)
        case ast.Call(func=ast.Name(id="zip" | "reversed"), args=args):
            return all(_tensors(a, types) for a in args)
    return False


class _Functions(ast.NodeTransformer):
    def __init__(self, types: Types):
        self.types = types

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        func = node.func
        if not isinstance(func, ast.Attribute) or func.attr not in _UNTYPED or self.types.is_any(func.value):
            return node
        if isinstance(func.value, ast.Name) and func.value.id in ("torch", "F"):
            return node
        function = ast.Attribute(ast.Name("torch", ast.Load()), _UNTYPED[func.attr], ast.Load())
        return ast.Call(function, [func.value, *node.args], node.keywords)


def _typed_calls(statement: Statement, types: Types) -> None:
    from archdsl.torch.statements import rewrite

    def change(node: ast.expr) -> ast.expr:
        result = _Functions(types).visit(node)
        assert isinstance(result, ast.expr)
        return result

    rewrite(statement, change)
