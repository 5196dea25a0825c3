"""Programs as live modules: `archdsl.load`.

The emitted source runs in a module of its own, which stays registered under a name that its text gives, so that what it makes can be
pickled, and its lines can be seen in tracebacks and by `inspect`.
"""

from __future__ import annotations

import builtins
import hashlib
import linecache
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from archdsl import PathOrText
    from archdsl.ir.program import Definition, Program


def load(program: PathOrText, name: str | None, sizes: dict[str, Any], plain: bool = False) -> torch.nn.Module:
    """A module made from the program's model or block `name`; the only model, where no name is given."""
    import archdsl
    from archdsl.torch import class_name, emit

    checked = archdsl.check(program)
    entry = name or only_model(checked)
    if entry not in checked.entries:
        raise ValueError(f"{checked.file} has no definition {entry!r}; it has {', '.join(checked.entries)}")
    words = {key: value for key, value in sizes.items() if isinstance(value, (bool, str))}
    numbers = {key: value for key, value in sizes.items() if key not in words}
    if words or not chosen_alike(checked[entry], numbers):
        checked = archdsl.check(program, entry, **sizes)
    module = module_of(emit(checked, [entry], plain), checked.file)
    made: torch.nn.Module = getattr(module, class_name(checked, entry))(**numbers)
    return made


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
    return sys.modules[name]
