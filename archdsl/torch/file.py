"""A program → one Python file: imports, helper functions, one class for each definition that is needed, each after those it uses.

The base class of trains stands in the file, or is imported from a module that `write_trainer` is the text of.
"""

from __future__ import annotations

import re

from archdsl.ir.program import Apply, Made, Minimize, Program
from archdsl.ir.regions import nodes
from archdsl.torch.module import Module
from archdsl.torch.plan import Plan, ProgramPlan
from archdsl.torch.train import Train
from archdsl.torch.trainer import trainer


def write_file(
    program: Program,
    entries: list[str],
    plain: bool = False,
    trainer_module: str = "",
    checkpointing: bool = False,
    open_time: bool = False,
) -> str:
    """The whole file for some definitions and all that they use; trains import their base class from the module, if there is one."""
    plan = ProgramPlan(program, plain, checkpointing, open_time)
    order: dict[str, Plan] = {}
    for entry in entries:
        _visit(plan.plans[entry], order)
    classes: dict[bool, list[str]] = {False: [], True: []}
    helpers: dict[str, None] = {}
    for one in order.values():
        trains = one.definition.kind == "train"
        writer = Train(one) if trains else Module(one)
        classes[trains].append("\n".join(writer.lines()))
        helpers.update(writer.helpers)
    base, imported = [], []
    if classes[True] and trainer_module:
        imported = ["", f"from {trainer_module} import Trainer"]
    elif classes[True]:
        base = [_base([one for one in order.values() if one.definition.kind == "train"])]
    return _file([*(h.strip("\n") for h in helpers), *classes[False], *base, *classes[True]], imported)


def write_trainer() -> str:
    """A file with the base class of all trains."""
    return _file([trainer().strip("\n")])


def _file(parts: list[str], imported: list[str] | None = None) -> str:
    body = "\n\n\n".join(parts)
    return "\n".join([*imports(body), *(imported or [])]) + "\n\n\n" + body + "\n"


def _base(trains: list[Plan]) -> str:
    """The base class with what these trains can use."""
    found = [n for one in trains for n in nodes(one.definition.body)]
    learns = any(isinstance(n, Minimize) for n in found)
    return trainer(learns, any(isinstance(n, Apply) and n.op == "gradient" for n in found)).strip("\n")


def _visit(plan: Plan, order: dict[str, Plan]) -> None:
    """What a definition uses, then the definition."""
    if plan.definition.name in order:
        return
    for h in plan.held:
        if isinstance(h.item, Made) and not h.item.primitive:
            _visit(plan.program.of(h.item), order)
    order[plan.definition.name] = plan


def imports(body: str) -> list[str]:
    """The imports that a body needs, in the order that linters want."""
    code = re.sub(r'""".*?"""|"[^"\n]*"', "", body, flags=re.S)

    def used(word: str) -> bool:
        return re.search(rf"(?<![\w.]){word}", code) is not None

    plain = [f"import {m}" for m in ("atexit", "math", "os", "sys") if used(rf"{m}\.")]
    standard = [
        ("collections.abc", ["Callable", "Iterable", "Mapping", "Sized"]),
        ("functools", ["partial"]),
        ("pathlib", ["Path"]),
        ("time", ["sleep"]),
        ("typing", ["Any", "NamedTuple"]),
    ]
    named = []
    for module, names in standard:
        present = [n for n in names if used(rf"{n}\b")]
        if present:
            named.append(f"from {module} import {', '.join(present)}")
    torch = ["import torch"] if used(r"torch\.") else []
    torch += ["import torch.nn.functional as F"] if used(r"F\.") else []
    from_torch = [n for n in ("Tensor", "nn") if used(rf"{n}\b")]
    torch += [f"from torch import {', '.join(from_torch)}"] if from_torch else []
    torch += ["from torch.utils.checkpoint import checkpoint"] if used(r"checkpoint\(") else []
    first = plain + named
    return [*first, *([""] if first else []), *torch]
