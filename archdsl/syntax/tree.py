"""The syntax tree: one class for each rule of `grammars/archdsl.lark`, each with its span."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

from archdsl.source import Source, Span


@dataclass(slots=True)
class Node:
    span: Span


@dataclass(slots=True)
class Identifier(Node):
    """A name where it is given: a target, a port, a keyword argument."""

    text: str


# -- expressions --------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Name(Node):
    text: str


@dataclass(slots=True)
class Number(Node):
    text: str


@dataclass(slots=True)
class String(Node):
    text: str


@dataclass(slots=True)
class Rest(Node):
    """`...`"""


@dataclass(slots=True)
class ListOf(Node):
    items: list["Expression"]


@dataclass(slots=True)
class Argument(Node):
    name: Identifier | None
    value: "Expression"


@dataclass(slots=True)
class Call(Node):
    function: "Expression"
    arguments: list[Argument]


@dataclass(slots=True)
class Field(Node):
    """`r.skip`, `E.weight`"""

    value: "Expression"
    name: Identifier


@dataclass(slots=True)
class Handed(Node):
    """`h'`, `r.h'`"""

    value: "Expression"


@dataclass(slots=True)
class Frozen(Node):
    value: "Expression"


@dataclass(slots=True)
class Unary(Node):
    op: str
    value: "Expression"


@dataclass(slots=True)
class Binary(Node):
    op: str
    left: "Expression"
    right: "Expression"


@dataclass(slots=True)
class Chain(Node):
    """`x -> f -> output y`"""

    stages: list["Expression"]


@dataclass(slots=True)
class Sink(Node):
    """`output y` at the end of a chain."""

    name: Identifier


@dataclass(slots=True)
class Body(Node):
    statements: list["Statement"]


@dataclass(slots=True)
class Stack(Node):
    count: "Expression"
    index: Identifier | None
    body: Body
    start: list[Argument]


@dataclass(slots=True)
class Loop(Node):
    count: "Expression"
    body: Body
    start: list[Argument]


@dataclass(slots=True)
class Axis(Node):
    name: str | None
    index: int | None


@dataclass(slots=True)
class Scan(Node):
    target: Union["Expression", Body]
    axis: Axis
    reversed: bool
    start: list[Argument]


@dataclass(slots=True)
class Residual(Node):
    body: Body


@dataclass(slots=True)
class Choice(Node):
    condition: "Expression"
    then: Body
    otherwise: Union[Body, "Choice", None]


Expression = Union[
    Name, Number, String, Rest, ListOf, Call, Field, Handed, Frozen, Unary, Binary, Chain, Sink, Stack, Loop, Scan, Residual, Choice
]


# -- statements ---------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class TypeOf(Node):
    dtype: Identifier | None
    sizes: list[Expression]


@dataclass(slots=True)
class Port(Node):
    name: Identifier
    type: TypeOf | None
    default: Expression | None


@dataclass(slots=True)
class Input(Node):
    ports: list[Port]


@dataclass(slots=True)
class Result(Node):
    name: Identifier | None
    value: Expression


@dataclass(slots=True)
class Output(Node):
    results: list[Result]


@dataclass(slots=True)
class Param(Node):
    frozen: bool
    names: list[Identifier]
    type: TypeOf
    initial: Expression


@dataclass(slots=True)
class State(Node):
    names: list[Identifier]
    type: TypeOf | None
    initial: Expression


@dataclass(slots=True)
class Memory(Node):
    names: list[Identifier]
    type: TypeOf
    initial: Expression


@dataclass(slots=True)
class Target(Node):
    """`y`, `h'`, `E.readout'` (then `part` is `E`)"""

    name: str
    handed: bool
    part: str | None = None


@dataclass(slots=True)
class Assign(Node):
    targets: list[Target]
    value: Expression
    gate: bool = False


@dataclass(slots=True)
class Draw(Node):
    target: Target
    distribution: Identifier
    arguments: list[Argument]
    type: TypeOf | None
    gradient: Identifier | None


@dataclass(slots=True)
class Expect(Node):
    condition: Expression


@dataclass(slots=True)
class Config(Node):
    name: Identifier
    arguments: list[Argument]
    expects: list["Statement"]


@dataclass(slots=True)
class Minimize(Node):
    loss: Expression
    over: list[Identifier]
    optimizer: Expression | None


@dataclass(slots=True)
class Until(Node):
    condition: Expression
    at_most: Expression
    body: Body


Statement = Union[Input, Output, Param, State, Memory, Assign, Draw, Expect, Config, Minimize, Until, Expression]


# -- files --------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Hyper(Node):
    name: Identifier
    default: Expression | None


@dataclass(slots=True)
class Definition(Node):
    kind: str
    name: Identifier
    doc: str
    hypers: list[Hyper]
    body: Body


@dataclass(slots=True)
class Use(Node):
    path: String


@dataclass(slots=True)
class File(Node):
    source: Source
    items: list[Union[Use, Definition]]
    comments: list[Span] = field(default_factory=list)
