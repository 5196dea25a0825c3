import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def sample_rows(x: Tensor, k: int) -> Tensor:
    """k rows of x, drawn at random, none twice."""
    order = torch.randperm(x.shape[0], device=x.device)
    return x[order[:k]]


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


class Mixture(nn.Module):
    """Gaussian mixture by expectation and maximisation (Dempster, Laird & Rubin 1977): shares of
    each point, then means, covariances and weights.
    """

    means: Tensor
    covariances: Tensor
    weights: Tensor

    def __init__(self, k: int = 3, d: int = 4, ridge: float = 1e-6) -> None:
        super().__init__()
        self.k = k
        self.d = d
        self.ridge = ridge
        self.register_buffer("means", torch.full((k, d), torch.nan))
        self.register_buffer("covariances", torch.full((k, d, d), torch.nan))
        self.register_buffer("weights", torch.full((k,), 1 / k))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [n, d] -> share [n, k], likelihood [n]"""
        if self.training and self.means.isnan().all():
            self.means = sample_rows(x, self.k).detach()
        if self.covariances.isnan().all():
            hidden = torch.eye(self.d, device=x.device, dtype=x.dtype).expand(self.k, -1, -1)
            self.covariances = hidden.detach()
        apart = x.unsqueeze(1) - self.means  # [n, k, d]
        hidden = torch.linalg.inv(self.covariances)
        distance = torch.einsum("nkd,kde,nke->nk", apart, hidden, apart)  # [n, k]
        total = distance + torch.logdet(self.covariances) + 1.8378770664093453 * self.d
        joint = self.weights.log() - 0.5 * total
        likelihood = joint.logsumexp(-1)  # [n]
        share = (joint - likelihood.unsqueeze(-1)).exp()
        if self.training:
            n = x.shape[0]
            with torch.no_grad():
                mass = share.sum(0)  # [k]
                means = share.mT @ x / mass.unsqueeze(-1)  # [k, d]
                moved = x.unsqueeze(1) - means  # [n, k, d]
                scatter = torch.einsum("nk,nkd,nke->kde", share, moved, moved)  # [k, d, d]
                hidden = self.ridge * torch.eye(self.d, device=x.device, dtype=x.dtype)  # [d, d]
                self.means = means
                self.covariances = scatter / mass.reshape(self.k, 1, 1) + hidden
                self.weights = mass / n
        return share, likelihood


class Fit(Trainer):
    """Expectation and maximisation alternate until no mean moves."""

    def __init__(self, k: int = 3, d: int = 4) -> None:
        super().__init__()
        self.net = Mixture(k=k, d=d)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        for passes in range(1, 301):
            before = self.net.means
            self.net(x)
            if torch.allclose(self.net.means, before, rtol=1e-6):
                break
        return {"passes": passes}
