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
        self.features = features
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

    def scan(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        torch's kernel takes them, with the gates' weights in its order: input, forget, cell,
        output.
        """
        h, c = self.initial_state(x[:, 0]) if state is None else state
        hs, h, c = torch.lstm(
            x,
            (h.unsqueeze(0), c.unsqueeze(0)),
            self.kernel_weights(),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return hs, LSTMState(h.squeeze(0), c.squeeze(0))

    def kernel_weights(self) -> list[Tensor]:
        """The weights in the order of torch's kernel: input, forget, cell, output."""
        layers = [self.i, self.f, self.g, self.o]
        weight = torch.cat([layer.weight for layer in layers])
        w_x, w_h = torch.split(weight, [self.features, self.units], dim=1)
        bias = torch.cat([layer.bias for layer in layers])
        return [w_x, w_h, bias, torch.zeros_like(bias)]

    def scan_both(self, backwards: "LSTM", x: Tensor) -> Tensor:
        """All steps in both directions, side by side.

        x [batch, time, features] -> [batch, time, 2*units]
        """
        h, c = self.initial_state(x[:, 0])
        h_b, c_b = backwards.initial_state(x[:, 0])
        hs, _, _ = torch.lstm(
            x,
            (torch.stack([h, h_b]), torch.stack([c, c_b])),
            [*self.kernel_weights(), *backwards.kernel_weights()],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=True,
            batch_first=True,
        )
        return hs


class SideBySide(nn.Module):
    """Both directions read the same, and stand side by side."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.forth = LSTM(features, units)
        self.back = LSTM(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, 2*units]"""
        return self.forth.scan_both(self.back, x)


class InTurns(nn.Module):
    """The way back reads what the way forth found."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.forth = LSTM(features, units)
        self.back = LSTM(units, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        forth, _ = self.forth.scan(x)
        back, _ = self.back.scan(forth.flip(1))
        return back.flip(1)


class Concatenated(nn.Module):
    """Deep bidirectional LSTM (Graves, Mohamed & Hinton 2013): each layer sees both directions of
    the one below, side by side.
    """

    def __init__(self, features: int = 128, units: int = 256, layers: int = 4) -> None:
        super().__init__()
        self.side_by_side = SideBySide(features, units)
        self.side_by_sides = nn.ModuleList(SideBySide(2 * units, units) for _ in range(layers - 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, 2*units]"""
        y: Tensor = self.side_by_side(x)  # [batch, time, 2*units]
        for side_by_side in self.side_by_sides:
            y = side_by_side(y)
        return y


class Alternating(nn.Module):
    """Deep bidirectional LSTM (Zhou & Xu 2015): one direction a layer, in turns."""

    def __init__(self, features: int = 128, units: int = 256, pairs: int = 2) -> None:
        super().__init__()
        self.in_turns = InTurns(features, units)
        self.in_turns_layers = nn.ModuleList(InTurns(units, units) for _ in range(pairs - 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        y: Tensor = self.in_turns(x)  # [batch, time, units]
        for in_turns_layer in self.in_turns_layers:
            y = in_turns_layer(y)
        return y
