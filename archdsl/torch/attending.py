"""Attention that a program writes out step by step, with masks, found so that it can run on torch's kernel.

In: a definition. Out: for each product of weights and values that ends an attention, an `Attention`; and the values in between, which
are not computed by themselves any more. What is found is softmax over the keys of query · key, scaled by a number, with one mask: a bias
that is added, or scores replaced by a large negative number where nothing is to be seen. Every step in between is used once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from archdsl.ir.num import ONE, Num
from archdsl.ir.program import Apply, Choice, Definition, Operand
from archdsl.ir.types import Type
from archdsl.ir.uses import uses
from archdsl.torch.plan import nodes

LARGE = -10_000
"""A score of at most this has no weight beside one that is seen."""


@dataclass
class Attention:
    query: Operand
    key: Operand
    value: Operand
    scale: Num = ONE
    mask: Operand | None = None
    """Bool: what may be seen; or a bias."""
    causal: bool = False
    dropout: int | None = None
    """The layer whose probability drops weights."""
    swallowed: set[int] = field(default_factory=set)


def find(definition: Definition) -> dict[int, Attention]:
    """The attentions of a definition, by the value that each gives."""
    applied = [n for n in nodes(definition.body) if isinstance(n, Apply)]
    if not any(n.op == "softmax" for n in applied):
        return {}
    search = _Search(definition, applied)
    found = ((n.outputs[0].id, search.ends(n)) for n in applied if n.op in ("matmul", "einsum"))
    return {value: match for value, match in found if match is not None}


class _Search:
    def __init__(self, definition: Definition, applied: Sequence[Apply]):
        self.count = uses(definition)
        self.made = {n.outputs[0].id: n for n in applied if len(n.outputs) == 1}
        self.types: dict[int, Type] = {v.id: v.type for n in applied for v in n.outputs}
        self.types |= {v.id: v.type for v in definition.inputs}

    def step(self, operand: Operand, *ops: str) -> Apply | None:
        """The node that makes an operand, which nothing else reads."""
        node = self.made.get(operand) if isinstance(operand, int) else None
        if node is None or node.op not in ops or self.count[node.outputs[0].id] != 1 or node.outputs[0].gate:
            return None
        return node

    def shape(self, operand: Operand) -> tuple[Num, ...] | None:
        return self.types[operand].shape if isinstance(operand, int) and operand in self.types else None

    def ends(self, node: Apply) -> Attention | None:
        """`weights @ value`, if these are weights of attention."""
        if len(node.inputs) != 2 or (node.op == "einsum" and not _values(node)):
            return None
        match = Attention(0, 0, node.inputs[1])
        weights = node.inputs[0]
        dropped = self.step(weights, "Dropout")
        if dropped is not None:
            match.dropout = dropped.made
            match.swallowed.add(dropped.outputs[0].id)
            weights = dropped.inputs[0]
        soft = self.step(weights, "softmax")
        if soft is None or not _last(soft):
            return None
        match.swallowed.add(soft.outputs[0].id)
        return match if self.scores(soft.inputs[0], match) and self.alike(match) else None

    def scores(self, operand: Operand, match: Attention) -> bool:
        """`query · key`, scaled and masked."""
        node = self.step(operand, "where", "add", "mul", "div", "matmul", "einsum")
        if node is None:
            return False
        match.swallowed.add(node.outputs[0].id)
        shape = node.outputs[0].type.shape
        match node.op:
            case "where":
                seen, inner, low = node.inputs
                rank = len(self.shape(seen) or ())
                fits = isinstance(low, Num) and low.is_const and low.value <= LARGE and self.shape(inner) == shape
                if match.mask is not None or match.causal or match.scale != ONE or not fits or rank < 2:
                    return False
                match.causal = self.is_causal(seen, shape, match)
                match.mask = None if match.causal else seen
                return self.scores(inner, match)
            case "add":
                if match.mask is not None or match.causal or match.scale != ONE:
                    return False
                for inner, bias in (node.inputs, node.inputs[::-1]):
                    rank = len(self.shape(bias) or ())
                    if isinstance(inner, int) and isinstance(bias, int) and self.shape(inner) == shape and rank >= 2:
                        trial = Attention(0, 0, match.value, mask=bias)
                        if self.scores(inner, trial):
                            match.query, match.key, match.scale, match.mask = trial.query, trial.key, trial.scale, bias
                            match.swallowed |= trial.swallowed
                            return True
                return False
            case "mul" | "div":
                inner, factor = node.inputs
                if node.op == "mul" and isinstance(inner, Num):
                    inner, factor = factor, inner
                if not isinstance(factor, Num) or match.scale != ONE:
                    return False
                match.scale = factor if node.op == "mul" else ONE / factor
                return self.scores(inner, match)
            case "einsum":
                match.query, match.key = node.inputs[0], node.inputs[-1]
                return _scores(node)
        transposed = self.step(node.inputs[1], "transpose", "swap")
        if transposed is None or not self.turns(transposed):
            return False
        match.swallowed.add(transposed.outputs[0].id)
        match.query, match.key = node.inputs[0], transposed.inputs[0]
        scaled = self.step(match.query, "mul", "div")
        by = scaled.inputs[1] if scaled else None
        if scaled is not None and isinstance(by, Num) and match.scale == ONE:
            match.swallowed.add(scaled.outputs[0].id)
            match.query, match.scale = scaled.inputs[0], by if scaled.op == "mul" else ONE / by
        return True

    def turns(self, node: Apply) -> bool:
        """Whether a node swaps the last two axes."""
        before, after = self.shape(node.inputs[0]), node.outputs[0].type.shape
        if node.op == "transpose":
            return True
        axes = {a.index - len(after) if a.index >= 0 else a.index for at in node.axes.values() for a in at}
        return before is not None and axes == {-1, -2}

    def is_causal(self, seen: Operand, scores: Sequence[Num], match: Attention) -> bool:
        """Whether a mask shows each position those up to it."""
        node = self.made.get(seen) if isinstance(seen, int) else None
        if node is None or node.op != "causal_mask" or scores[-1] != scores[-2]:
            return False
        if self.count[node.outputs[0].id] == 1:
            match.swallowed.add(node.outputs[0].id)
        return True

    def alike(self, match: Attention) -> bool:
        """Whether query, key and value have the same first axes, and as many as torch's kernel wants."""
        shapes = [self.shape(i) for i in (match.query, match.key, match.value)]
        known = [s for s in shapes if s is not None]
        if len(known) < 3 or any(len(s) < 3 for s in known):
            return False
        return len({s[:-2] for s in known}) == 1 and known[1][-2] == known[2][-2]


def _last(node: Apply) -> bool:
    axes, rank = node.axes.get("over", []), len(node.outputs[0].type.shape)
    return len(axes) == 1 and axes[0].index in (-1, rank - 1)


def _equation(node: Apply) -> tuple[str, str, str] | None:
    """The letters of an einsum of two."""
    word = next((s.word for s in node.settings.values() if isinstance(s, Choice)), "").replace(" ", "")
    left, _, right = word.partition("->")
    parts = left.split(",")
    return (parts[0], parts[1], right) if len(parts) == 2 and right else None


def _scores(node: Apply) -> bool:
    """`…qd, …kd -> …qk`"""
    found = _equation(node)
    if found is None or len(found[0]) < 2:
        return False
    a, b, c = found
    return a[:-2] == b[:-2] == c[:-2] and a[-1] == b[-1] and c[-2:] == a[-2] + b[-2] and len(set(a + b)) == len(a) + 1


def _values(node: Apply) -> bool:
    """`…qk, …kd -> …qd`"""
    found = _equation(node)
    if found is None or len(found[0]) < 2:
        return False
    a, b, c = found
    return a[:-2] == b[:-2] == c[:-2] and a[-1] == b[-2] and c[-2:] == a[-2] + b[-1] and len(set(a + b)) == len(a) + 1
