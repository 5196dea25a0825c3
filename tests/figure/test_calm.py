"""What makes a figure calm: words with air around them, lines without stairs, little white space, even captions, a legend of all signs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from quality import _line

from archdsl.compiler import analyse, analyse_file
from archdsl.figure import figure
from archdsl.figure.captions import caption, uncaptioned
from archdsl.figure.reading import read
from archdsl.resources import folder
from tests.figure.reading.strip import renamed, stripped

_SVG = "{http://www.w3.org/2000/svg}"
TWO = """model Two(features = 3) {
  input x: [batch, features]
  input z: [batch, features]
  concat([x, z]) -> Linear(4) -> output y
}
"""


@cache
def places(name: str) -> list[dict[str, Any]]:
    return figure(analyse_file(folder("examples") / f"{name}.arch")).places()


def stairs(sheet: dict[str, Any]) -> int:
    """Lines that go to one side in two steps."""
    found = 0
    for edge in sheet["edges"].values():
        upright = [a[0] for a, b in pairwise(_line(edge)) if abs(a[1] - b[1]) > 6.5 and abs(a[0] - b[0]) < 1]
        found += any((b - a) * (c - b) > 1 for a, b, c in zip(upright, upright[1:], upright[2:]))
    return found


@pytest.mark.parametrize("name", ["char_lstm", "gpt2", "lsm", "vit", "wavenet"])
def test_lines_go_aside_in_one_step(name: str) -> None:
    assert sum(map(stairs, places(name))) == 0


@pytest.mark.parametrize("name, most", [("art1", 0.13), ("dann", 0.11), ("gan", 0.16), ("ntm", 0.15)])
def test_panels_fill_the_page(name: str, most: float) -> None:
    boxes = []
    for sheet in places(name):
        frames = [f["box"] for f in sheet["frames"].values()]
        boxes.append([pick(b[k] for b in frames) for pick, k in ((min, "x0"), (min, "y0"), (max, "x1"), (max, "y1"))])
    page = (max(b[2] for b in boxes) - min(b[0] for b in boxes)) * (max(b[3] for b in boxes) - min(b[1] for b in boxes))
    assert 1 - sum((b[2] - b[0]) * (b[3] - b[1]) for b in boxes) / page < most
    model = boxes[0]
    assert model[0] == min(b[0] for b in boxes) and model[3] == max(b[3] for b in boxes)


def test_words_have_air() -> None:
    """In a box with ports they keep from its border as they do in one without; a single line stands in the middle."""
    root = ET.fromstring(figure(analyse(TWO, "two"), legend=False).svg())
    shapes = [
        [float(n) for n in re.findall(r"-?[0-9.]+", e.get("points") or e.get("d") or "")]
        for e in root.iter()
        if e.tag in (f"{_SVG}polygon", f"{_SVG}path")
    ]
    boxes = [(min(s[::2]), min(s[1::2]), max(s[::2]), max(s[1::2])) for s in shapes if len(s) >= 8]
    seen = {
        "".join(e.itertext()).strip(): (float(e.get("x", 0)), float(e.get("y", 0))) for e in root.iter(f"{_SVG}text")
    }
    for text in ("concat over features", "Linear"):
        x, y = seen[text]
        box = min((b for b in boxes if b[0] < x < b[2] and b[1] < y < b[3]), key=lambda b: b[2] - b[0])
        assert x - box[0] > 5.5, text
        if text == "Linear":
            assert abs(y - 3.3 - (box[1] + box[3]) / 2) < 0.5


def test_captions_leave_no_word_alone() -> None:
    lines = caption("one two three four five six seven eight nine ten eleven twelve thirteen", 62)
    assert len(lines) == 2 and len(lines[1]) > 0.6 * len(lines[0])
    assert caption("short", 62) == ["Short"] and caption("", 62) == []


def test_captions_without_spaces_end_their_lines_between_letters() -> None:
    """So that they fit a column; read again, they are what they were, with a space between two ideographs as well."""
    doc = (
        "第一段落：これは長い説明文です。幅を測らないと「いけない」ので、かなり長く 書きます。LSTM と 漢字 한국어 모델 ✨漢字 "
        * 3
    )
    lines = caption(doc, 40)
    assert all(sum(1 + 4 * (ord(c) > 0x2FFF) for c in line) <= 40 for line in lines)
    assert not any(line[0] in "：、。」ょ " or line[-1] in "「 " for line in lines)
    assert uncaptioned(lines) == doc.strip()
    words = "One &lt;b&gt; two three"
    assert uncaptioned(caption("one <b> two three", 8)) == words and len(caption("one <b> two three", 8)) == 3
    text = f'"""{doc}"""\nmodel M {{ input x: [batch, 4]\n x -> relu -> output y }}'
    drawn = figure(analyse(text, "m.arch"), width="3.25in")
    for picture in (stripped(drawn.svg()), renamed(drawn.dot).encode()):
        assert f'"""{doc.strip()}"""' in read(picture)


def test_the_legend_names_the_signs_that_there_are() -> None:
    def rows(name: str) -> str:
        dot = figure(analyse_file(folder("examples") / f"{name}.arch")).dot
        return dot[dot.index("cluster_legend") :]

    assert all(t in rows("lstm") for t in ("has a panel of its own", "what it is after the step or call"))
    assert "the operand that comes in" not in rows("lstm") and "the operand that comes in" in rows("vae")
    assert "after the step" not in rows("vae")
