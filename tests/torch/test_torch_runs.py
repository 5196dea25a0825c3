"""Every program runs: the shapes that come out are the shapes that were inferred, and parameters are as many as counted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from emitted import PROGRAMS, inputs, instance, numbers, program, run, shape, source
from torch import Tensor, nn

from archdsl.ir.num import Num
from archdsl.ir.program import Definition, Made, Param
from archdsl.torch.plan import Plan, ProgramPlan

LARGE = {"bert", "gpt1", "gpt2", "transformer", "vit", "gnmt", "mixer", "gmlp", "resnet50", "dcgan", "drcn", "wavenet"}
"""On the meta device: shapes without numbers."""
ROOMS = [
    (p, d.name) for p in PROGRAMS for d in program(p).definitions if d.name in program(p).entries and not d.conditions
]


@pytest.mark.parametrize(("path", "name"), ROOMS, ids=[f"{p.stem}-{n}" for p, n in ROOMS])
def test_runs(path: Path, name: str) -> None:
    definition = program(path)[name]
    names = run(source(path))
    device = "meta" if path.stem in LARGE else "cpu"
    plan = ProgramPlan(program(path)).plans[name]
    for sizes in ({}, {"batch": 2, "time": 4}):
        values = numbers(definition, plan.real, **sizes)
        with torch.device(device):
            module = instance(program(path), name, names, values)
            given = inputs(definition, values)
            assert sum(p.numel() for p in module.parameters()) == count(plan, values)
            if definition.kind == "train":
                if device == "meta":
                    continue
                assert all(isinstance(v, (int, float)) for v in module.step(*given).values())  # type: ignore[operator]
                continue
            for training in (True, False):
                check(module.train(training), definition, given, values)


def check(module: nn.Module, definition: Definition, given: list[Tensor], values: dict[str, Num]) -> None:
    result = module(*given)
    outputs = [result] if isinstance(result, Tensor) else list(result)[: len(definition.outputs)]
    assert len(outputs) == len(definition.outputs)
    for out, want in zip(outputs, definition.outputs):
        assert tuple(out.shape) == shape(want.type, values), want.name
        kind = "float" if out.is_floating_point() else "bool" if out.dtype == torch.bool else "int"
        assert kind == want.type.dtype, want.name


def count(plan: Plan, values: dict[str, Num]) -> int:
    """The parameters that the IR says there are."""
    total = 0
    for held in plan.held:
        here = dict(values)
        copies = [{}]
        for stack in held.stacks:
            number = int(stack.count.subs(here).value)
            copies = [{**c, stack.index or "": Num.of(i)} for c in copies for i in range(number)]
        for copy in copies:
            here = {**values, **copy}
            total += one(plan, held.item, here)
    return total


def one(plan: Plan, item: Made | Param, values: dict[str, Num]) -> int:
    if isinstance(item, Param):
        return int(item.value.type.elements.subs(values).value)
    if item.primitive:
        return sum(int(t.elements.subs(values).value) for t in item.weights.values())
    callee = plan.program.of(item)
    inner = {n: v.subs(values) for n, v in {**item.settings, **item.sizes}.items() if isinstance(v, Num)}
    return count(callee, inner)
