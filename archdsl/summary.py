"""Counting without running: parameters, multiply-adds, and the table that `archdsl summary` prints.

In: a checked `Program`, the name of one of its definitions and numbers for its hyperparameters (and input sizes, where wanted).
Out: exact symbolic numbers; they are plain integers wherever all they depend on is given. A definition is counted once for each
distinct set of numbers that its weights depend on, and a stack is multiplied, not walked, so the cost does not grow with depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from archdsl.ir import series
from archdsl.ir.num import ZERO, Num
from archdsl.ir.program import Apply, Call, Definition, Draw, Made, Node, Operand, Program, Region, Repeat, Until, Value
from archdsl.ir.regions import regions
from archdsl.ir.types import Type, unify_shape

Bindings = dict[str, Num]


class Unsettled(ValueError):
    """A number that cannot be told before some hyperparameter has a value."""


@dataclass(frozen=True)
class Counts:
    """Numbers of parameters."""

    learned: Num = ZERO
    frozen: Num = ZERO

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.learned + other.learned, self.frozen + other.frozen)

    def all_frozen(self) -> Counts:
        return Counts(ZERO, self.learned + self.frozen)


def count(program: Program, name: str, settings: Mapping[str, Num] | None = None) -> Counts:
    """The parameters of a definition, those that are shared counted once."""
    definition = program[name]
    return Counter(program).definition(definition, bind(definition, settings or {}))


def macs(program: Program, name: str, settings: Mapping[str, Num] | None = None) -> Num:
    """The multiply-adds of one call of a definition, symbolic in the sizes that stay open."""
    definition = program[name]
    return Worker(program).definition(definition, bind(definition, settings or {}))


def bind(definition: Definition, settings: Mapping[str, Num]) -> Bindings:
    """All numbers of a definition: what is given, and the defaults in terms of what comes before them."""
    bound: Bindings = dict(settings)
    for hyper in definition.hypers:
        if hyper.name not in bound and hyper.default is not None:
            bound[hyper.name] = hyper.default.subs(bound)
    return bound


def callee_bindings(callee: Definition, made: Made, bound: Bindings) -> Bindings:
    """The numbers of a definition that is made with settings, in terms of the maker's numbers."""
    given = {k: v.subs(bound) for k, v in made.settings.items() if isinstance(v, Num)}
    given |= {k: v.subs(bound) for k, v in made.sizes.items()}
    return bind(callee, given)


MOST_COPIES = 10_000
"""More copies than these are not counted one by one."""


def repeat_sum(
    repeat: Repeat, bound: Bindings, symbols: set[str], work: Callable[[Bindings], tuple[Num, ...]]
) -> tuple[Num, ...]:
    """What `work` finds in a repeat's body, summed over its passes. Where `symbols` holds the index, passes differ: then by a formula, if
    what is found is a polynomial in the index, else one by one."""
    passes = repeat.count.subs(bound)
    if repeat.index is None or repeat.index not in symbols:
        return tuple(n * passes for n in work(bound))
    index = f"{repeat.index}'"  # no symbol of a program has a prime
    totals = [series.total(n, index, passes) for n in work(bound | {repeat.index: Num.symbol(index)})]
    if None not in totals:
        return tuple(t for t in totals if t is not None)
    if not passes.is_integer:
        raise Unsettled(f"the passes of a stack differ, and their number {passes} is not known")
    if passes.value > MOST_COPIES:
        raise Unsettled(f"the {passes} passes of a stack all differ; at most {MOST_COPIES:,} such are counted")
    each = [work(bound | {repeat.index: Num.of(i)}) for i in range(int(passes.value))]
    return tuple(sum(found, ZERO) for found in zip(*each)) or tuple(ZERO for _ in totals)


class Counter:
    """Counts parameters, each definition once for each set of numbers that its weights depend on."""

    def __init__(self, program: Program):
        self.definitions = {d.name: d for d in program.definitions}
        self._counts: dict[tuple[str, frozenset[tuple[str, Num]]], Counts] = {}
        self._symbols: dict[str, set[str]] = {}

    def definition(self, definition: Definition, bound: Bindings) -> Counts:
        needed = self.symbols(definition)
        key = definition.name, frozenset((k, v) for k, v in bound.items() if k in needed)
        if key not in self._counts:
            self._counts[key] = self.region(definition.body, bound)
        return self._counts[key]

    def region(self, region: Region, bound: Bindings) -> Counts:
        """What is made in the region and in the repeats inside it."""
        total = Counts()
        for param in region.params:
            total += _counts(param.value.type.subs(bound), param.frozen)
        for made in region.made:
            total += self.made(made, bound)
        for node in region.nodes:
            if isinstance(node, Repeat):
                total += self.repeat(node, bound)
            elif isinstance(node, Until):
                total += self.region(node.body, bound)
        return total

    def repeat(self, repeat: Repeat, bound: Bindings) -> Counts:
        """Separate weights for each copy of a stack, the same ones for every pass of a loop or scan."""
        if repeat.kind != "stack":
            return self.region(repeat.body, bound)

        def copy(inside: Bindings) -> tuple[Num, Num]:
            found = self.region(repeat.body, inside)
            return found.learned, found.frozen

        return Counts(*repeat_sum(repeat, bound, self.region_symbols(repeat.body), copy))

    def made(self, made: Made, bound: Bindings) -> Counts:
        if made.primitive:
            total = Counts()
            for weight in made.weights.values():
                total += _counts(weight.subs(bound), made.frozen)
            return total
        callee = self.definitions[made.of]
        counts = self.definition(callee, callee_bindings(callee, made, bound))
        return counts.all_frozen() if made.frozen else counts

    # -- what a count depends on --------------------------------------------------------------------------------
    def symbols(self, definition: Definition) -> set[str]:
        """The numbers of a definition that its parameters depend on."""
        if definition.name not in self._symbols:
            found = self.region_symbols(definition.body)
            for hyper in reversed(definition.hypers):
                if hyper.name in found and hyper.default is not None:
                    found |= hyper.default.symbols()
            self._symbols[definition.name] = found
        return self._symbols[definition.name]

    def region_symbols(self, region: Region) -> set[str]:
        found: set[str] = set()
        for param in region.params:
            found |= param.value.type.symbols()
        for made in region.made:
            found |= self.made_symbols(made)
        for node in region.nodes:
            if isinstance(node, Repeat):
                found |= (self.region_symbols(node.body) - {node.index}) | (
                    node.count.symbols() if node.kind == "stack" else set()
                )
            elif isinstance(node, Until):
                found |= self.region_symbols(node.body)
        return found

    def made_symbols(self, made: Made) -> set[str]:
        if made.primitive:
            return {s for weight in made.weights.values() for s in weight.symbols()}
        found: set[str] = set()
        for name in self.symbols(self.definitions[made.of]):
            value = made.settings.get(name, made.sizes.get(name))
            if isinstance(value, Num):
                found |= value.symbols()
        return found


def _counts(weight: Type, frozen: bool) -> Counts:
    return Counts(ZERO, weight.elements) if frozen else Counts(weight.elements, ZERO)


class Worker:
    """Sums multiply-adds, by the `macs` rule of each primitive."""

    def __init__(self, program: Program):
        self.definitions = {d.name: d for d in program.definitions}
        self._done: dict[tuple[str, frozenset[tuple[str, Num]]], Num] = {}
        self._types: dict[str, dict[int, Type]] = {}

    def definition(self, definition: Definition, bound: Bindings) -> Num:
        key = definition.name, frozenset(bound.items())
        if key not in self._done:
            start = sum((self.node(definition, node, bound) for node in definition.initial), ZERO)
            self._done[key] = start + self.region(definition, definition.body, bound)
        return self._done[key]

    def region(self, definition: Definition, region: Region, bound: Bindings) -> Num:
        return sum((self.node(definition, node, bound) for node in region.nodes), ZERO)

    def node(self, definition: Definition, node: Node, bound: Bindings) -> Num:
        """One node's multiply-adds. `until` counts one round, since their number is not known."""
        match node:
            case Apply():
                return self.apply(definition, node, bound)
            case Call():
                return self.definition(*self.called(definition, node, bound))
            case Repeat():
                body = node.body
                (work,) = repeat_sum(node, bound, _mentioned(body), lambda b: (self.region(definition, body, b),))
                return work
            case Until():
                return self.region(definition, node.body, bound)
            case _:
                return ZERO

    def apply(self, definition: Definition, node: Apply, bound: Bindings) -> Num:
        from archdsl.ops import OPS
        from archdsl.ops.base import Misfit, Site, apply_signature

        op = OPS.get(node.op)
        if op is None or op.macs is None:
            return ZERO
        site = Site(
            inputs=[self.type_of(definition, operand) for operand in node.inputs],
            settings=dict(node.settings),
            axes=dict(node.axes),
            numbers=[None if isinstance(operand, int) else operand for operand in node.inputs],
        )
        try:
            apply_signature(op, site)
            work = op.macs(site)
        except Misfit as problem:
            raise Unsettled(f"{node.op}: {problem.reason}") from None
        return work.subs(bound)

    def called(self, definition: Definition, node: Call, bound: Bindings) -> tuple[Definition, Bindings]:
        """The definition that a call runs, with its numbers and the sizes of what it is called on."""
        made = next(m for m in _all_made(definition) if m.id == node.made)
        callee = self.definitions[made.of]
        inside = callee_bindings(callee, made, bound)
        rest: list[tuple[Num, ...]] = []
        for want, operand in zip(callee.inputs, node.inputs):
            have = self.type_of(definition, operand).subs(bound)
            unify_shape(want.type.shape, have.shape, inside, rest)
        if rest:
            inside["..."] = Type(shape=rest[0]).elements
        return callee, inside

    def type_of(self, definition: Definition, operand: Operand) -> Type:
        if not isinstance(operand, int):
            return Type(dtype="int" if operand.is_integer else "float")
        if definition.name not in self._types:
            self._types[definition.name] = {value.id: value.type for value in values(definition)}
        return self._types[definition.name][operand]


def _all_made(definition: Definition) -> Iterator[Made]:
    for region in regions(definition.body):
        yield from region.made


def values(definition: Definition) -> Iterator[Value]:
    """Every value of a definition."""
    yield from definition.inputs
    yield from (state.value for state in definition.states)
    yield from (memory.value for memory in definition.memories)
    for node in definition.initial:
        yield from node.outputs
    for region in regions(definition.body):
        yield from (param.value for param in region.params)
        for inner in region.nodes:
            yield from _node_values(inner)


def _node_values(node: Node) -> Iterator[Value]:
    match node:
        case Apply() | Call() | Draw():
            yield from node.outputs
        case Repeat():
            yield from (sliced.value for sliced in node.sliced)
            yield from (value for carried in node.carried for value in (carried.value, carried.final))
            yield from (value for ride in node.rides for value in ride.finals.values())
            yield from (collected.value for collected in node.collected)


def _mentioned(region: Region) -> set[str]:
    """All size symbols that a region's work can depend on."""
    found: set[str] = set()
    for inner in regions(region):
        for made in inner.made:
            found |= _setting_symbols(made.settings.values()) | _setting_symbols(made.sizes.values())
        for node in inner.nodes:
            found |= {s for value in _node_values(node) for s in value.type.symbols()}
            if isinstance(node, Apply):
                found |= _setting_symbols(node.settings.values())
                found |= {s for o in node.inputs if isinstance(o, Num) for s in o.symbols()}
            elif isinstance(node, Repeat):
                found |= node.count.symbols()
    return found


def _setting_symbols(settings: Iterable[object]) -> set[str]:
    return {s for value in settings if isinstance(value, Num) for s in value.symbols()}


def totals(program: Program) -> dict[str, int]:
    """Parameters by definition, of those where they depend on nothing that is open."""
    found = {}
    for definition in program.definitions:
        with suppress(Unsettled):
            counts = count(program, definition.name)
            total = counts.learned + counts.frozen
            if total.is_integer:
                found[definition.name] = int(total.value)
    return found
