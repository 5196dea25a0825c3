"""Programs that compute or learn differently never look the same, in black and white and with all that is not seen taken away.

The families are in `tests/cases/pairs` (`tests/pairs.py` says how they are read). Members of those marked `(lines)` have the same marks with the
same words: only what is joined to what tells them apart.
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations

import pytest
from visible import drawn, signs, visible

from archdsl.compiler import analyse
from archdsl.figure import Figure, figure, paint
from archdsl.ir.meaning import meaning
from tests.pairs import FAMILIES, Family

every = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


@every
def test_the_members_mean_different_things(family: Family) -> None:
    for a, b in combinations([meaning(analyse(text)) for text in family.programs], 2):
        assert a != b


BATCH = 20
"""Families that one layout process draws."""


@cache
def _seen(batch: int) -> dict[str, list[list[tuple[str, ...]]]]:
    """What is seen of the members of some families."""
    families = list(FAMILIES.values())[batch * BATCH : (batch + 1) * BATCH]
    svgs = iter(paint([figure(analyse(text)) for f in families for text in f.programs], "svg"))
    return {f.name: [visible(next(svgs)) for _ in f.programs] for f in families}


@every
def test_different_programs_look_different(family: Family) -> None:
    for a, b in combinations(_seen(list(FAMILIES).index(family.name) // BATCH)[family.name], 2):
        assert a != b


@every
def test_different_programs_have_other_marks_or_words(family: Family) -> None:
    alike = [a == b for a, b in combinations([signs(analyse(text)) for text in family.programs], 2)]
    assert any(alike) == family.lines, (
        "`(lines)` stands at families whose members have the same marks and words, and there alone"
    )


@every
def test_no_figure_can_be_laid_on_another(family: Family) -> None:
    for a, b in combinations([drawn(analyse(text)) for text in family.programs], 2):
        assert a != b


def test_what_is_not_seen_does_not_count(draw: Callable[..., Figure]) -> None:
    text = "model M(d = 8) { input x: [batch, d]\n x -> Linear(d) -> output y }"
    plain, noted = draw(text), draw(f"# a note\n{text}   # another\n")
    assert visible(plain.svg()) == visible(noted.svg())
