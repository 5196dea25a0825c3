"""The table of `archdsl summary`, against goldens; `--update` accepts what they have become."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl import resources
from archdsl.ir.num import Num
from archdsl.parts import shown, table
from archdsl.summary import count

CASES = Path(__file__).parent / "cases" / "summary"
EXAMPLES = sorted(resources.folder("examples").glob("*.arch"))


@pytest.mark.parametrize(
    ("example", "model"), [("tagger", "Tagger"), ("gpt2", "GPT2"), ("esn", "ESN"), ("wavenet", "WaveNet")]
)
def test_golden(example: str, model: str, update: bool) -> None:
    golden = CASES / f"{example}.txt"
    text = table(archdsl.check(resources.folder("examples") / f"{example}.arch"), model, depth=1) + "\n"
    if update:
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_definition_has_a_table_that_ends_in_its_total(path: Path) -> None:
    program = archdsl.check(path)
    for definition in program.definitions:
        last = table(program, definition.name, depth=9).splitlines()[-1]
        assert last.startswith("total")
        assert shown(count(program, definition.name).learned, zero="0") in last


def test_numbers_are_for_people() -> None:
    numbers = {
        "3089681": "3,089,681",
        "524288*batch*time": "524,288*batch*time",
        "0": "",
        "d/heads": "d/heads",
        "1000*x^2": "1,000*x^2",
    }
    assert {text: shown(Num.parse(text)) for text in numbers} == numbers
    assert shown(None) == "?"
