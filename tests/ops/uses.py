"""Uses of primitives made concrete: types from text, random tensors of these, and the op's PyTorch evaluated on them.

`Use` is one use of an op; `USES` has several for each op, and other tests may draw from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Axis, Choice, Numbers, Setting
from archdsl.ir.types import Shape, Type
from archdsl.ops import OPS
from archdsl.ops.base import ANYTHING, Interval, Op, Over, Site, apply_signature, default_of, weight_types

SIZES = {"batch": 3, "time": 5, "d": 8, "n": 4, "k": 6, "heads": 2}
REST = (2, 3)


def parse_type(text: str) -> Type:
    """`int[batch, 4]`."""
    kind, inside = re.fullmatch(r"(int|bool|float)?\[(.*)\]", text).groups()  # type: ignore[union-attr]
    shape = tuple(Num.parse(s.strip()) for s in re.split(r",(?![^(]*\))", inside) if s.strip())
    return Type(dtype=kind or "float", shape=shape)


def to_setting(value: Any) -> Setting:
    """A setting from Python: text with a digit-free start is a word, `=4*d` a number, a list of either numbers."""
    if isinstance(value, str):
        return Num.parse(value[1:]) if value.startswith("=") else Choice(word=value)
    if isinstance(value, (list, tuple)):
        return Numbers(items=[Num.parse(v) if isinstance(v, str) else Num.of(v) for v in value])
    return default_of(value)


def resolve_axes(value: Any, shape: Shape) -> list[Axis]:
    """Axes by position or by a size's name, as the checker resolves them."""
    if value is None:
        return []
    found = []
    for one in value if isinstance(value, list) else [value]:
        position = one if isinstance(one, int) else shape.index(Num.parse(one))
        position %= len(shape)
        index = position if ELLIPSIS in shape[position + 1 :] else position - len(shape)
        found.append(Axis(index=index, size=shape[position]))
    return found


@dataclass
class Use:
    """One use of an op. An input is a type's text, or a number. `draw` replaces random tensors where values matter."""

    op: str
    inputs: Sequence[str | int | float] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    ranges: Sequence[Interval] | None = None
    draw: Callable[[list[Tensor]], list[Tensor]] | None = None
    expect: str = ""
    """The type that must come out."""
    equals: Callable[..., Any] | None = None
    """An independent computation of the result."""
    rest: Sequence[int] = REST

    def __str__(self) -> str:
        return f"{self.op}({', '.join([*map(str, self.inputs), *(f'{k}={v}' for k, v in self.settings.items())])})"

    @property
    def definition(self) -> Op:
        return OPS[self.op]

    def site(self) -> Site:
        """The use as the checker sees it, before the signature is applied."""
        types, numbers = [], []
        for i in self.inputs:
            number = None if isinstance(i, str) else Num.of(i)
            numbers.append(number)
            types.append(parse_type(i) if isinstance(i, str) else Type(dtype="int" if number.is_integer else "float"))  # type: ignore[union-attr]
        settings, axes = {}, {}
        for name, default in self.definition.settings.items():
            if isinstance(default, Over):
                axes[name] = resolve_axes(self.settings.get(name, default.default), types[0].shape if types else ())
            else:
                settings[name] = to_setting(self.settings[name]) if name in self.settings else default_of(default)
        ranges = list(self.ranges or [ANYTHING] * len(types))
        return Site(inputs=types, settings=settings, axes=axes, ranges=ranges, numbers=numbers)

    def concrete(self, shape: Shape) -> tuple[int, ...]:
        """A shape as whole numbers."""
        result: list[int] = []
        for n in shape:
            result.extend(self.rest if n == ELLIPSIS else [whole(n)])
        return tuple(result)

    def tensors(self) -> list[Any]:
        """Random operands; a number stays one."""
        site, made = self.site(), []
        for i, t in enumerate(site.inputs):
            number = site.numbers[i]
            made.append(
                python_number(number)
                if number is not None
                else random_tensor(t.dtype, self.concrete(t.shape), site.ranges[i])
            )
        return self.draw(made) if self.draw else made


def whole(number: Num) -> int:
    value = number.subs({k: Num.of(v) for k, v in SIZES.items()}).value
    assert value.denominator == 1, f"{number} is not whole"
    return int(value)


def python_number(number: Num) -> int | float:
    value = number.subs({k: Num.of(v) for k, v in SIZES.items()}).value
    return int(value) if value.denominator == 1 else float(value)


def random_tensor(dtype: str, shape: tuple[int, ...], between: Interval = ANYTHING) -> Tensor:
    low, high = between
    if dtype == "bool":
        return torch.rand(shape) < 0.5
    if dtype == "int":
        return torch.randint(0 if low < -9 else int(low), 4 if high > 9 else int(high) + 1, shape)
    if low == -float("inf") or high == float("inf"):
        x = torch.randn(shape) * 2
        return (x.abs() + low) if low > -float("inf") else (high - x.abs()) if high < float("inf") else x
    return torch.rand(shape) * (high - low) + low


class Concrete:
    """The PyTorch emitter's view of a use, with every size a whole number."""

    module = "self.made"
    device = float_dtype = ""

    def __init__(self, use: Use, site: Site, outputs: list[Type]):
        self.use, self.inputs, self.outputs, self.numbers = use, site.inputs, outputs, site.numbers
        self.settings, self.axes, self.sizes = site.settings, site.axes, site.sizes

    def operand(self, index: int) -> str:
        number = self.numbers[index]
        return f"x{index}" if number is None else str(python_number(number))

    def setting(self, name: str) -> str:
        if name in self.axes:
            indices = [a.index for a in self.axes[name]]
            return str(indices[0]) if len(indices) == 1 else str(tuple(indices))
        match self.settings[name]:
            case Choice(word=word):
                return repr(word)
            case Num() as number:
                return self.size(number)
            case Numbers(items=items):
                return f"({', '.join(map(self.size, items))}{',' if len(items) == 1 else ''})"
            case other:
                return repr(other)

    def size(self, number: Num) -> str:
        return str(python_number(number))


class Self:
    """Stands for the module around the expression."""

    def __init__(self, training: bool):
        self.training, self.made = training, nn.Module()


@dataclass
class Ran:
    """What came of a use: types that were inferred, the range claimed, the code, the operands and the results."""

    types: list[Type]
    claimed: Interval
    code: str
    operands: list[Any]
    results: list[Tensor]
    made: nn.Module
    site: Site


def expression(use: Use, view: Concrete) -> str:
    """The op's PyTorch."""
    op = use.definition
    if callable(op.torch):
        return op.torch(view)
    names = {p.name: view.operand(i) for i, p in enumerate(op.parsed.inputs) if i < len(use.inputs)}
    settings = {n: view.setting(n) for n in (*view.settings, *view.axes)}
    inputs = ", ".join(view.operand(i) for i in range(len(use.inputs)))
    return op.torch.format(**{**settings, **names, "self": view.module, "inputs": inputs})


def run(use: Use, training: bool = False) -> Ran:
    """Infers and evaluates a use."""
    op, site = use.definition, use.site()
    types = apply_signature(op, site)
    claimed = op.range(site) if callable(op.range) else op.range
    view = Concrete(use, site, types)
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor, "Any": Any, "self": Self(training)}
    if op.helper:
        exec(op.helper, namespace)
    if op.has_weights:
        init = op.init(view) if callable(op.init) else op.init.format(**{n: view.setting(n) for n in view.settings})
        namespace["self"].made = eval(init, namespace).train(training)
        shapes = {n: self_shape for n, t in weight_types(op, site).items() for self_shape in [use.concrete(t.shape)]}
        assert shapes == {n: tuple(p.shape) for n, p in namespace["self"].made.named_parameters()}
    operands = use.tensors()
    namespace.update({f"x{i}": x for i, x in enumerate(operands)})
    code = expression(use, view)
    results = eval(code, namespace)
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    return Ran(types, claimed, code, operands, results, namespace["self"].made, site)


KINDS = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}


def check(use: Use, training: bool = False) -> Ran:
    """Runs a use, and checks that shapes, kinds and ranges are as claimed."""
    ran = run(use, training)
    assert len(ran.results) == len(ran.types)
    low, high = ran.claimed
    slack = 1e-4 * (1 + max((abs(e) for e in (low, high) if abs(e) != float("inf")), default=0))
    for t, result in zip(ran.types, ran.results, strict=True):
        assert isinstance(result, Tensor), ran.code
        assert tuple(result.shape) == use.concrete(t.shape), f"{ran.code}: {tuple(result.shape)} is not {t}"
        assert result.dtype == KINDS[t.dtype], f"{ran.code}: {result.dtype} is not {t}"
        values = result.double()
        assert not values.isnan().any(), ran.code
        assert values.numel() == 0 or (values.min() >= low - slack and values.max() <= high + slack), (
            f"{ran.code} leaves [{low}, {high}]"
        )
    if use.expect:
        assert str(ran.types[0]) == str(parse_type(use.expect)), f"{ran.code}: {ran.types[0]}"
    if use.equals:
        wanted = use.equals(*ran.operands)
        torch.testing.assert_close(ran.results[0].double(), torch.as_tensor(wanted).double(), rtol=1e-4, atol=1e-5)
    return ran
