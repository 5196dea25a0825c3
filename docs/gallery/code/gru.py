import torch
from torch import Tensor, nn


class ResetAfter(nn.Module):
    """Gated recurrent unit as torch and cuDNN have it: the reset gate acts after the product, and
    z keeps the old state.
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

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        r = torch.sigmoid(self.linear(x) + self.linear_2(h))
        z = torch.sigmoid(self.linear_3(x) + self.linear_4(h))
        n = torch.tanh(self.linear_5(x) + r * self.linear_6(h))
        h = (1 - z) * n + z * h
        return h


class ResetBefore(nn.Module):
    """Gated recurrent unit of Cho et al. (2014): the reset gate acts on the state before the
    product, and z keeps the old state.
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

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        r = torch.sigmoid(self.linear(x) + self.linear_2(h))
        z = torch.sigmoid(self.linear_3(x) + self.linear_4(h))
        n = torch.tanh(self.linear_5(x) + self.linear_6(r * h))
        h = (1 - z) * n + z * h
        return h


class GRULayer(nn.Module):
    """A layer of GRU, torch's form."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.reset_after = ResetAfter(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        h = None
        outputs = []
        for x_t in x.unbind(1):
            h = self.reset_after(x_t, h)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class ChoGRULayer(nn.Module):
    """A layer of GRU, the paper's form."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.reset_before = ResetBefore(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        h = None
        outputs = []
        for x_t in x.unbind(1):
            h = self.reset_before(x_t, h)
            outputs.append(h)
        return torch.stack(outputs, dim=1)
