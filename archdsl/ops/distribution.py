"""Distributions that a program draws from: `z ~ Normal(mu, sigma) by reparameterisation`.

A distribution says the type of a draw, the interval that it lies in, the ways a gradient can pass, and how each way is
written in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.types import Shape, Type, show_shape
from archdsl.ops.base import ANYTHING, SHARE, Interval, Limits, Misfit, broadcast

Way = Literal["none", "reparameterisation", "score_function", "straight_through"]
INFINITY = float("inf")


class DrawSite(Protocol):
    """One draw as the PyTorch emitter sees it."""

    inputs: list[Type]
    outputs: list[Type]
    numbers: list[Num | None]
    gradient: Way
    device: str
    float_dtype: str
    like: str
    """A float input as Python, if there is one: new tensors live where it does."""
    like_shape: Shape

    def operand(self, index: int) -> str:
        """A parameter as a Python expression, in parentheses where it needs them."""

    def size(self, number: Num) -> str:
        """A size as Python, in the names that are in scope."""


@dataclass(frozen=True)
class Distribution:
    """One distribution."""

    name: str
    doc: str
    parameters: tuple[str, ...]
    torch: str
    """Constructor, with the parameters in braces: `torch.distributions.Normal({mean}, {std})`."""
    ways: tuple[Way, ...]
    """How a gradient can pass the draw; `none` where nothing is to be learned through it."""
    sample: Callable[[DrawSite], str]
    """The draw in PyTorch."""
    event: Callable[[Sequence[Type], Way], Type]
    """The type of a draw from the parameters' types. A declared shape must be one that this broadcasts to."""
    support: Callable[[Sequence[Interval]], Interval] = lambda _: ANYTHING
    """The interval of the draws, from those of the parameters."""
    limits: Limits = field(default_factory=dict)
    """What parameters must be, where they are numbers."""
    log_prob_kind: Literal["each", "last"] = "each"
    """`last`: the parameter's last axis holds the probabilities of one draw."""

    def type(self, parameters: Sequence[Type], way: Way, declared: Type | None = None) -> Type:
        """The type of a draw. Raises Misfit."""
        if way not in self.ways:
            raise Misfit(
                f"no gradient can pass a draw from {self.name} by {way.replace('_', ' ')}",
                "it can by " + " or ".join(self.ways[1:]),
            )
        drawn = self.event(parameters, way)
        if declared is None:
            return drawn
        if broadcast(declared.shape, drawn.shape) != declared.shape:
            raise Misfit(f"the parameters give {show_shape(drawn.shape)}, and the declared type is {declared}")
        if self.log_prob_kind == "last" and declared.shape != drawn.shape:
            raise Misfit(
                f"the probabilities give {drawn}, and the declared type is {declared}", "leave the declared type out"
            )
        return drawn.with_shape(declared.shape)

    def log_prob_type(self, z: Type, parameters: Sequence[Type]) -> Type:
        """The type of log_prob of a draw: one value for each draw. Raises Misfit."""
        if self.log_prob_kind == "last":
            shape = parameters[0].shape[:-1]
            if z.shape not in (shape, parameters[0].shape):
                raise Misfit(f"z is {z}, and the distribution draws int{show_shape(shape)}")
            return Type(shape=shape)
        shape = z.shape
        for p in parameters:
            shape = broadcast(shape, p.shape)
        return Type(shape=shape)

    def log_prob(self, z: str, texts: Sequence[str], z_type: Type, parameters: Sequence[Type]) -> str:
        """log_prob in PyTorch. A one-hot draw (straight-through) is told by its type."""
        if self.log_prob_kind == "last" and z_type.shape == parameters[0].shape:
            z = f"{z}.argmax(-1)"
        return f"{self.constructor(texts)}.log_prob({z})"

    def constructor(self, texts: Sequence[str]) -> str:
        return self.torch.format(**dict(zip(self.parameters, texts, strict=True)))


def _together(parameters: Sequence[Type], way: Way) -> Type:
    """The shape that all parameters broadcast to."""
    shape: Shape = ()
    for p in parameters:
        if p.dtype == "bool" or (p.dtype == "int" and p.shape):
            raise Misfit(f"a parameter is {p}, and must be float", "to_float(…) makes it float")
        shape = broadcast(shape, p.shape)
    return Type(shape=shape)


def _category(parameters: Sequence[Type], way: Way) -> Type:
    """A class number for each row of probabilities; by straight-through, a one-hot row."""
    (p,) = parameters
    if p.dtype != "float" or not p.shape or p.shape[-1] == ELLIPSIS:
        raise Misfit(f"p is {p}, and must be float with the probabilities of the classes on its last axis")
    return p if way == "straight_through" else Type(dtype="int", shape=p.shape[:-1])


def _noise(site: DrawSite, function: str) -> str:
    """Noise in the shape of the draw, like a parameter of that shape if there is one."""
    shape = site.outputs[0].shape
    for i, t in enumerate(site.inputs):
        if site.numbers[i] is None and t.shape == shape and t.dtype == "float" and site.operand(i).isidentifier():
            return f"torch.{function}_like({site.operand(i)})"
    if site.like and site.like_shape == shape:
        return f"torch.{function}_like({site.like})"
    device = f", device={site.device}" if site.device else ""
    dtype = f", dtype={site.float_dtype}" if site.float_dtype else ""
    if ELLIPSIS in shape:
        full = next((site.operand(i) for i, t in enumerate(site.inputs) if t.shape == shape), None)
        return f"torch.{function}_like({full or ' + '.join(site.operand(i) for i in range(len(site.inputs)))})"
    return f"torch.{function}({', '.join(map(site.size, shape)) or '()'}{device}{dtype})"


def _number(site: DrawSite, index: int) -> Num | None:
    return site.numbers[index]


def _scaled(site: DrawSite, shift: int, factor: str, noise: str) -> str:
    """`mean + std * noise`, without a zero and without a one; detached where no gradient goes through the draw."""
    scaled = noise if factor == "1" else f"{factor} * {noise}"
    text = scaled if _number(site, shift) == 0 else f"{site.operand(shift)} + {scaled}"
    learned = any(n is None for n in site.numbers)
    return f"({text}).detach()" if learned and site.gradient != "reparameterisation" else text


def _normal(site: DrawSite) -> str:
    return _scaled(site, 0, site.operand(1), _noise(site, "randn"))


def _uniform(site: DrawSite) -> str:
    low, high = _number(site, 0), _number(site, 1)
    if low is not None and high is not None:
        width = site.size(high - low)
    else:
        width = site.operand(1) if low == 0 else f"({site.operand(1)} - {site.operand(0)})"
    width = f"({width})" if any(c in width for c in "+-*/ ") and not width.startswith("(") else width
    return _scaled(site, 0, width, _noise(site, "rand"))


def _laplace(site: DrawSite) -> str:
    texts = [site.operand(i) for i in range(2)]
    shape = site.outputs[0].shape
    drawn = "rsample" if site.gradient == "reparameterisation" else "sample"
    if all(n is not None for n in site.numbers):
        count = ", ".join(map(site.size, shape)) + ("," if len(shape) == 1 else "")
        text = f"{LAPLACE.format(mean=_float(texts[0]), scale=_float(texts[1]))}.{drawn}(({count}))"
        return f"{text}.to({site.device})" if site.device else text
    constructor = LAPLACE.format(mean=texts[0], scale=texts[1])
    if broadcast(site.inputs[0].shape, site.inputs[1].shape) != shape:
        constructor += f".expand(({', '.join(map(site.size, shape))},))"
    return f"{constructor}.{drawn}()"


def _float(text: str) -> str:
    return f"{text}.0" if text.lstrip("-").isdigit() else text


UNSEEN = "validate_args=False"
"""No look at the values, for which a GPU would have to be waited for at every call, and which no graph can take."""
LAPLACE = f"torch.distributions.Laplace({{mean}}, {{scale}}, {UNSEEN})"
CATEGORICAL = f"torch.distributions.Categorical(probs={{p}}, {UNSEEN})"


def _bernoulli(site: DrawSite) -> str:
    p, shape = site.operand(0), site.outputs[0].shape
    if site.numbers[0] is not None or site.inputs[0].shape != shape:
        noise = _noise(site, "rand")
        kind = f".to({site.float_dtype})" if site.float_dtype else ".float()"
        drawn = f"({noise} < {p}){kind}"
    else:
        drawn = (
            f"torch.bernoulli({p})"
            if site.gradient in ("none", "straight_through")
            else f"torch.bernoulli({p}.detach())"
        )
    return _around(drawn, p) if site.gradient == "straight_through" else drawn


def _around(drawn: str, p: str) -> str:
    """The draw forwards, and the gradient as if it were p."""
    return f"{drawn}.detach() + ({p} - {p}.detach())"


def _categorical(site: DrawSite) -> str:
    p = site.operand(0)
    drawn = f"{CATEGORICAL.format(p=p)}.sample()"
    if site.gradient != "straight_through":
        return drawn
    size = site.size(site.inputs[0].shape[-1])
    return f"F.one_hot({drawn}, {size}) + ({p} - {p}.detach())"


def _between(ranges: Sequence[Interval]) -> Interval:
    return (ranges[0][0], ranges[1][1])


ALL: tuple[Distribution, ...] = (
    Distribution(
        name="Normal",
        doc="The normal (Gaussian) distribution with a mean and a standard deviation.",
        parameters=("mean", "std"),
        torch=f"torch.distributions.Normal({{mean}}, {{std}}, {UNSEEN})",
        limits={"std": ("positive",)},
        ways=("none", "reparameterisation", "score_function"),
        sample=_normal,
        event=_together,
    ),
    Distribution(
        name="Uniform",
        doc="The uniform distribution from `low` up to `high`.",
        parameters=("low", "high"),
        torch=f"torch.distributions.Uniform({{low}}, {{high}}, {UNSEEN})",
        limits={"high - low": ("positive",)},
        ways=("none", "reparameterisation", "score_function"),
        sample=_uniform,
        event=_together,
        support=_between,
    ),
    Distribution(
        name="Laplace",
        doc="The Laplace (double exponential) distribution with a mean and a scale.",
        parameters=("mean", "scale"),
        torch=LAPLACE,
        limits={"scale": ("positive",)},
        ways=("none", "reparameterisation", "score_function"),
        sample=_laplace,
        event=_together,
    ),
    Distribution(
        name="Bernoulli",
        doc="1 with probability p, else 0.",
        parameters=("p",),
        torch=f"torch.distributions.Bernoulli({{p}}, {UNSEEN})",
        limits={"p": SHARE},
        ways=("none", "score_function", "straight_through"),
        sample=_bernoulli,
        event=_together,
        support=lambda _: (0.0, 1.0),
    ),
    Distribution(
        name="Categorical",
        doc="A class number, with the probabilities on the last axis of p; by straight-through, a one-hot row.",
        parameters=("p",),
        torch=CATEGORICAL,
        ways=("none", "score_function", "straight_through"),
        sample=_categorical,
        event=_category,
        support=lambda _: (0.0, INFINITY),
        log_prob_kind="last",
    ),
)

DISTRIBUTIONS: Mapping[str, Distribution] = {d.name: d for d in ALL}
