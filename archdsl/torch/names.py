"""Names that are safe in the emitted file.

In: names from the program, which are ASCII identifiers. Out: Python names that are no keyword, hide nothing that the code around them
uses, and are unique where they must be. A name that cannot stay gets a `_` at its end.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from archdsl.ir import naming

MODULE_NAMES = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
        "bfloat16",
        "bind_to",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "cls",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "initial_state",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
TRAINER_NAMES = frozenset(
    [
        "average",
        "averaged",
        "checked",
        "clip",
        "descend",
        "differentiates",
        "evaluate",
        "evaluating",
        "fit",
        "join",
        "optimizers",
        "origin",
        "part",
        "prepared",
        "rank",
        "resume",
        "run",
        "save",
        "shard",
        "sharded",
        "step",
        "steps",
        "world",
    ]
)
IMPORTED = frozenset(
    [
        "torch",
        "nn",
        "F",
        "Tensor",
        "atexit",
        "math",
        "os",
        "sys",
        "Any",
        "Callable",
        "Iterable",
        "Mapping",
        "NamedTuple",
        "Path",
        "Sized",
        "partial",
        "sleep",
    ]
)
_FUNCTIONS = frozenset(n for n in dir(builtins) if n.islower()) | IMPORTED | {"self", "super", "cls"}
_AMBIGUOUS = frozenset(["l", "O", "I"])  # hard to tell from digits; linters refuse them as variables


def identifier(text: str) -> str:
    """The text as an identifier, whatever it holds."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_") or "x"
    return f"_{plain}" if plain[0].isdigit() else plain


def variable(name: str) -> str:
    """A name for a local variable or a parameter."""
    name = identifier(name)
    taken = keyword.iskeyword(name) or name in _FUNCTIONS or name in _AMBIGUOUS
    return f"{name}_" if taken else name


def attribute(name: str, trains: bool = False) -> str:
    """A name for an attribute of a module, or of a trainer."""
    name = name if re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) else identifier(name)
    return f"{name}_" if keyword.iskeyword(name) or name in MODULE_NAMES or (trains and name in TRAINER_NAMES) else name


def class_name(name: str) -> str:
    """A name for a class."""
    name = identifier(name)
    taken = keyword.iskeyword(name) or name in IMPORTED or name in dir(builtins) or name in _AMBIGUOUS
    return f"{name}_" if taken else name


def snake(name: str) -> str:
    """`EncoderLayer` → `encoder_layer`, `LSTM` → `lstm`."""
    return identifier(naming.snake(name))


def singular(name: str) -> str:
    """`layers` → `layer`, `branches` → `branch`."""
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    if name.endswith(("ches", "shes", "sses", "xes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") and len(name) > 2 else name


def plural(name: str) -> str:
    """`layer` → `layers`, `branch` → `branches`."""
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"


class Namespace:
    """Names that are taken in one place of the file."""

    def __init__(self, taken: Iterable[str] = ()):
        self.taken = set(taken)

    def take(self, *wanted: str) -> str:
        """The first of the names that is free, else the last with a number; it is taken from now on."""
        for name in wanted:
            if name not in self.taken:
                self.taken.add(name)
                return name
        number = 2
        while f"{wanted[-1]}_{number}" in self.taken:
            number += 1
        self.taken.add(f"{wanted[-1]}_{number}")
        return f"{wanted[-1]}_{number}"
