"""`scan` of a cell: all its steps in one method, as fast as they can be.

In: a cell's `Steps`. Out: statements. What does not wait for the state is computed for all steps at once; then torch's kernel takes the
steps, or a loop with one product for all gates that see the same; then what no step needs is computed from all results at once.
"""

from __future__ import annotations

import ast
from functools import cached_property

from archdsl.ir.program import Apply, Call, Node
from archdsl.torch import docs
from archdsl.torch.batch import widened_type, with_axis
from archdsl.torch.kernels import Kernel
from archdsl.torch.linear import HELPER, is_linear, lines
from archdsl.torch.loop import Loop
from archdsl.torch.names import plural
from archdsl.torch.needs import inputs as reads_of
from archdsl.torch.needs import needed
from archdsl.torch.printer import parse
from archdsl.torch.products import Products
from archdsl.torch.statements import Return, keys, name


class Sequence(Loop):
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
