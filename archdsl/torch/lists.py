"""Lists that a loop fills, and what is made of them.

In: statements in which `outputs = []`, a loop that appends to it, and `y = torch.stack(outputs, dim=1)` stand one after the other. Out: the
same, but where only the last of them is read, as in `y[:, -1]`, it is the loop's own variable (or the list's last item, where the
variable would not be there after a scan without a step), and a loop that takes `y` apart again goes through the list. A stack that
nothing reads any more is gone, and its list with it.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from dataclasses import dataclass

from archdsl.ir.num import ELLIPSIS
from archdsl.torch.statements import (
    Assign,
    Do,
    For,
    Statement,
    Variable,
    blocks,
    name,
    reads,
    rewrite,
    walk,
    writes,
)


@dataclass
class _Stacked:
    """A tensor that is stacked from a list."""

    key: str
    listed: str
    backwards: bool
    axis: int
    rank: int | None
    """Number of axes, where it is known."""
    last: str = ""
    """The variable that holds the last one after the loop, if there is one."""
    surely: bool = True
    """Whether it does so after a loop without a pass, too; else the list's last item says that there is none."""


def settle(body: list[Statement], variables: dict[str, Variable]) -> None:
    """Read lists and last values directly, in place."""
    found: dict[str, _Stacked] = {}
    for block in _blocks(body):
        found |= {s.key: s for at in range(len(block)) if (s := _stacked(block, at, variables)) is not None}
    if not found:
        return
    changes = _Direct(found)
    for statement in walk(body):
        rewrite(statement, changes.change)
    gone = _drop(body, found)
    there = _There({s.listed: s.last for k, s in found.items() if not s.surely and k not in gone})
    for statement in walk(body):  # a stack fails without a pass, so that what comes after it had one
        rewrite(statement, there.change)


def _blocks(body: list[Statement]) -> list[list[Statement]]:
    return [body, *(inner for statement in walk(body) for inner in blocks(statement))]


def _stacked(block: list[Statement], at: int, variables: dict[str, Variable]) -> _Stacked | None:
    """What statement `at` makes, if it stacks a list that one loop before it in this block fills."""
    match block[at]:
        case Assign(
            targets=[key],
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id="torch"), attr="stack"),
                args=[source],
                keywords=[ast.keyword(arg="dim", value=dim)],
            ),
        ) if key in variables:
            pass
        case _:
            return None
    listed = source.value if isinstance(source, ast.Subscript) else source
    axis: object = ast.literal_eval(dim)
    if not isinstance(listed, ast.Name) or not isinstance(axis, int) or listed.id not in variables:
        return None
    fills = [s for s in block[:at] if isinstance(s, For) and any(_appended(i, listed.id) for i in s.body)]
    if variables[listed.id].kind != "list" or len(fills) != 1:
        return None
    type_ = variables[key].type
    rank = None if type_ is None or ELLIPSIS in type_.shape else len(type_.shape)
    result = _Stacked(key, listed.id, isinstance(source, ast.Subscript), axis, rank)
    if not result.backwards and not fills[0].stack:
        result.last, result.surely = _last(fills[0], listed.id, block)
    return result


def _appended(statement: Statement, listed: str) -> ast.expr | None:
    """What a statement appends to a list."""
    match statement:
        case Do(value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="append"), args=[value])):
            return value if owner == listed else None
    return None


def _last(loop: For, listed: str, block: list[Statement]) -> tuple[str, bool]:
    """The variable that is what a loop appended last, when the loop is done and from then on; whether it is there without a pass."""
    at = next(i for i, s in enumerate(loop.body) if _appended(s, listed))
    place = next(i for i, s in enumerate(block) if s is loop)
    value = _appended(loop.body[at], listed)
    if not isinstance(value, ast.Name):
        return "", False
    before = {k for s in block[:place] for k in writes(s)}
    later = [k for s in walk(block[place + 1 :]) for k in writes(s)]
    rest = [k for s in walk(loop.body[at:]) for k in writes(s)]
    handed = [k for s in loop.body[at:] for k in _handed_on(s, value.id) if k in before and rest.count(k) == 1]
    if handed and value.id not in rest and handed[0] not in later:
        return handed[0], True
    made = any(value.id in writes(s) for s in loop.body[:at])
    counted = not any(isinstance(n, ast.Attribute) and n.attr == "unbind" for n in ast.walk(loop.source))
    return (value.id, counted or value.id in before) if made and value.id not in [*rest, *later] else ("", False)


def _handed_on(statement: Statement, value: str) -> list[str]:
    """The variables that take a value over as it is."""
    if not isinstance(statement, Assign):
        return []
    whole = isinstance(statement.value, ast.Tuple) and len(statement.value.elts) == len(statement.targets)
    values = statement.value.elts if whole and isinstance(statement.value, ast.Tuple) else [statement.value]
    pairs = zip(statement.targets, values) if len(values) == len(statement.targets) else ()
    return [target for target, v in pairs if isinstance(v, ast.Name) and v.id == value]


class _Direct(ast.NodeTransformer):
    """Reads what was stacked where it comes from."""

    def __init__(self, found: dict[str, _Stacked]):
        self.found = found

    def change(self, node: ast.expr) -> ast.expr:
        if not any(isinstance(n, ast.Name) and n.id in self.found for n in ast.walk(node)):
            return node
        result = self.visit(copy.deepcopy(node))
        assert isinstance(result, ast.expr)
        return result

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        stacked = self.found.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if stacked is not None and stacked.last and _is_last(node.slice, stacked):
            return name(stacked.last) if stacked.surely else _item(stacked.listed)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(func=ast.Name(id="reversed"), args=[taken]) if (
                found := self._taken_apart(taken)
            ) is not None:
                return self._items(found, turned=True)
        found = self._taken_apart(node)
        return self.generic_visit(node) if found is None else self._items(found, turned=False)

    def _items(self, stacked: _Stacked, turned: bool) -> ast.expr:
        listed = name(stacked.listed)
        return listed if stacked.backwards == turned else ast.Call(ast.Name("reversed", ast.Load()), [listed], [])

    def _taken_apart(self, node: ast.expr) -> _Stacked | None:
        """The stack whose items `y.unbind(1)` are, where it is along that axis."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=key), attr="unbind"), args=[axis]) if key in self.found:
                stacked = self.found[key]
                return stacked if _same(ast.literal_eval(axis), stacked.axis, stacked.rank) else None
        return None


class _There(ast.NodeTransformer):
    """Reads the last item of lists from the variables that hold them."""

    def __init__(self, variables: dict[str, str]):
        self.items = {ast.dump(_item(listed)): key for listed, key in variables.items()}

    def change(self, node: ast.expr) -> ast.expr:
        result = self.visit(copy.deepcopy(node)) if self.items else node
        assert isinstance(result, ast.expr)
        return result

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        key = self.items.get(ast.dump(node))
        return name(key) if key else self.generic_visit(node)


def _item(listed: str) -> ast.expr:
    """The last item of a list."""
    return ast.Subscript(name(listed), ast.UnaryOp(ast.USub(), ast.Constant(1)), ast.Load())


def _is_last(index: ast.expr, stacked: _Stacked) -> bool:
    """Whether an index takes the last along the axis that was stacked, and all along the others."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    text = [ast.unparse(p) for p in parts]
    if text.count("-1") != 1 or any(t not in ("-1", ":", "...") for t in text):
        return False
    at = text.index("-1")
    return _same(at - len(text) if "..." in text[:at] else at, stacked.axis, stacked.rank)


def _same(one: int, other: int, rank: int | None) -> bool:
    return one == other if rank is None else one % rank == other % rank


def _drop(body: list[Statement], found: dict[str, _Stacked]) -> set[str]:
    """Take away stacks that nothing reads, and lists that nothing but their own loop reads; returns what is gone."""
    used = Counter(k for s in walk(body) for k in reads(s))
    gone = {key for key in found if not used[key]}
    for key in gone:
        used[found[key].listed] -= 1
    lists = {found[key].listed for key in gone}
    gone |= {key for key in lists if used[key] == 1}  # the append itself
    for block in _blocks(body):
        block[:] = [s for s in block if not _is_about(s, gone)]
    return gone


def _is_about(statement: Statement, gone: set[str]) -> bool:
    match statement:
        case Assign(targets=[key]):
            return key in gone
    return any(_appended(statement, key) is not None for key in gone)
