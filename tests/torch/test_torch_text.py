"""What is emitted reads well: formatted, linted, typed, standalone; and the goldens are as they were."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from emitted import CASES, PROGRAMS, ROOT, program, source

from archdsl.torch import emit, emit_trainer

GOLDENS = [
    *sorted(CASES.glob("*.arch")),
    *(
        ROOT / "examples" / f"{n}.arch"
        for n in (
            "tagger",
            "transformer",
            "gan",
            "kmeans",
            "resnet18",
            "wavenet",
            "ntm",
            "vae",
            "bert",
            "gru",
            "peephole_lstm",
        )
    ),
]
ids = [p.stem for p in PROGRAMS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All programs' files in one folder."""
    path = tmp_path_factory.mktemp("emitted")
    for p in PROGRAMS:
        (path / f"{p.stem}_file.py").write_text(source(p), encoding="utf-8")
        if "recompute(" in (recomputed := emit(program(p), checkpointing=True)):
            (path / f"{p.stem}_recomputed.py").write_text(recomputed, encoding="utf-8")
    (path / "training.py").write_text(emit_trainer(), encoding="utf-8")
    (path / "gan_importing.py").write_text(
        emit(program(ROOT / "examples" / "gan.arch"), trainer="training"), encoding="utf-8"
    )
    return path


def tool(*command: str | Path, folder: Path | None = None) -> str:
    """What a tool complains of, run in a folder."""
    whole = [sys.executable, "-m", *map(str, command)]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, cwd=folder)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("path", PROGRAMS, ids=ids)
def test_imports_torch_and_the_standard_library_only(path: Path) -> None:
    for node in ast.walk(ast.parse(source(path))):
        if isinstance(node, ast.Import):
            roots = {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots = {(node.module or "").split(".")[0]}
        else:
            continue
        assert roots <= sys.stdlib_module_names | {"torch"}
    assert "archdsl" not in source(path)


def test_is_formatted(folder: Path) -> None:
    assert tool("ruff", "format", "--isolated", "--line-length", "100", "--diff", folder) == ""


def test_is_linted(folder: Path) -> None:
    """In its folder, so that ruff knows which imports are the file's own neighbours."""
    ruff = ("ruff", "check", "--isolated", "--line-length", "100", "--target-version", "py310", ".")
    assert tool(*ruff, folder=folder) == ""


def test_is_typed(folder: Path) -> None:
    assert tool("mypy", "--strict", "--cache-dir", folder / "cache", *sorted(folder.glob("*.py"))) == ""


@pytest.mark.parametrize("path", GOLDENS, ids=lambda p: p.stem)
def test_golden(path: Path, update: bool) -> None:
    golden = CASES / f"{path.stem}.py"
    if update:
        golden.write_text(source(path), encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == source(path)


@pytest.mark.parametrize("path", PROGRAMS, ids=ids)
def test_names_nothing_by_number(path: Path) -> None:
    """No temporaries such as t17."""
    names = {n.id for n in ast.walk(ast.parse(source(path))) if isinstance(n, ast.Name)}
    assert not [n for n in names if re.fullmatch(r"(t|v|x|tmp|temp)_?\d\d+", n)]
    assert all(n.isascii() for n in names)


def test_import_is_light() -> None:
    code = "import archdsl.torch, sys; assert not {'torch', 'archdsl.ops', 'graphviz'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
