"""Attention written out is attention: `softmax(q @ transpose(k) / sqrt(d)) @ v` becomes the primitive `attention`.

The two spellings are then one to the figure and to the code. Recognised where each step is used once, the softmax runs over the
keys, and the scale is a number; one head, no mask.
"""

from __future__ import annotations

from collections import Counter

from archdsl.ir.functions import sqrt
from archdsl.ir.num import ONE, Num
from archdsl.ir.program import Apply, Axis, Choice, Definition, Program, Region, Setting
from archdsl.ir.uses import uses
from archdsl.ops import OPS
from archdsl.ops.base import default_of


def recognise(program: Program) -> None:
    """Rewrite the program in place."""
    for definition in program.definitions:
        if any(isinstance(n, Apply) and n.op == "softmax" for n in _all(definition.body)):
            _region(definition, definition.body, uses(definition))


def _all(region: Region) -> list[object]:
    found: list[object] = []
    for node in region.nodes:
        found.append(node)
        if node.kind in ("stack", "loop", "scan", "until"):
            found += _all(node.body)
    return found


def _region(definition: Definition, region: Region, uses: Counter[int]) -> None:
    by_output = {n.outputs[0].id: n for n in region.nodes if isinstance(n, Apply) and n.outputs}
    gone: set[int] = set()
    for i, node in enumerate(region.nodes):
        if node.kind in ("stack", "loop", "scan"):
            _region(definition, node.body, uses)
        elif isinstance(node, Apply) and node.op == "matmul":
            found = _match(node, by_output, uses)
            if found:
                rewritten, steps = found
                region.nodes[i] = rewritten
                gone |= steps
    region.nodes[:] = [n for n in region.nodes if not (isinstance(n, Apply) and n.outputs and n.outputs[0].id in gone)]


def _match(node: Apply, by_output: dict[int, Apply], uses: Counter[int]) -> tuple[Apply, set[int]] | None:
    """`softmax(…) @ v`, and the steps that it swallows."""

    def step(operand: object, op: str) -> Apply | None:
        found = by_output.get(operand) if isinstance(operand, int) else None
        alone = found is not None and uses[found.outputs[0].id] == 1 and not found.outputs[0].gate
        return found if found and found.op == op and alone else None

    weights = step(node.inputs[0], "softmax")
    if weights is None or not isinstance(node.inputs[1], int) or not _last(weights):
        return None
    scores: object = weights.inputs[0]
    scale, swallowed = ONE, {weights.outputs[0].id}
    for op in ("div", "mul"):
        scaled = step(scores, op)
        if scaled and isinstance(scaled.inputs[1], Num):
            scale = ONE / scaled.inputs[1] if op == "div" else scaled.inputs[1]
            swallowed.add(scaled.outputs[0].id)
            scores = scaled.inputs[0]
            break
    product = step(scores, "matmul")
    transposed = step(product.inputs[1], "transpose") if product else None
    if (
        product is None
        or transposed is None
        or not isinstance(product.inputs[0], int)
        or not isinstance(transposed.inputs[0], int)
    ):
        return None
    shape = transposed.outputs[0].type.shape
    if len(product.outputs[0].type.shape) < 2 or len(shape) < 2:
        return None
    width = shape[-2]
    settings: dict[str, Setting] = {n: default_of(d) for n, d in OPS["attention"].settings.items()}
    settings["mask"] = settings.get("mask", Choice.new(word="none"))
    settings["scale"] = None if scale == ONE / sqrt(width) else scale
    swallowed |= {product.outputs[0].id, transposed.outputs[0].id}
    inputs = [product.inputs[0], transposed.inputs[0], node.inputs[1]]
    return Apply.new(
        op="attention", inputs=inputs, settings=settings, outputs=node.outputs, place=node.place
    ), swallowed


def _last(weights: Apply) -> bool:
    """Whether a softmax runs over the last axis."""
    axes: list[Axis] = weights.axes.get("over", [])
    rank = len(weights.outputs[0].type.shape)
    return len(axes) == 1 and axes[0].index in (-1, rank - 1)
