import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
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


class Sweep(nn.Module):
    """One sweep: every unit that is not clamped is drawn anew, one after the other, given all
    others.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def forward(self, s: Tensor, W: Tensor, b: Tensor, clamped: Tensor) -> Tensor:
        """s [batch, units], W [units, units], b [units], clamped [units] -> after [batch, units]"""
        now = s
        for which in torch.eye(self.units, device=s.device, dtype=s.dtype).unbind(0):
            new = torch.bernoulli(torch.sigmoid(now @ W + b))
            free = which * (1 - clamped)
            now = free * new + (1 - free) * now
        return now


class Boltzmann(nn.Module):
    """Boltzmann machine (Ackley, Hinton & Sejnowski 1985): every unit may be joined with every
    other, with symmetric weights; learning compares what is seen together while the visible
    units are clamped, and while all run free.
    """

    def __init__(self, visible: int = 8, hidden: int = 4, sweeps: int = 5) -> None:
        super().__init__()
        self.visible = visible
        self.hidden = hidden
        self.sweeps = sweeps
        self.joined = nn.Parameter(
            nn.init.normal_(torch.empty(hidden + visible, hidden + visible), std=0.1)
        )
        self.b = nn.Parameter(torch.zeros(hidden + visible))
        self.sweep = Sweep(hidden + visible)

    def forward(self, v: Tensor) -> Tensor:
        """v [batch, visible] -> contrast []"""
        batch = v.shape[0]
        hidden = self.joined.tril(-1)
        W = hidden + hidden.mT
        some = (torch.rand(batch, self.hidden, device=v.device, dtype=v.dtype) < 0.5).to(v.dtype)
        hidden = torch.ones(self.visible, device=v.device, dtype=v.dtype)  # [visible]
        hidden_2 = torch.zeros(self.hidden, device=v.device, dtype=v.dtype)  # [hidden]
        clamped = torch.cat([hidden, hidden_2], dim=-1)  # [hidden + visible]
        s = torch.cat([v, some], dim=-1)  # [batch, hidden + visible]
        for _ in range(self.sweeps):
            s = self.sweep(s, W, self.b, clamped)
        free = s
        for _ in range(self.sweeps):
            free = self.sweep(free, W, self.b, 0 * clamped)
        mean = (-0.5 * (free @ W * free).sum(-1) - free @ self.b).mean()
        return (-0.5 * (s @ W * s).sum(-1) - s @ self.b).mean() - mean


class Fit(Trainer):
    """The gradient of the difference of energies is the difference of what is seen together."""

    def __init__(
        self, visible: int = 8, hidden: int = 4, sweeps: int = 5, rate: float = 0.1
    ) -> None:
        super().__init__()
        self.contrast = Boltzmann(visible=visible, hidden=hidden, sweeps=sweeps)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate)

    def step(self, v: Tensor) -> dict[str, float]:
        """One update: v [batch, visible]"""
        self.train()
        contrast = self.contrast(v)
        self.descend(contrast, self.optimizer)
        return {"contrast": contrast.item()}
