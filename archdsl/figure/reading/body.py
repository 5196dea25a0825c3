"""One panel becomes one definition of a program: its statements, in an order in which each value is there before it is read.

In: a panel with canonical text, the signatures of all. Out: lines of text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from archdsl.figure.reading import expressions, marks, words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.expressions import Expression
from archdsl.figure.reading.graph import REPEATS, Graph, Value
from archdsl.figure.reading.marks import Use
from archdsl.figure.reading.names import Names
from archdsl.figure.reading.order import Item, in_order
from archdsl.figure.reading.parts import Parts
from archdsl.figure.reading.titles import Signature, titled
from archdsl.figure.scene import Frame, Mark, Panel, Wire

LONGEST = 90
"""An expression this long gets a name."""


class Body:
    """The statements of one definition."""

    def __init__(self, panel: Panel, signature: Signature, all_of: Mapping[str, Signature]):
        self.panel, self.signature, self.all_of = panel, signature, all_of
        self.graph = Graph(panel)
        every = panel.root.all_marks()
        self.params = {id(m) for m in every if m.kind in ("weights", "frozen") and self.is_param(m)}
        applied = [m for m in every if m.kind in _APPLIED and not self.is_target(m) and id(m) not in self.params]
        self.uses: dict[int, Use] = {id(m): marks.read(m) for m in applied}
        self.names = Names(self.graph, signature)
        self.text: dict[int, Expression] = {}
        self.order: dict[int, list[Mark]] = {}
        """The marks of each body in the order of their statements."""
        self.handed: dict[int, str] = {}
        """States that a value is handed on to, by the value's id."""
        self.count_readers()
        self.claim_names()
        self.parts = Parts(self.graph, self.uses, all_of, self.names)

    # -- what marks are ---------------------------------------------------------------------------------------------
    def is_target(self, mark: Mark) -> bool:
        """Whether a mark only says what a minimize updates."""
        return any(w.kind == "updates" for w in self.graph.ins.get(id(mark), []))

    def is_param(self, mark: Mark) -> bool:
        return not self.is_target(mark) and any(line.startswith("starts ") for line in mark.lines)

    def count_readers(self) -> None:
        """Follow every wire, so that each value knows who reads it."""
        for wire in self.panel.wires:
            rides = (wire.kind == "data" and self.graph.rides(wire.tail)) or (
                wire.kind == "return" and self.graph.rides(wire.head)
            )
            if wire.kind != "updates" and not rides:
                value = self.graph.brought(wire)
                if wire.head.kind != "fork" and wire.head.lines != ["unused"]:
                    value.readers.append(self.graph.target(wire))
                    value.into.append(wire.head)
        for frame in self.panel.root.all_frames():
            inside = self.graph.inside[id(frame)]
            outer = self.graph.parent[id(frame)]
            for value in [*inside.slices, *inside.carries.values()]:
                if value.of and outer:
                    value.of.readers.append(outer)
            finals = {v.text for v in inside.results if v.kind == "final"}
            for delay in self.graph.delays(frame):
                back = [w for w in self.graph.ins.get(id(delay), []) if w.kind == "return"]
                if words.name(delay.lines[0]) in finals:
                    for wire in back:
                        self.graph.brought(wire).readers.append(frame)
            if inside.lengths and outer:
                inside.lengths.readers.append(outer)
            for value in [*inside.collected, *inside.nexts.values()]:
                value.readers.append(frame)
        forks = [m for m in self.panel.root.all_marks() if m.kind == "fork"]
        self.forked = {id(self.graph.made(m, None)) for m in forks}
        """What a dot passes on; if it has a name, its arrow says it."""
        told = self.names.told()
        for value in list(self.graph.values.values()):
            value.name = told.get(id(value), "")
        wires = [w for w in self.panel.wires if w.kind in ("data", "gate") and w.head.kind != "fork"]
        self.gates = {id(self.graph.brought(w)) for w in wires if w.kind == "gate" or self.names.on(w)}

    def claim_names(self) -> None:
        """Inputs, parameters, states and memories are called as the figure says."""
        for frame in self.panel.root.all_frames():
            for mark in frame.marks:
                if (
                    id(mark) in self.params
                    or (mark.kind == "memory" and not self.is_update(mark))
                    or mark.kind == "input"
                ):
                    self.names.claim(titled(mark)[0], frame, self.graph.made(mark, None).readers)
            for delay in self.graph.delays(frame):
                name, readers = words.name(delay.lines[0]), list(self.graph.made(delay, None).readers)
                for wire in self.graph.ins.get(id(delay), []):
                    readers += self.graph.brought(wire).readers if wire.kind == "return" else []
                if frame.kind == "panel":
                    self.names.claim(name, frame, readers)
                else:
                    self.name_value(delay, None, self.names.choose(name, frame, readers))
        for value in self.graph.values.values():
            if value.kind == "ride" and value.frame is not None:
                self.names.claim(value.text, value.frame, [])

    # -- text of values -----------------------------------------------------------------------------------------------
    def read(self, value: Value) -> Expression:
        """The expression that stands for a value where it is read."""
        if value.kind == "number":
            return expressions.number(value.text)
        if id(value) not in self.text:
            mark = value.mark
            if value.kind == "mark" and mark and self.graph.home[id(mark)].kind == "before":
                return self.expression(mark)
            raise Unreadable(f"a value of {self.panel.name} is read before it is there")
        return self.text[id(value)]

    def wires(self, mark: Mark, *kinds: str) -> list[Wire]:
        found = [w for w in self.graph.ins.get(id(mark), []) if w.kind in (kinds or ("data", "gate"))]
        return [
            w for w in found if not (w.tail.kind == "state" and self.graph.rides(w.tail) and self.cell(w.tail) is mark)
        ]

    def cell(self, delay: Mark) -> Mark:
        return self.graph.outs[id(delay)][0].head

    def operands(self, mark: Mark) -> list[Expression | None]:
        """What a mark reads, by position."""
        use = self.uses[id(mark)]
        found: dict[int, Expression] = {i: expressions.number(t) for i, t in use.numbers.items()}
        for wire in self.wires(mark):
            at = use.position(wire.head_port)
            if at in found and wire.head_port is None and not use.numbers:
                at = max(found) + 1
            if at in found:
                raise Unreadable(f"two values enter one port in {self.panel.name}")
            found[at] = self.read(self.graph.brought(wire))
        return [found.get(i) for i in range(max(found, default=-1) + 1)]

    def expression(self, mark: Mark) -> Expression:
        """What a mark computes."""
        use = self.uses[id(mark)]
        part = self.parts.name(mark)
        if use.weight:
            return Expression(f"{part or self.parts.maker(mark)}.{use.weight}")
        if not use.definition:
            return expressions.of_primitive(use, self.operands(mark), part)
        given = self.operands(mark)
        named: dict[str, str] = {}
        of = self.all_of.get(use.definition)
        if (of and len(given) < len(of.ports)) or None in given:
            places = use.names or list(of.ports if of else [])
            named = (
                {places[i]: self.flag(of, places[i], g) for i, g in enumerate(given) if g is not None}
                if None in given
                else {}
            )
        first = [g for g in given if g is not None] if not named else []
        if of and use.names:
            first = [Expression(self.flag(of, n, g)) if g.text in ("0", "1") else g for n, g in zip(use.names, first)]
        return expressions.applied(part or self.parts.maker(mark), first, bool(part), named)

    def flag(self, of: Signature | None, port: str, given: Expression) -> str:
        """A number that stands for true or false at an input that takes one."""
        takes = of.ports[port].type.dtype if of and port in of.ports else ""
        return {"0": "false", "1": "true"}.get(given.text, given.text) if takes == "bool" else given.text

    # -- statements ---------------------------------------------------------------------------------------------------
    def lines(self) -> list[str]:
        """The whole definition."""
        s = self.signature
        found = [f'"""{s.doc}"""'] if s.doc else []
        found.append(f"{s.head()} {{")
        for port in s.ports.values():
            found.append(f"  input {port}")
        for mark in self.panel.root.marks:
            if mark.kind == "input":
                self.name_value(mark, None, titled(mark)[0])
        found += [f"  {line}" for line in self.region(self.panel.root)]
        outputs = [m for m in self.panel.root.marks if m.kind == "output"]
        outputs.sort(key=lambda m: s.outputs.index(titled(m)[0]))
        found += [f"  {self.output(m)}" for m in outputs]
        return [*found, *(f"  {c}" for c in s.configs), "}"]

    def output(self, mark: Mark) -> str:
        wires = self.wires(mark)
        if len(wires) != 1:
            raise Unreadable(f"the output {titled(mark)[0]} of {self.panel.name} has {len(wires)} arrows")
        value = self.read(self.graph.brought(wires[0]))
        name = titled(mark)[0]
        if value.text == name:
            return f"output {name}"
        if len(value.chain) > 2 and value.chain[0].isidentifier():  # `r.a -> f` would start like `r.a' = …`
            return f"{value.best} -> output {name}"
        return f"output {name} = {value.best}"

    def name_value(self, mark: Mark, port: int | None, name: str) -> None:
        self.text[id(self.graph.made(mark, port))] = Expression(name)

    def region(self, frame: Frame) -> list[str]:
        """The statements of a body, without its inputs and outputs."""
        found = self.parts.declared(frame)
        self.find_handed(frame)
        for item in in_order(self.graph, frame, self.uses, self.params, self.signature.states):
            if isinstance(item, Mark):
                self.order.setdefault(id(frame), []).append(item)
            found += self.item(item, frame)
        return [*found, *self.hand_on(frame)]

    def find_handed(self, frame: Frame) -> None:
        """Values made in this very body that a state of it gets."""
        for name, value in self.nexts(frame):
            made_here = (
                value.kind in ("mark", "final", "all", "ride") and value.home is frame and id(value) not in self.text
            )
            holds = (value.mark is not None and value.mark.kind in ("state", "memory", "input")) or bool(
                value.mark and id(value.mark) in self.params
            )
            told = value.name == name or (not value.name and id(value) not in self.forked)
            if made_here and told and not holds and id(value) not in self.handed and not self.is_gate(value):
                self.handed[id(value)] = name

    def nexts(self, frame: Frame) -> Iterator[tuple[str, Value]]:
        """The states of a body with what they get."""
        for mark in frame.marks:
            if mark.kind == "memory" and self.is_update(mark):
                continue
            if mark.kind == "memory" or (mark.kind == "state" and not self.graph.rides(mark)):
                back = [w for w in self.graph.ins.get(id(mark), []) if w.kind == "return"]
                if mark.kind == "state" and len(back) != 1:
                    raise Unreadable(
                        f"the state {words.unmarked(mark.lines[0])} of {self.panel.name} gets {len(back)} values"
                    )
                name = (
                    self.text[id(self.graph.made(mark, None))].text
                    if mark.kind == "state" and frame.kind != "panel"
                    else words.name(mark.lines[0])
                )
                yield from ((name, self.graph.brought(w)) for w in back)
        inside = self.graph.inside[id(frame)]
        for name, value in inside.nexts.items():
            if name in inside.carries:
                yield self.text[id(inside.carries[name])].text, value

    def hand_on(self, frame: Frame) -> list[str]:
        """What states get, where no statement has given it yet."""
        found = []
        for name, value in self.nexts(frame):
            text = self.read(value)
            if text.text != f"{name}'":
                found.append(f"{name}' = {text.best}")
        return found

    def is_update(self, mark: Mark) -> bool:
        return mark.kind == "memory" and "." in words.unmarked(mark.lines[0])

    def is_gate(self, value: Value) -> bool:
        """Whether a value is drawn as a gate, and is no gate's complement."""
        if value.kind != "mark" or value.mark is None or value.mark.kind in ("input", "state", "memory"):
            return False
        return id(value) in self.gates and value.mark.lines[0] != "1 − □"

    def item(self, item: Item, frame: Frame) -> list[str]:
        """The statements of a mark or a frame."""
        if isinstance(item, Frame):
            from archdsl.figure.reading.repeats import repeat, until

            return (until if item.kind == "until" else repeat)(self, item, frame)
        if id(item) in self.params:
            return [self.param(item)]
        match item.kind:
            case "state":
                return [self.state(item)]
            case "memory":
                return [self.update(item) if self.is_update(item) else self.memory(item)]
            case "objective":
                return self.minimize(item)
            case "draw":
                value = self.graph.made(item, None)
                if id(value) in self.handed:
                    name = f"{self.handed[id(value)]}'"
                else:
                    name = self.names.choose(value.name, frame, value.readers)
                self.name_value(item, None, name)
                return [f"{name} ~ {expressions.drawn(self.uses[id(item)], self.operands(item))}"]
        return self.computed(item, frame)

    def computed(self, mark: Mark, frame: Frame) -> list[str]:
        """A mark that computes: a statement, or an expression for its only reader."""
        if mark.results:
            return self.several(mark)
        value, expression = self.graph.made(mark, None), self.expression(mark)
        return self.bind(value, expression, frame, self.uses[id(mark)].turn > 0)

    def bind(self, value: Value, expression: Expression, frame: Frame, named: bool = False) -> list[str]:
        """Give a value a name, or let its one reader take the expression."""
        gate = self.is_gate(value)
        if id(value) in self.handed:
            name = self.handed[id(value)]
            self.text[id(value)] = Expression(f"{name}'")
            return [f"{name}' = {expression.best}"]
        kinds = {m.kind for m in value.into}
        if not value.readers and self.signature.kind == "train":
            return [expression.text]
        if not gate and not named and self.is_short(value, expression, frame):
            self.text[id(value)] = expression
            return []
        losses = [self.names.minimized[m] for m in value.into if m.kind == "objective"]
        if losses and (kinds == {"objective"} or value.name in losses):
            name = value.name if value.name in losses else losses[0]
        else:
            name = self.names.choose(value.name, frame, value.readers)
        self.text[id(value)] = Expression(name)
        return [f"{'gate ' if gate else ''}{name} = {expression.best}"]

    def is_short(self, value: Value, expression: Expression, frame: Frame) -> bool:
        """Whether a value is read once, in this body, and its expression may stand there."""
        if len(value.readers) != 1 or value.readers[0] is not frame:
            return False
        reader = value.into[0].kind if value.into else ""
        if reader == "output":
            return True
        return reader != "objective" and len(expression.text) <= (24 if value.name else LONGEST)

    def several(self, mark: Mark) -> list[str]:
        """A mark with several results: all are named."""
        expression = self.expression(mark)
        values = [self.graph.made(mark, i) for i in range(len(mark.results))]
        if not any(v.readers for v in values) and self.signature.kind == "train":
            return [expression.text]
        if self.uses[id(mark)].definition and not any(v.name for v in values):
            whole = self.names.choose("", values[0].home, [r for v in values for r in v.readers])
            for value, name in zip(values, mark.results):
                self.text[id(value)] = Expression(f"{whole}.{words.name(name)}")
            return [f"{whole} = {expression.text}"]
        named = [self.names.choose(v.name, v.home, v.readers) for v in values]
        for value, name in zip(values, named):
            self.text[id(value)] = Expression(name)
        return [f"{', '.join(named)} = {expression.text}"]

    # -- what holds values ----------------------------------------------------------------------------------------------
    def param(self, mark: Mark) -> str:
        name, kind, rest = titled(mark)
        self.name_value(mark, None, name)
        start = next(line.removeprefix("starts ") for line in rest if line.startswith("starts "))
        frozen = "frozen " if mark.kind == "frozen" else ""
        return f"{frozen}param {name}: {kind} = {words.fill(start)}"

    def first(self, mark: Mark) -> str:
        """The first value of a state or memory."""
        said = [line.removeprefix("first ") for line in mark.lines[1:] if line.startswith("first ")]
        wires = self.wires(mark, "first")
        if len(said) + len(wires) != 1:
            raise Unreadable(
                f"{words.unmarked(mark.lines[0])} of {self.panel.name} has {len(said) + len(wires)} first values"
            )
        return words.fill(said[0]) if said else self.read(self.graph.brought(wires[0])).text

    def state(self, mark: Mark) -> str:
        name = words.name(mark.lines[0])
        if self.graph.home[id(mark)].kind == "panel":
            self.name_value(mark, None, name)
        else:
            name = self.text[id(self.graph.made(mark, None))].text
        kind = next((str(k) for k in map(words.type_of, mark.lines[1:]) if k), "")
        return f"state {name}{f': {kind}' if kind else ''} = {self.first(mark)}"

    def memory(self, mark: Mark) -> str:
        name, kind, _ = titled(mark)
        self.name_value(mark, None, name)
        return f"memory {name}: {kind} = {self.first(mark)}"

    # -- learning -------------------------------------------------------------------------------------------------------
    def update(self, mark: Mark) -> str:
        part, _, memory = words.unmarked(re.sub(r"^\d+\. ", "", mark.lines[0])).partition(".")
        name = self.names.memory(mark.lines[0])
        wires = self.wires(mark, "return")
        if len(wires) != 1 or not memory:
            raise Unreadable(f"the update of {part} in {self.panel.name} has {len(wires)} values")
        return f"{name}' = {self.read(self.graph.brought(wires[0])).best}"

    def minimize(self, mark: Mark) -> list[str]:
        loss = words.name(words.unmarked(mark.lines[0]).rpartition(" ")[2])
        optimizer = mark.lines[1].removeprefix("with ")
        options = [words.option(t) for line in mark.lines[2:] for t in words.split(line)]
        given = [f"{o.key} = {words.value(o.text) if o.text else str(o.flag).lower()}" for o in options if o]
        over = [
            words.name(w.head.lines[0])
            for w in self.graph.outs.get(id(mark), [])
            if w.head.lines != ["all that learns"]
        ]
        wires = self.wires(mark)
        if len(wires) != 1:
            raise Unreadable(f"a minimize of {self.panel.name} has {len(wires)} losses")
        value = self.graph.brought(wires[0])
        found: list[str] = []
        if self.read(value).text != loss:
            found.append(f"{loss} = {self.read(value).best}")
        targets = f" over {', '.join(sorted(over))}" if over else ""
        return [*found, f"minimize {loss}{targets} with {optimizer}" + (f"({', '.join(given)})" if given else "")]


_APPLIED = ("weights", "frozen", "function", "circle", "attention", "draw", "gradient")
Maker = Callable[[Mark], str]
__all__ = ["REPEATS", "Body", "Sequence"]
