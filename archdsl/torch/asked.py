"""Values whose gradient a training asks for (`gradient(loss, h)`), and which of them must be told to keep one.

In: a train's definition, what in it learns, and the definitions of its parts. Out: for each such value that no weight surely reaches,
whether none can reach it at all (then it may leave the graph behind it), or one may (through a repeat, say), so that it must stay in its
graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archdsl.ir.program import Apply, Call, Definition, Draw, Made, Node, Operand, Repeat
from archdsl.ir.regions import nodes
from archdsl.passes.reach import Through, learns, reached


def unkept(
    definition: Definition, learning: set[int], parts: Mapping[int, Made], definitions: Mapping[str, Definition]
) -> dict[int, bool]:
    """The values that must be told to keep a gradient; whether nothing that learns can reach them."""
    everything = list(nodes(definition.body))
    gradients = [n for n in everything if isinstance(n, Apply) and n.op == "gradient"]
    asked = set(_ids(n.inputs[1] for n in gradients))
    handed = _handed(everything)
    straight = _straight(everything)
    through = _through(parts, definitions)

    def sure(operand: Operand, seen: frozenset[int] = frozenset()) -> bool:
        """Whether a gradient surely flows from something that learns to a value, in each pass."""
        made, values = reached(straight, operand, through)
        if learning & (made | values) or values & seen:
            return True
        return any(all(sure(o, seen | {v}) for o in handed[v]) for v in values if v in handed)

    result = {}
    for value in sorted(asked):
        if not sure(value):
            made, values = _sources(everything, handed, value)
            result[value] = not learning & (made | values) and not asked & (values - {value})
    return result


def _straight(found: Iterable[Node]) -> list[Node]:
    return [n for n in found if isinstance(n, (Apply, Call, Draw))]


def _through(parts: Mapping[int, Made], definitions: Mapping[str, Definition]) -> Through:
    """How a gradient surely flows through a call: from which of its inputs, and whether from its part's own weights."""

    def through(node: Call, wanted: set[int]) -> tuple[list[Operand], bool]:
        callee = definitions[parts[node.made].of]
        body = callee.body
        inner = _through({m.id: m for m in body.made}, definitions)
        outputs = [o.operand for o, v in zip(callee.outputs, node.outputs) if v.id in wanted]
        found = [reached(_straight(body.nodes), o, inner) for o in outputs]
        made, values = (set().union(*sides) for sides in zip(*found)) if found else (set(), set())
        own = any(m.id in made and learns(m, definitions) for m in body.made)
        own = own or any(p.value.id in values and not p.frozen for p in body.params)
        return [i for i, v in zip(node.inputs, callee.inputs) if v.id in values], own

    return through


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
