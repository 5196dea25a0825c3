"""How the marks look: one entry for each kind of mark, frame and wire. Shape and line tell them apart; colour only helps.

In: nothing. Out: Graphviz attributes. Nothing else in this package names a colour or a line width.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FONT: Final = "DejaVu Sans"
SIZE: Final = 10.0
SMALL: Final = 8.0
TINY: Final = 7.0
INK: Final = "#2b2b2b"
QUIET: Final = "#5f6368"
RETURN: Final = "#b3261e"
GATE: Final = "#6a3d9a"
LEARN: Final = "#1b6e4b"
PAPER: Final = "#ffffff"

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
    fontname=FONT, fontsize="10", fontcolor="#111111", color=INK, height="0.27", width="0.2", penwidth="0.9"
)
EDGE: Final = _attributes(fontname=FONT, fontsize="7.5", fontcolor=QUIET, color=INK, arrowsize="0.6", penwidth="0.9")
