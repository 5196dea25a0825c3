"""The last states of sequences that end before their time: read from the steps' outputs, or kept by a kernel that stops.

In: a cell that runs on torch's kernel, and a state that a scan with lengths asks for. What the cell gives at every step is read where the
sequence ends. An LSTM's memory is given by the last step alone: from the sequence's end on its input gate is shut and its forget gate open,
by one column more in the input and in its weights, so that the memory stays to the bit, and the gradient with it.
"""

from __future__ import annotations

from archdsl.ir.program import Repeat
from archdsl.ir.regions import nodes
from archdsl.torch.plan import Plan, ProgramPlan
from archdsl.torch.steps import Steps, pattern_of

AT_END = '''
def at_end(y: Tensor, lengths: Tensor, first: Tensor) -> Tensor:
    """The last step of each sequence of y [batch, time, ...]; `first` where it has none."""
    last = y[torch.arange(y.shape[0], device=y.device), (lengths - 1).clamp(min=0)]
    return torch.where((lengths > 0).view(-1, *[1] * (last.dim() - 1)), last, first)
'''
STOPPED = '''
def stopped(x: Tensor, weights: list[Tensor], lengths: Tensor) -> tuple[Tensor, list[Tensor]]:
    """An LSTM's input and weights with a column that is 1 from each sequence's own end on: it shuts
    the input gate and opens the forget gate, so that the memory stays.
    """
    beyond = torch.arange(x.shape[1], device=x.device) >= lengths.unsqueeze(1)
    gates = x.new_tensor([[-1e4], [1e4], [0.0], [0.0]])  # in torch's order: input, forget, cell, output
    column = gates.repeat_interleave(weights[0].shape[0] // 4, dim=0).to(weights[0].dtype)
    return (
        torch.cat([x, beyond.unsqueeze(-1).to(x.dtype)], dim=-1),
        [torch.cat([weights[0], column], dim=1), *weights[1:]],
    )
'''


def shown(callee: Plan, state: str) -> int | None:
    """The output of a cell that is one of its states, by place."""
    for s in callee.definition.states:
        if s.value.name == state:
            return next((i for i, o in enumerate(callee.definition.outputs) if o.operand == s.next), None)
    return None


def known(callee: Plan, steps: Steps, state: str) -> bool:
    """Whether a state is known where a sequence ends before its time, when a cell takes all its steps at once."""
    return shown(callee, state) is not None or is_memory(callee, steps, state)


def is_memory(callee: Plan, steps: Steps, state: str) -> bool:
    """Whether a state is the memory of an LSTM that runs on the kernel, batch first."""
    kernel = steps.kernel
    if kernel is None or kernel.name != "lstm" or steps.at != 1:
        return False
    return callee.definition.states[kernel.states[1]].value.name == state


def stopping(program: ProgramPlan) -> set[str]:
    """The cells whose kernel must stop at the ends of sequences, since a scan asks for their memory there."""
    result: set[str] = set()
    for plan in program.plans.values():
        made = {h.id: h.item for h in plan.held}
        for node in nodes(plan.definition.body):
            if not isinstance(node, Repeat) or node.lengths is None or not node.rides:
                continue
            pattern, of = pattern_of(node), getattr(made[node.rides[0].made], "of", "")
            steps = program.steps.get(of)
            if steps is None or pattern is None or steps.pattern != pattern:
                continue
            callee, finals = program.plans[of], node.rides[0].finals
            if all(known(callee, steps, f) for f in finals) and any(shown(callee, f) is None for f in finals):
                result.add(of)
    return result
