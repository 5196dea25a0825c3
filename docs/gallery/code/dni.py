import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def supply_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """x itself; on the way back its gradient is the one supplied, whatever comes from above."""
    # a view, so that the gradient of the result itself is still what comes from above
    inner = x.view_as(x)
    if inner.requires_grad:
        register: Any = inner.register_hook
        register(lambda above: gradient.detach())
    return inner.view_as(inner)


class Trainer(nn.Module):
    """What every training below shares: updates, epochs with a line of progress, checkpoints."""

    step: Callable[..., dict[str, float]]

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers, by name."""
        return {n: v for n, v in vars(self).items() if isinstance(v, torch.optim.Optimizer)}

    def descend(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """One update of what the optimizer holds. No other parameter gets a gradient."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        optimizer.zero_grad()
        torch.autograd.backward(loss, inputs=parameters)
        optimizer.step()

    def fit(
        self, batches: Iterable[Any], epochs: int = 1, checkpoint: str | Path | None = None
    ) -> list[dict[str, float]]:
        """Train on batches, each the inputs of `step`; returns every epoch's mean losses by name.

        With a `checkpoint`, training goes on from that file if it exists, and is saved to it after
        every epoch.
        """
        history: list[dict[str, float]] = []
        if checkpoint is not None and Path(checkpoint).exists():
            history = self.resume(checkpoint)
        for epoch in range(len(history), epochs):
            totals: dict[str, float] = {}
            means: dict[str, float] = {}
            line = ""
            for count, batch in enumerate(batches, 1):
                inputs = batch if isinstance(batch, (tuple, list)) else (batch,)
                for name, value in self.step(*inputs).items():
                    totals[name] = totals.get(name, 0.0) + value
                    means[name] = totals[name] / count
                losses = "".join(f"  {name} {mean:.4f}" for name, mean in means.items())
                line = f"epoch {epoch + 1}/{epochs}  batch {count}{losses}"
                if sys.stderr.isatty():
                    print(f"\r{line}", end="", file=sys.stderr, flush=True)
            if not line:
                raise ValueError(
                    f"epoch {epoch + 1} has no batches: give a list or a loader, not a generator"
                )
            print(f"\r{line}" if sys.stderr.isatty() else line, file=sys.stderr)
            history.append(means)
            if checkpoint is not None:
                self.save(checkpoint, history)
        return history

    def save(self, path: str | Path, history: list[dict[str, float]]) -> None:
        """Write all that is needed to go on: weights, optimizers, random state, losses so far."""
        state = {
            "parts": self.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers().items()},
            "random": torch.get_rng_state(),
            "history": history,
        }
        partial = Path(f"{path}.partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: str | Path) -> list[dict[str, float]]:
        """Read what `save` wrote; returns the losses so far."""
        state = torch.load(path, map_location="cpu")
        self.load_state_dict(state["parts"])
        for name, optimizer in self.optimizers().items():
            optimizer.load_state_dict(state["optimizers"][name])
        torch.set_rng_state(state["random"])
        return list(state["history"])


class SyntheticGradients(Trainer):
    """Synthetic gradients (Jaderberg et al. 2017): the lower layer learns at once from a gradient
    that another network supplies; that network learns from the true gradient, once it is known.
    """

    def __init__(
        self, pixels: int = 784, units: int = 256, classes: int = 10, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.lower = nn.Linear(pixels, units)
        self.upper = nn.Linear(units, classes)
        self.supplier = nn.Linear(units, units)
        self.supplier_optimizer = torch.optim.Adam(self.supplier.parameters(), lr=rate)
        self.lower_upper_optimizer = torch.optim.Adam(
            [*self.lower.parameters(), *self.upper.parameters()], lr=rate
        )

    def step(self, x: Tensor, digit: Tensor) -> dict[str, float]:
        """One update of each objective: x [batch, pixels], digit int[batch]"""
        self.train()
        h = F.relu(self.lower(x))
        hidden = h.detach()
        guess = self.supplier(hidden)
        s = supply_gradient(h, guess)
        loss = F.cross_entropy(self.upper(s), digit)
        hidden_2 = torch.autograd.grad(loss, s, retain_graph=True)[0].detach()
        guess_error = F.mse_loss(guess, hidden_2)
        self.descend(guess_error, self.supplier_optimizer)
        guess = self.supplier(hidden)
        s = supply_gradient(h, guess)
        loss = F.cross_entropy(self.upper(s), digit)
        self.descend(loss, self.lower_upper_optimizer)
        return {"guess_error": guess_error.item(), "loss": loss.item()}
