"""Every message: the wrong program gives it and looks like its golden, the right one checks."""

from pathlib import Path

import pytest

from archdsl.compiler import analyse
from archdsl.diagnostics import Diagnostic, Errors
from archdsl.errors import Message

GOLDENS = Path(__file__).parent.parent / "cases" / "errors"
MESSAGES = Message.every()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.code)
def test_wrong_program_gives_the_message(message: type[Diagnostic], update: bool) -> None:
    with pytest.raises(Errors) as caught:
        analyse(message.wrong, "wrong.arch")
    assert message.code in {d.code for d in caught.value.diagnostics}
    golden = GOLDENS / f"{message.code}.err"
    shown = caught.value.render() + "\n"
    if update:
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.code)
def test_right_program_checks(message: type[Diagnostic]) -> None:
    assert analyse(message.right).definitions


def test_codes_are_unique_and_stories_told() -> None:
    codes = [m.code for m in MESSAGES]
    assert len(set(codes)) == len(codes)
    assert all(m.story and m.title for m in MESSAGES)


def test_all_errors_of_a_file_come_at_once() -> None:
    program = """model M(d = 4) {
  input x: [batch, d], y: [batch, 3]
  z = x + y
  gate g = tanh(x)
  q = relux(x)
  output Linear(2)(x)
  expect params == 11
}
cell C(u) {
  input x: [batch, f]
  state h: [batch, u] = 0
  output h
}"""
    with pytest.raises(Errors) as caught:
        analyse(program)
    assert [(d.code, d.span.source.position(d.span.start)[0]) for d in caught.value.diagnostics] == [
        ("E0301", 3), ("E0401", 4), ("E0201", 5), ("E0403", 11),
    ]  # fmt: skip


def test_names_of_primitives_in_the_checker_are_primitives() -> None:
    """A set of names in a pass goes stale when an op is renamed; then a gate would be lost on its way."""
    from archdsl.ops import OPS
    from archdsl.passes.reach import CUTS

    assert set(OPS) >= CUTS


def test_what_a_gate_goes_through_leaves_it_a_gate() -> None:
    """Values in [0, 1] stay there; by a product, too."""
    from archdsl.ir.num import Num
    from archdsl.ir.types import Type
    from archdsl.ops import OPS
    from archdsl.ops.base import Site

    through = [op for op in OPS.values() if op.gate == "through"]
    assert {"reshape", "concat", "where", "Dropout", "roll", "stop_gradient"} <= {op.name for op in through}
    for op in through:
        if callable(op.range) and op.name not in ("Dropout", "pow", "clamp", "pad", "shift"):  # by their settings
            count = max(len(op.parsed.inputs), 2)
            site = Site([Type(shape=(Num.of(2),))] * count, {}, {}, [(0.0, 1.0)] * count)
            low, high = op.range(site)
            assert low >= 0 and high <= 1, op.name
