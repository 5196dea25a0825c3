"""Checks on what has been made: gates reach a product, `expect`s hold, models need no unknown sizes."""

from __future__ import annotations

from archdsl import errors
from archdsl.ir.program import Apply, Call, Definition, Node, Region
from archdsl.ir.uses import uses
from archdsl.ops import OPS
from archdsl.passes.frame import Block, Frame


def gates(block: Block) -> None:
    """Every gate multiplies something, in this definition or, handed out, in another."""
    frame = block.frame
    if not frame.gates:
        return
    nodes = list(_nodes(block.region()))
    handed = {t.operand for t, _ in block.outputs.values()} | {s.next.operand for s in block.states.values() if s.next}
    for tensor, span in frame.gates:
        if not _multiplies(tensor.operand, nodes, handed):  # type: ignore[arg-type]
            name = frame.values[tensor.operand].name or "this"  # type: ignore[index]
            frame.report(errors.GateUnused(span, name))


def _nodes(region: Region) -> list[Node]:
    found: list[Node] = []
    for node in region.nodes:
        found.append(node)
        if node.kind in ("stack", "loop", "scan", "until"):
            found += _nodes(node.body)
    return found


def _multiplies(gate: int, nodes: list[Node], handed: set[object]) -> bool:
    reached = {gate}
    for node in nodes:
        if node.kind in ("stack", "loop", "scan"):
            for sliced in node.sliced:
                if sliced.operand in reached:
                    reached.add(sliced.value.id)
            for carried in node.carried:
                if carried.initial in reached or carried.next in reached:
                    reached |= {carried.value.id, carried.final.id}
        if isinstance(node, (Apply, Call)) and reached & {i for i in node.inputs if isinstance(i, int)}:
            if isinstance(node, Call) or OPS[node.op].gate == "product":
                return True
            complement = node.op == "sub" and node.inputs[0] == 1
            if OPS[node.op].gate == "through" or complement:
                reached |= {o.id for o in node.outputs}
    for node in nodes:
        if node.kind in ("stack", "loop", "scan"):
            for collected in node.collected:
                if collected.operand in reached:
                    reached.add(collected.value.id)
                    return True
    return bool(reached & handed)


def dead_weights(frame: Frame, definition: Definition) -> None:
    """A layer whose result nobody uses would be counted and drawn, and learn nothing."""
    if frame.broken or definition.kind == "train":
        return
    used = uses(definition)
    for node in _nodes(definition.body):
        if isinstance(node, Apply) and node.made is not None and not any(o.id in used for o in node.outputs):
            part = next(p for p in frame.parts if p.id == node.made)
            frame.report(errors.Unused(frame.spans[node.outputs[0].id], part.name))
