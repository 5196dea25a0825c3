"""The IR: what a program means, as data. The figure and the code are made from this and from nothing else.

A `Program` is a list of definitions, each once for each distinct choice of its `if`s, symbolic in its hyperparameters. Nothing is
unrolled: `stack`, `loop` and `scan` are `Repeat` nodes with a body. A definition's body is a `Region`: what holds weights (`made`,
`params`) and the nodes in the order of the program. Every value has an integer id, unique in its definition; an operand is
such an id, or a symbolic number. A nested region sees the values of the regions around it.

Guaranteed to whoever reads it: every operand is defined before it is used, every type is known, every setting is filled in
(defaults included), names are unique where the target needs them unique, and all constraints hold for the models' defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal, Self, Union

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from archdsl.ir.num import Num
from archdsl.ir.types import Type

Operand = Annotated[
    StrictInt | Num, Field(description="a value's id, or a symbolic number", union_mode="left_to_right")
]
Setting = Annotated[
    Union[StrictBool, Num, "Choice", "Numbers", "Fill", None],
    Field(
        description="a flag, a number, a word such as `causal` or the name of a function, a list of numbers, or an initializer"
    ),
]


class Data(BaseModel):
    """Base of all that is in the IR."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    @classmethod
    def new(cls, **fields: Any) -> Self:
        """Make one without validating, which is quick; for what the checker itself has made."""
        plain, made = _defaults(cls)
        made_now = {name: make() for name, make in made if name not in fields}
        instance = cls.__new__(cls)
        object.__setattr__(instance, "__dict__", {**plain, **made_now, **fields})
        object.__setattr__(instance, "__pydantic_fields_set__", set(fields))
        object.__setattr__(instance, "__pydantic_extra__", None)
        object.__setattr__(instance, "__pydantic_private__", None)
        return instance


@cache
def _defaults(cls: type[Data]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """The fields of a class in their order, with the values that may be shared, and what makes the others."""
    plain: dict[str, Any] = {}
    made: list[tuple[str, Callable[[], Any]]] = []
    for name, field in cls.model_fields.items():
        if field.default_factory is not None:
            made.append((name, field.default_factory))  # type: ignore[arg-type]
        elif isinstance(field.default, (dict, list)):
            made.append((name, type(field.default)))
        plain[name] = None if field.is_required() else field.default
    return plain, made


class Choice(Data):
    """A word among a few: `causal`, `tanh`; an equation's string; the name of a function given as a hyperparameter."""

    word: str


class Numbers(Data):
    """A list of numbers, such as a kernel [3, 3]."""

    items: list[Num]


class Axis(Data):
    """An axis of a value: counted from the end (negative), or from the start where `...` follows it (0 or positive)."""

    index: int
    size: Num


class Fill(Data):
    """How a parameter or a memory gets its first value: an initializer of `ops/initial.py` and its settings."""

    name: str
    settings: dict[str, Setting] = {}


class Place(Data):
    """Where something is written: file, and first and last character (line from 1, column from 1, end column exclusive)."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Value(Data):
    """One value: the result of a node, an input, a state as it came in."""

    id: int
    name: str | None = Field(default=None, description="the program's name for it, if it has one")
    type: Type
    gate: bool = Field(default=False, description="declared `gate`: proven in [0, 1] and multiplying something")


class Input(Value):
    """`input x: [batch, d]`; with a default, the caller may leave it out."""

    default: StrictBool | Num | None = None
    place: Place | None = None


class Made(Data):
    """Something that holds weights, made once: `Linear(4)`, `LSTM(units)`. Every node that names it shares its weights."""

    id: int = Field(description="unique in the definition")
    name: str = Field(
        description="the program's name, or one derived from it; unique in the definition; the state dict's key"
    )
    named: bool = Field(description="whether the program itself named it (`W = Linear(4)`)")
    alias: str | None = Field(
        default=None,
        description="the published name: the state dict's key in its place; one dot nests, as in `layer.0`",
    )
    of: str = Field(description="the primitive's or the definition's name")
    primitive: bool
    settings: dict[str, Setting] = Field(default={}, description="hyperparameters, defaults included")
    sizes: dict[str, Num] = Field(
        default={}, description="sizes that its weights need and its inputs gave, such as d_in"
    )
    weights: dict[str, Type] = Field(default={}, description="a primitive's own weights")
    initial: dict[str, Fill] = Field(default={}, description="weights that start otherwise than the primitive says")
    frozen: bool = False
    place: Place


class Param(Data):
    """`param W: [k, d] = normal(0, 0.02)`; read as the value `value`."""

    value: Value
    frozen: bool = False
    initial: Fill
    place: Place


class Memory(Data):
    """`memory m: [k, d] = …`: kept between calls; `next` is the value of its update in a training call."""

    value: Value
    initial: Fill | Operand = Field(
        description="an initializer, a number, or a value computed at the first training call"
    )
    next: Operand | None = None
    place: Place


class State(Data):
    """`state h: [batch, d] = 0` of a cell: `value` as it came in, `initial` a number or a value of the cell's `initial` nodes."""

    value: Value
    initial: Operand
    next: Operand
    place: Place


class Apply(Data):
    """One primitive applied. `made` is what holds its weights, if it has any."""

    kind: Literal["apply"] = "apply"
    op: str
    inputs: list[Operand]
    settings: dict[str, Setting] = {}
    axes: dict[str, list[Axis]] = Field(default={}, description="settings that name axes (`over`), resolved")
    made: int | None = None
    outputs: list[Value]
    place: Place


class Call(Data):
    """A definition applied. For a cell, one step: its state rides on the repeat or the cell around the call."""

    kind: Literal["call"] = "call"
    made: int
    inputs: list[Operand]
    outputs: list[Value]
    rides: bool = Field(default=False, description="whether this steps a cell's state")
    place: Place


class Draw(Data):
    """`z ~ Normal(mu, sigma) by reparameterisation`."""

    kind: Literal["draw"] = "draw"
    distribution: str
    inputs: list[Operand]
    gradient: Literal["none", "reparameterisation", "score_function", "straight_through"]
    outputs: list[Value]
    place: Place


class Carried(Data):
    """A value that a repeat's body hands on to its next pass."""

    name: str
    initial: Operand = Field(description="of the region around the repeat")
    value: Value = Field(description="as it came in, inside the body")
    next: Operand = Field(description="handed on, inside the body")
    final: Value = Field(description="as the last pass handed it on, outside")


class Sliced(Data):
    """An operand of a scan that is taken slice by slice along an axis."""

    operand: Operand
    axis: Axis
    value: Value = Field(description="one slice, inside the body")


class Collected(Data):
    """An output of a repeat's body, stacked along the repeated axis."""

    name: str
    operand: Operand = Field(description="inside the body")
    axis: Axis
    value: Value = Field(description="outside")


class Ride(Data):
    """A cell, made inside or outside this repeat and stepped in its body, whose state this repeat carries."""

    made: int
    initial: dict[str, Operand] = Field(default={}, description="states that start elsewhere, by name: `from (h = h0)`")
    finals: dict[str, Value] = Field(default={}, description="states of the last pass that are used outside, by name")


class Repeat(Data):
    """`stack`: copies with separate weights. `loop`: the same weights again. `scan`: the same weights along an axis."""

    kind: Literal["stack", "loop", "scan"]
    count: Num = Field(description="passes; for a scan, the size of its axis")
    index: str | None = Field(default=None, description="the size symbol that counts the copies of a stack (`as i`)")
    reversed: bool = False
    lengths: Operand | None = Field(
        default=None,
        description="of a scan: how many steps each entry of the slices' first axis has; later steps change no state and give 0",
    )
    sliced: list[Sliced] = []
    carried: list[Carried] = []
    rides: list[Ride] = []
    collected: list[Collected] = []
    body: Region
    place: Place


class Minimize(Data):
    """`minimize loss over G with Adam(2e-4)`: one update of what is named. It sees the weights that those before it left."""

    kind: Literal["minimize"] = "minimize"
    name: str = Field(description="the loss's name in the results")
    loss: Operand
    over: list[int] = Field(description="ids of what was made; empty: all that can learn")
    over_params: list[int] = Field(default=[], description="ids of the values of parameters of the train itself")
    optimizer: str
    settings: dict[str, Setting] = {}
    place: Place


class Update(Data):
    """`E.readout' = …` in a train: a part's memory gets a new value."""

    kind: Literal["update"] = "update"
    made: int
    memory: str
    operand: Operand
    place: Place


class Until(Data):
    """`until stable(m) at_most 300 { … }`: training calls repeated until the memories named stop changing."""

    kind: Literal["until"] = "until"
    stable: list[tuple[int, str]] = Field(description="the made thing and its memory's name")
    at_most: Num
    body: Region
    place: Place


Node = Annotated[Apply | Call | Draw | Repeat | Minimize | Update | Until, Field(discriminator="kind")]


class Region(Data):
    """A body: what is made in it, and its nodes in order."""

    made: list[Made] = []
    params: list[Param] = []
    nodes: list[Node] = []


class Hyper(Data):
    """A hyperparameter that is a number, with its default in terms of those before it."""

    name: str
    default: Num | None = None


class Output(Data):
    name: str
    operand: Operand
    type: Type
    place: Place | None = None


class Config(Data):
    """`config large(d = 1024)`: other values for a model's hyperparameters."""

    name: str
    settings: dict[str, Setting]
    same: bool = Field(default=True, description="whether every `if` comes out alike, so that only numbers differ")


Must = Literal["whole", "positive", "at least 0", "at most 1", "less than 1"]


class Constraint(Data):
    """What must hold for the numbers: `number` is whole, positive, or within a setting's range."""

    number: Num
    must: Must
    place: Place


class Comparison(Data):
    """`left op right`"""

    left: Num
    op: Literal["==", "!=", "<", "<=", ">", ">="]
    right: Num


class Condition(Data):
    """What an `if` was decided by, when this variant was made: that all comparisons of one of the lists hold was `outcome`."""

    any_of: list[list[Comparison]]
    outcome: bool
    name: str = Field(default="", description="as the program calls the condition, if it does")


class Definition(Data):
    """A model, block, cell or train, symbolic in `hypers` and in the sizes of its inputs."""

    name: str = Field(description="unique in the program")
    source_name: str = Field(description="as written; two definitions share it when an `if` made them differ")
    kind: Literal["model", "block", "cell", "train"]
    doc: str = ""
    library: bool = Field(default=False, description="from the library that ships with archdsl")
    hypers: list[Hyper] = []
    chosen: dict[str, Setting] = Field(
        default={}, description="hyperparameters that are no numbers, as chosen for this variant"
    )
    sizes: list[str] = Field(
        default=[], description="size symbols of the inputs that weights depend on: constructor arguments"
    )
    inputs: list[Input] = []
    initial: list[Apply] = Field(default=[], description="nodes that compute initial states, before the first step")
    states: list[State] = []
    memories: list[Memory] = []
    body: Region = Field(default_factory=lambda: Region())
    outputs: list[Output] = []
    configs: list[Config] = []
    constraints: list[Constraint] = []
    conditions: list[Condition] = []
    place: Place


class Program(Data):
    """A checked program. `definitions` has the entry points first, then what they use, in the order they are met."""

    version: Literal[1] = 1
    file: str
    entries: list[str] = Field(description="names of the definitions written in the file itself, in its order")
    definitions: list[Definition]

    def __getitem__(self, name: str) -> Definition:
        return next(d for d in self.definitions if d.name == name)
