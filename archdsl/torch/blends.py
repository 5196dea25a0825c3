"""What lies between two values: `(1 - w) a + w b`, however it is spelled, is `lerp(a, b, w)`.

In: the nodes of a cell's step. Out: the same with such a sum as one node, where one end is a state. Each step of a loop is followed by
autograd, node by node, so that one operation in the place of four is a fifth of the time of a cell that has few others.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from archdsl.ir.num import ONE, Num
from archdsl.ir.program import Apply, Node, Operand
from archdsl.ir.types import Type
from archdsl.torch.statements import Assign, Statement, Variable, keys, walk

BLEND = "lerp"
"""The operation of such a node: its inputs are where it starts, where it ends, and how far it goes."""

Ends = tuple[int, int, int]


def blended(nodes: Sequence[Node], before: Sequence[Node], states: set[int], types: Mapping[int, Type]) -> list[Node]:
    """The nodes, with blends of a state; what only they needed is still there. Some of it may be made before."""
    made = {n.outputs[0].id: n for n in (*before, *nodes) if isinstance(n, Apply) and len(n.outputs) == 1}
    result: list[Node] = []
    for node in nodes:
        ends = _ends(node, made) if isinstance(node, Apply) and node.op == "add" else None
        if ends is not None and isinstance(node, Apply) and _fits(node, ends, states, types):
            node = node.model_copy(update={"op": BLEND, "inputs": list(ends)})
        result.append(node)
    return result


def _fits(node: Apply, ends: Ends, states: set[int], types: Mapping[int, Type]) -> bool:
    """Whether one end is a state of the result's shape, and all are real."""
    shape = node.outputs[0].type.shape
    known = all(i in types and types[i].dtype == "float" for i in ends)
    return known and any(i in states and types[i].shape == shape for i in ends[:2])


def _ends(node: Apply, made: Mapping[int, Apply]) -> Ends | None:
    first, second = node.inputs
    for one, other in ((first, second), (second, first)):
        found = _of_two_products(one, other, made) or _of_difference(one, other, made)
        if found:
            return found
    return None


def _factors(operand: Operand, made: Mapping[int, Apply]) -> list[tuple[Operand, Operand]]:
    """A product's factors, either way round."""
    node = made.get(operand) if isinstance(operand, int) else None
    if node is None or node.op != "mul":
        return []
    a, b = node.inputs
    return [(a, b), (b, a)]


def _difference(operand: Operand, made: Mapping[int, Apply]) -> tuple[Operand, Operand] | None:
    node = made.get(operand) if isinstance(operand, int) else None
    return (node.inputs[0], node.inputs[1]) if node is not None and node.op == "sub" else None


def _of_two_products(one: Operand, other: Operand, made: Mapping[int, Apply]) -> Ends | None:
    """`(1 - w) a + w b`."""
    for left, start in _factors(one, made):
        parts = _difference(left, made)
        for weight, end in _factors(other, made):
            if parts is not None and isinstance(parts[0], Num) and parts[0] == ONE and parts[1] == weight:
                return _whole(start, end, weight)
    return None


def _of_difference(one: Operand, other: Operand, made: Mapping[int, Apply]) -> Ends | None:
    """`a + w (b - a)`."""
    for weight, step in _factors(other, made):
        parts = _difference(step, made)
        if parts is not None and parts[1] == one:
            return _whole(one, parts[0], weight)
    return None


def _whole(start: Operand, end: Operand, weight: Operand) -> Ends | None:
    if isinstance(start, int) and isinstance(end, int) and isinstance(weight, int):
        return start, end, weight
    return None


def comment(body: list[Statement], variables: Mapping[str, Variable]) -> None:
    """The equation, beside the operation that stands for it."""
    for statement in walk(body):
        call = statement.value if isinstance(statement, Assign) else None
        if isinstance(statement, Assign) and isinstance(call, ast.Call) and ast.unparse(call.func) == "torch.lerp":
            ends = [_bare(value) for value in call.args]
            if all(isinstance(e, ast.Name) and e.id in variables for e in ends):
                start, end, weight = (variables[k].name for e in ends for k in keys(e))
                statement.comment = f"(1 - {weight}) * {start} + {weight} * {end}"


def _bare(value: ast.expr) -> ast.expr:
    """What is given another type of number."""
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr="type_as")):
            return inner
    return value


__all__ = ["BLEND", "blended", "comment"]
