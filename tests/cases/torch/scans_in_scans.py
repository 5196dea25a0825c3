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


class GRU(nn.Module):
    """Gated recurrent unit as torch and cuDNN have it (Chung et al. 2014, with the reset gate
    after the product): z keeps the old state.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.r = nn.Linear(features + units, units)
        self.z = nn.Linear(features + units, units)
        self.linear = nn.Linear(features, units)
        self.linear_2 = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        xh = torch.cat([x, h], dim=-1)  # [batch, features + units]
        r = torch.sigmoid(self.r(xh))  # [batch, units]
        z = torch.sigmoid(self.z(xh))  # [batch, units]
        n = torch.tanh(self.linear(x) + r * self.linear_2(h))
        h = (1 - z) * n + z * h
        return h


class B(nn.Module):
    def __init__(self, d: int = 4) -> None:
        super().__init__()
        self.rows_out = GRU(d, d)
        self.a = GRU(d, d)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, rows, columns, d] -> y [batch, rows, columns, d], s [batch, rows, columns]"""
        outputs = []
        for x_t in x.unbind(1):
            h = None
            outputs_2 = []
            for x_c in x_t.unbind(1):
                h = self.rows_out(x_c, h)
                outputs_2.append(h)
            outputs.append(torch.stack(outputs_2, dim=1))
        rows_out = torch.stack(outputs, dim=1)
        kepts = []
        summeds = []
        for x_t in x.unbind(1):
            h = None
            outputs = []
            for x_c in x_t.unbind(1):
                h = self.a(x_c, h)
                outputs.append(h)
            a = torch.stack(outputs, dim=1)
            summed = a.sum(-1)  # [batch, columns]
            kepts.append(a)
            summeds.append(summed)
        each = torch.stack(kepts, dim=1)
        s = torch.stack(summeds, dim=1)
        y = rows_out + each
        return y, s


class Own(Trainer):
    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(3))
        self.net = nn.Linear(3, 1)
        self.net_w_optimizer = torch.optim.SGD([self.w, *self.net.parameters()], lr=rate)
        self.w_optimizer = torch.optim.Adam([self.w], lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update of each objective: x [n, 3]"""
        self.train()
        loss = (self.net(x) + x @ self.w.unsqueeze(-1)).square().mean()
        self.descend(loss, self.net_w_optimizer)
        other = self.w.square().sum()
        self.descend(other, self.w_optimizer)
        return {"loss": loss.item(), "other": other.item()}
