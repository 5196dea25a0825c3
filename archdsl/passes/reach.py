"""Where the gradient of a loss goes: which parts and parameters of a train it reaches.

What happens inside a part or a repeat is taken to let gradients pass, so what is said not to be reached is not reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from archdsl.ir.program import Apply, Call, Definition, Draw, Made, Node, Operand, Region, Repeat

CUTS = {"stop_gradient", "floor", "round", "sign", "heaviside", "one_hot"}

Through = Callable[[Call, set[int]], tuple[list[Operand], bool]]
"""For a call, of whose outputs some are reached: the operands that are reached through it, and whether its part is."""


def reached(nodes: Iterable[Node], loss: Operand, through: Through | None = None) -> tuple[set[int], set[int]]:
    """The ids of what was made, and of the values, that the gradient of a loss reaches."""
    values: set[int] = {loss} if isinstance(loss, int) else set()
    made: set[int] = set()
    for node in reversed(list(nodes)):
        match node:
            case Apply() if not values.isdisjoint(o.id for o in node.outputs) and not _cuts(node):
                operands = node.inputs[:1] if node.op == "supply_gradient" else node.inputs
                values.update(_ids(operands))
                made |= {node.made} if node.made is not None else set()
            case Call() if not values.isdisjoint(o.id for o in node.outputs):
                operands, own = through(node, values) if through else (node.inputs, True)
                values.update(_ids(operands))
                made |= {node.made} if own else set()
            case Draw() if node.gradient in ("reparameterisation", "straight_through"):
                if not values.isdisjoint(o.id for o in node.outputs):
                    values.update(_ids(node.inputs))
            case Repeat() if not values.isdisjoint(_results(node)):
                values |= _inside(node, made)
    return made, values


def _cuts(node: Apply) -> bool:
    return node.op in CUTS or all(o.type.dtype != "float" for o in node.outputs)


def _ids(operands: Iterable[Operand]) -> set[int]:
    return {o for o in operands if isinstance(o, int)}


def _results(node: Repeat) -> set[int]:
    finals = {v.id for r in node.rides for v in r.finals.values()}
    return finals | {c.final.id for c in node.carried} | {c.value.id for c in node.collected}


def _inside(node: Repeat, made: set[int]) -> set[int]:
    """All that a repeat reads from around it; what it makes or steps is added to `made`."""
    found = _ids(s.operand for s in node.sliced) | _ids(c.initial for c in node.carried)
    found |= _ids(o for r in node.rides for o in r.initial.values())
    found |= _ids([node.lengths] if node.lengths is not None else [])
    made |= {r.made for r in node.rides} | {m.id for m in node.body.made}
    for inner in node.body.nodes:
        if isinstance(inner, Repeat):
            found |= _inside(inner, made)
        elif isinstance(inner, (Apply, Call, Draw)):
            found |= _ids(inner.inputs)
            if not isinstance(inner, Draw) and inner.made is not None:
                made.add(inner.made)
    return found


def learns(made: Made, definitions: Mapping[str, Definition]) -> bool:
    """Whether anything that was made can learn."""
    if made.frozen:
        return False
    return bool(made.weights) if made.primitive else _region_learns(definitions[made.of].body, definitions)


def _region_learns(region: Region, definitions: Mapping[str, Definition]) -> bool:
    if any(not p.frozen for p in region.params) or any(learns(m, definitions) for m in region.made):
        return True
    return any(_region_learns(n.body, definitions) for n in region.nodes if isinstance(n, Repeat))
