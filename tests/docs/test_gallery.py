"""The gallery and all that `docs/build.py` makes are what it would make now; and every agreement it claims has a test.

`python3 .ci/dev.py gallery` builds them anew, and so does `pytest tests/docs --update`.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import build
import pytest

from archdsl.figure import Figure

pytestmark = pytest.mark.xdist_group("gallery")  # one process has built the pages for all of these
ROOT = Path(__file__).parents[2]
SYSTEMS = build.systems()
CLAIMS = [(system.name, a.test) for system in SYSTEMS for a in system.agrees]


@cache
def texts() -> dict[Path, str]:
    return build.texts()


@cache
def figures() -> dict[Path, Figure]:
    return build.figures()


def test_pages_are_what_the_programs_make(update: bool) -> None:
    if update:
        build.build()
    stale = [p.name for p, text in texts().items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    assert not stale, f"not as now built (python3 .ci/dev.py gallery): {', '.join(sorted(stale))}"


def test_no_page_is_left_over() -> None:
    folders = [build.GALLERY, build.GALLERY / "code", build.GALLERY / "figures", build.DOCS / "figures"]
    there = {path for folder in folders for path in folder.iterdir() if path.is_file()}
    assert there == {p for p in {*texts(), *figures()} if p.parent in folders}


@pytest.mark.parametrize("name", ["gallery/figures/rnn.svg", "gallery/figures/elm.svg", "figures/two_layers.svg"])
def test_figures_have_the_bytes_that_are_drawn(name: str) -> None:
    """Of three; what the others were laid out from stands in `figures.sha256`, which is one of the pages."""
    assert (build.DOCS / name).read_bytes() == figures()[build.DOCS / name].svg()


def test_every_example_is_in_the_gallery_with_an_agreement() -> None:
    assert sorted(s.name for s in SYSTEMS) == sorted(p.stem for p in (ROOT / "examples").glob("*.arch"))
    assert [s.name for s in SYSTEMS if not s.agrees] == []


@pytest.mark.parametrize(("name", "test"), CLAIMS)
def test_what_is_said_to_agree_is_tested(name: str, test: str) -> None:
    """The test is one that pytest collects, and it uses the example: itself, or by what it names in its module or study."""
    files = [p for p in sorted((ROOT / "tests").rglob("test_*.py")) if test in definitions(p)]
    assert len(files) == 1, f"{test} is in {[p.name for p in files]}"
    assert f'"{name}"' in closure(definitions(files[0]), test) or f'"{name}.arch"' in studied(files[0])


@cache
def definitions(path: Path) -> dict[str, str]:
    """The source of what a module defines at its top, decorators included, by name."""
    text = path.read_text(encoding="utf-8")
    lines, found = text.splitlines(), {}
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                names = [node.name]
            case ast.Assign():
                start, names = node.lineno, [t.id for t in node.targets if isinstance(t, ast.Name)]
            case _:
                continue
        found |= {name: "\n".join(lines[start - 1 : node.end_lineno]) for name in names}
    return found


def closure(source: dict[str, str], name: str) -> str:
    """The source of a definition and of all that it uses of its module."""
    seen, waiting = set(), [name]
    while waiting:
        name = waiting.pop()
        if name in source and name not in seen:
            seen.add(name)
            waiting += re.findall(r"\b[A-Za-z_]\w*\b", source[name])
    return "\n".join(source[name] for name in sorted(seen))


def studied(path: Path) -> str:
    """The text of the studies that a test imports."""
    names = re.findall(r"^import (\w+)$", path.read_text(encoding="utf-8"), re.M)
    studies = [ROOT / "studies" / f"{name}.py" for name in names]
    return "\n".join(s.read_text(encoding="utf-8") for s in studies if s.exists())
