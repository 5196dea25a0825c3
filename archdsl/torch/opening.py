"""Scans whose number of steps stays open when a model is exported (`--open-time`).

In: a cell that takes all its steps in one method. Out: the lines at that method's beginning which, while `torch.export` traces it, make
all steps one node of the graph. torch's own recurrent kernels and Python loops are both unrolled there, to the length of the example.
"""

from __future__ import annotations

from archdsl.torch.plan import Plan
from archdsl.torch.printer import INDENT, lines, parse
from archdsl.torch.steps import Steps

INNER = INDENT * 2
OPENED = '''
def opened(cell: Any, state: Any, *given: Tensor, at: int) -> Any:
    """All steps of a cell as one node of an exported graph, which leaves their number open."""
    from torch._higher_order_ops.scan import scan

    alone = isinstance(state, Tensor)

    def step(before: Any, now: Any) -> Any:
        results = cell(*now, before[0] if alone else type(state)(*before))
        *outputs, after = (results, results) if isinstance(results, Tensor) else results
        return [s.clone() for s in ([after] if alone else after)], [y.clone() for y in outputs]

    after, outputs = scan(step, [state] if alone else list(state), list(given), dim=at)
    return (*outputs, after[0] if alone else type(state)(*after))
'''


def openable(plan: Plan, steps: Steps) -> bool:
    """Whether a cell's steps can be one node: its state is tensors of its own, and time stands inside all that it gives."""
    definition = plan.definition
    own = bool(plan.state) and all(p.state is not None for p in plan.state)
    optional = any(v.default is not None for v in definition.inputs)
    return own and not optional and all(len(o.type.shape) >= steps.at for o in definition.outputs)


def opening(plan: Plan, steps: Steps, names: list[str], returns: str) -> list[str]:
    """The lines, for the method whose parameters have these names: its inputs, its state, and lengths if it takes them."""
    inputs, state, *lengths = names[: len(plan.definition.inputs)], *names[len(plan.definition.inputs) :]
    sliced = [n for n, s in zip(inputs, steps.pattern.sliced) if s]
    at = ":, " * steps.at
    firsts = [f"{inputs[i]}[{at}0]" if steps.pattern.sliced[i] else inputs[i] for i in plan.initial_inputs]
    cell = "self"
    if len(sliced) < len(inputs):
        taken = {n: f"{n}_t" for n in sliced}
        cell = f"lambda {', '.join([*taken.values(), 'before'])}: self({', '.join([*(taken.get(n, n) for n in inputs), 'before'])})"
    test = "torch.compiler.is_exporting()" + "".join(f" and {n} is None" for n in lengths)
    first = f"self.initial_state({', '.join(firsts)}) if {state} is None else {state}"
    call = parse(f"opened({cell}, {state}, {', '.join(sliced)}, at={steps.at})")
    return [
        f"{INNER}if {test}:",
        *lines(INNER + INDENT, f"{state} = ", parse(first)),
        *lines(INNER + INDENT, f"steps: {returns} = ", call),
        f"{INNER + INDENT}return steps",
    ]
