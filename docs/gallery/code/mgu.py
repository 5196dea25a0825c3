import torch
from torch import Tensor, nn


class Step(nn.Module):
    """Minimal gated unit (Zhou, Wu, Zhang & Zhou 2016): one gate resets and updates."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.linear = nn.Linear(features, units)
        self.linear_2 = nn.Linear(units, units)
        self.linear_3 = nn.Linear(features, units)
        self.linear_4 = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        f = torch.sigmoid(self.linear(x) + self.linear_2(h))
        n = torch.tanh(self.linear_3(x) + self.linear_4(f * h))
        h = (1 - f) * h + f * n
        return h


class MGULayer(nn.Module):
    """One layer of minimal gated units over a sequence."""

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
