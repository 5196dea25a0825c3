"""Ops that take, join and pad values along an axis."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.ir.num import ELLIPSIS, ZERO, Num
from archdsl.ir.program import Numbers
from archdsl.ir.types import Type, show_shape
from archdsl.ops import interval
from archdsl.ops.base import ANYTHING, REQUIRED, Interval, Mark, Misfit, Op, Over, Site, TorchSite
from archdsl.ops.emit import axes_of, index_text, is_at, sizes
from archdsl.ops.interval import keep, of
from archdsl.ops.shape import moved, one_axis


def _concat_shape(site: Site) -> Type:
    kinds = {t.dtype for t in site.inputs}
    if len(kinds) > 1:
        raise Misfit(
            f"the inputs are of different kinds: {', '.join(sorted(kinds))}", "to_float(…) makes one kind of them"
        )
    first = site.inputs[0].shape
    if not first:
        raise Misfit("a scalar has no axis to join along", "unsqueeze(x) gives it one")
    axis = one_axis(site, "over") - len(first)
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
    shape, axis = site.inputs[0].shape, one_axis(site, "over")
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
    shape, axis = site.inputs[0].shape, one_axis(site, "over")
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
    shape, axis = site.inputs[0].shape, one_axis(site, "over")
    return site.inputs[0].with_shape((*shape[:axis], *shape[axis + 1 :]))


def _at_shape(site: Site) -> Type:
    size, index = site.inputs[0].shape[one_axis(site, "over")], site.number("index")
    site.whole(index, f"index is {index}, and must be whole")
    if index.is_const and size.is_const and not -size.value <= index.value < size.value:
        raise Misfit(f"index is {index}, and the axis has size {size}")
    if index.is_const and size != ELLIPSIS:
        site.positive(size - index if index.value >= 0 else size + index + 1, "")
    return _without(site)


def _at(index: str) -> Callable[[TorchSite], str]:
    def write(site: TorchSite) -> str:
        inside = index or site.setting("index")
        return site.operand(0) + index_text(site.inputs[0].shape, axes_of(site)[0], inside)

    return write


def _gather_shape(site: Site) -> Type:
    x, index = site.inputs[0], site.inputs[1]
    axis = one_axis(site, "over")
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


def _lookup(site: TorchSite) -> str:
    """Indexing, but by `take` or `index_select` where one row is wanted: a scalar index would be read as a number."""
    table, index = site.operand(0), site.operand(1)
    if site.inputs[1].shape:
        return f"{table}[{index}]"
    if len(site.inputs[0].shape) == 1:
        return f"{table}.take({index})"
    return f"{table}.index_select(0, {index}.unsqueeze(0)).squeeze(0)"


def _pad_shape(site: Site) -> Type:
    shape, axis = site.inputs[0].shape, one_axis(site, "over")
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


OPS = (
    Op(
        name="concat",
        doc="Values joined along an axis; `[x, h]` joins along the last.",
        signature="x*: any -> any",
        torch="torch.cat([{inputs}], dim={over})",
        settings={"over": Over(-1)},
        shape=_concat_shape,
        range=interval.all_inputs,
        gate="through",
        mark=Mark("box", "concat over {over}", ordered=True),
        example="y = concat(x, x)",
    ),
    moved(
        "split",
        "Equal parts along an axis, or parts of given sizes.",
        _split,
        _split_shape,
        "y, z = split(x, 2)",
        "split {parts} over {over}",
        parts=REQUIRED,
        over=Over(-1),
    ),
    moved(
        "slice",
        "The values from `start` up to, and not with, `stop`; negative numbers count from the end.",
        _slice,
        _slice_shape,
        "y = slice(x, 2, 6)",
        "slice {start}:{stop} over {over}",
        start=0,
        stop=None,
        over=Over(-1),
    ),
    moved(
        "first",
        "The first value along an axis.",
        _at("0"),
        _without,
        "y = first(x, over = -1)",
        "first over {over}",
        over=Over(REQUIRED),
    ),
    moved(
        "last",
        "The last value along an axis.",
        _at("-1"),
        _without,
        "y = last(x, over = -1)",
        "last over {over}",
        over=Over(REQUIRED),
    ),
    moved(
        "at",
        "One value along an axis.",
        _at(""),
        _at_shape,
        "y = at(x, 3)",
        "at {index} over {over}",
        index=REQUIRED,
        over=Over(-1),
    ),
    Op(
        name="gather",
        doc="Along an axis, the values at the positions in `index`: one for each place, or several along that axis.",
        signature="x: any, index: int -> any",
        torch=_gather,
        settings={"over": Over(-1)},
        shape=_gather_shape,
        range=keep,
        gate="through",
        mark=Mark("box", "gather over {over}", ordered=True),
        example="y = gather(x, argmax(x))",
    ),
    Op(
        name="lookup",
        doc="The rows of a table at the positions in `index`.",
        signature="table: any, index: int -> any",
        torch=_lookup,
        shape=_lookup_shape,
        range=keep,
        gate="through",
        mark=Mark("box", "lookup", ordered=True),
        example="y = lookup(eye(8), argmax(x))",
    ),
    Op(
        name="pad",
        doc="More values, all alike, before and after those along an axis.",
        signature="x: any -> any",
        torch=_pad,
        settings={"before": REQUIRED, "after": 0, "over": Over(-1), "value": 0},
        shape=_pad_shape,
        range=_pad_range,
        gate="through",
        mark=Mark("box", "pad {before} before, {after} after over {over}"),
        example="y = pad(x, 1, 1)",
    ),
)
