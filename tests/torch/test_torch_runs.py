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


# -- with what people do next ----------------------------------------------------------------------------------------
SMALL = {
    "d": 32,
    "heads": 4,
    "layers": 2,
    "units": 16,
    "vocab": 50,
    "context": 16,
    "rows": 6,
    "filters": 4,
    "passes": 3,
    "channels": 8,
}
MODELS = ["tagger", "gpt2", "resnet18", "ntm", "vae", "wavenet", "drcn", "gru"]


def small(name: str) -> tuple[nn.Module, list[Tensor]]:
    """An example's model, small, and inputs."""
    path = next(p for p in PROGRAMS if p.stem == name)
    definition = next(d for d in program(path).definitions if d.kind == "model")
    values = numbers(definition, ProgramPlan(program(path)).plans[definition.name].real, **SMALL)
    return instance(program(path), definition.name, run(source(path)), values), inputs(definition, values)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("training", [True, False])
def test_compiles_as_one_graph(name: str, training: bool) -> None:
    module, given = small(name)
    module.train(training)
    torch._dynamo.reset()
    results = []
    for function in (module, torch.compile(module, fullgraph=True, backend="eager")):
        torch.manual_seed(0)
        results.append(tensors(function(*given)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_exports(name: str) -> None:
    module, given = small(name)
    exported = torch.export.export(module.eval(), tuple(given))
    results = []
    for function in (module, exported.module()):
        torch.manual_seed(0)
        results.append(tensors(function(*given)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


def tensors(out: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [out] if isinstance(out, Tensor) else list(out)


@pytest.mark.parametrize("name", ["tagger", "ntm", "resnet18", "gru", "wavenet"])
def test_runs_in_double(name: str) -> None:
    """New tensors take the kind of what they meet."""
    module, given = small(name)
    given = [x.double() if x.is_floating_point() else x for x in given]
    assert all(t.dtype == torch.float64 for t in tensors(module.double()(*given)))
