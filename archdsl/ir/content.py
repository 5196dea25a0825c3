"""One definition as a graph of what it computes, in canonical form.

In: a checked definition, whose sizes have one name each (`equal.py`), and the digests of those that it uses. Out: plain data, equal for two
definitions that do the same. Values are terms: whatever is computed alike from the same values is the same node (`Graph.pure`). What holds
weights, is drawn, or repeats is itself (`Graph.own`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from archdsl.ir.facts import Facts, is_random
from archdsl.ir.graph import Graph
from archdsl.ir.num import ELLIPSIS, Num
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
    Region,
    Repeat,
    Setting,
    Until,
    Update,
    Value,
)
from archdsl.ir.types import Type
from archdsl.ops import OPS


class Content:
    """One definition as a graph."""

    def __init__(self, definition: Definition, facts: Facts, digest: Callable[[str], str], gates: bool):
        self.definition, self.facts, self.graph = definition, facts, Graph()
        self.digest, self.gates = digest, gates
        self.values: dict[int, int] = {}
        self.types: dict[int, Type] = {}
        self.made: dict[int, int] = {}
        self.things: dict[int, Made] = {}
        self.steps: dict[int, int] = {}
        self.last_call: dict[int, int] = {}
        self.kept: list[int] = []
        """What matters though no value of it is read: steps of states, updates of memories, parameters."""
        self.names = _sizes(definition)
        self.indices: dict[str, int] = {}
        self.touched: set[str] = set()
        self.here = self.copies = self.graph.own("[]")

    def data(self) -> dict[str, Any]:
        d = self.definition
        hypers = sorted([h.name, None if h.default is None else str(h.default)] for h in d.hypers)
        configs = sorted([c.name, {k: self.setting(v) for k, v in sorted(c.settings.items())}] for c in d.configs)
        return {"name": d.name, "kind": d.kind, "hypers": hypers, "configs": configs, "nodes": self.nodes()}

    def nodes(self) -> list[Any]:
        """The graph of all that the definition does."""
        d = self.definition
        ends = []
        for value in d.inputs:
            default = None if value.default is None else self.setting(value.default)
            self.define(value, self.pure("input", value.name, self.type(value.type), default))
            ends.append(self.values[value.id])
        for state in d.states:
            self.define(state.value, self.own("state", state.value.name, self.type(state.value.type)))
        for memory in d.memories:
            self.define(memory.value, self.own("memory", memory.value.name, self.type(memory.value.type)))
        self.declare(d.body)
        for node in d.initial:
            self.apply(node)
        effects = self.region(d.body)
        for state in d.states:
            parts = [self.values[state.value.id], self.operand(state.initial), self.operand(state.next)]
            ends.append(self.pure("hands on", children=parts))
        for memory in d.memories:
            first = memory.initial
            made = self.pure("first", self.setting(first)) if isinstance(first, Fill) else self.operand(first)
            next_ = [] if memory.next is None else [self.operand(memory.next)]
            ends.append(self.pure("keeps", children=[self.values[memory.value.id], made, *next_]))
        for output in d.outputs:
            ends.append(self.pure("output", output.name, children=[self.operand(output.operand)]))
        root = self.pure("definition", children=[self.all_in([*ends, *self.kept]), *effects])
        return self.graph.canonical(root)

    # -- nodes of the graph ---------------------------------------------------------------------------------------
    def pure(self, *label: Any, children: Iterable[int] = (), unordered: bool = False) -> int:
        return self.graph.pure(self.text(label), [*children, *self.bound()], unordered)

    def own(self, *label: Any, children: Iterable[int] = ()) -> int:
        return self.graph.own(self.text(label), [*children, *self.bound()])

    def text(self, label: object) -> str:
        return json.dumps(label, separators=(",", ":"), ensure_ascii=False)

    def all_in(self, nodes: Iterable[int]) -> int:
        """Nodes in no order."""
        return self.graph.pure('["all of"]', sorted(set(nodes)), unordered=True)

    def bound(self) -> list[int]:
        """The repeats whose index was named since the last node was made: their copies differ in it."""
        found = [self.indices[name] for name in self.indices if name in self.touched]
        self.touched.clear()
        return found

    # -- what labels are made of ----------------------------------------------------------------------------------
    def number(self, number: Num) -> str:
        if self.indices:
            self.touched |= number.symbols() & self.indices.keys()
        return str(number.subs(self.names))

    def type(self, kind: Type) -> list[Any]:
        return [kind.dtype, [self.number(n) for n in kind.shape]]

    def setting(self, value: Setting) -> Any:
        match value:
            case Num():
                return self.number(value)
            case Choice():
                return ["word", value.word]
            case Numbers():
                return ["numbers", [self.number(n) for n in value.items]]
            case Fill():
                return ["fill", value.name, self.settings(value.settings)]
            case _:
                return value

    def settings(self, given: Mapping[str, Setting]) -> list[Any]:
        return [[k, self.setting(v)] for k, v in sorted(given.items())]

    # -- values ---------------------------------------------------------------------------------------------------
    def define(self, value: Value, node: int) -> None:
        self.types[value.id] = value.type
        self.values[value.id] = self.pure("gate", children=[node]) if value.gate and self.gates else node

    def operand(self, operand: Operand) -> int:
        return self.values[operand] if isinstance(operand, int) else self.pure("number", self.number(operand))

    def operands(self, operands: Iterable[Operand]) -> list[int]:
        return [self.operand(o) for o in operands]

    def declare(self, region: Region) -> None:
        """What holds weights in a region. It belongs to the copies of the nearest stack, as all passes of loops and scans share it."""
        for param in region.params:
            label = (param.value.name, self.type(param.value.type), self.setting(param.initial), param.frozen)
            node = self.own("param", *label, children=[self.copies])
            self.kept.append(node)
            self.define(param.value, node)
        for made in region.made:
            self.things[made.id] = made
            self.made[made.id] = self.make(made)

    def make(self, made: Made) -> int:
        if made.primitive:
            label = (
                "make",
                made.of,
                self.settings(made.settings),
                self.settings(made.initial),
                made.frozen and bool(made.weights),
            )
        else:
            numbers = {h.name for h in self.facts.definitions[made.of].hypers}
            given = self.settings({k: v for k, v in made.settings.items() if k in numbers})
            frozen = made.frozen and self.facts.holds(made.of, "learning")
            label = ("make", self.digest(made.of), given, [], frozen)
        return self.own(*label, children=[self.copies]) if self.facts.keeps(made) else self.pure(*label)

    # -- nodes of the program ---------------------------------------------------------------------------------------
    def region(self, region: Region) -> list[int]:
        """The values of a region; what it does in order is returned."""
        effects = []
        for node in region.nodes:
            effects += self.node(node)
        return effects

    def node(self, node: Node) -> list[int]:
        match node:
            case Apply():
                self.apply(node)
            case Call():
                self.call(node)
            case Draw():
                inputs = self.operands(node.inputs)
                kind = None if any(isinstance(i, int) for i in node.inputs) else self.type(node.outputs[0].type)
                drawn = self.own("draw", node.distribution, node.gradient, kind, children=[self.here, *inputs])
                self.define(node.outputs[0], drawn)
            case Repeat():
                self.repeat(node)
            case Minimize():
                over = self.all_in([*(self.made[m] for m in node.over), *self.operands(node.over_params)])
                settings = self.settings(node.settings)
                return [self.pure("minimize", node.optimizer, settings, children=[self.operand(node.loss), over])]
            case Update():
                return [self.pure("update", node.memory, children=[self.made[node.made], self.operand(node.operand)])]
            case Until():
                return [self.until(node)]
        return []

    def apply(self, node: Apply) -> None:
        children = self.operands(node.inputs)
        if node.op == "reverse_gradient" and len(children) == 1:
            children.append(self.pure("number", "1"))
        kind = None if any(isinstance(i, int) for i in node.inputs) else [self.type(v.type) for v in node.outputs]
        first = node.inputs[0] if node.inputs else None
        axes = _axes(node.axes, self.types.get(first) if isinstance(first, int) else None)
        label = ("apply", node.op, self.settings(node.settings), axes, kind)
        if node.made is not None:
            children.insert(0, self.made[node.made])
        if is_random(node):
            found = self.own(*label, children=[self.here, *children])
        else:
            found = self.pure(*label, children=children, unordered=_commutes(node))
        self.results(node.outputs, found, [str(i) for i in range(len(node.outputs))])

    def call(self, node: Call) -> None:
        of = self.facts.definitions[self.things[node.made].of]
        given = dict(zip((v.name for v in of.inputs), node.inputs))
        left_out = {v.name: v.default for v in of.inputs if v.default is not None and v.name not in given}
        children = [self.made[node.made]]
        for name in sorted(str(v.name) for v in of.inputs if v.name in given or v.name in left_out):
            if name in given:
                children.append(self.operand(given[name]))
            else:
                children.append(self.pure("number", self.setting(left_out[name])))
        if node.rides:
            found = self.own("step", children=[self.here, *children])
            self.steps[node.made] = found
            self.kept.append(found)
        elif self.facts.holds(of.name, "change"):
            before = [self.last_call[node.made]] if node.made in self.last_call else []
            found = self.own("call", "after" if before else "first", children=[self.here, *children, *before])
            self.last_call[node.made] = found
            self.kept.append(found)
        elif self.facts.holds(of.name, "chance"):
            found = self.own("call", children=[self.here, *children])
        else:
            found = self.pure("call", children=children)
        self.results(node.outputs, found, [o.name for o in of.outputs])

    def results(self, outputs: list[Value], node: int, names: list[str]) -> None:
        for value, name in zip(outputs, names):
            self.define(value, node if len(outputs) == 1 else self.pure("result", name, children=[node]))

    def repeat(self, node: Repeat) -> None:
        outer, copies = self.here, self.copies
        initial = [self.operand(c.initial) for c in node.carried]
        sliced = [self.operand(s.operand) for s in node.sliced]
        starts = [self.operands(o for _, o in sorted(r.initial.items())) for r in node.rides]
        lengths = [self.operand(node.lengths)] if node.lengths is not None else []
        frame = self.own("repeat", node.kind, self.number(node.count), node.reversed, children=[outer, *lengths])
        self.here, self.copies = frame, frame if node.kind == "stack" else copies
        hidden = self.enter_index(node.index, frame)
        for s, operand in zip(node.sliced, sliced):
            self.define(s.value, self.pure("slice", s.axis.index, children=[frame, operand]))
        carried = [self.own("carried", children=[frame, first]) for first in initial]
        for c, before in zip(node.carried, carried):
            self.define(c.value, before)
        self.declare(node.body)
        self.region(node.body)
        for c, before in zip(node.carried, carried):
            self.graph.children[before].append(self.operand(c.next))
        collected = [self.operand(k.operand) for k in node.collected]
        self.names, self.indices, self.here, self.copies = *hidden, outer, copies
        for c, before in zip(node.carried, carried):
            self.define(c.final, self.pure("last", children=[before]))
        for k, operand in zip(node.collected, collected):
            self.define(k.value, self.pure("all", k.axis.index, children=[frame, operand]))
        for r, start in zip(node.rides, starts):
            step = [self.steps[r.made]] if r.made in self.steps else []
            ride = self.own("ride", sorted(r.initial), children=[frame, self.made[r.made], *start, *step])
            self.kept.append(ride)
            for name, value in r.finals.items():
                self.define(value, self.pure("last", name, children=[ride]))

    def enter_index(self, index: str | None, frame: int) -> tuple[dict[str, Num], dict[str, int]]:
        """Names a stack's index by how deep it stands; returns the names before that."""
        before = (self.names, self.indices)
        if index is not None:
            self.names = {**self.names, index: Num.symbol(f"@{len(self.indices)}")}
            self.indices = {**self.indices, index: frame}
        return before

    def until(self, node: Until) -> int:
        outer = self.here
        frame = self.own("until", self.number(node.at_most), children=[outer])
        self.here = frame
        self.declare(node.body)
        effects = self.region(node.body)
        stable = self.all_in(self.pure("stable", name, children=[self.made[made]]) for made, name in node.stable)
        self.graph.children[frame] += [stable, *effects]
        self.here = outer
        return frame


def _sizes(definition: Definition) -> dict[str, Num]:
    """New names for the sizes that inputs introduce, by the order in which they first stand there."""
    known = {h.name for h in definition.hypers} | {"..."}
    found: dict[str, Num] = {}
    for value in sorted(definition.inputs, key=lambda v: str(v.name)):
        for size in value.type.shape:
            for symbol in sorted(size.symbols() - known - found.keys()):
                found[symbol] = Num.symbol(f"§{len(found)}")
    return found


def _axes(axes: Mapping[str, list[Axis]], of: Type | None) -> list[Any]:
    """Axes by position: from the start, or from the end where `...` comes before."""
    return [[name, [_position(a.index, of) for a in at]] for name, at in sorted(axes.items())]


def _position(index: int, of: Type | None) -> int:
    if of is None or not of.shape:
        return index
    from_start = index % len(of.shape)
    return from_start - len(of.shape) if ELLIPSIS in of.shape[:from_start] else from_start


def _commutes(node: Apply) -> bool:
    """Whether the figure does not tell the two operands apart, because they may be swapped."""
    op = OPS.get(node.op)
    return op is not None and len(node.inputs) == 2 and op.mark.shape == "circle" and not op.mark.ordered
