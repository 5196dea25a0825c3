"""Who stands left of whom: the order of the items in each frame for which the fewest wires cross.

In: a plan with rows. Out: the same plan, the items of every frame in order. One order holds for all rows, so that lanes are straight and
frames are never entered by what does not belong to them. Found by sifting, from several starts and after small disturbances.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from archdsl.figure.layout.cost import cost
from archdsl.figure.layout.packing import width
from archdsl.figure.layout.plan import Item, Joint, Plan
from archdsl.figure.layout.sifting import Sifter
from archdsl.figure.layout.starts import as_written, by_depth, by_depth_mirrored, by_neighbours, number

_STREAM = 4.0
"""What it costs to cross a main stream."""
_WIDE = 0.1
"""What a point costs by which a panel is too wide."""
_TRIES = 60
_WORK = 50_000
"""How many pairs of things side by side are looked at, all tries together."""


def arrange(plan: Plan, most: float | None = None) -> None:
    """`most` is how wide the panel may be, as far as the order of things in rows can help."""
    _join(plan)
    best = _Best(plan, most)
    for start in (as_written, by_neighbours, by_depth, by_depth_mirrored):
        start(plan)
        best.sifted()
    chance = Random(sum(len(g.items) for g in plan.groups))  # the same every time
    for _ in range(_TRIES):
        if best.sifter.left <= 0:
            break
        best.restore()
        best.sifted(_disturb(plan, chance))
    best.restore()


class _Best:
    """The best order so far."""

    def __init__(self, plan: Plan, most: float | None):
        self.plan, self.most, self.cost = plan, most, 1e18
        self.sifter = Sifter(plan, _WORK)
        self.items: list[list[Item]] = []

    def sifted(self, active: set[int] | None = None) -> None:
        """Sifts the order that there is, or what is `active` in it and what that moves, and keeps it if it is better."""
        number(self.plan)
        self.sifter.sift(active)
        found = cost(self.plan)
        if self.most:
            found += _WIDE * max(0.0, width(self.plan) - self.most)
        if found < self.cost - 1e-9:
            self.cost, self.items = found, [list(g.items) for g in self.plan.groups]

    def restore(self) -> None:
        for g, items in zip(self.plan.groups, self.items):
            g.items = list(items)
        number(self.plan)


def _disturb(plan: Plan, chance: Random) -> set[int]:
    """Some items, each with what stands next to it, go elsewhere. Which ones may want to move now."""
    active: set[int] = set()
    for _ in range(1 + int(chance.random() * 3)):
        group = plan.groups[int(chance.random() * len(plan.groups))]
        free = [i for i in group.items if not i.still]
        if len(free) < 3:
            group = plan.root
            free = [i for i in group.items if not i.still]
        still = group.items[len(free) :]
        at, length = int(chance.random() * len(free)), 1 + int(chance.random() * 3)
        taken = free[at : at + length]
        rest = free[:at] + free[at + length :]
        to = int(chance.random() * (len(rest) + 1))
        group.items = [*rest[:to], *taken, *rest[to:], *still]
        for item in [*taken, *rest[max(0, to - 1) : to + 1], *free[max(0, at - 1) : at + length + 1]]:
            active |= {id(item), *item.near}
    return active


def _join(plan: Plan) -> None:
    forks = Counter(w.source for w in plan.wires if w.turn != "back")
    for wire in plan.wires:
        last = len(wire.stops) - 2
        first = 1.5 if wire.end.kind == "fork" else 1.0 / min(forks[wire.source] or 1, 3)
        for k, (a, b) in enumerate(zip(wire.stops, wire.stops[1:])):
            da = wire.start_dx if k == 0 else 0.0
            db = wire.end_dx if k == last else 0.0
            dear = _STREAM if wire.highway else first if k == 0 else 1.0
            if a.row == b.row:
                a.beside.append(b)
                b.beside.append(a)
            elif a.row < b.row:
                a.above.append(Joint(b, da, db, dear))
                b.below.append(Joint(a, db, da, dear))
            else:
                a.below.append(Joint(b, da, db, dear))
                b.above.append(Joint(a, db, da, dear))
