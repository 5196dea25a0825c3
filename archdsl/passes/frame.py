"""The workplace of a definition: a `Frame` for the definition, a `Block` for each of its regions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from archdsl import errors
from archdsl.diagnostics import Diagnostic
from archdsl.ir.naming import snake
from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Condition, Constraint, Must, Node, Operand, Param, Region, Ride, Setting, Value
from archdsl.ir.types import Type
from archdsl.ops.base import ANYTHING, Interval
from archdsl.passes.entities import DefinitionRef, Entity, Maker, Part, Static, Tensor
from archdsl.source import Span
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.passes.session import Session


class Failed(Exception):
    """A statement cannot be made; what is wrong has been reported."""


def breaks(number: Num, must: Must) -> bool:
    """Whether a known number is not what it must be."""
    match must:
        case "whole":
            return not number.is_integer
        case "positive":
            return number.value <= 0
        case "at least 0":
            return number.value < 0
        case "at most 1":
            return number.value > 1
        case "less than 1":
            return number.value >= 1


def words(must: Must) -> str:
    """What a number must be, for a message."""
    return "greater than 0" if must == "positive" else must


@dataclass
class StateInfo:
    """A state, memory or carried input while its body is being made."""

    name: str
    value: Value
    initial: Operand
    span: Span
    next: Tensor | None = None


@dataclass
class Frame:
    """A definition being made."""

    session: Session
    ref: DefinitionRef
    statics: dict[str, Static]
    witness: dict[str, Num]
    sizes: dict[str, Span] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    conditions: dict[object, Condition] = field(default_factory=dict)
    chosen: list[str] = field(default_factory=list)  # the names of conditions that hold
    constraints: dict[tuple[Num, str], Constraint] = field(default_factory=dict)
    constraint_spans: dict[tuple[Num, str], Span] = field(default_factory=dict)
    equal: dict[str, Num] = field(default_factory=dict)
    values: dict[int, Value] = field(default_factory=dict)
    spans: dict[int, Span] = field(default_factory=dict)
    anonymous: list[Part] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    configs: list[tree.Config] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    memories: dict[str, StateInfo] = field(default_factory=dict)
    rides: bool = False
    gates: list[tuple[Tensor, Span]] = field(default_factory=list)
    expects: list[tree.Expect] = field(default_factory=list)

    initial: Block | None = None
    broken: bool = False

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)

    def fresh(self) -> int:
        return next(self._ids)

    def report(self, diagnostic: Diagnostic) -> None:
        self.broken = True
        self.session.report(diagnostic)

    def fail(self, diagnostic: Diagnostic) -> Failed:
        """Report, and give what to raise."""
        self.report(diagnostic)
        return Failed()

    def value(self, type: Type, name: str | None = None) -> Value:
        """A new value of the dataflow."""
        value = Value.new(id=self.fresh(), name=name, type=type.subs(self.equal) if self.equal else type)
        self.values[value.id] = value
        return value

    def constrain(self, number: Num, must: Must, span: Span, what: str = "this number") -> None:
        """Demand something of a number, at once or, if it is known only when the model is made, then."""
        if number.is_const:
            if breaks(number, must):
                raise self.fail(errors.BadSize(span, what, str(number), words(must)))
        elif (must != "whole" or number.divides or number.name) and "..." not in number.symbols():
            self.constraints.setdefault((number, must), Constraint.new(number=number, must=must, place=span.place()))
            self.constraint_spans.setdefault((number, must), span)

    def attribute(self, wish: str) -> str:
        """A name for something that holds weights, unique in the definition."""
        name = next(
            n for n in itertools.chain([wish], (f"{wish}_{i}" for i in itertools.count(2))) if n not in self.attributes
        )
        self.attributes.add(name)
        return name


BlockKind = Literal["definition", "initial", "stack", "loop", "scan", "until", "inline"]


@dataclass(eq=False)
class Block:
    """A region being made, with the names it sees."""

    frame: Frame
    kind: BlockKind
    parent: Block | None = None
    names: dict[str, Entity] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    outputs: dict[str, tuple[Tensor, Span]] = field(default_factory=dict)
    states: dict[str, StateInfo] = field(default_factory=dict)
    rides: list[Ride] = field(default_factory=list)
    later: dict[str, Span] = field(default_factory=dict)

    def child(self, kind: BlockKind) -> Block:
        return Block(self.frame, kind, self)

    def find(self, name: str) -> Entity | None:
        """The local value of that name, here or in a block around."""
        block: Block | None = self
        while block is not None:
            if name in block.names:
                return block.names[name]
            block = block.parent
        return None

    def known(self) -> set[str]:
        """All local names in sight."""
        return set(self.names) | (self.parent.known() if self.parent else set())

    def region(self) -> Region:
        return Region.new(made=[p.made for p in self.parts if p.made], params=self.params, nodes=self.nodes)

    def apply(
        self,
        op: str,
        inputs: list[Operand],
        types: list[Type],
        span: Span,
        settings: dict[str, Setting] | None = None,
        made: int | None = None,
        ranges: Interval = ANYTHING,
        **more: object,
    ) -> list[Tensor]:
        """Add a primitive's node; its outputs as tensors."""
        outputs = [self.frame.value(t) for t in types]
        self.frame.spans.update((v.id, span) for v in outputs)
        node = Apply.new(
            op=op, inputs=inputs, settings=settings or {}, made=made, outputs=outputs, place=span.place(), **more
        )
        self.nodes.append(node)
        return [Tensor(v.id, v.type, ranges) for v in outputs]

    def make(self, maker: Maker, span: Span, frozen: bool) -> Part:
        """A new part of this block, named for now after what it is."""
        part = Part(self.frame.fresh(), snake(maker.name), False, maker, self, span, frozen)
        self.parts.append(part)
        self.frame.parts.append(part)
        self.frame.anonymous.append(part)
        return part
