"""Graphviz's HTML-like labels: a mark's words, its ports in a row below, its results above, and its tag.

In: label text (see `words`). Out: a label, in the angle brackets that Graphviz wants.
"""

from __future__ import annotations

from archdsl.figure import theme
from archdsl.figure.scene import Mark

_PORT = f'<FONT POINT-SIZE="{theme.TINY:g}">'


def label(mark: Mark) -> str:
    if not (mark.ports or mark.results or mark.tag):
        return f"<{'<BR/>'.join(mark.lines)}>"
    rows = [_port_row(mark.results, "o", "B")] if mark.results else []
    rows.append(f'<TR><TD CELLPADDING="3">{_head(mark)}</TD></TR>')
    if mark.ports:
        rows.append(_port_row(mark.ports, "i", "T"))
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{"".join(rows)}</TABLE>>'


def _head(mark: Mark) -> str:
    text = "<BR/>".join(mark.lines)
    if not mark.tag:
        return text
    letter = f'<FONT COLOR="{theme.PAPER}" POINT-SIZE="{theme.SMALL:g}">{mark.tag}</FONT>'
    tag = (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD BORDER="1" STYLE="ROUNDED" '
        f'BGCOLOR="{theme.INK}" WIDTH="15" HEIGHT="13" FIXEDSIZE="TRUE">{letter}</TD></TR></TABLE>'
    )
    return (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>'
        f'<TD>{text}</TD><TD WIDTH="5"></TD><TD VALIGN="TOP">{tag}</TD></TR></TABLE>'
    )


def _port_row(names: list[str], letter: str, side: str) -> str:
    cells = []
    for i, name in enumerate(names):
        sides = side + ("L" if i else "")
        cells.append(f'<TD PORT="{letter}{i}" BORDER="1" SIDES="{sides}" CELLPADDING="2">{_PORT} {name} </FONT></TD>')
    row = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{"".join(cells)}</TR></TABLE>'
    return f"<TR><TD>{row}</TD></TR>"


def left(lines: list[str]) -> str:
    return "<" + "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines) + ">"


def padded(label: str, by: str = "&#160;") -> str:
    """A label that does not touch the line it stands beside."""
    return "<BR/>".join(f"{by}{line}{by}" for line in label.split("<BR/>"))
