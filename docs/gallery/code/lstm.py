from typing import NamedTuple

import torch
from torch import Tensor, nn


class LSTMState(NamedTuple):
    """What LSTM hands on to its next step."""

    h: Tensor
    c: Tensor


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate, Gers et al. 2000) with
    torch's two biases: input, forget, cell, output.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.linear = nn.Linear(features, units)
        self.linear_2 = nn.Linear(units, units)
        self.linear_3 = nn.Linear(features, units)
        self.linear_4 = nn.Linear(units, units)
        self.linear_5 = nn.Linear(features, units)
        self.linear_6 = nn.Linear(units, units)
        self.linear_7 = nn.Linear(features, units)
        self.linear_8 = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> LSTMState:
        """The state before the first step."""
        batch = x.shape[0]
        return LSTMState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        i = torch.sigmoid(self.linear(x) + self.linear_2(h))
        f = torch.sigmoid(self.linear_3(x) + self.linear_4(h))
        g = torch.tanh(self.linear_5(x) + self.linear_6(h))
        o = torch.sigmoid(self.linear_7(x) + self.linear_8(h))
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)


class LSTMLayer(nn.Module):
    """One layer of LSTM over a sequence."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.lstm = LSTM(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        state = None
        outputs = []
        for x_t in x.unbind(1):
            h, state = self.lstm(x_t, state)
            outputs.append(h)
        return torch.stack(outputs, dim=1)
