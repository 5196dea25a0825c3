from typing import NamedTuple

import torch
from torch import Tensor, nn

from training import Trainer


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
        unit = torch.arange(self.columns * self.rows, device=x.device, dtype=x.dtype)
        row = (unit / self.columns).floor()
        column = unit - self.columns * row
        decay = 1 + 2 * t / self.most
        apart = (row - row.take(best)).square() + (column - column.take(best)).square()
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
        self.step = Step(rows, columns, rate, reach, most)
        self.register_buffer("w", torch.randn(columns * rows, d))
        self.register_buffer("t", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> winner int[n]"""
        winner = torch.cdist(x, self.w).argmin(-1)  # [n]
        if self.training:
            with torch.no_grad():
                state = StepState(w=self.w, t=self.t)
                for x_t in x.unbind(0):
                    _, state = self.step(x_t, state)
                self.w, self.t = state.w, state.t
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
