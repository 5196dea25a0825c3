"""A program's IR as a page to read: what `archdsl ir` prints. One line for each thing that is made and for each node.

In: a checked `Program`. Out: text. Values are `%name` or `%id`; a second value of one name in a definition gets its id too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Axis,
    Call,
    Choice,
    Definition,
    Draw,
    Fill,
    Made,
    Minimize,
    Node,
    Numbers,
    Operand,
    Program,
    Region,
    Repeat,
    Setting,
    Until,
    Update,
    Value,
)


def show(program: Program) -> str:
    """All definitions of a program."""
    return "\n\n".join("\n".join(_Page(definition).lines()) for definition in program.definitions)


class _Page:
    """One definition."""

    def __init__(self, definition: Definition):
        self.definition = definition
        self.names: dict[int, str] = {}

    def lines(self) -> Iterator[str]:
        d = self.definition
        hypers = [h.name if h.default is None else f"{h.name} = {h.default}" for h in d.hypers]
        chosen = [f"{name} = {setting(value)}" for name, value in d.chosen.items()]
        yield f"{d.kind} {d.name}({', '.join([*hypers, *chosen])})" + (f" of {', '.join(d.sizes)}" if d.sizes else "")
        for value in d.inputs:
            yield f"  input {self.defined(value)}"
        for node in d.initial:
            yield from (f"  initial {line}" for line in self.node(node))
        for state in d.states:
            yield f"  state {self.defined(state.value)} = {self.operand(state.initial)}"
        for memory in d.memories:
            first = setting(memory.initial) if isinstance(memory.initial, Fill) else self.operand(memory.initial)
            yield f"  memory {self.defined(memory.value)} = {first}"
        yield from (f"  {line}" for line in self.region(d.body))
        for state in d.states:
            yield f"  {self.operand(state.value.id)}' = {self.operand(state.next)}"
        for memory in d.memories:
            if memory.next is not None:
                yield f"  {self.operand(memory.value.id)}' = {self.operand(memory.next)}"
        for output in d.outputs:
            yield f"  output {output.name} = {self.operand(output.operand)}: {output.type}"
        for constraint in d.constraints:
            yield f"  must be {constraint.must}: {constraint.number}"

    def region(self, region: Region) -> Iterator[str]:
        for param in region.params:
            yield f"{'frozen ' * param.frozen}param {self.defined(param.value)} = {setting(param.initial)}"
        for made in region.made:
            yield self.made(made)
        for node in region.nodes:
            yield from self.node(node)

    def made(self, made: Made) -> str:
        weights = ", ".join(f"{name} {kind}" for name, kind in made.weights.items())
        text = f"{'frozen ' * made.frozen}make #{made.name} = {made.of}{settings(made.settings)}"
        sizes = f" at {', '.join(f'{k} = {v}' for k, v in made.sizes.items())}" if made.sizes else ""
        starts = "".join(f", {name} starts {setting(fill)}" for name, fill in made.initial.items())
        return text + sizes + (f" with {weights}" if weights else "") + starts

    def node(self, node: Node) -> Iterator[str]:
        match node:
            case Apply():
                yield f"{self.results(node.outputs)} = {self.applied(node)}"
            case Call():
                steps = " (one step)" if node.rides else ""
                yield f"{self.results(node.outputs)} = {self.made_name(node.made)}({self.operands(node.inputs)}){steps}"
            case Draw():
                yield f"{self.results(node.outputs)} ~ {node.distribution}({self.operands(node.inputs)}) by {node.gradient}"
            case Repeat():
                yield from self.repeat(node)
            case Minimize():
                over_made = [self.made_name(made) for made in node.over] + [self.operand(p) for p in node.over_params]
                targets = f" over {', '.join(over_made)}" if over_made else ""
                yield f"minimize {node.name} = {self.operand(node.loss)}{targets} with {node.optimizer}{settings(node.settings)}"
            case Update():
                yield f"{self.made_name(node.made)}.{node.memory}' = {self.operand(node.operand)}"
            case Until():
                yield f"until stable {', '.join(f'{self.made_name(m)}.{name}' for m, name in node.stable)} at most {node.at_most}"
                yield from (f"  {line}" for line in self.region(node.body))

    def applied(self, node: Apply) -> str:
        if node.made is None:
            axes = {name: Numbers(items=[Num.of(a.index) for a in at]) for name, at in node.axes.items()}
            return f"{node.op}({self.operands(node.inputs)}){settings({**node.settings, **axes})}"
        made = self.made_name(node.made)
        if node.op == "weight_of":
            return f"{made}.{setting(node.settings['name'])}"
        return f"{made}({self.operands(node.inputs)})"

    def repeat(self, repeat: Repeat) -> Iterator[str]:
        index = f" as {repeat.index}" if repeat.index else ""
        lengths = f" at_most {self.operand(repeat.lengths)}" if repeat.lengths is not None else ""
        yield f"{repeat.kind} {repeat.count}{index}{' reversed' * repeat.reversed}{lengths}"
        for sliced in repeat.sliced:
            yield f"  slice {self.defined(sliced.value)} of {self.operand(sliced.operand)} along {axis(sliced.axis)}"
        for carried in repeat.carried:
            yield f"  carry {self.defined(carried.value)} from {self.operand(carried.initial)}"
        for ride in repeat.rides:
            yield f"  ride {self.made_name(ride.made)}" + "".join(
                f", {name} from {self.operand(value)}" for name, value in ride.initial.items()
            )
        yield from (f"  {line}" for line in self.region(repeat.body))
        for carried in repeat.carried:
            yield f"  {self.operand(carried.value.id)}' = {self.operand(carried.next)}, at last {self.defined(carried.final)}"
        for ride in repeat.rides:
            for name, value in ride.finals.items():
                yield f"  last {name} of {self.made_name(ride.made)} is {self.defined(value)}"
        for collected in repeat.collected:
            yield f"  collect {self.operand(collected.operand)} along {axis(collected.axis)} as {self.defined(collected.value)}"

    # -- names ------------------------------------------------------------------------------------------------------
    def defined(self, value: Value) -> str:
        name = f"%{value.name or value.id}"
        if name in self.names.values():
            name = f"{name}.{value.id}"
        self.names[value.id] = name
        return f"{'gate ' * value.gate}{name}: {value.type}"

    def results(self, values: list[Value]) -> str:
        return ", ".join(self.defined(value) for value in values)

    def operand(self, operand: Operand) -> str:
        return self.names.get(operand, f"%{operand}") if isinstance(operand, int) else str(operand)

    def operands(self, operands: list[Operand]) -> str:
        return ", ".join(map(self.operand, operands))

    def made_name(self, number: int) -> str:
        pending = [self.definition.body]
        while pending:
            region = pending.pop()
            for made in region.made:
                if made.id == number:
                    return f"#{made.name}"
            pending += [node.body for node in region.nodes if isinstance(node, (Repeat, Until))]
        return f"#{number}"


def axis(value: Axis) -> str:
    return f"{value.size} (axis {value.index})"


def settings(given: Mapping[str, Setting]) -> str:
    """Settings in braces, those that are not given left out."""
    shown = [f"{name} = {setting(value)}" for name, value in given.items() if value is not None]
    return f" {{{', '.join(shown)}}}" if shown else ""


def setting(value: Setting) -> str:
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "none"
        case Choice():
            return value.word
        case Numbers():
            return f"[{', '.join(map(str, value.items))}]"
        case Fill():
            return value.name + (
                f"({', '.join(f'{k} = {setting(v)}' for k, v in value.settings.items())})" if value.settings else ""
            )
        case _:
            return str(value)
