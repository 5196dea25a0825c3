"""Changes that a hand could make to one thing of a picture: gone, moved, written otherwise, pointing elsewhere, drawn otherwise.

In: a bare SVG (see `strip`) and a source of randomness. Out: the changed picture, and what was done.
"""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WORDS = ("h", "first h", "[batch]", "relu", "scalar", "each time:", "updates", "")


def tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def changed(svg: bytes, rng: random.Random) -> tuple[bytes, str]:
    root = ET.fromstring(svg)
    paper = root[0]
    name = rng.choice(sorted(KINDS))
    return (ET.tostring(root), f"{name}: {what}") if (what := KINDS[name](paper, rng)) else changed(svg, rng)


def _texts(paper: ET.Element) -> list[ET.Element]:
    return [e for e in paper if tag(e) == "text" and (e.text or "").strip()]


def _lines(paper: ET.Element) -> list[ET.Element]:
    return [e for e in paper if tag(e) == "path" and e.get("fill") == "none"]


def _heads(paper: ET.Element) -> list[ET.Element]:
    return [e for e in paper if tag(e) == "polygon" and len(set(e.get("points", "").split())) == 3]


def _told(element: ET.Element) -> str:
    return f"{tag(element)} {(element.text or element.get('d') or element.get('points') or '')[:50]}"


def _drop(paper: ET.Element, rng: random.Random) -> str:
    element = rng.choice(list(paper))
    paper.remove(element)
    return _told(element)


def _move(paper: ET.Element, rng: random.Random) -> str:
    element, far = rng.choice(list(paper)), rng.choice((12, 300))
    element.set("transform", f"translate({rng.uniform(-far, far):.1f} {rng.uniform(-far, far):.1f})")
    return _told(element)


def _word(paper: ET.Element, rng: random.Random) -> str:
    element = rng.choice(_texts(paper))
    before = element.text or ""
    element.text = rng.choice((before[:-1], before + "x", before[::-1], *_WORDS))
    return f"{before} → {element.text}"


def _number(paper: ET.Element, rng: random.Random) -> str:
    having = [e for e in _texts(paper) if _NUMBER.search(e.text or "")]
    if not having:
        return ""
    element = rng.choice(having)
    before = element.text or ""
    match = rng.choice(list(_NUMBER.finditer(before)))
    element.text = before[: match.start()] + rng.choice(("2", "0", "7", "-1", "3.5", "64")) + before[match.end() :]
    return f"{before} → {element.text}"


def _swap(paper: ET.Element, rng: random.Random) -> str:
    a, b = rng.sample(_texts(paper), 2)
    a.text, b.text = b.text, a.text
    return f"{a.text} ↔ {b.text}"


def _head(paper: ET.Element, rng: random.Random) -> str:
    a, b = rng.sample(_heads(paper), 2)
    (ax, ay), (bx, by) = ([float(n) for n in _NUMBER.findall(e.get("points", ""))[:2]] for e in (a, b))
    a.set("transform", f"translate({bx - ax} {by - ay})")
    return _told(a)


def _line(paper: ET.Element, rng: random.Random) -> str:
    element = rng.choice(_lines(paper))
    paper.remove(element)
    return _told(element)


def _dash(paper: ET.Element, rng: random.Random) -> str:
    element = rng.choice(_lines(paper))
    element.set("stroke-dasharray", "" if element.get("stroke-dasharray") else "5,2")
    return _told(element)


def _width(paper: ET.Element, rng: random.Random) -> str:
    element = rng.choice([e for e in paper if tag(e) != "text"])
    element.set("stroke-width", rng.choice(("0.2", "0.9", "1.3", "1.6", "2.2")))
    return _told(element)


def _fill(paper: ET.Element, rng: random.Random) -> str:
    element = rng.choice([*_heads(paper), *(e for e in paper if tag(e) == "ellipse")])
    element.set("fill", rng.choice(("#000000", "none", "#ffffff")))
    return _told(element)


KINDS: dict[str, Callable[[ET.Element, random.Random], str]] = {
    "drop": _drop, "move": _move, "word": _word, "number": _number, "swap": _swap, "head": _head, "line": _line, "dash": _dash,
    "width": _width, "fill": _fill,
}  # fmt: skip
