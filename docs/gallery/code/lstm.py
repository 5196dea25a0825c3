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
        self.i_x = nn.Linear(features, units)
        self.i_h = nn.Linear(units, units)
        self.f_x = nn.Linear(features, units)
        self.f_h = nn.Linear(units, units)
        self.g_x = nn.Linear(features, units)
        self.g_h = nn.Linear(units, units)
        self.o_x = nn.Linear(features, units)
        self.o_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> LSTMState:
        """The state before the first step."""
        batch = x.shape[0]
        return LSTMState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        i = torch.sigmoid(self.i_x(x) + self.i_h(h))
        f = torch.sigmoid(self.f_x(x) + self.f_h(h))
        g = torch.tanh(self.g_x(x) + self.g_h(h))
        o = torch.sigmoid(self.o_x(x) + self.o_h(h))
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)

    def scan(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        torch's kernel takes them, with the gates' weights in its order: input, forget, cell,
        output.
        """
        h, c = self.initial_state(x[:, 0]) if state is None else state
        x_layers = [self.i_x, self.f_x, self.g_x, self.o_x]
        h_layers = [self.i_h, self.f_h, self.g_h, self.o_h]
        w_x = torch.cat([layer.weight for layer in x_layers])
        w_h = torch.cat([layer.weight for layer in h_layers])
        b_x = torch.cat([layer.bias for layer in x_layers])
        b_h = torch.cat([layer.bias for layer in h_layers])
        hs, h, c = torch.lstm(
            x,
            (h.unsqueeze(0), c.unsqueeze(0)),
            [w_x, w_h, b_x, b_h],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return hs, LSTMState(h.squeeze(0), c.squeeze(0))


class LSTMLayer(nn.Module):
    """One layer of LSTM over a sequence."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.lstm = LSTM(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        y, _ = self.lstm.scan(x)
        return y
