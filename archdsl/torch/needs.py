"""Which nodes are needed for which values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Call,
    Definition,
    Draw,
    Made,
    Minimize,
    Node,
    Operand,
    Repeat,
    Until,
    Update,
    Value,
)
from archdsl.ir.regions import nodes
from archdsl.torch.plan import Plan


def outputs(node: Node) -> list[int]:
    """The values that a node makes for the region around it, by number."""
    return [v.id for v in results(node)]


def results(node: Node) -> list[Value]:
    """The values that a node makes for the region around it."""
    match node:
        case Apply() | Call() | Draw():
            return node.outputs
        case Repeat():
            finals = [v for r in node.rides for v in r.finals.values()]
            return [*(c.final for c in node.carried), *(c.value for c in node.collected), *finals]
    return []


def inputs(node: Node, collected: bool = True) -> set[int]:
    """The values that a node reads, those that its inner regions read included; with or without what it collects."""
    found: list[Operand] = []
    match node:
        case Apply() | Call() | Draw():
            found = list(node.inputs)
        case Repeat():
            found = [s.operand for s in node.sliced] + [c.initial for c in node.carried]
            found += [node.lengths] if node.lengths is not None else []
            found += [c.next for c in node.carried] + [c.operand for c in node.collected if collected]
            found += [o for r in node.rides for o in r.initial.values()]
            return _ids(found) | {i for n in node.body.nodes for i in inputs(n, collected)}
        case Minimize():
            found = [node.loss]
        case Update():
            found = [node.operand]
        case Until():
            return {i for n in node.body.nodes for i in inputs(n)}
    return _ids(found)


def _ids(operands: Iterable[Operand]) -> set[int]:
    return {o for o in operands if isinstance(o, int)}


def used_values(definition: Definition) -> set[int]:
    """All values that anything reads."""
    everything = list(nodes(definition.body))
    used = {i for n in everything for i in inputs(n, collected=False)} | {
        i for n in definition.initial for i in inputs(n)
    }
    used |= _ids(o.operand for o in definition.outputs)
    used |= _ids(o for s in definition.states for o in (s.next, s.initial))
    used |= _ids(o for m in definition.memories for o in (m.next, m.initial) if isinstance(o, int))
    collections = [c for n in everything if isinstance(n, Repeat) for c in n.collected]
    for _ in collections:
        used |= _ids(c.operand for c in collections if c.value.id in used)
    return used


def has_effect(node: Node, plan: Plan) -> bool:
    """Whether a node changes a memory or a state, so that it is done even where its value is not used."""
    made = {h.id: h.item for h in plan.held if isinstance(h.item, Made)}
    found: list[Node] = [node, *(nodes(node.body) if isinstance(node, (Repeat, Until)) else ())]
    carried = {r.made for n in found if isinstance(n, Repeat) for r in n.rides}
    for n in found:
        handed_on = isinstance(n, Call) and n.rides and n.made not in carried  # what a repeat carries ends with it
        if handed_on or (isinstance(n, Call) and plan.program.of(made[n.made]).remembers):
            return True
        if isinstance(n, (Minimize, Update, Until)):
            return True
    return False


def needed(region: Sequence[Node], operands: Iterable[Operand | None], plan: Plan, effects: bool = False) -> list[Node]:
    """The nodes of a region that are needed for some values, in their order."""
    wanted = {o for o in operands if isinstance(o, int) and not isinstance(o, Num)}
    result: list[Node] = []
    for node in reversed(region):
        if wanted & set(outputs(node)) or (effects and has_effect(node, plan)):
            result.append(node)
            wanted |= inputs(node)
    return result[::-1]


def late_memories(plan: Plan) -> set[int]:
    """The memories whose first value reads what a call brings: an input, a memory, or a size that no constructor knows."""
    definition = plan.definition
    brought = {v.id for v in definition.inputs} | {m.value.id for m in definition.memories}
    result: set[int] = set()
    for memory in definition.memories:
        if isinstance(memory.initial, int):
            made = needed(definition.body.nodes, [memory.initial], plan)
            reads = {i for n in made for i in inputs(n)} | {memory.initial}
            plain = all(isinstance(n, Apply) and n.made is None for n in made)
            if not plain or not reads.isdisjoint(brought) or not _sizes(made) <= plan.arguments.keys():
                result.add(memory.value.id)
    return result


def _sizes(made: Sequence[Node]) -> set[str]:
    """The sizes that primitives are given, and those of what they make."""
    numbers: list[object] = []
    for node in made:
        if isinstance(node, Apply):
            given = [*node.inputs, *node.settings.values(), *(v.type.shape for v in node.outputs)]
            numbers += [n for s in given for n in (s if isinstance(s, (list, tuple)) else [s])]
    return {s for n in numbers if isinstance(n, Num) for s in n.symbols()}
