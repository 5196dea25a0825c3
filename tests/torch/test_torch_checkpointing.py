"""`compile --checkpointing`: the same losses and gradients, with less kept for the backward pass, in every program with a stack."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from emitted import PROGRAMS, inputs, instance, numbers, program, run
from torch import Tensor, nn

from archdsl.compiler import analyse
from archdsl.ir.program import Definition, Repeat
from archdsl.torch import emit
from archdsl.torch.plan import ProgramPlan, nodes

COLLECTS = """
model Net(d = 4, layers = 3) {
  input x: [batch, d]
  x -> stack layers {
    input h
    scale = Linear(d)(h)
    h' = h + tanh(Linear(d)(h) * scale) -> Dropout(0.5)
    collect output seen: [all, batch, d] = relu(h)
  } -> output y
}
"""


def stacks(definition: Definition) -> list[Repeat]:
    return [n for n in nodes(definition.body) if isinstance(n, Repeat) and n.kind == "stack"]


SMALL = {
    "layers": 2,
    "blocks": 2,
    "vocab": 20,
    "context": 12,
    "d": 16,
    "heads": 2,
    "units": 8,
    "channels": 8,
    "classes": 5,
}
STACKED = [
    (p, d.name)
    for p in PROGRAMS
    for d in program(p).definitions
    if d.kind != "train" and d.name in program(p).entries and stacks(d)
]


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
    torch.manual_seed(0)
    module = instance(program(path), name, run(emitted(path)), values).double().train()
    given = [x.double() if x.is_floating_point() else x for x in inputs(definition, values)]
    plain, kept = gradients(module, given, wanted=False)
    again, less = gradients(module, given, wanted=True)
    assert len(plain) == len(again) > 0
    for a, b in zip(plain, again, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14, equal_nan=True)
    assert less <= kept


def test_a_copy_of_several_statements_keeps_nothing_between_and_appends_once() -> None:
    names = run(emit(analyse(COLLECTS), checkpointing=True))
    module = names["Net"](layers=6)
    plain, kept = gradients(module, [torch.randn(3, 4)], wanted=False)
    again, less = gradients(module, [torch.randn(3, 4).copy_(torch.zeros(3, 4))], wanted=True)
    assert [x.shape for x in plain] == [x.shape for x in again] and less < kept / 2


def test_what_has_memories_or_states_is_computed_once() -> None:
    from emitted import ROOT

    assert "recompute(" not in emitted(ROOT / "examples" / "resnet18.arch")


def test_reads_well(tmp_path: Path) -> None:
    for path in {p for p, _ in STACKED}:
        (tmp_path / f"{path.stem}_file.py").write_text(emitted(path), encoding="utf-8")
    for command in (
        ("ruff", "format", "--isolated", "--line-length", "100", "--diff", "."),
        ("ruff", "check", "--isolated", "--line-length", "100", "."),
        ("mypy", "--strict", *sorted(p.name for p in tmp_path.glob("*.py"))),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
