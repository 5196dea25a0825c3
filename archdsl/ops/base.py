"""What a primitive is: one value that the checker, the figure, the code, the docs and the tests all read.

A signature is the shape rule. `"x: [... d_in] -> [... d_out]"` names inputs and their shapes; a symbol is a size that
the inputs give or a setting of the op, an expression (`2 * d`) is a size to compute. `int[...]`, `bool[...]` and
`any[...]` (any element kind; the output `any` is the kind of the first input of that kind) stand before the bracket.
What a signature cannot say, `shape` computes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, Protocol

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Axis, Choice, Must, Numbers, Setting
from archdsl.ir.types import Shape, Type, show_shape, subs_shape, unify_shape

Interval = tuple[float, float]
Limits = Mapping[str, tuple[Must, ...]]
"""Setting (or a difference of two, `high - low`) → what its number must be."""
SHARE: tuple[Must, ...] = ("at least 0", "at most 1")
ANYTHING: Interval = (float("-inf"), float("inf"))


class Required:
    """Stands as the default of a setting that must be given."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = Required()


class Misfit(Exception):
    """Inputs or settings that an op cannot take. `reason` says why, in words; `hint` how to mend it."""

    def __init__(self, reason: str, hint: str = ""):
        super().__init__(reason)
        self.reason, self.hint = reason, hint


@dataclass(frozen=True)
class Over:
    """Default of a setting that names axes: `Over(-1)` the last, `Over(None)` all, `Over(REQUIRED)` must be given."""

    default: Any = -1
    many: bool = False


class Word:
    """Default of a setting that is one of a few words: `Word("none", "tanh")`; the first, unless `required`."""

    def __init__(self, *words: str, required: bool = False):
        self.words, self.required = words, required

    def __repr__(self) -> str:
        return " | ".join(self.words)


class Either:
    """Default of a setting that is a number, numbers, or one of a few words: `Either(0, "same", "causal")`."""

    def __init__(self, default: int, *words: str):
        self.default, self.words = default, words

    def __repr__(self) -> str:
        return " | ".join([str(self.default), *self.words])


@dataclass(frozen=True)
class Mark:
    """How an op is drawn. `label` may name settings (`"Linear {d_out}"`); settings at their defaults need not be named.

    `box`: a plain box, a fixed function. `rounded`: it has weights. `circle`: pointwise, the label is one sign.
    `attention`: a box with ports. `operator`: a mark on the arrow (gradients). No two ops share shape and label.
    `ordered` says that operands cannot be swapped, so that they are numbered or named.
    """

    shape: Literal["box", "rounded", "circle", "attention", "operator"] = "box"
    label: str = ""
    ordered: bool = False
    ports: tuple[str, ...] = ()
    """What operands are called, where their names in a program say too little."""


@dataclass
class Site:
    """One use of an op: its inputs' types, its settings and axes. What `shape`, `range` and `macs` functions get."""

    inputs: list[Type]
    settings: dict[str, Setting]
    axes: dict[str, list[Axis]] = field(default_factory=dict)
    ranges: list[Interval] = field(default_factory=list)
    numbers: list[Num | None] = field(default_factory=list)  # an input that is a plain number has it here
    sizes: dict[str, Num] = field(default_factory=dict)  # what the signature bound, settings included
    rest: Shape | None = None  # what `...` stands for
    constraints: list[tuple[Num, Literal["whole", "positive"]]] = field(default_factory=list)  # not known yet

    def whole(self, number: Num, reason: str) -> Num:
        """Demands that a number is whole: at once where it is known, else as a constraint."""
        if number.is_const and not number.is_integer:
            raise Misfit(reason)
        if number.divides:
            self.constraints.append((number, "whole"))
        return number

    def positive(self, number: Num, reason: str) -> Num:
        """Demands that a number is greater than 0: at once where it is known, else as a constraint."""
        if number.is_const and number.value <= 0:
            raise Misfit(reason)
        if not number.is_const and number.name is None:
            self.constraints.append((number, "positive"))
        return number

    def number(self, name: str) -> Num:
        """The setting as a number."""
        value = self.settings[name]
        if not isinstance(value, Num):
            raise Misfit(f"{name} must be a number")
        return value

    def pair(self, name: str, length: int) -> list[Num]:
        """The setting as `length` numbers: one number stands for all of them."""
        value = self.settings[name]
        if isinstance(value, Num):
            return [value] * length
        if isinstance(value, Numbers) and len(value.items) == length:
            return value.items
        raise Misfit(f"{name} must be a number or {length} numbers")

    def word(self, name: str) -> str:
        value = self.settings[name]
        if not isinstance(value, Choice):
            raise Misfit(f"{name} must be a word")
        return value.word

    def at(self, name: str = "over", of: int = 0) -> list[int]:
        """Positions, from 0, of the axes that the setting names in the shape of input `of`."""
        rank = len(self.inputs[of].shape)
        return [a.index % rank if a.index < 0 else a.index for a in self.axes[name]]


class TorchSite(Protocol):
    """One use of an op as the PyTorch emitter sees it: what a function given as `Op.torch` gets."""

    inputs: list[Type]
    outputs: list[Type]
    numbers: list[Num | None]
    settings: Mapping[str, Setting]
    axes: Mapping[str, list[Axis]]
    module: str
    """What holds the op's weights, as Python: `self.embed`. Empty for an op without."""
    device: str
    """The device that a new tensor goes to, as Python: `x.device`. Empty where nothing in scope says it."""
    float_dtype: str
    """The dtype that a new float tensor takes, as Python: `x.dtype`. Empty where nothing in scope says it."""

    def operand(self, index: int) -> str:
        """The operand as a Python expression, in parentheses where it needs them. It may be asked for twice."""

    def setting(self, name: str) -> str:
        """The setting as Python: `3`, `True`, `'tanh'`, `(3, 3)`, `-1`, `d // heads`."""

    def size(self, number: Num) -> str:
        """A size as Python, in the names that are in scope."""


class MadeSite(Protocol):
    """Weights being made, as the PyTorch emitter sees them: what a function given as `Op.init` gets."""

    settings: Mapping[str, Setting]
    sizes: Mapping[str, Num]

    def setting(self, name: str) -> str:
        """The setting as Python."""

    def size(self, number: Num) -> str:
        """A size as Python, in the names that are in scope."""


ShapeRule = Callable[[Site], "Type | list[Type]"]
RangeRule = Callable[[Site], Interval]


@dataclass(frozen=True)
class Op:
    """A primitive. See `docs/decisions` for why it is one value."""

    name: str
    doc: str
    signature: str
    torch: str | Callable[[TorchSite], str] = ""
    """Expression in PyTorch: `{x}` an operand by its port's name, `{d_out}` a setting as Python, `{self}` the module
    that holds the weights, `{over}` an axis or a tuple of axes, `{inputs}` all operands with commas. A function gets
    the emitter's site."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Setting → default: a number, a flag, a list, None, a `Word`, an `Either`, an `Over`, or REQUIRED."""
    limits: Limits = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    """Weight → shape, in the signature's symbols; present only when the setting of the same name is not false."""
    init: str | Callable[[MadeSite], str] = ""
    """Expression that makes the module: `nn.Linear({d_in}, {d_out}, bias={bias})`. A function leaves out defaults."""
    mark: Mark = Mark()
    shape: ShapeRule | None = None
    weight_shapes: Callable[[Site], dict[str, Shape]] | None = None
    range: Interval | RangeRule = ANYTHING
    macs: Callable[[Site], Num] | None = None
    """Multiply-adds of one use, for ops that have them."""
    helper: str = ""
    """Source of a plain tensor function that is written into the emitted file when the op is used. It may rely on
    `torch`, `Tensor`, `nn`, `F` and `Any`."""
    example: str = ""
    """One or more lines of a program in which `x: [batch, 8]` is given; used by tests and docs."""
    gate: Literal["", "through", "product"] = ""
    """What becomes of a gate here: it is one still, or multiplies something."""
    random: bool = False
    """Whether two evaluations with the same inputs differ (Dropout)."""

    @property
    def has_weights(self) -> bool:
        return bool(self.init)

    @cached_property
    def parsed(self) -> Signature:
        return Signature.parse(self.signature)


@dataclass(frozen=True)
class PortPattern:
    name: str
    dtype: str
    shape: Shape | None  # None: anything
    optional: bool = False
    many: bool = False


@dataclass(frozen=True)
class Signature:
    """`x: [n]` a port, `allowed?: bool[n]` one that may be absent, `x*: any` one or more."""

    inputs: tuple[PortPattern, ...]
    outputs: tuple[PortPattern, ...]

    @property
    def least(self) -> int:
        """The fewest inputs."""
        return sum(not p.optional for p in self.inputs)

    @property
    def most(self) -> int | None:
        """The most inputs; None for any number."""
        return None if any(p.many for p in self.inputs) else len(self.inputs)

    def port(self, index: int) -> PortPattern:
        """The port that an input goes to."""
        return self.inputs[min(index, len(self.inputs) - 1)]

    @staticmethod
    def parse(text: str) -> Signature:
        left, _, right = text.partition("->")
        return Signature(_ports(left), _ports(right))


_PORT = re.compile(r"\s*(?:(\w+)([?*])?\s*:)?\s*(float|int|bool|any)?\s*(?:\[([^\]]*)\])?\s*(?:,|$)")


@lru_cache(maxsize=1024)
def _ports(text: str) -> tuple[PortPattern, ...]:
    ports: list[PortPattern] = []
    position, text = 0, text.strip()
    while position < len(text):
        match = _PORT.match(text, position)
        if not match or match.end() == position:
            raise ValueError(f"bad signature {text!r}")
        name, sign, dtype, shape = match.groups()
        texts = re.split(r"[\s,]+(?![^(]*\))", (shape or "").strip())
        sizes = None if shape is None else tuple(Num.parse(s) for s in texts if s)
        ports.append(PortPattern(name or f"out{len(ports)}", dtype or "float", sizes, sign == "?", sign == "*"))
        position = match.end()
    return tuple(ports)


def apply_signature(op: Op, site: Site) -> list[Type]:
    """The types of the outputs, from the signature or the op's `shape`. Fills `sizes` and `rest`. Raises Misfit."""
    signature = op.parsed
    rest: list[Shape] = []
    sizes = site.sizes
    sizes.update({k: v for k, v in site.settings.items() if isinstance(v, Num)})
    kind: str | None = None
    for index, actual in enumerate(site.inputs):
        port = signature.port(index)
        if port.dtype == "any":
            kind = kind or actual.dtype
        elif port.dtype != actual.dtype and not (port.dtype == "float" and actual == Type(dtype="int")):
            raise Misfit(f"{port.name} must be {port.dtype}, and it is {actual.dtype}", _mend_kind(port, actual))
        if port.shape is None:
            continue
        wrong = unify_shape(port.shape, actual.shape, sizes, rest)
        if wrong:
            wanted = show_shape(subs_shape(port.shape, sizes, rest[0] if rest else None))
            raise Misfit(f"{port.name} is {actual} and must be {wanted}: {wrong}")
    if ELLIPSIS in sizes.values():
        raise Misfit(
            "'...' may stand for any number of axes, and here each axis must be known",
            "name the axes in the input's type",
        )
    site.rest = rest[0] if rest else None
    if op.shape:
        result = op.shape(site)
        return result if isinstance(result, list) else [result]
    types = []
    for port in signature.outputs:
        dtype: Any = (kind or "float") if port.dtype == "any" else port.dtype
        types.append(Type(dtype=dtype, shape=subs_shape(port.shape or (), sizes, site.rest)))
    return types


def _mend_kind(port: PortPattern, actual: Type) -> str:
    """How an input of the wrong element kind becomes the right one."""
    match port.dtype, actual.dtype:
        case "float", _:
            return f"to_float({port.name}) makes it float"
        case "int", _:
            return f"to_int({port.name}) makes it int"
        case _:
            return f"a comparison, such as {port.name} > 0, makes it bool"


def default_of(declared: Any) -> Setting:
    """What a setting is when a program does not give it. `declared` is the op's default for it; REQUIRED has none."""
    match declared:
        case bool() | None:
            return declared
        case int() | float() | Num():
            return Num.of(declared)
        case str():
            return Choice(word=declared)
        case list() | tuple():
            return Numbers(items=[Num.of(n) for n in declared])
        case Word():
            return Choice(word=declared.words[0])
        case Either():
            return Num.of(declared.default)
    raise TypeError(f"{declared!r} has no default")


def weight_types(op: Op, site: Site) -> dict[str, Type]:
    """The types of the op's own weights at a site whose signature has been applied."""
    if op.weight_shapes:
        shapes = op.weight_shapes(site)
    else:
        shapes = {
            n: subs_shape(_ports(p)[0].shape or (), site.sizes)
            for n, p in op.weights.items()
            if site.settings.get(n, True) is not False
        }
    return {name: Type(shape=shape) for name, shape in shapes.items()}


def broadcast(left: Shape, right: Shape) -> Shape:
    """The shape of a pointwise operator's result, as NumPy broadcasts. Raises Misfit."""
    if left == right:
        return left
    if ELLIPSIS in left or ELLIPSIS in right:
        return _broadcast_open(left, right)
    long, short = (left, right) if len(left) >= len(right) else (right, left)
    result = list(long)
    for i in range(1, len(short) + 1):
        a, b = long[-i], short[-i]
        if a != b and a != 1 and b != 1:
            raise Misfit(f"{show_shape(left)} and {show_shape(right)} do not broadcast: {a} is not {b}", "")
        result[-i] = b if a == 1 else a
    return tuple(result)


def _broadcast_open(left: Shape, right: Shape) -> Shape:
    """Broadcasting where a shape has `...`: equal from the end up to it, and beyond it alike or absent."""
    result: list[Num] = []
    a, b = list(left), list(right)
    while a and b and a[-1] != ELLIPSIS and b[-1] != ELLIPSIS:
        x, y = a.pop(), b.pop()
        if x != y and x != 1 and y != 1:
            raise Misfit(f"{show_shape(left)} and {show_shape(right)} do not broadcast: {x} is not {y}", "")
        result.insert(0, y if x == 1 else x)
    if a and b and a != b:
        raise Misfit(
            f"{show_shape(left)} and {show_shape(right)} do not broadcast", "'...' may stand for any axes; name them"
        )
    return (*(a or b), *result)
