"""Types as written: `int[batch, 4 * d]`."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl import errors
from archdsl.diagnostics import nearest
from archdsl.ir.num import ELLIPSIS
from archdsl.ir.types import Type
from archdsl.passes import expressions
from archdsl.passes.frame import Block
from archdsl.syntax import tree

_DTYPES = ("float", "int", "bool")


def type_of(block: Block, node: tree.TypeOf, introduce: bool = False) -> Type:
    """The type as written. In an input, names that are nothing yet become sizes."""
    frame = block.frame
    dtype = node.dtype.text if node.dtype else "float"
    if dtype not in _DTYPES:
        guess = nearest(dtype, _DTYPES)
        raise frame.fail(
            errors.UnknownName(
                node.span,
                dtype,
                "element kind",
                mend=f"did you mean `{guess}`?" if guess else "it is float, int or bool",
            )
        )
    shape = []
    for item in node.sizes:
        if introduce:
            for name in _names(item):
                if name.text not in frame.statics:
                    frame.sizes.setdefault(name.text, name.span)
        elif isinstance(item, tree.Name) and expressions.lookup(block, item.text) is None:
            guess = nearest(item.text, {*frame.sizes, *frame.statics})
            mend = f"did you mean `{guess}`?" if guess else "sizes come from inputs and hyperparameters"
            raise frame.fail(errors.UnknownName(item.span, item.text, "size", mend=mend))
        size = ELLIPSIS if isinstance(item, tree.Rest) else expressions.number(block, item)
        if size.is_const and (not size.is_integer or size.value < 0):
            raise frame.fail(errors.BadSize(item.span, "this size", str(size), "whole and not negative"))
        shape.append(size)
    if sum(n == ELLIPSIS for n in shape) > 1:
        raise frame.fail(errors.WrongShape(node.span, "this type", "`...` may stand once in a type"))
    return Type(dtype=dtype, shape=tuple(shape))  # type: ignore[arg-type]


def no_rest(block: Block, type: Type, node: tree.TypeOf) -> None:
    """What is kept between calls has sizes that are known when it is made."""
    if ELLIPSIS in type.shape:
        mend = "name its axes, as hyperparameters or numbers"
        raise block.frame.fail(
            errors.WrongShape(node.span, "this type", "`...` may be any axes, and these must be known", mend=mend)
        )


def _names(node: tree.Expression) -> Iterator[tree.Name]:
    match node:
        case tree.Name():
            yield node
        case tree.Binary():
            yield from _names(node.left)
            yield from _names(node.right)
        case tree.Unary():
            yield from _names(node.value)
        case tree.Call():
            for argument in node.arguments:
                yield from _names(argument.value)
