"""Definitions applied: a call, or one step of a cell whose state a repeat or another cell carries."""

from __future__ import annotations

import ast

from archdsl.ir.num import Num
from archdsl.ir.program import Call, Repeat, Ride, Value
from archdsl.ir.regions import nodes
from archdsl.ir.types import Shape, Type, unify_shape
from archdsl.torch.needs import results
from archdsl.torch.plan import Plan
from archdsl.torch.printer import parse
from archdsl.torch.statements import Assert, Assign, Do, If, name
from archdsl.torch.values import Values


class Cells(Values):
    """Writes calls and steps."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        self.state_keys: dict[int, str] = {}
        """The variable that holds the state of each cell that is stepped."""
        self.given: set[int] = set()
        """Cells whose whole state the program gives at the start."""
        self.partial: dict[int, dict[str, ast.expr]] = {}
        """Cells of whose state the program gives a part at the start."""

    def arguments(self, node: Call) -> list[ast.expr]:
        """The inputs of a call; what is at its default is left out, or None before one that is given."""
        ports = self.plan.program.of(self.made[node.made]).definition.inputs
        values: list[ast.expr | None] = []
        for operand, port in zip(node.inputs, ports):
            absent = (
                operand is None or isinstance(operand, bool) or (isinstance(operand, Num) and operand == port.default)
            )
            if isinstance(operand, Num) and not absent and not port.type.shape:
                values.append(self.filled(operand, port.type))
            else:
                values.append(None if absent else self.operand(operand))
        while values and values[-1] is None and not node.rides:
            values.pop()
        return [v or ast.Constant(None) for v in values]

    def call(self, node: Call) -> None:
        arguments = self.arguments(node)
        if node.rides:
            return self.step(node, arguments)
        value = ast.Call(self.holders[node.made], arguments, [])
        main = next((i for i in node.inputs if isinstance(i, int)), None)
        used = [v.id in self.used for v in node.outputs]
        if not any(used):
            self.block.append(Do(value))
            return
        self.assign([self.define(v, node, main) if u else "_" for v, u in zip(node.outputs, used)], value)

    def step(self, node: Call, arguments: list[ast.expr]) -> None:
        """One step of a cell, whose state is in a variable."""
        callee = self.plan.program.of(self.made[node.made])
        state = self.state_keys[node.made]
        if node.made in self.partial:
            self.complete(node.made, arguments)
        value = ast.Call(self.holders[node.made], [*arguments, name(state)], [])
        if callee.bare:
            self.bind(node.outputs[0], name(state))
            self.assign([state], value, keep=True)
        else:
            self.assign(
                [*(self.define(v, node) if v.id in self.used else "_" for v in node.outputs), state], value, keep=True
            )

    def complete(self, made: int, arguments: list[ast.expr]) -> None:
        """At the first step: the states that the program gave, and the others as the cell begins them."""
        callee = self.plan.program.of(self.made[made])
        start = ast.Attribute(self.holders[made], "initial_state", ast.Load())
        whole = ast.Call(start, [arguments[i] for i in callee.initial_inputs], [])
        given = [ast.keyword(n, v) for n, v in self.partial[made].items()]
        value = ast.Call(ast.Attribute(whole, "_replace", ast.Load()), [], given)
        state = self.state_keys[made]
        self.block.append(If(parse(f"{state} is None"), [Assign([state], value, keep=True)]))

    # -- the state that a repeat carries ------------------------------------------------------------------
    def state_wish(self, node: Repeat, made: int) -> str:
        """A name for the state of a cell that a repeat steps: its output's name where that is the state, else a name that is free."""
        callee = self.plan.program.of(self.made[made])
        own = [p for p in callee.state if p.state is not None]
        if callee.bare:
            outs = [n.outputs[0].name for n in nodes(node.body) if isinstance(n, Call) and n.made == made]
            wish = (outs[0] if outs else None) or own[0].name
            if wish in {c.value.name for c in node.collected}:
                return f"{wish}_t"
            return wish if wish not in self.value_names or wish in outs else "state"
        return own[0].name if len(callee.state) == 1 and own and own[0].name not in self.value_names else "state"

    def begun(self, node: Repeat, ride: Ride, state: Value) -> ast.expr:
        """What a riding cell's state starts from; a number fills a tensor of the type that the state has there."""
        first = ride.initial[state.name or ""]
        return (
            self.filled(first, self._riding(node, ride, state.type)) if isinstance(first, Num) else self.operand(first)
        )

    def _riding(self, node: Repeat, ride: Ride, type_: Type) -> Type:
        """The type of a riding cell's state in the sizes of the definition where it rides."""
        made = self.made[ride.made]
        sizes = {**made.sizes, **{n: v for n, v in made.settings.items() if isinstance(v, Num)}}
        rest: list[Shape] = []
        known = {v.id: v.type for v in self._within(node)}
        for call in nodes(node.body):
            if isinstance(call, Call) and call.made == ride.made:
                for value, operand in zip(self.plan.program.of(made).definition.inputs, call.inputs):
                    have = known[operand] if isinstance(operand, int) and operand in known else self.type_of(operand)
                    unify_shape(value.type.shape, have.shape, sizes, rest)
        return type_.subs(sizes, rest[0] if rest else None)

    def _within(self, node: Repeat) -> list[Value]:
        """All values of a repeat's body."""
        found = [*(c.value for c in node.carried), *(s.value for s in node.sliced)]
        found += [p.value for p in node.body.params]
        for inner in node.body.nodes:
            found += [*results(inner), *(self._within(inner) if isinstance(inner, Repeat) else [])]
        return found

    def start(self, node: Repeat, ride: Ride) -> None:
        """The state before the first step: nothing, or what the program says it starts from."""
        made, initial = ride.made, ride.initial
        callee = self.plan.program.of(self.made[made])
        own = [p for p in callee.state if p.state is not None]
        given = {
            p.name: self.begun(node, ride, p.state.value)
            for p in own
            if p.state and (p.state.value.name or "") in initial
        }
        wish = (
            self.variables[self.state_keys[made]].wishes[0] if made in self.state_keys else self.state_wish(node, made)
        )
        if len(given) == len(callee.state) and (before := self._state_of(callee, given)):
            self.given.add(made)
            self.state_keys[made] = self.variable(wish, named=True, kind=self.variables[before].kind)
            return self.block.append(Assign([self.state_keys[made]], name(before), copy=True))
        key = self.variable(
            wish, named=True, kind=f"state from {callee.name}" if len(given) == len(callee.state) else "state"
        )
        self.state_keys[made] = key
        if len(given) == len(callee.state):
            self.given.add(made)
        if not given:
            value: ast.expr = ast.Constant(None)
        elif len(given) == len(callee.state) and callee.state_class:
            value = ast.Call(
                ast.Name(callee.state_class, ast.Load()), [], [ast.keyword(n, v) for n, v in given.items()]
            )
        elif len(given) == len(callee.state):
            (value,) = given.values()
        else:
            self.partial[made] = given
            value = ast.Constant(None)
        self.assign([key], value, keep=True)

    def _state_of(self, callee: Plan, given: dict[str, ast.expr]) -> str:
        """The variable of a state whose components all these are, so that it is handed on as it is."""
        if not callee.state_class:
            return ""
        owners = [v.value for n, v in given.items() if isinstance(v, ast.Attribute) and v.attr == n]
        found = {o.id for o in owners if isinstance(o, ast.Name)}
        same = len(owners) == len(given) and len(found) == 1 and all(isinstance(o, ast.Name) for o in owners)
        states = {key for made, key in self.state_keys.items() if self.plan.program.of(self.made[made]) is callee}
        return found.pop() if same and found <= states else ""

    def finals(self, made: int, finals: dict[str, Value]) -> None:
        callee = self.plan.program.of(self.made[made])
        state = self.state_keys[made]
        if made not in self.given:
            self.block.append(Assert(parse(f"{state} is not None")))
        for field, value in finals.items():
            part = next(p for p in callee.state if p.state is not None and p.state.value.name == field)
            self.bind(value, parse(f"{state}.{part.name}") if callee.state_class else name(state))
