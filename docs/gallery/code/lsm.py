import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def spectral(size: int, radius: float = 0.9, density: float = 1.0) -> Tensor:
    """A random square matrix of this spectral radius; a share `density` of it is not zero."""
    matrix = torch.rand(size, size, dtype=torch.float64) * 2 - 1
    matrix = matrix * (torch.rand(size, size) < density)
    largest = float(torch.linalg.eigvals(matrix).abs().max())
    matrix = matrix * (radius / max(largest, 1e-12))
    return matrix.to(torch.get_default_dtype())


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


class LiquidState(NamedTuple):
    """What Liquid hands on to its next step."""

    v: Tensor
    spikes: Tensor


class Liquid(nn.Module):
    """Leaky integrate-and-fire units that never learn: a spike where the membrane passes the
    threshold, and then a reset.
    """

    def __init__(self, features: int, units: int, threshold: float, decay: float) -> None:
        super().__init__()
        self.units = units
        self.threshold = threshold
        self.decay = decay
        self.W_in = nn.Parameter(torch.rand(features, units), requires_grad=False)
        self.W = nn.Parameter(spectral(units, density=0.2), requires_grad=False)

    def initial_state(self, x: Tensor) -> LiquidState:
        """The state before the first step."""
        batch = x.shape[0]
        return LiquidState(v=x.new_zeros(batch, self.units), spikes=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LiquidState | None = None) -> tuple[Tensor, LiquidState]:
        """One step: x [batch, features] -> spikes [batch, units]"""
        v, spikes = self.initial_state(x) if state is None else state
        u = self.decay * v + x @ self.W_in + spikes @ self.W
        spikes = (u - self.threshold >= 0).to(x.dtype)
        v = u * (1 - spikes)
        return spikes, LiquidState(v, spikes)


class LSM(nn.Module):
    """Liquid state machine (Maass, Natschläger & Markram 2002): a frozen spiking reservoir, whose
    filtered spikes a readout learns to read.
    """

    def __init__(
        self,
        features: int = 4,
        units: int = 200,
        classes: int = 3,
        threshold: float = 1.0,
        decay: float = 0.9,
    ) -> None:
        super().__init__()
        self.units = units
        self.decay = decay
        self.spikes = Liquid(features, units, threshold, decay)
        self.linear = nn.Linear(units, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> scores [batch, classes]"""
        state = None
        outputs = []
        for x_t in x.unbind(1):
            spikes, state = self.spikes(x_t, state)
            outputs.append(spikes)
        spikes = torch.stack(outputs, dim=1)
        t = x.new_zeros(x.shape[0], self.units)  # [batch, units]
        outputs = []
        for spikes_t in spikes.unbind(1):
            t = self.decay * t + spikes_t
            outputs.append(t)
        trace = torch.stack(outputs, dim=1)
        scores: Tensor = self.linear(trace[:, -1])  # [batch, classes]
        return scores


class Fit(Trainer):
    """Only the readout learns."""

    def __init__(
        self, features: int = 4, units: int = 200, classes: int = 3, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.loss = LSM(features=features, units=units, classes=classes)
        self.optimizer = torch.optim.Adam(
            [p for p in self.parameters() if p.requires_grad], lr=rate
        )

    def step(self, x: Tensor, label: Tensor) -> dict[str, float]:
        """One update: x [batch, time, features], label int[batch]"""
        self.train()
        loss = F.cross_entropy(self.loss(x), label)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
