"""What a definition holds, and what is within it: whether it has weights, learns, remembers or draws.

In: the definitions of a program. Out: facts about each, found once.
"""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.program import Apply, Definition, Draw, Made, Region
from archdsl.ir.regions import regions
from archdsl.ops import OPS


def is_random(node: Apply) -> bool:
    """Whether it draws: dropout, say."""
    op = OPS.get(node.op)
    return op is not None and op.random


class Facts:
    """Of the definitions of a program."""

    def __init__(self, definitions: Iterable[Definition]):
        self.definitions = {d.name: d for d in definitions}
        self._found: dict[tuple[str, str], bool] = {}

    def holds(self, name: str, what: str) -> bool:
        """Whether something is in a definition or in what it uses: `weights`, `learning` (weights not frozen), `state`, `memory`,
        `change` of one by calls, `chance`."""
        key = (name, what)
        if key not in self._found:
            d = self.definitions[name]
            changes = any(m.next is not None or isinstance(m.initial, int) for m in d.memories)
            own = {"state": bool(d.states), "memory": bool(d.memories), "change": changes}.get(what, False)
            self._found[key] = own or any(self._in_region(r, what) for r in regions(d.body))
        return self._found[key]

    def _in_region(self, region: Region, what: str) -> bool:
        if what == "weights" and region.params:
            return True
        if what == "learning" and any(not p.frozen for p in region.params):
            return True
        if what == "chance" and any(
            isinstance(n, Draw) or (isinstance(n, Apply) and is_random(n)) for n in region.nodes
        ):
            return True
        return any(self._in_made(m, what) for m in region.made)

    def _in_made(self, made: Made, what: str) -> bool:
        if what == "learning" and made.frozen:
            return False
        if made.primitive:
            return what in ("weights", "learning") and bool(made.weights)
        return self.holds(made.of, what)

    def keeps(self, made: Made) -> bool:
        """Whether it makes a difference to use it twice or to make it twice."""
        if made.primitive:
            return bool(made.weights)
        return any(self.holds(made.of, what) for what in ("weights", "state", "memory"))
