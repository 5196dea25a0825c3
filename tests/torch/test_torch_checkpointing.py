"""`compile --checkpointing`: the same losses and gradients, with less kept for the backward pass, in every program with a stack."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from emitted import PROGRAMS, ROOT, inputs, instance, numbers, program, run
from torch import Tensor, nn

from archdsl import cli
from archdsl.compiler import analyse
from archdsl.ir.program import Repeat
from archdsl.ir.regions import nodes
from archdsl.torch import emit
from archdsl.torch.needs import has_effect
from archdsl.torch.plan import ProgramPlan

COLLECTS = """
model Net(d = 4, layers = 3) {
  input x: [batch, d]
  r = x -> stack layers {
    input h
    scale = Linear(d)(h)
    h' = h + Dropout(0.5)(tanh(tanh(Linear(d)(h)) * scale))
    output seen = relu(h)
  }
  output y = r
  output each = r.seen
}
"""


def recomputed(path: Path) -> list[str]:
    """The definitions with a stack whose copies have no memory or state."""
    result = []
    for name, plan in ProgramPlan(program(path)).plans.items():
        found = [n for n in nodes(plan.definition.body) if isinstance(n, Repeat) and n.kind == "stack" and not n.rides]
        if plan.definition.kind != "train" and name in program(path).entries:
            result += [name] * any(n.carried and not has_effect(n, plan) for n in found)
    return result


SMALL = {
    "layers": 2,
    "blocks": 2,
    "vocab": 20,
    "context": 12,
    "d": 16,
    "heads": 2,
    "classes": 5,
}
STACKED = [(path, name) for path in PROGRAMS for name in recomputed(path)]


@cache
def emitted(path: Path) -> str:
    return emit(program(path), checkpointing=True)


def recomputes(module: nn.Module) -> list[Any]:
    return [m for m in module.modules() if hasattr(m, "checkpointing")]


def gradients(module: nn.Module, given: list[Tensor], wanted: bool) -> tuple[list[Tensor], int]:
    """The results and all gradients, and how many numbers were kept for the backward pass."""
    for each in recomputes(module):
        each.checkpointing = wanted
    kept: dict[int, int] = {}

    def keep(x: Tensor) -> Tensor:
        kept[x.data_ptr()] = x.numel()
        return x

    module.zero_grad()
    given = [x.clone().requires_grad_() if x.is_floating_point() else x for x in given]
    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        results = module(*given)
        results = [r for r in (results if isinstance(results, tuple) else (results,)) if isinstance(r, Tensor)]
    total = sum(r.square().mean() for r in results)
    assert isinstance(total, Tensor)
    total.backward()
    found = [*results, *(x.grad for x in given if x.grad is not None)]
    return [x.detach() for x in [*found, *(p.grad for p in module.parameters() if p.grad is not None)]], sum(
        kept.values()
    )


@pytest.mark.parametrize(("path", "name"), STACKED, ids=lambda v: v.stem if isinstance(v, Path) else v)
def test_equal_losses_and_gradients(path: Path, name: str) -> None:
    definition = program(path)[name]
    small = {h.name: SMALL[h.name] for h in definition.hypers if h.name in SMALL}
    values = numbers(definition, ProgramPlan(program(path)).plans[name].real, **small)
    module = instance(program(path), name, run(emitted(path)), values).double().train()
    given = [x.double() if x.is_floating_point() else x for x in inputs(definition, values)]
    assert recomputes(module)
    plain, again = (gradients(module, given, wanted)[0] for wanted in (False, True))
    assert len(plain) == len(again) > 0
    for a, b in zip(plain, again, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14, equal_nan=True)


def test_a_copy_of_several_statements_is_given_what_it_reads_and_appends_once() -> None:
    module = run(emit(analyse(COLLECTS), checkpointing=True))["Net"](layers=6)
    given = [torch.randn(3, 4)]
    (plain, kept), (again, less) = (gradients(module, given, wanted) for wanted in (False, True))
    assert plain[1].shape == (6, 3, 4) and less < kept / 2
    for a, b in zip(plain, again, strict=True):
        torch.testing.assert_close(a, b)


def test_a_transformer_keeps_less() -> None:
    path = ROOT / "examples" / "gpt2.arch"
    module = run(emitted(path))["GPT2"](vocab=20, context=12, d=16, layers=6, heads=2)
    (_, kept), (_, less) = (gradients(module, [torch.randint(0, 20, (2, 12))], wanted) for wanted in (False, True))
    assert less < kept / 2


def test_compiles_whole() -> None:
    module = run(emit(analyse(COLLECTS), checkpointing=True))["Net"]().eval()
    x = torch.randn(3, 4)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(gradients(compiled, [x], wanted=True)[0], gradients(module, [x], wanted=True)[0])


def test_what_has_memories_or_states_is_computed_once() -> None:
    assert "recompute(" not in emitted(ROOT / "examples" / "resnet18.arch")


def test_stacks_that_are_left_as_they_are_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--checkpointing", "-o", str(tmp_path / "net.py")]
    assert cli.main(["compile", str(ROOT / "examples" / "resnet18.arch"), *given]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    where, _, reason = line.partition(": this stack")
    text = (ROOT / "examples" / "resnet18.arch").read_text(encoding="utf-8").splitlines()
    assert "stack units - 1" in text[int(where.split(":")[-2]) - 1] and "would change twice" in reason
    assert cli.main(["compile", str(ROOT / "examples" / "gpt2.arch"), *given]) == 0
    assert capsys.readouterr().err == ""
