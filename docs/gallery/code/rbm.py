import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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


class FreeEnergy(nn.Module):
    """What is left of the energy when the hidden units are summed out."""

    def forward(self, v: Tensor, W: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """v [batch, visible], W [hidden, visible], b [visible], c [hidden] -> F [batch]"""
        return -(v @ b) - F.softplus(v @ W.mT + c).sum(-1)


class RBM(nn.Module):
    """Restricted Boltzmann machine (Smolensky 1986; contrastive divergence, Hinton 2002): visible
    and hidden units joined, none of a kind among themselves.
    """

    def __init__(self, visible: int = 784, hidden: int = 500, steps: int = 1) -> None:
        super().__init__()
        self.steps = steps
        self.W = nn.Parameter(nn.init.normal_(torch.empty(hidden, visible), std=0.01))
        self.b = nn.Parameter(torch.zeros(visible))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.free = FreeEnergy()

    def forward(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """v [batch, visible] -> likely [batch, hidden], contrast []"""
        s = v
        for _ in range(self.steps):
            h = torch.bernoulli(torch.sigmoid(s @ self.W.mT + self.c))  # [batch, hidden]
            s = torch.bernoulli(torch.sigmoid(h @ self.W + self.b))  # [batch, visible]
        likely = torch.sigmoid(v @ self.W.mT + self.c)  # [batch, hidden]
        s = self.free(s.detach(), self.W, self.b, self.c)  # [batch]
        contrast = (self.free(v, self.W, self.b, self.c) - s).mean()
        return likely, contrast


class ContrastiveDivergence(Trainer):
    """What is seen is made likelier, and what the chain makes of it less likely (Hinton 2002)."""

    def __init__(
        self, visible: int = 784, hidden: int = 500, steps: int = 1, rate: float = 0.05
    ) -> None:
        super().__init__()
        self.net = RBM(visible=visible, hidden=hidden, steps=steps)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate)

    def step(self, v: Tensor) -> dict[str, float]:
        """One update: v [batch, visible]"""
        self.train()
        _, contrast = self.net(v)
        self.descend(contrast, self.optimizer)
        return {"contrast": contrast.item()}
