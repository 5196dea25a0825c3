"""One thing of a picture changed: a refusal with a reason and a place, the same meaning, or another program whose own figure this is.

`sweep.py` does the same thousands of times over the examples.
"""

from __future__ import annotations

import random
from functools import cache

import pytest

from archdsl import compiler
from archdsl.figure import figure
from archdsl.figure.reading import Unreadable, panels_of, read
from archdsl.figure.reading.canonical import differences
from archdsl.figure.reading.unnamed import unnamed
from archdsl.ir.meaning import same
from archdsl.ir.program import Program
from tests.figure.reading.changes import changed
from tests.figure.reading.resave import CASES
from tests.figure.reading.strip import stripped


@cache
def drawn() -> tuple[Program, bytes]:
    program = compiler.analyse_file(CASES / "tagger.arch")
    return program, stripped(figure(program, legend=False, captions=False).svg())


def outcome(program: Program, picture: bytes) -> str:
    """What is made of a picture; an AssertionError where it is neither refused nor the figure of what was read."""
    try:
        found = compiler.analyse(read(picture))
    except Unreadable as problem:
        assert problem.message and problem.hint and "<" not in problem.message.replace("<=", "")
        return "refused"
    if same(found, program):
        return "same"
    assert differences(unnamed(panels_of(picture)), unnamed(panels_of(figure(found).svg()))) == []
    return "another"


@pytest.mark.parametrize("seed", range(40))
def test_one_change(seed: int) -> None:
    program, picture = drawn()
    other, what = changed(picture, random.Random(seed))
    assert outcome(program, other), what


def test_most_changes_are_seen() -> None:
    """Lines, heads and marks that are gone or elsewhere are no invisible change."""
    program, picture = drawn()
    found = [outcome(program, changed(picture, random.Random(seed))[0]) for seed in range(200, 224)]
    assert found.count("refused") > 12 and "same" in found
