"""Convolutions (cross-correlations, as all libraries have them) and pooling, over one to three axes after the channels.

An axis of size n becomes floor((n + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, symbolically. Leading axes
before the channels may be several, or `...`: all are one batch.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.ir.functions import floor
from archdsl.ir.num import ELLIPSIS, ONE, Num
from archdsl.ir.program import Choice
from archdsl.ir.types import Shape, Type, show_shape
from archdsl.ops.algebra import product
from archdsl.ops.base import REQUIRED, Either, Interval, MadeSite, Mark, Misfit, Op, RangeRule, Site, TorchSite
from archdsl.ops.emit import is_at, keywords, numbers_of, word_of
from archdsl.ops.interval import keep, of, union

AXES = {1: "[..., channels, length]", 2: "[..., channels, height, width]", 3: "[..., channels, depth, height, width]"}


def _whole_positive(site: Site, name: str, number: Num, least: int = 1) -> None:
    site.whole(number, f"{name} is {number}, and must be whole")
    if number.is_const and number.value < least:
        raise Misfit(f"{name} is {number}, and must be at least {least}")


def _spatial(site: Site, dims: int) -> tuple[Shape, Num, Shape]:
    """The leading axes, the channels and the axes that a window moves over."""
    shape = site.inputs[0].shape
    if len(shape) < dims + 2 or ELLIPSIS in shape[-dims - 1 :]:
        hint = "unsqueeze(x, 1) adds an axis for one channel" if len(shape) == dims + 1 else ""
        raise Misfit(f"x is {show_shape(shape)} and must be {AXES[dims]} with a batch axis", hint)
    return shape[: -dims - 1], shape[-dims - 1], shape[-dims:]


def _settings(site: Site, names: tuple[str, ...], dims: int) -> list[list[Num]]:
    found = []
    for name in names:
        values = site.pair(name, dims)
        for value in values:
            _whole_positive(site, name, value, 0 if "padding" in name else 1)
        found.append(values)
    return found


def _windows(size: Num, kernel: Num, stride: Num, padding: Num, dilation: Num, site: Site) -> Num:
    """The number of places that a window takes."""
    room = size + 2 * padding - dilation * (kernel - 1)
    site.positive(room, f"a window of {dilation * (kernel - 1) + 1} does not fit into {size + 2 * padding}")
    return floor((room - 1) / stride) + 1


def _groups(site: Site, channels_in: Num) -> None:
    channels, groups = site.number("channels"), site.number("groups")
    _whole_positive(site, "channels", channels)
    _whole_positive(site, "groups", groups)
    site.whole(channels_in / groups, f"{channels_in} input channels cannot be split into {groups} groups")
    site.whole(channels / groups, f"{channels} channels cannot be split into {groups} groups")


def _conv_shape(dims: int) -> Callable[[Site], Type]:
    def shape(site: Site) -> Type:
        lead, channels_in, sizes = _spatial(site, dims)
        kernel, stride, dilation = _settings(site, ("kernel", "stride", "dilation"), dims)
        _groups(site, channels_in)
        site.sizes["channels_in"] = channels_in
        padding = site.settings["padding"]
        if isinstance(padding, Choice):
            moved = _kept(sizes, stride, padding.word)
        else:
            (pads,) = _settings(site, ("padding",), dims)
            moved = [
                _windows(n, k, s, p, d, site)
                for n, k, s, p, d in zip(sizes, kernel, stride, pads, dilation, strict=True)
            ]
        return Type(shape=(*lead, site.number("channels"), *moved))

    return shape


def _kept(sizes: Shape, stride: list[Num], word: str) -> list[Num]:
    """The sizes with padding `same` or `causal`."""
    if word == "same" and any(s != ONE for s in stride):
        raise Misfit("padding = same needs stride 1", "give the padding as a number")
    return [floor((n - 1) / s) + 1 for n, s in zip(sizes, stride, strict=True)]


def _transposed_shape(dims: int) -> Callable[[Site], Type]:
    def shape(site: Site) -> Type:
        lead, channels_in, sizes = _spatial(site, dims)
        kernel, stride, padding, extra = _settings(site, ("kernel", "stride", "padding", "output_padding"), dims)
        _whole_positive(site, "channels", site.number("channels"))
        site.sizes["channels_in"] = channels_in
        grown = [
            (n - 1) * s - 2 * p + k + e for n, s, p, k, e in zip(sizes, stride, padding, kernel, extra, strict=True)
        ]
        for n, e, s in zip(grown, extra, stride, strict=True):
            site.positive(n, f"nothing is left: the size is {n}")
            if e.is_const and s.is_const and e.value >= s.value:
                raise Misfit(f"output_padding is {e}, and must be less than the stride, {s}")
        return Type(shape=(*lead, site.number("channels"), *grown))

    return shape


def _conv_weights(dims: int) -> Callable[[Site], dict[str, Shape]]:
    def weights(site: Site) -> dict[str, Shape]:
        channels, kernel = site.number("channels"), site.pair("kernel", dims)
        shapes: dict[str, Shape] = {"weight": (channels, site.sizes["channels_in"] / site.number("groups"), *kernel)}
        return {**shapes, "bias": (channels,)} if site.settings["bias"] is not False else shapes

    return weights


def _transposed_weights(dims: int) -> Callable[[Site], dict[str, Shape]]:
    def weights(site: Site) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {
            "weight": (site.sizes["channels_in"], site.number("channels"), *site.pair("kernel", dims))
        }
        return {**shapes, "bias": (site.number("channels"),)} if site.settings["bias"] is not False else shapes

    return weights


def _conv_macs(dims: int) -> Callable[[Site], Num]:
    rule = _conv_shape(dims)

    def macs(site: Site) -> Num:
        per_value = site.inputs[0].shape[-dims - 1] / site.number("groups") * product(site.pair("kernel", dims))
        return rule(site).elements * per_value

    return macs


def _transposed_macs(dims: int) -> Callable[[Site], Num]:
    return lambda site: site.inputs[0].elements * site.number("channels") * product(site.pair("kernel", dims))


def _conv_init(dims: int, transposed: bool = False) -> Callable[[MadeSite], str]:
    """`nn.Conv2d(3, 64, 7, stride=2, padding=3)`."""

    def write(site: MadeSite) -> str:
        kind = "ConvTranspose" if transposed else "Conv"
        sizes = f"{site.size(site.sizes['channels_in'])}, {site.setting('channels')}, {site.setting('kernel')}"
        text = f"nn.{kind}{dims}d({sizes}"
        padding = "" if word_of(site.settings["padding"]) == "causal" else keywords(site, padding=0)
        more = keywords(site, output_padding=0) if transposed else keywords(site, dilation=1, groups=1)
        return text + keywords(site, stride=1) + padding + more + keywords(site, bias=True) + ")"

    return write


def _causal_pad(site: TorchSite) -> str:
    """How many zeros come before the first value: dilation (kernel - 1)."""
    (kernel,), (dilation,) = numbers_of(site.settings["kernel"]), numbers_of(site.settings["dilation"])
    return site.size(dilation * (kernel - 1))


def batched(site: TorchSite, dims: int, function: Callable[[str], str]) -> str:
    """A call that takes one batch axis, for any leading axes."""
    x, shape = site.operand(0), site.inputs[0].shape
    lead = shape[: -dims - 1]
    if len(lead) == 1 and ELLIPSIS not in lead:
        return function(x)
    if ELLIPSIS not in lead:
        return f"{function(f'{x}.flatten(0, {-dims - 2})')}.unflatten(0, ({', '.join(map(site.size, lead))}))"
    flat = f"{x}.reshape(-1, *{x}.shape[{-dims - 1}:])"
    new = ", ".join(site.size(n) for n in site.outputs[0].shape[-dims - 1 :])
    return f"{function(flat)}.reshape(*{x}.shape[:{-dims - 1}], {new})"


def _conv(dims: int) -> Callable[[TorchSite], str]:
    def write(site: TorchSite) -> str:
        if word_of(site.settings.get("padding")) == "causal":
            return batched(site, dims, lambda x: f"{site.module}(F.pad({x}, ({_causal_pad(site)}, 0)))")
        return batched(site, dims, lambda x: f"{site.module}({x})")

    return write


def _moved(dims: int) -> str:
    return f"the last {'axis' if dims == 1 else f'{dims} axes'} of {AXES[dims]}"


def _example(dims: int) -> str:
    """One channel of eight values."""
    return f"reshape(x, to = [batch, {'1, ' * dims}8])"


def _kernel(dims: int, width: int) -> str:
    return str([1] * (dims - 1) + [width]) if dims > 1 else str(width)


def _conv_op(dims: int) -> Op:
    words = ("same", "causal") if dims == 1 else ("same",)
    return Op(
        name=f"Conv{dims}d",
        doc=f"Convolution over {_moved(dims)}, with kernels of all channels of a group, not flipped (cross-correlation)."
        + (" `padding = causal` sees no later value." if dims == 1 else ""),
        signature="x: float -> float",
        torch=_conv(dims),
        settings={
            "channels": REQUIRED,
            "kernel": REQUIRED,
            "stride": 1,
            "padding": Either(0, *words),
            "dilation": 1,
            "groups": 1,
            "bias": True,
        },
        weight_shapes=_conv_weights(dims),
        weights={"weight": "", "bias": ""},
        init=_conv_init(dims),
        shape=_conv_shape(dims),
        macs=_conv_macs(dims),
        mark=Mark("rounded", f"Conv{dims}d {{channels}}, {{kernel}}"),
        example=f"y = {_example(dims)} -> Conv{dims}d(4, {_kernel(dims, 3)})",
    )


def _transposed_op(dims: int) -> Op:
    return Op(
        name=f"ConvTranspose{dims}d",
        doc=f"Transposed convolution over {_moved(dims)}: each value spreads a kernel.",
        signature="x: float -> float",
        torch=_conv(dims),
        settings={
            "channels": REQUIRED,
            "kernel": REQUIRED,
            "stride": 1,
            "padding": 0,
            "output_padding": 0,
            "bias": True,
        },
        weight_shapes=_transposed_weights(dims),
        weights={"weight": "", "bias": ""},
        init=_conv_init(dims, transposed=True),
        shape=_transposed_shape(dims),
        macs=_transposed_macs(dims),
        mark=Mark("rounded", f"ConvTranspose{dims}d {{channels}}, {{kernel}}"),
        example=f"y = {_example(dims)} -> ConvTranspose{dims}d(4, 2, stride = 2)",
    )


def _pool_shape(dims: int) -> Callable[[Site], Type]:
    def shape(site: Site) -> Type:
        lead, channels, sizes = _spatial(site, dims)
        kernel, padding = _settings(site, ("kernel", "padding"), dims)
        stride = kernel if site.settings["stride"] is None else _settings(site, ("stride",), dims)[0]
        for k, p in zip(kernel, padding, strict=True):
            if k.is_const and p.is_const and 2 * p.value > k.value:
                raise Misfit(f"padding is {p}, and may be at most half of the kernel, {k}")
        moved = [_windows(n, k, s, p, ONE, site) for n, k, s, p in zip(sizes, kernel, stride, padding, strict=True)]
        return Type(shape=(*lead, channels, *moved))

    return shape


def _pool(name: str, dims: int) -> Callable[[TorchSite], str]:
    def write(site: TorchSite) -> str:
        same = site.settings["stride"] in (None, site.settings["kernel"])
        more = ("" if same else f", stride={site.setting('stride')}") + keywords(site, padding=0)
        return batched(site, dims, lambda x: f"F.{name}{dims}d({x}, {site.setting('kernel')}{more})")

    return write


def _averaged(site: Site) -> Interval:
    """Padding counts as zeros."""
    return of(site) if is_at(site.settings["padding"], 0) else union(of(site), (0.0, 0.0))


def _pool_op(name: str, word: str, dims: int, range: RangeRule) -> Op:
    return Op(
        name=f"{name}{dims}d",
        doc=f"The {word} of each window over {_moved(dims)}; the stride is the kernel's size, if none is given.",
        signature="x: float -> float",
        torch=_pool(name, dims),
        settings={"kernel": REQUIRED, "stride": None, "padding": 0},
        shape=_pool_shape(dims),
        range=range,
        mark=Mark("box", f"{word} pool {dims}d {{kernel}}"),
        example=f"y = {name}{dims}d({_example(dims)}, {_kernel(dims, 2)})",
    )


OPS = (
    *(_conv_op(dims) for dims in (1, 2, 3)),
    *(_transposed_op(dims) for dims in (1, 2)),
    *(_pool_op("max_pool", "max", dims, keep) for dims in (1, 2, 3)),
    *(_pool_op("avg_pool", "mean", dims, _averaged) for dims in (1, 2, 3)),
)
