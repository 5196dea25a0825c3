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


class Encoder(nn.Module):
    """Encoder: the mean and the logarithm of the variance of what is hidden."""

    def __init__(self, pixels: int, units: int, latent: int) -> None:
        super().__init__()
        self.h = nn.Linear(pixels, units)
        self.mu = nn.Linear(units, latent)
        self.logvar = nn.Linear(units, latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, pixels] -> mu [batch, latent], logvar [batch, latent]"""
        h = torch.tanh(self.h(x))  # [batch, units]
        mu = self.mu(h)  # [batch, latent]
        logvar = self.logvar(h)  # [batch, latent]
        return mu, logvar


class Decoder(nn.Module):
    """The image made from what is hidden, as logits."""

    def __init__(self, latent: int, units: int, pixels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, units)
        self.linear_2 = nn.Linear(units, pixels)

    def forward(self, z: Tensor) -> Tensor:
        """z [batch, latent] -> scores [batch, pixels]"""
        scores: Tensor = self.linear_2(torch.tanh(self.linear(z)))  # [batch, pixels]
        return scores


class VAE(nn.Module):
    """Variational autoencoder (Kingma & Welling 2014): the gradient passes through the draw. The
    loss is the reconstruction's, and the divergence of what is hidden from the standard normal
    distribution.
    """

    def __init__(self, pixels: int = 784, units: int = 500, latent: int = 20) -> None:
        super().__init__()
        self.pixels = pixels
        self.encoder = Encoder(pixels, units, latent)
        self.scores = Decoder(latent, units, pixels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [batch, pixels] -> y [batch, pixels], reconstruction [], divergence []"""
        mu, logvar = self.encoder(x)
        z = mu + (logvar / 2).exp() * torch.randn_like(mu)
        scores = self.scores(z)  # [batch, pixels]
        y = torch.sigmoid(scores)
        reconstruction = self.pixels * F.binary_cross_entropy_with_logits(scores, x)
        divergence = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(-1).mean()
        return y, reconstruction, divergence


class Fit(Trainer):
    """One objective of two terms, one optimizer."""

    def __init__(
        self, pixels: int = 784, units: int = 500, latent: int = 20, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.net = VAE(pixels=pixels, units=units, latent=latent)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train()
        _, reconstruction, divergence = self.net(x)
        loss = reconstruction + divergence
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
