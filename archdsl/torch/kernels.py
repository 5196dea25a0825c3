"""Cells that torch has a kernel for, recognised by their equations.

In: a cell's `Equations`. Out: a `Kernel`: which one, and the rows of its weights in the order that torch wants them. Names, the order of
operands, how many biases there are and how many layers hold the weights make no difference; anything else in the equations does.

With σ the sigmoid and W x + U h + b a gate's sum:
    LSTM    c' = σ(f) c + σ(i) tanh(g),  h' = σ(o) tanh(c')
    GRU     h' = (1 - σ(z)) n + σ(z) h,  n = tanh(W x + b + σ(r) (U h + d));  or with 1 - σ(z) = σ(-z) in the place of σ(z)
    RNN     h' = tanh(W x + U h + b), or relu
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archdsl.ir.num import ZERO, Num
from archdsl.torch.equations import Added, Atom, Equations, Function, Poly, Product, State, depends
from archdsl.torch.matrices import Bias, Matrix, Row

Name = Literal["lstm", "gru", "rnn_tanh", "rnn_relu"]


@dataclass
class Kernel:
    name: Name
    states: list[int]
    """The cell's states in torch's order: h, then c."""
    rows: list[Row]
    """One for each gate, in torch's order."""
    x: list[Poly] = field(default_factory=list)
    """What the gates see beside the state, side by side."""


@dataclass
class _Sum:
    """W x + U h + b."""

    x: dict[Poly, Matrix]
    h: Matrix | None
    biases: list[Bias]

    def row(self, pieces: list[Poly], negative: bool = False) -> Row | None:
        if self.h is None or set(pieces) != set(self.x):
            return None
        row = Row([self.x[p] for p in pieces], [self.h], negative=negative)
        share_biases(row, self.biases)
        return row


def share_biases(row: Row, biases: list[Bias]) -> None:
    """A layer's bias goes with its weight, and `bias_hh` with `weight_hh`; any other to the side that has none."""
    for bias in biases:
        twins = [side for side, of in ((row.bias_x, row.x), (row.bias_h, row.h)) if any(_twin(bias, m) for m in of)]
        if len(twins) == 1:
            twins[0].append(bias)
            continue
        layer = bias.weight.rpartition(".")[0]
        of_x = any(m.weight.rpartition(".")[0] == layer for m in row.x)
        of_h = any(m.weight.rpartition(".")[0] == layer for m in row.h)
        side = row.bias_h if not of_x and (of_h or (row.bias_x and not row.bias_h)) else row.bias_x
        side.append(bias)


def _twin(bias: Bias, matrix: Matrix) -> bool:
    """Whether a vector has the name of a matrix, with `bias` for `weight`."""
    return "bias" in bias.weight and bias.weight.replace("bias", "weight") == matrix.weight


def recognise(equations: Equations) -> Kernel | None:
    """The kernel of a cell, if there is one."""
    states = equations.plan.definition.states
    found = [equations.poly(s.next) for s in states]
    shapes = [s.value.type.shape for s in states]
    nexts = [p for p in found if p is not None]
    if len(nexts) != len(states) or any(len(s) != 2 or s != shapes[0] for s in shapes) or not states:
        return None
    units = shapes[0][1]
    if len(states) == 2:
        return _lstm(nexts, units, 0) or _lstm(nexts, units, 1)
    return (_rnn(nexts[0], units) or _gru(nexts[0], units)) if len(states) == 1 else None


def _sum(poly: Poly, state: int, units: Num) -> _Sum | None:
    result = _Sum({}, None, [])
    for monomial, factor in poly.terms:
        if len(monomial) != 1 or factor != 1 or not _add(result, monomial[0], state, units):
            return None
    return result


def _add(result: _Sum, atom: Atom, state: int, units: Num) -> bool:
    """Take one term into a sum. Whether it may stand there."""
    match atom:
        case Added(bias=bias):
            result.biases.append(bias)
            return True
        case Product(matrix=matrix, operand=operand) if matrix.rows == units:
            if operand.atom == State(state):
                if result.h is not None or (matrix.width or matrix.columns) != units:
                    return False
                result.h = matrix
                return True
            if not depends(operand) and operand not in result.x:
                result.x[operand] = matrix
                return True
    return False


def _pieces(first: _Sum) -> list[Poly]:
    """What a gate sees beside the state, in the order of its columns."""
    result: list[Poly] = []
    for _ in first.x:
        ends = [ZERO] if not result else [m.start + m.width for m in (first.x[result[-1]],) if m.width is not None]
        left = [p for p in first.x if p not in result]
        result.append(next((p for p in left if first.x[p].start in ends), left[0]))
    return result


def _kernel(name: Name, states: list[int], sums: list[_Sum], negative: int = -1) -> Kernel | None:
    pieces = _pieces(sums[0])
    rows = [s.row(pieces, i == negative) for i, s in enumerate(sums)]
    whole = [r for r in rows if r is not None]
    return Kernel(name, states, whole, pieces) if len(whole) == len(rows) and pieces else None


def _of(atom: Atom, name: str) -> Poly | None:
    return atom.operand if isinstance(atom, Function) and atom.name == name else None


def _gate(atom: Atom, name: str, state: int, units: Num) -> _Sum | None:
    operand = _of(atom, name)
    return _sum(operand, state, units) if operand is not None else None


def _rnn(after: Poly, units: Num) -> Kernel | None:
    atom = after.atom
    for name in ("tanh", "relu"):
        found = _gate(atom, name, 0, units) if atom else None
        if found:
            return _kernel("rnn_tanh" if name == "tanh" else "rnn_relu", [0], [found])
    return None


def _pair(poly: Poly) -> list[tuple[Atom, Atom]] | None:
    """The terms of a sum of products of two."""
    if any(len(m) != 2 or c != 1 for m, c in poly.terms):
        return None
    return [(m[0], m[1]) for m, _ in poly.terms]


def _lstm(nexts: list[Poly], units: Num, h: int) -> Kernel | None:
    """With state `h` as the output and the other as the memory."""
    c = 1 - h
    kept, shown = _pair(nexts[c]), _pair(nexts[h])
    if kept is None or shown is None or len(kept) != 2 or len(shown) != 1:
        return None
    forget = next((_other(p, State(c)) for p in kept if State(c) in p), None)
    write = next((p for p in kept if State(c) not in p), None)
    open_ = _other(shown[0], Function("tanh", nexts[c]))
    if forget is None or write is None or open_ is None:
        return None
    if _of(write[0], "tanh") is not None:
        write = (write[1], write[0])
    sums = [
        _gate(write[0], "sigmoid", h, units),
        _gate(forget, "sigmoid", h, units),
        _gate(write[1], "tanh", h, units),
        _gate(open_, "sigmoid", h, units),
    ]
    found = [s for s in sums if s is not None]
    return _kernel("lstm", [h, c], found) if len(found) == 4 else None


def _other(pair: tuple[Atom, Atom], one: Atom) -> Atom | None:
    return pair[1] if pair[0] == one else pair[0] if pair[1] == one else None


def _gru(after: Poly, units: Num) -> Kernel | None:
    terms = {frozenset(m): c for m, c in after.terms if len(set(m)) == len(m)}
    if len(terms) != 3 or len(after.terms) != 3:
        return None
    atoms = {a for m in terms for a in m} - {State(0)}
    keep = next((a for a in atoms if _of(a, "sigmoid") is not None), None)
    new = next((a for a in atoms if _of(a, "tanh") is not None), None)
    if len(atoms) != 2 or keep is None or new is None:
        return None
    h, z, n = State(0), keep, new
    if terms == {frozenset({n}): 1, frozenset({n, z}): -1, frozenset({h, z}): 1}:
        negative = -1
    elif terms == {frozenset({h}): 1, frozenset({h, z}): -1, frozenset({n, z}): 1}:
        negative = 1
    else:
        return None
    reset, candidate = _candidate(_of(new, "tanh"), units)
    z_sum = _gate(keep, "sigmoid", 0, units)
    r_sum = _gate(reset, "sigmoid", 0, units) if reset else None
    if candidate is None or z_sum is None or r_sum is None:
        return None
    pieces = _pieces(r_sum)
    rows = [r_sum.row(pieces), z_sum.row(pieces, negative == 1)]
    if any(r is None for r in rows) or set(candidate[0].x) != set(pieces) or candidate[1].h is None or not pieces:
        return None
    last = Row([candidate[0].x[p] for p in pieces], [candidate[1].h], candidate[0].biases, candidate[1].biases)
    return Kernel("gru", [0], [*(r for r in rows if r), last], pieces)


def _candidate(poly: Poly | None, units: Num) -> tuple[Atom | None, tuple[_Sum, _Sum] | None]:
    """`W x + b + r (U h + d)` as r and the two sums."""
    reset: Atom | None = None
    seen, held = _Sum({}, None, []), _Sum({}, None, [])
    for monomial, factor in poly.terms if poly else ():
        gates = [a for a in monomial if isinstance(a, Function)]
        rest = [a for a in monomial if not isinstance(a, Function)]
        if factor != 1 or len(rest) != 1 or len(gates) > 1:
            return None, None
        if gates:
            if reset not in (None, gates[0]):
                return None, None
            reset = gates[0]
        if not _add(held if gates else seen, rest[0], 0, units):
            return None, None
    if seen.h is not None or held.x:
        return None, None
    return reset, (seen, held)


__all__ = ["Kernel", "recognise", "share_biases"]
