"""One panel becomes one definition of a program: its statements, in an order in which each value is there before it is read.

In: a panel with canonical text, the signatures of all. Out: lines of text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.figure.reading import expressions, holds, marks, survey, words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.expressions import Expression
from archdsl.figure.reading.graph import Graph, Value
from archdsl.figure.reading.names import Names
from archdsl.figure.reading.order import Item, in_order
from archdsl.figure.reading.parts import Parts
from archdsl.figure.reading.titles import Signature, titled
from archdsl.figure.reading.uses import Use
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
        self.gates: set[int] = set()
        """Values that are drawn as gates."""
        self.named: set[int] = set()
        """Values whose names the figure says, by id."""
        self.forked: set[int] = set()
        """What a dot passes on; if it has a name, its arrow says it."""
        survey.count_readers(self)
        survey.claim_names(self)
        self.parts = Parts(self.graph, self.uses, all_of, self.names)

    # -- what marks are ---------------------------------------------------------------------------------------------
    def is_target(self, mark: Mark) -> bool:
        """Whether a mark only says what a minimize updates."""
        return any(w.kind == "updates" for w in self.graph.ins.get(id(mark), []))

    def is_param(self, mark: Mark) -> bool:
        return not self.is_target(mark) and any(line.startswith("starts ") for line in mark.lines)

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
            return [holds.param(self, item)]
        match item.kind:
            case "state":
                return [holds.state(self, item)]
            case "memory":
                return [holds.update(self, item) if self.is_update(item) else holds.memory(self, item)]
            case "objective":
                return holds.minimize(self, item)
            case "draw":
                value = self.graph.made(item, None)
                state = self.handed.get(id(value))
                name = f"{state}'" if state else self.names.choose(value.name, frame, value.readers)
                self.name_value(item, None, name)
                return [f"{name} ~ {expressions.drawn(self.uses[id(item)], self.operands(item))}"]
        return self.computed(item, frame)

    def computed(self, mark: Mark, frame: Frame) -> list[str]:
        """A mark that computes: a statement, or an expression for its only reader."""
        if mark.results:
            return self.several(mark)
        value, expression, use = self.graph.made(mark, None), self.expression(mark), self.uses[id(mark)]
        first = not use.weight and self.parts.name(mark) in self.parts.taken
        return self.bind(value, expression, frame, use.turn > 0 or first)

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
        return reader != "objective" and id(value) not in self.named and len(expression.text) <= LONGEST

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


_APPLIED = ("weights", "frozen", "function", "circle", "attention", "draw", "gradient")
