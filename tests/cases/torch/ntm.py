import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

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


class Address(nn.Module):
    """Where a head looks (Graves, Wayne & Danihelka 2014, section 3.3): by content, mixed with the
    place before, shifted, sharpened.
    """

    def __init__(self, d: int, rows: int, width: int, reach: int = 1) -> None:
        super().__init__()
        self.rows = rows
        self.reach = reach
        self.key = nn.Linear(d, width)
        self.strength = nn.Linear(d, 1)
        self.g = nn.Linear(d, 1)
        self.shift = nn.Linear(d, 2 * reach + 1)
        self.sharpness = nn.Linear(d, 1)

    def forward(self, h: Tensor, M: Tensor, before: Tensor) -> Tensor:
        """h [batch, d], M [batch, rows, width], before [batch, rows] -> w [batch, rows]"""
        key = torch.tanh(self.key(h))  # [batch, width]
        strength = F.softplus(self.strength(h))  # [batch, 1]
        g = torch.sigmoid(self.g(h))  # [batch, 1]
        shift_2 = self.shift(h).softmax(-1)  # [batch, 2*reach + 1]
        sharpness = 1 + F.softplus(self.sharpness(h))  # [batch, 1]
        alike = torch.einsum("brw,bw->br", F.normalize(M, dim=-1), F.normalize(key, dim=-1))
        mixed = g * (strength * alike).softmax(-1) + (1 - g) * before
        total = torch.zeros(h.shape[0], self.rows, device=h.device, dtype=h.dtype)  # [batch, rows]
        for i in range(2 * self.reach + 1):
            total = total + shift_2[:, i : i + 1] * mixed.roll(i - self.reach, -1)
        sharp = total**sharpness
        return sharp / (sharp.sum(-1, keepdim=True) + 1e-8)


class LSTMState(NamedTuple):
    """What LSTM hands on to its next step."""

    h: Tensor
    c: Tensor


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate, Gers et al. 2000)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.i = nn.Linear(features + units, units)
        self.f = nn.Linear(features + units, units)
        self.g = nn.Linear(features + units, units)
        self.o = nn.Linear(features + units, units)

    def initial_state(self, x: Tensor) -> LSTMState:
        """The state before the first step."""
        batch = x.shape[0]
        return LSTMState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        xh = torch.cat([x, h], dim=-1)  # [batch, features + units]
        i = torch.sigmoid(self.i(xh))  # [batch, units]
        f = torch.sigmoid(self.f(xh))  # [batch, units]
        g = torch.tanh(self.g(xh))  # [batch, units]
        o = torch.sigmoid(self.o(xh))  # [batch, units]
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)


class NTMStepState(NamedTuple):
    """What NTMStep hands on to its next step."""

    M: Tensor
    read: Tensor
    reading: Tensor
    writing: Tensor
    h_state: LSTMState | None


class NTMStep(nn.Module):
    """One step: the controller, an LSTM, sees the input and what was read; it writes to the memory
    matrix, then reads it.
    """

    def __init__(self, features: int, units: int, outputs: int, rows: int, width: int) -> None:
        super().__init__()
        self.rows = rows
        self.width = width
        self.first_read = nn.Parameter(nn.init.uniform_(torch.empty(width), -1, 1))
        self.h = LSTM(features + width, units)
        self.writing = Address(units, rows, width)
        self.erase = nn.Linear(units, width)
        self.added = nn.Linear(units, width)
        self.reading = Address(units, rows, width)
        self.y = nn.Linear(units + width, outputs)

    def initial_state(self, x: Tensor) -> NTMStepState:
        """The state before the first step."""
        batch = x.shape[0]
        first_read = self.first_read.expand(batch, -1)
        positions = torch.arange(self.rows, device=x.device)
        hidden = (positions == 0).to(x.dtype).expand(batch, -1)
        hidden_2 = (positions == 0).to(x.dtype).expand(batch, -1)
        return NTMStepState(
            M=x.new_full((batch, self.rows, self.width), 1e-3),
            read=first_read,
            reading=hidden,
            writing=hidden_2,
            h_state=None,
        )

    def forward(self, x: Tensor, state: NTMStepState | None = None) -> tuple[Tensor, NTMStepState]:
        """One step: x [batch, features] -> y [batch, outputs]"""
        M, read, reading, writing, h_state = self.initial_state(x) if state is None else state
        h, h_state = self.h(torch.cat([x, read], dim=-1), h_state)
        writing = self.writing(h, M, writing)
        erase = torch.sigmoid(self.erase(h))  # [batch, width]
        added = torch.tanh(self.added(h))  # [batch, width]
        hidden = writing.unsqueeze(-1) * added.unsqueeze(-2)  # [batch, rows, width]
        M = M * (1 - writing.unsqueeze(-1) * erase.unsqueeze(-2)) + hidden
        reading = self.reading(h, M, reading)
        read = torch.einsum("br,brw->bw", reading, M)  # [batch, width]
        y = self.y(torch.cat([h, read], dim=-1))  # [batch, outputs]
        return y, NTMStepState(M, read, reading, writing, h_state)


class NTM(nn.Module):
    """Neural Turing machine (Graves, Wayne & Danihelka 2014) for the copy task: a memory matrix,
    one head that writes, one that reads.
    """

    def __init__(self, bits: int = 8, units: int = 100, rows: int = 128, width: int = 20) -> None:
        super().__init__()
        self.ntm_step = NTMStep(bits + 1, units, bits, rows, width)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, bits + 1] -> scores [batch, time, bits]"""
        state = None
        outputs = []
        for x_t in x.unbind(1):
            y, state = self.ntm_step(x_t, state)
            outputs.append(y)
        return torch.stack(outputs, dim=1)


class Copy(Trainer):
    """The bits that came in are to come out again, after the delimiter."""

    def __init__(
        self, bits: int = 8, units: int = 100, rows: int = 128, width: int = 20, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.loss = NTM(bits=bits, units=units, rows=rows, width=width)
        self.optimizer = torch.optim.RMSprop(self.parameters(), lr=rate, momentum=0.9)

    def step(self, x: Tensor, target: Tensor) -> dict[str, float]:
        """One update: x [batch, time, bits + 1], target [batch, time, bits]"""
        self.train()
        loss = F.binary_cross_entropy_with_logits(self.loss(x), target)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
