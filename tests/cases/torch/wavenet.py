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


class WaveNet(nn.Module):
    """WaveNet (van den Oord et al. 2016): dilated causal convolutions, whose residual and skip
    paths part. Each block doubles the dilation from 1 to 512, so that three blocks of ten
    layers see 3,070 samples.
    """

    def __init__(
        self,
        levels: int = 256,
        channels: int = 64,
        skips: int = 256,
        layers: int = 10,
        blocks: int = 3,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.layers = layers
        self.start = nn.Conv1d(levels, channels, 1)
        self.value = nn.ModuleList(
            nn.Conv1d(channels, channels, 2, dilation=2 ** (i - layers * (i // layers)))
            for i in range(blocks * layers)
        )
        self.open = nn.ModuleList(
            nn.Conv1d(channels, channels, 2, dilation=2 ** (i - layers * (i // layers)))
            for i in range(blocks * layers)
        )
        self.h = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(blocks * layers))
        self.skip = nn.ModuleList(nn.Conv1d(channels, skips, 1) for _ in range(blocks * layers))
        self.conv1d = nn.Conv1d(skips, skips, 1)
        self.conv1d_2 = nn.Conv1d(skips, levels, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """codes int[batch, time] -> scores [batch, time, levels]"""
        one_hot = F.one_hot(codes, self.levels).to(self.start.weight.dtype).transpose(1, 2)
        h = self.start(one_hot)  # [batch, channels, time]
        skips = []
        for i, (value_conv, open_conv, h_conv, skip_conv) in enumerate(
            zip(self.value, self.open, self.h, self.skip)
        ):
            features = value_conv(F.pad(h, (2 ** (i - self.layers * (i // self.layers)), 0)))
            value = torch.tanh(features)
            features = open_conv(F.pad(h, (2 ** (i - self.layers * (i // self.layers)), 0)))
            open_ = torch.sigmoid(features)
            z = open_ * value
            skip = skip_conv(z)  # [batch, skips, time]
            skips.append(skip)
            h = h + h_conv(z)
        x = self.conv1d(F.relu(torch.stack(skips, dim=0).sum(0)))
        scores: Tensor = self.conv1d_2(F.relu(x)).transpose(1, 2)  # [batch, time, levels]
        return scores


class Fit(Trainer):
    """The next sample is to be told from those before it."""

    def __init__(self, levels: int = 256, rate: float = 1e-3) -> None:
        super().__init__()
        self.net = WaveNet(levels=levels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, codes: Tensor, next_: Tensor) -> dict[str, float]:
        """One update: codes int[batch, time], next int[batch, time]"""
        self.train()
        loss = F.cross_entropy(self.net(codes).flatten(0, -2), next_.flatten())
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
