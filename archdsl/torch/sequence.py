"""`scan` of a cell: all its steps in one method, as fast as they can be.

In: a cell's `Steps`. Out: statements. What does not wait for the state is computed for all steps at once; then torch's kernel takes the
steps, or a loop with one product for all gates that see the same; then what no step needs is computed from all results at once.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property

from archdsl.ir.program import Apply, Call, Node, Operand, Value
from archdsl.torch import docs
from archdsl.torch.batch import widened_type, with_axis
from archdsl.torch.kernels import Kernel
from archdsl.torch.linear import HELPER, is_linear, lines
from archdsl.torch.names import plural
from archdsl.torch.needs import inputs as reads_of
from archdsl.torch.needs import needed
from archdsl.torch.printer import parse
from archdsl.torch.products import Products
from archdsl.torch.statements import Do, For, Return, Statement, keys, name
from archdsl.torch.steps import Root


class Sequence(Products):
    """The method `scan` of a cell."""

    def doc(self) -> str:
        definition, sliced = self.plan.definition, self.steps.pattern.sliced
        wide = [
            widened_type(v.type, self.steps.at, self.steps.time) if s else v.type
            for v, s in zip(definition.inputs, sliced)
        ]
        left = docs.inputs(definition.inputs, wide)
        outs = [(o.name.rstrip("'"), widened_type(o.type, self.steps.at, self.steps.time)) for o in definition.outputs]
        text = f"All steps: {left} -> {', '.join(f'{n} {t}' for n, t in outs)}"
        return f"{text}\n\n{self.how()}" if self.how() else text

    def how(self) -> str:
        """How the steps are computed, for the docstring."""
        kernel = self.steps.kernel
        if kernel:
            gates = {"lstm": "input, forget, cell, output", "gru": "reset, update, new"}.get(kernel.name)
            order = f", with the gates' weights in its order: {gates}" if gates else ""
            return f"torch's kernel takes them{order}."
        if self.linear:
            return "The state is linear in the one before, so that steps need not wait for one another."
        names = " and ".join(v.name or "x" for v in self.plan.definition.inputs if v.id in self.sliced)
        alone = f"What {names} alone {'give' if ' and ' in names else 'gives'} is computed for all steps at once"
        several = any(len(g) > 1 for g in self.steps.groups)
        lifted = any(r.x for g in self.steps.groups for r in g) or self._before(None)
        one = "gates that see the same take one product"
        if not lifted:
            return f"{one.capitalize()}." if several else ""
        return f"{alone}{f', and {one}' if several else ''}."

    def build(self) -> None:
        self.fill_inputs()
        self.used |= {s.value.id for s in self.plan.definition.states}
        self.open_state()
        for param in self.plan.definition.body.params:
            self.bind(param.value, self.holders[param.value.id])
        kernel = self.steps.kernel
        self.together(self._before(kernel))
        finals = self.kernel(kernel) if kernel else self.recurrence() if self.linear else self.loop()
        self.together(self.steps.after)
        results = []
        for o in self.plan.definition.outputs:
            type_ = widened_type(o.type, self.steps.at, self.steps.time)
            results.append(self.result(o.operand, o.name, type_))
        self.block.append(Return([*results, finals]))

    def _before(self, kernel: Kernel | None) -> list[Node]:
        """What is computed before the steps, without what their products do."""
        before = self.steps.before
        if kernel is None:
            fused = {i for g in self.steps.groups for r in g for i in r.swallowed}
            return [n for n in before if fused.isdisjoint(v.id for v in getattr(n, "outputs", []))]
        later = [i for n in self.steps.after for i in reads_of(n)]
        outputs = [o.operand for o in self.plan.definition.outputs]
        return needed(before, [*(self.steps.operand(p) for p in kernel.x), *later, *outputs], self.plan)

    def _initial_call(self) -> ast.expr | None:
        if not any(p.state for p in self.plan.state):
            return None
        values: list[ast.expr] = []
        for i in self.plan.initial_inputs:
            key, wide = self.parameters[i], self.plan.definition.inputs[i].id in self.sliced
            values.append(parse(f"{key}[{':, ' * self.steps.at}0]") if wide else name(key))
        return ast.Call(parse("self.initial_state"), values, [])

    def together(self, nodes: list[Node]) -> None:
        for node in nodes:
            timed = isinstance(node, (Apply, Call)) and any(v.id in self.steps.places_after for v in node.outputs)
            if timed and isinstance(node, (Apply, Call)):
                node = with_axis(node, self.steps.types, self.steps.at, self.steps.time)
            self.node(node)

    # -- the loop --------------------------------------------------------------------------------------------
    def loop(self) -> ast.expr:
        """The steps one by one. Returns the state after the last."""
        states = self.plan.definition.states
        groups = {id(g[0].node): g for g in self.steps.groups}
        for g in groups.values():
            self.prepare(g)
        lists = {i: self.variable(self.list_wish(i), kind="list") for i in self.steps.collected}
        for key in lists.values():
            self.assign([key], ast.List([], ast.Load()), keep=True)
        body: list[Statement] = []
        kept, kept_types = dict(self.env), dict(self.types)
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

    # -- a linear recurrence ------------------------------------------------------------------------------
    @cached_property
    def linear(self) -> bool:
        return self.steps.kernel is None and is_linear(self.steps)

    def recurrence(self) -> ast.expr:
        """`h' = a h + b` for all steps. Returns the state after the last."""
        (state,) = self.plan.definition.states
        line = lines(self.steps, self.operand)
        assert line is not None and line.slope is not None and line.rest is not None and isinstance(state.next, int)
        self.helpers[HELPER] = None
        whole = self.widen_of(state.next)
        wish = (state.value.name or "h").rstrip("'")
        slope, rest = (self.variable(w, type=whole) for w in ("slope", "rest"))
        self.assign([rest], line.rest)
        self.assign([slope], line.slope)
        operands = [self.full(slope, line.slope, rest, line.rest), self.full(rest, line.rest, slope, line.slope)]
        if self.steps.at == 0:
            operands = [parse(f"({ast.unparse(o)}).transpose(0, 1)") for o in operands]
        before = self.env[state.value.id]
        call: ast.expr = ast.Call(parse("linear_recurrence"), [*operands, before], [])
        out = self.variable(plural(wish) if len(wish) > 2 else f"{wish}s", type=whole)
        if self.steps.at == 0:
            call = parse(f"{ast.unparse(call)}.transpose(0, 1)")
        self.assign([out], call, keep=True)
        self.env[state.next] = name(out)
        return self.state_of([parse(f"{out}[{':, ' * self.steps.at}-1]")])

    def full(self, key: str, value: ast.expr, other: str, against: ast.expr) -> ast.expr:
        """One of slope and rest in the shape of both, where it may have fewer axes."""
        timed = {k for i in self.steps.places for k in keys(self.env.get(i))}
        if timed & set(keys(value)) or not timed & set(keys(against)):
            return name(key)
        if not any(True for _ in keys(value)) and "self" not in ast.unparse(value):
            return parse(f"torch.full_like({other}, {ast.unparse(value)})")
        return parse(f"({key}).expand_as({other})")

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


class KernelWeights(Products):
    """The method `kernel_weights` of a cell that is scanned in both directions at once."""

    def build(self) -> None:
        kernel = self.steps.kernel
        assert kernel is not None
        for param in self.plan.definition.body.params:
            self.bind(param.value, self.holders[param.value.id])
        self.block.append(Return([self.kernel_weights(kernel)]))


class BothDirections(Products):
    """The method `scan_both` of such a cell."""

    def build(self) -> None:
        kernel = self.steps.kernel
        assert kernel is not None
        states = self.plan.definition.states
        (x,) = (k for k, v in zip(self.parameters, self.plan.definition.inputs) if v.id in self.sliced)
        first = f"({f'{x}[' + ':, ' * self.steps.at + '0]' if self.plan.initial_inputs else ''})"
        pairs = []
        for owner in ("self", "backwards"):
            keys_ = [self.variable(f"{s.value.name or 'h'}{'_b' * (owner != 'self')}", named=True) for s in states]
            self.assign(keys_, parse(f"{owner}.initial_state{first}"), keep=len(keys_) > 1)
            pairs.append(keys_)
        before = [parse(f"torch.stack([{pairs[0][i]}, {pairs[1][i]}])") for i in kernel.states]
        weights = f"{self.plan.weights_method}()"
        params = parse(f"[*self.{weights}, *backwards.{weights}]")
        call = self.kernel_call(kernel, name(x), before, params, both=True)
        out = self.variable(f"{states[kernel.states[0]].value.name or 'h'}s", named=True)
        self.assign([out, *["_"] * len(states)], call, keep=True)
        self.block.append(Return([name(out)]))


@dataclass
class Handed:
    """A state, as a repeat hands on what it carries."""

    value: Value
    next: Operand
