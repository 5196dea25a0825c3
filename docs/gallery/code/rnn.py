import torch
from torch import Tensor, nn


class Step(nn.Module):
    """Simple recurrent step (Elman 1990) with torch's two biases."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.linear = nn.Linear(features, units)
        self.linear_2 = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        return torch.tanh(self.linear(x) + self.linear_2(h))


class RNNLayer(nn.Module):
    """Basic recurrent network: the hidden vector comes back through a delay of one step."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.step = Step(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        h = None
        outputs = []
        for x_t in x.unbind(1):
            h = self.step(x_t, h)
            outputs.append(h)
        return torch.stack(outputs, dim=1)
