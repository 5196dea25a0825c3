"""Which mark of one panel is which of another.

In: two `Flat` panels. Out: pairs of frames and pairs of marks. Frames are paired first, from the outside in; marks are paired within
paired frames alone. Two marks are alike by their words, and more so the more alike the marks are that they are joined to (similarity
flooding, Melnik et al. 2002); the best pairs are taken first. A pair that nothing around it supports is none: the mark was taken away here
and put there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from archdsl.comparison.flat import Flat, Flow
from archdsl.figure.scene import Frame, Mark

ROUNDS = 8
LEAST = 0.12
"""How alike two marks must be, at least, to be one that has changed."""
_HELD = ("input", "output", "state", "memory")
_WEIGHTS = ("weights", "frozen")


def plain(text: str) -> str:
    """Label text as bare words."""
    text = re.sub("<BR[^>]*>", " ", text)
    text = re.sub("<[^>]*>", "", text)
    for sign, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#160;", " "), ("&amp;", "&")):
        text = text.replace(sign, character)
    return " ".join(text.replace("▸", "").split())


def head(mark: Mark) -> str:
    """The first word of a mark: its name or its operation."""
    return plain(mark.lines[0]).split(" ")[0] if mark.lines else ""


# -- frames -----------------------------------------------------------------------------------------------------------
def frames(a: Frame, b: Frame) -> list[tuple[Frame, Frame]]:
    """Pairs of frames, these two first."""
    pairs = [(a, b)]
    scored = [(_frame_likeness(x, y), i, j) for i, x in enumerate(a.frames) for j, y in enumerate(b.frames)]
    taken_a, taken_b = set[int](), set[int]()
    for score, i, j in sorted(scored, key=lambda s: (-s[0], s[1], s[2])):
        if score > 0.5 and i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            pairs += frames(a.frames[i], b.frames[j])
    return pairs


def _frame_likeness(a: Frame, b: Frame) -> float:
    repeats = ("stack", "loop", "scan")
    if a.kind != b.kind and not (a.kind in repeats and b.kind in repeats):
        return 0
    left, right = ({(m.kind, head(m)) for m in f.all_marks() if m.kind != "fork"} for f in (a, b))
    shared = len(left & right) / max(1, len(left | right))
    return shared + 0.4 * (a.kind == b.kind) + 0.4 * (a.lines == b.lines)


# -- marks ------------------------------------------------------------------------------------------------------------
def marks(
    a: Flat, b: Flat, framed: Sequence[tuple[Frame, Frame]], renamed: Mapping[str, str]
) -> list[tuple[Mark, Mark]]:
    """Pairs of marks. `renamed` are the definitions that have another name in the second program."""
    partner = {id(x): y for x, y in framed}
    base = {}
    for i, x in enumerate(a.marks):
        for j, y in enumerate(b.marks):
            if partner.get(id(a.home[id(x)])) is b.home[id(y)] and (alike := likeness(x, y, renamed)):
                base[i, j] = alike
    around_a, around_b = _around(a), _around(b)
    score = _flooded(base, around_a, around_b)
    pairs: list[tuple[int, int]] = []
    for i, j in sorted(base, key=lambda ij: (-score[ij], abs(ij[0] - ij[1]), ij)):
        if score[i, j] >= LEAST and all(i != p and j != q for p, q in pairs):
            pairs.append((i, j))
    return [(a.marks[i], b.marks[j]) for i, j in _supported(pairs, base, around_a, around_b, a)]


def likeness(x: Mark, y: Mark, renamed: Mapping[str, str]) -> float:
    """How alike two marks are by themselves, from 0 to 1."""
    if x.ports != y.ports or x.results != y.results:
        return 0
    if x.kind in _HELD or y.kind in _HELD:
        return 0 if x.kind != y.kind else 1 if x.lines == y.lines else 0.9 if head(x) == head(y) else 0.15
    if x.kind == y.kind and x.lines == y.lines:
        return 1
    if x.kind == y.kind or {x.kind, y.kind} == set(_WEIGHTS):
        return 0.6 if renamed.get(head(x), head(x)) == head(y) else 0.2
    return 0


Around = list[list[tuple[object, int]]]


def _around(of: Flat) -> Around:
    """For each mark, what it is joined to: how, and which mark that is."""
    place = {id(m): i for i, m in enumerate(of.marks)}
    found: Around = [[] for _ in of.marks]
    for flow in of.flows:
        tail, head_ = place[id(flow.tail)], place[id(flow.head)]
        found[tail].append((("to", *_way(flow)), head_))
        found[head_].append((("from", *_way(flow)), tail))
    return found


def _way(flow: Flow) -> tuple[object, ...]:
    return ("data" if flow.kind == "gate" else flow.kind, flow.tail_port, flow.head_port)


def _flooded(base: dict[tuple[int, int], float], left: Around, right: Around) -> dict[tuple[int, int], float]:
    score = dict(base)
    for _ in range(ROUNDS):
        score = {(i, j): b * (0.4 + 0.6 * _agreement(left[i], right[j], score)) for (i, j), b in base.items()}
    return score


def _agreement(
    left: list[tuple[object, int]], right: list[tuple[object, int]], score: dict[tuple[int, int], float]
) -> float:
    """How well what is around two marks can be paired, from 0 to 1."""
    if not left and not right:
        return 1
    ways = defaultdict[object, list[int]](list)
    for way, j in right:
        ways[way].append(j)
    total = 0.0
    for way, i in left:
        total += max((score.get((i, j), 0.0) for j in ways[way]), default=0.0)
    return total / max(len(left), len(right))


def _supported(
    pairs: list[tuple[int, int]], base: dict[tuple[int, int], float], left: Around, right: Around, a: Flat
) -> list[tuple[int, int]]:
    """Without the pairs that no other pair stands beside, again and again."""
    while True:
        partner = dict(pairs)
        kept = []
        for i, j in pairs:
            beside = sum((way, partner.get(n)) in right[j] for way, n in left[i])
            if beside or a.marks[i].kind in _HELD or (not left[i] and not right[j]):
                kept.append((i, j))
        if len(kept) == len(pairs):
            return pairs
        pairs = kept
