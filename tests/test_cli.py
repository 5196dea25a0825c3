"""The command line as a user meets it: what it prints, what it writes, its exit status."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import archdsl
from archdsl import resources
from archdsl.cli import main

GOOD = '''"""A small one."""
model Small(d = 4) {
  input x: [batch, d]
  hidden = Linear(2 * d)
  output y = relu(hidden(x))
  expect params == 40
  config wide(d = 8)
}
'''
BAD = "model Bad(d = 4) {\n  input x: [batch, d]\n  output y = relu(z)\n}\n"
FIT = """train Fit() {
  input x: [batch, 4], target: [batch, 8]
  net = Small()
  loss = mse(net(x), target)
  minimize loss with SGD(0.1)
}
"""
TRAINED = "import torch, fit; print(list(fit.Fit().fit([(torch.zeros(2, 4), torch.zeros(2, 8))])[0]))"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder that holds good.arch and bad.arch."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.arch").write_text(GOOD)
    (tmp_path / "bad.arch").write_text(BAD)

    def command(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return command


def test_check(run: Run) -> None:
    assert run("check", "good.arch") == (0, "good.arch: ok (Small)\n", "")
    status, out, err = run("check", "good.arch", "bad.arch")
    assert status == 1
    assert "good.arch: ok" in out
    assert "E0201: unknown name `z`" in err
    assert "bad.arch:3:19" in err


def test_a_program_is_not_overwritten_whatever_its_name(run: Run) -> None:
    for command, name in (("draw", "good.svg"), ("compile", "good.py")):
        Path(name).write_text(GOOD)
        status, out, err = run(command, name)
        assert (status, out) == (2, "")
        assert "it is the program itself" in err
        assert Path(name).read_text() == GOOD


def test_two_programs_cannot_come_from_one_stream(run: Run) -> None:
    status, _, err = run("diff", "-", "-")
    assert status == 2
    assert "standard input" in err


def test_no_depth_is_below_zero(run: Run) -> None:
    status, _, err = run("draw", "good.arch", "--depth", "-1")
    assert status == 2
    assert "from 0 on" in err
    assert not Path("good.svg").exists()


def test_draw_names_the_file_after_the_program(run: Run) -> None:
    assert run("draw", "good.arch") == (0, "wrote good.svg\n", "")
    assert Path("good.svg").read_text().rstrip().endswith("</svg>")


@pytest.mark.parametrize(
    ("name", "start"), [("f.svg", b"<"), ("f.pdf", b"%PDF"), ("f.png", b"\x89PNG"), ("f.dot", b"digraph")]
)
def test_draw_picks_the_format_by_suffix(run: Run, name: str, start: bytes) -> None:
    assert run("draw", "good.arch", "-o", name)[0] == 0
    assert Path(name).read_bytes().lstrip().startswith(start)
    assert run("draw", "good.arch", "-o", "other", "--format", name[2:])[0] == 0
    assert Path("other").read_bytes().lstrip().startswith(start)


def test_draw_to_standard_output(run: Run) -> None:
    status, out, err = run("draw", "good.arch", "-o", "-")
    assert (status, err) == (0, "")
    assert "<svg" in out
    assert run("draw", "good.arch", "-o", "-", "--format", "dot")[1].lstrip().startswith("digraph")
    assert sorted(os.listdir()) == ["bad.arch", "good.arch"]


def test_drawing_twice_gives_the_same_bytes(run: Run) -> None:
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        run("draw", "good.arch", "-o", name)
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_other_numbers(run: Run) -> None:
    assert "8" in run("draw", "good.arch", "-o", "-", "--set", "d=8")[1]
    assert "144" in run("summary", "good.arch", "--config", "wide")[1]
    assert "12" in run("summary", "good.arch", "--set", "d=2")[1]
    status, _, err = run("summary", "good.arch", "--set", "e=2")
    assert status == 2
    assert "no hyperparameter" in err
    assert run("summary", "good.arch", "--set", "d")[0] == 2
    assert run("summary", "good.arch", "--set", "d=x")[0] == 2
    assert run("summary", "good.arch", "--set", "d=1e400")[0] == 2
    assert run("summary", "good.arch", "--set", "d=nan")[0] == 2
    assert run("summary", "good.arch", "--set", "d=0")[0] == 1
    assert run("summary", "good.arch", "--config", "wade")[2].count("wide") == 1
    assert run("summary", "good.arch", "--model", "Smal")[2].count("Small") == 1


def test_compile(run: Run) -> None:
    assert run("compile", "good.arch") == (0, "wrote good.py\n", "")
    source = Path("good.py").read_text()
    assert "class Small(nn.Module)" in source
    assert "archdsl" not in source.split('"""')[2] if source.startswith('"""') else True
    assert run("compile", "good.arch", "-o", "-")[1] == source
    compile(source, "good.py", "exec")


def test_what_trains_share_in_a_file_of_its_own(run: Run) -> None:
    """The code imports it; together they are what the one file is, and whatever could not be imported is refused."""
    Path("fit.arch").write_text(GOOD + FIT)
    assert run("compile", "fit.arch", "--trainer", "training.py")[:2] == (0, "wrote fit.py\nwrote training.py\n")
    code, shared = Path("fit.py").read_text(), Path("training.py").read_text()
    assert "from training import Trainer" in code and "class Trainer" not in code and "class Trainer" in shared
    said = subprocess.run([sys.executable, "-c", TRAINED], capture_output=True, text=True, check=False)
    assert said.stdout == "['loss']\n", said.stderr
    assert run("compile", "fit.arch", "--trainer", "training.py")[0] == 0
    Path("mine.py").write_text("precious = 1\n")
    for bad in ("sys.py", "fit.py", "fit.arch", "a-b.py", "training.txt", "sub/training.py", "mine.py"):
        Path("fit.py").unlink(missing_ok=True)
        status, _, problem = run("compile", "fit.arch", "--trainer", bad)
        assert status == 2 and bad in problem and not Path("fit.py").exists()
    assert Path("mine.py").read_text() == "precious = 1\n"
    assert run("compile", "fit.arch", "-o", "-", "--trainer", "training.py")[0] == 2


def test_ir_goes_to_json_and_back(run: Run) -> None:
    from archdsl.ir.program import Program

    text = run("ir", "good.arch", "--json")[1]
    program = Program.model_validate_json(text)
    assert program.model_dump_json(indent=2) + "\n" == text
    assert program == archdsl.check("good.arch")
    schema = json.loads(run("ir", "--schema")[1])
    assert schema["properties"]["definitions"]["type"] == "array"
    page = run("ir", "good.arch")[1]
    assert "make #hidden = Linear {d_out = 2*d" in page
    assert run("ir")[0] == 2


def test_summary(run: Run) -> None:
    status, out, _ = run("summary", "good.arch")
    assert status == 0
    assert out.startswith("model Small(d = 4)\n")
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert rows["hidden:"].split()[1:] == ["Linear", "[batch,", "8]", "40", "32*batch"]
    assert rows["total"].split()[1:] == ["40", "32*batch"]


@pytest.mark.parametrize("path", sorted(resources.folder("examples").glob("*.arch")), ids=lambda p: p.stem)
def test_every_example_has_a_summary_and_a_page(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["summary", "--depth", "9"], ["ir"]):
        assert main([*command, str(path)]) == 0
        out, err = capsys.readouterr()
        assert out.strip()
        assert not err


def test_fmt(run: Run) -> None:
    assert run("fmt", "good.arch", "--check") == (0, "", "")
    Path("good.arch").write_text(GOOD.replace("= 4", "=4"))
    os.chmod("good.arch", 0o640)
    assert run("fmt", "good.arch", "--check") == (1, "good.arch would change\n", "")
    assert run("fmt", "good.arch") == (0, "formatted good.arch\n", "")
    assert Path("good.arch").read_text() == GOOD
    assert stat.S_IMODE(os.stat("good.arch").st_mode) == 0o640
    broken = GOOD.replace("}", "")
    Path("bad.arch").write_text(broken)
    assert run("fmt", "bad.arch")[0] == 1
    assert Path("bad.arch").read_text() == broken


def test_ops_examples_explain(run: Run) -> None:
    assert "Conv2d" in run("ops")[1]
    assert "kernel" in run("ops", "Conv2d")[1]
    assert run("ops", "Conv2dd") == (2, "", "archdsl: there is no primitive Conv2dd; did you mean Conv2d?\n")
    listed = run("examples")[1]
    assert "lenet5" in listed
    assert run("examples", "lenet5")[1] == resources.read("examples", "lenet5.arch")
    assert run("examples", "lenet")[0] == 2
    assert "E0301" in run("explain")[1]
    assert "Right:" in run("explain", "e0301")[1]
    assert run("explain", "E9999")[0] == 2


def test_misuse(run: Run) -> None:
    assert run()[0] == 2
    assert run("nonsense")[0] == 2
    assert run("draw")[0] == 2
    assert run("draw", "good.arch", "-o", "figure.gif")[0] == 2
    assert run("draw", "good.arch", "-o", "figure")[0] == 2
    assert run("draw", "good.arch", "--only", "Nobody")[0] == 2
    assert run("draw", "good.arch", "--dpi", "0", "-o", "f.png")[0] == 2
    assert run("draw", "good.arch", "-o", "good.arch")[0] == 2
    assert run("--version") == (0, f"archdsl {archdsl.__version__}\n", "")
    assert run("--help")[0] == 0
    assert sorted(os.listdir()) == ["bad.arch", "good.arch"]


def test_errors_leave_what_is_there(run: Run) -> None:
    for command, name in (("draw", "bad.svg"), ("compile", "bad.py")):
        assert run(command, "bad.arch")[0] == 1
        assert not Path(name).exists()
        Path(name).write_text("precious")
        assert run(command, "bad.arch", "-o", name)[0] == 1
        assert Path(name).read_text() == "precious"


# -- in a process of its own -------------------------------------------------------------------------------------
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(archdsl.__file__).parent.parent)}
ARCHDSL = [sys.executable, "-m", "archdsl"]


def shell(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**ENVIRONMENT, **environment}
    return subprocess.run(
        [*ARCHDSL, *arguments], input=stdin.encode(), capture_output=True, env=environment, timeout=300
    )


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = shell("fmt", "-", stdin=GOOD.replace(" = ", "="))
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, GOOD, b"")
    assert shell("check", "-", stdin=GOOD).stdout == b"<stdin>: ok (Small)\n"
    assert b"<stdin>:3:19" in shell("check", "-", stdin=BAD).stderr
    assert b"class Small" in shell("compile", "-", stdin=GOOD).stdout
    assert not list(tmp_path.iterdir())


def test_a_closed_pipe_is_no_crash() -> None:
    read, write = os.pipe()
    os.close(read)
    for command in (["ops"], ["examples", "mlp"]):
        done = subprocess.run([*ARCHDSL, *command], stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=300)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert done.stderr.startswith(b"archdsl: cannot write standard output")
    helped = subprocess.run([*ARCHDSL, "--help"], stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=300)
    assert helped.returncode in (0, 2)  # argparse may swallow it
    assert helped.stderr.count(b"\n") <= 1
    os.close(write)


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix closes the outputs")
def test_no_output_at_all_is_no_crash() -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        for command, status in (("ops", 0), ("ops Nothing", 2)):
            line = f"'{sys.executable}' -m archdsl {command} {closed}"
            done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, env=ENVIRONMENT, timeout=300)
            assert done.returncode == status, line
            assert b"Traceback" not in done.stdout + done.stderr
            assert not (">&- 2" in closed and done.stdout + done.stderr)


def test_a_full_disk_is_no_crash() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*ARCHDSL, "ops"], stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def test_an_ascii_terminal_is_no_crash() -> None:
    for command in ("examples", "ops"):
        done = shell(command, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
        assert (done.returncode, done.stderr) == (0, b"")


def test_check_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "good.arch").write_text(GOOD)
    script = (
        "import sys; from archdsl.cli import main; status = main(['check', 'good.arch']);"
        "print(sorted({'torch', 'numpy', 'sympy', 'graphviz', 'pygraphviz', 'ziafont', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "good.arch: ok (Small)\n[]\n", done.stderr
