"""Every study is in the table of studies/README.md, uses the programs named there, and can fail."""

import ast
import re
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "studies"
ROWS = {
    found[1]: (found[0], [name.strip() for name in found[2].split(",")])
    for found in re.finditer(
        r"^\| \[(\w+)\]\(\1\.py\) \| ([\w, ]+) \|.*$", (STUDIES / "README.md").read_text("utf-8"), re.M
    )
}


def test_the_table_has_every_study() -> None:
    assert sorted(ROWS) == sorted(path.stem for path in STUDIES.glob("*.py"))


@pytest.mark.parametrize("study", ROWS)
def test_a_study_uses_the_programs_named(study: str) -> None:
    text = (STUDIES / f"{study}.py").read_text("utf-8")
    assert sorted(set(re.findall(r'"(\w+)\.arch"', text))) == sorted(ROWS[study][1])


@pytest.mark.parametrize("study", ROWS)
def test_a_study_ends_with_its_claim(study: str) -> None:
    """`main` returns 0 where the claim holds, else 1, and that is the exit status."""
    tree = ast.parse((STUDIES / f"{study}.py").read_text("utf-8"))
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    assert ast.unparse(main.body[-1]) == "return 0 if holds else 1"
    assert ast.unparse(main.body[-2]).startswith("print(f") and "claim: " in ast.unparse(main.body[-2])
    assert ast.unparse(tree.body[-1].body[-1]) == "sys.exit(main())"
