"""Sets up and runs what a developer or a newcomer wants, with nothing but Python and pip on the machine.

python3 .ci/dev.py try      makes .venv, installs archdsl there, then draws, compiles and runs an example into try/
python3 .ci/dev.py test     makes .venv, installs all that the tests need, and runs them (more arguments go to pytest)
python3 .ci/dev.py lint     ruff and mypy
python3 .ci/dev.py bench    benchmarks/, with their record
python3 .ci/dev.py studies  what compiled programs learn on real data, each checked against its claim (minutes; names choose some)
python3 .ci/dev.py gallery  builds docs/gallery and the other figures of docs/ from the examples
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
EXAMPLE = "tagger"
USE = """
import sys, torch
sys.path.insert(0, "try")
import model
tagger = model.Tagger(vocab=1000)
tokens = torch.randint(1000, (2, 12))
print("tokens", tuple(tokens.shape), "-> scores", tuple(tagger(tokens).shape))
"""


def main(arguments: list[str]) -> int:
    commands = {"try": try_it, "test": test, "lint": lint, "bench": bench, "studies": studies, "gallery": gallery}
    if not arguments or arguments[0] not in commands:
        print(__doc__.strip())
        return 0 if arguments[:1] in ([], ["help"], ["--help"], ["-h"]) else 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this file starts before anything is installed
        print(
            f"archdsl needs Python 3.11 or newer, and this is {sys.version.split()[0]} ({sys.executable})",
            file=sys.stderr,
        )
        return 2
    try:
        return commands[arguments[0]](arguments[1:])
    except subprocess.CalledProcessError as problem:
        return problem.returncode or 1


def try_it(_: list[str]) -> int:
    """Installs with torch, then an example's figure, code and first result."""
    install("torch")
    (ROOT / "try").mkdir(exist_ok=True)
    archdsl, example = [str(BIN / "archdsl")], f"examples/{EXAMPLE}.arch"
    step([*archdsl, "check", example])
    step([*archdsl, "summary", example])
    step([*archdsl, "draw", example, "-o", "try/figure.svg"])
    step([*archdsl, "compile", example, "-o", "try/model.py"])
    step([str(PYTHON), "-c", USE], quiet=True)
    print("\nThe figure is try/figure.svg, the code try/model.py. Next: .venv/bin/archdsl examples")
    return 0


def test(arguments: list[str]) -> int:
    install("test")
    # timm's torchvision wants a torch of its own, and artlib numba and matplotlib; what the tests use of them does without.
    step([*installer(), "--constraint", "constraints.txt", "--no-deps", "timm", "artlib"])
    return subprocess.call([str(PYTHON), "-m", "pytest", "-n", "auto", "--dist", "loadgroup", *arguments], cwd=ROOT)


def lint(_: list[str]) -> int:
    install("test")
    step([str(PYTHON), "-m", "ruff", "check", "."])
    step([str(PYTHON), "-m", "ruff", "format", "--check", "."])
    step([str(PYTHON), "-m", "mypy"])
    return 0


def bench(arguments: list[str]) -> int:
    install("test")
    return subprocess.call([str(PYTHON), "benchmarks/run.py", *arguments], cwd=ROOT)


def studies(names: list[str]) -> int:
    """Each study, or those named, one after the other; which of them did not hold what they claim, and how long each took."""
    every = {p.stem: p for p in sorted((ROOT / "studies").glob("*.py"))}
    if unknown := [name for name in names if name not in every]:
        print(f"no study {', '.join(unknown)}; there are {', '.join(every)}", file=sys.stderr)
        return 2
    install("test")
    took: dict[str, str] = {}
    for script in [every[name] for name in names or every]:
        for model in [["lstm"], ["gpt"]] if script.stem == "language" else [[]]:
            started = time.monotonic()
            print(f"\n{script.stem}", *model, flush=True)
            done = subprocess.run([str(PYTHON), str(script), *model], cwd=ROOT, stderr=subprocess.PIPE, text=True)
            print(done.stderr * bool(done.returncode), end="")  # else only lines of progress
            failed = "  FAILS" if done.returncode else ""
            took[" ".join([script.stem, *model])] = f"{time.monotonic() - started:4.0f} s{failed}"
    print("\n" + "\n".join(f"{name:<15} {result}" for name, result in took.items()))
    return int(any("FAILS" in result for result in took.values()))


def gallery(_: list[str]) -> int:
    """The pages of docs/ that are made from programs."""
    install("test")
    return subprocess.call([str(PYTHON), "docs/build.py"], cwd=ROOT)


def install(extra: str) -> None:
    """The environment, and archdsl in it as it stands in this checkout."""
    step([*installer(), "--constraint", "constraints.txt", "--editable", f".[{extra}]"])


def installer() -> list[str]:
    return [*make_environment(), "install", "--quiet", "--disable-pip-version-check"]


def make_environment() -> list[str]:
    """Makes .venv where it is not there yet; returns the pip that installs into it."""
    if not PYTHON.exists():
        print(f"making {VENV}", flush=True)
        try:
            venv.create(VENV, with_pip=True)
        except subprocess.CalledProcessError:  # a Python that came without ensurepip
            venv.create(VENV, with_pip=False, clear=True)
    own = [str(PYTHON), "-m", "pip"]
    if subprocess.call([*own, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return own
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def step(command: list[str], quiet: bool = False) -> None:
    if not quiet:
        print("\n$", " ".join(os.path.relpath(c, ROOT) if c.startswith(str(ROOT)) else c for c in command), flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
