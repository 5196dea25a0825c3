"""Scaled dot-product attention: softmax(q kᵀ · scale) v, over one or more heads, with or without a mask."""

from __future__ import annotations

from archdsl.ir.num import Num
from archdsl.ir.types import Shape, Type, show_shape
from archdsl.ops.algebra import product
from archdsl.ops.base import SHARE, Interval, Mark, Misfit, Op, Site, TorchSite, Word, broadcast
from archdsl.ops.emit import factory, is_at, word_of
from archdsl.ops.interval import of


def _check(site: Site) -> None:
    """That keys and values belong together, and that heads share them evenly."""
    query, key, value = (t.shape for t in site.inputs[:3])
    heads = site.number("heads")
    site.positive(heads, f"heads is {heads}, and must be at least 1")
    for name, width in (("query", query[-1]), ("value", value[-1])):
        site.whole(width / heads, f"the {name}'s width, {width}, cannot be shared by {heads} heads")
    if len(site.inputs) > 3:
        _check_mask(site.inputs[3].shape, (*query[:-1], key[-2]))


def _check_mask(allowed: Shape, scores: Shape) -> None:
    hint = f"allowed must be {show_shape(scores[-2:])} or {show_shape(scores)}, or have size 1 in places"
    if len(allowed) < 2:
        raise Misfit(f"allowed is {show_shape(allowed)}, and needs an axis for queries and one for keys", hint)
    if broadcast(scores, allowed) != scores:
        raise Misfit(f"allowed is {show_shape(allowed)}, and the scores are {show_shape(scores)}", hint)


def _shape(site: Site) -> Type:
    _check(site)
    query, value = site.inputs[0].shape, site.inputs[2].shape
    return Type(shape=(*query[:-1], value[-1]))


def _macs(site: Site) -> Num:
    query, key, value = (t.shape for t in site.inputs[:3])
    return product(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _range(site: Site) -> Interval:
    """A mean of the values; dropout zeroes weights and makes the others larger."""
    if is_at(site.settings["dropout"], 0):
        return of(site, 2)
    low, high = of(site, 2)
    return (0.0 if low >= 0 else float("-inf"), 0.0 if high <= 0 else float("inf"))


def _split(site: TorchSite, index: int) -> str:
    """`[…, time, d]` to `[…, heads, time, d / heads]`."""
    if is_at(site.settings["heads"], 1):
        return site.operand(index)
    return f"{site.operand(index)}.unflatten(-1, ({site.setting('heads')}, -1)).transpose(-3, -2)"


def _mask(site: TorchSite) -> str:
    causal = word_of(site.settings["mask"]) == "causal"
    if len(site.inputs) < 4:
        return ", is_causal=True" if causal else ""
    allowed, shape = site.operand(3), site.inputs[3].shape
    if not is_at(site.settings["heads"], 1) and len(shape) > 2:
        allowed += ".unsqueeze(-3)"
    if causal:
        query, key = site.inputs[0].shape[-2], site.inputs[1].shape[-2]
        options = factory(site, float_kind=False) or f", device={site.operand(3)}.device"
        allowed += f" & torch.ones({site.size(query)}, {site.size(key)}, dtype=torch.bool{options}).tril()"
    return f", attn_mask={allowed}"


def _attention(site: TorchSite) -> str:
    dropout = (
        "" if is_at(site.settings["dropout"], 0) else f", dropout_p={site.setting('dropout')} if self.training else 0.0"
    )
    scale = "" if site.settings["scale"] is None else f", scale={site.setting('scale')}"
    operands = ", ".join(_split(site, i) for i in range(3))
    text = f"F.scaled_dot_product_attention({operands}{_mask(site)}{dropout}{scale})"
    return text if is_at(site.settings["heads"], 1) else f"{text}.transpose(-3, -2).flatten(-2)"


OPS = (
    Op(
        name="attention",
        doc="Each query's mean of the values, weighted by softmax over the keys of query · key · scale "
        "(scale = 1 / √width per head, if none is given). `mask = causal`: position i sees j ≤ i. `allowed` "
        "says what each query may see.",
        signature="query: [... t d], key: [... s d], value: [... s e], allowed?: bool -> [... t e]",
        torch=_attention,
        settings={"heads": 1, "mask": Word("none", "causal"), "scale": None, "dropout": 0},
        limits={"dropout": SHARE},
        shape=_shape,
        range=_range,
        macs=_macs,
        mark=Mark("attention", "attention", ordered=True),
        example="h = reshape(x, to = [batch, 2, 4])\ny = attention(h, h, h, heads = 2, mask = causal)",
    ),
)
