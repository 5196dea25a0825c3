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


class Present(nn.Module):
    """One pattern: the category that answers best among those that pass the test moves towards it.
    A category not yet in use has weights of 1: it passes every test, and answers least.
    """

    def __init__(self, k: int, choice: float, vigilance: float, rate: float) -> None:
        super().__init__()
        self.k = k
        self.choice = choice
        self.vigilance = vigilance
        self.rate = rate

    def initial_state(self, i: Tensor) -> Tensor:
        """The state before the first step."""
        return i.new_ones(self.k, i.shape[0])

    def forward(self, i: Tensor, w: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step: i [features] -> category int[]"""
        if w is None:
            w = self.initial_state(i)
        hidden = torch.minimum(i, w)
        both = hidden.sum(-1)  # [k]
        answer = both / (self.choice + w.sum(-1))
        passes = both / i.sum() >= self.vigilance
        J = torch.where(passes, answer, -1).argmax(-1)
        won = F.one_hot(J, self.k).to(i.dtype).unsqueeze(-1)  # [k, 1]
        w = won * (self.rate * hidden + (1 - self.rate) * w) + (1 - won) * w
        return J, w


class FuzzyART(nn.Module):
    """Fuzzy ART (Carpenter, Grossberg & Rosen 1991) with complement coding, of at most k
    categories.
    """

    w: Tensor

    def __init__(
        self,
        k: int = 50,
        d: int = 4,
        choice: float = 1e-3,
        vigilance: float = 0.75,
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.r = Present(k, choice, vigilance, rate)
        self.register_buffer("w", torch.ones(k, 2 * d))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> category int[n]"""
        w = self.w
        categories = []
        for x_t in torch.cat([x, 1 - x], dim=-1).unbind(0):
            category, w = self.r(x_t, w)
            categories.append(category)
        if self.training:
            self.w = w.detach()
        return torch.stack(categories, dim=0)


class Fit(Trainer):
    """One call presents every pattern once."""

    def __init__(
        self,
        k: int = 50,
        d: int = 4,
        choice: float = 1e-3,
        vigilance: float = 0.75,
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.fuzzy_art = FuzzyART(k=k, d=d, choice=choice, vigilance=vigilance, rate=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        self.fuzzy_art(x)
        return {}
