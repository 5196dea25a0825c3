"""Ops that move, cut and join values and compute none: their values are those that came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archdsl.ir.num import ELLIPSIS, ONE, ZERO, Num
from archdsl.ir.program import Numbers
from archdsl.ir.types import Shape, Type, show_shape
from archdsl.ops import interval
from archdsl.ops.base import ANYTHING, REQUIRED, Interval, Mark, Misfit, Op, Over, Site, TorchSite, Word
from archdsl.ops.emit import axes_of, axis_text, index_text, is_at, numbers_of, sizes
from archdsl.ops.interval import keep, of


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


def _one(site: Site, name: str) -> int:
    axes = site.at(name)
    if len(axes) != 1:
        raise Misfit(f"{name} must name one axis")
    return axes[0]


def _swap_shape(site: Site) -> Type:
    shape, a, b = list(site.inputs[0].shape), _one(site, "a"), _one(site, "b")
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


def _concat_shape(site: Site) -> Type:
    kinds = {t.dtype for t in site.inputs}
    if len(kinds) > 1:
        raise Misfit(
            f"the inputs are of different kinds: {', '.join(sorted(kinds))}", "to_float(…) makes one kind of them"
        )
    first = site.inputs[0].shape
    if not first:
        raise Misfit("a scalar has no axis to join along", "unsqueeze(x) gives it one")
    axis = _one(site, "over") - len(first)
    total = ZERO
    for t in site.inputs:
        others = (*t.shape[:axis], *t.shape[len(t.shape) + axis + 1 :])
        if len(t.shape) != len(first) or others != (*first[:axis], *first[len(first) + axis + 1 :]):
            raise Misfit(
                f"{show_shape(first)} and {show_shape(t.shape)} differ beside the axis along which they are joined"
            )
        total = total + t.shape[axis]
    shape = list(first)
    shape[axis] = total
    return site.inputs[0].with_shape(shape)


def _split_sizes(site: Site | TorchSite, size: Num) -> list[Num]:
    parts = site.settings["parts"]
    if isinstance(parts, Num) and parts.is_integer and 1 <= parts.value <= 4096:
        return [size / parts] * int(parts.value)
    if isinstance(parts, Numbers) and parts.items:
        return parts.items
    raise Misfit(
        "parts must be a number of equal parts, or the size of each part", "split(x, 3) or split(x, [d, 2 * d])"
    )


def _split_shape(site: Site) -> list[Type]:
    shape, axis = site.inputs[0].shape, _one(site, "over")
    parts = _split_sizes(site, shape[axis])
    total = ZERO
    for n in parts:
        total = total + site.whole(n, f"an axis of size {shape[axis]} cannot be split into {len(parts)} equal parts")
    if total != shape[axis]:
        raise Misfit(f"the parts have {total} together, and the axis has size {shape[axis]}")
    return [site.inputs[0].with_shape((*shape[:axis], n, *shape[axis + 1 :])) for n in parts]


def _split(site: TorchSite) -> str:
    axis = axes_of(site)[0]
    if isinstance(site.settings["parts"], Numbers):
        return f"{site.operand(0)}.split([{sizes(site, site.settings['parts'].items)}], dim={axis})"
    return f"{site.operand(0)}.chunk({site.setting('parts')}, dim={axis})"


def _from_start(number: Num, size: Num) -> Num:
    return size + number if number.is_const and number.value < 0 else number


def _slice_shape(site: Site) -> Type:
    shape, axis = site.inputs[0].shape, _one(site, "over")
    size = shape[axis]
    start = _from_start(site.number("start"), size)
    stop = size if site.settings["stop"] is None else _from_start(site.number("stop"), size)
    site.positive(stop - start, f"nothing lies between {start} and {stop}")
    site.positive(size - stop + 1, f"the slice ends at {stop}, and the axis has size {size}")
    site.positive(start + 1, f"the slice starts at {start}, before the axis")
    return site.inputs[0].with_shape((*shape[:axis], stop - start, *shape[axis + 1 :]))


def _slice(site: TorchSite) -> str:
    start = "" if is_at(site.settings["start"], 0) else site.setting("start")
    stop = "" if site.settings["stop"] is None else site.setting("stop")
    simple = all(t.isidentifier() or t.lstrip("-").isdigit() or not t for t in (start, stop))
    inside = f"{start}:{stop}" if simple else f"{start} : {stop}".strip()
    return site.operand(0) + index_text(site.inputs[0].shape, axes_of(site)[0], inside)


def _without(site: Site) -> Type:
    shape, axis = site.inputs[0].shape, _one(site, "over")
    return site.inputs[0].with_shape((*shape[:axis], *shape[axis + 1 :]))


def _at_shape(site: Site) -> Type:
    size, index = site.inputs[0].shape[_one(site, "over")], site.number("index")
    site.whole(index, f"index is {index}, and must be whole")
    if index.is_const and size.is_const and not -size.value <= index.value < size.value:
        raise Misfit(f"index is {index}, and the axis has size {size}")
    return _without(site)


def _at(index: str) -> Callable[[TorchSite], str]:
    def write(site: TorchSite) -> str:
        inside = index or site.setting("index")
        return site.operand(0) + index_text(site.inputs[0].shape, axes_of(site)[0], inside)

    return write


def _gather_shape(site: Site) -> Type:
    x, index = site.inputs[0], site.inputs[1]
    axis = _one(site, "over")
    around = (*x.shape[:axis], *x.shape[axis + 1 :])
    if index.shape == around:
        return x.with_shape(around)
    if len(index.shape) == len(x.shape) and (*index.shape[:axis], *index.shape[axis + 1 :]) == around:
        return x.with_shape(index.shape)
    reason = f"index is {show_shape(index.shape)}, and x is {show_shape(x.shape)}"
    raise Misfit(
        reason,
        f"index must be {show_shape(around)}, or have that axis too; lookup(table, index) takes rows of a table",
    )


def _gather(site: TorchSite) -> str:
    x, index, axis = site.operand(0), site.operand(1), axes_of(site)[0]
    if len(site.inputs[1].shape) < len(site.inputs[0].shape):
        return f"{x}.gather({axis}, {index}.unsqueeze({axis})).squeeze({axis})"
    return f"{x}.gather({axis}, {index})"


def _lookup_shape(site: Site) -> Type:
    table, index = site.inputs
    if not table.shape or table.shape[0] == ELLIPSIS:
        raise Misfit("table needs a first axis, whose entries are looked up")
    if ELLIPSIS in table.shape and ELLIPSIS in index.shape:
        raise Misfit("'...' stands in the table and in the index", "name the axes of the table")
    return table.with_shape((*index.shape, *table.shape[1:]))


def _pad_shape(site: Site) -> Type:
    shape, axis = site.inputs[0].shape, _one(site, "over")
    if ELLIPSIS in shape[axis + 1 :]:
        raise Misfit("'...' stands after the axis to pad", "swap(x, a, b) brings the axis to the end")
    size = shape[axis] + site.number("before") + site.number("after")
    site.positive(size, f"nothing is left: the size is {size}")
    return site.inputs[0].with_shape((*shape[:axis], size, *shape[axis + 1 :]))


def _pad(site: TorchSite) -> str:
    axis = axes_of(site)[0]
    after = len(site.inputs[0].shape) - 1 - axis if axis >= 0 else -1 - axis
    amounts = ", ".join(["0, 0"] * after + [f"{site.setting('before')}, {site.setting('after')}"])
    value = "" if is_at(site.settings["value"], 0) else f", value={site.setting('value')}"
    return f"F.pad({site.operand(0)}, ({amounts}){value})"


def _pad_range(site: Site) -> Interval:
    value = site.number("value")
    return interval.union(of(site), (float(value.value),) * 2) if value.is_const else ANYTHING


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


def _op(
    name: str,
    doc: str,
    torch: str | Callable[[TorchSite], str],
    shape: Callable[[Site], Type | list[Type]],
    example: str,
    label: str = "",
    signature: str = "x: any -> any",
    **settings: object,
) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature=signature,
        torch=torch,
        settings=settings,
        shape=shape,
        range=keep,
        mark=Mark("box", label or name),
        example=example,
    )


LAST, GIVEN = Over(-1), Over(REQUIRED)

OPS = (
    _op(
        "reshape",
        "The values, in order, in another shape.",
        _reshape,
        _reshape_shape,
        "y = reshape(x, to = [batch, 2, 4])",
        "reshape {to}",
        to=REQUIRED,
    ),
    _op(
        "flatten",
        "The axes from `start` on made into one.",
        "{x}.flatten({start})",
        _flatten_shape,
        "y = flatten(x, 1)",
        start=1,
    ),
    _op("transpose", "The last two axes swapped.", "{x}.mT", _transpose_shape, "y = transpose(x)"),
    _op(
        "permute",
        "The axes in another order, given by their numbers.",
        lambda s: f"{s.operand(0)}.permute({', '.join(s.size(n) for n in numbers_of(s.settings['order']))})",
        _permute_shape,
        "y = permute(x, order = [1, 0])",
        "permute {order}",
        order=REQUIRED,
    ),
    _op(
        "swap",
        "Two axes swapped.",
        "{x}.transpose({a}, {b})",
        _swap_shape,
        "y = swap(x, 0, 1)",
        "swap {a} {b}",
        a=GIVEN,
        b=GIVEN,
    ),
    _op(
        "unsqueeze",
        "A new axis of size 1, at a place counted in the result.",
        "{x}.unsqueeze({at})",
        _unsqueeze_shape,
        "y = unsqueeze(x, 1)",
        at=-1,
    ),
    _op(
        "squeeze",
        "Axes of size 1 taken away.",
        lambda s: f"{s.operand(0)}.squeeze({axis_text(axes_of(s))})",
        _squeeze_shape,
        "y = squeeze(unsqueeze(x, 1), over = 1)",
        over=Over(REQUIRED, many=True),
    ),
    Op(
        name="concat",
        doc="Values joined along an axis; `[x, h]` joins along the last.",
        signature="x*: any -> any",
        torch="torch.cat([{inputs}], dim={over})",
        settings={"over": LAST},
        shape=_concat_shape,
        range=interval.all_inputs,
        mark=Mark("box", "concat over {over}", ordered=True),
        example="y = concat(x, x)",
    ),
    _op(
        "split",
        "Equal parts along an axis, or parts of given sizes.",
        _split,
        _split_shape,
        "y, z = split(x, 2)",
        "split {parts} over {over}",
        parts=REQUIRED,
        over=LAST,
    ),
    _op(
        "slice",
        "The values from `start` up to, and not with, `stop`; negative numbers count from the end.",
        _slice,
        _slice_shape,
        "y = slice(x, 2, 6)",
        "slice {start}:{stop} over {over}",
        start=0,
        stop=None,
        over=LAST,
    ),
    _op(
        "first",
        "The first value along an axis.",
        _at("0"),
        _without,
        "y = first(x, over = -1)",
        "first over {over}",
        over=GIVEN,
    ),
    _op(
        "last",
        "The last value along an axis.",
        _at("-1"),
        _without,
        "y = last(x, over = -1)",
        "last over {over}",
        over=GIVEN,
    ),
    _op(
        "at",
        "One value along an axis.",
        _at(""),
        _at_shape,
        "y = at(x, 3)",
        "at {index} over {over}",
        index=REQUIRED,
        over=LAST,
    ),
    Op(
        name="gather",
        doc="Along an axis, the values at the positions in `index`: one for each place, or several along that axis.",
        signature="x: any, index: int -> any",
        torch=_gather,
        settings={"over": LAST},
        shape=_gather_shape,
        range=keep,
        mark=Mark("box", "gather over {over}", ordered=True),
        example="y = gather(x, argmax(x))",
    ),
    Op(
        name="lookup",
        doc="The rows of a table at the positions in `index`.",
        signature="table: any, index: int -> any",
        torch="{table}[{index}]",
        shape=_lookup_shape,
        range=keep,
        mark=Mark("box", "lookup", ordered=True),
        example="y = lookup(eye(8), argmax(x))",
    ),
    Op(
        name="pad",
        doc="More values, all alike, before and after those along an axis.",
        signature="x: any -> any",
        torch=_pad,
        settings={"before": REQUIRED, "after": 0, "over": LAST, "value": 0},
        shape=_pad_shape,
        range=_pad_range,
        mark=Mark("box", "pad {before} {after} over {over}"),
        example="y = pad(x, 1, 1)",
    ),
    _op(
        "expand",
        "The values repeated along axes of size 1 and new first axes.",
        _expand,
        _expand_shape,
        "y = expand(unsqueeze(x, 1), to = [batch, 3, 8])",
        "expand {to}",
        to=REQUIRED,
    ),
    _op(
        "patches",
        "An image cut into square patches, row by row, each with its values in the order channel, row, column.",
        "F.unfold({x}, {size}, stride={size}).mT",
        _patches_shape,
        "y = patches(reshape(x, to = [batch, 2, 2, 2]), 2)",
        "patches {size}",
        "x: [batch channels height width] -> [batch patch values]",
        size=REQUIRED,
    ),
    _op(
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
