"""Helpers of these tests: programs compiled to Python, and run."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.compiler import analyse, analyse_file
from archdsl.ir.num import Num
from archdsl.ir.program import Definition, Program
from archdsl.ir.types import Type
from archdsl.torch import emit
from archdsl.torch.plan import ProgramPlan

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "torch"
PROGRAMS = sorted(
    [*(ROOT / "examples").glob("*.arch"), *(ROOT / "archdsl" / "library").glob("*.arch"), *CASES.glob("*.arch")]
)


@functools.cache
def source(path: Path, plain: bool = False, open_time: bool = False) -> str:
    """The file that a program becomes."""
    return emit(analyse_file(path), plain=plain, open_time=open_time)


@functools.cache
def program(path: Path) -> Program:
    return analyse_file(path)


def run(text: str) -> dict[str, Any]:
    """The names that an emitted file defines."""
    names: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(text, "emitted.py", "exec"), names)
    return names


def compiled(text: str, entry: str | None = None) -> dict[str, Any]:
    """The names that a program's file defines."""
    return run(emit(analyse(text), [entry] if entry else None))


def case(name: str) -> dict[str, Any]:
    return run(source(CASES / f"{name}.arch"))


# -- small inputs for any definition ---------------------------------------------------------------------------------
SIZES = {"batch": 3, "time": 7, "length": 3, "height": 32, "width": 32}


def numbers(definition: Definition, real: set[str], **given: int) -> dict[str, Num]:
    """Values of all hyperparameters and sizes."""
    values: dict[str, Num] = {}
    for hyper in definition.hypers:
        default = hyper.default.subs(values) if hyper.default is not None else Num.of(0.25 if hyper.name in real else 8)
        values[hyper.name] = Num.of(given.get(hyper.name, default))
    symbols = sorted({s for v in definition.inputs for s in v.type.symbols()} - set(values))
    for symbol, size in zip(symbols, itertools.cycle([6, 8, 10, 12])):
        values[symbol] = Num.of(given.get(symbol, SIZES.get(symbol, size)))
    return values


def shape(type_: Type, values: dict[str, Num]) -> tuple[int, ...]:
    sizes: list[int] = []
    for n in type_.shape:
        sizes += [2, 3] if str(n) == "..." else [int(n.subs(values).value)]
    return tuple(sizes)


def tensor(type_: Type, values: dict[str, Num]) -> Tensor:
    """Random input of a type; whole numbers are 0 or 1, which every table has."""
    sizes = shape(type_, values)
    if type_.dtype == "int":
        return torch.randint(0, 2, sizes)
    return torch.rand(sizes) > 0.3 if type_.dtype == "bool" else torch.randn(sizes)


def inputs(definition: Definition, values: dict[str, Num]) -> list[Tensor]:
    return [tensor(v.type, values) for v in definition.inputs]


def instance(program_: Program, name: str, names: dict[str, Any], values: dict[str, Num]) -> nn.Module:
    """A definition's module with these hyperparameters and sizes."""
    plan = ProgramPlan(program_).plans[name]
    arguments: dict[str, int | float] = {}
    for symbol, argument in plan.arguments.items():
        value = values[symbol].value
        arguments[argument] = float(value) if symbol in plan.real else int(value)
    module: nn.Module = names[plan.name](**arguments)
    return module
