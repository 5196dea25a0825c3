from typing import NamedTuple

import torch
from torch import Tensor, nn


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


class Bidirectional(nn.Module):
    """One recurrent layer in each direction, side by side (Schuster & Paliwal 1997)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.forwards = LSTM(features, units)
        self.backwards = LSTM(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, 2*units]"""
        state = None
        outputs = []
        for x_t in x.unbind(1):
            h, state = self.forwards(x_t, state)
            outputs.append(h)
        forwards = torch.stack(outputs, dim=1)
        state = None
        outputs = []
        for x_t in reversed(x.unbind(1)):
            h, state = self.backwards(x_t, state)
            outputs.append(h)
        backwards = torch.stack(outputs[::-1], dim=1)
        return torch.cat([forwards, backwards], dim=-1)


class DeepBidirectional(nn.Module):
    """Bidirectional layers one above the other; each sees both directions of the one below."""

    def __init__(self, features: int, units: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = Bidirectional(features, units)
        self.dropout = nn.ModuleList(nn.Dropout(dropout) for _ in range(layers - 1))
        self.bidirectional = nn.ModuleList(
            Bidirectional(2 * units, units) for _ in range(layers - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, 2*units]"""
        x = self.first(x)  # [batch, time, 2*units]
        for dropout, bidirectional in zip(self.dropout, self.bidirectional):
            x = bidirectional(dropout(x))
        return x


class Concatenated(nn.Module):
    """Deep bidirectional LSTM (Graves, Mohamed & Hinton 2013): each layer sees both directions of
    the one below, side by side.
    """

    def __init__(self, features: int = 128, units: int = 256, layers: int = 4) -> None:
        super().__init__()
        self.deep_bidirectional = DeepBidirectional(features, units, layers)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, 2*units]"""
        y: Tensor = self.deep_bidirectional(x)  # [batch, time, 2*units]
        return y


class Alternating(nn.Module):
    """Deep bidirectional LSTM (Zhou & Xu 2015): one direction a layer, in turns."""

    def __init__(self, features: int = 128, units: int = 256, pairs: int = 2) -> None:
        super().__init__()
        self.lstm = LSTM(features, units)
        self.lstm_2 = LSTM(units, units)
        self.lstm_3 = nn.ModuleList(LSTM(units, units) for _ in range(pairs - 1))
        self.lstm_4 = nn.ModuleList(LSTM(units, units) for _ in range(pairs - 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        state = None
        outputs = []
        for x_t in x.unbind(1):
            h, state = self.lstm(x_t, state)
            outputs.append(h)
        state = None
        outputs_2 = []
        for x_t in reversed(torch.stack(outputs, dim=1).unbind(1)):
            h, state = self.lstm_2(x_t, state)
            outputs_2.append(h)
        x = torch.stack(outputs_2[::-1], dim=1)
        for lstm, lstm_2 in zip(self.lstm_3, self.lstm_4):
            state = None
            outputs = []
            for first in x.unbind(1):
                h, state = lstm(first, state)
                outputs.append(h)
            state = None
            outputs_2 = []
            for x_t in reversed(torch.stack(outputs, dim=1).unbind(1)):
                h, state = lstm_2(x_t, state)
                outputs_2.append(h)
            x = torch.stack(outputs_2[::-1], dim=1)
        return x
