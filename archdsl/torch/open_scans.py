"""A scan whose steps stand in its own body, taken like the scan of a cell: on torch's kernel, or in a loop with products joined.

In: a scan with carried values. Out: its statements, in the function that is being written. The body is read as a cell: what is carried is
its state, slices are its inputs, and so is what it reads from around it; weights stay where the definition holds them.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from archdsl.ir.num import ELLIPSIS
from archdsl.ir.program import Apply, Call, Definition, Input, Output, Param, Region, Repeat, State
from archdsl.ir.types import Type
from archdsl.torch.needs import inputs as reads_of
from archdsl.torch.plan import Plan
from archdsl.torch.printer import parse
from archdsl.torch.sequence import Sequence
from archdsl.torch.statements import name
from archdsl.torch.steps import Pattern, Steps, position

if TYPE_CHECKING:
    from archdsl.torch.body import Body


def steps_of(node: Repeat, plan: Plan, types: dict[int, Type]) -> Steps | None:
    """How a scan's own body takes all its steps, where that is better than one by one."""
    simple = node.kind == "scan" and node.carried and not node.rides and node.lengths is None and node.sliced
    plain = plan.program.plain or plan.definition.kind == "train"
    if plain or not simple or not all(isinstance(n, (Apply, Call)) for n in node.body.nodes):
        return None
    if any(isinstance(n, Call) and n.rides for n in node.body.nodes) or any(h.stacks for h in plan.held):
        return None
    places = {position(s.axis.index, s.value.type) for s in node.sliced}
    at = next(iter(places))
    if len(places) != 1 or at is None or at > 1:
        return None
    for c in node.collected:
        rank = len(c.value.type.shape) - 1
        if ELLIPSIS in c.value.type.shape or c.axis.index % (rank + 1) != min(at, rank):
            return None
    cell = _cell(node, plan, types)
    steps = Steps(
        cell, Pattern(tuple(i.id in {s.value.id for s in node.sliced} for i in cell.definition.inputs), at), node.count
    )
    return steps if steps.worthwhile else None


def _cell(node: Repeat, plan: Plan, types: dict[int, Type]) -> Plan:
    """The body as a cell that holds what the definition around it holds."""
    known = {h.item.value.id: h.item for h in plan.held if isinstance(h.item, Param)}
    slices = [s.value for s in node.sliced]
    inside = {v.id for n in node.body.nodes for v in getattr(n, "outputs", [])}
    inside |= {v.id for v in (*slices, *(c.value for c in node.carried))} | set(known)
    wanted = [c.next for c in node.carried] + [c.operand for c in node.collected]
    read = {i for n in node.body.nodes for i in reads_of(n)} | {i for i in wanted if isinstance(i, int)}
    around = sorted(i for i in read - inside if i in types)
    definition = plan.definition
    cell = Definition.new(
        name=definition.name,
        source_name=definition.source_name,
        kind="cell",
        inputs=[
            *(Input.new(id=v.id, name=v.name, type=v.type) for v in slices),
            *(Input.new(id=i, name=None, type=types[i]) for i in around),
        ],
        states=[State.new(value=c.value, initial=c.initial, next=c.next, place=node.place) for c in node.carried],
        body=Region.new(nodes=node.body.nodes, params=list(known.values()), made=node.body.made),
        outputs=[
            Output.new(name=c.name, operand=c.operand, type=_slice(c.value.type, c.axis.index)) for c in node.collected
        ],
        hypers=definition.hypers,
        sizes=definition.sizes,
        place=node.place,
    )
    result = replace(plan, definition=cell)
    for fixed in ("held", "attributes", "groups", "hyper_attributes", "arguments", "remembers"):
        result.__dict__[fixed] = getattr(plan, fixed)
    result.__dict__.update(state_class="", scans_both="", norm=None)
    return result


def _slice(type_: Type, axis: int) -> Type:
    shape = list(type_.shape)
    del shape[axis]
    return type_.with_shape(shape)


class OpenScan(Sequence):
    """Writes such a scan into the function around it."""

    def __init__(self, around: Body, steps: Steps):
        self.__dict__.update(around.__dict__)
        self.plan, self.steps = steps.plan, steps
        self.sliced = {v.id for v, s in zip(steps.definition.inputs, steps.pattern.sliced) if s}
        self.products, self.layers, self.lengths_key = {}, {}, ""
        self.around = around

    def write(self, node: Repeat) -> None:
        steps, at = self.steps, self.steps.at
        for sliced in node.sliced:
            whole = self.operand(sliced.operand)
            if node.reversed or not isinstance(whole, ast.Name):
                key = self.variable("backwards" if node.reversed else sliced.value.name or "x", "steps")
                self.assign([key], parse(f"({ast.unparse(whole)}).flip({at})") if node.reversed else whole, keep=True)
                whole = name(key)
            self.env[sliced.value.id] = whole
            self.widen(sliced.value.id, sliced.value.type)
        for carried in node.carried:
            self.carry(carried)
        kernel = steps.kernel
        self.together(self._before(kernel))
        finals = self.kernel(kernel) if kernel else self.recurrence() if self.linear else self.loop()
        assert isinstance(finals, ast.Tuple)
        self.together(steps.after)
        self.around.__dict__.update(env=self.env, types=self.types, _count=self._count)
        for collected in node.collected:
            if collected.value.id in self.used:
                value = self.operand(collected.operand)
                if not node.reversed and isinstance(value, ast.Name):
                    self.around.bind(collected.value, value)
                    continue
                value = parse(f"({ast.unparse(value)}).flip({at})") if node.reversed else value
                self.around.assign([self.around.define(collected.value, node)], value)
        for carried, final in zip(node.carried, finals.elts):
            if isinstance(final, ast.Name) or carried.final.id not in self.used:
                self.around.bind(carried.final, final)
            else:
                self.around.assign([self.around.define(carried.final, node)], final)

    def state_of(self, values: list[ast.expr]) -> ast.expr:
        """The values that are carried, after the last step."""
        return ast.Tuple(values, ast.Load())
