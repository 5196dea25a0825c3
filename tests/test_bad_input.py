"""Whatever is thrown at a command: a message with its place, an exit status, no traceback, nothing written, nothing destroyed."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archdsl
from archdsl import resources
from archdsl.cli import main

Run = Callable[..., tuple[int, str]]
COMMANDS = (
    ["check"],
    ["draw", "-o", "-", "--format", "dot"],
    ["compile", "-o", "-"],
    ["ir", "--json"],
    ["summary"],
    ["fmt", "--check"],
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(archdsl.__file__).parent.parent)}
EXAMPLES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(resources.folder("examples").glob("*.arch"))}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str]:
        status = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "internal error" not in err
        return status, err

    return command


def model(body: str, hypers: str = "d = 4") -> str:
    return (
        f"model M({hypers}) {{\n  input x: [batch, d]\n" + "".join(f"  {line}\n" for line in body.splitlines()) + "}\n"
    )


PROGRAMS = {
    "an unknown name": (model("output y = relu(z)"), "E0201", "3:19"),
    "an unknown layer": (model("output y = Lineer(4)(x)"), "E0201", "3:14"),
    "a wrong shape": (model("input w: [batch, 5]\noutput y = x + w"), "E0301", "4:14"),
    "a wrong arity": (model("output y = softmax(x, x, x)"), "E0302", "3:"),
    "a setting that is missing": (model("output y = Linear()(x)"), "E0302", "3:"),
    "a gate that is none": (model("gate g = tanh(x)\noutput y = g * x"), "E0401", "3:"),
    "a gate that multiplies nothing": (model("gate g = sigmoid(x)\noutput y = g + x"), "E0402", "3:"),
    "a cycle without a delay": (model("a = tanh(b)\nb = tanh(a)\noutput a"), "E0203", "3:12"),
    "weights shared by two sizes": (
        model("W = Linear(3)\ninput z: [batch, 7]\noutput a = W(x), b = W(z)"),
        "E0307",
        "5:",
    ),
    "a wrong count": (model("output y = Linear(2)(x)\nexpect params == 11"), "E0601", "4:"),
    "a size that weights need": (model("output y = Linear(2)(x)", "units = 3"), "E0305", "2:"),
    "a size that is not whole": (model("output y = Linear(d / 3)(x)"), "E0306", "3:"),
    "division by zero": (model("output y = Linear(d / 0)(x)"), "E03", "3:"),
    "a name given twice": (model("y = x\ny = relu(x)\noutput y"), "E0202", "4:"),
    "no output": (model("y = relu(x)"), "E0405", "1:"),
    "a definition that uses itself": ("block A {\n  input x: [batch, 4]\n  output y = A()(x)\n}\n", "E0205", ""),
    "an open bracket": (model("output y = relu((x)"), "E0105", "3:"),
    "a bracket of another kind": (model("output y = relu(x]"), "E0105", "3:"),
    "an open string": ('use "nothing\n', "E0103", "1:5"),
    "an open docstring": ('"""A model.\nmodel M {\n}\n', "E0103", "1:"),
    "a sign that is none": (model("output y = x ? 1"), "E0102", "3:"),
    "Python": ("import os\nos.system('touch pwned')\n", "E01", "1:"),
    "an empty file": ("", "E0108", "1:1"),
    "only comments": ("# nothing\n\n", "E0108", "1:1"),
    "a file that is not there, used": ('use "gone.arch"\n' + model("output x"), "E0204", "1:1"),
    "10,000 brackets": (model("output y = " + "(" * 10_000 + "x" + ")" * 10_000), "E0106", "3:"),
    "10,000 braces": ("model M {\n" + "x -> residual {" * 10_000, "E0106", "2:"),
    "10,000 minus signs": (model("output y = " + "-" * 10_000 + "x"), "E0107", "3:"),
    "10,000 operators": (model("output y = x" + " + x" * 10_000), "E0107", "3:"),
    "a power beyond all bounds": (model("output y = Linear(9 ^ 9 ^ 9 ^ 9)(x)"), "E03", "3:"),
    "a digit string beyond all bounds": (model("output y = Linear(" + "9" * 5_000 + ")(x)"), "E", ""),
    "NUL": (model("output y = x\0"), "E0101", "3:"),
    "NUL in a docstring": ('"""A\0."""\n' + model("output x"), "E0101", "1:5"),
    "an escape sequence in a comment": ("# \x1b[31m\n" + model("output x"), "E0101", "1:3"),
    "an emoji": (model("output 🙂 = x"), "E0102", "3:"),
    "a right-to-left mark": (model("output y = \u202ex"), "E010", "3:"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_wrong_program(run: Run, name: str, tmp_path: Path) -> None:
    text, code, place = PROGRAMS[name]
    Path("wrong.arch").write_text(text, encoding="utf-8")
    Path("wrong.svg").write_text("precious")
    started = time.process_time()
    status, err = run("check", "wrong.arch")
    assert time.process_time() - started < 5
    assert status == 1
    assert code in err
    assert f"wrong.arch:{place}" in err
    assert all(len(line) < 400 for line in err.splitlines())
    for command in (["draw"], ["compile"], ["draw", "-o", "new.png"], ["compile", "-o", "new.py"], ["ir"], ["summary"]):
        assert run(*command, "wrong.arch") == (1, err)
    assert sorted(os.listdir()) == ["wrong.arch", "wrong.svg"]
    assert Path("wrong.svg").read_text() == "precious"


def test_all_errors_are_found_at_once(run: Run) -> None:
    Path("wrong.arch").write_text(model("a = relu(one)\nb = relu(two)\nc = Linear(3)(x) + x\noutput a, b, c"))
    status, err = run("check", "wrong.arch")
    assert status == 1
    assert "`one`" in err
    assert "`two`" in err
    assert "E0301" in err
    assert "3 errors" in err


def test_a_syntax_error_hides_no_other_and_makes_none(run: Run) -> None:
    good = '"""What it is."""\nblock B {\n  input x: [n]\n  output x\n}\n'
    Path("wrong.arch").write_text(model("output x +") + good + model("output (x").replace("M(", "N(") + good)
    status, err = run("check", "wrong.arch")
    assert status == 1
    assert "wrong.arch:4:1" in err or "wrong.arch:3:" in err
    assert "2 errors" in err


def test_files_that_use_each_other(run: Run) -> None:
    Path("a.arch").write_text('use "b.arch"\n' + model("output x"))
    Path("b.arch").write_text('use "a.arch"\nblock B {\n  input x: [n]\n  output x\n}\n')
    status, err = run("check", "a.arch")
    assert status == 1
    assert "circle" in err
    Path("c.arch").write_text('use "c.arch"\n' + model("output x"))
    assert run("check", "c.arch")[0] == 1


def test_what_is_used_must_be_a_file(run: Run) -> None:
    os.mkfifo("pipe.arch") if hasattr(os, "mkfifo") else None
    for path in (".", "pipe.arch", "/dev/zero", "gone.arch", "gone/too.arch", "a\0b", "n" * 300, "a\nb", "../../../.."):
        Path("d.arch").write_text(f'use "{path}"\n' + model("output x"))
        status, err = run("check", "d.arch")
        assert status == 1, path
        assert "d.arch:1:" in err


def test_paths_that_are_no_programs(run: Run, tmp_path: Path) -> None:
    Path("folder").mkdir()
    for command in COMMANDS:
        for path in ("gone.arch", "folder", "gone/too.arch", "a\0b", "x" * 300, ""):
            status, err = run(*command, path)
            assert (status, err.count("\n")) == (2, 1), err
            assert err.startswith("archdsl: cannot read")
    assert sorted(os.listdir()) == ["folder"]


def test_binary_noise(run: Run) -> None:
    rng = random.Random(1)
    for number in range(20):
        Path("noise.arch").write_bytes(rng.randbytes(2_000))
        for command in COMMANDS:
            status, err = run(*command, "noise.arch")
            assert status == 1, (number, command)
            assert "noise.arch:1:" in err or "noise.arch:" in err
    Path("noise.arch").write_bytes(b"\xff\xfe" + model("output x").encode("utf-16-le"))
    assert run("check", "noise.arch")[0] == 1
    Path("bom.arch").write_bytes(b"\xef\xbb\xbf" + model("output x").replace("\n", "\r\n").encode())
    assert run("check", "bom.arch")[0] == 0


def test_outputs_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    Path("good.arch").write_text(model("output x"))
    Path("folder").mkdir()
    for target in ("folder", "gone/f.svg", "good.arch/f.svg", "n" * 300 + ".svg", "a\0b.svg"):
        for command in (["draw", "--format", "svg"], ["compile"]):
            status, err = run(*command, "good.arch", "-o", target)
            assert (status, err.count("\n")) == (2, 1)
            assert err.startswith("archdsl: cannot write")
    assert sorted(os.listdir()) == ["folder", "good.arch"]
    assert not os.listdir("folder")


def test_what_may_not_be_written_is_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("good.arch").write_text(model("output x"))
    Path("kept.svg").write_text("precious")
    os.chmod("kept.svg", 0o444)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write anywhere
    assert run("draw", "good.arch", "-o", "kept.svg")[0] == 2
    assert Path("kept.svg").read_text() == "precious"


def test_permissions_and_links_are_kept(run: Run) -> None:
    Path("good.arch").write_text(model("output x"))
    Path("real.py").write_text("old")
    os.chmod("real.py", 0o750)
    os.symlink("real.py", "link.py")
    assert run("compile", "good.arch", "-o", "link.py")[0] == 0
    assert os.path.islink("link.py")
    assert "class M" in Path("real.py").read_text()
    assert stat.S_IMODE(os.stat("real.py").st_mode) == 0o750
    os.symlink("nowhere.py", "dangling.py")
    assert run("compile", "good.arch", "-o", "dangling.py")[0] == 0
    assert "class M" in Path("nowhere.py").read_text()
    os.symlink("good.arch", "alias.arch")
    assert run("compile", "good.arch", "-o", "alias.arch")[0] == 2
    os.symlink("ring", "ring")
    assert run("compile", "good.arch", "-o", "ring")[0] == 2
    assert run("check", "ring")[0] == 2
    assert run("compile", "good.arch", "-o", os.devnull)[0] == 0


def test_a_program_runs_nothing_and_reads_nothing_else(run: Run) -> None:
    Path("secret.txt").write_text("hidden-words")
    Path("bad.arch").write_text('use "secret.txt"\n' + model("output x"))
    assert run("check", "bad.arch")[0] == 1
    names = (
        "import",
        "class",
        "self",
        "None",
        "torch",
        "nn",
        "__init__",
        "forward",
        "exec",
        "super",
        "lambda",
        "print",
        "F",
    )
    for name in names:
        Path("named.arch").write_text(model(f"{name} = relu(x)\noutput {name}"))
        if run("compile", "named.arch", "-o", "named.py")[0] == 0:
            compile(Path("named.py").read_text(), "named.py", "exec")
    quote = model("output y = relu(x)")
    for doc in ("\\", "a\\", "'''", "\\N{DASH}", "{x}", "%s", "\\x41", "ends with '", "{{ __import__('os') }}"):
        Path("named.arch").write_text(f'"""{doc}"""\n{quote}')
        assert run("compile", "named.arch", "-o", "named.py")[0] == 0
        space: dict[str, object] = {}
        source = Path("named.py").read_text()
        compile(source, "named.py", "exec", dont_inherit=True)
        assert not space


# -- at random ----------------------------------------------------------------------------------------------------
def attempt(text: str | bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command on one text: a status, no traceback, nothing written."""
    path = folder / "random.arch"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", errors="surrogatepass"))
    kept = folder / "random.svg"
    kept.write_text("precious")
    first: int | None = None
    for command in COMMANDS:
        status = main([*command, str(path)])
        err = capsys.readouterr().err
        assert status in (0, 1), (command, err)
        assert "Traceback" not in err
        assert status == 0 or err or command[0] == "fmt"
        if command[0] in ("check", "draw", "compile", "ir", "summary"):
            first = status if first is None else first
            assert status == first, (command, err)
    if first:
        assert main(["draw", str(path)]) == 1
        capsys.readouterr()
        assert kept.read_text() == "precious"
    assert sorted(p.name for p in folder.iterdir()) == ["random.arch", "random.svg"]


QUIET = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
WORDS = st.sampled_from(
    [
        "model",
        "block",
        "cell",
        "train",
        "use",
        "input",
        "output",
        "state",
        "param",
        "memory",
        "gate",
        "stack",
        "loop",
        "scan",
        "over",
        "reversed",
        "from",
        "residual",
        "if",
        "else",
        "frozen",
        "expect",
        "config",
        "minimize",
        "with",
        "until",
        "at_most",
        "as",
        "by",
        "and",
        "or",
        "not",
        "x",
        "y",
        "h",
        "h'",
        "d",
        "batch",
        "M",
        "A",
        "Linear",
        "LSTM",
        "relu",
        "softmax",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "=",
        "==",
        "->",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "@",
        "^",
        ".",
        "...",
        "'",
        "~",
        "0",
        "1",
        "2",
        "3.5",
        "1e9",
        "10_000",
        '"s"',
        '"""doc"""',
        "\n",
        "#",
        "\\",
    ]
)


@QUIET
@given(text=st.text(max_size=200))
def test_random_text(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attempt(text, tmp_path, capsys)


@QUIET
@given(data=st.binary(max_size=200))
def test_random_bytes(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attempt(data, tmp_path, capsys)


@QUIET
@given(words=st.lists(WORDS, max_size=40))
def test_random_words(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attempt("model M(d = 4) {\n input x: [batch, d]\n " + " ".join(words) + "\n}\n", tmp_path, capsys)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """An example with a few characters, words or lines removed, doubled, exchanged or put in."""
    text = EXAMPLES[draw(st.sampled_from(sorted(EXAMPLES)))]
    for _ in range(draw(st.integers(1, 4))):
        unit = draw(st.sampled_from(["characters", "lines", "words"]))
        pieces = (
            list(text)
            if unit == "characters"
            else text.splitlines(keepends=True)
            if unit == "lines"
            else text.split(" ")
        )
        if not pieces:
            break
        at = draw(st.integers(0, len(pieces) - 1))
        match draw(st.sampled_from(["remove", "double", "exchange", "insert", "number"])):
            case "remove":
                del pieces[at]
            case "double":
                pieces.insert(at, pieces[at])
            case "exchange":
                other = draw(st.integers(0, len(pieces) - 1))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case "insert":
                pieces.insert(at, draw(WORDS))
            case _:
                pieces[at] = draw(st.sampled_from(["0", "-1", "3", "1e300", "99999999999999999999", "0.5"]))
        text = ("" if unit != "words" else " ").join(pieces)
    return text


@settings(QUIET, max_examples=80)
@given(text=mutated())
def test_mutated_examples(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attempt(text, tmp_path, capsys)


def test_interrupting_leaves_the_old_file(tmp_path: Path) -> None:
    """A write that dies halfway leaves what was there, and no litter."""
    script = (
        "import os, sys; from archdsl import files; replace = os.replace\n"
        "def die(*a): raise KeyboardInterrupt\n"
        "os.replace = die\n"
        "try: files.write_whole('f.txt', 'new')\nexcept KeyboardInterrupt: sys.exit(7)"
    )
    (tmp_path / "f.txt").write_text("old")
    assert subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=ENVIRONMENT, timeout=300).returncode == 7
    assert [p.name for p in tmp_path.iterdir()] == ["f.txt"]
    assert (tmp_path / "f.txt").read_text() == "old"
