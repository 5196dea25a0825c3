"""The docs' programs are tests: every block marked archdsl checks, as does every unmarked one that is a whole program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import archdsl
from archdsl.cli import main

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted((DOCS / "decisions").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
WHOLE = re.compile(r'\s*("""|use |model |block |cell |train )')


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and text of each fenced block."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def programs(page: Path) -> list[str]:
    """Blocks that are whole programs. An ellipsis says that something was left out."""
    return [t for kind, t in blocks(page) if kind == "archdsl" or (not kind and WHOLE.match(t) and "…" not in t)]


@pytest.mark.parametrize("page", [p for p in PAGES if programs(p)], ids=lambda p: p.stem)
def test_programs_of_the_docs(page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in programs(page):
        if 'use "' in text:
            continue  # an example that uses another; it is checked where it lies
        program = tmp_path / "net.arch"
        program.write_text(text, encoding="utf-8")
        assert archdsl.compile(program)
        assert main(["fmt", "--check", str(program)]) == 0, f"not as `archdsl fmt` writes it:\n{text}"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.arch")), ids=lambda p: p.stem)
def test_programs_beside_the_docs(path: Path) -> None:
    assert archdsl.compile(path)
    assert main(["fmt", "--check", str(path)]) == 0


def test_the_tutorial_tells_the_error_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tutorial = blocks(DOCS / "tutorial.md")
    (at,) = [i for i, (kind, _) in enumerate(tutorial) if kind == "text"]
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(tutorial[at - 1][1].replace("gate f = sigmoid", "gate f = tanh"), encoding="utf-8")
    assert main(["check", "net.arch"]) == 1
    assert capsys.readouterr().err == tutorial[at][1]


def test_the_tutorial_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tutorial = blocks(DOCS / "tutorial.md")
    (script,) = [t for kind, t in tutorial if kind == "python"]
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text([t for kind, t in tutorial if kind == "archdsl"][-1], encoding="utf-8")
    names: dict[str, object] = {}
    exec(compile(script, "tutorial", "exec"), names)
    losses = names["losses"]
    assert losses[-1] < 0.5 * losses[0]  # type: ignore[index]
    assert tuple(names["scores"].shape) == (32, 20, 5)  # type: ignore[attr-defined]


def test_links_and_images_lead_somewhere() -> None:
    pages = [*PAGES, *sorted((DOCS / "gallery").glob("*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)|(?:href|src)=\"([^\"#]+)\"", FENCE.sub("", text)):
            link = target[0] or target[1]
            assert "://" in link or (page.parent / link).exists(), f"{page.name}: {link}"


def test_links_to_headings_lead_there() -> None:
    text = (DOCS / "side_by_side.md").read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", text, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) == headings
