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


class Coder(nn.Module):
    """A code with as few values as there are hidden units, and the image made from it again."""

    def __init__(self, units: int, hidden: int, pixels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(pixels, units)
        self.linear_2 = nn.Linear(units, hidden)
        self.linear_3 = nn.Linear(hidden, units)
        self.linear_4 = nn.Linear(units, pixels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, pixels] -> code [batch, hidden], y [batch, pixels]"""
        code = torch.sigmoid(self.linear_2(F.relu(self.linear(x))))  # [batch, hidden]
        y = self.linear_4(F.relu(self.linear_3(code)))  # [batch, pixels]
        return code, y


class Plain(Trainer):
    """Autoencoder (Rumelhart, Hinton & Williams 1986; Hinton & Salakhutdinov 2006)."""

    def __init__(
        self, pixels: int = 784, units: int = 256, hidden: int = 32, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.coder = Coder(units, hidden, pixels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train()
        _, y = self.coder(x)
        loss = F.mse_loss(y, x)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}


class Sparse(Trainer):
    """Sparse autoencoder (Ng 2011): each code unit is to be active a small part of the time."""

    def __init__(
        self,
        pixels: int = 784,
        units: int = 256,
        hidden: int = 32,
        rate: float = 1e-3,
        part: float = 0.05,
        weight: float = 0.1,
    ) -> None:
        super().__init__()
        self.part = part
        self.weight = weight
        self.coder = Coder(units, hidden, pixels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train()
        code, y = self.coder(x)
        active = code.mean(0)
        hidden = (1 - self.part) * ((1 - self.part) / (1 - active)).log()
        penalty = (self.part * (self.part / active).log() + hidden).sum()
        loss = F.mse_loss(y, x) + self.weight * penalty
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}


class Denoising(Trainer):
    """Denoising autoencoder (Vincent et al. 2008): noise on the input only; the clean image is to
    come out.
    """

    def __init__(
        self,
        pixels: int = 784,
        units: int = 256,
        hidden: int = 32,
        rate: float = 1e-3,
        spread: float = 0.3,
    ) -> None:
        super().__init__()
        self.pixels = pixels
        self.spread = spread
        self.coder = Coder(units, hidden, pixels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train()
        noise = torch.randn(x.shape[0], self.pixels, device=x.device, dtype=x.dtype)
        _, y = self.coder(x + self.spread * noise)
        loss = F.mse_loss(y, x)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
