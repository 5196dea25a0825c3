"""Axes: which one a setting such as `over = time` names."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl import errors
from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Axis
from archdsl.ir.types import show_shape
from archdsl.ops.base import REQUIRED, Op, Over
from archdsl.passes import expressions
from archdsl.passes.entities import Number, Series, Tensor
from archdsl.passes.frame import Block
from archdsl.source import Span
from archdsl.syntax import tree


def axes_of(
    block: Block, op: Op, tensors: list[Tensor], given: dict[str, tree.Expression], span: Span
) -> dict[str, list[Axis]]:
    result: dict[str, list[Axis]] = {}
    for name, declared in op.settings.items():
        if not isinstance(declared, Over):
            continue
        shape = tensors[0].type.shape if tensors else ()
        if name not in given:
            if declared.default is REQUIRED:
                known = show_shape(shape)
                raise block.frame.fail(
                    errors.WrongArguments(span, op.name, f"`{name}` is missing: which axis of {known}?")
                )
            if declared.default is None:
                result[name] = [] if ELLIPSIS in shape else [axis_at(shape, i) for i in range(len(shape))]
            else:
                result[name] = [resolve_axis(block, shape, Num.of(declared.default), span)]
            continue
        entity = expressions.static(block, given[name])
        if isinstance(entity, Number):
            numbers = [entity.num]
        elif isinstance(entity, Series) and declared.many:
            numbers = entity.items
        else:
            raise block.frame.fail(
                errors.WrongArguments(
                    given[name].span, op.name, f"`{name}` names {'axes' if declared.many else 'an axis'}"
                )
            )
        result[name] = [resolve_axis(block, shape, n, given[name].span) for n in numbers]
        if len({a.index % len(shape) for a in result[name]}) < len(numbers):
            raise block.frame.fail(errors.WrongArguments(given[name].span, op.name, f"`{name}` names an axis twice"))
    return result


def resolve_axis(block: Block, shape: Sequence[Num], which: Num, span: Span) -> Axis:
    """The axis of that size, or, for a plain number, at that position."""
    shape = tuple(n.subs(block.frame.equal) for n in shape)
    if which.is_integer:
        index = int(which.value)
        if -len(shape) <= index < len(shape):
            axis = axis_at(shape, index % len(shape))
            bare = index if index < 0 else axis.index
            if (
                axis.size != ELLIPSIS
                and not (index < 0 and ELLIPSIS in shape[index:])
                and not (index >= 0 and ELLIPSIS in shape[:index])
            ):
                return Axis.new(index=bare, size=axis.size)
        raise block.frame.fail(errors.WrongShape(span, "this axis", f"{show_shape(shape)} has no axis {index}"))
    found = [i for i, n in enumerate(shape) if n == which.subs(block.frame.equal)]
    if len(found) == 1:
        return axis_at(shape, found[0])
    reason = (
        f"{show_shape(shape)} has no axis of size {which}"
        if not found
        else f"{show_shape(shape)} has {len(found)} axes of size {which}"
    )
    mend = f"say which by its position: {', '.join(str(axis_at(shape, i).index) for i in found)}" if found else ""
    raise block.frame.fail(errors.WrongShape(span, "this axis", reason, mend=mend))


def axis_at(shape: Sequence[Num], position: int) -> Axis:
    """The axis at a position from 0; counted from the end where `...` comes before it."""
    return Axis.new(index=position - len(shape) if ELLIPSIS in shape[:position] else position, size=shape[position])
