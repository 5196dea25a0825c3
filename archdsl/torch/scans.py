"""Scans of a cell that takes all its steps in one call, and sequences that end before their time.

In: a `Repeat` that scans. Out: the call of the cell's method for all steps, with both sides turned round where it goes backwards. With
`at_most lengths` what comes in is turned round within each sequence's own length, and what comes out is 0 beyond it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from archdsl.ir.num import ELLIPSIS
from archdsl.ir.program import Apply, Call, Collected, Repeat, Ride, Value
from archdsl.ir.types import Type
from archdsl.torch import directions
from archdsl.torch.cells import Cells
from archdsl.torch.ends import AT_END, known, shown
from archdsl.torch.errors import CannotEmit
from archdsl.torch.fold import rows_apart
from archdsl.torch.plan import Plan
from archdsl.torch.printer import parse
from archdsl.torch.statements import Assert, Assign, Statement, name
from archdsl.torch.steps import Steps, pattern_of
from archdsl.torch.words import noun

TURNED = '''
def turned(x: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence of x [batch, time, ...] backwards from its own end; what lies beyond stays."""
    steps = torch.arange(x.shape[1], device=x.device)
    last = lengths.unsqueeze(1) - 1
    order = torch.where(steps <= last, last - steps, steps)
    return x.gather(1, order.view(*order.shape, *[1] * (x.dim() - 2)).expand_as(x))
'''
ENDED = '''
def ended(y: Tensor, lengths: Tensor) -> Tensor:
    """y [batch, time, ...] with 0 from each sequence's own end on."""
    beyond = torch.arange(y.shape[1], device=y.device) >= lengths.unsqueeze(1)
    return y.masked_fill(beyond.view(*beyond.shape, *[1] * (y.dim() - 2)), 0)
'''
KEPT = '''
def kept(running: Tensor, new: Any, old: Any) -> Any:
    """The new state of the sequences that are still running, and the old one of the others."""
    if isinstance(new, Tensor):
        return torch.where(running.view(-1, *[1] * (new.dim() - 1)), new, old)
    return new if old is None else type(new)(*(kept(running, n, o) for n, o in zip(new, old)))
'''
LENGTHS = {"turned": TURNED, "ended": ENDED, "at_end": AT_END, "kept": KEPT}


@dataclass
class _Whole:
    """A scan that is one call of its cell's method for all steps."""

    node: Repeat
    ride: Ride
    call: Call
    callee: Plan
    steps: Steps
    lengths: ast.expr | None
    first: str = ""
    """The variable of the state before the first step, where sequences may have none."""
    last: list[tuple[Value, str]] = field(default_factory=list)
    """States after the last step, and the variable of all steps that each is taken from."""
    late: list[tuple[Collected, str]] = field(default_factory=list)
    """Results that are turned round or cut off afterwards."""

    @property
    def ends(self) -> dict[int | None, Value]:
        """With lengths: the states after the last step, by the output that shows them; None where none does."""
        return {shown(self.callee, f): v for f, v in self.ride.finals.items()} if self.lengths is not None else {}


class Scans(Cells):
    """Writes scans as calls for all steps."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        self.running: dict[int, ast.expr] = {}
        """For each cell that is stepped in a scan with lengths: which sequences are still running."""
        self.pairs = directions.find(plan)
        self.paired = {id(scan) for both in self.pairs for scan in (both.forwards, both.backwards)}
        """Scans that are part of a call for both directions."""

    # -- lengths ------------------------------------------------------------------------------------------
    def with_lengths(self, function: str, value: ast.expr, lengths: ast.expr, at: int, *more: str) -> ast.expr:
        """One of the functions above, whose sequences have the batch first."""
        self.helpers[LENGTHS[function]] = None
        swapped = ast.unparse(value) if at else f"({ast.unparse(value)}).transpose(0, 1)"
        call = parse(f"{function}({', '.join([swapped, ast.unparse(lengths), *more])})")
        return call if at or function == "at_end" else parse(f"{ast.unparse(call)}.transpose(0, 1)")

    def held_back(self, running: ast.expr, new: ast.expr, old: ast.expr, type_: Type) -> ast.expr:
        """A value that changes only where a sequence is still running."""
        if ELLIPSIS in type_.shape:
            raise CannotEmit("a state of a scan with lengths has a number of axes that is not known")
        wide = ast.unparse(running) + ".unsqueeze(-1)" * (len(type_.shape) - 1)
        return ast.Call(parse("torch.where"), [parse(wide), new, old], [])

    def step(self, node: Call, arguments: list[ast.expr]) -> None:
        running = self.running.get(node.made)
        if running is None:
            return super().step(node, arguments)
        callee = self.plan.program.of(self.made[node.made])
        state = self.state_keys[node.made]
        if node.made in self.partial:
            self.complete(node.made, arguments)
        elif any(p.state for p in callee.state) and node.made not in self.given:
            start = ast.Call(
                ast.Attribute(self.holders[node.made], "initial_state", ast.Load()),
                [arguments[i] for i in callee.initial_inputs],
                [],
            )
            self.block.append(self.if_none(state, start))
        new = self.variable(f"new_{self.variables[state].wishes[0]}", kind=f"new state of {callee.name}")
        value = ast.Call(self.holders[node.made], [*arguments, name(state)], [])
        outputs = [] if callee.bare else [self.define(v, node) if v.id in self.used else "_" for v in node.outputs]
        self.assign([*outputs, new], value, keep=True)
        if callee.bare:
            self.bind(node.outputs[0], name(new))
        self.helpers[KEPT] = None
        self.assign([state], parse(f"kept({ast.unparse(running)}, {new}, {state})"), keep=True)

    def if_none(self, key: str, value: ast.expr) -> Statement:
        from archdsl.torch.statements import If

        return If(parse(f"{key} is None"), [Assign([key], value, keep=True)])

    # -- scans of a cell that takes all its steps --------------------------------------------------------
    def takes_all(self, node: Repeat) -> bool:
        """Whether a scan is one call of its cell's method for all steps."""
        pattern = pattern_of(node)
        if pattern is None:
            return False
        callee = self.plan.program.of(self.made[node.rides[0].made])
        steps = self.plan.program.steps.get(callee.definition.name)
        if steps is None or steps.pattern != pattern:
            return False
        if node.lengths is None:
            return True
        apart = (steps.kernel is not None and not steps.after) or rows_apart(callee)
        return apart and all(known(callee, steps, f) for f in node.rides[0].finals)

    def apply(self, node: Apply) -> None:
        both = next((b for b in self.pairs if b.joined is node), None)
        if both is None:
            return super().apply(node)
        one, other = (self.cell_of(scan) for scan in (both.forwards, both.backwards))
        x = self.operand(both.forwards.sliced[0].operand)
        method = self.plan.program.of(self.made[both.forwards.rides[0].made]).scans_both
        self.assign(
            [self.define(node.outputs[0], node)], ast.Call(ast.Attribute(one, method, ast.Load()), [other, x], [])
        )

    def cell_of(self, scan: Repeat) -> ast.expr:
        """The cell that a scan steps; a type checker is told its class where it is one of a list."""
        made = scan.rides[0].made
        holder = self.holders[made]
        if not (isinstance(holder, ast.Attribute) and isinstance(holder.value, ast.Name) and holder.value.id == "self"):
            callee = self.plan.program.of(self.made[made])
            self.block.append(Assert(parse(f"isinstance({ast.unparse(holder)}, {callee.name})")))
        return holder

    def all_steps(self, node: Repeat) -> None:
        """`y, state = self.lstm.scan(x, state)`; backwards, both sides turned round."""
        (ride,), (call,) = node.rides, node.body.nodes
        assert isinstance(call, Call)
        callee = self.plan.program.of(self.made[ride.made])
        lengths = self.operand(node.lengths) if node.lengths is not None else None
        whole = _Whole(node, ride, call, callee, self.plan.program.steps[callee.definition.name], lengths)
        arguments = self.given_to(whole)
        holder = self.cell_of(node)
        stops = [lengths] if lengths is not None and None in whole.ends else []
        value = ast.Call(ast.Attribute(holder, callee.scan_method, ast.Load()), [*arguments, *stops], [])
        targets = self.targets_of(whole)
        inside = {f: v for f, v in ride.finals.items() if lengths is None or shown(callee, f) is None}
        final = self.variable("state", named=True, kind=f"state of {callee.name}") if inside else "_"
        self.assign([*targets, final], value, keep=True)
        self.close_scan(whole)
        for state, v in inside.items():
            self.bind(v, parse(self.part_of(callee, final, state)))

    def turn(self, whole: _Whole, value: ast.expr) -> ast.expr:
        """A sequence backwards."""
        if whole.lengths is not None:
            return self.with_lengths("turned", value, whole.lengths, whole.steps.at)
        return parse(f"({ast.unparse(value)}).flip({whole.steps.at})")

    def given_to(self, whole: _Whole) -> list[ast.expr]:
        """What the cell's method is given: sequences, the first way round, and the state before the first step."""
        node, ride, call = whole.node, whole.ride, whole.call
        sliced = {s.value.id: s.operand for s in node.sliced}
        unsliced = [sliced.get(i, i) if isinstance(i, int) else i for i in call.inputs]
        arguments = self.arguments(call.model_copy(update={"inputs": unsliced}))
        if node.reversed:
            arguments = [self.turn(whole, a) if i in sliced else a for i, a in zip(call.inputs, arguments)]
            if whole.lengths is not None and ride.finals:
                arguments = [self.kept_apart(a) if i in sliced else a for i, a in zip(call.inputs, arguments)]
        state = self.first_state(node, ride, arguments, whole.steps)
        if whole.lengths is not None and ride.finals:  # a sequence without a step ends as it began
            first = self.variable("first", named=True, kind=f"state of {whole.callee.name}")
            self.assign([first], state or self.begin(ride, arguments, whole.steps), keep=True)
            state, whole.first = name(first), first
        while arguments and state is None and isinstance(arguments[-1], ast.Constant) and arguments[-1].value is None:
            arguments.pop()
        return [*arguments, *([state] if state else [])]

    def targets_of(self, whole: _Whole) -> list[str]:
        """The variables of the method's results; what is still to be done with them is noted."""
        node = whole.node
        by_operand = {c.operand: c for c in node.collected if c.value.id in self.used}
        targets = []
        for place, v in enumerate(whole.call.outputs):
            found = by_operand.get(v.id)
            if place in whole.ends:
                targets.append(self.variable(v.name or "steps", "all_steps", type=None))
                whole.last.append((whole.ends[place], targets[-1]))
                whole.late += [(found, targets[-1])] if found else []
            elif found is None:
                targets.append("_")
            elif node.reversed or whole.lengths is not None:
                key = self.variable(found.value.name or noun(node, self.made), "backwards", type=found.value.type)
                whole.late.append((found, key))
                targets.append(key)
            else:
                targets.append(self.define(found.value, node))
        return targets

    def close_scan(self, whole: _Whole) -> None:
        """The last steps of sequences that end early, and results as they go forwards, 0 beyond their ends."""
        node, at = whole.node, whole.steps.at
        for v, key in whole.last:
            assert whole.lengths is not None
            began = self.part_of(whole.callee, whole.first, next(f for f, out in whole.ride.finals.items() if out is v))
            self.assign([self.define(v, node)], self.with_lengths("at_end", name(key), whole.lengths, at, began))
        for found, key in whole.late:
            value = name(key)
            if whole.lengths is not None:
                value = self.with_lengths("ended", value, whole.lengths, at)
            self.assign([self.define(found.value, node)], self.turn(whole, value) if node.reversed else value)

    def kept_apart(self, value: ast.expr) -> ast.expr:
        """A value that is used twice, in a variable of its own."""
        key = self.variable("backwards", "steps")
        self.assign([key], value, keep=True)
        return name(key)

    def part_of(self, callee: Plan, key: str, field: str) -> str:
        """One state of a cell's, as Python."""
        part = next(p for p in callee.state if p.state is not None and p.state.value.name == field)
        return f"{key}.{part.name}" if callee.state_class else key

    def begin(self, ride: Ride, arguments: list[ast.expr], steps: Steps) -> ast.expr:
        """The state that a cell itself makes before its first step."""
        at = f"[{':, ' * steps.at}0]"
        firsts = []
        for i in self.plan.program.of(self.made[ride.made]).initial_inputs:
            sliced = steps.pattern.sliced[i]
            firsts.append(parse(f"({ast.unparse(arguments[i])}){at}") if sliced else arguments[i])
        return ast.Call(ast.Attribute(self.holders[ride.made], "initial_state", ast.Load()), firsts, [])

    def first_state(self, node: Repeat, ride: Ride, arguments: list[ast.expr], steps: Steps) -> ast.expr | None:
        """The state before the first step, where the program says what it, or a part of it, is."""
        if not ride.initial:
            return None
        callee = self.plan.program.of(self.made[ride.made])
        own = [(p, p.state) for p in callee.state if p.state is not None]
        given = {p.name: self.begun(node, ride, s.value) for p, s in own if (s.value.name or "") in ride.initial}
        fields = [ast.keyword(n, v) for n, v in given.items()]
        if len(given) == len(callee.state):
            return (
                ast.Call(ast.Name(callee.state_class, ast.Load()), [], fields)
                if callee.state_class
                else fields[0].value
            )
        start = self.begin(ride, arguments, steps)
        return ast.Call(ast.Attribute(start, "_replace", ast.Load()), [], fields)
