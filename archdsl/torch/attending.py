"""Attention that a program writes out step by step, found so that it can run on torch's kernel.

In: a definition. Out: for each product of weights and values that ends an attention, an `Attention`; and the values in between, which
are not computed by themselves any more. What is found is softmax over the keys of query · key, however the axes are ordered and whichever
comes first, scaled by numbers, with biases that are added and masks that replace scores by a large negative number. Every step in
between is used once. Axes are followed by labels, as in an einsum: each product says which of its operands' axes are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from archdsl.ir.num import ELLIPSIS, ONE, Num
from archdsl.ir.program import Apply, Definition, Numbers, Operand
from archdsl.ir.regions import nodes
from archdsl.ir.types import Type
from archdsl.ir.uses import uses
from archdsl.torch.axes import MOVES, Attention, Labels, Mask, View, axes_of, equation_of, factor_of, order_of, over_of

LARGE = -10_000
"""A score of at most this has no weight beside one that is seen."""


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
        return tuple(self.types[operand].shape) if isinstance(operand, int) and operand in self.types else None

    # -- the end: weights @ values ------------------------------------------------------------------------
    def ends(self, node: Apply) -> Attention | None:
        """The attention that a product ends, if these are weights of one."""
        labels = self.product(node)
        if labels is None:
            return None
        for side in (0, 1):
            match = self.weighted(node, side, labels)
            if match is not None:
                return match
        return None

    def weighted(self, node: Apply, side: int, labels: tuple[Labels, Labels, Labels]) -> Attention | None:
        weights, own = node.inputs[side], labels[side]
        value, its = node.inputs[1 - side], labels[1 - side]
        swallowed, dropout = set[int](), None
        while (step := self.step(weights, "Dropout", *MOVES)) is not None:
            dropout = step.made if step.op == "Dropout" else dropout
            own = own if step.op == "Dropout" else self.before(step, own)
            swallowed.add(step.outputs[0].id)
            weights = step.inputs[0]
        soft = self.step(weights, "softmax")
        axes = axes_of(own, its, labels[2])
        if soft is None or axes is None or not own or own[over_of(soft)] != axes.key:
            return None
        view = self.view(value, its, (*axes.lead, axes.key, axes.width))
        if view is None:
            return None
        match = Attention(axes, view[0], dropout=dropout, swallowed=swallowed | view[1] | {soft.outputs[0].id})
        match.out = order_of((*axes.lead, *axes.group, axes.query, axes.width), labels[2])
        if not self.scores(soft.inputs[0], own, match) or not self.alike(match):
            return None
        return self.settled(match)

    def settled(self, match: Attention) -> Attention:
        """A causal mask alone is a word to the kernel."""
        only = match.masks[0].operand if len(match.masks) == 1 and not match.biases else None
        node = self.made.get(only) if isinstance(only, int) else None
        known = self.sizes(match.query)[-2] == self.sizes(match.key)[-2]
        if node is not None and node.op == "causal_mask" and not match.masks[0].hides and known:
            match.causal, match.masks = True, []
            if self.count[node.outputs[0].id] == 1:
                match.swallowed.add(node.outputs[0].id)
        return match

    # -- scores -------------------------------------------------------------------------------------------
    def scores(self, operand: Operand, labels: Labels, match: Attention) -> bool:
        """`query · key`, scaled and masked."""
        node = self.step(operand, "where", "add", "sub", "neg", "mul", "div", "matmul", "einsum", *MOVES)
        if node is None:
            return False
        match.swallowed.add(node.outputs[0].id)
        match node.op:
            case "where":
                return self.masked(node, labels, match)
            case "add" | "sub":
                return self.biased(node, labels, match)
            case "mul" | "div" | "neg":
                inner, factor = factor_of(node)
                match.scale = match.scale * factor if factor is not None else match.scale
                return factor is not None and self.scores(inner, labels, match)
            case "matmul" | "einsum":
                return self.meets(node, labels, match)
        return self.scores(node.inputs[0], self.before(node, labels), match)

    def masked(self, node: Apply, labels: Labels, match: Attention) -> bool:
        """`where(seen, scores, -1e9)`, or the other way round."""
        seen, one, other = node.inputs
        hides = isinstance(one, Num)
        inner, low = (other, one) if hides else (one, other)
        if not isinstance(low, Num) or not self.fits(seen, inner, node, labels, match):
            return False
        low = low * match.scale
        if not low.is_const or low.value > LARGE:
            return False
        opposite = self.made.get(seen) if hides and isinstance(seen, int) else None
        if opposite is not None and opposite.op == "not":
            if self.count[opposite.outputs[0].id] == 1:
                match.swallowed.add(opposite.outputs[0].id)
            seen, hides = opposite.inputs[0], False
        match.masks.insert(0, Mask(seen, hides))
        return self.scores(inner, labels, match)

    def biased(self, node: Apply, labels: Labels, match: Attention) -> bool:
        """`scores + bias`, in either order, or `scores - bias`."""
        sign = ONE if node.op == "add" else -ONE
        for inner, bias in (node.inputs, node.inputs[::-1])[: 2 if node.op == "add" else 1]:
            trial = deepcopy(match)
            trial.biases.insert(0, (bias, match.scale * sign))
            if self.fits(bias, inner, node, labels, match) and self.scores(inner, labels, trial):
                match.__dict__.update(trial.__dict__)
                return True
        return False

    def fits(self, other: Operand, inner: Operand, node: Apply, labels: Labels, match: Attention) -> bool:
        """Whether a mask or bias lies over the scores as the kernel wants them."""
        shape, whole = self.shape(other), tuple(node.outputs[0].type.shape)
        if shape is None or self.shape(inner) != whole or labels != match.axes.scores:
            return False
        return 2 <= len(shape) <= (2 if match.axes.group else len(whole))

    def meets(self, node: Apply, labels: Labels, match: Attention) -> bool:
        """The product of query and key, whichever comes first."""
        product = self.product(node)
        if product is None or len(product[2]) != len(labels):
            return False
        names = dict(zip(product[2], labels))
        sides = [tuple(names.get(label, "·" + label) for label in side) for side in product[:2]]
        inside = set(sides[0]) & set(sides[1]) - set(labels)
        axes = match.axes
        place = next((i for i in (0, 1) if axes.query in sides[i] and axes.key in sides[1 - i]), None)
        if place is None or len(inside) != 1:
            return False
        (width,) = inside
        wanted = ((*axes.lead, *axes.group, axes.query, width), (*axes.lead, axes.key, width))
        query = self.view(node.inputs[place], sides[place], wanted[0], match)
        key = self.view(node.inputs[1 - place], sides[1 - place], wanted[1], match)
        if query is None or key is None:
            return False
        match.query, match.key = query[0], key[0]
        match.swallowed |= query[1] | key[1]
        return True

    # -- operands -----------------------------------------------------------------------------------------
    def view(
        self, operand: Operand, labels: Labels, wanted: Labels, match: Attention | None = None
    ) -> tuple[View, set[int]] | None:
        """An operand with its axes as wanted, and what is not computed for it any more: moves of axes, and factors."""
        gone, factors = set[int](), ("mul", "div") if match else ()
        scale = match.scale if match else ONE
        base: tuple[Operand, Labels, set[int], Num] = (operand, labels, set(), scale)
        while (node := self.step(operand, *factors, *(() if labels == wanted else (*MOVES, "unsqueeze")))) is not None:
            if node.op in factors:
                inner, number = factor_of(node)
                if number is None or match is None:
                    break
                match.scale, operand = match.scale * number, inner
            else:
                operand, labels = node.inputs[0], self.before(node, labels)
            gone.add(node.outputs[0].id)
            if node.op in factors and base[2] == gone - {node.outputs[0].id}:
                base = (operand, labels, set(gone), match.scale if match else ONE)
        if labels == wanted:
            return View(operand), gone
        if match is not None:
            match.scale = base[3]
        order = order_of(base[1], wanted)
        return (View(base[0], order), base[2]) if order is not None else None

    def before(self, node: Apply, labels: Labels) -> Labels:
        """The labels of what a node moves the axes of."""
        if not labels:
            return labels
        if node.op == "unsqueeze":
            at = node.settings["at"]
            place = int(at.value) if isinstance(at, Num) and at.is_const else -1
            rest = list(labels)
            del rest[place]
            return tuple(rest)
        moved = list(range(len(labels)))
        if node.op == "permute":
            order = node.settings["order"]
            moved = [int(n.value) for n in order.items] if isinstance(order, Numbers) else moved
        else:
            one, other = (-1, -2) if node.op == "transpose" else [a.index for at in node.axes.values() for a in at]
            moved[one], moved[other] = moved[other], moved[one]
        found = {m % len(labels): label for m, label in zip(moved, labels)}
        return tuple(found[i] for i in range(len(labels)))

    def sizes(self, view: View) -> tuple[Num, ...]:
        shape = self.shape(view.operand) or ()
        return tuple(shape[i] for i in view.order) if view.order else shape

    def alike(self, match: Attention) -> bool:
        """Whether query, key and value have the same first axes, and as many as torch's kernel wants."""
        query, key, value = (self.sizes(v) for v in (match.query, match.key, match.value))
        rank = len(match.axes.lead) + 2
        if len(query) != rank + len(match.axes.group) or len(key) != rank or len(value) != rank or rank < 3:
            return False
        same = query[: rank - 2] == key[:-2] == value[:-2] and key[-2] == value[-2] and query[-1] == key[-1]
        return same and not (match.axes.group and ELLIPSIS in query)

    def product(self, node: Apply) -> tuple[Labels, Labels, Labels] | None:
        """The labels of both operands' axes, and of the result's."""
        if node.op == "einsum":
            return equation_of(node)
        one, other = (self.shape(i) for i in node.inputs)
        if one is None or other is None or len(one) != len(other) or len(one) < 2:
            return None
        lead = [f"{i}" for i in range(len(one) - 2)]
        sides = []
        for shape, opposite, last in ((one, other, ("i", "j")), (other, one, ("j", "k"))):
            alone = [n == ONE and opposite[i] != ONE for i, n in enumerate(shape[:-2])]
            sides.append((*(f"1 at {i}" if a else i for i, a in zip(lead, alone)), *last))
        return sides[0], sides[1], (*lead, "i", "k")
