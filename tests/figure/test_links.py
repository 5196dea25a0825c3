"""Links from marks to the lines of their statements: right, where there is something to link to, and otherwise of no consequence."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from archdsl import cli, compiler
from archdsl.figure import FigureError, figure, paint
from archdsl.figure.reading import read
from tests.figure.reading.strip import stripped

TEXT = '''"""Two layers.

Of two lines."""
model Net(d = 4) {
  input x: [batch, time, d],
        y: [batch, time, d]
  param scale: [d] = 1

  shared = Linear(d)
  h = shared(x)   # a comment
  stack 2 {
    input h
    h' = h + relu(shared(h))
  }
  -> output a
  output b = scale * y
  x -> scan LSTM(d) over time -> output c
}
'''
PLACES = {"x": 5, "y": 6, "scale": 7, "relu": 13, "a": 15, "b": 16, "c": 17, "LSTM": 17}
_A = "{http://www.w3.org/2000/svg}a"
_HREF = "{http://www.w3.org/1999/xlink}href"


def program() -> compiler.Program:
    return compiler.analyse(
        TEXT.replace("stack 2 {\n    input h\n", "a = h -> stack 2 {\n    input h\n").replace(
            "  }\n  -> output a", "  }\n  output a"
        )
    )


def lines(svg: bytes) -> dict[str, set[int]]:
    """The lines that each word of a figure leads to."""
    found: dict[str, set[int]] = {}
    for link in ET.fromstring(svg).iter(_A):
        line = int(link.get(_HREF, "").removeprefix("net.arch#L"))
        for word in re.findall(r"\w+", " ".join(link.itertext())):
            found.setdefault(word, set()).add(line)
    return found


def test_marks_lead_to_their_statements() -> None:
    found = lines(figure(program(), link="net.arch").svg())
    for word, line in PLACES.items():
        assert line in found[word], word
    assert found["model"] == {4} and {10, 13} <= found["Linear"]
    assert not found.keys() & {"cell", "gate", "Legend"}, "the library's LSTM, opened, is in no line of this file"


def test_nothing_else_changes() -> None:
    plain, linked = figure(program()), figure(program(), link="https://example.org/net.arch?plain=1&at={line}")
    pictures, pngs = paint([plain, linked], "svg"), paint([plain, linked], "png")
    assert pngs[0] == pngs[1]
    assert b"at=13" in pictures[1] and b"<a " not in pictures[0]
    assert stripped(pictures[0]) == stripped(pictures[1])
    assert read(pictures[0]) == read(pictures[1])
    assert read(plain.dot.encode()) == read(linked.dot.encode())


def test_pdf() -> None:
    plain, linked = figure(program()).pdf(), figure(program(), link="net.arch").pdf()
    assert b"/Annots" not in plain
    places = re.findall(
        rb"/Subtype /Link /Rect \[([^\]]*)\] /Border \[0 0 0\] /A <</S /URI /URI \(net.arch#L(\d+)\)", linked
    )
    assert {int(line) for _, line in places} >= set(PLACES.values())
    for rectangle, _ in places:
        x0, y0, x1, y1 = map(float, rectangle.split())
        assert 0 <= x0 < x1 and 0 <= y0 < y1


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same bytes wherever the program lies; what is no address is refused."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.arch").write_text("model M(d = 4) {\n  input x: [batch, d]\n  output y = relu(x)\n}\n")
        assert cli.main(["draw", str(tmp_path / name / "net.arch"), "--link", "src/net.arch"]) == 0
    assert (tmp_path / "one" / "net.svg").read_bytes() == (tmp_path / "other" / "net.svg").read_bytes()
    assert cli.main(["draw", str(tmp_path / "one" / "net.arch"), "--link", 'a" onload="b']) == 2
    assert "is no address" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "a b", "a\nb", "<a>", 'a"b', "a\\N"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(FigureError, match="is no address"):
        figure(program(), link=address)
