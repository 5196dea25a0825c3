"""Links from marks to the lines of a program: an addition that carries no meaning, and that `read` does not see.

In: panels, and where who looks at the figure finds the program: an address, or one with `{line}` in it. Out: the same panels, each mark
and frame with its link. What stands for no statement of the program's own file, such as a block of the library, has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from archdsl.figure.scene import Frame, Mark, Panel

_LINE = "{line}"
_ADDRESS = re.compile(r"[^\s<>\"\\^`{|}\x00-\x20\x7f]+")


def is_address(text: str) -> bool:
    """Whether links can be made from it: no spaces, quotes or brackets, which an address writes as `%20` and the like."""
    return bool(_ADDRESS.fullmatch(text.replace(_LINE, "1")))


def link(panels: Iterable[Panel], address: str) -> None:
    """Gives every mark its link."""
    pattern = address if _LINE in address else f"{address}#L{_LINE}"
    for panel in panels:
        shapes = [m for m in panel.root.all_marks() if m.kind not in ("constant", "fork")]
        things: list[Mark | Frame] = [*panel.root.all_frames(), *shapes]
        for thing in things:
            thing.link = pattern.replace(_LINE, str(thing.line)) if thing.line else ""
