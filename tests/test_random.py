"""Random programs of the whole language (tests/wide.py): that they have all of it, that each can be drawn and read back, and that every field of
the IR that means something can be changed so that both meaning and figure change, and the one only with the other.

A new field of the IR or a new setting of a primitive fails here until a statement (`tests/cases/random`), a mutation (`tests/mutate.py`) or a
reason to leave it out is written.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from archdsl.compiler import analyse
from archdsl.figure import figure, paint
from archdsl.figure.panels import panels
from archdsl.figure.reading import panels_of, read
from archdsl.figure.reading.canonical import canonical, differences
from archdsl.ir import program as ir
from archdsl.ir.meaning import meaning, same
from archdsl.ops import DISTRIBUTIONS, INITIALIZERS, OPS, OPTIMIZERS
from tests.figure.reading.strip import renamed, stripped
from tests.figure.visible import drawn
from tests.mutate import CHANGES
from tests.slots import NEUTRAL
from tests.wide import NET, NEW, TYPES, VALUE, chosen, options, table, wide
from tests.wide import OPTIMIZERS as OPTIMIZED

CLASSES = [c for c in vars(ir).values() if isinstance(c, type) and issubclass(c, ir.Data) and c is not ir.Data]
TRIED = 60
"""Programs whose IR is looked at; those that are drawn are fewer."""


@cache
def program(seed: int) -> ir.Program:
    return analyse(wide(random.Random(seed)))


def within(data: Any) -> Iterator[ir.Data]:
    if isinstance(data, ir.Data):
        yield data
        data = [getattr(data, name) for name in type(data).model_fields]
    if isinstance(data, (list, tuple, dict)):
        for item in data.values() if isinstance(data, dict) else data:
            yield from within(item)


# -- all of the language --------------------------------------------------------------------------------------------------
def test_every_field_of_the_ir_has_several_values() -> None:
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    definitions = [d for p in [*single(), *map(program, range(TRIED))] for d in p.definitions if not d.library]
    for data in within(definitions):
        for name in type(data).model_fields:
            if len(seen[type(data).__name__, name]) < 2:
                seen[type(data).__name__, name].add(repr(getattr(data, name)))
    assert {c.__name__ for c in CLASSES} - {c for c, _ in seen} == {"Program"}
    alike = {f"{c}.{name}" for (c, name), values in seen.items() if len(values) < 2} - NEUTRAL.keys()
    assert not alike, sorted(alike)


def statements() -> Iterator[tuple[str, str, str]]:
    """Each line of the table with each of its choices: kind of the result, statements before, expression."""
    for kind, text in table():
        counts = options(text)
        picks = [[i if j == at else 0 for j in range(len(counts))] for at, n in enumerate(counts) for i in range(n)]
        picks += [[min(i, n - 1) for n in counts] for i in range(1, max(counts, default=0))]
        for pick in picks or [[]]:
            for x in "sv" if "x" in (kind, *VALUE.findall(text)) else "s":
                line = VALUE.sub(lambda m, x=x: f"{x if m[1] == 'x' else m[1]}0", chosen(text, pick))  # type: ignore[misc]
                *before, last = NEW.sub(r"new\1", line).split(" ;; ")
                yield x if kind == "x" else kind, "\n".join(before), last


@cache
def single() -> list[ir.Program]:
    inputs = "\n".join(f"input {k}0: {t}" for k, t in TYPES.items())
    made = []
    for kind, before, last in statements():
        shape = re.sub(r"^\w+", "", TYPES[kind])
        text = f"model M(d = 4) {{\n{inputs}\n{before}\nz = {last}\nexpect shape(z) == {shape}\noutput z\n}}"
        made.append(analyse(text))
    for optimizer in OPTIMIZED:
        learned = f"input x: [batch, d]\nnet = Net(d)\ny, h = net(x)\nminimize mse(y, x) with {optimizer}"
        made.append(analyse(f"{NET}\ntrain T(d = 4, rate = 0.1) {{\n{learned}\n}}"))
    return made


def test_every_primitive_is_there_with_every_setting_at_two_values() -> None:
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def note(name: str, settings: dict[str, Any]) -> None:
        found[name][""].add("")
        for key, value in settings.items():
            found[name][key].add(repr(value))

    for data in within([single(), *(program(seed) for seed in range(TRIED))]):
        if isinstance(data, ir.Apply):
            note(data.op, {**data.settings, **{k: [a.index for a in at] for k, at in data.axes.items()}})
        elif isinstance(data, ir.Made):
            note(data.of, data.settings)
        elif isinstance(data, ir.Fill):
            note(f"= {data.name}", data.settings)
        elif isinstance(data, ir.Minimize):
            note(data.optimizer, data.settings)
        elif isinstance(data, ir.Draw):
            note(f"~ {data.distribution}", {data.gradient: ""})
    known: list[tuple[str, Any]] = [
        *OPS.items(),
        *OPTIMIZERS.items(),
        *((f"= {n}", i) for n, i in INITIALIZERS.items()),
    ]
    missing = {name for name, _ in known if name not in found}
    missing |= {f"{name} {key}" for name, of in known for key in of.settings if len(found[name][key]) < 2}
    missing |= {
        f"{n} {way}" for n, d in DISTRIBUTIONS.items() for way in ("none", *d.ways) if way not in found[f"~ {n}"]
    }
    assert not missing, sorted(missing)


# -- there and back -------------------------------------------------------------------------------------------------------
LOOKS: tuple[dict[str, str], ...] = (
    {},
    {"direction": "right"},
    {"width": "40in"},
    {"direction": "down"},
    {"theme": "mono"},
)
DRAWN = 20


@cache
def pictures() -> list[bytes]:
    return paint([figure(program(seed), **LOOKS[seed % len(LOOKS)]) for seed in range(DRAWN)], "svg")


@pytest.mark.parametrize("seed", range(DRAWN))
def test_drawn_and_read_back(seed: int) -> None:
    picture = stripped(pictures()[seed], seed)
    assert same(program(seed), analyse(read(picture)))
    if seed % len(LOOKS) != 2:  # where a figure is set closely, a type may be read beside its neighbour
        assert not differences(canonical(panels_of(picture)), canonical(panels(program(seed))))


ORDERED = (
    NET
    + """
train Fit(d = 4) {
  input x: [batch, d]
  net = Net(d)
  y, h = net(x)
  loss = mse(y, x)
  until stable(net.seen) at_most 300 { net(x) }
  minimize loss with Adam
  net.kept' = mean(x, over = batch)
}"""
)


def test_what_happens_in_order_is_read_back() -> None:
    """The numbers of updates stand before the names of memories and in the heading of an `until`."""
    drawn = analyse(ORDERED)
    assert same(drawn, analyse(read(stripped(figure(drawn).svg()))))


@pytest.mark.parametrize("seed", range(DRAWN, 2 * DRAWN))
def test_read_back_from_dot(seed: int) -> None:
    assert same(program(seed), analyse(read(renamed(figure(program(seed)).dot, seed).encode())))


RARE = [
    c
    for c in CHANGES
    if c.__name__
    in ("another_memory", "another_final", "another_config", "another_type", "until_less", "start_of_a_ride")
]
RARE += [c for c in CHANGES if c.__name__.startswith("another_operand of")]


# -- changed in one place -------------------------------------------------------------------------------------------------
def changes(before: Any, after: Any) -> Iterator[str]:
    """The fields in which two IRs differ, and those that hold them."""
    if isinstance(before, ir.Data) and type(before) is type(after):
        for name in type(before).model_fields:
            a, b = getattr(before, name), getattr(after, name)
            inner = [field for field in changes(a, b) if field]
            if inner or a != b:
                yield from [f"{type(before).__name__}.{name}", *inner]
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)) and len(before) == len(after):
        for a, b in zip(before, after):
            yield from changes(a, b)
    elif isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for key in before:
            yield from changes(before[key], after[key])
    elif before != after:
        yield ""


def test_meaning_and_figure_change_together_and_by_every_field() -> None:
    changed: set[str] = set()
    for seed in range(TRIED):
        meant, seen = meaning(program(seed)), drawn(program(seed))
        for change in CHANGES if seed < 8 else [*random.Random(seed).sample(CHANGES, 4), *RARE]:
            after, chance = program(seed).model_copy(deep=True), random.Random(seed)
            if change(after, chance):
                now = meaning(after)
                assert (now == meant) == (drawn(after) == seen), f"{change.__name__} of program {seed}"
                changed.update(changes(program(seed), after) if now != meant else ())
    every = {f"{c.__name__}.{name}" for c in CLASSES for name in c.model_fields}
    left = every - changed - NEUTRAL.keys()
    assert not left, f"no mutation changes {sorted(left)}, and no reason leaves them out"
    assert NEUTRAL.keys() <= every
