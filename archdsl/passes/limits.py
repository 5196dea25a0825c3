"""Ranges of settings: a rate is not negative, a probability lies between 0 and 1.

In: what an entry of `archdsl/ops` declares (`limits`), and the numbers that a program gives. A number that is known is judged at once; one
that depends on hyperparameters becomes a constraint of the definition, and is judged wherever they are known.
"""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.ir.num import Num
from archdsl.ops.base import Limits
from archdsl.passes.frame import Block
from archdsl.source import Span


def check(
    block: Block, what: str, limits: Limits, numbers: Mapping[str, object], spans: Mapping[str, Span], span: Span
) -> None:
    """Demand what `limits` says of the settings of `what`. A key is a setting, or a difference of two: `high - low`."""
    for name, musts in limits.items():
        left, _, right = name.partition(" - ")
        number, less = numbers.get(left), numbers.get(right, Num.of(0))
        if isinstance(number, Num) and isinstance(less, Num):
            for must in musts:
                place = spans.get(left) or spans.get(right) or span
                block.frame.constrain(number - less, must, place, f"`{name}` of {what}")
