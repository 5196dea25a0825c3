"""All examples, with every option, and thousands of changed pictures: `python tests/figure/reading/sweep.py [options|OPTION …|changes] [COUNT]`.

Takes minutes; the suite has a sample (`test_options.py`, `test_changes.py`). Prints what was read and what was not; exit status 1 if a picture
drawn whole is not read to the same meaning, or one that was changed is neither refused nor the figure of what was read.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from archdsl import compiler, resources
from archdsl.figure import FigureError, figure, figures, paint
from archdsl.figure.reading import Holes, Unreadable, read
from archdsl.ir.meaning import same
from archdsl.ir.program import Program
from tests.figure.reading.changes import changed
from tests.figure.reading.strip import stripped
from tests.figure.reading.test_changes import outcome

OPTIONS: dict[str, dict[str, Any]] = {
    **{w: {"width": w} for w in ("6.5in", "3.25in", "20in")},
    **{d: {"direction": d} for d in ("up", "down", "left", "right")},
    **{t: {"theme": t} for t in ("dark", "mono")},
    "no legend": {"legend": False},
    "no captions": {"captions": False},
    "links": {"link": "model.arch"},
    "separate": {},
    "depth 0": {"depth": 0},
    "depth 1": {"depth": 1},
    "collapse": {},
    "expand": {"depth": 0},
}
PARTS = ("depth 0", "depth 1", "collapse", "expand")
CHANGED = ("gan", "lstm", "vae", "elm", "tagger", "gmm", "ram", "transformer")


def programs() -> Iterator[tuple[str, Program]]:
    for path in sorted(resources.folder("examples").glob("*.arch")):
        yield path.stem, compiler.analyse_file(path)


def told(program: Program, option: str) -> str:
    """What becomes of a program that is drawn with an option."""
    wishes = dict(OPTIONS[option])
    if option in ("collapse", "expand"):
        wishes[option] = [program.definitions[0].name]
    try:
        drawn = figures(program) if option == "separate" else [figure(program, **wishes)]
        pictures = paint(drawn, "svg")
    except FigureError as problem:
        return "does not fit" if "width" in wishes else f"not drawn: {problem.message}"
    for form in ("svg", "dot"):
        given = [stripped(p) for p in pictures] if form == "svg" else [f.dot.encode() for f in drawn]
        try:
            found = compiler.analyse(read({str(i): p for i, p in enumerate(given)}))
        except Holes:
            return "holes" if option in PARTS else "HOLES"
        except Unreadable as problem:
            return f"UNREADABLE {form}: {problem.message}"
        if not same(found, program):
            return f"DIFFERENT {form}"
    return "same"


def options(asked: Iterable[str]) -> int:
    bad = 0
    for option in asked:
        found: dict[str, list[str]] = {}
        for name, program in programs():
            found.setdefault(told(program, option), []).append(name)
        for what, names in sorted(found.items()):
            wrong = what not in ("same", "holes", "does not fit")
            bad += wrong
            print(
                f"{option:12} {len(names):3} {what}" + f" ({', '.join(names)})" * (wrong or len(names) < 9), flush=True
            )
    return bad


def changes(count: int) -> int:
    some = [(n, p) for n, p in programs() if n in CHANGED]
    pictures = {n: stripped(svg) for (n, _), svg in zip(some, paint([figure(p) for _, p in some], "svg"))}
    tally: Counter[str] = Counter()
    for seed in range(count):
        name, program = some[seed % len(some)]
        picture, what = changed(pictures[name], random.Random(seed))
        try:
            tally[f"{what.partition(':')[0]}: {outcome(program, picture)}"] += 1
        except Exception as problem:
            tally["BAD"] += 1
            print(f"BAD {name} {seed} {what}: {type(problem).__name__} {problem}", flush=True)
    for kind, number in sorted(tally.items()):
        print(f"{number:6} {kind}")
    return tally["BAD"]


if __name__ == "__main__":
    asked = sys.argv[1:] or ["options", "changes"]
    status = options(OPTIONS if "options" in asked else [a for a in asked if a in OPTIONS])
    if "changes" in asked:
        status += changes(int(asked[-1]) if asked[-1].isdigit() else 2000)
    sys.exit(status > 0)
