"""Which scans need no loop: those whose body treats every slice alike.

`is_pointwise`: the body acts on axes to the right of the scanned one, so that it may be given the whole tensor as it is.
Parts whose batch the scanned axis can go into are told by `fold.py`.
"""

from __future__ import annotations

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Apply, Call, Draw, Made, Node, Region, Repeat, Sliced, Value
from archdsl.ir.regions import nodes
from archdsl.ir.types import Type
from archdsl.ops import FAMILIES, OPS
from archdsl.torch.plan import Plan

_POINTWISE = frozenset(op.name for family in ("operators", "activations", "functions") for op in FAMILIES[family])
_LAST_AXIS = frozenset(("Linear", "Dropout"))
_ALONG = frozenset(("softmax", "log_softmax", "cumsum", "cumprod", "normalize"))
_REDUCTIONS = frozenset(op.name for op in FAMILIES["reductions"])


class _No(Exception):
    """The body cannot be given the whole tensor."""


def is_pointwise(node: Repeat, plan: Plan, types: dict[int, Type]) -> bool:
    """Whether the body of a scan gives the same on all slices at once, the scanned axis standing where it stood."""
    if node.rides or node.carried or not node.sliced or not node.collected:
        return False
    try:
        places = _places(node, plan, types)
    except _No:
        return False
    stands = [
        (places.get(c.operand), _from_end(c.axis.index, c.value.type))
        for c in node.collected
        if isinstance(c.operand, int)
    ]
    return len(stands) == len(node.collected) and all(a == b for a, b in stands)


def widened(node: Repeat) -> Region:
    """The body as it is when the scanned axis stays in: the same nodes, with that axis in the types of all that is made of the slices."""
    region = node.body.model_copy(deep=True)
    types = {s.value.id: s.value.type for s in node.sliced}
    for inner in region.nodes:
        if not isinstance(inner, (Apply, Call)) or not any(i in types for i in inner.inputs if isinstance(i, int)):
            continue
        if isinstance(inner, Apply):
            _count_from_end(inner, types)
        for value in inner.outputs:
            types[value.id] = value.type
            value.type = _with_axis(value, node)
    return region


def _count_from_end(node: Apply, types: dict[int, Type]) -> None:
    """Axes counted from the end mean the same when another axis comes in before them."""
    first = next((i for i in node.inputs if isinstance(i, int) and i in types), None)
    if first is not None:
        for axis in (a for group in node.axes.values() for a in group):
            axis.index = _from_end(axis.index, types[first])


def _from_end(index: int, type_: Type) -> int:
    return index - len(type_.shape) if index >= 0 and ELLIPSIS not in type_.shape else index


def _place(sliced: Sliced) -> int:
    """Where the scanned axis stands, counted from the end."""
    index = sliced.axis.index
    return index - len(sliced.value.type.shape) - 1 if index >= 0 else index


def _with_axis(value: Value, node: Repeat) -> Type:
    axis = node.sliced[0].axis
    place = _place(node.sliced[0])
    at = len(value.type.shape) + 1 + place
    shape = list(value.type.shape)
    return value.type.with_shape([*shape[:at], axis.size, *shape[at:]]) if 0 <= at <= len(shape) else value.type


def _places(node: Repeat, plan: Plan, types: dict[int, Type]) -> dict[int, int]:
    """Where the scanned axis stands in each value of the body, counted from the end. Raises _No."""
    if any(ELLIPSIS in s.value.type.shape and s.axis.index >= 0 for s in node.sliced):
        raise _No
    places = {s.value.id: _place(s) for s in node.sliced}
    ranks = {i: len(t.shape) if ELLIPSIS not in t.shape else 99 for i, t in types.items()}
    ranks |= {s.value.id: len(s.value.type.shape) for s in node.sliced}
    _spread(node.body, plan, places, ranks, inside=False)
    return places


def _spread(region: Region, plan: Plan, places: dict[int, int], ranks: dict[int, int], inside: bool = True) -> None:
    for param in region.params:
        ranks[param.value.id] = len(param.value.type.shape)
    for node in region.nodes:
        if inside and isinstance(node, (Apply, Call)) and not _sizes_stay(node, plan, places):
            raise _No
        if isinstance(node, Apply):
            place: int | None = _of_apply(node, places, ranks, inside)
        elif isinstance(node, Call) and not node.rides:
            place = _of_call(node, plan, places, ranks)
        else:
            raise _No
        for value in node.outputs:
            ranks[value.id] = len(value.type.shape)
            if place is not None:
                places[value.id] = place


def _sizes_stay(node: Apply | Call, plan: Plan, places: dict[int, int]) -> bool:
    """Whether a node of a class reads no size from an input's shape, where axes are counted as they are without the one that comes in."""
    read = numbers_of(node)
    if not any(i in places for i in node.inputs if isinstance(i, int)):
        read |= {s for v in node.outputs for s in v.type.symbols()}
    return read <= plan.arguments.keys()


def numbers_of(node: Apply | Call) -> set[str]:
    """The sizes that a node reads as numbers; that a shape begins with the batch is no reading."""
    given: list[object] = list(node.inputs)
    if isinstance(node, Apply) and node.op != "reshape":
        given += [n for s in node.settings.values() for n in (s if isinstance(s, (list, tuple)) else [s])]
    return {s for n in given if isinstance(n, Num) for s in n.symbols()}


def _of_apply(node: Apply, places: dict[int, int], ranks: dict[int, int], inside: bool) -> int | None:
    """Where the axis stands in an op's result. `inside` a class, which is written once, axes cannot be counted anew."""
    touched = [places[i] for i in node.inputs if isinstance(i, int) and i in places]
    if not touched:
        if _is_random(node):  # each step draws anew
            raise _No
        return None
    place = touched[0]
    right = -place - 1
    held = [i for i in node.inputs if isinstance(i, int) and i not in places]
    if len(set(touched)) > 1 or any(ranks.get(i, 99) > right for i in held):
        raise _No
    if node.op in _POINTWISE:
        return place
    if node.op in _LAST_AXIS and place < -1:
        return place
    if node.op == "Embedding":
        return place - 1
    if node.op == "matmul" and place < -1 and node.inputs[0] in places and ranks.get(_id(node.inputs[1]), 99) <= 2:
        return place
    axes = [a.index for group in node.axes.values() for a in group]
    if not inside:
        rank = next(ranks[i] for i in node.inputs if isinstance(i, int) and i in places)
        axes = [a - rank if a >= 0 else a for a in axes]
    if not axes or any(a >= 0 or a <= place for a in axes):
        raise _No
    if node.op in _ALONG:
        return place
    if node.op == "concat" and not held:
        return place
    if node.op in _REDUCTIONS:
        return place if node.settings.get("keep") is True else place + len(axes)
    raise _No


def _id(operand: object) -> int:
    return operand if isinstance(operand, int) else -1


def _of_call(node: Call, plan: Plan, places: dict[int, int], ranks: dict[int, int]) -> int | None:
    made = next(h.item for h in plan.held if h.id == node.made)
    assert isinstance(made, Made)
    callee = plan.program.of(made)
    definition = callee.definition
    if callee.remembers or definition.states:
        raise _No
    inner: dict[int, int] = {}
    inner_ranks: dict[int, int] = {}
    for given, value in zip(node.inputs, definition.inputs):
        if ELLIPSIS in value.type.shape and isinstance(given, int) and given in places:
            after = len(value.type.shape) - value.type.shape.index(ELLIPSIS) - 1
            if -places[given] <= after:
                raise _No
        inner_ranks[value.id] = ranks.get(given, 99) if isinstance(given, int) else 0
        if isinstance(given, int) and given in places:
            inner[value.id] = places[given]
    _spread(definition.body, callee, inner, inner_ranks)
    results = {inner.get(o.operand) if isinstance(o.operand, int) else None for o in definition.outputs}
    if len(results) != 1:
        raise _No
    return results.pop()


NOWHERE = 99
"""The place of the axis in a value that does not have it."""


def place_of(node: Node, plan: Plan, places: dict[int, int], ranks: dict[int, int]) -> int | None:
    """Where the scanned axis stands in a node's results when it is given all slices at once; None where it cannot be."""
    try:
        if isinstance(node, Apply):
            place = _of_apply(node, places, ranks, inside=False)
        elif isinstance(node, Call):
            place = _of_call(node, plan, places, ranks)
        else:
            return None
    except _No:
        return None
    return NOWHERE if place is None else place


def is_random_node(node: Node, plan: Plan) -> bool:
    """Whether a node gives something else at each evaluation."""
    if isinstance(node, Call):
        return any(h.id == node.made and isinstance(h.item, Made) and is_random(h.item, plan) for h in plan.held)
    return _is_random(node)


def with_axis(node: Apply | Call, types: dict[int, Type], at: int, size: Num) -> Apply | Call:
    """A node as it is when it is given all slices at once, the scanned axis at a position from the start."""
    wide = node.model_copy(deep=True)
    if isinstance(wide, Apply):
        _count_from_end(wide, types)
    for value in wide.outputs:
        value.type = widened_type(value.type, at, size)
    return wide


def widened_type(type_: Type, at: int, size: Num) -> Type:
    shape = list(type_.shape)
    shape.insert(min(at, len(shape)), size)
    return type_.with_shape(shape)


def is_random(made: Made, plan: Plan) -> bool:
    """Whether two calls with the same inputs differ."""
    if made.primitive:
        return OPS[made.of].random
    callee = plan.program.of(made)
    drawn = any(isinstance(n, Draw) or _is_random(n) for n in nodes(callee.definition.body))
    return drawn or any(isinstance(h.item, Made) and is_random(h.item, callee) for h in callee.held)


def _is_random(node: Node) -> bool:
    if not isinstance(node, Apply) or node.op not in OPS:
        return False
    return OPS[node.op].random or node.settings.get("dropout", Num.of(0)) != Num.of(0)
