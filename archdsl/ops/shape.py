"""Ops that arrange values in other shapes and compute none: their values are those that came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archdsl.ir.num import ELLIPSIS, ONE, Num
from archdsl.ir.program import Numbers
from archdsl.ir.types import Shape, Type, show_shape
from archdsl.ops.base import REQUIRED, Mark, Misfit, Op, Over, Site, TorchSite, Word
from archdsl.ops.emit import axes_of, axis_text, numbers_of, sizes
from archdsl.ops.interval import keep


def one_axis(site: Site, name: str) -> int:
    """The position of the one axis that a setting names."""
    axes = site.at(name)
    if len(axes) != 1:
        raise Misfit(f"{name} must name one axis")
    return axes[0]


def _total(shape: Sequence[Num]) -> Num:
    total = ONE
    for n in shape:
        total = total * n
    return total


def target(site: Site, name: str = "to") -> Shape:
    """The shape that a setting gives."""
    value = site.settings[name]
    if not isinstance(value, (Numbers, Num)):
        raise Misfit(f"{name} must be a shape", f"{name} = [batch, d]")
    shape = tuple(numbers_of(value))
    if any(n.is_const and n.value < 0 for n in shape):
        raise Misfit(
            f"{name} = {show_shape(shape)} has a negative size", "write each size; none is worked out from the others"
        )
    for n in shape:
        site.whole(n, f"{name} = {show_shape(shape)} has a size that is not whole: {n}")
    return shape


def _reshape_shape(site: Site) -> Type:
    shape, source = target(site), site.inputs[0].shape
    if _total(shape) != _total(source):
        hint = "the sizes must have the same product"
        raise Misfit(
            f"{show_shape(source)} has {_total(source)} values and {show_shape(shape)} has {_total(shape)}", hint
        )
    return site.inputs[0].with_shape(shape)


def _common(a: Sequence[Num], b: Sequence[Num]) -> int:
    """How many sizes at the start are alike."""
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return count


def _reshape(site: TorchSite) -> str:
    """`unflatten` where one axis is split, `flatten` where axes are joined, else `reshape`."""
    source, shape, x = site.inputs[0].shape, site.outputs[0].shape, site.operand(0)
    if source == shape:
        return x
    front = _common(source, shape)
    back = _common(source[front:][::-1], shape[front:][::-1])
    old, new = source[front : len(source) - back], shape[front : len(shape) - back]
    start, end = _axis(source, front), _axis(source, len(source) - back - 1)
    if len(old) == 1 and len(new) > 1:
        return f"{x}.unflatten({start}, ({sizes(site, new)}))"
    if len(new) == 1 and len(old) > 1 and not (front and ELLIPSIS in source[:front] and start >= 0):
        return f"{x}.flatten({start}, {end})" if back else f"{x}.flatten({start})"
    if ELLIPSIS in source:
        return _reshape_open(site, front, back, new)
    return f"{x}.reshape({sizes(site, shape)})"


def _reshape_open(site: TorchSite, front: int, back: int, new: Sequence[Num]) -> str:
    """Where `...` is among the axes that stay."""
    source, x = site.inputs[0].shape, site.operand(0)
    at = source.index(ELLIPSIS)
    if at < front:
        return f"{x}.reshape(*{x}.shape[: {front - len(source)}], {sizes(site, (*new, *source[len(source) - back :]))})"
    return f"{x}.reshape({sizes(site, (*source[:front], *new))}, *{x}.shape[{len(source) - back} :])"


def _axis(shape: Shape, position: int) -> int:
    """The axis at a position as torch counts it: from the end where `...` or few axes come before."""
    if ELLIPSIS in shape[:position]:
        return position - len(shape)
    if ELLIPSIS in shape[position:]:
        return position
    return position - len(shape) if position and position - len(shape) >= -2 else position


def _position(site: Site, number: Num, what: str, rank: int) -> int:
    """A position among `rank` axes, from 0."""
    if not number.is_integer or not -rank <= int(number.value) < rank:
        raise Misfit(f"{what} is {number}, and must lie between {-rank} and {rank - 1}")
    return int(number.value) % rank


def _flatten_shape(site: Site) -> Type:
    shape = site.inputs[0].shape
    start = _position(site, site.number("start"), "start", max(len(shape), 1))
    if ELLIPSIS in shape[start:] or (ELLIPSIS in shape and site.number("start").value > 0):
        raise Misfit("'...' may stand for any axes, so the size is not known", "name the axes in the input's type")
    return site.inputs[0].with_shape((*shape[:start], _total(shape[start:])))


def _transpose_shape(site: Site) -> Type:
    shape = site.inputs[0].shape
    if len(shape) < 2 or ELLIPSIS in shape[-2:]:
        raise Misfit(f"transpose swaps the last two axes, and the shape is {show_shape(shape)}")
    return site.inputs[0].with_shape((*shape[:-2], shape[-1], shape[-2]))


def _permute_shape(site: Site) -> Type:
    shape = site.inputs[0].shape
    if ELLIPSIS in shape:
        raise Misfit(
            "'...' may stand for any axes, so their order cannot be given", "swap(x, a, b) swaps two named axes"
        )
    order = [_position(site, n, "an axis in order", len(shape)) for n in numbers_of(site.settings["order"])]
    if sorted(order) != list(range(len(shape))):
        raise Misfit(
            f"order must name each of the {len(shape)} axes once",
            f"order = [{', '.join(map(str, range(len(shape))))}] changes nothing",
        )
    return site.inputs[0].with_shape([shape[i] for i in order])


def _swap_shape(site: Site) -> Type:
    shape, a, b = list(site.inputs[0].shape), one_axis(site, "a"), one_axis(site, "b")
    shape[a], shape[b] = shape[b], shape[a]
    return site.inputs[0].with_shape(shape)


def _unsqueeze_shape(site: Site) -> Type:
    shape = site.inputs[0].shape
    at = _position(site, site.number("at"), "at", len(shape) + 1)
    if ELLIPSIS in (shape[:at] if site.number("at").value >= 0 else shape[at:]):
        raise Misfit(
            "'...' may stand for any axes, so the place of the new axis is not known", "count from the other end"
        )
    return site.inputs[0].with_shape((*shape[:at], ONE, *shape[at:]))


def _squeeze_shape(site: Site) -> Type:
    shape, gone = site.inputs[0].shape, site.at()
    for i in gone:
        if shape[i] != ONE:
            raise Misfit(
                f"only an axis of size 1 can be taken away, and this one has size {shape[i]}",
                "at(x, 0, over = …) takes one of its values",
            )
    return site.inputs[0].with_shape([n for i, n in enumerate(shape) if i not in gone])


def _expand_shape(site: Site) -> Type:
    shape, source = target(site), site.inputs[0].shape
    if len(source) > len(shape):
        raise Misfit(f"{show_shape(source)} has more axes than {show_shape(shape)}")
    if ELLIPSIS in shape and ELLIPSIS not in source:
        raise Misfit("'...' may stand for any axes, so how often to repeat is not known", "name the axes")
    for have, want in zip(source[::-1], shape[::-1], strict=False):
        if have != want and have != ONE:
            raise Misfit(
                f"{show_shape(source)} cannot be repeated to {show_shape(shape)}: {have} is neither {want} nor 1"
            )
    return site.inputs[0].with_shape(shape)


def _expand(site: TorchSite) -> str:
    source, shape, x = site.inputs[0].shape, site.outputs[0].shape, site.operand(0)
    if ELLIPSIS in source:
        front, back = source.index(ELLIPSIS), len(source) - 1 - source.index(ELLIPSIS)
        kept = f"*{site.operand(0)}.shape[{front or ''}:{-back or ''}]"
        texts = [kept if n == ELLIPSIS else site.size(n) for n in shape]
    else:
        new = len(shape) - len(source)
        texts = ["-1" if i >= new and source[i - new] == n else site.size(n) for i, n in enumerate(shape)]
    return f"{x}.expand({', '.join(texts)})"


def _patches_shape(site: Site) -> Type:
    size, (batch, channels, height, width) = site.pair("size", 2), site.inputs[0].shape
    rows, columns = height / size[0], width / size[1]
    site.whole(rows, f"a height of {height} cannot be cut into patches of {size[0]}")
    site.whole(columns, f"a width of {width} cannot be cut into patches of {size[1]}")
    return site.inputs[0].with_shape((batch, rows * columns, channels * size[0] * size[1]))


def _upsample_shape(site: Site) -> Type:
    shape = site.inputs[0].shape
    if not 3 <= len(shape) <= 5 or ELLIPSIS in shape:
        raise Misfit(f"x must be [batch, channels, …] with one to three more axes, and it is {show_shape(shape)}")
    if site.word("mode") == "bilinear" and len(shape) != 4:
        raise Misfit("bilinear needs [batch, channels, height, width]")
    scale = site.pair("scale", len(shape) - 2)
    new = [site.whole(n * s, f"{s} times {n} is not whole") for n, s in zip(shape[2:], scale, strict=True)]
    return site.inputs[0].with_shape((*shape[:2], *new))


def _upsample(site: TorchSite) -> str:
    return f"F.interpolate({site.operand(0)}, scale_factor={site.setting('scale')}, mode={site.setting('mode')})"


LAST, GIVEN = Over(-1), Over(REQUIRED)


def moved(
    name: str,
    doc: str,
    torch: str | Callable[[TorchSite], str],
    shape: Callable[[Site], Type | list[Type]],
    example: str,
    label: str = "",
    signature: str = "x: any -> any",
    **settings: object,
) -> Op:
    """An op that keeps the values, and so their range."""
    return Op(
        name=name,
        doc=doc,
        signature=signature,
        torch=torch,
        settings=settings,
        shape=shape,
        range=keep,
        gate="through",
        mark=Mark("box", label or name),
        example=example,
    )


OPS = (
    moved(
        "reshape",
        "The values, in order, in another shape.",
        _reshape,
        _reshape_shape,
        "y = reshape(x, to = [batch, 2, 4])",
        "reshape {to}",
        to=REQUIRED,
    ),
    moved(
        "flatten",
        "The axes from `start` on made into one.",
        "{x}.flatten({start})",
        _flatten_shape,
        "y = flatten(x, 1)",
        start=1,
    ),
    moved("transpose", "The last two axes swapped.", "{x}.mT", _transpose_shape, "y = transpose(x)"),
    moved(
        "permute",
        "The axes in another order, given by their numbers.",
        lambda s: f"{s.operand(0)}.permute({', '.join(s.size(n) for n in numbers_of(s.settings['order']))})",
        _permute_shape,
        "y = permute(x, order = [1, 0])",
        "permute {order}",
        order=REQUIRED,
    ),
    moved(
        "swap",
        "Two axes swapped.",
        "{x}.transpose({a}, {b})",
        _swap_shape,
        "y = swap(x, 0, 1)",
        "swap {a} ↔ {b}",
        a=Over(REQUIRED),
        b=Over(REQUIRED),
    ),
    moved(
        "unsqueeze",
        "A new axis of size 1, at a place counted in the result.",
        "{x}.unsqueeze({at})",
        _unsqueeze_shape,
        "y = unsqueeze(x, 1)",
        "unsqueeze at {at}",
        at=-1,
    ),
    moved(
        "squeeze",
        "Axes of size 1 taken away.",
        lambda s: f"{s.operand(0)}.squeeze({axis_text(axes_of(s))})",
        _squeeze_shape,
        "y = squeeze(unsqueeze(x, 1), over = 1)",
        "squeeze {over}",
        over=Over(REQUIRED, many=True),
    ),
    moved(
        "expand",
        "The values repeated along axes of size 1 and new first axes.",
        _expand,
        _expand_shape,
        "y = expand(unsqueeze(x, 1), to = [batch, 3, 8])",
        "expand {to}",
        to=REQUIRED,
    ),
    moved(
        "patches",
        "An image cut into square patches, row by row, each with its values in the order channel, row, column.",
        "F.unfold({x}, {size}, stride={size}).mT",
        _patches_shape,
        "y = patches(reshape(x, to = [batch, 2, 2, 2]), 2)",
        "patches {size}",
        "x: [batch channels height width] -> [batch patch values]",
        size=REQUIRED,
    ),
    moved(
        "upsample",
        "A signal, image or volume made larger by a whole factor.",
        _upsample,
        _upsample_shape,
        "y = upsample(reshape(x, to = [batch, 2, 2, 2]))",
        "upsample {scale}",
        "x: float -> float",
        scale=2,
        mode=Word("nearest", "bilinear"),
    ),
)
