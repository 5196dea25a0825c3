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


class Reconstruct(nn.Module):
    """What is added to the image, from one pass's maps; the same weights for every pass."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(filters, filters, 3, padding=1)
        self.conv2d_2 = nn.Conv2d(filters, 1, 3, padding=1)

    def forward(self, h: Tensor, image: Tensor) -> Tensor:
        """h [batch, filters, height, width], image [batch, 1, height, width]

        -> y [batch, 1, height, width]
        """
        y: Tensor = image + self.conv2d_2(F.relu(self.conv2d(h)))
        return y


class DRCN(nn.Module):
    """Deeply recursive convolutional network for super-resolution (Kim, Lee & Lee 2016): ONE
    convolution, applied 16 times. Each pass's maps are reconstructed with the same weights and
    the image's skip, and a learned mix of the 16 predictions is the result.
    """

    def __init__(self, filters: int = 256, passes: int = 16) -> None:
        super().__init__()
        self.passes = passes
        self.conv2d = nn.Conv2d(1, filters, 3, padding=1)
        self.conv2d_2 = nn.Conv2d(filters, filters, 3, padding=1)
        self.h = nn.Conv2d(filters, filters, 3, padding=1)
        self.each = Reconstruct(filters)
        self.mix = nn.Parameter(torch.full((passes,), 1 / passes))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """image [batch, 1, height, width]

        -> y [batch, 1, height, width], each [passes, batch, 1, height, width]
        """
        h = F.relu(self.conv2d_2(F.relu(self.conv2d(image))))  # [batch, filters, height, width]
        maps = []
        for _ in range(self.passes):
            h = F.relu(self.h(h))
            maps.append(h)
        each = torch.vmap(lambda one: self.each(one, image))(torch.stack(maps, dim=0))
        y = torch.einsum("p,pbchw->bchw", self.mix, each)  # [batch, 1, height, width]
        return y, each


class Fit(Trainer):
    """Every pass is supervised, and so is their mix (eqs. 9 and 10)."""

    def __init__(
        self, filters: int = 256, passes: int = 16, rate: float = 0.01, alpha: float = 0.5
    ) -> None:
        super().__init__()
        self.passes = passes
        self.alpha = alpha
        self.net = DRCN(filters=filters, passes=passes)
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4
        )

    def step(self, image: Tensor, sharp: Tensor) -> dict[str, float]:
        """One update: image [batch, 1, height, width], sharp [batch, 1, height, width]"""
        self.train()
        y, each = self.net(image)
        passes_error = F.mse_loss(each, sharp.expand(self.passes, -1, -1, -1, -1))
        loss = self.alpha * passes_error + (1 - self.alpha) * F.mse_loss(y, sharp)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
