from typing import NamedTuple

import torch
import torch.nn.functional as F
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


class DeepState(NamedTuple):
    """What Deep hands on to its next step."""

    first_state: LSTMState | None
    second_state: LSTMState | None


class Deep(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.first = LSTM(units, units)
        self.second = LSTM(units, units)

    def forward(self, x: Tensor, state: DeepState | None = None) -> tuple[Tensor, DeepState]:
        """One step: x [batch, units] -> y [batch, units]"""
        first_state, second_state = DeepState(None, None) if state is None else state
        first, first_state = self.first(x, first_state)
        second, second_state = self.second(first, second_state)
        y = first + second
        return y, DeepState(first_state, second_state)


class A(nn.Module):
    def __init__(self, units: int = 4) -> None:
        super().__init__()
        self.y = Deep(units)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x [batch, time, units], mask bool[batch, time] -> z [batch, time, units]"""
        batch, time, _ = x.shape
        if mask is None:
            mask = x.new_ones(batch, time, dtype=torch.bool)
        state = None
        ys = []
        for x_t in x.unbind(1):
            y, state = self.y(x_t, state)
            ys.append(y)
        y = torch.stack(ys, dim=1)
        return torch.where(mask.unsqueeze(-1), y, 0)


class GRU(nn.Module):
    """Gated recurrent unit as torch and cuDNN have it (Chung et al. 2014, with the reset gate
    after the product): z keeps the old state.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.r = nn.Linear(features + units, units)
        self.z = nn.Linear(features + units, units)
        self.n_x = nn.Linear(features, units)
        self.n_h = nn.Linear(units, units)

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
        n = torch.tanh(self.n_x(x) + r * self.n_h(h))
        h = (1 - z) * n + z * h
        return h


class C(nn.Module):
    """GRU over depth, with convs in a loop."""

    def __init__(self, d: int = 4, n: int = 3) -> None:
        super().__init__()
        self.memory_cell = GRU(d, d)
        self.linears = nn.ModuleList(nn.Linear(d, d) for _ in range(n))
        self.h = GRU(d, d)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, d] -> y [batch, d], skips [batch, d]"""
        m = None
        h = x
        skips = x.new_zeros(())
        for i, linear in enumerate(self.linears):
            z = torch.tanh(linear(h))
            m = self.memory_cell(z, m)
            skips = skips + m
            h = h + m * (i + 1)
        h_2 = None
        again = h
        for _ in range(4):
            h_2 = self.h(again, h_2)
            again = h_2
        return again, skips


class LayerNorm(nn.Module):
    """Layer normalisation over the last axis (Ba, Kiros & Hinton 2016, eq. 4)."""

    def __init__(self, d: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d))
        self.bias = nn.Parameter(torch.zeros(d))

    def forward(self, x: Tensor) -> Tensor:
        """x [..., d] -> y [..., d]"""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, eps=self.eps)


class Pre(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.layer_norm = LayerNorm(d)
        self.linear = nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, d] -> y [batch, d]"""
        y: Tensor = x + self.linear(self.layer_norm(x))
        return y


class PreNoPreNorm(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.layer_norm = LayerNorm(d)
        self.linear = nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, d] -> y [batch, d]"""
        y: Tensor = self.layer_norm(x + self.linear(x))
        return y


class D(nn.Module):
    def __init__(self, d: int = 4) -> None:
        super().__init__()
        self.pre = Pre(d)
        self.pre_2 = PreNoPreNorm(d)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, d] -> y [batch, d]"""
        y: Tensor = self.pre(self.pre_2(x))
        return y
