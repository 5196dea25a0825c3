"""The README shows a program, its figure and its code; all three are what the tools make. `--update` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

import archdsl

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "docs" / "tagger.arch"


def fenced(language: str) -> re.Pattern[str]:
    """The code block in the cell of the table."""
    return re.compile(rf'(?<=<td valign="top">\n\n```{language}\n).*?(?=\n```\n\n</td>)', re.S)


def test_program_figure_and_code_are_of_a_piece(update: bool) -> None:
    readme, figure = ROOT / "README.md", ROOT / "docs" / "tagger.svg"
    program = PROGRAM.read_text(encoding="utf-8")
    code, svg = archdsl.compile(program), archdsl.draw(program).svg()
    text = readme.read_text(encoding="utf-8")
    text = fenced("").sub(lambda _: program.rstrip(), text, count=1)
    text = fenced("python").sub(lambda _: code.rstrip(), text, count=1)
    if update:
        readme.write_text(text, encoding="utf-8")
        figure.write_bytes(svg)
    assert readme.read_text(encoding="utf-8") == text
    assert figure.read_bytes() == svg


def test_the_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_commands_are_all_named() -> None:
    from archdsl.cli import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`archdsl {command} " in readme for command in COMMANDS)
