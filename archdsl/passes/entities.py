"""What an expression denotes while a definition is being made: a tensor, a number, something that can be applied, …"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from archdsl.ir.num import Num
from archdsl.ir.program import Comparison, Definition, Fill, Made, Operand, Setting
from archdsl.ir.types import Shape, Type
from archdsl.ops.base import ANYTHING, Interval, Op
from archdsl.record import Record
from archdsl.source import Span
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.passes.frame import Block
    from archdsl.passes.session import FileScope


class Tensor(Record):
    """A value of the dataflow; its operand is a value's id, or a number."""

    operand: Operand
    type: Type
    range: Interval = ANYTHING
    distribution: tuple[str, list[Operand]] | None = None
    """If it was drawn: from what, and the operands of the distribution."""


class Number(Record):
    """A symbolic number: a size, a hyperparameter, an expression of them."""

    num: Num


class Flag(Record):
    value: bool


class Test(Record):
    """A condition on numbers, not decided yet: that all comparisons of one of the lists hold."""

    any_of: list[list[Comparison]]


class Word(Record):
    """A word or a string: `causal`, `"b i d, b j d -> b i j"`."""

    text: str


class Series(Record):
    """A list of numbers: `[3, 3]`, `[batch, time, d]`."""

    items: list[Num]


class Function(Record):
    """A primitive function as a value: `act = gelu`."""

    op: Op


class DefinitionRef(Record):
    """A definition as written, and the file whose names it sees."""

    node: tree.Definition
    scope: FileScope

    @property
    def name(self) -> str:
        return self.node.name.text

    @property
    def key(self) -> tuple[str, str]:
        return (self.scope.source.file, self.name)


class Maker(Record):
    """A Capitalized name before its hyperparameters."""

    target: Op | DefinitionRef

    @property
    def name(self) -> str:
        return self.target.name


@dataclass(eq=False)
class Part:
    """Something that can hold weights, made once. Its sizes are known from its first use on."""

    id: int
    name: str
    named: bool
    maker: Maker
    block: Block
    span: Span
    frozen: bool
    settings: dict[str, Setting] = field(default_factory=dict)
    statics: dict[str, Static] = field(default_factory=dict)
    initial: dict[str, Fill] = field(default_factory=dict)
    made: Made | None = None
    variant: Variant | None = None
    bindings: dict[str, Num] = field(default_factory=dict)
    rest: Shape | None = None
    stepped_in: list[Block] = field(default_factory=list)
    alias: str | None = None


@dataclass(eq=False)
class Bundle:
    """The result of a repeat or of a call with several outputs."""

    what: str
    main: Tensor | None
    fields: dict[str, Tensor]
    final: Callable[[str], Tensor | None] = lambda name: None
    finals: list[str] = field(default_factory=list)


class Unknown(Record):
    """Stands for a value that an error took away; whatever uses it says nothing more."""


class Variant(Record):
    """A definition as made for one choice of its `if`s."""

    definition: Definition
    ref: DefinitionRef
    statics: dict[str, Static]
    outputs: dict[str, Tensor]
    states: dict[str, Type]
    rides: bool
    block: Block


Static = Union[Number, Flag, Word, Series, Function, Maker]
Entity = Union[Tensor, Number, Flag, Test, Word, Series, Function, Maker, Part, Bundle, Unknown]


def describe(entity: Entity) -> str:
    """The entity in words, for messages."""
    match entity:
        case Tensor():
            return f"a tensor {entity.type}"
        case Number():
            return f"the number {entity.num}"
        case Flag():
            return "true" if entity.value else "false"
        case Test():
            return "a condition"
        case Word():
            return f'the word "{entity.text}"'
        case Series():
            return "a list of numbers"
        case Function():
            return f"the function {entity.op.name}"
        case Maker():
            return f"`{entity.name}` without its hyperparameters"
        case Part():
            return f"`{entity.maker.name}` before it is applied"
        case Bundle():
            return entity.what
        case Unknown():
            return "unknown"
