"""The documentation shows a difference; it is what the tool makes. `--update` draws it anew."""

from pathlib import Path

import archdsl

DOCS = Path(__file__).parents[2] / "docs"


def test_the_figure_of_a_difference(update: bool) -> None:
    figure = DOCS / "difference.svg"
    drawn = archdsl.diff(DOCS / "post_norm.arch", DOCS / "pre_norm.arch").figure().svg()
    if update:
        figure.write_bytes(drawn)
    assert figure.read_bytes() == drawn
