"""Scans of a part that treats every row of its batch alike: the scanned axis goes into the batch, and one call does all steps.

In: a `Repeat` whose body is one call of a definition that takes its batch first. Out: whether nothing in that definition looks across
the batch, so that `frames.flatten(0, 1)` in and `unflatten(0, …)` out is the same as a loop. What is not known here to do so does not.
"""

from __future__ import annotations

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Apply, Call, Draw, Made, Operand, Repeat
from archdsl.ir.types import Type
from archdsl.ops import FAMILIES
from archdsl.torch.batch import is_random, numbers_of, place_of
from archdsl.torch.plan import Plan


def _names(*families: str) -> frozenset[str]:
    return frozenset(op.name for family in families for op in FAMILIES[family])


_EACH = _names("operators", "activations", "functions")
_ROWS = _names("convolution and pooling", "layers") | {"upsample", "patches"}
_ALONG = _names("reductions", "along an axis") | {"concat", "split", "slice", "first", "last", "at", "pad", "swap"}


class _No(Exception):
    """The batch may not be longer than the program says."""


def foldable(node: Repeat, plan: Plan, types: dict[int, Type]) -> bool:
    """Whether the scanned axis can go into the batch."""
    if node.kind != "scan" or node.lengths is not None or node.rides or node.carried or len(node.body.nodes) != 1:
        return False
    (call,) = node.body.nodes
    if not isinstance(call, Call) or call.rides or not node.collected:
        return False
    held = next(h for h in plan.held if h.id == call.made)
    if held.stacks or not isinstance(held.item, Made) or is_random(held.item, plan):
        return False
    try:
        return _places_fit(node, call, plan, types)
    except _No:
        return False


def place(node: Repeat) -> int:
    """Where the scanned axis stands, from the start: 0 before the batch, 1 after it."""
    sliced = node.sliced[0]
    index = sliced.axis.index
    return index if index >= 0 else index + len(sliced.value.type.shape) + 1


def with_batch(call: Call, node: Repeat, types: dict[int, Type]) -> set[int]:
    """The operands of the call whose first axis is the batch."""
    sliced = {s.value.id: s.value.type for s in node.sliced}
    size = node.sliced[0].value.type.shape[0]
    return {
        i for i in call.inputs if isinstance(i, int) and (t := sliced.get(i) or types.get(i)) and t.shape[:1] == (size,)
    }


def _places_fit(node: Repeat, call: Call, plan: Plan, types: dict[int, Type]) -> bool:
    at = place(node) if node.sliced else 2
    size = node.sliced[0].value.type.shape[:1] if node.sliced else ()
    given = [s.value.type for s in node.sliced]
    given += [types[i] for i in call.inputs if isinstance(i, int) and i in types]
    if at > 1 or not size or any(ELLIPSIS in t.shape for t in given):
        return False
    for s in node.sliced:
        index = s.axis.index if s.axis.index >= 0 else s.axis.index + len(s.value.type.shape) + 1
        if index != at or s.value.type.shape[:1] != size:
            return False
    carries = with_batch(call, node, types)
    if any(isinstance(i, Num) for i in call.inputs):
        return False
    results = _call(call, carries, plan)
    return all(
        c.operand in results and (c.axis.index if c.axis.index >= 0 else c.axis.index + len(c.value.type.shape)) == at
        for c in node.collected
    )


def _call(call: Call, carries: set[int], plan: Plan) -> set[int]:
    """The results of a call that have the batch first, when these operands have it. Raises _No."""
    callee = _part(call, plan)
    definition = callee.definition
    if callee.remembers or definition.states:
        raise _No
    inside = _rows(callee, {v.id for given, v in zip(call.inputs, definition.inputs) if given in carries})
    results = {o.operand for o in definition.outputs if isinstance(o.operand, int)}
    return {v.id for v, o in zip(call.outputs, definition.outputs) if o.operand in inside and o.operand in results}


def rows_apart(cell: Plan) -> bool:
    """Whether no row of a cell's batch sees another, so that it is the same whatever others do when their sequences are over."""
    definition = cell.definition
    known = [*definition.inputs, *(s.value for s in definition.states)]
    sizes = {s.value.type.shape[:1] for s in definition.states}
    try:
        _rows(cell, {v.id for v in known if v.type.shape and v.type.shape[:1] in sizes})
    except _No:
        return False
    return True


def _rows(callee: Plan, inside: set[int]) -> set[int]:
    """The values of a definition that have the batch first, when these of its inputs and states have it. Raises _No."""
    definition = callee.definition
    types = {v.id: v.type for v in definition.inputs} | {p.value.id: p.value.type for p in definition.body.params}
    types |= {s.value.id: s.value.type for s in definition.states}
    sizes = {types[i].shape[0] for i in inside}
    size = sizes.pop() if len(sizes) == 1 else None
    if size is None or size.name is None or size.name in callee.arguments or size == ELLIPSIS:
        raise _No
    if any(size.name in t.symbols() for i, t in types.items() if i not in inside):
        raise _No
    for node in definition.body.nodes:
        if isinstance(node, (Apply, Call)) and size.name in numbers_of(node):
            raise _No
        if isinstance(node, Apply):
            found = {v.id for v in node.outputs} if _apply(node, inside, types, size) else set[int]()
        elif isinstance(node, Call) and not node.rides:
            found = _inner(node, inside, callee, types) if _any(node.inputs, inside) else set()
        elif isinstance(node, Draw) or (isinstance(node, Call) and rows_apart(_part(node, callee))):
            found = {v.id for v in node.outputs if v.type.shape[:1] == (size,)}
        else:
            raise _No
        for v in node.outputs:
            types[v.id] = v.type
            if (v.id in found) != (v.type.shape[:1] == (size,)) or size.name in Type(shape=v.type.shape[1:]).symbols():
                raise _No
        inside = inside | found
    return inside


def _part(call: Call, plan: Plan) -> Plan:
    made = next(h.item for h in plan.held if h.id == call.made)
    assert isinstance(made, Made)
    return plan.program.of(made)


def _inner(call: Call, inside: set[int], plan: Plan, types: dict[int, Type]) -> set[int]:
    """The results of a call inside a part that have the batch first; of a part that takes `...`, by what it does to axes further right."""
    try:
        return _call(call, inside, plan)
    except _No:
        ranks = {i: len(t.shape) for i, t in types.items()}
        place = place_of(call, plan, {i: -ranks[i] for i in call.inputs if isinstance(i, int) and i in inside}, ranks)
        if place is None or any(len(v.type.shape) != -place for v in call.outputs):
            raise
        return {v.id for v in call.outputs}


def _any(inputs: list[Operand], inside: set[int]) -> bool:
    return any(i in inside for i in inputs if isinstance(i, int))


def _apply(node: Apply, inside: set[int], types: dict[int, Type], size: Num) -> bool:
    """Whether a primitive's results have the batch first. Raises _No where it looks across it."""
    if not _any(node.inputs, inside):
        return False
    rank = {i: len(types[i].shape) for i in node.inputs if isinstance(i, int) and i in types}
    own = [rank[i] for i in node.inputs if isinstance(i, int) and i in inside]
    others = [rank[i] for i in node.inputs if isinstance(i, int) and i not in inside]
    out = node.outputs[0].type
    if any(ELLIPSIS in types[i].shape for i in rank) or min(own) < 1:
        raise _No
    if node.op in _EACH:
        fits = set(own) == {len(out.shape)} and all(r < len(out.shape) for r in others)
    elif node.op in _ROWS:
        fits = len(own) == 1 and own[0] >= (1 if node.op == "Embedding" else 2)
    elif node.op in _ALONG:
        places = [a.index % own[0] for group in node.axes.values() for a in group]
        fits = bool(places) and 0 not in places and not others and len(set(own)) == 1
    elif node.op == "flatten":
        fits = out.shape[:1] == (size,) and own[0] >= 2
    elif node.op == "reshape":
        fits = out.shape[:1] == (size,) and not others
    elif node.op == "transpose":
        fits = own[0] >= 3
    elif node.op == "matmul":
        fits = (min(own) >= 3 and not others) or (
            node.inputs[0] in inside and own == own[:1] and own[0] >= 2 and max(others, default=9) <= 2
        )
    elif node.op == "attention":
        fits = min(own) >= 3 and not others
    else:
        fits = False
    if not fits:
        raise _No
    return True


__all__ = ["foldable", "place", "rows_apart", "with_batch"]
