"""Graphviz's HTML-like labels: a mark's words, its ports in a row below, its results above, and its tag.

In: label text (see `words`). Out: a label, in the angle brackets that Graphviz wants.
"""

from __future__ import annotations

from archdsl.figure import theme
from archdsl.figure.changes import COLORS, SIGNS
from archdsl.figure.folding import folded_label
from archdsl.figure.scene import Mark
from archdsl.figure.words import LEAD, LEADING

_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
_PORT = f'<FONT POINT-SIZE="{theme.TINY:g}">'
_PALE = f'<FONT POINT-SIZE="{theme.TINY:g}" COLOR="{theme.QUIET}">'
_AIR = '<TD WIDTH="4"></TD>'
"""Beside the words of a mark with ports, which has no margin: with the cell's padding as much as other boxes have."""


def label(mark: Mark, direction: str = "up", letters: int = theme.FOLD[False]) -> str:
    """Its words and all that, in lines of about so many letters."""
    words = _level(folded_label("<BR/>".join(mark.lines), letters))
    if not (mark.ports or mark.results or mark.tag or mark.change):
        return f"<{words}>"
    enters, leaves = (side.upper() for side in theme.SIDES[direction])
    if mark.kind == "circle" and mark.ports:
        return f"<{_infix(mark, beside=enters in 'NS')}>"
    operands = _ports(mark.cells, "i", enters) if mark.ports else ""
    results = _ports(mark.results, "o", leaves) if mark.results else ""
    parts = [p for p in (results, f'<TD CELLPADDING="3">{_head(mark, words)}</TD>', operands) if p]
    if direction in ("down", "right"):
        parts.reverse()
    rows = f"<TR>{''.join(parts)}</TR>" if direction in ("left", "right") else "".join(f"<TR>{p}</TR>" for p in parts)
    return f"<{_TABLE}{rows}</TABLE>>"


def _level(words: str) -> str:
    """Words with a lead of their full size where Graphviz would set them too high: a single line of several fonts, which would stand above
    the middle, and a line below an index, which it would touch."""
    first, *rest = words.split("<BR/>")
    if not rest:
        return first + _FULL if mixed(first) else first
    low = ["<SUB>" in line for line in (first, *rest)]
    return "<BR/>".join([first] + [line + _FULL * above for line, above in zip(rest, low)])


def mixed(line: str) -> bool:
    """Whether a line is of several fonts."""
    return "<B>" in line or "<FONT" in line


_FULL = f'<FONT POINT-SIZE="{theme.SIZE * LEADING:g}">{LEAD}</FONT>'


def _infix(mark: Mark, beside: bool) -> str:
    """An operator between its operands, each of which is a port; the second one below the first where arrows come from the side.

    An index makes a line higher: where one operand has one, all cells get the room, so that their words stand level.
    """
    low = any("<SUB>" in name for name in mark.cells)
    *names, foot = [name + f"<SUB>{LEAD}</SUB>" * (low and "<SUB>" not in name) for name in [*mark.cells, ""]]
    cells = [f'<TD PORT="i{i}">{name}</TD>' for i, name in enumerate(names)]
    badge = f"<TD>{_badge(SIGNS[mark.change], COLORS[mark.change])}</TD>" if mark.change else ""
    if beside:
        return f"{_TABLE}<TR>{badge}{cells[0]}<TD>&#160;{mark.lines[0]}{foot}&#160;</TD>{cells[1]}</TR></TABLE>"
    second = f'<TD PORT="i1">{mark.lines[0]}&#160;{names[1]}</TD>'
    return f"{_TABLE}<TR>{badge}{cells[0]}</TR><TR>{'<TD></TD>' if badge else ''}{second}</TR></TABLE>"


def _head(mark: Mark, text: str) -> str:
    before = _badge(SIGNS[mark.change], COLORS[mark.change]) if mark.change else ""
    after = _badge(mark.tag, theme.INK) if mark.tag else ""
    air = _AIR if mark.ports or mark.results else ""
    if not (before or after or air):
        return text
    before = f'<TD VALIGN="TOP">{before}</TD><TD WIDTH="4"></TD>' if before else ""
    after = f'<TD WIDTH="5"></TD><TD VALIGN="TOP">{after}</TD>' if after else ""
    return f"{_TABLE}<TR>{air}{before}<TD>{text}</TD>{after}{air}</TR></TABLE>"


def _badge(sign: str, color: str) -> str:
    """A letter, white on a small dark field."""
    letter = f'<FONT COLOR="{theme.PAPER}" POINT-SIZE="{theme.SMALL:g}">{sign}</FONT>'
    return (
        f'{_TABLE}<TR><TD BORDER="1" STYLE="ROUNDED" BGCOLOR="{color}" WIDTH="15" HEIGHT="13" FIXEDSIZE="TRUE">'
        f"{letter}</TD></TR></TABLE>"
    )


def _ports(names: list[str], letter: str, side: str) -> str:
    """Named places at one side of a mark, side by side or one below the other. A second line is as dark as other words, and the first
    is then paler."""
    beside = side in "NS"
    border = {"S": "T", "N": "B", "W": "R", "E": "L"}[side]
    cells = []
    for i, name in enumerate(names):
        sides = border + (("L" if beside else "T") if i else "")
        high = "" if beside else f' HEIGHT="{theme.PORT:g}"'
        first, _, second = name.partition("<BR/>")
        text = f"{_PORT} {first} </FONT>"
        if second:
            text = f"{_PALE} {first} </FONT><BR/>{_PORT} {second} </FONT>"
        cells.append(f'<TD PORT="{letter}{i}" BORDER="1" SIDES="{sides}" CELLPADDING="2"{high}>{text}</TD>')
    rows = f"<TR>{''.join(cells)}</TR>" if beside else "".join(f"<TR>{c}</TR>" for c in cells)
    return f"<TD>{_TABLE}{rows}</TABLE></TD>"


def left(lines: list[str]) -> str:
    return "<" + "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines) + ">"


def padded(label: str, by: str = "&#160;") -> str:
    """A label that does not touch the line it stands beside."""
    return "<BR/>".join(f"{by}{line}{by}" for line in label.split("<BR/>"))
