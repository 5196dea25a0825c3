"""Random programs of the whole language (tests/wide.py) are compiled and run, fast and by their literal equations, and both do the same:
outputs and gradients of every definition, losses and weights after a training step.
"""

from __future__ import annotations

import random
import re

import pytest
import torch
from emitted import inputs, instance, numbers, run
from test_torch_plain import agree
from torch import Tensor, nn

from archdsl.compiler import analyse
from archdsl.ir.program import Program
from archdsl.torch import emit
from archdsl.torch.plan import ProgramPlan
from tests.wide import wide

SEEDS = [*range(18), 30, 71, 135, 271]
"""Among them those that once could not be compiled, or not be trained."""
OF_THE_DATA = re.compile("out of bounds|is singular|should be between 0 and 1")
"""What a random program may be told by torch of random numbers, however it is compiled."""
JUMPS = re.compile(r"round\(|floor\(|heaviside\(|sign\(|arg(max|min)\(|to_int\(|sort\(|//|%|[<>=!]= | [<>] ")
CHOSEN = re.compile(r"^ *(expect|if|is_\d+ =|config) .*$", re.MULTILINE)
"""Where rounding may tip a value over an edge, which no condition or check does, what comes out is not compared."""


def outcome(program: Program, name: str, pair: list[nn.Module], given: list[Tensor], compared: bool) -> None:
    if program[name].kind != "train" and compared:
        return agree(pair[0], pair[1], given)
    given = [x.double() if x.is_floating_point() else x for x in given]
    pair[1].load_state_dict(pair[0].state_dict())
    results = []
    for module in pair:
        torch.manual_seed(1)
        results.append(module.double().step(*given) if program[name].kind == "train" else module.double()(*given))  # type: ignore[operator]
    if not compared:
        return None
    assert list(results[0]) == list(results[1])
    for key, loss in results[1].items():
        assert results[0][key] == pytest.approx(loss, rel=1e-9, abs=1e-9, nan_ok=True)
    for (key, one), other in zip(pair[0].state_dict().items(), pair[1].state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8, equal_nan=True, msg=key)
    return None


def test_many_are_compared() -> None:
    assert sum(not JUMPS.search(CHOSEN.sub("", wide(random.Random(seed)))) for seed in SEEDS) > len(SEEDS) / 3


@pytest.mark.parametrize("seed", SEEDS)
def test_fast_and_literal_do_the_same(seed: int) -> None:
    text = wide(random.Random(seed))
    program = analyse(text)
    files = [run(emit(program)), run(emit(program, plain=True))]
    for name in program.entries:
        if program[name].conditions:
            continue
        values = numbers(program[name], ProgramPlan(program).plans[name].real, batch=2, time=5)
        pair = [instance(program, name, names, values) for names in files]
        try:
            outcome(program, name, pair, inputs(program[name], values), not JUMPS.search(CHOSEN.sub("", text)))
        except FloatingPointError:  # a loss that is no finite number, which random equations may well have
            continue
        except RuntimeError as problem:
            if not OF_THE_DATA.search(str(problem)):
                raise
