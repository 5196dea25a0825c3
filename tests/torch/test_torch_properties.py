"""Properties: names never change what is computed, and printing never changes what is meant."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from emitted import CASES, ROOT, inputs, instance, numbers, program, run
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from archdsl.ir.num import Num
from archdsl.ir.program import Definition, Program, Repeat
from archdsl.ir.regions import nodes
from archdsl.torch import emit
from archdsl.torch.numbers import number
from archdsl.torch.plan import ProgramPlan
from archdsl.torch.printer import flat, lines, parse

# -- names -----------------------------------------------------------------------------------------------------------
WORDS = [
    "x",
    "h",
    "y",
    "a",
    "i",
    "x_t",
    "hidden",
    "outputs",
    "state",
    "out",
    "self",
    "torch",
    "range",
    "lambda",
    "mean_by",
    "l",
    None,
]
NAMED = [
    CASES / f"{n}.arch" for n in ("states", "repeats", "scans_without_state", "scans_in_scans", "storage", "composed")
]
NAMED += [
    ROOT / "examples" / f"{n}.arch" for n in ("ntm", "gru", "viterbi", "drcn", "som", "ocsvm", "wavenet", "resnet18")
]


def renamed(original: Program, seed: int) -> Program:
    """The program with other names for its values."""
    copy = original.model_copy(deep=True)
    pick = random.Random(seed)
    for definition in copy.definitions:
        for value in values(definition):
            value.name = pick.choice(WORDS)
    return copy


def values(definition: Definition) -> Iterator[Any]:
    """All values whose names are the program's to choose, and mean nothing."""
    for node in nodes(definition.body):
        yield from getattr(node, "outputs", [])
        if isinstance(node, Repeat):
            yield from (s.value for s in node.sliced)
            for carried in node.carried:
                yield from (carried.value, carried.final)
            yield from (c.value for c in node.collected)


def results(module: nn.Module, given_: list[Tensor]) -> list[Tensor]:
    torch.manual_seed(0)
    out = module(*given_)
    return [out] if isinstance(out, Tensor) else [t for t in out if isinstance(t, Tensor)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("path", NAMED, ids=lambda p: p.stem)
def test_names_of_values_mean_nothing(path: Path, seed: int) -> None:
    original = program(path)
    other = renamed(original, seed)
    names, new_names = run(emit(original)), run(emit(other))
    for name in original.entries:
        definition = original[name]
        if definition.kind == "train" or definition.conditions:
            continue
        plan = ProgramPlan(original).plans[name]
        small = {"d": 4, "units": 4, "filters": 4, "channels": 4, "rows": 6, "columns": 5, "side": 32, "passes": 3}
        sizes = numbers(
            definition,
            plan.real,
            **{k: v for k, v in small.items() if path.parent == CASES or k in ("filters", "passes")},
        )
        a, b = instance(original, name, names, sizes), instance(other, name, new_names, sizes)
        b.load_state_dict(a.state_dict())
        given_ = inputs(definition, sizes)
        for training in (True, False):
            for x, y in zip(results(a.train(training), given_), results(b.train(training), given_), strict=True):
                torch.testing.assert_close(x, y, equal_nan=True)


# -- text ------------------------------------------------------------------------------------------------------------
leaves = st.sampled_from(["x", "self.d", "2", "1e-5", "-1", "'a'", "x.shape[0]", "None"]).map(parse)


def grown(inner: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[ast.expr]:
    """Expressions made of others."""
    binary = st.sampled_from([ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.MatMult, ast.Pow, ast.BitAnd])
    return st.one_of(
        st.builds(lambda a, op, b: ast.BinOp(a, op(), b), inner, binary, inner),
        st.builds(lambda a: ast.UnaryOp(ast.USub(), a), inner),
        st.builds(lambda a: ast.UnaryOp(ast.Not(), a), inner),
        st.builds(lambda a, b: ast.Compare(a, [ast.LtE()], [b]), inner, inner),
        st.builds(lambda a, b: ast.BoolOp(ast.And(), [a, b]), inner, inner),
        st.builds(lambda a, b, c: ast.IfExp(a, b, c), inner, inner, inner),
        st.builds(lambda a, b: ast.Call(parse("F.relu"), [a], [ast.keyword("dim", b)]), inner, inner),
        st.builds(lambda a: ast.Call(ast.Attribute(a, "mean", ast.Load()), [], []), inner),
        st.builds(lambda a, b: ast.Subscript(a, ast.Slice(b, None)), inner, inner),
        st.builds(lambda a, b: ast.Tuple([a, b], ast.Load()), inner, inner),
    )


expressions = st.recursive(leaves, grown, max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(expressions)
def test_text_means_the_expression(node: ast.expr) -> None:
    assert ast.dump(parse(flat(node))) == ast.dump(parse(ast.unparse(node)))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["y", "self.weights"]), st.lists(leaves, min_size=1, max_size=14)),
        min_size=30,
        max_size=40,
    )
)
def test_long_calls_are_broken_as_ruff_breaks_them(calls: list[tuple[str, list[ast.expr]]]) -> None:
    text: list[str] = []
    for target, arguments in calls:
        text += lines(
            "", f"{target} = ", ast.Call(parse("torch.function"), arguments, [ast.keyword("dim", parse("-1"))])
        )
    source = "\n".join(text) + "\n"
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"]
    assert subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout == source


# -- numbers ---------------------------------------------------------------------------------------------------------
sizes = st.sampled_from(["a", "b", "c"]).map(Num.symbol)
polynomials = st.recursive(
    st.one_of(sizes, st.integers(1, 9).map(Num.of)),
    lambda n: st.one_of(
        st.builds(lambda a, b: a + b, n, n), st.builds(lambda a, b: a - b, n, n), st.builds(lambda a, b: a * b, n, n)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(polynomials, st.integers(1, 6), st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)))
def test_numbers_in_python_are_the_numbers(n: Num, divisor: int, chosen: tuple[int, int, int]) -> None:
    where = dict(zip("abc", chosen))
    exact = n.subs({k: Num.of(v) for k, v in where.items()})
    assert eval(number(n, lambda s: s), {}, where) == exact.value
    floored = n // divisor
    assert eval(number(floored, lambda s: s), {}, where) == exact.value // divisor
    assert eval(number(n / divisor, lambda s: s, whole=False), {}, where) == pytest.approx(float(exact.value / divisor))
