"""The loop over a cell's steps, with as few operations in each as can be.

In: a cell's `Steps`, in a function in which what needs no state is made. Out: statements: one product for all gates that see the same,
weights that every step meets in the shape of the state, blends of the state as one operation, `unbind` before and `stack` after.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from archdsl.ir.program import Apply, Call, Node, Operand, Value
from archdsl.ir.types import Type
from archdsl.torch.blends import BLEND
from archdsl.torch.names import plural
from archdsl.torch.needs import inputs as reads_of
from archdsl.torch.printer import parse
from archdsl.torch.products import Products
from archdsl.torch.statements import Assign, Do, For, Statement, name
from archdsl.torch.steps import Root


class Loop(Products):
    """Writes the steps one by one."""

    def loop(self) -> ast.expr:
        """The steps one by one. Returns the state after the last."""
        states = self.plan.definition.states
        groups = {id(g[0].node): g for g in self.steps.groups}
        for g in groups.values():
            self.prepare(g)
        before = dict(self.env)
        self.spread()
        lists = {i: self.variable(self.list_wish(i), kind="list") for i in self.steps.collected}
        for key in lists.values():
            self.assign([key], ast.List([], ast.Load()), keep=True)
        body: list[Statement] = []
        kept, kept_types = before, dict(self.types)
        targets, sources = self.slices(groups)
        with self.inside(body):
            self.core(groups)
            for i, key in lists.items():
                self.block.append(Do(ast.Call(parse(f"{key}.append"), [self.operand(i)], [])))
            self.hand_on([Handed(s.value, s.next) for s in states])
        target: ast.expr = name(targets[0]) if len(targets) == 1 else ast.Tuple([name(t) for t in targets], ast.Store())
        source = sources[0] if len(sources) == 1 else ast.Call(parse("zip"), list[ast.expr](sources), [])
        self.block.append(For(target, source, body))
        handed = {s.value.id: self.env[s.value.id] for s in states}
        self.env, self.types = {**self.env, **kept, **handed}, {**self.types, **kept_types}
        for i, key in lists.items():
            out = self.variable(self.list_wish(i, one=True), type=self.widen_of(i))
            at = min(self.steps.at, len(self.steps.types[i].shape))
            self.assign([out], parse(f"torch.stack({key}, dim={at})"))
            self.env[i] = name(out)
        return self.state_of([handed[s.value.id] for s in states])

    def spread(self) -> None:
        """Weights that each step adds or multiplies, in the shape of the state, so that their gradients are summed once."""
        states = {s.value.type.shape: s.value.id for s in self.plan.definition.states}
        why = "here, so that its gradient is summed once"
        for param in self.plan.definition.body.params:
            readers = [n for n in self.steps.core if param.value.id in reads_of(n)]
            met = {n.outputs[0].type.shape for n in readers if isinstance(n, Apply) and n.op in ("add", "sub", "mul")}
            apart = any(not isinstance(n, Apply) or n.op not in ("add", "sub", "mul") for n in readers)
            own, shape = param.value.type.shape, next(iter(met), ())
            if apart or len(met) != 1 or shape not in states or own != shape[len(shape) - len(own) :] or own == shape:
                continue
            wish = param.value.name or "weight"
            key = self.variable(wish, type=param.value.type.with_shape(list(shape)), named=True)
            whole = ast.Attribute(self.env[param.value.id], "expand_as", ast.Load())
            value = ast.Call(whole, [self.operand(states[shape])], [])
            self.block.append(Assign([key], value, keep=True, comment=why))
            why = ""
            self.env[param.value.id] = name(key)

    def apply(self, node: Apply) -> None:
        if node.op != BLEND:
            return super().apply(node)
        states = {s.value.id for s in self.steps.definition.states}
        state = next(i for i in node.inputs if i in states)
        ends = [self.operand(i) for i in node.inputs]  # under autocast, products are narrower than the state
        like = [
            e if i == state else ast.Call(ast.Attribute(e, "type_as", ast.Load()), [self.operand(state)], [])
            for i, e in zip(node.inputs, ends)
        ]
        self.assign([self.define(node.outputs[0], node)], ast.Call(parse("torch.lerp"), like, []))

    def list_wish(self, value: int, one: bool = False) -> str:
        found = next((v for n in self.steps.core for v in getattr(n, "outputs", []) if v.id == value), None)
        plain = ((found.name if found else None) or "y").rstrip("'")
        return plain if one else f"{plain}s" if len(plain) < 3 else plural(plain)

    def slices(self, groups: dict[int, list[Root]]) -> tuple[list[str], list[ast.expr]]:
        """The targets of the loop: one step of what the core reads of all steps."""
        fused = {i for g in groups.values() for r in g for i in r.swallowed}
        reads: dict[int, None] = {}
        for node in self.steps.core:
            if {v.id for v in getattr(node, "outputs", [])} & fused or self._only_joined(node, groups):
                continue
            group = next((r for g in groups.values() for r in g if r.node is node), None)
            found = [i for i in (*group.others, *group.h) if isinstance(i, int)] if group else sorted(reads_of(node))
            reads.update(dict.fromkeys(i for i in found if i in self.steps.places))
        finals = [s.next for s in self.plan.definition.states]
        reads.update(dict.fromkeys(i for i in finals if isinstance(i, int) and i in self.steps.places))
        targets, sources = [], []
        for first, roots in groups.items():
            ready = self.products[first]
            if ready.inputs:
                rank = len(roots[0].node.outputs[0].type.shape)
                targets.append(self.step_variable(ready.inputs, None))
                sources.append(self.taken_apart(name(ready.inputs), rank))
                ready.inputs = targets[-1]
        for i in reads:
            whole = self.env[i]
            rank = len(self.steps.types[i].shape)
            key = self.step_variable(whole.id if isinstance(whole, ast.Name) else "", i)
            targets.append(key)
            sources.append(self.taken_apart(whole, rank))
            self.env[i], self.types[i] = name(key), self.steps.types[i]
        if not targets:
            first_key = next(k for k, v in zip(self.parameters, self.plan.definition.inputs) if v.id in self.sliced)
            targets.append(self.variable("_", named=True, kind="slice"))
            sources.append(parse(f"{first_key}.unbind({self.steps.at})"))
        return targets, sources

    def step_variable(self, key: str, value: int | None) -> str:
        """The variable of one step: named as all steps are, or as what is made of it."""
        var = self.variables.get(key)
        base = (var.name or var.wishes[0]).rstrip("_") if var else "value"
        if value is not None and value not in self.sliced:
            base = self.made_of(value) or base
        type_ = self.steps.types[value] if value is not None else None
        return self.variable(f"{base}_t", type=type_, named=True, kind="slice")

    def made_of(self, value: int) -> str:
        """The program's name for a value, or for what the core makes of it."""
        for n in [*self.steps.before, *self.steps.core]:
            for v in getattr(n, "outputs", []):
                if v.id == value and v.name:
                    return str(v.name).rstrip("'")
                if value in reads_of(n) and isinstance(n, Apply) and n in self.steps.core:
                    if v.name:
                        return str(v.name).rstrip("'")
                    value = v.id
        return ""

    def taken_apart(self, whole: ast.expr, rank: int) -> ast.expr:
        return ast.Call(ast.Attribute(whole, "unbind", ast.Load()), [ast.Constant(min(self.steps.at, rank))], [])

    def core(self, groups: dict[int, list[Root]]) -> None:
        """The nodes of one step, each group's sums by one product at the first of them."""
        roots = {id(r.node): (first, r) for first, g in groups.items() for r in g}
        fused = {i for g in groups.values() for r in g for i in r.swallowed}
        parts: dict[int, str] = {}
        done: set[int] = set()
        for node in self.steps.core:
            if isinstance(node, Apply) and id(node) in roots:
                first, root = roots[id(node)]
                if first not in done:
                    done.add(first)
                    self.product(first, groups[first], parts)
                self.close_root(root, parts[id(node)])
            elif {v.id for v in getattr(node, "outputs", [])}.isdisjoint(fused) and not self._only_joined(node, groups):
                self.node(node)

    def _only_joined(self, node: Node, groups: dict[int, list[Root]]) -> bool:
        """Whether a node puts values side by side for layers that now take them apart."""
        if not isinstance(node, Apply) or node.op != "concat":
            return False
        inside = {id(r.node) for g in groups.values() for r in g}
        swallowed = {i for g in groups.values() for r in g for i in r.swallowed}
        readers = [n for n in self.steps.core if isinstance(n, (Apply, Call)) and node.outputs[0].id in n.inputs]
        return all(id(n) in inside or any(v.id in swallowed for v in n.outputs) for n in readers) and bool(readers)

    # -- products --------------------------------------------------------------------------------------------
    def product(self, first: int, group: list[Root], parts: dict[int, str]) -> None:
        ready = self.products[first]
        operands = [self.operand(i) for i in group[0].h]
        h = operands[0] if len(operands) == 1 else ast.Call(
            parse("torch.cat"), [ast.List(operands, ast.Load())], [ast.keyword("dim", parse("-1"))]
        )  # fmt: skip
        matrix = isinstance(group[0].h[0], int) and len(self.steps.types[group[0].h[0]].shape) == 2
        if ready.inputs and matrix:
            value: ast.expr = ast.Call(parse("torch.addmm"), [name(ready.inputs), h, name(ready.weight)], [])
        elif ready.inputs:
            linear = ast.Call(parse("F.linear"), [h, name(ready.weight)], [])
            value = ast.BinOp(name(ready.inputs), ast.Add(), linear)
        else:
            value = ast.Call(parse("F.linear"), [h, name(ready.weight), *([ready.bias] if ready.bias else [])], [])
        for root in group:
            value_ = root.node.outputs[0]
            parts[id(root.node)] = self.variable(*self.part_wishes(root), type=value_.type)
        keys = [parts[id(r.node)] for r in group]
        if len(keys) > 1:
            value = ast.Call(
                ast.Attribute(value, "chunk", ast.Load()), [parse(str(len(keys)))], [ast.keyword("dim", parse("-1"))]
            )
        self.assign(keys, value, keep=len(keys) > 1)

    def close_root(self, root: Root, key: str) -> None:
        """The sum: its part of the product and its other terms."""
        value = root.node.outputs[0]
        if not root.others:
            self.bind(value, name(key))
            return
        total: ast.expr = name(key)
        for other in root.others:
            total = self.added(total, other, value.type)
        out = self.variable(*self.part_wishes(root), type=value.type, named=value.name is not None)
        self.assign([out], total)
        self.bind(value, name(out))

    def added(self, total: ast.expr, other: Operand, type_: Type) -> ast.expr:
        """A sum with one more term; with a product of two tensors that nothing else reads, in one operation."""
        term, types = self.operand(other), self.steps.types
        made = next((n for n in self.steps.core if isinstance(n, Apply) and n.outputs[0].id == other), None)
        if made is None or made.op != "mul" or made.outputs[0].name or self.count[made.outputs[0].id] != 1:
            return ast.BinOp(total, ast.Add(), term)
        written = [
            s for s in self.block if isinstance(s, Assign) and isinstance(term, ast.Name) and s.targets == [term.id]
        ]
        product = written[0].value if written else None
        real = all(isinstance(i, int) and types[i].dtype == type_.dtype for i in made.inputs)
        if not real or not isinstance(product, ast.BinOp) or not isinstance(product.op, ast.Mult):
            return ast.BinOp(total, ast.Add(), term)
        self.block.remove(written[0])
        return ast.Call(parse("torch.addcmul"), [total, product.left, product.right], [])


@dataclass
class Handed:
    """A state, as a repeat hands on what it carries."""

    value: Value
    next: Operand
