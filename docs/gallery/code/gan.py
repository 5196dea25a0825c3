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


class Generator(nn.Module):
    """From noise to an image."""

    def __init__(self, latent: int = 64, pixels: int = 784) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, 256)
        self.linear_2 = nn.Linear(256, 512)
        self.linear_3 = nn.Linear(512, pixels)

    def forward(self, z: Tensor) -> Tensor:
        """z [batch, latent] -> image [batch, pixels]"""
        z = F.relu(self.linear_2(F.relu(self.linear(z))))  # [batch, 512]
        return torch.tanh(self.linear_3(z))


class Discriminator(nn.Module):
    """How likely an image is a real one."""

    def __init__(self, pixels: int = 784) -> None:
        super().__init__()
        self.linear = nn.Linear(pixels, 512)
        self.linear_2 = nn.Linear(512, 256)
        self.linear_3 = nn.Linear(256, 1)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, pixels] -> real [batch, 1]"""
        hidden = F.leaky_relu(self.linear_2(F.leaky_relu(self.linear(image), 0.2)), 0.2)
        return torch.sigmoid(self.linear_3(hidden))


class GAN(Trainer):
    """Generative adversarial network (Goodfellow et al. 2014), in the form where the generator
    maximises log D(G(z)): the discriminator learns from real and generated images, and the
    generator from the discriminator, in turns.
    """

    def __init__(self, latent: int = 64, pixels: int = 784, rate: float = 2e-4) -> None:
        super().__init__()
        self.latent = latent
        self.G = Generator(latent=latent, pixels=pixels)
        self.D = Discriminator(pixels=pixels)
        self.D_optimizer = torch.optim.Adam(self.D.parameters(), lr=rate, betas=(0.5, 0.999))
        self.G_optimizer = torch.optim.Adam(self.G.parameters(), lr=rate, betas=(0.5, 0.999))

    def step(self, real: Tensor) -> dict[str, float]:
        """One update of each objective: real [batch, pixels]"""
        batch = real.shape[0]
        self.train()
        z = torch.randn(batch, self.latent, device=real.device, dtype=real.dtype)
        fake = self.G(z)
        hidden = self.D(real)
        hidden_2 = self.D(fake.detach())
        loss = F.binary_cross_entropy(hidden_2, torch.zeros_like(hidden_2))
        discriminator_loss = F.binary_cross_entropy(hidden, torch.ones_like(hidden)) + loss
        self.descend(discriminator_loss, self.D_optimizer)
        hidden = self.D(fake)
        generator_loss = F.binary_cross_entropy(hidden, torch.ones_like(hidden))
        self.descend(generator_loss, self.G_optimizer)
        return {
            "discriminator_loss": discriminator_loss.item(),
            "generator_loss": generator_loss.item(),
        }
