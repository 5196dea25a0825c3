"""Measures the emitted code against what people use, and writes benchmarks/code.md.

    python benchmarks/code.py [--quick] [--only WORD]

Ours and the reference run in turns in one process, on one thread of the processor (`measuring.py`); what is compared stands in `pairs.py`.
Where a bound does not hold, what is blamed for it is measured too (`causes.py`), and the record says by how much and why, row by row.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import causes
import torch
from measuring import Pair, Row, measure
from pairs import QUICK, SECTIONS

HERE = Path(__file__).resolve().parent
ONLY = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
SECONDS = 0.3 if QUICK else 1.6
"""How long one pair is measured, at least three times each."""


@dataclass
class Record:
    """The lines of the record, and why bounds do not hold."""

    lines: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    load: list[float] = field(default_factory=list)

    def section(self, title: str, pairs: Iterable[Pair]) -> None:
        head = ["| what | reference | time | bound | memory | |", "|---|---|---|---|---|---|"]
        self.lines += [f"## {title}", "", *head]
        for pair in pairs:
            for row in measure(pair, SECONDS):
                self.load.append(os.getloadavg()[0])
                self.row(pair, row)
        self.lines.append("")

    def row(self, pair: Pair, row: Row) -> None:
        mark = f"**not {' and '.join(row.missed)}**" if row.missed else "holds"
        memory = "" if row.memory is None else f"{row.memory:.2f}"
        millis = f"{row.seconds * 1000:.3g} ms"
        self.lines.append(f"| {row.name} | {millis} | {row.ratio:.2f} | {row.bound:g} | {memory} | {mark} |")
        print(f"{row.name:<66} {millis:>10} {row.ratio:6.2f} of {row.bound:g}  memory {memory:<5} {mark}", flush=True)
        if row.missed:
            reason = (pair.why or causes.unknown)(pair, row)
            self.reasons.append(f"- {row.name}: {reason}.")
            print(f"    {reason}", flush=True)

    def text(self) -> str:
        version = (
            f"torch {torch.__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        )
        low, high = min(self.load), max(self.load)
        busy = f"the machine's load meanwhile, this process included: {low:.1f} to {high:.1f} on {os.cpu_count()} cores"
        head = f"Written by `benchmarks/code.py` on {time.strftime('%Y-%m-%d')}: {version}, one thread; {busy}."
        about = "Time is ours divided by the reference's, memory likewise (its bound is 1.05); less than 1 is better."
        more = ["## Where a bound does not hold", "", *self.reasons, ""] if self.reasons else []
        return "\n".join(["# Emitted code, measured", "", head, "", about, "", *self.lines, *more])


def main() -> int:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    started, record = time.perf_counter(), Record()
    for title, groups in SECTIONS.items():
        record.section(title, (pair for group in groups for pair in group() if ONLY in pair.what))
    print(f"{time.perf_counter() - started:.0f} s; bounds of {len(record.reasons)} rows do not hold")
    if not QUICK and not ONLY:
        (HERE / "code.md").write_text(record.text(), encoding="utf-8")
    return 1 if record.reasons else 0


if __name__ == "__main__":
    sys.exit(main())
