"""Programs as live modules: `archdsl.load`.

The emitted source runs in a module of its own, which stays registered under a name that its text gives, so that its lines can be seen in
tracebacks and by `inspect`. What it makes is pickled with that source, and so can be read in any process that has archdsl.
"""

from __future__ import annotations

import builtins
import copyreg
import hashlib
import linecache
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from archdsl import PathOrText
    from archdsl.ir.program import Definition, Program


def load(
    program: PathOrText,
    name: str | None,
    sizes: dict[str, Any],
    plain: bool = False,
    open_time: bool = False,
    weights: str | os.PathLike[str] | None = None,
    strict: bool = True,
) -> torch.nn.Module:
    """A module made from the program's definition `name`; the only model, where no name is given."""
    import archdsl

    try:
        from archdsl.torch import class_name, emit
        from archdsl.torch.plan import ProgramPlan

        __import__("torch")
    except ImportError as problem:
        raise ImportError(f"archdsl.load needs PyTorch, which is not installed here ({problem})") from None
    checked = archdsl.check(program)
    entry = name or only_model(checked)
    if entry not in checked.entries:
        raise ValueError(f"{checked.file} has no definition {entry!r}; it has {', '.join(checked.entries)}")
    definition = checked[entry]
    numbers = {
        key: number(f"{entry}'s {key}", value, key in ProgramPlan(checked).plans[entry].real)
        for key, value in sizes.items()
        if not isinstance(value, (bool, str))
        and (key in definition.sizes or key in {h.name for h in definition.hypers})
    }
    settings = {key: numbers.get(key, value) for key, value in sizes.items() if key not in definition.sizes}
    special = checked_with(program, entry, settings) if settings else checked
    if settings.keys() - numbers.keys() or not chosen_alike(definition, numbers):
        checked = special
    needed(checked[entry], numbers)
    fitting(checked[entry], numbers)
    module = module_of(emit(checked, [entry], plain=plain, open_time=open_time), checked.file)
    made: torch.nn.Module = getattr(module, class_name(checked, entry))(**numbers)
    if weights is not None:
        state = state_of(weights, made.state_dict())
        if made.state_dict() and state.keys().isdisjoint(made.state_dict()):
            raise ValueError(
                f"{os.fspath(weights)} has no weight of {entry}: {entry} has {some(made.state_dict())}; the file has {some(state)}"
            )
        made.load_state_dict(state, strict=strict)
    return made


# -- hyperparameters ---------------------------------------------------------------------------------------------------
def number(what: str, value: object, real: bool) -> int | float:
    """A hyperparameter's value as Python's own number. Raises TypeError."""
    if isinstance(value, Integral):
        return float(int(value)) if real else int(value)
    if isinstance(value, Real) and math.isfinite(value):
        found = float(value)
        if real:
            return found
        if found.is_integer():
            return int(found)
        raise TypeError(f"{what} is a whole number, and not {value}")
    raise TypeError(f"{what} is a number, and not {value!r}")


def checked_with(program: PathOrText, entry: str, settings: dict[str, Any]) -> Program:
    """The program with these hyperparameters. Raises `Errors` where it cannot have them, and TypeError where there are none such."""
    import archdsl
    from archdsl.passes.entries import UnknownSetting

    odd = next((k for k, v in settings.items() if not isinstance(v, (bool, int, float, str))), None)
    try:
        return archdsl.check(program, entry, **{k: 0 if k == odd else v for k, v in settings.items()})
    except UnknownSetting as problem:
        raise TypeError(str(problem)) from None


def needed(definition: Definition, given: Mapping[str, object]) -> None:
    """Raises TypeError where a size or hyperparameter has no value."""
    wanted = [*definition.sizes, *(h.name for h in definition.hypers if h.default is None)]
    missing = [name for name in wanted if name not in given]
    if missing:
        example = ", ".join(f"{name}=…" for name in missing)
        raise TypeError(
            f"{definition.name} needs {' and '.join(missing)}: archdsl.load(…, {definition.name!r}, {example})"
        )


def fitting(definition: Definition, given: Mapping[str, float]) -> None:
    """Raises ValueError where a size is none, or a number is not what it must be."""
    from archdsl.ir.num import Num
    from archdsl.ir.program import Must
    from archdsl.passes.frame import breaks, words
    from archdsl.summary import bind

    bound = bind(definition, {name: Num.of(value) for name, value in given.items()})
    numbers: list[tuple[Num, Must]] = [(Num.symbol(size), "positive") for size in definition.sizes]
    for number_, must in [*numbers, *((c.number, c.must) for c in definition.constraints)]:
        found = number_.subs(bound)
        if found.is_const and breaks(found, must):
            raise ValueError(f"{definition.name} cannot be made: {number_} is {found}, and must be {words(must)}")


def chosen_alike(definition: Definition, numbers: dict[str, float]) -> bool:
    """Whether every `if` comes out with these numbers as it did when the definition was made."""
    from archdsl.ir.num import Num
    from archdsl.passes.conditions import evaluate
    from archdsl.summary import bind

    bound = bind(definition, {name: Num.of(value) for name, value in numbers.items()})
    return all(evaluate(c.any_of, bound) in (c.outcome, None) for c in definition.conditions)


def only_model(program: Program) -> str:
    """The name of the program's one model."""
    models = [name for name in program.entries if program[name].kind == "model"] or program.entries
    if len(models) != 1:
        raise ValueError(f"{program.file} has {', '.join(models)}; say which one to load")
    return models[0]


# -- weights -----------------------------------------------------------------------------------------------------------
def some(names: Iterable[str]) -> str:
    """The first few of many names."""
    first = list(names)
    return ", ".join([*first[:3], *(["…"] if len(first) > 3 else [])]) or "none"


def state_of(path: str | os.PathLike[str], own: Mapping[str, object]) -> dict[str, Any]:
    """The state dict in a file: of safetensors, of torch, or the part of a training's checkpoint that has the names wanted."""
    file = os.fspath(path)
    if file.endswith(".safetensors"):
        try:
            from safetensors.torch import load_file
        except ImportError:
            raise ImportError(f"{file} needs the package safetensors: pip install safetensors") from None
        return dict(readable(file, lambda: load_file(file)))
    import torch

    state = readable(file, lambda: torch.load(file, map_location="cpu", weights_only=True))
    if not isinstance(state, dict):
        raise ValueError(f"{file} holds a {type(state).__name__}, and no state dict: torch.save(model.state_dict(), …)")
    parts = state.get("parts", state)  # `fit` keeps its training's parts under this name
    for part in sorted({name.partition(".")[0] for name in parts}):
        inside = {n.removeprefix(f"{part}."): v for n, v in parts.items() if n.startswith(f"{part}.")}
        if parts is not state and inside.keys() == own.keys():
            return inside
    return dict(parts)


def readable(file: str, read: Callable[[], Any]) -> Any:
    """What a file holds. Raises OSError where there is none, and ValueError where it holds no tensors under names."""
    try:
        return read()
    except OSError:
        raise
    except Exception as problem:  # what torch and safetensors raise depends on the byte they stumble over
        raise ValueError(f"{file} cannot be read as a state dict: torch.save(model.state_dict(), …)") from problem


# -- modules -----------------------------------------------------------------------------------------------------------
def module_of(source: str, file: str) -> ModuleType:
    """The module that the source makes; the same one for the same source."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    name = f"archdsl_loaded_{digest}"
    if name not in sys.modules:
        module = ModuleType(name, f"Compiled from {file}.")
        module.__file__ = f"<archdsl {digest}>"
        linecache.cache[module.__file__] = (len(source), None, source.splitlines(keepends=True), module.__file__)
        sys.modules[name] = module
        try:
            exec(builtins.compile(source, module.__file__, "exec"), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == name:
                copyreg.pickle(value, Pickled(source, file))
    return sys.modules[name]


class Pickled:
    """How what a loaded class makes is pickled: with the source, from which the class is made again where it is read."""

    def __init__(self, source: str, file: str):
        self.source, self.file = source, file

    def __call__(self, one: Any) -> tuple[Any, ...]:
        _, (_, *values), *state = one.__reduce_ex__(2)
        return unpickled, (self.source, self.file, type(one).__qualname__, *values), *state


def unpickled(source: str, file: str, name: str, *values: Any) -> Any:
    """A new instance of a loaded class, as `pickle` makes it before its state is set."""
    made = getattr(module_of(source, file), name)
    return made.__new__(made, *values)
