"""Agreement with plain NumPy: the layers of the papers whose systems no package has, one equation each, and their gradients by differences.

`agree_plainly` gives a reference the compiled module's own tensors as NumPy arrays, by name. Outputs are compared to 1e-10. Gradients are
compared along random directions of each tensor with central differences of the reference, so that the reference needs none of its own.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from agreement import _all_seen, enlarge, tensors
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

Array = np.ndarray
Arrays = dict[str, Array]
Plain = Callable[..., Any]


# -- layers -----------------------------------------------------------------------------------------------------------
def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    return np.log1p(np.exp(x))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def cosine(a: Array, b: Array) -> Array:
    """Similarity along the last axis."""
    return (a * b).sum(-1) / (np.sqrt((a**2).sum(-1)) * np.sqrt((b**2).sum(-1)))


class Layers:
    """The arrays of a module: `w("step.y", x)` is the affine map of that name, `w["step.A"]` an array."""

    def __init__(self, arrays: Arrays, base: str = ""):
        self.arrays, self.base = arrays, base

    def __getitem__(self, name: str) -> Array:
        return self.arrays[self.base + name]

    def __call__(self, name: str, x: Array) -> Array:
        return x @ self[f"{name}.weight"].T + self[f"{name}.bias"]

    def inner(self, name: str) -> "Layers":
        return Layers(self.arrays, f"{self.base}{name}.")

    def conv(self, name: str, x: Array, stride: int = 1) -> Array:
        """Cross-correlation with a 3 × 3 kernel; the border is filled up with zeros."""
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::stride, ::stride]
        maps = np.einsum("bchwij,ocij->bohw", windows, self[f"{name}.weight"])
        bias = self.arrays.get(f"{self.base}{name}.bias")
        return maps if bias is None else maps + bias[:, None, None]

    def norm(self, name: str, x: Array, training: bool) -> Array:
        """Batch normalisation of feature maps, with the batch's statistics or the running ones."""
        mean = x.mean((0, 2, 3)) if training else self[f"{name}.running_mean"]
        spread = x.var((0, 2, 3)) if training else self[f"{name}.running_var"]
        weight, bias, mean, spread = (
            v[:, None, None] for v in (self[f"{name}.weight"], self[f"{name}.bias"], mean, spread)
        )
        return weight * (x - mean) / np.sqrt(spread + 1e-5) + bias

    def lstm(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """One step, with one matrix to a gate for what comes in and what came before."""
        both = np.concatenate([x, h], -1)
        c = sigmoid(self("f", both)) * c + sigmoid(self("i", both)) * np.tanh(self("g", both))
        return sigmoid(self("o", both)) * np.tanh(c), c


# -- agreement --------------------------------------------------------------------------------------------------------
def arrays_of(module: nn.Module) -> Arrays:
    """All that the module holds, in float64."""
    return {n: v.detach().double().numpy().copy() for n, v in module.state_dict().items()}


def agree_plainly(
    module: nn.Module,
    reference: Plain,
    inputs: Sequence[torch.Tensor],
    *,
    scale: float = 1.0,
    training: bool = False,
    unseen: Sequence[str] = (),
) -> None:
    """Compare `module(*inputs)` with `reference(Layers, *inputs)` in float64: outputs, and gradients by every parameter and input."""
    enlarge(module, scale)
    module.double().train(training)
    leaves = [x.double().requires_grad_() if x.is_floating_point() else x for x in inputs]
    held = arrays_of(module)
    theirs = _outputs(reference, held, leaves)
    ours = tensors(module(*leaves))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=1e-10, atol=1e-10)
    _compare_gradients(module, reference, held, leaves, ours)
    _all_seen(module, [x.detach() for x in leaves], unseen)


def _outputs(reference: Plain, arrays: Arrays, inputs: Sequence[torch.Tensor]) -> list[Array]:
    found = reference(Layers(arrays), *(x.detach().numpy() for x in inputs))
    return [found] if isinstance(found, np.ndarray) else list(found)


def _compare_gradients(
    module: nn.Module, reference: Plain, held: Arrays, inputs: list[torch.Tensor], ours: list[torch.Tensor]
) -> None:
    draw = np.random.default_rng(2)
    factors = [draw.normal(size=o.shape) / max(o.numel(), 1) ** 0.5 for o in ours]
    loss = sum((torch.tensor(f) * o).sum() for f, o in zip(factors, ours, strict=True))
    named = {n: p for n, p in module.named_parameters() if p.requires_grad}
    floats = [x for x in inputs if x.requires_grad]
    found = torch.autograd.grad(loss, [*named.values(), *floats], allow_unused=True)

    def moved(arrays: Arrays, given: list[torch.Tensor]) -> float:
        return float(sum((f * o).sum() for f, o in zip(factors, _outputs(reference, arrays, given), strict=True)))

    step = 1e-6
    for i, (name, gradient) in enumerate(
        zip([*named, *(f"input {i}" for i in range(len(floats)))], found, strict=True)
    ):
        shape = (named[name] if name in named else floats[i - len(named)]).shape
        way = draw.normal(size=shape)
        ends = []
        for sign in (step, -step):
            if name in named:
                ends.append(moved(held | {name: held[name] + sign * way}, inputs))
            else:
                shifted = [x + sign * torch.tensor(way) if x is floats[i - len(named)] else x for x in inputs]
                ends.append(moved(held, [x.detach() for x in shifted]))
        expected = (ends[0] - ends[1]) / (2 * step)
        along = 0.0 if gradient is None else float((gradient * torch.tensor(way)).sum())
        assert abs(along - expected) <= 1e-6 * max(1.0, abs(expected)), f"gradient of {name}: {along} and {expected}"
