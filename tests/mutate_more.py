"""More changes in one place, for `tests/mutate.py`: of the interface, of what is stored and how it starts, of words and lists, of repeats' axes.

In: a definition and a source of chance. Out: whether something was changed.
"""

from __future__ import annotations

import random
from typing import Any

from archdsl.ir.equal import rewritten
from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Choice,
    Config,
    Definition,
    Draw,
    Fill,
    Minimize,
    Numbers,
    Program,
    Repeat,
    Setting,
    Until,
    Update,
)
from archdsl.ir.regions import regions
from archdsl.ir.types import Type
from archdsl.ops import OPS
from archdsl.ops.base import Either, Word
from tests.slots import changed, nodes, pick, types

DISTRIBUTIONS = ("Normal", "Laplace", "Uniform")


# -- settings -----------------------------------------------------------------------------------------------------------
def another_word(d: Definition, chance: random.Random) -> bool:
    """Another of the words that a setting can be: `causal` for `same`, `sum` for `mean`."""
    ways = [
        (settings, key, word)
        for op, settings in _settings(d)
        for key, value in settings.items()
        if isinstance(value, Choice) and op in OPS and isinstance(known := OPS[op].settings.get(key), (Word, Either))
        for word in known.words
        if word != value.word
    ]
    if ways:
        settings, key, word = chance.choice(ways)
        _everywhere(d, settings, key, Choice(word=word))
    return bool(ways)


def another_list(d: Definition, chance: random.Random) -> bool:
    """Another number in a list of numbers: a kernel's height, a shape's size."""
    ways = [(s, k, v) for _, s in _settings(d) for k, v in s.items() if isinstance(v, Numbers)]
    if ways:
        settings, key, value = chance.choice(ways)
        items = list(value.items)
        at = chance.randrange(len(items))
        items[at] = items[at] + Num.of(3)
        _everywhere(d, settings, key, Numbers(items=items))
    return bool(ways)


def _settings(d: Definition) -> list[tuple[str, dict[str, Setting]]]:
    applied = [(n.op, n.settings) for n in nodes(d, Apply) if n.made is None]  # type: ignore[union-attr]
    return applied + [(m.of, m.settings) for r in regions(d.body) for m in r.made if m.primitive]


def _everywhere(d: Definition, settings: dict[str, Setting], key: str, value: Setting) -> None:
    """Set it where it stands, and at the uses of what is made, which repeat it."""
    made = {m.id for r in regions(d.body) for m in r.made if m.settings is settings}
    for n in nodes(d, Apply):
        if n.made in made:  # type: ignore[union-attr]
            n.settings[key] = value  # type: ignore[union-attr]
    settings[key] = value


def another_start_of_weights(d: Definition, chance: random.Random) -> bool:
    made = pick(chance, [m for r in regions(d.body) for m in r.made if m.weights])
    if made is not None:
        weight = chance.choice(sorted(made.weights))  # type: ignore[attr-defined]
        made.initial[weight] = Fill(name="normal", settings={"mean": Num.of(0), "std": Num.of(0.375)})  # type: ignore[attr-defined]
    return made is not None


def start_changed(d: Definition, chance: random.Random) -> bool:
    """A number of an initializer."""
    fills = [p.initial for r in regions(d.body) for p in r.params] + [
        m.initial for m in d.memories if isinstance(m.initial, Fill)
    ]
    fills += [f for r in regions(d.body) for m in r.made for f in m.initial.values()]
    ways = [(f, k) for f in fills for k, v in f.settings.items() if isinstance(v, Num)]
    if ways:
        fill, key = chance.choice(ways)
        fill.settings[key] = changed(fill.settings[key])  # type: ignore[assignment]
    return bool(ways)


# -- the interface ------------------------------------------------------------------------------------------------------
def another_type(d: Definition, chance: random.Random) -> bool:
    """Another kind of elements, or one more axis, of an input, a parameter, a state or a memory."""
    values = [
        *d.inputs,
        *(s.value for s in d.states),
        *(m.value for m in d.memories),
        *(p.value for r in regions(d.body) for p in r.params),
    ]
    value = pick(chance, values)
    if value is not None:
        was = value.type  # type: ignore[attr-defined]
        more = Type(dtype=was.dtype, shape=(Num.of(7), *was.shape))
        other = Type(dtype="bool" if was.dtype == "int" else "int", shape=was.shape)
        value.type = chance.choice([more, other]) if value in d.inputs else more  # type: ignore[attr-defined]
    return value is not None


def renamed(d: Definition, chance: random.Random) -> bool:
    """Another name of an input, an output, a state, a memory or a parameter: what a caller, or who loads weights, says."""
    outputs = d.outputs if d.kind == "model" else []  # a cell's output may be called after its state
    things: list[Any] = [*d.inputs, *outputs, *(s.value for s in d.states), *(m.value for m in d.memories)]
    thing = pick(chance, things)
    if thing is not None:
        thing.name = f"{thing.name}_else"  # type: ignore[attr-defined]
    return thing is not None


def default_of_an_input(d: Definition, chance: random.Random) -> bool:
    value = pick(chance, [v for v in d.inputs if v.default is not None])
    if value is not None:
        default, flag = value.default, value.type.dtype == "bool"  # type: ignore[attr-defined]
        value.default = Num.of(1) - default if flag and isinstance(default, Num) else changed(default)  # type: ignore[attr-defined]
    return value is not None


def another_kind(d: Definition, _: random.Random) -> bool:
    if d.kind in ("model", "block"):
        d.kind = "block" if d.kind == "model" else "model"
    return d.kind in ("model", "block")


def another_config(d: Definition, chance: random.Random) -> bool:
    if d.kind != "model" or not d.hypers:
        return False
    if d.configs and chance.random() < 0.7:
        config = chance.choice(d.configs)
        keys = [k for k, v in config.settings.items() if isinstance(v, Num)]
        if keys and chance.random() < 0.5:
            key = chance.choice(keys)
            config.settings[key] = changed(config.settings[key])  # type: ignore[assignment]
        else:
            config.name += "_else"
    else:
        d.configs.append(Config(name="tiny", settings={d.hypers[0].name: Num.of(2)}))
    return True


# -- repeats --------------------------------------------------------------------------------------------------------------
def lengths_or_none(d: Definition, chance: random.Random) -> bool:
    """A scan in which each entry has its own length, and one in which all have the same."""
    lengths = [v.id for v in d.inputs if v.type.dtype == "int" and len(v.type.shape) == 1]
    node = pick(chance, [n for n in nodes(d, Repeat) if n.kind == "scan" and (lengths or n.lengths is not None)])
    if isinstance(node, Repeat):
        node.lengths = lengths[0] if node.lengths is None else None
    return node is not None


def another_axis_of_a_scan(d: Definition, chance: random.Random) -> bool:
    """A scan along the axis beside: another one is sliced and put together again."""
    kinds = types(d)
    ways = []
    for n in nodes(d, Repeat):
        assert isinstance(n, Repeat)
        shapes = [kinds[s.operand].shape for s in n.sliced if isinstance(s.operand, int)]
        if n.kind == "scan" and shapes and len({s.axis.index for s in n.sliced}) == 1:
            at = n.sliced[0].axis.index
            ways += [(n, i) for i in range(min(map(len, shapes))) if at >= 0 and i != at]
    if ways:
        node, index = chance.choice(ways)
        node.count = next(kinds[s.operand].shape[index] for s in node.sliced if isinstance(s.operand, int))
        for part in (*node.sliced, *node.collected):
            part.axis.index, part.axis.size = index, node.count
    return bool(ways)


def start_of_a_ride(d: Definition, chance: random.Random) -> bool:
    """A state that rides on a repeat starts elsewhere, or does not."""
    kinds = types(d)
    ways = [(r, k) for n in nodes(d, Repeat) for r in n.rides for k in r.finals or r.initial]  # type: ignore[union-attr]
    if ways:
        ride, name = chance.choice(ways)
        ready = [v.id for v in d.inputs if v.id in kinds]
        if name in ride.initial:
            del ride.initial[name]
        else:
            ride.initial[name] = chance.choice([Num.of(0.25), *ready])
    return bool(ways)


def another_final(d: Definition, chance: random.Random) -> bool:
    """The last of another state of the cell."""
    ways = [(r, k) for n in nodes(d, Repeat) for r in n.rides for k in r.finals if k in ("h", "c")]  # type: ignore[union-attr]
    ways = [(r, k) for r, k in ways if {"h": "c", "c": "h"}[k] not in r.finals and _has_both(d, r.made)]
    if ways:
        ride, name = chance.choice(ways)
        ride.finals[{"h": "c", "c": "h"}[name]] = ride.finals.pop(name)
    return bool(ways)


def _has_both(d: Definition, made: int) -> bool:
    return any(m.id == made and m.of == "LSTM" for r in regions(d.body) for m in r.made)


# -- chance and learning --------------------------------------------------------------------------------------------------
def another_distribution(d: Definition, chance: random.Random) -> bool:
    draw = pick(chance, [n for n in nodes(d, Draw) if n.distribution in DISTRIBUTIONS])  # type: ignore[union-attr]
    if isinstance(draw, Draw):
        draw.distribution = chance.choice([o for o in DISTRIBUTIONS if o != draw.distribution])
    return draw is not None


def setting_of_an_optimizer(d: Definition, chance: random.Random) -> bool:
    ways = [(n.settings, k) for n in nodes(d, Minimize) for k in n.settings]  # type: ignore[union-attr]
    if ways:
        settings, key = chance.choice(ways)
        settings[key] = changed(settings[key])  # type: ignore[assignment]
    return bool(ways)


def what_is_learned(d: Definition, chance: random.Random) -> bool:
    """One part or parameter less, or a parameter more, in what an optimizer updates."""
    params = [p.value.id for p in d.body.params]
    ways: list[tuple[list[int], int, bool]] = []
    for n in nodes(d, Minimize):
        assert isinstance(n, Minimize)
        together = [(n.over, i) for i in n.over] + [(n.over_params, i) for i in n.over_params]
        ways += [(of, i, False) for of, i in together if len(together) > 1]
        ways += [(n.over_params, i, True) for i in params if i not in n.over_params and together]
    if ways:
        of, i, more = chance.choice(ways)
        of.append(i) if more else of.remove(i)
    return bool(ways)


def another_memory(d: Definition, chance: random.Random) -> bool:
    """An update of another part's memory, or an `until` that waits for one."""
    made = [m.id for r in regions(d.body) for m in r.made if not m.primitive]
    ways: list[tuple[Any, int]] = [(n, i) for n in nodes(d, Update) for i in made if i != n.made]  # type: ignore[union-attr]
    ways += [(n, i) for n in nodes(d, Until) for i in made if i != n.stable[0][0]]  # type: ignore[union-attr]
    names = [n for n in nodes(d, Update) if n.memory in ("more", "kept")]  # type: ignore[union-attr]
    if names and chance.random() < 0.5:
        node: Any = chance.choice(names)
        node.memory = "kept" if node.memory == "more" else "more"
        return True
    waits: list[Any] = nodes(d, Until)
    if waits and chance.random() < 0.5:
        node = chance.choice(waits)
        made_, name = node.stable[0]
        node.stable[0] = (made_, "kept" if name == "seen" else "seen")
        return True
    if ways:
        node, i = chance.choice(ways)
        if isinstance(node, Update):
            node.made = i
        else:
            node.stable[0] = (i, node.stable[0][1])
    return bool(ways)


def until_less(d: Definition, chance: random.Random) -> bool:
    """An `until` without the last thing that it repeats."""
    wait = pick(chance, [n for n in nodes(d, Until) if n.body.nodes])
    if isinstance(wait, Until):
        wait.body.nodes.pop()
    return wait is not None


def memory_kept(d: Definition, chance: random.Random) -> bool:
    """A memory that is never updated."""
    memory = pick(chance, [m for m in d.memories if m.next is not None])
    if memory is not None:
        memory.next = None  # type: ignore[attr-defined]
    return memory is not None


MUTATIONS = (
    another_word, another_list, another_start_of_weights, start_changed, another_type, renamed, default_of_an_input, another_kind, another_config,
    lengths_or_none, another_axis_of_a_scan, start_of_a_ride, another_final, another_distribution, setting_of_an_optimizer, what_is_learned,
    another_memory, memory_kept, until_less,
)  # fmt: skip


# -- of a whole program -----------------------------------------------------------------------------------------------
def another_part(program: Program, chance: random.Random) -> str:
    """Another definition in the place of one that takes and gives the same."""

    def face(d: Definition) -> object:
        outputs = [(o.name, o.type) for o in d.outputs]
        return (
            d.kind,
            [(v.name, v.type, v.default) for v in d.inputs],
            outputs,
            sorted(s.value.name or "" for s in d.states),
            len(d.memories),
        )

    by_name = {d.name: d for d in program.definitions}
    ways = [
        (d, m, other.name)
        for d in program.definitions
        for r in regions(d.body)
        for m in r.made
        if not m.primitive
        for other in program.definitions
        if other.name not in (m.of, d.name)
        and d.kind != "train"
        and face(other) == face(by_name[m.of])
        and not _uses(program, other.name, d.name)
    ]
    if not ways:
        return ""
    d, made, name = chance.choice(ways)
    made.of = name
    return d.name


def _uses(program: Program, name: str, other: str) -> bool:
    """Whether one definition uses another, itself or through others."""
    made = {m.of for r in regions(program[name].body) for m in r.made if not m.primitive}
    return other in made or any(_uses(program, n, other) for n in made)


def definition_renamed(program: Program, chance: random.Random) -> str:
    d = chance.choice(program.definitions)
    new = f"{d.name}Else"
    for user in program.definitions:
        for made in (m for r in regions(user.body) for m in r.made if m.of == d.name and not m.primitive):
            made.of = new
    program.entries[:] = [new if n == d.name else n for n in program.entries]
    d.name = d.source_name = new
    return new


def hyperparameter_renamed(program: Program, chance: random.Random) -> str:
    found = [(d, h) for d in program.definitions for h in d.hypers]
    if not found:
        return ""
    d, hyper = chance.choice(found)
    old, new = hyper.name, f"{hyper.name}_else"
    at = next(i for i, other in enumerate(program.definitions) if other is d)
    program.definitions[at] = d = rewritten(d, {old: Num.symbol(new)})
    next(h for h in d.hypers if h.name == old).name = new
    for config in d.configs:
        config.settings = {new if k == old else k: v for k, v in config.settings.items()}
    for user in program.definitions:
        for made in (m for r in regions(user.body) for m in r.made if m.of == d.name):
            made.settings = {new if k == old else k: v for k, v in made.settings.items()}
    return d.name


WHOLE = (another_part, definition_renamed, hyperparameter_renamed)
