"""Blocks that are one of torch's normalisations, recognised by their equations.

In: a block without parts. Out: a `Norm`: torch's function and its arguments. The block's output is brought into the normal form of
`equations.py`, and so is the text-book form of each normalisation; where they are equal, the block is that normalisation.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Apply, Memory, Numbers, Param
from archdsl.torch.equations import Added, Equations, Form, Function, Opaque, Poly, Weight, constant, single
from archdsl.torch.matrices import Bias
from archdsl.torch.plan import Plan

ONE = constant(Fraction(1))


@dataclass
class Norm:
    kind: str
    """`layer`, `rms`, `group`, `batch`."""
    x: int
    weight: str | None
    bias: str | None
    eps: Num
    groups: Num | None = None
    memories: tuple[Memory, ...] = ()
    """Of a batch normalisation: the mean and the variance, which torch's function keeps."""
    momentum: Num | None = None


def inverse(poly: Poly) -> Poly:
    return single(Function("1/", poly))


def over(name: str, poly: Poly, axes: Sequence[int], keep: bool) -> Poly:
    return single(Function(f"{name} {sorted(axes)} {keep}", poly))


class Wide(Equations):
    """Equations in which operands broadcast, with means, roots and quotients."""

    def alike(self, node: Apply) -> bool:
        return True

    def poly(self, operand: int | Num) -> Poly | None:
        form = self.form(operand)
        if isinstance(form, Weight) and not form.transposed:
            return single(Added(Bias(form.text)))
        return form if isinstance(form, Poly) else None

    def apply(self, node: Apply) -> Sequence[Form | None] | None:
        polys = [self.poly(i) for i in node.inputs]
        first = polys[0] if polys else None
        if any(p is None for p in polys) or first is None:
            return None
        match node.op:
            case "div" if not isinstance(node.inputs[1], Num):
                return [first * inverse(polys[1] or ONE)]
            case "pow" | "square" if node.op == "square" or node.inputs[1] == Num.of(2):
                return [first * first]
            case "sqrt":
                return [single(Function("sqrt", first))]
            case "mean" | "var":
                return [self.reduced(node, first)]
            case "reshape":
                to = node.settings["to"]
                return [shaped(first, to.items if isinstance(to, Numbers) else [])]
            case "by_mode":
                return [by_mode(first, polys[1] or ONE)]
        return super().apply(node)

    def reduced(self, node: Apply, x: Poly) -> Poly | None:
        value = node.inputs[0]
        type_ = self.types.get(value) if isinstance(value, int) else None
        axes = [a.index for a in node.axes.get("over", [])]
        if type_ is None or not axes:
            return None
        rank = len(type_.shape)
        if ELLIPSIS not in type_.shape:
            axes = [a % rank - rank for a in axes]
        keep = node.settings.get("keep") is True
        if node.op == "mean":
            return over("mean", x, axes, keep)
        if node.settings.get("unbiased") is True:
            return over("unbiased var", x, axes, keep)
        return variance(x, axes, keep)


def variance(x: Poly, axes: Sequence[int], keep: bool) -> Poly:
    centred = x + over("mean", x, axes, True).times(Fraction(-1))
    return over("mean", centred * centred, axes, keep)


def shaped(poly: Poly, to: Sequence[Num]) -> Poly:
    return single(Function(f"reshape {[str(n) for n in to]}", poly))


def by_mode(training: Poly, evaluation: Poly) -> Poly:
    return single(
        Function(
            "by mode", Poly((((Function("training", training), Function("evaluation", evaluation)), Fraction(1)),))
        )
    )


def root(variance_: Poly, eps: Poly) -> Poly:
    return inverse(single(Function("sqrt", variance_ + eps)))


def recognise(plan: Plan) -> Norm | None:
    """The normalisation that a block is, if it is one."""
    definition = plan.definition
    nodes = definition.body.nodes
    items = [h.item for h in plan.held]
    params = [h for h in items if isinstance(h, Param)]
    plain = definition.kind == "block" and len(definition.outputs) == 1 and len(definition.inputs) == 1
    if not plain or len(params) != len(items) or len(params) > 2 or len(nodes) > 30 or not nodes:
        return None
    if not all(isinstance(n, Apply) for n in nodes) or definition.inputs[0].type.dtype != "float":
        return None
    applied = [n for n in nodes if isinstance(n, Apply)]
    if not any(n.op in ("mean", "var") for n in applied) or not any(n.op == "sqrt" for n in applied):
        return None
    return _Match(plan, applied, params).found()


class _Match:
    def __init__(self, plan: Plan, nodes: list[Apply], params: list[Param]):
        self.plan, self.nodes, self.params = plan, nodes, params
        definition = plan.definition
        self.input = definition.inputs[0]
        self.x = single(Opaque("x", False))
        forms: dict[int, Form] = {self.input.id: self.x}
        forms |= {m.value.id: single(Opaque(("memory", m.value.id), False)) for m in definition.memories}
        self.equations = Wide(plan, forms)
        self.result = self.equations.poly(definition.outputs[0].operand) if definition.outputs else None
        self.epsilons = [i for n in nodes if n.op == "add" for i in n.inputs if isinstance(i, Num)]
        self.shape = self.input.type.shape

    def found(self) -> Norm | None:
        for eps in dict.fromkeys(self.epsilons):
            for weight, bias in self.affine():
                norm = self.layer(eps, weight, bias) or self.group(eps, weight, bias) or self.batch(eps, weight, bias)
                if norm:
                    return norm
        return None

    def affine(self) -> list[tuple[Param | None, Param | None]]:
        """Which parameter scales and which is added."""
        none: list[Param | None] = [None]
        pairs = itertools.product([*self.params, *none], repeat=2)
        return [(w, b) for w, b in pairs if {id(p) for p in (w, b) if p} == {id(p) for p in self.params}]

    def text(self, param: Param | None) -> str | None:
        return f"self.{self.plan.attributes[param.value.id]}" if param else None

    def scaled(self, normal: Poly, weight: Param | None, bias: Param | None, to: Sequence[Num] = ()) -> Poly:
        def of(param: Param) -> Poly:
            vector = single(Added(Bias(f"self.{self.plan.attributes[param.value.id]}")))
            return shaped(vector, to) if to else vector

        result = normal * of(weight) if weight else normal
        return result + of(bias) if bias else result

    def number(self, value: Num) -> Poly:
        form = self.equations.form(value)
        assert isinstance(form, Poly)
        return form

    def fits(self, size: Num, *params: Param | None) -> bool:
        return all(p is None or p.value.type.shape == (size,) for p in params)

    def norm(self, kind: str, weight: Param | None, bias: Param | None, eps: Num, groups: Num | None = None) -> Norm:
        return Norm(kind, self.input.id, self.text(weight), self.text(bias), eps, groups)

    # -- the normalisations -------------------------------------------------------------------------------
    def layer(self, eps: Num, weight: Param | None, bias: Param | None) -> Norm | None:
        if (
            not self.shape
            or self.shape[-1] == ELLIPSIS
            or not self.fits(self.shape[-1], weight, bias)
            or self.plan.definition.memories
        ):
            return None
        x, e = self.x, self.number(eps)
        centred = x + over("mean", x, [-1], True).times(Fraction(-1))
        if self.scaled(centred * root(variance(x, [-1], True), e), weight, bias) == self.result:
            return self.norm("layer", weight, bias, eps)
        square = over("mean", x * x, [-1], True)
        if bias is None and self.scaled(x * root(square, e), weight, None) == self.result:
            return self.norm("rms", weight, None, eps)
        return None

    def group(self, eps: Num, weight: Param | None, bias: Param | None) -> Norm | None:
        if len(self.shape) != 4 or not self.fits(self.shape[1], weight, bias) or self.plan.definition.memories:
            return None
        folds = [n.settings["to"] for n in self.nodes if n.op == "reshape" and n.inputs[0] == self.input.id]
        for to in folds:
            if not isinstance(to, Numbers) or len(to.items) != 3 or to.items[0] != self.shape[0]:
                continue
            parts, e = shaped(self.x, to.items), self.number(eps)
            centred = parts + over("mean", parts, [-1], True).times(Fraction(-1))
            maps = shaped(centred * root(variance(parts, [-1], True), e), list(self.shape))
            one = Num.of(1)
            if self.scaled(maps, weight, bias, [self.shape[1], one, one]) == self.result:
                return self.norm("group", weight, bias, eps, to.items[1])
        return None

    def batch(self, eps: Num, weight: Param | None, bias: Param | None) -> Norm | None:
        """Over all axes but the second, with a running mean and variance."""
        rank = len(self.shape)
        if rank < 2 or ELLIPSIS in self.shape or not self.fits(self.shape[1], weight, bias):
            return None
        axes = [a for a in range(-rank, 0) if a != 1 - rank]
        x, memories = self.x, [m for m in self.plan.definition.memories if m.value.type.shape == (self.shape[1],)]
        for mean, var in itertools.permutations(memories, 2):
            momentum = self.momentum(mean, var, axes)
            if momentum is None:
                continue
            centre = by_mode(over("mean", x, axes, False), self.memory(mean))
            spread = root(by_mode(variance(x, axes, False), self.memory(var)), self.number(eps))
            for expected in self.spread_out(centre, spread, weight, bias, rank):
                if expected == self.result:
                    norm = self.norm("batch", weight, bias, eps)
                    norm.memories, norm.momentum = (mean, var), momentum
                    return norm
        return None

    def spread_out(self, centre: Poly, spread: Poly, weight: Param | None, bias: Param | None, rank: int) -> list[Poly]:
        """The form with each statistic reshaped to the channels' axis by itself, or the scale as a whole."""
        to = [self.shape[1]] + [Num.of(1)] * (rank - 2) if rank > 2 else []

        def wide(poly: Poly) -> Poly:
            return shaped(poly, to) if to else poly

        vector = single(Added(Bias(self.text(weight) or ""))) if weight else ONE
        centred = self.x + wide(centre).times(Fraction(-1))
        alone = self.scaled(centred * wide(spread), weight, bias, to)
        together = self.scaled(centred * wide(vector * spread), None, bias, to)
        return [alone, together]

    def memory(self, memory: Memory) -> Poly:
        return single(Opaque(("memory", memory.value.id), False))

    def momentum(self, mean: Memory, var: Memory, axes: list[int]) -> Num | None:
        """The momentum with which torch moves the statistics, if the block moves them so."""
        for n in self.nodes:
            for value in (i for i in n.inputs if isinstance(i, Num)):
                m = self.number(value)
                rest = ONE + m.times(Fraction(-1))
                wanted = [
                    (mean, over("mean", self.x, axes, False)),
                    (var, over("unbiased var", self.x, axes, False)),
                ]
                if all(
                    memory.next is not None and self.equations.poly(memory.next) == rest * self.memory(memory) + m * new
                    for memory, new in wanted
                ):
                    return value
        return None
