"""Counts and multiply-adds of programs built by hand, against numbers worked out from the equations."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from archdsl.compiler import analyse
from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Call,
    Definition,
    Fill,
    Hyper,
    Input,
    Made,
    Output,
    Param,
    Place,
    Program,
    Region,
    Repeat,
    Value,
)
from archdsl.ir.types import Type
from archdsl.summary import Counts, Unsettled, count, macs

HERE = Place(file="t.arch", line=1, column=1, end_line=1, end_column=2)


def n(text: str | int) -> Num:
    return Num.parse(str(text))


def shape(*sizes: str | int) -> Type:
    return Type(shape=tuple(n(s) for s in sizes))


def value(number: int, *sizes: str | int, name: str | None = None) -> Value:
    return Value(id=number, name=name, type=shape(*sizes))


def linear(number: int, d_in: str | int, d_out: str | int, frozen: bool = False) -> Made:
    return Made(
        id=number,
        name=f"linear_{number}",
        named=False,
        of="Linear",
        primitive=True,
        settings={"d_out": n(d_out), "bias": True},
        sizes={"d_in": n(d_in)},
        weights={"weight": shape(d_out, d_in), "bias": shape(d_out)},
        frozen=frozen,
        place=HERE,
    )


def make(number: int, of: str, **settings: str | int) -> Made:
    return Made(
        id=number,
        name=of.lower(),
        named=False,
        of=of,
        primitive=False,
        settings={k: n(v) for k, v in settings.items()},
        place=HERE,
    )


def use(made: int, source: int, result: Value, d_out: str | int) -> Apply:
    return Apply(
        op="Linear",
        inputs=[source],
        settings={"d_out": n(d_out), "bias": True},
        made=made,
        outputs=[result],
        place=HERE,
    )


def repeat(kind: str, passes: str | int, body: Region, index: str | None = None) -> Repeat:
    return Repeat(kind=kind, count=n(passes), index=index, body=body, place=HERE)


def definition(
    name: str, body: Region, *hypers: tuple[str, str | int | None], inputs: list[Value] | None = None
) -> Definition:
    return Definition(
        name=name,
        source_name=name,
        kind="model",
        hypers=[Hyper(name=h, default=None if d is None else n(d)) for h, d in hypers],
        inputs=[Input(**dict(i)) for i in inputs or []],
        body=body,
        outputs=[Output(name="y", operand=n(0), type=shape())],
        place=HERE,
    )


def program(*definitions: Definition) -> Program:
    return Program(file="t.arch", entries=[definitions[0].name], definitions=list(definitions))


def gpt() -> Program:
    """GPT-2's shape, its head tied: two tables, twelve layers, one last norm."""
    layer = definition(
        "Layer",
        Region(
            made=[linear(0, "d", "3*d"), linear(1, "d", "d"), linear(2, "d", "4*d"), linear(3, "4*d", "d")],
            params=[Param(value=value(i, "d"), initial=Fill(name="ones"), place=HERE) for i in range(10, 14)],
        ),
        ("d", None),
    )
    stack = repeat("stack", "layers", Region(made=[make(9, "Layer", d="d")]))
    params = [("vocab", "d"), ("context", "d"), ("d",), ("d",)]
    body = Region(
        params=[Param(value=value(20 + i, *p), initial=Fill(name="zeros"), place=HERE) for i, p in enumerate(params)],
        nodes=[stack],
    )
    return program(definition("GPT", body, ("vocab", 50257), ("context", 1024), ("d", 768), ("layers", 12)), layer)


def test_gpt_sizes_are_exact() -> None:
    assert count(gpt(), "GPT") == Counts(n(124_439_808), n(0))
    assert count(gpt(), "GPT", {"d": n(1600), "layers": n(48)}).learned == 1_557_611_200


def test_a_huge_model_counts_at_once() -> None:
    start = time.process_time()
    counts = count(gpt(), "GPT", {"d": n(12_288), "layers": n(96), "context": n(2048)})
    assert counts.learned == 174_604_259_328 - 0
    assert time.process_time() - start < 0.5


def test_a_loop_and_a_scan_share_their_weights() -> None:
    for kind in ("loop", "scan"):
        body = Region(nodes=[repeat(kind, 16, Region(made=[linear(0, 4, 4)]))])
        assert count(program(definition("M", body)), "M").learned == 20


def test_what_is_named_outside_a_stack_counts_once() -> None:
    body = Region(
        made=[linear(0, 4, 4)], nodes=[repeat("stack", 12, Region(nodes=[use(0, 1, value(1, "batch", 4), 4)]))]
    )
    assert count(program(definition("M", body)), "M").learned == 20


def test_frozen_counts_apart_and_freezes_what_is_inside() -> None:
    inner = definition("Inner", Region(made=[linear(0, "d", "d")]), ("d", None))
    whole = make(0, "Inner", d=8).model_copy(update={"frozen": True})
    body = Region(made=[whole, linear(1, 8, 2), linear(2, 8, 2, frozen=True)])
    assert count(program(definition("M", body), inner), "M") == Counts(n(18), n(72 + 18))


def test_copies_that_differ_are_summed() -> None:
    stack = repeat("stack", "layers", Region(made=[linear(0, "2^i", "2^i")]), index="i")
    model = program(definition("M", Region(nodes=[stack]), ("layers", 3)))
    assert count(model, "M").learned == (1 + 1) + (4 + 2) + (16 + 4)
    with pytest.raises(Unsettled, match="stack differ"):
        count(program(definition("M", Region(nodes=[stack]), ("layers", None))), "M")


def test_an_index_that_no_weight_depends_on_is_not_walked() -> None:
    inner = definition("Conv", Region(made=[linear(0, "d", "d")]), ("d", None), ("dilation", None))
    stack = repeat("stack", 10**9, Region(made=[make(0, "Conv", d=4, dilation="2^i")]), index="i")
    assert count(program(definition("M", Region(nodes=[stack])), inner), "M").learned == 20 * 10**9


def test_open_sizes_stay_symbols() -> None:
    model = program(definition("Cell", Region(made=[linear(0, "features", "units")]), ("units", None)))
    assert str(count(model, "Cell").learned) == str(n("features*units + units"))


def test_defaults_follow_the_numbers_before_them() -> None:
    model = program(definition("M", Region(made=[linear(0, "d", "hidden")]), ("d", 8), ("hidden", "4*d")))
    assert count(model, "M").learned == 8 * 32 + 32
    assert count(model, "M", {"d": n(2)}).learned == 2 * 8 + 8


def test_multiply_adds_go_through_calls_stacks_and_scans() -> None:
    x = value(0, "...", "d_in", name="x")
    inner = definition(
        "Inner",
        Region(made=[linear(0, "d_in", "d")], nodes=[use(0, 0, value(1, "...", "d"), "d")]),
        ("d", None),
        inputs=[x],
    )
    call = Call(made=5, inputs=[0], outputs=[value(2, "batch", "time", 8)], place=HERE)
    stack = repeat("stack", 3, Region(made=[make(5, "Inner", d=8)], nodes=[call]))
    loop = repeat("scan", "time", Region(made=[linear(6, 8, 2)], nodes=[use(6, 3, value(4, "batch", 2), 2)]))
    body = Region(nodes=[stack, loop.model_copy(update={"sliced": []})])
    model = definition("M", body, inputs=[value(0, "batch", "time", 8), value(3, "batch", 8)])
    assert macs(program(model, inner), "M") == n("3*64*batch*time + time*batch*16")


@pytest.mark.parametrize(
    ("width", "each"),
    [("i + 1", lambda i: i + 1), ("3 * i^2 + 2", lambda i: 3 * i**2 + 2), ("2^i + 1", lambda i: 2**i + 1)],
)
def test_copies_that_differ_are_summed_as_one_by_one(width: str, each: Callable[[int], int]) -> None:
    text = f"model M(n = 7) {{\n  input x: [batch, 4]\n  x -> stack n as i {{\n    input h\n    h' = h -> Linear({width}) -> Linear(4)\n  }} -> output y\n}}"
    expected = sum(4 * each(i) + each(i) + 4 * each(i) + 4 for i in range(7))
    program = analyse(text)
    assert count(program, "M").learned == expected
    assert macs(program, "M") == n("batch") * sum(8 * each(i) for i in range(7))


def test_a_million_copies_that_differ_are_counted_by_a_formula() -> None:
    text = "model M(n = 1_000_000) {{\n  input x: [batch, 4]\n  x -> stack n as i {{\n    input h\n    h' = h -> Linear({}) -> Linear(4)\n  }} -> output y\n}}"
    start = time.process_time()
    assert count(analyse(text.format("i + 1")), "M").learned == 9 * 1_000_000 * 1_000_001 // 2 + 4_000_000
    with pytest.raises(Unsettled, match="at most 10,000"):
        count(analyse(text.format("i % 3 + 1")), "M")
    assert time.process_time() - start < 2
