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


class HMM(nn.Module):
    """Hidden Markov model, forward (Baum & Eagon 1967; Rabiner 1989, eqs. 19 to 21), in
    logarithms: `prior` is what is expected of the hidden state before the symbol is seen; π, A
    and B are learned as logits.
    """

    def __init__(self, states: int = 3, symbols: int = 4) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(states))
        self.move = nn.Parameter(torch.randn(states, states))
        self.emit = nn.Parameter(torch.randn(states, symbols))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """seen int[batch, time] -> filtered [batch, time, states], likelihood [batch]"""
        A = self.move.log_softmax(-1)
        emission = self.emit.log_softmax(-1).mT[seen]  # [batch, time, states]
        prior = self.start.log_softmax(-1).expand(seen.shape[0], -1)  # [batch, states]
        alphas = []
        for emission_t in emission.unbind(1):
            alpha = prior + emission_t
            alphas.append(alpha)
            prior = (alpha.unsqueeze(-1) + A).logsumexp(-2)
        forward = torch.stack(alphas, dim=1)
        filtered = forward.softmax(-1)
        likelihood = forward[:, -1].logsumexp(-1)  # [batch]
        return filtered, likelihood


class Fit(Trainer):
    """Maximum likelihood by gradient."""

    def __init__(self, states: int = 3, symbols: int = 4, rate: float = 0.05) -> None:
        super().__init__()
        self.net = HMM(states=states, symbols=symbols)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, seen: Tensor) -> dict[str, float]:
        """One update: seen int[batch, time]"""
        self.train()
        _, likelihood = self.net(seen)
        loss = -likelihood.mean()
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
