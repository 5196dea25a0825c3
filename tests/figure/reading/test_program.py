"""Panels of marks give back a program of the same meaning, from what is visible alone, in whatever order the marks come; and its figure is the same."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from archdsl import compiler, resources
from archdsl.figure import words
from archdsl.figure.panels import panels
from archdsl.figure.reading.canonical import canonical, differences
from archdsl.figure.reading.errors import Holes, Unreadable
from archdsl.figure.reading.markup import plain
from archdsl.figure.reading.numbers import parse
from archdsl.figure.reading.program import program_text
from archdsl.figure.scene import Panel
from archdsl.ir.functions import FUNCTIONS, floor, sqrt
from archdsl.ir.meaning import same
from archdsl.ir.num import Num
from archdsl.ir.program import Program
from archdsl.ir.terms import NotANumber
from archdsl.ops import OPS
from archdsl.source import Source
from archdsl.syntax.format import format_text
from tests.pairs import FAMILIES
from tests.programs import programs

FILES = [p for room in ("library", "examples") for p in sorted(resources.folder(room).glob("*.arch"))]
_CASES = (Path(__file__).parents[2] / "cases/reading/hard.programs").read_text("utf-8")
HARD = re.findall(r"^## (.*)\n((?:(?!## ).*\n)+)", _CASES, re.MULTILINE)
some = settings(max_examples=50, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck))  # fmt: skip


def seen(program: Program, chance: random.Random) -> list[Panel]:
    """The panels without what the eye does not see: ids, and the order of marks, frames and wires."""
    found = panels(program)
    for panel in found:
        for frame in panel.root.all_frames():
            frame.id, frame.parent = "", None
            chance.shuffle(frame.marks)
            chance.shuffle(frame.frames)
        for mark in panel.root.all_marks():
            mark.id = ""
        for wire in panel.wires:
            wire.beside = wire.gated = False
        chance.shuffle(panel.wires)
    return found


def goes_round(program: Program, seed: int = 0) -> Sequence[str]:
    """Read a program's panels back; demand the same meaning. What its figure then shows otherwise is returned."""
    text = program_text(seen(program, random.Random(seed)))
    assert format_text(Source(text, "back.arch")) == text
    back = compiler.analyse(text, "back.arch")
    assert same(program, back), text
    return differences(canonical(panels(program)), canonical(panels(back)))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_example_and_library_block(path: Path) -> None:
    assert not goes_round(compiler.analyse_file(path))


@pytest.mark.parametrize("op", [o for o in OPS.values() if o.example], ids=lambda o: o.name)
def test_every_primitive(op) -> None:  # type: ignore[no-untyped-def]
    lines = "\n".join(f"  {line}" for line in op.example.splitlines())
    goes_round(compiler.analyse(f"model M(d = 3) {{\n  input x: [batch, 8]\n{lines}\n  output r = y\n}}\n"))


@pytest.mark.parametrize("text", [t for _, t in HARD], ids=[n for n, _ in HARD])
def test_what_is_hard_to_read(text: str) -> None:
    for seed in range(3):
        goes_round(compiler.analyse(text), seed)


@pytest.mark.parametrize("name", FAMILIES)
def test_programs_that_differ_in_one_meaning(name: str) -> None:
    for text in FAMILIES[name].programs:
        goes_round(compiler.analyse(text))


@some
@given(programs(), st.integers(0, 9))
def test_random_programs(text: str, seed: int) -> None:
    assert not goes_round(compiler.analyse(text), seed)


NAMES = (
    "q",
    "mean",
    "patches",
    "h0",
    "W_in",
    "scale",
    "x_1",
    "key",
    "softmax",
    "first",
    "last",
    "gate",
    "value",
    "sum",
)


@some
@given(programs(), st.permutations(NAMES), st.integers(0, 9))
def test_random_programs_whose_values_have_names(text: str, names: list[str], seed: int) -> None:
    """Names that a figure shows are the program's again, also those of primitives and of ports."""
    given = dict(zip(dict.fromkeys(re.findall(r"\bv\d+\b", text)), names))
    free = {v: n for v, n in given.items() if not re.search(rf"\b{n}\b", text)}
    assert not goes_round(compiler.analyse(re.sub(r"\bv\d+\b", lambda m: free.get(m[0], f"n{m[0]}"), text)), seed)


# -- numbers ------------------------------------------------------------------------------------------------------------
def _made(parts: tuple[str, Num, Num]) -> Num:
    op, a, b = parts
    try:
        match op:
            case "+":
                return a + b
            case "−":
                return a - b
            case "·":
                return a * b
            case "/":
                return a / b
            case "⌊⌋":
                return floor(a / b)
            case "√":
                return sqrt(a)
            case "mod":
                return a % b
            case "^":
                return a**b
        return FUNCTIONS[op](a, b)
    except (NotANumber, OverflowError):
        return a


_LEAVES = st.sampled_from([Num.symbol(s) for s in ("d", "h", "units", "i", "x2", "e", "...")]) | st.one_of(
    st.integers(-9, 4000), st.sampled_from([0.1, 1e-5, 2.5e-8, 3.141592653589793, 2.5066282746310002, Fraction(1, 3)])
).map(Num.of)
_NUMBERS = st.recursive(
    _LEAVES,
    lambda inner: st.tuples(
        st.sampled_from(["+", "−", "·", "/", "⌊⌋", "√", "mod", "^", "max", "min"]), inner, inner
    ).map(_made),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(_NUMBERS)
def test_numbers_read_back(number: Num) -> None:
    if Num.parse(str(number)) == number and "10000000000" not in str(number):  # else too large for its canonical text
        assert parse(plain(words.number(number))) == number


@pytest.mark.parametrize("text", ["", "4 +", "d·", "⌈h/⌉", "(d", "√", "d)", "<SUP>2</SUP>", "a b", "2^", "⌊h"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


# -- what cannot be read ------------------------------------------------------------------------------------------------
def test_holes_are_named() -> None:
    program = compiler.analyse_file(resources.folder("examples") / "tagger.arch")
    with pytest.raises(Holes, match="LSTM") as problem:
        program_text(panels(program, collapse=["LSTM"]))
    assert problem.value.names == ["LSTM"]


@pytest.mark.parametrize("seed", range(60))
def test_damaged_panels_are_refused_or_read(seed: int) -> None:
    """Whatever is taken away or changed: a program's text, or words about what is wrong, and nothing else."""
    chance = random.Random(seed)
    found = seen(compiler.analyse_file(chance.choice(FILES)), chance)
    for _ in range(chance.randint(1, 3)):
        _damage(chance.choice(found), chance)
    try:
        assert program_text(found)
    except Unreadable as problem:
        assert problem.message


def _damage(panel: Panel, chance: random.Random) -> None:
    marks, wires = [m for m in panel.root.all_marks() if m.kind != "fork"], panel.wires
    mark = chance.choice(marks)
    match chance.randrange(8):
        case 0 if wires:
            wires.remove(chance.choice(wires))
        case 1 if mark.lines:
            mark.lines.pop(chance.randrange(len(mark.lines)))
        case 2 if mark.lines:
            line = chance.randrange(len(mark.lines))
            mark.lines[line] = mark.lines[line][: chance.randrange(len(mark.lines[line]) + 1)]
        case 3 if wires:
            wire = chance.choice(wires)
            wire.head_port, wire.tail_port = chance.choice([None, 0, 7]), chance.choice([None, 0, 7])
        case 4 if wires:
            chance.choice(wires).label = chance.choice(["", "each time:", "all copies:", "last h′", "first h", "???"])
        case 5 if wires:
            chance.choice(wires).head = chance.choice(marks)
        case 6:
            mark.kind = chance.choice(["input", "state", "function", "weights", "memory", "objective", "draw"])
        case _ if panel.title:
            panel.title.pop(chance.randrange(len(panel.title)))
