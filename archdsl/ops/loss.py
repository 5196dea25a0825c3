"""Losses: how far a prediction is from its target, as the mean over all values unless `reduction` says otherwise."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.ir.num import ELLIPSIS
from archdsl.ir.types import Shape, Type, show_shape
from archdsl.ops.base import SHARE, Mark, Misfit, Op, Site, TorchSite, Word, broadcast
from archdsl.ops.emit import is_at, keywords, word_of
from archdsl.ops.interval import NATURAL

REDUCTION = Word("mean", "sum", "none")


def _reduced(site: Site, shape: Shape) -> Type:
    return Type(shape=shape if site.word("reduction") == "none" else ())


def _class_shape(site: Site) -> Type:
    scores, target = site.inputs
    if not scores.shape or scores.shape[-1] == ELLIPSIS:
        raise Misfit("the last axis holds a score for each class, and it is not known", "name it: [..., classes]")
    if scores.shape[:-1] != target.shape:
        reason = f"target is {target} and must be int{show_shape(scores.shape[:-1])}"
        raise Misfit(reason, "the target is one class number for each row of scores")
    return _reduced(site, target.shape)


def _class_loss(function: str) -> Callable[[TorchSite], str]:
    """torch has the classes on axis 1, the language on the last; so leading axes are joined."""

    def write(site: TorchSite) -> str:
        x, target, shape = site.operand(0), site.operand(1), site.inputs[0].shape
        renamed = keywords(site, ignore=None, **({"smoothing": 0} if "smoothing" in site.settings else {}))
        more = renamed.replace("ignore=", "ignore_index=").replace("smoothing=", "label_smoothing=") + keywords(
            site, reduction=REDUCTION
        )
        if len(shape) <= 2 and ELLIPSIS not in shape:
            return f"{function}({x}, {target}{more})"
        text = f"{function}({x}.reshape(-1, {site.size(shape[-1])}), {target}.reshape(-1){more})"
        if ELLIPSIS not in shape:
            text = f"{function}({x}.flatten(0, -2), {target}.flatten(){more})"
        return f"{text}.view_as({target})" if word_of(site.settings["reduction"]) == "none" else text

    return write


def _pair_shape(site: Site) -> Type:
    a, b = (t.shape for t in site.inputs)
    if a and b and len(a) != len(b):  # broadcasting here compares everything with everything, silently
        raise Misfit(f"{show_shape(a)} is compared with {show_shape(b)}", "squeeze(…) or unsqueeze(…) makes them alike")
    return _reduced(site, broadcast(site.inputs[0].shape, site.inputs[1].shape))


def _target_shape(site: Site) -> Type:
    x, target = site.inputs
    if target.shape and broadcast(x.shape, target.shape) != x.shape:
        raise Misfit(f"target is {show_shape(target.shape)} and x is {show_shape(x.shape)}")
    return _reduced(site, x.shape)


def _binary_loss(function: str) -> Callable[[TorchSite], str]:
    """torch wants the target in full, so numbers and smaller targets are filled out."""

    def write(site: TorchSite) -> str:
        x, target = site.operand(0), site.operand(1)
        if site.numbers[1] is not None:
            filled = {"0": f"torch.zeros_like({x})", "1": f"torch.ones_like({x})"}
            target = filled.get(str(site.numbers[1]), f"torch.full_like({x}, {target})")
        elif site.inputs[0].shape != site.inputs[1].shape:
            target = f"{target}.expand_as({x})"
        return f"{function}({x}, {target}{keywords(site, reduction=REDUCTION)})"

    return write


def _distance(function: str, method: str) -> Callable[[TorchSite], str]:
    """The library's function for equal shapes, else the same by hand, which broadcasts."""

    def write(site: TorchSite) -> str:
        a, b = site.operand(0), site.operand(1)
        if site.inputs[0].shape == site.inputs[1].shape and site.numbers[0] is None is site.numbers[1]:
            return f"{function}({a}, {b}{keywords(site, reduction=REDUCTION)})"
        apart = f"{a}.{method}()" if is_at(site.numbers[1], 0) else f"({a} - {b}).{method}()"
        reduction = word_of(site.settings["reduction"])
        return apart if reduction == "none" else f"{apart}.{reduction}()"

    return write


def _loss(
    name: str,
    doc: str,
    signature: str,
    torch: Callable[[TorchSite], str],
    shape: Callable[[Site], Type],
    example: str,
    **settings: object,
) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature=signature,
        torch=torch,
        settings={**settings, "reduction": REDUCTION},
        limits={"smoothing": SHARE} if "smoothing" in settings else {},
        shape=shape,
        range=NATURAL,
        mark=Mark("box", name.replace("_", " "), ordered=True),
        example=example,
    )


OPS = (
    _loss(
        "cross_entropy",
        "-log softmax(logits) at the target's class, over the last axis; a target of `ignore` does not count.",
        "logits: float, target: int -> float",
        _class_loss("F.cross_entropy"),
        _class_shape,
        "y = cross_entropy(x, argmin(x))",
        ignore=None,
        smoothing=0,
    ),
    _loss(
        "nll",
        "-logp at the target's class, over the last axis; logp holds logarithms of probabilities.",
        "logp: float, target: int -> float",
        _class_loss("F.nll_loss"),
        _class_shape,
        "y = nll(log_softmax(x), argmin(x))",
        ignore=None,
    ),
    _loss(
        "bce",
        "Binary cross-entropy, -t log p - (1 - t) log(1 - p), of probabilities p.",
        "p: float, target: float -> float",
        _binary_loss("F.binary_cross_entropy"),
        _target_shape,
        "y = bce(sigmoid(x), 1)",
    ),
    _loss(
        "bce_with_logits",
        "Binary cross-entropy of σ(x), computed without overflow.",
        "x: float, target: float -> float",
        _binary_loss("F.binary_cross_entropy_with_logits"),
        _target_shape,
        "y = bce_with_logits(x, 1)",
    ),
    _loss(
        "mse",
        "The squared difference.",
        "a: float, b: float -> float",
        _distance("F.mse_loss", "square"),
        _pair_shape,
        "y = mse(x, tanh(x))",
    ),
    _loss(
        "l1",
        "The absolute difference.",
        "a: float, b: float -> float",
        _distance("F.l1_loss", "abs"),
        _pair_shape,
        "y = l1(x, tanh(x))",
    ),
)
