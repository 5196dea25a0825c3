"""Which wire the words beside it belong to: the nearest of those that can have them, each wire once.

In: a panel's wires with their lines, and blocks of small words. Out: the wires with their labels. What a label says narrows the choice,
as it does for a reader: the words of a first value stand at the hollow arrow to that state, those of what is handed on at its dashed one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from archdsl.figure.reading.lines import Line
from archdsl.figure.reading.markup import plain, runs, unfolded
from archdsl.figure.reading.places import Box, Point, around, box_to_line, joined, toward
from archdsl.figure.reading.wires import Drawn
from archdsl.figure.scene import Frame, Mark

_NEVER = 1e5
_UNLIKELY = 30.0
_FAR = 60.0
_LEFT = 4.0
_ABOVE = 2.0
_TYPE = re.compile(r"(.* )?((bool|int)?\[.*\]|(bool |int )?scalar)$")


def give(found: Sequence[Drawn], blocks: Sequence[Sequence[Line]], root: Frame) -> list[list[Line]]:
    """Gives each block to a wire; the blocks that are near none are left."""
    homes = {id(m): f for f in root.all_frames() for m in f.marks}
    stacks = [{id(g) for g in f.all_frames()} for f in root.all_frames() if f.kind == "stack"]
    texts = [unfolded(line.text for line in block) for block in blocks]
    costs = [
        [
            _gap(joined(line.box for line in block), drawn.points) + _misfit(text, drawn, homes, stacks)
            for drawn in found
        ]
        for block, text in zip(blocks, texts)
    ]
    left = []
    for i, j in enumerate(assigned(costs)):
        if j is None or costs[i][j] > _FAR + _UNLIKELY:
            left.append(list(blocks[i]))
            continue
        found[j].wire.label = "<BR/>".join(texts[i])
    return left


def _gap(box: Box, line: Sequence[Point]) -> float:
    """How far words are from a line; they rather stand to the right of an upright line, and below a level one."""
    if (far := box.apart(around(line))) > _FAR:
        return far
    gap = box_to_line(box, line)
    if gap > _FAR:
        return gap
    x, y = toward(box, line)
    return gap + (_LEFT if x > box.x1 - box.width / 4 else _ABOVE if y > box.y1 - 1 else 0.0)


def _misfit(text: Sequence[str], drawn: Drawn, homes: dict[int, Frame], stacks: Sequence[set[int]]) -> float:
    """How little a label suits a wire: 0 where it can be its own. `stacks`: the frames within each."""
    wire = drawn.wire
    last, name = text[-1], _state(wire.head)
    handed_on = " ".join(t for t in text if t.endswith(("′", "′,")) and not t.startswith("last "))
    match wire.kind:
        case "updates":
            return 0.0 if last == "updates" else _NEVER
        case "first":
            told = last.partition(" = ")[0]
            return 0.0 if told == f"first {name}" or (last.startswith("first ") and "," in name) else _NEVER
        case "return" if wire.head.kind == "memory":
            return 0.0 if last == f"{name.rpartition('.')[2]}′, next call" else _NEVER
        case "return":
            return 0.0 if handed_on.replace("′", "") == name else _NEVER
    if last == "updates" or last.startswith("first ") or last.endswith("′, next call"):
        return _NEVER
    tail, head = homes[id(wire.tail)], homes[id(wire.head)]
    if last.startswith("⊙ "):
        return 0.0 if wire.kind == "gate" else _NEVER
    if last.endswith("into the first copy"):
        return 0.0 if any(id(head) in within and id(tail) not in within for within in stacks) else _UNLIKELY
    if any(t.endswith(":") for t in text) or last.startswith("last "):
        return _UNLIKELY if tail is head else 0.0
    if wire.tail.kind == "fork" and wire.head.kind != "fork":
        return _UNLIKELY
    if wire.head.kind == "output" or wire.tail.kind in ("input", "state", "memory", "constant"):
        return _UNLIKELY if wire.head.kind != "fork" else 10.0
    if not _TYPE.fullmatch(last) and wire.head.kind != "fork" and wire.kind != "gate":
        return 8.0
    return 0.0


def _state(mark: Mark) -> str:
    """The name, or names, of what a mark holds."""
    return " ".join(plain("".join(f"<SUB>{r.text}</SUB>" if r.shift else r.text for r in runs(line) if r.bold))
                    for line in mark.lines if "<B>" in line)  # fmt: skip


def assigned(costs: Sequence[Sequence[float]]) -> list[int | None]:
    """For each row a column of its own, so that the sum of costs is least (the Hungarian method); None where there are too few columns."""
    rows, columns = len(costs), max(len(costs), len(costs[0])) if costs else 0
    cost: Callable[[int, int], float] = lambda i, j: costs[i][j] if j < len(costs[i]) else _NEVER * 10  # noqa: E731
    up, vp = [0.0] * (rows + 1), [0.0] * (columns + 1)
    match, way = [0] * (columns + 1), [0] * (columns + 1)
    for i in range(1, rows + 1):
        match[0], j0 = i, 0
        least, used = [float("inf")] * (columns + 1), [False] * (columns + 1)
        while True:
            used[j0] = True
            i0, delta, j1 = match[j0], float("inf"), 0
            for j in range(1, columns + 1):
                if not used[j]:
                    here = cost(i0 - 1, j - 1) - up[i0] - vp[j]
                    if here < least[j]:
                        least[j], way[j] = here, j0
                    if least[j] < delta:
                        delta, j1 = least[j], j
            for j in range(columns + 1):
                if used[j]:
                    up[match[j]] += delta
                    vp[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
            if match[j0] == 0:
                break
        while j0:
            j1 = way[j0]
            match[j0] = match[j1]
            j0 = j1
    result: list[int | None] = [None] * rows
    for j in range(1, columns + 1):
        if match[j] and j <= len(costs[0]):
            result[match[j] - 1] = j - 1
    return result
