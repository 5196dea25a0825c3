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


class BatchNorm2d(nn.Module):
    """Batch normalisation of feature maps (Ioffe & Szegedy 2015, section 3.2): one mean and
    variance for each channel.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, height, width] -> y [batch, channels, height, width]"""
        centre = x.mean((0, 2, 3)) if self.training else self.running_mean  # [channels]
        spread = x.var((0, 2, 3), correction=0) if self.training else self.running_var  # [channels]
        scale = self.weight / (spread + self.eps).sqrt()
        scale = scale.reshape(self.channels, 1, 1)  # [channels, 1, 1]
        bias = self.bias.reshape(self.channels, 1, 1)
        if self.training:
            with torch.no_grad():
                scaled = self.momentum * x.var((0, 2, 3), correction=1)  # [channels]
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * centre
                self.running_var = (1 - self.momentum) * self.running_var + scaled
        return (x - centre.reshape(self.channels, 1, 1)) * scale + bias


class Generator(nn.Module):
    """From noise to an image of 64 × 64: each transposed convolution doubles the side."""

    def __init__(self, latent: int = 100, maps: int = 64, colours: int = 3) -> None:
        super().__init__()
        self.conv_transpose2d = nn.ConvTranspose2d(latent, 8 * maps, 4, bias=False)
        self.batch_norm2d = BatchNorm2d(8 * maps)
        self.conv_transpose2d_2 = nn.ConvTranspose2d(
            8 * maps, 4 * maps, 4, stride=2, padding=1, bias=False
        )
        self.batch_norm2d_2 = BatchNorm2d(4 * maps)
        self.conv_transpose2d_3 = nn.ConvTranspose2d(
            4 * maps, 2 * maps, 4, stride=2, padding=1, bias=False
        )
        self.batch_norm2d_3 = BatchNorm2d(2 * maps)
        self.conv_transpose2d_4 = nn.ConvTranspose2d(
            2 * maps, maps, 4, stride=2, padding=1, bias=False
        )
        self.batch_norm2d_4 = BatchNorm2d(maps)
        self.conv_transpose2d_5 = nn.ConvTranspose2d(
            maps, colours, 4, stride=2, padding=1, bias=False
        )

    def forward(self, z: Tensor) -> Tensor:
        """z [batch, latent, 1, 1] -> image [batch, colours, 64, 64]"""
        z = self.conv_transpose2d_2(F.relu(self.batch_norm2d(self.conv_transpose2d(z))))
        z = self.batch_norm2d_3(self.conv_transpose2d_3(F.relu(self.batch_norm2d_2(z))))
        z = F.relu(self.batch_norm2d_4(self.conv_transpose2d_4(F.relu(z))))  # [batch, maps, 32, 32]
        return torch.tanh(self.conv_transpose2d_5(z))


class Discriminator(nn.Module):
    """Each convolution halves the side; the first has no normalisation."""

    def __init__(self, maps: int = 64, colours: int = 3) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(colours, maps, 4, stride=2, padding=1, bias=False)
        self.conv2d_2 = nn.Conv2d(maps, 2 * maps, 4, stride=2, padding=1, bias=False)
        self.batch_norm2d = BatchNorm2d(2 * maps)
        self.conv2d_3 = nn.Conv2d(2 * maps, 4 * maps, 4, stride=2, padding=1, bias=False)
        self.batch_norm2d_2 = BatchNorm2d(4 * maps)
        self.conv2d_4 = nn.Conv2d(4 * maps, 8 * maps, 4, stride=2, padding=1, bias=False)
        self.batch_norm2d_3 = BatchNorm2d(8 * maps)
        self.conv2d_5 = nn.Conv2d(8 * maps, 1, 4, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, colours, 64, 64] -> score [batch, 1]"""
        hidden = self.batch_norm2d(self.conv2d_2(F.leaky_relu(self.conv2d(image), 0.2)))
        hidden = self.batch_norm2d_2(self.conv2d_3(F.leaky_relu(hidden, 0.2)))
        hidden = self.batch_norm2d_3(self.conv2d_4(F.leaky_relu(hidden, 0.2)))
        score: Tensor = self.conv2d_5(F.leaky_relu(hidden, 0.2)).flatten(1)  # [batch, 1]
        return score


class DCGAN(Trainer):
    """Deep convolutional GAN (Radford, Metz & Chintala 2016)."""

    def __init__(
        self, latent: int = 100, maps: int = 64, colours: int = 3, rate: float = 2e-4
    ) -> None:
        super().__init__()
        self.latent = latent
        self.G = Generator(latent=latent, maps=maps, colours=colours)
        self.D = Discriminator(maps=maps, colours=colours)
        self.D_optimizer = torch.optim.Adam(self.D.parameters(), lr=rate, betas=(0.5, 0.999))
        self.G_optimizer = torch.optim.Adam(self.G.parameters(), lr=rate, betas=(0.5, 0.999))

    def step(self, real: Tensor) -> dict[str, float]:
        """One update of each objective: real [batch, colours, 64, 64]"""
        batch = real.shape[0]
        self.train()
        z = torch.randn(batch, self.latent, 1, 1, device=real.device, dtype=real.dtype)
        fake = self.G(z)
        hidden = self.D(real)
        hidden = F.binary_cross_entropy_with_logits(hidden, torch.ones_like(hidden))
        hidden_2 = self.D(fake.detach())
        loss = F.binary_cross_entropy_with_logits(hidden_2, torch.zeros_like(hidden_2))
        discriminator_loss = hidden + loss
        self.descend(discriminator_loss, self.D_optimizer)
        hidden = self.D(fake)
        generator_loss = F.binary_cross_entropy_with_logits(hidden, torch.ones_like(hidden))
        self.descend(generator_loss, self.G_optimizer)
        return {
            "discriminator_loss": discriminator_loss.item(),
            "generator_loss": generator_loss.item(),
        }
