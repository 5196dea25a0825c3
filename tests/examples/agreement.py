"""Agreement of a compiled example with a reference that was written elsewhere, or here from the paper's equations.

`agree` gives the reference the compiled module's own parameters, so that outputs, and gradients by every parameter and input, can be
compared directly: to 1e-5 in float32 and 1e-10 in float64, relative to the largest value. Weights are drawn large, so that every part
matters, and then each tensor is set to zero in turn: the output must move.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import archdsl

EXAMPLES = Path(__file__).parents[2] / "examples"
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
Weights = dict[str, Tensor]
Reference = Callable[..., Any]


def load(file: str, name: str | None = None, **sizes: Any) -> nn.Module:
    """A definition of an example as a module."""
    return archdsl.load(EXAMPLES / f"{file}.arch", name, **sizes)


def enlarge(module: nn.Module, scale: float = 1.0) -> None:
    """Weights of about the size that keeps the signal's, each drawn anew, biases and scales included."""
    generator = torch.Generator().manual_seed(torch.initial_seed() + 1)
    for p in module.parameters():
        fan = p[0].numel() if p.dim() > 1 else 4
        noise = torch.randn(p.shape, generator=generator, dtype=torch.float64) * scale * max(fan, 1) ** -0.5
        p.data.copy_(noise + (p.data if p.dim() == 1 else 0))


def tensors(outputs: Any) -> list[Tensor]:
    """The outputs of a call as a list."""
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def close(ours: Tensor, theirs: Tensor, tolerance: float, what: str) -> None:
    assert ours.shape == theirs.shape, f"{what}: {tuple(ours.shape)} and {tuple(theirs.shape)}"
    size = max(1.0, theirs.detach().abs().max().item()) if theirs.numel() else 1.0
    error = (ours.detach() - theirs.detach()).abs().max().item() if theirs.numel() else 0.0
    assert error <= tolerance * size, f"{what} differs by {error:.3g}, where values reach {size:.3g}"


def agree(
    module: nn.Module,
    reference: Reference,
    inputs: Sequence[Tensor],
    *,
    training: bool = False,
    scale: float = 1.0,
    unseen: Sequence[str] = (),
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.float64),
) -> None:
    """Compare `module(*inputs)` with `reference(weights, *inputs)`, where weights are the module's own parameters by name."""
    enlarge(module, scale)
    module.train(training)
    for dtype in dtypes:
        module.to(dtype)
        _compare(module, reference, [_leaf(x, dtype) for x in inputs], TOLERANCE[dtype])
    _all_seen(module, [_leaf(x, dtypes[-1]) for x in inputs], unseen)


def _leaf(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype).clone().requires_grad_() if x.is_floating_point() else x


def _compare(module: nn.Module, reference: Reference, inputs: list[Tensor], tolerance: float) -> None:
    weights = dict(module.named_parameters())
    kept = {name: buffer.clone() for name, buffer in module.named_buffers()}
    ours = tensors(module(*inputs))
    for name, buffer in module.named_buffers():
        buffer.data.copy_(kept[name])
    theirs = tensors(reference(weights, *inputs))
    assert len(ours) == len(theirs)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        close(a, b, tolerance, f"output {i}")
    leaves = {n: w for n, w in weights.items() if w.requires_grad} | {
        f"input {i}": x for i, x in enumerate(inputs) if x.requires_grad
    }
    if not leaves or not any(o.requires_grad for o in ours):
        return
    found = [_gradients(outputs, list(leaves.values())) for outputs in (ours, theirs)]
    for name, a, b in zip(leaves, *found, strict=True):
        close(a, b, 10 * tolerance, f"gradient of {name}")


def _gradients(outputs: list[Tensor], leaves: list[Tensor]) -> list[Tensor]:
    """Gradients of a sum of the outputs, each value with a weight of its own."""
    generator = torch.Generator().manual_seed(torch.initial_seed() + 2)
    loss = sum(
        (o * torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype)).sum()
        / max(o.numel(), 1) ** 0.5
        for o in outputs
        if o.requires_grad
    )
    found = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


@torch.no_grad()
def _all_seen(module: nn.Module, inputs: list[Tensor], unseen: Sequence[str]) -> None:
    """Every parameter, set to zero, moves some output; those in `unseen` cannot."""
    before = tensors(module(*inputs))
    for name, parameter in module.named_parameters():
        kept = parameter.clone()
        parameter.zero_()
        after = tensors(module(*inputs))
        parameter.copy_(kept)
        moved = max((a - b).abs().max().item() for a, b in zip(after, before, strict=True))
        hidden = any(name.endswith(u) for u in unseen)
        # A weight that is divided by its norm gives nan, and that is a move.
        assert (moved <= 1e-6) == hidden, f"zeroing {name} moves the outputs by {moved:.3g}"


class Seeded(nn.Module):
    """A module whose draws are the same at each call."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        torch.manual_seed(7)
        return tensors(self.net(*inputs))


def seeded(reference: Reference) -> Reference:
    """A reference that draws as `Seeded` does."""

    def same(w: Weights, *inputs: Tensor) -> Any:
        torch.manual_seed(7)
        return reference({name.removeprefix("net."): value for name, value in w.items()}, *inputs)

    return same


def drop(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout whose draws do not depend on how a tensor lies in memory, so that both sides of a comparison draw alike."""
    return x * (torch.rand(x.shape, dtype=torch.float64) >= p) / (1 - p) if training and p > 0 else x


def call(module: nn.Module, weights: Weights, *inputs: Any, **options: Any) -> Any:
    """The reference module, computed with these weights in place of its own; every one of its parameters must be given."""
    names = {n for n, _ in module.named_parameters()}
    assert names == set(weights), f"given and needed differ: {names ^ set(weights)}"
    return torch.func.functional_call(module, weights, inputs, options)


def layers(weights: Weights) -> list[dict[str, Tensor]]:
    """The weights grouped by the layer that holds them, in the program's order."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, weight in weights.items():
        layer, _, own = name.rpartition(".")
        groups.setdefault(layer, {})[own] = weight
    return [g for g in groups.values() if "weight" in g]


def own(weights: Weights, name: str) -> Tensor:
    """The one parameter of that name, whatever holds it."""
    (found,) = [w for n, w in weights.items() if n.rpartition(".")[2] == name]
    return found


def renamed(weights: Weights, names: Sequence[str]) -> Weights:
    """The weights in the program's order under the reference's names."""
    assert len(weights) == len(names), f"{len(weights)} weights and {len(names)} names"
    return dict(zip(names, weights.values(), strict=True))
