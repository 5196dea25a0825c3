"""Values whose gradient a training asks for (`gradient(loss, h)`), and which of them must be told to keep one.

In: a train's definition, and what in it learns. Out: for each such value that no weight surely reaches, whether none can reach it at all
(then it may leave the graph behind it), or one may (through a repeat, say), so that it must stay in its graph.
"""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.program import Apply, Call, Definition, Draw, Node, Operand, Repeat
from archdsl.ir.regions import nodes
from archdsl.passes.reach import reached


def unkept(definition: Definition, learns: set[int]) -> dict[int, bool]:
    """The values that must be told to keep a gradient; whether nothing that learns can reach them."""
    everything = list(nodes(definition.body))
    gradients = [n for n in everything if isinstance(n, Apply) and n.op == "gradient"]
    asked = set(_ids(n.inputs[1] for n in gradients))
    handed = _handed(everything)
    straight = [n for n in everything if isinstance(n, (Apply, Call, Draw))]

    def sure(operand: Operand, seen: frozenset[int] = frozenset()) -> bool:
        """Whether a gradient surely flows from something that learns to a value, in each pass."""
        made, values = reached(straight, operand)
        if learns & (made | values) or values & seen:
            return True
        return any(all(sure(o, seen | {v}) for o in handed[v]) for v in values if v in handed)

    result = {}
    for value in sorted(asked):
        if not sure(value):
            made, values = _sources(everything, handed, value)
            result[value] = not learns & (made | values) and not asked & (values - {value})
    return result


def _handed(everything: list[Node]) -> dict[int, tuple[Operand, ...]]:
    """What each value inside a repeat was around it, or one pass before."""
    handed: dict[int, tuple[Operand, ...]] = {}
    for node in everything:
        if isinstance(node, Repeat):
            handed.update({c.value.id: (c.initial, c.next) for c in node.carried})
            handed.update({s.value.id: (s.operand,) for s in node.sliced})
    return handed


def _sources(everything: list[Node], handed: dict[int, tuple[Operand, ...]], value: int) -> tuple[set[int], set[int]]:
    """All that was made, and all values, from which a gradient may flow to a value, whichever pass of a repeat it was made in."""
    made, values, open_ = set[int](), set[int](), [value]
    while open_:
        new_made, found = reached(everything, open_.pop())
        made |= new_made
        open_ += _ids(o for v in found - values for o in handed.get(v, ()))
        values |= found
    return made, values


def _ids(operands: Iterable[Operand]) -> list[int]:
    return [o for o in operands if isinstance(o, int)]
