"""The table of `archdsl summary`: each part of a definition with its output type, parameters and multiply-adds.

In: a checked `Program`. Out: text. A part is whatever holds weights or multiplies: layers, calls, repeats (with their parts inside),
attention and products. A repeat's row is for all its passes, the rows inside it are for one. A second use of weights says `shared`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from archdsl.ir.num import ZERO, Num
from archdsl.ir.program import Apply, Call, Definition, Draw, Made, Node, Param, Program, Region, Repeat, Until, Value
from archdsl.ir.regions import regions
from archdsl.ir.types import Type
from archdsl.summary import Bindings, Counter, Counts, Unsettled, Worker, bind

HEADER = ("part", "output", "learned", "frozen", "multiply-adds")


@dataclass(frozen=True)
class Row:
    """One line of the table; `counts` is None where the weights were counted before."""

    depth: int
    name: str
    output: str
    counts: Counts | None
    macs: Num | None

    def cells(self) -> tuple[str, ...]:
        learned, frozen = (
            ("shared", "") if self.counts is None else (shown(self.counts.learned), shown(self.counts.frozen))
        )
        return "  " * self.depth + self.name, self.output, learned, frozen, shown(self.macs)


def table(program: Program, name: str, settings: Mapping[str, Num] | None = None, depth: int = 0) -> str:
    """The table of a definition; parts that are definitions are opened down to `depth`."""
    definition = program[name]
    bound = bind(definition, settings or {})
    rows = [row.cells() for row in _Table(program, depth).definition(definition, bound)]
    counts = Counter(program).definition(definition, bound)
    try:
        work: Num | None = Worker(program).definition(definition, bound)
    except Unsettled:
        work = None
    total = ("total", "", shown(counts.learned) or "0", shown(counts.frozen), shown(work))
    return "\n".join([title(definition, bound), "", *_aligned([HEADER, *rows, total])])


def title(definition: Definition, bound: Bindings) -> str:
    """`model Tagger(vocab = 10,000, units = 256)`."""
    hypers = [f"{h.name} = {shown(bound[h.name], zero='0') if h.name in bound else '?'}" for h in definition.hypers]
    return f"{definition.kind} {definition.name}" + (f"({', '.join(hypers)})" if hypers else "")


def shown(number: Num | None, zero: str = "") -> str:
    """A number for people: 3,089,681; `batch*time*525,312`; what is not known is `?`."""
    if number is None:
        return "?"
    if number == 0:
        return zero
    if number.is_integer:
        return f"{int(number.value):,}"
    return re.sub(r"(?<![\d.])\d{4,}(?![\d.])", lambda digits: f"{int(digits.group()):,}", str(number))


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Columns: words to the left, numbers to the right; a line under the header and above the total."""
    kept = [i for i in range(len(HEADER)) if i != 3 or any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in kept}
    rule = "-" * (sum(widths.values()) + 2 * (len(kept) - 1))
    for number, row in enumerate(rows):
        if number in (1, len(rows) - 1):
            yield rule
        cells = (f"{row[i]:<{widths[i]}}" if i < 2 else f"{row[i]:>{widths[i]}}" for i in kept)
        yield "  ".join(cells).rstrip()


@dataclass
class _Scope:
    """Where the walk is: a definition, its numbers, what was not counted yet, and how many calls below the first it is."""

    definition: Definition
    bound: Bindings
    calls: int
    made: dict[int, Made]
    fresh: set[int]


class _Table:
    """Walks a definition; counts what is made at its first use."""

    def __init__(self, program: Program, depth: int):
        self.counter, self.worker, self.depth = Counter(program), Worker(program), depth

    def definition(self, definition: Definition, bound: Bindings, indent: int = 0, calls: int = 0) -> Iterator[Row]:
        made = {m.id: m for region in regions(definition.body) for m in region.made}
        scope = _Scope(definition, bound, calls, made, set(made))
        if not calls:
            for value in definition.inputs:
                yield Row(indent, value.name or "input", str(_type(value.type, bound)), Counts(), ZERO)
        for node in definition.initial:
            yield from self.node(scope, node, indent)
        yield from self.region(scope, definition.body, indent)

    def region(self, scope: _Scope, region: Region, indent: int) -> Iterator[Row]:
        for param in region.params:
            yield self.param(scope, param, indent)
        for node in region.nodes:
            yield from self.node(scope, node, indent)

    def param(self, scope: _Scope, param: Param, indent: int) -> Row:
        kind = _type(param.value.type, scope.bound)
        counts = Counts(ZERO, kind.elements) if param.frozen else Counts(kind.elements, ZERO)
        return Row(indent, f"{param.value.name or 'param'}: param", str(kind), counts, ZERO)

    def node(self, scope: _Scope, node: Node, indent: int) -> Iterator[Row]:
        match node:
            case Apply() | Call():
                yield from self.use(scope, node, indent)
            case Draw():
                yield Row(indent, f"~ {node.distribution}", _outputs(node.outputs, scope.bound), Counts(), ZERO)
            case Repeat():
                yield from self.repeat(scope, node, indent)
            case Until():
                rounds = shown(node.at_most.subs(scope.bound))
                yield Row(indent, f"until stable, at most {rounds} times", "", Counts(), self.work(scope, node))
                yield from self.region(scope, node.body, indent + 1)

    def use(self, scope: _Scope, node: Apply | Call, indent: int) -> Iterator[Row]:
        """A layer or a call, or a function that multiplies."""
        work = self.work(scope, node)
        output = _outputs(node.outputs, scope.bound)
        if node.made is None or (isinstance(node, Apply) and node.op == "weight_of"):
            if isinstance(node, Apply) and work != 0:
                yield Row(indent, node.op, output, Counts(), work)
            return
        part = scope.made[node.made]
        counts = self.counter.made(part, scope.bound) if part.id in scope.fresh else None
        scope.fresh.discard(part.id)
        plain = re.sub(r"_\d+$", "", part.name).replace("_", "").lower()
        name = part.name if plain == part.of.lower() else f"{part.name}: {part.of}"
        yield Row(indent, name, output, counts, work)
        if isinstance(node, Call) and scope.calls < self.depth:
            callee, inside = self.worker.called(scope.definition, node, scope.bound)
            for row in self.definition(callee, inside, indent + 1, scope.calls + 1):
                yield row if counts else replace(row, counts=None)

    def repeat(self, scope: _Scope, node: Repeat, indent: int) -> Iterator[Row]:
        """The repeat as a whole, then one pass of it."""
        passes = shown(node.count.subs(scope.bound), zero="0")
        words = {
            "stack": f"stack × {passes}, separate weights",
            "loop": f"loop × {passes}, shared weights",
            "scan": f"scan over {passes}",
        }
        outputs = [*(c.final for c in node.carried), *(c.value for c in node.collected)]
        counts, work = self.counter.repeat(node, scope.bound), self.work(scope, node)
        yield Row(indent, words[node.kind], _outputs(outputs, scope.bound), counts, work)
        first = scope.bound | {node.index: ZERO} if node.index else scope.bound
        yield from self.region(replace(scope, bound=first), node.body, indent + 1)

    def work(self, scope: _Scope, node: Node) -> Num | None:
        try:
            return self.worker.node(scope.definition, node, scope.bound)
        except Unsettled:
            return None


def _type(kind: Type, bound: Bindings) -> Type:
    return kind.subs({name: number for name, number in bound.items() if name != "..."})


def _outputs(values: list[Value], bound: Bindings) -> str:
    return ", ".join(str(_type(value.type, bound)) for value in values)
