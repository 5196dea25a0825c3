"""Masks that a call leaves out: nothing stands for them, so that attention without a mask is what runs.

In: all definitions. Out: for each, the bool values that may be `None` at run time: inputs that are `true` where they are left out, what
is another form of them, and inputs of parts that they are handed to, as far as nothing but attention's mask is made of them.
"""

from __future__ import annotations

from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Call, Draw, Input, Made, Node, Repeat
from archdsl.ir.regions import nodes
from archdsl.torch.plan import Plan, ProgramPlan

FORMS = frozenset(("unsqueeze", "squeeze", "reshape", "expand", "swap", "permute"))
MASK = 3
"""The input of `attention` that says what may be seen."""


def find(program: ProgramPlan) -> dict[str, set[int]]:
    """For each definition, the values that may be `None`."""
    search = _Search(program)
    for plan in program.plans.values():
        for value in plan.definition.inputs:
            if value.default in (True, Num.of(1)) and value.type.dtype == "bool" and search.only_masks(plan, value.id):
                search.mark(plan, value.id)
    return search.found


class _Search:
    def __init__(self, program: ProgramPlan):
        self.program = program
        self.found: dict[str, set[int]] = {name: set() for name in program.plans}
        self.known: dict[tuple[str, int], bool] = {}

    def only_masks(self, plan: Plan, value: int) -> bool:
        """Whether all that is made of a value is a mask of attention."""
        key = (plan.definition.name, value)
        if key not in self.known:
            self.known[key] = False
            self.known[key] = self._settled(plan, value) and self._kept_inside(plan, value)
        return self.known[key]

    def _kept_inside(self, plan: Plan, value: int) -> bool:
        definition = plan.definition
        ends = [o.operand for o in definition.outputs] + [s.next for s in definition.states]
        ends += [m.next for m in definition.memories if m.next is not None]
        if value in ends or any(value in n.inputs for n in definition.initial):
            return False
        return all(self._takes(plan, n, value) for n in nodes(definition.body))

    def _settled(self, plan: Plan, value: int) -> bool:
        """Whether no size is known from this input alone."""
        inputs = plan.definition.inputs
        own = next((v for v in inputs if v.id == value), None)
        if own is None:
            return True
        others = {
            n.name
            for v in inputs
            if v.id != value and v.default is None and v.type.dtype != "bool"
            for n in v.type.shape
        }
        return own.type.symbols() <= others | set(plan.arguments)

    def _takes(self, plan: Plan, node: Node, value: int) -> bool:
        """Whether a node makes no more of the value than a mask."""
        match node:
            case Apply():
                places = [i for i, o in enumerate(node.inputs) if o == value]
                if not places:
                    return True
                if node.op == "attention":
                    return places == [MASK]
                return node.op in FORMS and places == [0] and self.only_masks(plan, node.outputs[0].id)
            case Call():
                callee, inputs = self._callee(plan, node)
                return all(self.only_masks(callee, v.id) for o, v in zip(node.inputs, inputs) if o == value)
            case Draw():
                return value not in node.inputs
            case Repeat():
                outside = [s.operand for s in node.sliced] + [c.initial for c in node.carried]
                inside = [c.next for c in node.carried] + [c.operand for c in node.collected]
                return value not in [*outside, *inside, *(o for r in node.rides for o in r.initial.values())]
        return True

    def _callee(self, plan: Plan, node: Call) -> tuple[Plan, list[Input]]:
        made = next(h.item for h in plan.held if h.id == node.made)
        assert isinstance(made, Made)
        callee = self.program.of(made)
        return callee, callee.definition.inputs

    def mark(self, plan: Plan, value: int) -> None:
        """Note that a value may be `None`, and what is made of it with it."""
        if value in self.found[plan.definition.name]:
            return
        self.found[plan.definition.name].add(value)
        for node in nodes(plan.definition.body):
            if isinstance(node, Apply) and node.op in FORMS and node.inputs[0] == value:
                self.mark(plan, node.outputs[0].id)
            elif isinstance(node, Call):
                callee, inputs = self._callee(plan, node)
                for operand, port in zip(node.inputs, inputs):
                    if operand == value:
                        self.mark(callee, port.id)
