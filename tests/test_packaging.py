"""What is installed is whole: the wheel has the grammar, the library and the examples, and works where nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import archdsl
from archdsl import resources

ROOT = Path(__file__).resolve().parent.parent
ASKED = os.environ.get("CI") or os.environ.get("ARCHDSL_WHEEL")


def wheel_test(function: Callable[..., None]) -> Callable[..., None]:
    """A test that builds and installs: in CI, or where it is asked for."""
    skipped = pytest.mark.skipif(not ASKED, reason="runs in CI, or with ARCHDSL_WHEEL=1")(function)
    return pytest.mark.wheel(pytest.mark.xdist_group("wheel")(skipped))


def test_shipped_files_are_found() -> None:
    assert "start:" in resources.read("grammars", "archdsl.lark")
    assert any(resources.folder("library").glob("*.arch"))
    assert any(resources.folder("examples").glob("*.arch"))
    assert "\\ProvidesPackage{archdsl}" in resources.read("latex", "archdsl.sty")


def test_type_checkers_read_its_types() -> None:
    """PEP 561: without the marker a checker takes what is installed for untyped."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Typing :: Typed" in project["classifiers"]
    assert (Path(archdsl.__file__).parent / "py.typed").is_file()


def test_drawing_needs_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not any("torch" in dependency for dependency in project["dependencies"])
    assert any("torch" in dependency for dependency in project["optional-dependencies"]["torch"])


def test_the_readme_commands_are_the_ones_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 .ci/dev.py try" in readme
    assert "python3 .ci/dev.py test" in readme
    assert "python3 .ci/dev.py test" in (ROOT / ".ci" / "run").read_text()


def test_every_constraint_is_of_a_dependency_or_of_a_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = " ".join(
        [*project["dependencies"], *extras["torch"], *extras["test"], (ROOT / ".ci" / "dev.py").read_text()]
    )
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert "torch==2.13.0" in pins
    for pin in pins:
        name, _, version = pin.partition("==")
        assert version, pin
        assert name in named, f"{name} is pinned, and nothing needs it"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(build, check=True, timeout=600)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `archdsl` command of an environment that holds the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), str(wheel)], check=True, timeout=600)
    yield scripts / "archdsl"


@wheel_test
def test_the_wheel_holds_all_that_ships(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"archdsl/grammars/archdsl.lark", "archdsl/latex/archdsl.sty", "archdsl/py.typed"} <= set(names)
    for kind in ("library", "examples"):
        for path in resources.folder(kind).glob("*.arch"):
            assert f"archdsl/{kind}/{path.name}" in names
    for path in Path(archdsl.__file__).parent.rglob("*.py"):
        assert path.relative_to(Path(archdsl.__file__).parent.parent).as_posix() in names
    assert not any("tests" in name or "__pycache__" in name for name in names)
    assert wheel.stat().st_size < 2_000_000


@wheel_test
def test_the_wheel_works_elsewhere(installed: Path, tmp_path: Path) -> None:
    """In another folder, with an empty PATH and no home: so no `dot`, no fonts that a user set up, no cache."""
    environment = {"PATH": "", "HOME": str(tmp_path / "nobody"), "LC_ALL": "C"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(installed), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("--version") == f"archdsl {archdsl.__version__}\n"
    program = run("examples", "lstm")
    assert program == resources.read("examples", "lstm.arch")
    (tmp_path / "lstm.arch").write_text(program, encoding="utf-8")
    run("check", "lstm.arch")
    for suffix in ("svg", "png", "pdf"):
        run("draw", "lstm.arch", "-o", f"figure.{suffix}")
    run("compile", "lstm.arch", "-o", "model.py")
    run("summary", "lstm.arch")
    run("fmt", "--check", "lstm.arch")
    run("ir", "--json", "lstm.arch")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    here = archdsl.draw(program)
    assert here.svg() == (tmp_path / "figure.svg").read_bytes()
    assert here.png() == (tmp_path / "figure.png").read_bytes()
    compile((tmp_path / "model.py").read_text(encoding="utf-8"), "model.py", "exec")
