"""What the lines of a panel cost the eye: crossings, bends, and height.

In: a plan with its lines. Out: a number; less is better.
"""

from __future__ import annotations

from itertools import pairwise

from archdsl.figure.layout.lines import Lines
from archdsl.figure.layout.plan import Plan

_BEND = 0.25
"""What a bent piece costs, compared with a crossing."""
_HEIGHT = 0.01
"""What a point of height costs."""

Upright = tuple[float, float, float, tuple[str, float]]
"""An upright piece of line: its x, its ends, and the value that it carries. A level piece likewise, with its y."""


def cost(plan: Plan, lines: Lines) -> float:
    upright: list[Upright] = []
    level: list[Upright] = []
    for wire in plan.wires:
        for a, b in pairwise(lines.corners(wire)):
            axis = 0 if abs(a[0] - b[0]) < abs(a[1] - b[1]) else 1
            ends = sorted((a[1 - axis], b[1 - axis]))
            (level if axis else upright).append((a[axis], ends[0], ends[1], wire.source))
    crossed = {
        (round(x), round(y))
        for y, left, right, one in level
        for x, low, high, other in upright
        if one != other and left < x < right and low < y < high
    }
    return len(crossed) + _BEND * len(level) + _HEIGHT * max(lines.center)
