"""Where things stand in a definition of the IR: operands with what else could stand there, bodies, nodes. For `tests/mutate.py`."""

from __future__ import annotations

import random
from dataclasses import dataclass

from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Call,
    Data,
    Definition,
    Draw,
    Fill,
    Minimize,
    Node,
    Operand,
    Region,
    Repeat,
    Update,
    Value,
)
from archdsl.ir.regions import regions
from archdsl.ir.types import Type


@dataclass
class Slot:
    """A place where an operand stands, and the values that could stand there."""

    holder: list[Operand] | dict[str, Operand] | Data
    key: int | str
    scope: list[Value]
    node: str = ""
    """The kind of the node whose operand it is, if it is one's."""

    def get(self) -> Operand:
        return getattr(self.holder, self.key) if isinstance(self.holder, Data) else self.holder[self.key]  # type: ignore

    def put(self, operand: Operand) -> None:
        if isinstance(self.holder, Data):
            setattr(self.holder, str(self.key), operand)
        else:
            self.holder[self.key] = operand  # type: ignore


def slots(d: Definition) -> list[Slot]:
    """Every operand of a definition."""
    found: list[Slot] = []
    scope = [*d.inputs, *(s.value for s in d.states), *(m.value for m in d.memories)]

    def region(body: Region, scope: list[Value]) -> list[Value]:
        scope = scope + [p.value for p in body.params]
        for node in body.nodes:
            if isinstance(node, (Apply, Call, Draw)):
                found.extend(Slot(node.inputs, i, scope, node.kind) for i in range(len(node.inputs)))
                scope = scope + node.outputs
            elif isinstance(node, Repeat):
                found.extend(Slot(s, "operand", scope, "sliced") for s in node.sliced)
                if node.lengths is not None:
                    found.append(Slot(node, "lengths", scope))
                found.extend(Slot(c, "initial", scope, "carried") for c in node.carried)
                found.extend(Slot(r.initial, name, scope) for r in node.rides for name in r.initial)
                inside = region(node.body, scope + [v.value for v in (*node.sliced, *node.carried)])
                found.extend(Slot(c, "next", inside) for c in node.carried)
                found.extend(Slot(c, "operand", inside) for c in node.collected)
                scope = scope + [c.final for c in node.carried] + [c.value for c in node.collected]
                scope = scope + [v for r in node.rides for v in r.finals.values()]
            elif isinstance(node, (Minimize, Update)):
                found.append(Slot(node, "loss" if isinstance(node, Minimize) else "operand", scope, node.kind))
            else:
                region(node.body, scope)
        return scope

    last = region(d.body, scope)
    found += [Slot(s, "next", last) for s in d.states] + [Slot(o, "operand", last) for o in d.outputs]
    before = [p.value for p in d.body.params] + [v for n in d.initial for v in n.outputs]
    found += [Slot(s, "initial", before) for s in d.states]
    for node in d.initial:
        found += [Slot(node.inputs, i, [p.value for p in d.body.params], "initial") for i in range(len(node.inputs))]
    found += [Slot(m, "initial", [*d.inputs, *before]) for m in d.memories if not isinstance(m.initial, Fill)]
    found += [Slot(m, "next", last) for m in d.memories if m.next is not None]
    return found


def nodes(d: Definition, *kinds: type) -> list[Node]:
    return [n for r in regions(d.body) for n in r.nodes if isinstance(n, kinds)]


def types(d: Definition) -> dict[int, Type]:
    return {v.id: v.type for s in slots(d) for v in s.scope}


def pick(chance: random.Random, found: list) -> object | None:  # type: ignore[type-arg]
    return chance.choice(found) if found else None


def kind(operand: Operand, kinds: dict[int, Type]) -> object:
    return kinds.get(operand) if isinstance(operand, int) else "number"


def changed(value: object) -> object:
    """Another flag, another number."""
    return not value if isinstance(value, bool) else value + Num.of(3) if isinstance(value, Num) else value


NEUTRAL = {
    **dict.fromkeys(("Value.id", "Input.id", "Made.id", "Ride.made", "Call.rides", "Apply.kind", "Call.kind", "Draw.kind", "Minimize.kind",
                     "Update.kind", "Until.kind", "Program.version"), "the IR's own"),
    **dict.fromkeys(("Place.file", "Place.line", "Place.column", "Place.end_line", "Place.end_column", "Program.file", "Definition.doc",
                     "Definition.source_name", "Definition.library", "Program.entries"), "where and how it is written"),
    **dict.fromkeys((f"{c}.place" for c in ("Made", "Input", "Output", "Param", "Memory", "State", "Apply", "Call", "Draw", "Repeat", "Minimize", "Update", "Until",
                                            "Constraint", "Definition")), "where it is written"),
    **dict.fromkeys(("Made.name", "Made.named", "Made.alias", "Minimize.name", "Carried.name", "Collected.name", "Repeat.index"), "a local name"),
    **dict.fromkeys(("Value.gate", "Input.gate", "Constraint.number", "Constraint.must", "Comparison.left", "Comparison.op", "Comparison.right",
                     "Condition.any_of", "Condition.outcome", "Condition.name", "Definition.conditions", "Definition.constraints",
                     "Definition.chosen"), "a claim, checked already, or what a variant was chosen by"),
    **dict.fromkeys(("Made.primitive", "Made.sizes", "Made.weights", "Apply.outputs", "Call.outputs", "Draw.outputs", "Output.type", "Config.same",
                     "Definition.sizes", "Carried.value", "Carried.final", "Sliced.value", "Collected.value", "Collected.axis"),
                    "follows from the rest"),
}  # fmt: skip
"""Fields of the IR that no change of meaning is in, and why."""
