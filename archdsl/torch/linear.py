"""Linear recurrences, h' = a h + b with a and b that the state does not reach: their steps need not wait for one another.

In: a cell's `Steps`, and the values that are there for all steps, as Python. Out: a and b for all steps, or nothing where the recurrence
is no such. A value of the core is kept as the pair (a, b) that it is of the state before: the state itself is (1, 0).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Operand
from archdsl.torch.printer import parse
from archdsl.torch.steps import Steps

HELPER = '''
def linear_recurrence(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """h' = a h + b at each step of a and b [batch, time, ...]; small steps in log2(time) passes.

    A pass makes each step reach twice as far back. That is more work, and less waiting.
    """
    small = h.numel() < (65536 if h.is_cuda else 256) and not torch.compiler.is_compiling()
    if not small:
        hs = []
        for a_t, b_t in zip(a.unbind(1), b.unbind(1)):
            h = torch.addcmul(b_t, a_t, h)
            hs.append(h)
        return torch.stack(hs, dim=1)
    b = torch.cat([torch.addcmul(b[:, :1], a[:, :1], h.unsqueeze(1)), b[:, 1:]], dim=1)
    reach = 1
    while reach < b.shape[1]:
        b = torch.cat([b[:, :reach], torch.addcmul(b[:, reach:], a[:, reach:], b[:, :-reach])], 1)
        a = torch.cat([a[:, :reach], a[:, reach:] * a[:, :-reach]], 1)
        reach *= 2
    return b
'''


@dataclass
class Line:
    """`slope * h + rest`; None is 0."""

    slope: ast.expr | None
    rest: ast.expr | None


def is_linear(steps: Steps) -> bool:
    """Whether a cell's one state, of which the next is all that is wanted, follows a linear recurrence."""
    states = steps.definition.states
    if len(states) != 1 or len(steps.plan.state) != 1 or steps.at > 1 or len(states[0].value.type.shape) < 1:
        return False
    if any(i != states[0].next for i in steps.collected) or states[0].value.type.dtype != "float":
        return False
    line = lines(steps, lambda _: parse("x"))
    return line is not None and line.slope is not None and line.rest is not None


def lines(steps: Steps, value: Callable[[Operand], ast.expr]) -> Line | None:
    """The next state as a line of the state before; `value` is what is there for all steps, as Python."""
    (state,) = steps.definition.states
    shape = state.value.type.shape
    known: dict[int, Line] = {state.value.id: Line(parse("1"), None)}

    def free(operand: Operand) -> ast.expr | None:
        """A value that the state does not reach, if it goes with all steps as it is."""
        if isinstance(operand, Num):
            return value(operand)
        rank = len(steps.types[operand].shape)
        if operand in known or operand in steps.waits or (operand not in steps.places and rank > len(shape) - steps.at):
            return None
        return value(operand) if operand not in steps.places or rank == len(shape) else None

    for node in steps.core:
        if not isinstance(node, Apply) or len(node.outputs) != 1 or node.outputs[0].type.shape != shape:
            return None
        line = _line(node, known, free)
        if line is None:
            return None
        known[node.outputs[0].id] = line
    return known.get(state.next) if isinstance(state.next, int) else None


def _line(node: Apply, known: dict[int, Line], free: Callable[[Operand], ast.expr | None]) -> Line | None:
    sides = [known.get(i) if isinstance(i, int) else None for i in node.inputs]
    others = [None if side is not None else free(i) for side, i in zip(sides, node.inputs)]
    if any(s is None and o is None for s, o in zip(sides, others)):
        return None
    pairs = [side or Line(None, other) for side, other in zip(sides, others)]
    match node.op:
        case "add" | "sub":
            sign: ast.operator = ast.Add() if node.op == "add" else ast.Sub()
            return Line(_sum(pairs[0].slope, sign, pairs[1].slope), _sum(pairs[0].rest, sign, pairs[1].rest))
        case "neg":
            return Line(_minus(pairs[0].slope), _minus(pairs[0].rest))
        case "mul" if others[0] is not None or others[1] is not None:
            factor, line = (others[0], pairs[1]) if others[0] is not None else (others[1], pairs[0])
            assert factor is not None
            return Line(_times(factor, line.slope), _times(factor, line.rest))
        case "div" if others[1] is not None:
            return Line(_over(pairs[0].slope, others[1]), _over(pairs[0].rest, others[1]))
    return None


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _sum(a: ast.expr | None, sign: ast.operator, b: ast.expr | None) -> ast.expr | None:
    if b is None:
        return a
    if a is None:
        return b if isinstance(sign, ast.Add) else _minus(b)
    return ast.BinOp(a, sign, b)


def _minus(a: ast.expr | None) -> ast.expr | None:
    return ast.UnaryOp(ast.USub(), a) if a is not None else None


def _times(factor: ast.expr, a: ast.expr | None) -> ast.expr | None:
    if a is None or _is_one(a):
        return None if a is None else factor
    return ast.BinOp(factor, ast.Mult(), a)


def _over(a: ast.expr | None, by: ast.expr) -> ast.expr | None:
    return ast.BinOp(a, ast.Div(), by) if a is not None else None
