"""A program changed in one place, and a program written otherwise: the figure changes if and only if the meaning does.

Figures are compared before they have places (`visible.drawn`), which is exact and quick; `test_pairs` compares what is drawn in the end.
"""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from visible import drawn, visible

from archdsl.compiler import analyse, analyse_file
from archdsl.figure import figure
from archdsl.ir.meaning import meaning
from archdsl.ir.program import Program
from tests.ir.respelled import respelled
from tests.mutate import mutant
from tests.programs import programs

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "examples").glob("*.arch")), *sorted((ROOT / "archdsl" / "library").glob("*.arch"))]
many = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
every = pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)


def agree(before: Program, *chances: random.Random) -> None:
    meant, seen = meaning(before), drawn(before)
    for chance in chances:
        found = mutant(before, chance)
        if found:
            what, after = found
            assert (meaning(after) == meant) == (drawn(after) == seen), what


@every
def test_changed_examples(path: Path) -> None:
    agree(analyse_file(path), *map(random.Random, range(8)))


@many
@given(programs(), st.randoms(use_true_random=False))
def test_changed_random_programs(text: str, chance: random.Random) -> None:
    agree(analyse(text), chance)


@few
@given(programs(most=4), st.randoms(use_true_random=False))
def test_changed_random_programs_as_drawn(text: str, chance: random.Random) -> None:
    before = analyse(text)
    found = mutant(before, chance)
    if found and meaning(before) != meaning(found[1]):
        assert visible(figure(before).svg()) != visible(figure(found[1]).svg()), found[0]


@every
def test_respelled_examples(path: Path) -> None:
    program = analyse_file(path)
    assert drawn(respelled(program, random.Random(0), names=False), dots=False) == drawn(program, dots=False)


@many
@given(programs(), st.randoms(use_true_random=False))
def test_respelled_random_programs(text: str, chance: random.Random) -> None:
    program = analyse(text)
    assert drawn(respelled(program, chance, names=False), dots=False) == drawn(program, dots=False)
