"""How the marks look: one entry for each kind of mark, frame and wire. Shape and line tell them apart; colour only helps.

In: nothing. Out: Graphviz attributes. Nothing else in this package names a colour or a line width. A figure is written in the colours of
`paper`; `THEMES` says what they become in the others, and `DENSE` what sizes become where room is scarce (see `style`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FONT: Final = "DejaVu Sans"
SIZE: Final = 10.0
SMALL: Final = 8.0
TINY: Final = 7.0
PORT: Final = 14.0
"""How high a named operand is that stands above another."""
INK: Final = "#2b2b2b"
QUIET: Final = "#5f6368"
RETURN: Final = "#b3261e"
GATE: Final = "#6a3d9a"
LEARN: Final = "#1b6e4b"
PAPER: Final = "#ffffff"
WORDS: Final = "#111111"
PROSE: Final = "#333333"

Attributes = Mapping[str, str]


def _attributes(**items: str) -> Attributes:
    return MappingProxyType(items)


MARKS: Final[Mapping[str, Attributes]] = MappingProxyType(
    {
        "input": _attributes(shape="oval", style="filled", fillcolor="#dbe9f6", margin="0.09,0.035"),
        "output": _attributes(shape="oval", style="filled", fillcolor="#dbe9f6", margin="0.09,0.035", penwidth="1.6"),
        "weights": _attributes(shape="box", style="rounded,filled", fillcolor="#fdf2cc", margin="0.09,0.045"),
        "frozen": _attributes(shape="box", style="rounded,filled,dashed", fillcolor="#eef3f7", margin="0.09,0.045"),
        "function": _attributes(shape="box", style="filled", fillcolor="#ffffff", margin="0.08,0.04"),
        "circle": _attributes(
            shape="ellipse", style="filled", fillcolor="#f7e3ea", margin="0.02,0.005", height="0.26", width="0.26"
        ),
        "state": _attributes(
            shape="box",
            style="filled",
            fillcolor="#fbdcd6",
            color=RETURN,
            penwidth="2.0",
            margin="0.07,0.05",
            width="0.42",
            height="0.42",
        ),
        "memory": _attributes(shape="cylinder", style="filled", fillcolor="#e4dff3", color=RETURN, margin="0.1,0.05"),
        "attention": _attributes(shape="box", style="filled", fillcolor="#fde3cf", penwidth="1.5"),
        "draw": _attributes(shape="ellipse", style="filled", fillcolor="#e3f3e6", peripheries="2", margin="0.05,0.03"),
        "gradient": _attributes(
            shape="box", style="filled,dotted", fillcolor="#eeeeee", margin="0.08,0.03", penwidth="1.3"
        ),
        "objective": _attributes(shape="hexagon", style="filled", fillcolor="#d8efe2", color=LEARN, margin="-0.12,0.0"),
        "constant": _attributes(shape="plain"),
        "fork": _attributes(shape="point", width="0.055", height="0.055", fillcolor=INK),
        "label": _attributes(shape="plain"),
    }
)

FRAMES: Final[Mapping[str, Attributes]] = MappingProxyType(
    {
        "panel": _attributes(style="rounded,filled", color="#9aa0a6", fillcolor="#ffffff", penwidth="0.8", margin="12"),
        "stack": _attributes(style="rounded,filled", color="#444444", fillcolor="#f8f8f6", penwidth="0.9", margin="14"),
        "loop": _attributes(style="rounded,filled", color="#444444", fillcolor="#f8f8f6", penwidth="2.2", margin="14"),
        "scan": _attributes(style="rounded,filled", color="#444444", fillcolor="#f8f8f6", penwidth="2.2", margin="14"),
        "until": _attributes(
            style="rounded,filled,dashed", color="#444444", fillcolor="#f8f8f6", penwidth="2.2", margin="14"
        ),
        "training": _attributes(
            style="rounded,dotted,filled", color=LEARN, fillcolor="#fbfdfb", penwidth="1.4", margin="12"
        ),
        "before": _attributes(
            style="rounded,dotted,filled", color=QUIET, fillcolor="#fafafa", penwidth="1.0", margin="10"
        ),
        "legend": _attributes(
            style="rounded,filled", color="#d0d3d6", fillcolor="#ffffff", penwidth="0.8", margin="10"
        ),
    }
)

WIRES: Final[Mapping[str, Attributes]] = MappingProxyType(
    {
        "data": _attributes(color=INK),
        "gate": _attributes(color=GATE, arrowhead="dot", fontcolor=GATE),
        "return": _attributes(color=RETURN, style="dashed", penwidth="1.9", fontcolor=RETURN),
        "first": _attributes(color=RETURN, arrowhead="empty", fontcolor=RETURN),
        "updates": _attributes(color=f"{LEARN}:{PAPER}:{LEARN}", arrowhead="empty", fontcolor=LEARN, penwidth="1.2"),
    }
)

GRAPH: Final = _attributes(
    rankdir="BT",
    bgcolor=PAPER,
    fontname=FONT,
    fontsize="11",
    nodesep="0.22",
    ranksep="0.24",
    splines="true",
    newrank="false",
    compound="true",
)
NODE: Final = _attributes(
    fontname=FONT, fontsize="10", fontcolor=WORDS, color=INK, height="0.27", width="0.2", penwidth="0.9"
)
EDGE: Final = _attributes(fontname=FONT, fontsize="7.5", fontcolor=QUIET, color=INK, arrowsize="0.6", penwidth="0.9")

RANKDIR: Final = _attributes(up="BT", down="TB", right="LR", left="RL")
SIDES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"up": ("s", "n"), "down": ("n", "s"), "right": ("w", "e"), "left": ("e", "w")}
)
"""For each direction, the side of a mark where operands come in, and that where results leave."""

_DARK: Final = {
    PAPER: "#16181b", WORDS: "#f3f4f6", PROSE: "#d5d8dc", INK: "#d9dce0", QUIET: "#b4bac1",
    RETURN: "#ff9a8d", GATE: "#c9a6f5", LEARN: "#7fd6a8",
    "#dbe9f6": "#1f3a54", "#fdf2cc": "#4a3d12", "#eef3f7": "#2b333b", "#f7e3ea": "#4a2936", "#fbdcd6": "#55261f",
    "#e4dff3": "#352c55", "#fde3cf": "#553317", "#e3f3e6": "#1e4327", "#eeeeee": "#34383d", "#d8efe2": "#17422e",
    "#f8f8f6": "#1f2226", "#fbfdfb": "#18201c", "#fafafa": "#1c1f22",
    "#444444": "#aeb4bb", "#9aa0a6": "#767d85", "#d0d3d6": "#5a6067",
}  # fmt: skip
_MONO: Final = {
    PAPER: "#ffffff", WORDS: "#000000", PROSE: "#000000", INK: "#000000", QUIET: "#333333",
    RETURN: "#000000", GATE: "#000000", LEARN: "#000000",
    "#dbe9f6": "#ffffff", "#fdf2cc": "#ededed", "#eef3f7": "#ffffff", "#f7e3ea": "#ffffff", "#fbdcd6": "#dcdcdc",
    "#e4dff3": "#dcdcdc", "#fde3cf": "#ededed", "#e3f3e6": "#ffffff", "#eeeeee": "#ffffff", "#d8efe2": "#ededed",
    "#f8f8f6": "#ffffff", "#fbfdfb": "#ffffff", "#fafafa": "#ffffff",
    "#444444": "#000000", "#9aa0a6": "#808080", "#d0d3d6": "#b0b0b0",
}  # fmt: skip
THEMES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({"paper": {}, "dark": _DARK, "mono": _MONO})
"""For each theme, what the colours of `paper` become."""

SMALLEST: Final = 6.0
"""Points below which no text of a figure may be that is to fit a width."""
DENSE: Final[Mapping[float, float]] = MappingProxyType({11: 9, 10: 7.5, 9: 7, 8: 7, 7.5: 7, 7: 7})
"""What the sizes of text become in a narrow figure: all of it about as small as it may be."""
LETTERS: Final[Mapping[bool, int]] = MappingProxyType({False: 62, True: 50})
"""How many letters there are in a line of a panel's title; fewer in a narrow figure."""
FOLD: Final[Mapping[bool, int]] = MappingProxyType({False: 40, True: 30})
"""How many letters of a type or a setting there are in a line, about; fewer in a narrow figure."""
