"""What an attention consists of, and its axes by labels.

In: the labels of a product's operands and result, as in an einsum. Out: which of them are the leading axes, the query's, the key's and the
width; and in which order an operand's axes must be put.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archdsl.ir.num import ONE, Num
from archdsl.ir.program import Apply, Choice, Operand

Label = str
Labels = tuple[Label, ...]


@dataclass
class View:
    """An operand, and the order of its axes that the kernel wants; None for its own."""

    operand: Operand
    order: tuple[int, ...] | None = None


@dataclass
class Mask:
    operand: Operand
    hides: bool = False
    """Whether it says what is hidden, not what may be seen."""


@dataclass
class Axes:
    """The labels of an attention's axes."""

    lead: Labels
    group: Labels
    """Of queries that share a key: the axis that keys and values lack."""
    query: Label
    key: Label
    width: Label

    @property
    def scores(self) -> Labels:
        return (*self.lead, *self.group, self.query, self.key)


@dataclass
class Attention:
    axes: Axes
    value: View
    query: View = field(default_factory=lambda: View(0))
    key: View = field(default_factory=lambda: View(0))
    out: tuple[int, ...] | None = None
    """The order in which the program wants the result's axes."""
    scale: Num = ONE
    masks: list[Mask] = field(default_factory=list)
    biases: list[tuple[Operand, Num]] = field(default_factory=list)
    """What is added to the scores, and by which number it is multiplied."""
    causal: bool = False
    dropout: int | None = None
    """The layer whose probability drops weights."""
    swallowed: set[int] = field(default_factory=set)


MOVES = ("transpose", "swap", "permute")
"""Ops that give the axes another order."""


def axes_of(weights: Labels, value: Labels, out: Labels) -> Axes | None:
    """What the axes of weights, values and result are to an attention."""
    summed = set(weights) & set(value) - set(out)
    lead = tuple(a for a in weights if a in out and a in value)
    shown = tuple(a for a in weights if a in out and a not in value)
    width = tuple(a for a in out if a not in weights)
    if len(summed) != 1 or len(shown) not in (1, 2) or len(width) != 1 or not set(weights) <= {*out, *summed}:
        return None
    return Axes(lead, shown[:-1], shown[-1], summed.pop(), width[0])


def order_of(have: Labels, want: Labels) -> tuple[int, ...] | None:
    """Where each wanted axis stands; None where they stand so, or do not."""
    if have == want or sorted(have) != sorted(want):
        return None
    return tuple(have.index(label) for label in want)


def factor_of(node: Apply) -> tuple[Operand, Num | None]:
    """A value times a number."""
    if node.op == "neg":
        return node.inputs[0], -ONE
    inner, factor = node.inputs
    if node.op == "mul" and isinstance(inner, Num):
        inner, factor = factor, inner
    if not isinstance(factor, Num) or isinstance(inner, Num):
        return inner, None
    return inner, factor if node.op == "mul" else ONE / factor


def over_of(node: Apply) -> int:
    """The axis that a softmax runs over."""
    return node.axes["over"][0].index if len(node.axes.get("over", [])) == 1 else 0


def equation_of(node: Apply) -> tuple[Labels, Labels, Labels] | None:
    """The letters of an einsum of two, none of them twice in one operand."""
    word = next((s.word for s in node.settings.values() if isinstance(s, Choice)), "").replace(" ", "")
    left, _, right = word.partition("->")
    parts = [*left.split(","), right]
    if len(parts) != 3 or not right or any(len(set(p)) != len(p) or not p.isalpha() for p in parts):
        return None
    return tuple(parts[0]), tuple(parts[1]), tuple(parts[2])
