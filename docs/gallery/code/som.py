import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

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


class StepState(NamedTuple):
    """What Step hands on to its next step."""

    w: Tensor
    t: Tensor


class Step(nn.Module):
    """One sample: the best matching unit and its neighbours on the grid move towards it; reach and
    rate decay with each sample.
    """

    def __init__(self, rows: int, columns: int, rate: float, reach: float, most: float) -> None:
        super().__init__()
        self.rows = rows
        self.columns = columns
        self.rate = rate
        self.reach = reach
        self.most = most

    def initial_state(self, x: Tensor) -> StepState:
        """The state before the first step."""
        return StepState(w=x.new_zeros(self.columns * self.rows, x.shape[0]), t=x.new_zeros(()))

    def forward(self, x: Tensor, state: StepState | None = None) -> tuple[Tensor, StepState]:
        """One step: x [d] -> unit_of_x int[]"""
        w, t = self.initial_state(x) if state is None else state
        distance = (x - w).square().sum(-1)  # [columns*rows]
        best = distance.argmin(-1)
        unit = torch.arange(self.columns * self.rows, device=x.device).to(x.dtype)  # [columns*rows]
        row = (unit / self.columns).floor()
        column = unit - self.columns * row
        decay = 1 + 2 * t / self.most
        apart = (row - row[best]).square() + (column - column[best]).square()
        near = (-apart / (2 * (self.reach / decay).square())).exp()
        w = w + (self.rate / decay * near).unsqueeze(-1) * (x - w)
        t = t + 1
        return best, StepState(w, t)


class SOM(nn.Module):
    """Self-organizing map (Kohonen 1982) of rows × columns units, with a Gaussian neighbourhood;
    samples come one after the other.
    """

    w: Tensor
    t: Tensor

    def __init__(
        self,
        rows: int = 10,
        columns: int = 10,
        d: int = 4,
        rate: float = 0.5,
        reach: float = 1.0,
        most: float = 1000.0,
    ) -> None:
        super().__init__()
        self.trained = Step(rows, columns, rate, reach, most)
        self.register_buffer("w", torch.randn(columns * rows, d))
        self.register_buffer("t", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> winner int[n]"""
        winner = torch.cdist(x, self.w).argmin(-1)  # [n]
        state = StepState(w=self.w, t=self.t)
        for x_t in x.unbind(0):
            _, state = self.trained(x_t, state)
        if self.training:
            self.w = state.w.detach()
            self.t = state.t.detach()
        return winner


class Fit(Trainer):
    """One call shows every sample once."""

    def __init__(
        self,
        rows: int = 10,
        columns: int = 10,
        d: int = 4,
        rate: float = 0.5,
        reach: float = 1.0,
        most: float = 1000.0,
    ) -> None:
        super().__init__()
        self.som = SOM(rows=rows, columns=columns, d=d, rate=rate, reach=reach, most=most)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        self.som(x)
        return {}
