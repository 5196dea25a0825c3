"""Measures what archdsl promises about speed and size, and writes benchmarks/record.md.

    python benchmarks/run.py [--quick]

Each promise is one function that returns rows: what was measured, the value, the bound, whether it holds. A time is the least of
several runs, on the clock and of the processor (all processes of the run together); bounds are held against the processor's, which
other work on the machine changes little. Cold times are those of new processes and include Python's own start.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from archdsl import compiler  # noqa: E402
from archdsl.figure import figure  # noqa: E402
from archdsl.ir.num import Num  # noqa: E402
from archdsl.ir.program import Program  # noqa: E402

EXAMPLES = ROOT / "examples"
QUICK = "--quick" in sys.argv


@dataclass
class Row:
    what: str
    value: str
    bound: str = ""
    holds: bool | None = None


@dataclass(frozen=True)
class Time:
    """Seconds of one run: on the clock, and of the processor."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.processor:.3f} s ({self.clock:.3f} s on the clock)"


def processor() -> float:
    """Seconds that this process and those it waited for have computed."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def least(function: Callable[[], object], times: int) -> Time:
    """The fastest of several runs."""
    runs = []
    for _ in range(1 if QUICK else times):
        clock, before = time.perf_counter(), processor()
        function()
        runs.append(Time(time.perf_counter() - clock, processor() - before))
    return Time(min(r.clock for r in runs), min(r.processor for r in runs))


def seconds(what: str, value: Time, bound: float | None = None) -> Row:
    return Row(what, str(value), f"{bound:g} s" if bound else "", value.processor <= bound if bound else None)


def process(*arguments: str) -> Callable[[], object]:
    """A run of a new Python process, bytecode and grammar tables cached as they are after a first use."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "archdsl-bytecode"),
    }
    return lambda: subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment, cwd=ROOT
    )


def cold() -> Iterator[Row]:
    """From the shell."""
    check = process("-m", "archdsl", "check", "examples/lstm.arch")
    draw = process("-m", "archdsl", "draw", "examples/lstm.arch", "-o", os.devnull, "--format", "svg")
    check(), draw()
    yield seconds("bare Python with lark and pydantic imported", least(process("-c", "import lark, pydantic"), 10))
    yield seconds("check, LSTM, cold", least(check, 10), 0.25)
    yield seconds("draw, LSTM, cold", least(draw, 10), 0.5)


def lines(count: int) -> str:
    """A program of so many lines: layers in blocks of 50 lines, each block used by the next."""
    out, size = [], 50
    for block in range(count // size):
        out += [f"block B{block}(d) {{", "  input x: [batch, d]"]
        body = [f"  y{i} = relu(Linear(d)({'x' if i == 0 else f'y{i - 1}'})) + x" for i in range(size - 5)]
        out += [*body, f"  output y{len(body) - 1}", "}", ""]
    uses = " -> ".join(f"B{block}(16)" for block in range(count // size))
    return "\n".join([*out, f"model M {{\n  input x: [batch, 16]\n  x -> {uses} -> output y\n}}\n"])


def all_examples() -> Iterator[Row]:
    """Programs as people write them."""
    files = sorted(EXAMPLES.glob("*.arch"))
    count = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    whole = least(lambda: [compiler.analyse_file(file) for file in files], 5)
    share = Time(whole.clock * 1000 / count, whole.processor * 1000 / count)
    yield seconds(f"check, all {len(files)} examples, {count:,} lines, warm", whole)
    yield seconds("the same, for 1,000 lines, reading the library anew each time", share)


def long_programs() -> Iterator[Row]:
    """Cost by length, warm. Every line of this program makes a layer and two operators."""
    yield from all_examples()
    times = {}
    for count in (500, 1000, 2000, 4000):
        text = lines(count)
        compiler.analyse(text)
        times[count] = least(lambda text=text: compiler.analyse(text), 5)  # type: ignore[misc]
        yield seconds(f"check, {count:,} lines, warm", times[count], 0.3 if count == 1000 else None)
    growth = times[4000].processor / times[1000].processor
    yield Row("4,000 lines against 1,000", f"{growth:.1f} ×", "5 ×", growth <= 5)


def gpt(layers: int, d: int, heads: int, context: int) -> Program:
    text = (EXAMPLES / "gpt2.arch").read_text(encoding="utf-8")
    settings = {"layers": layers, "d": d, "heads": heads, "context": context}
    return compiler.analyse(text, "gpt2.arch", model="GPT2", settings=settings)


SHAPES = {"GPT-2 small": (12, 768, 12, 1024), "GPT-2 XL": (48, 1600, 25, 1024), "GPT-3 shape": (96, 12_288, 96, 2048)}


def figures() -> Iterator[Row]:
    """A figure does not grow with the model."""
    nodes, times = {}, {}
    for name, shape in SHAPES.items():
        program = gpt(*shape)
        dot = figure(program).dot
        nodes[name] = dot.count("label=") - dot.count("->")
        times[name] = least(lambda program=program: figure(program).svg(), 3)  # type: ignore[misc]
        yield Row(f"draw, {name}, warm", f"{times[name]}, {len(dot):,} characters of DOT")
    yield Row(
        "marks in the three figures", " = ".join(map(str, nodes.values())), "equal", len(set(nodes.values())) == 1
    )
    spread = max(t.processor for t in times.values()) / min(t.processor for t in times.values())
    yield Row("slowest against fastest", f"{spread:.2f} ×", "1.5 ×", spread <= 1.5)


def huge() -> Iterator[Row]:
    """The GPT-3 shape, in a process of its own."""
    script = (
        "import sys, time, resource; sys.path.insert(0, '.')\n"
        "from archdsl import compiler, summary\n"
        "from archdsl.ir.num import Num\n"
        "text = open('examples/gpt2.arch', encoding='utf-8').read()\n"
        "start, begun = time.perf_counter(), time.process_time()\n"
        "sizes = {'layers': 96, 'd': 12288, 'heads': 96, 'context': 2048}\n"
        "program = compiler.analyse(text, 'gpt2.arch', model='GPT2', settings=sizes)\n"
        "count = summary.count(program, 'GPT2').learned\n"
        "clock, took = time.perf_counter() - start, time.process_time() - begun\n"
        "try: memory = next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmHWM'))\n"
        "except OSError: memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(clock, took, memory / 1024, count)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    clock, took, memory, count = done.stdout.split()
    yield seconds("check and count", Time(float(clock), float(took)), 1.0)
    yield Row("memory of the whole process", f"{float(memory):.0f} MB", "300 MB", float(memory) <= 300)
    yield Row("parameters", f"{int(count):,}", "174,604,259,328", Num.parse(count) == 174_604_259_328)


SECTIONS = {"From the shell": cold, "Long programs": long_programs, "Figures": figures, "The GPT-3 shape": huge}


def main() -> int:
    started = time.strftime("%Y-%m-%d")
    version = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    out = ["# Measured", "", f"Written by `benchmarks/run.py` on {started}: {version}.", ""]
    failed = 0
    for title, measure in SECTIONS.items():
        out += [f"## {title}", "", "| what | measured | bound | |", "|---|---|---|---|"]
        for row in measure():
            failed += row.holds is False
            mark = {None: "", True: "holds", False: "**does not hold**"}[row.holds]
            out.append(f"| {row.what} | {row.value} | {row.bound} | {mark} |")
            print(f"{row.what:<46} {row.value:<36} {row.bound:<18} {mark}", flush=True)
        out.append("")
    if not QUICK:
        (HERE / "record.md").write_text("\n".join(out), encoding="utf-8")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB here; {failed} bounds do not hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
