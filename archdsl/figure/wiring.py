"""One definition of the IR becomes one panel: its marks, the frames around them, and the wires between them.

In: a checked `Definition` and what its panel should say about the rest of the figure (`Context`). Out: a `Panel`, plain data without
places. A value that several marks read goes through a fork, a dot; a value that enters or leaves a repeat says how on its wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from archdsl.figure import marks, repeats, words
from archdsl.figure.board import Board
from archdsl.figure.marks import Holder, Placed
from archdsl.figure.scene import Frame, Mark, Panel, Wire, WireKind
from archdsl.figure.values import Held, Use, connect
from archdsl.figure.words import bold, number, type_text
from archdsl.ir.equal import with_equal_sizes
from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Call,
    Definition,
    Draw,
    Made,
    Memory,
    Minimize,
    Node,
    Operand,
    Param,
    Place,
    Region,
    Repeat,
    Ride,
    Until,
    Update,
)  # fmt: skip
from archdsl.ir.types import Type
from archdsl.ops import DISTRIBUTIONS, OPS, OPTIMIZERS
from archdsl.ops.base import REQUIRED, default_of


@dataclass
class Context:
    """What one panel needs to know of the whole figure."""

    definitions: Mapping[str, Definition]
    drawn: frozenset[str]
    """Definitions with a panel of their own."""
    holds_weights: frozenset[str]
    """Definitions with something in them that learns or could."""
    learns: frozenset[str]
    """Those of them in which not everything is frozen."""
    remembers: frozenset[str]
    """Definitions with a memory in them that their calls change."""
    keeps: frozenset[str]
    """Definitions that it makes a difference to use twice or to make twice."""
    writers: Mapping[tuple[str, str], Sequence[str]]
    """Who sets a memory from outside: the names of trains, by definition and memory."""
    tags: Mapping[tuple[str, int], str]
    """The letter of each made thing that is used more than once, by definition and id."""


def panel(definition: Definition, context: Context, title: list[str]) -> Panel:
    """The panel of a definition."""
    return _Builder(with_equal_sizes(definition), context).build(title)


class _Builder(Board):
    def __init__(self, definition: Definition, context: Context):
        super().__init__()
        self.definition, self.context = definition, context
        self.root = Frame("panel")
        self.made: dict[int, tuple[Made, Frame]] = {}
        self.params: dict[int, Param] = {}
        self.states: dict[int, Mark] = {}
        self.same: dict[int, int] = {}
        self.computed: dict[tuple[object, ...], Apply] = {}
        self.minimizes = repeats.count_minimizes(definition.body)
        self.effects = repeats.count_effects(definition.body)
        remembers = {m.id for r in _regions(definition.body) for m in r.made if m.of in context.remembers}
        self.turns = repeats.turns(definition.body, remembers)
        nodes = [n for r in _regions(definition.body) for n in r.nodes if isinstance(n, Apply)]
        self.shown = {n.made for n in nodes if n.op != "weight_of"}
        self.handed_on = repeats.handed_on(definition)
        self.done = 0
        self.training: Frame | None = None

    # -- the whole ----------------------------------------------------------------------------------------------
    def build(self, title: list[str]) -> Panel:
        d, root = self.definition, self.root
        self.at(d.place)
        root.line = self.line
        self.training = Frame("training", ["training"], parent=root) if self.minimizes else None
        for value in d.inputs:
            self.at(value.place)
            self.produce(value, self.add(root, marks.of_input(value)), root)
        delays = []
        for state in d.states:
            self.at(state.place)
            delays.append((state, self.add(root, marks.state_of(state))))
        for state, delay in delays:
            self.produce(state.value, delay, root)
        cylinders = []
        for memory in d.memories:
            self.at(memory.place)
            cylinders.append((memory, self.add(root, marks.of_memory(memory, self.writers(memory)))))
            self.produce(memory.value, cylinders[-1][1], root)
        self.declare(d.body, root)
        if d.initial:
            self.before(d.initial)
        for state, delay in delays:
            if isinstance(state.initial, int):
                self.read(
                    state.initial, Use(delay, kind="first", label=f"first {words.name(state.value.name or '')}"), root
                )
        self.nodes(d.body.nodes, root)
        for state, delay in delays:
            self.read(state.next, Use(delay, kind="return", label=words.name(state.value.name or "", True)), root)
        for memory, cylinder in cylinders:
            self.memory_wires(memory.initial, memory.next, memory.value.name or "", cylinder)
        for output in d.outputs:
            self.at(output.place)
            self.read(output.operand, Use(self.add(root, marks.of_output(output.name, output.type))), root)
        if self.training and self.training.marks:
            root.frames.append(self.training)
        return _numbered(Panel(d.name, title, root, connect(self.values, self.wires, root)))

    def at(self, place: Place | None) -> None:
        """The marks that are added next stand for what is written there."""
        self.line = place.line if place and not self.definition.library else 0

    def writers(self, memory: Memory) -> Sequence[str]:
        return self.context.writers.get((self.definition.name, memory.value.name or ""), ())

    def memory_wires(self, initial: object, update: Operand | None, name: str, cylinder: Mark) -> None:
        if isinstance(initial, int):
            self.read(initial, Use(cylinder, kind="first", label=f"first {words.name(name)}"), self.root)
        if update is not None:
            self.read(update, Use(cylinder, kind="return", label=f"{words.name(name, True)}, next call"), self.root)

    def before(self, nodes: Iterable[Apply]) -> None:
        """What is computed once, to start the states."""
        frame = Frame("before", ["before the first step"], parent=self.root)
        self.root.frames.append(frame)
        self.nodes(nodes, frame)

    # -- regions ------------------------------------------------------------------------------------------------
    def declare(self, region: Region, frame: Frame) -> None:
        self.made.update({m.id: (m, frame) for m in region.made})
        for param in region.params:
            self.at(param.place)
            self.params[param.value.id] = param
            self.produce(param.value, self.add(frame, marks.of_param(param)), frame)

    def nodes(self, nodes: Iterable[Node], frame: Frame) -> None:
        for node in nodes:
            self.at(node.place)
            match node:
                case Apply() | Call() | Draw():
                    self.node(node, frame)
                case Repeat():
                    self.repeat(node, frame)
                case Minimize():
                    self.minimize(node, frame)
                case Update():
                    self.update(node, frame)
                case Until():
                    self.until(node, frame)
                case _:
                    assert_never(node)

    def node(self, node: Apply | Call | Draw, frame: Frame) -> None:
        if isinstance(node, Apply) and self.already(node, frame):
            return
        placed = self.placed(node, frame)
        mark = self.add(frame, placed.mark)
        for operand, port in zip(node.inputs, placed.ports):
            if isinstance(node, Call) and operand == self.left_out(node, port):
                continue
            if isinstance(operand, int):
                gated = self.values[operand].gate
                kind: WireKind = "gate" if gated and isinstance(node, Apply) and node.op == "mul" else "data"
                turn = isinstance(node, Call) and id(node) in self.turns
                self.read(operand, Use(mark, port, kind, gated=gated, turn=turn), frame)
            elif isinstance(node, Call):
                self.read(operand, Use(mark, port), frame)
        given = {str(self.types[i]) for i in node.inputs if isinstance(i, int)}
        given |= {str(v.type) for v in node.outputs} if _says_type(node) else set()
        for i, value in enumerate(node.outputs):
            self.produce(value, mark, frame, i if mark.results else None, str(value.type) not in given)
        if _complement(node) and isinstance(node.inputs[1], int):
            self.values[node.outputs[0].id].gate |= self.values[node.inputs[1]].gate
        if isinstance(node, Call) and node.rides:
            self.delay_beside(node, mark, frame)

    def already(self, node: Apply, frame: Frame) -> bool:
        """Whether the same function of the same values is there: one mark then stands for both."""
        op = OPS.get(node.op)
        if op is None or op.has_weights or op.random or node.made is not None or any(v.gate for v in node.outputs):
            return False
        inputs = [f"value {self.same.get(i, i)}" if isinstance(i, int) else str(i) for i in node.inputs]
        if len(inputs) == 2 and op.mark.shape == "circle" and not op.mark.ordered:
            inputs.sort()
        key = (id(frame), node.op, tuple(inputs), str(node.settings), str(node.axes))
        before = self.computed.setdefault(key, node)
        if before is node:
            return False
        for value, same in zip(node.outputs, before.outputs):
            self.types[value.id] = same.type
            held = self.values[value.id] = self.values[same.id]
            held.name = min(filter(None, (held.name, self.name(value))), default="")
            self.same[value.id] = same.id
        return True

    def left_out(self, node: Call, port: int | None) -> Num | None:
        """The number that an input has when a call does not give it."""
        default = self.context.definitions[self.made[node.made][0].of].inputs[port or 0].default
        return Num.of(int(default)) if isinstance(default, bool) else default

    def placed(self, node: Apply | Call | Draw, frame: Frame) -> Placed:
        match node:
            case Apply():
                return marks.of_apply(node, OPS.get(node.op), self.types.__getitem__, self.about(node.made, frame))
            case Call():
                about = self.about(node.made, frame)
                assert about.made
                of = self.context.definitions[about.made.of]
                holds = of.name in self.context.holds_weights
                about.frozen |= holds and of.name not in self.context.learns
                if id(node) in self.turns:
                    about.notes = [*about.notes, f"{repeats.ordinal(self.turns[id(node)])} call"]
                return marks.of_call(node, of, about, holds, of.name in self.context.drawn)
            case Draw():
                known = DISTRIBUTIONS.get(node.distribution)
                names = known.parameters if known else [str(i + 1) for i in range(len(node.inputs))]
                types = [self.types[i] if isinstance(i, int) else Type() for i in node.inputs]
                usual = known.type(types, node.gradient) if known else None
                return marks.of_draw(node, names, usual)

    def about(self, made: int | None, frame: Frame) -> Holder:
        if made is None:
            return Holder()
        thing, home = self.made[made]
        keeps = bool(thing.weights) if thing.primitive else thing.of in self.context.keeps
        notes = _same_in_copies(frame, home) if keeps else []
        tag = self.context.tags.get((self.definition.name, made), "")
        return Holder(thing, tag, notes, thing.frozen, made in self.shown)

    # -- state that rides on a repeat, or on a cell ---------------------------------------------------------------
    def delay_beside(self, node: Call, mark: Mark, frame: Frame) -> None:
        of = self.context.definitions[self.made[node.made][0].of]
        names = repeats.state_names(of, self.context.definitions)
        delay = self.states.get(node.made)
        if delay is None:
            delay = marks.of_states(names)
            self.states[node.made] = delay
        if delay not in frame.all_marks():
            self.add(frame, delay)
        self.wires.append(Wire(delay, mark, beside=True))
        primed = "<BR/>".join(marks.in_rows(names, handed_on=True))
        self.wires.append(Wire(mark, delay, "return", label=primed, beside=True))

    # -- repeats ------------------------------------------------------------------------------------------------
    def repeat(self, node: Repeat, outer: Frame) -> None:
        frame = Frame(node.kind, repeats.heading(node, self.definition, self.types), parent=outer, line=self.line)
        outer.frames.append(frame)
        for s in node.sliced:
            twin = next((t for t in node.sliced if (t.operand, t.axis.index) == (s.operand, s.axis.index)), s)
            if twin is not s:  # the same slices under two names
                self.types[s.value.id], self.values[s.value.id] = s.value.type, self.values[twin.value.id]
                self.values[s.value.id].dot &= repeats.unread(node, s.value.id)
                continue
            at = words.axis(s.axis, self.types[s.operand] if isinstance(s.operand, int) else None)
            at = words.position(s.axis) if repeats.slices_differ(node) else at
            held = self.enter(s.value, s.operand, frame, outer, f"each {at}:<BR/>{type_text(s.value.type)}")
            held.dot |= repeats.unread(node, s.value.id)
        if isinstance(node.lengths, int):
            self.lengths(node.lengths, frame, outer)
        delays = []
        for c in node.carried:
            if c in repeats.straight(node):
                held = self.enter(c.value, c.initial, frame, outer, repeats.enters(node, c.name))
                held.first = bool(held.type)
                held.dot |= repeats.unread(node, c.value.id)
                continue
            first = number(c.initial) if isinstance(c.initial, Num) else ""
            delay = self.add(frame, marks.of_state(c.name, c.value.type if first else None, first))
            delays.append((c, delay))
            self.produce(c.value, delay, frame)
            if isinstance(c.initial, int):
                self.read(c.initial, Use(delay, kind="first", label=f"first {words.name(c.name)}"), outer)
        self.declare(node.body, frame)
        for ride in node.rides:
            self.states.pop(ride.made, None)  # the same cell in another scan has a delay of its own
            self.start_elsewhere(ride, frame, outer)
        self.nodes(node.body.nodes, frame)
        self.at(node.place)
        for c, delay in delays:
            self.read(c.next, Use(delay, kind="return", label=words.name(c.name, True)), frame)
        self.hand_out(node, frame, outer)

    def start_elsewhere(self, ride: Ride, frame: Frame, outer: Frame) -> None:
        """The delay of a cell whose state starts with a value from outside."""
        if not ride.initial:
            return
        of = self.context.definitions[self.made[ride.made][0].of] if ride.made in self.made else None
        names = repeats.state_names(of, self.context.definitions) if of else list(ride.initial)
        delay = self.add(frame, marks.of_states(names))
        self.states[ride.made] = delay
        for name, operand in ride.initial.items():
            if isinstance(operand, Num):
                delay.lines.append(words.small(f"first {words.name(name)} {number(operand)}"))
            else:
                self.read(operand, Use(delay, kind="first", label=f"first {words.name(name)}"), outer)

    def hand_out(self, node: Repeat, frame: Frame, outer: Frame) -> None:
        """What leaves a repeat: what was handed on last, and what was collected."""
        for c in node.carried:
            held = self.leave(c.final, c.next, frame, outer, repeats.leaves(node, c))
            held.ends = c in repeats.straight(node)
        for k in node.collected:
            along = words.axis(k.axis, k.value.type) if node.kind == "scan" else repeats.PASSES[node.kind]
            along = words.position(k.axis) if repeats.slices_differ(node) else along
            self.leave(k.value, k.operand, frame, outer, f"all {along}:<BR/>{type_text(k.value.type)}")
        for ride in node.rides:
            for name, value in ride.finals.items():
                mark = next(w.tail for w in reversed(self.wires) if w.beside and w.head is self.states[ride.made])
                self.types[value.id] = value.type
                self.values[value.id] = Held(outer, mark, part=f"last {words.name(name, True)}")

    # -- learning -----------------------------------------------------------------------------------------------
    def minimize(self, node: Minimize, frame: Frame) -> None:
        assert self.training
        order = self.order()
        known = OPTIMIZERS.get(node.optimizer)
        defaults = (
            {k: default_of(v) for k, v in known.settings.items() if v is not REQUIRED and k != "lr"} if known else {}
        )
        home = self.training if frame is self.root else frame
        objective = self.add(home, marks.of_minimize(node, order, defaults))
        self.read(node.loss, Use(objective), frame)
        for target in self.targets(node):
            self.wires.append(Wire(objective, self.add(home, target), "updates", label="updates"))

    def order(self) -> str:
        """The number of what is done next, where several things are done and their order counts."""
        self.done += 1
        return f"{self.done}. " if self.effects > 1 else ""

    def update(self, node: Update, frame: Frame) -> None:
        """A part's memory that a train writes."""
        home = self.training if self.training and frame is self.root else frame
        cylinder = self.add(home, marks.of_update(self.made[node.made][0].name, node.memory, self.order()))
        self.read(
            node.operand, Use(cylinder, kind="return", label=f"{words.name(node.memory, True)}, next call"), frame
        )

    def targets(self, node: Minimize) -> list[Mark]:
        found = []
        for thing, _ in (self.made[i] for i in node.over):
            found.append(
                Mark(
                    "weights",
                    [f"{bold(words.name(thing.name))}"],
                    tag=self.context.tags.get((self.definition.name, thing.id), ""),
                )
            )
        for value in node.over_params:
            found.append(Mark("weights", [bold(words.name(self.params[value].value.name or "param"))]))
        return found or [Mark("weights", ["all that learns"])]

    def until(self, node: Until, outer: Frame) -> None:
        made = {m.id: m for r in _regions(self.definition.body) for m in r.made}
        parts = [f"{words.name(made[m].name)}." if made[m].named else "" for m, _ in node.stable]
        names = ", ".join(f"{part}{words.name(n)}" for part, (_, n) in zip(parts, node.stable))
        head = f"{self.order()}{bold(f'↻ until {names} stable')}"
        frame = Frame("until", [head, f"at most {number(node.at_most)} calls"], parent=outer, line=self.line)
        outer.frames.append(frame)
        self.declare(node.body, frame)
        self.nodes(node.body.nodes, frame)


def _regions(region: Region) -> Iterator[Region]:
    yield region
    for node in region.nodes:
        if isinstance(node, (Repeat, Until)):
            yield from _regions(node.body)


def _same_in_copies(frame: Frame, home: Frame) -> list[str]:
    """What is said of weights that are used in a stack and made outside of it, or outside of some of several stacks."""
    around, crossed, at = 0, 0, frame
    while at.parent is not None:
        around += at.kind == "stack"
        at = at.parent
    at = frame
    while at is not home and at.parent is not None:
        crossed += at.kind == "stack"
        at = at.parent
    if not crossed:
        return []
    inner = "" if crossed == around else " of the inner stack" if crossed == 1 else f" of the inner {crossed} stacks"
    return [f"the same in every copy{inner}"]


def _says_type(node: Apply | Call | Draw) -> bool:
    """Whether the mark itself bears its type."""
    return (isinstance(node, Apply) and node.op == "weight_of") or (
        isinstance(node, Draw) and not any(isinstance(i, int) for i in node.inputs)
    )


def _complement(node: Apply | Call | Draw) -> bool:
    return isinstance(node, Apply) and node.op == "sub" and node.inputs[0] == Num.of(1)


def _numbered(result: Panel) -> Panel:
    for i, mark in enumerate(result.root.all_marks()):
        mark.id = f"m{i}"
    for i, frame in enumerate(result.root.all_frames()):
        frame.id = f"f{i}"
    return result
