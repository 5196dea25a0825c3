"""The syntax tree: one class for each rule of `grammars/archdsl.lark`, each with its span."""

from __future__ import annotations

from typing import Union

from archdsl.record import Record
from archdsl.source import Source, Span


class Node(Record):
    span: Span


class Identifier(Node):
    """A name where it is given: a target, a port, a keyword argument."""

    text: str


# -- expressions --------------------------------------------------------------------------------------------------
class Name(Node):
    text: str


class Number(Node):
    text: str


class String(Node):
    text: str


class Rest(Node):
    """`...`"""


class ListOf(Node):
    items: list[Expression]


class Argument(Node):
    name: Identifier | None
    value: Expression


class Call(Node):
    function: Expression
    arguments: list[Argument]


class Field(Node):
    """`r.skip`, `E.weight`"""

    value: Expression
    name: Identifier


class Handed(Node):
    """`h'`, `r.h'`"""

    value: Expression


class Frozen(Node):
    value: Expression


class Alias(Node):
    """`Linear(4) as "c_attn"`: a part under a published name."""

    value: Expression
    name: String


class Unary(Node):
    op: str
    value: Expression


class Binary(Node):
    op: str
    left: Expression
    right: Expression


class Chain(Node):
    """`x -> f -> output y`"""

    stages: list[Expression]


class Sink(Node):
    """`output y` at the end of a chain."""

    name: Identifier


class Body(Node):
    statements: list[Statement]


class Stack(Node):
    count: Expression
    index: Identifier | None
    body: Body
    start: list[Argument]


class Loop(Node):
    count: Expression
    body: Body
    start: list[Argument]


class Axis(Node):
    name: str | None
    index: int | None


class Scan(Node):
    target: Expression | Body
    axis: Axis
    reversed: bool
    at_most: Expression | None
    start: list[Argument]


class Residual(Node):
    body: Body


class Choice(Node):
    condition: Expression
    then: Body
    otherwise: Body | Choice | None


Expression = Union[
    Name,
    Number,
    String,
    Rest,
    ListOf,
    Call,
    Field,
    Handed,
    Frozen,
    Alias,
    Unary,
    Binary,
    Chain,
    Sink,
    Stack,
    Loop,
    Scan,
    Residual,
    Choice,
]


# -- statements ---------------------------------------------------------------------------------------------------
class TypeOf(Node):
    dtype: Identifier | None
    sizes: list[Expression]


class Port(Node):
    name: Identifier
    type: TypeOf | None
    default: Expression | None


class Input(Node):
    ports: list[Port]


class Result(Node):
    name: Identifier | None
    value: Expression


class Output(Node):
    results: list[Result]


class Param(Node):
    frozen: bool
    names: list[Identifier]
    type: TypeOf
    initial: Expression


class State(Node):
    names: list[Identifier]
    type: TypeOf | None
    initial: Expression


class Memory(Node):
    names: list[Identifier]
    type: TypeOf
    initial: Expression


class Target(Node):
    """`y`, `h'`, `E.readout'` (then `part` is `E`)"""

    name: str
    handed: bool
    part: str | None = None


class Assign(Node):
    targets: list[Target]
    value: Expression
    gate: bool = False


class Draw(Node):
    target: Target
    distribution: Identifier
    arguments: list[Argument]
    type: TypeOf | None
    gradient: Identifier | None


class Expect(Node):
    condition: Expression


class Config(Node):
    name: Identifier
    arguments: list[Argument]
    expects: list[Statement]


class Minimize(Node):
    loss: Expression
    over: list[Identifier]
    optimizer: Expression | None


class Until(Node):
    condition: Expression
    at_most: Expression
    body: Body


Statement = Union[Input, Output, Param, State, Memory, Assign, Draw, Expect, Config, Minimize, Until, Expression]


# -- files --------------------------------------------------------------------------------------------------------
class Hyper(Node):
    name: Identifier
    default: Expression | None


class Definition(Node):
    kind: str
    name: Identifier
    doc: str
    hypers: list[Hyper]
    body: Body


class Use(Node):
    path: String


class File(Node):
    source: Source
    items: list[Use | Definition]
    comments: list[Span]
