"""Two scans of one sequence, forwards and backwards, whose results stand side by side: one call of torch's kernel takes both.

In: a definition's plan. Out: a `Both` for each such pair. Both cells are of one definition, which is one of torch's kernels and nothing
else; they start from their own first states, and nobody asks for their last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archdsl.ir.program import Apply, Call, Made, Repeat
from archdsl.ir.regions import regions
from archdsl.ir.uses import uses
from archdsl.torch.plan import Plan, ProgramPlan

if TYPE_CHECKING:
    from archdsl.torch.steps import Steps


@dataclass(frozen=True)
class Both:
    forwards: Repeat
    backwards: Repeat
    joined: Apply
    """Their results side by side."""
    cell: str


def find(plan: Plan) -> list[Both]:
    """The pairs of a definition."""
    steps = plan.program.steps
    if not steps or plan.program.open_time:
        return []
    made = {h.id: h.item for h in plan.held if isinstance(h.item, Made)}
    count = uses(plan.definition)
    result = []
    for region in regions(plan.definition.body):
        scans = {c.value.id: n for n in region.nodes if isinstance(n, Repeat) for c in n.collected}
        for node in region.nodes:
            if not isinstance(node, Apply) or node.op != "concat" or len(node.inputs) != 2:
                continue
            pair = [scans.get(i) for i in node.inputs if isinstance(i, int) and count[i] == 1]
            if len(pair) == 2 and pair[0] is not None and pair[1] is not None:
                cell = _cell(pair[0], pair[1], made, steps)
                last = node.axes["over"][0].index in (-1, len(node.outputs[0].type.shape) - 1)
                if cell is not None and last:
                    result.append(Both(pair[0], pair[1], node, cell))
    return result


def scanned_both(program: ProgramPlan) -> set[str]:
    """The cells that some definition scans in both directions at once."""
    return {both.cell for plan in program.plans.values() for both in find(plan)}


def _cell(forwards: Repeat, backwards: Repeat, made: dict[int, Made], steps: dict[str, Steps]) -> str | None:
    """The cell that both step, if one call can take both."""
    from archdsl.torch.steps import pattern_of

    pattern = pattern_of(forwards)
    if pattern is None or pattern_of(backwards) != pattern or forwards.reversed or not backwards.reversed:
        return None
    names = {made[n.rides[0].made].of for n in (forwards, backwards)}
    whole = all(_alone(n) for n in (forwards, backwards))
    if len(names) != 1 or not whole or forwards.sliced[0].operand != backwards.sliced[0].operand:
        return None
    (name,) = names
    found = steps.get(name)
    return name if found is not None and found.pattern == pattern and _bare_kernel(found) else None


def _alone(scan: Repeat) -> bool:
    """Whether a scan slices one sequence, and gives its steps' results and nothing else."""
    (call,) = scan.body.nodes
    assert isinstance(call, Call)
    ride = scan.rides[0]
    return not (
        scan.lengths is not None or ride.initial or ride.finals or len(scan.sliced) != 1 or len(call.inputs) != 1
    )


def _bare_kernel(steps: Steps) -> bool:
    """Whether a cell is a kernel of its one input, whose state is its output."""
    kernel, definition = steps.kernel, steps.definition
    if kernel is None or steps.after or len(definition.outputs) != 1 or len(kernel.x) != 1:
        return False
    shown = definition.states[kernel.states[0]].next
    return definition.outputs[0].operand == shown and steps.operand(kernel.x[0]) == definition.inputs[0].id
