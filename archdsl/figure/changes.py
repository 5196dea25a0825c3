"""How a mark, an arrow or a frame looks that was added, removed or changed, where two programs are drawn as one.

In: the attributes it would have, and what became of it. Out: its attributes; and the sign that stands beside it. A sign and a line tell
the three apart without colour: + and thick, − and dotted, ≠ and thick.
"""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.figure import theme
from archdsl.figure.scene import Change, Wire

SIGNS: Mapping[Change, str] = {"": "", "added": "+", "removed": "−", "changed": "≠"}
MEANS: Mapping[Change, str] = {"added": "added", "removed": "removed", "changed": "changed: old → new"}
COLORS: Mapping[Change, str] = {"added": theme.LEARN, "removed": theme.RETURN, "changed": theme.GATE}


def mark(attributes: Mapping[str, str], change: Change) -> dict[str, str]:
    found = dict(attributes)
    if not change:
        return found
    found |= {"color": COLORS[change], "penwidth": "1.2" if change == "removed" else "2.4"}
    if found.pop("fixedsize", None):  # the sign needs room
        found |= {"shape": "ellipse", "margin": "0.0,0.0"}
    if change == "removed":
        found["style"] = ",".join(
            [s for s in found.get("style", "").split(",") if s not in ("", "dashed")] + ["dotted"]
        )
        found |= {"fillcolor": theme.PAPER, "fontcolor": theme.QUIET}
    if found.get("shape") == "point":
        found["fillcolor"] = COLORS[change]
    return found


def frame(attributes: Mapping[str, str], change: Change) -> dict[str, str]:
    found = dict(attributes)
    if change:
        found |= {"color": COLORS[change], "penwidth": "1.4" if change == "removed" else "3"}
    if change == "removed":
        found["style"] = ",".join([s for s in found["style"].split(",") if s != "dashed"] + ["dotted"])
    return found


def wire(attributes: Mapping[str, str], change: Change) -> dict[str, str]:
    found = dict(attributes)
    if change:
        found |= {
            "color": COLORS[change],
            "fontcolor": COLORS[change],
            "penwidth": "1.3" if change == "removed" else "2.2",
        }
    if change == "removed":
        found["style"] = "dotted"
    return found


def wire_label(of: Wire) -> str:
    """An arrow's words; a sign before them where both its ends stay, so that it alone came or went."""
    alone = of.change and not {of.tail.change, of.head.change} & {"added", "removed"}
    sign = f"<B>{SIGNS[of.change]}</B>" if alone else ""
    return " ".join(t for t in (sign, of.label) if t)


def signed(lines: list[str], change: Change) -> list[str]:
    """Words with the sign before the first."""
    return [f"<B>{SIGNS[change]}</B> {lines[0]}", *lines[1:]] if change and lines else lines
