"""A program's IR written otherwise, at random, with the same meaning: statements in another order that keeps what depends on what, operands
that commute swapped, ids changed; with `names`, also local names, the names of sizes, docs and the order of states, some of which a figure shows.

In: a program and a source of chance. Out: another `Program`, valid by the IR's own model.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

from archdsl.ir.num import Num
from archdsl.ir.program import Program

COMMUTE = {"add", "mul", "maximum", "minimum", "eq", "ne", "and", "or"}
REGIONS = ("stack", "loop", "scan", "until")


def respelled(program: Program, chance: random.Random, names: bool = True) -> Program:
    data = program.model_dump(mode="json")
    for definition in data["definitions"]:
        if names:
            definition.update(doc="", library=not definition["library"], constraints=[])
            chance.shuffle(definition["states"])
            chance.shuffle(definition["memories"])
        _region(definition["body"], chance)
        _rename(definition, chance, names)
    if names:
        chance.shuffle(data["definitions"])
    return Program.model_validate(data)


def _regions(region: dict[str, Any]) -> list[dict[str, Any]]:
    return [region, *(r for n in region["nodes"] if n["kind"] in REGIONS for r in _regions(n["body"]))]


def _region(region: dict[str, Any], chance: random.Random) -> None:
    for node in region["nodes"]:
        if node["kind"] in REGIONS:
            _region(node["body"], chance)
            for part in ("sliced", "carried", "rides", "collected", "stable"):
                chance.shuffle(node.get(part, []))
        elif node["kind"] == "apply" and node["op"] in COMMUTE and chance.random() < 0.5:
            node["inputs"].reverse()
        elif node["kind"] == "minimize":
            chance.shuffle(node["over"])
    chance.shuffle(region["made"])
    chance.shuffle(region["params"])
    region["nodes"] = _reordered(region["nodes"], chance)


def _reordered(nodes: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """Another order in which every value is made before it is read; what acts on weights or memories keeps its order."""
    made_by = {v: i for i, n in enumerate(nodes) for v in _values(n)}
    waits = [{made_by[v] for v in _operands(n) if v in made_by} - {i} for i, n in enumerate(nodes)]
    acts = [i for i, n in enumerate(nodes) if n["kind"] in ("minimize", "update", "until", "call")]
    for before, after in itertools.pairwise(acts):
        waits[after].add(before)
    order: list[int] = []
    while len(order) < len(nodes):
        order.append(chance.choice([i for i in range(len(nodes)) if i not in order and waits[i] <= set(order)]))
    return [nodes[i] for i in order]


def _values(data: Any) -> set[int]:
    """Ids of the values that are made in some data."""
    if isinstance(data, list):
        return {v for item in data for v in _values(item)}
    if not isinstance(data, dict):
        return set()
    own = {data["id"]} if "type" in data and "id" in data else set()
    return own | {v for item in data.values() for v in _values(item)}


READS = ("operand", "initial", "next", "loss", "inputs", "over_params")


def _operands(data: Any, key: str = "") -> set[int]:
    if isinstance(data, list):
        return {v for item in data for v in _operands(item, key)}
    if isinstance(data, dict):
        return {v for k, item in data.items() for v in _operands(item, k if key != "initial" or k in READS else key)}
    return {data} if isinstance(data, int) and not isinstance(data, bool) and key in READS else set()


def _rename(definition: dict[str, Any], chance: random.Random, names: bool) -> None:
    """Other ids; other names for local values, parts and sizes."""
    ids = sorted(_values(definition))
    new = dict(zip(ids, chance.sample(range(1000, 9000), len(ids))))
    kept = {v["value"]["id"] for k in ("states", "memories") for v in definition[k]}
    kept |= {v["id"] for v in definition["inputs"]}
    kept |= {p["value"]["id"] for r in _regions(definition["body"]) for p in r["params"]}
    known = {h["name"] for h in definition["hypers"]} | {"..."}
    symbols = {s for v in definition["inputs"] for n in v["type"]["shape"] for s in Num.parse(n).symbols()} - known
    sizes = {s: Num.symbol(f"size_{i}") for i, s in enumerate(sorted(symbols))} if names else {}

    def visit(data: Any, key: str) -> Any:
        if isinstance(data, list):
            return [visit(item, key) for item in data]
        if isinstance(data, dict):
            own = "type" in data and "id" in data
            found = {k: visit(v, k if key != "initial" or k in READS else key) for k, v in data.items()}
            if own:
                found["id"] = new[data["id"]]
                if names and data["id"] not in kept and data["name"]:
                    found["name"] = f"other_{data['id']}"
            if names and "primitive" in data:
                found["name"] = f"part_{data['id']}"
            return found
        if isinstance(data, int) and not isinstance(data, bool) and key in READS:
            return new[data]
        if isinstance(data, str) and key not in ("name", "of", "op", "word", "kind", "file", "source_name", "index"):
            return _number(data, sizes)
        return data

    for part in ("inputs", "initial", "states", "memories", "body", "outputs", "conditions"):
        definition[part] = visit(definition[part], "")


def _number(text: str, sizes: dict[str, Num]) -> str:
    try:
        return str(Num.parse(text).subs(sizes))
    except ValueError:
        return text
