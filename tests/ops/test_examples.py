"""Every op's example is a program: it checks, compiles, runs, and gives the shape that was inferred."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from archdsl import compiler
from archdsl.ops import OPS
from archdsl.ops.base import Op
from archdsl.torch import emit

EXAMPLES = [op for op in OPS.values() if op.example]


def program(op: Op) -> str:
    """A model in which `x: [batch, 8]` is given, and which puts out what the example names last."""
    names = re.findall(r"^([\w, ]+?) =", op.example, re.M)[-1]
    lines = ["input x: [batch, 8]", *op.example.splitlines(), f"output {names}"]
    return "model Example() {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def test_only_what_needs_a_draw_or_a_loss_has_no_example() -> None:
    assert {op.name for op in OPS.values()} - {op.name for op in EXAMPLES} == {"gradient", "log_prob"}


@pytest.mark.parametrize("op", EXAMPLES, ids=lambda op: op.name)
def test_example(op: Op) -> None:
    checked = compiler.analyse(program(op))
    (model,) = checked.definitions[:1]
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(compile(emit(checked, ["Example"]), "example.py", "exec"), namespace)
    module = namespace["Example"]()
    results = module(torch.rand(8, 8))
    results = list(results) if isinstance(results, tuple) else [results]
    for output, result in zip(model.outputs, results, strict=True):
        wanted = tuple(int(n.subs({"batch": n.of(8)}).value) for n in output.type.shape)
        assert tuple(result.shape) == wanted
