"""Ops on the path of gradients: stopped, reversed, supplied by another value, taken as a value; log_prob; the modes."""

from __future__ import annotations

from archdsl.ir.types import Type, show_shape
from archdsl.ops import interval
from archdsl.ops.base import REQUIRED, Mark, Misfit, Op, Site, TorchSite
from archdsl.ops.distribution import DISTRIBUTIONS
from archdsl.ops.emit import word_of
from archdsl.ops.interval import keep

REVERSE = '''
def reverse_gradient(x: Tensor, scale: float | Tensor = 1.0) -> Tensor:
    """x itself; its gradient is multiplied by -scale on the way back."""
    return x.detach() - scale * (x - x.detach())
'''

SUPPLY = '''
def supply_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """x itself; on the way back its gradient is the one supplied, whatever comes from above."""
    # a view, so that the gradient of the result itself is still what comes from above
    inner = x.view_as(x)
    if inner.requires_grad:
        register: Any = inner.register_hook
        register(lambda above: gradient.detach())
    return inner.view_as(inner)
'''


def _alike(site: Site) -> Type:
    x, g = site.inputs
    if x.shape != g.shape:
        raise Misfit(
            f"x is {show_shape(x.shape)} and its gradient is {show_shape(g.shape)}",
            "a gradient has the shape of what it belongs to",
        )
    return x


def _gradient_shape(site: Site) -> Type:
    loss, h = site.inputs
    if loss.shape:
        raise Misfit(
            f"a loss is a scalar, and this one is {show_shape(loss.shape)}", "sum(…) or mean(…) makes a scalar of it"
        )
    return h


def _by_mode_shape(site: Site) -> Type:
    training, evaluation = site.inputs
    if training != evaluation:
        raise Misfit(f"in training it is {training}, and in evaluation {evaluation}", "both must be of the same type")
    return training


def _log_prob_shape(site: Site) -> Type:
    name = word_of(site.settings["distribution"])
    if name not in DISTRIBUTIONS:
        raise Misfit(f"no distribution is named {name}")
    distribution = DISTRIBUTIONS[name]
    if len(site.inputs) != 1 + len(distribution.parameters):
        raise Misfit(f"{name} has {len(distribution.parameters)} parameters, and {len(site.inputs) - 1} are given")
    return distribution.log_prob_type(site.inputs[0], site.inputs[1:])


def _log_prob(site: TorchSite) -> str:
    distribution = DISTRIBUTIONS[word_of(site.settings["distribution"])]
    texts = [site.operand(i) for i in range(1, len(site.inputs))]
    return distribution.log_prob(site.operand(0), texts, site.inputs[0], site.inputs[1:])


def _reverse(site: TorchSite) -> str:
    scale = f", {site.operand(1)}" if len(site.inputs) > 1 else ""
    return f"reverse_gradient({site.operand(0)}{scale})"


OPS = (
    Op(
        name="stop_gradient",
        doc="x, through which no gradient flows back.",
        signature="x: any[...] -> any[...]",
        torch="{x}.detach()",
        range=keep,
        gate="through",
        mark=Mark("operator", "∥ stop gradient"),
        example="y = stop_gradient(x)",
    ),
    Op(
        name="reverse_gradient",
        doc="x, whose gradient is multiplied by -scale on the way back.",
        signature="x: [...], scale?: [] -> [...]",
        torch=_reverse,
        range=keep,
        gate="through",
        mark=Mark("operator", "gradient × −λ", ordered=True, ports=("x", "λ")),
        helper=REVERSE,
        example="y = reverse_gradient(x, 0.5)",
    ),
    Op(
        name="supply_gradient",
        doc="x, whose gradient is g, whatever comes from above.",
        signature="x: float, g: float -> float",
        torch="supply_gradient({x}, {g})",
        shape=_alike,
        range=keep,
        mark=Mark("operator", "gradient supplied", ordered=True),
        helper=SUPPLY,
        example="y = supply_gradient(x, tanh(x))",
    ),
    Op(
        name="gradient",
        doc="The gradient of a loss with respect to a value on its path; in `train` only.",
        signature="loss: float, h: float -> float",
        torch="torch.autograd.grad({loss}, {h}, retain_graph=True)[0]",
        shape=_gradient_shape,
        mark=Mark("box", "gradient", ordered=True),
        example="",
    ),
    Op(
        name="log_prob",
        doc="The logarithm of the probability (or density) of a drawn value under its distribution.",
        signature="z: any, parameters*: any -> float",
        torch=_log_prob,
        settings={"distribution": REQUIRED},
        shape=_log_prob_shape,
        mark=Mark("box", "log p {distribution}", ordered=True),
        example="",
    ),
    Op(
        name="by_mode",
        doc="One value in training, another in evaluation.",
        signature="training: any, evaluation: any -> any",
        torch="{training} if self.training else {evaluation}",
        shape=_by_mode_shape,
        range=interval.all_inputs,
        gate="through",
        mark=Mark("box", "by mode", ordered=True),
        example="y = by_mode(training = tanh(x), evaluation = x)",
    ),
)
