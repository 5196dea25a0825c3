import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def reverse_gradient(x: Tensor, scale: float | Tensor = 1.0) -> Tensor:
    """x itself; its gradient is multiplied by -scale on the way back."""
    return x.detach() - scale * (x - x.detach())


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


class Features(nn.Module):
    """What source and target have in common is to be found here."""

    def __init__(self, d: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(d, units)
        self.linear_2 = nn.Linear(units, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, d] -> h [batch, units]"""
        return F.relu(self.linear_2(F.relu(self.linear(x))))


class DANN(nn.Module):
    """Domain-adversarial network (Ganin & Lempitsky 2015): the domain classifier learns to tell
    source from target, and by the reversed gradient the features learn not to let it.
    """

    def __init__(self, d: int = 784, units: int = 100, classes: int = 10) -> None:
        super().__init__()
        self.h = Features(d, units)
        self.scores = nn.Linear(units, classes)
        self.linear = nn.Linear(units, units)
        self.linear_2 = nn.Linear(units, 1)

    def forward(self, x: Tensor, strength: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, d], strength [] -> scores [batch, classes], domain [batch, 1]"""
        if strength is None:
            strength = x.new_ones(())
        h = self.h(x)  # [batch, units]
        scores = self.scores(h)  # [batch, classes]
        domain = self.linear_2(F.relu(self.linear(reverse_gradient(h, strength))))  # [batch, 1]
        return scores, domain


class Adapt(Trainer):
    """Labels exist for the source only; one optimizer does it all. The strength of the reversal
    grows while training goes on.
    """

    def __init__(
        self, d: int = 784, units: int = 100, classes: int = 10, rate: float = 0.01
    ) -> None:
        super().__init__()
        self.net = DANN(d=d, units=units, classes=classes)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate, momentum=0.9)

    def step(
        self, source: Tensor, label: Tensor, target: Tensor, strength: Tensor | None = None
    ) -> dict[str, float]:
        """One update: source [batch, d], label int[batch], target [others, d], strength []"""
        self.train()
        scores, source_domain = self.net(source, strength)
        _, target_domain = self.net(target, strength)
        loss = F.binary_cross_entropy_with_logits(source_domain, torch.zeros_like(source_domain))
        loss_2 = F.binary_cross_entropy_with_logits(target_domain, torch.ones_like(target_domain))
        loss = F.cross_entropy(scores, label) + loss + loss_2
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
