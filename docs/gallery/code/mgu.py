import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Step(nn.Module):
    """Minimal gated unit (Zhou, Wu, Zhang & Zhou 2016): one gate resets and updates."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.f_x = nn.Linear(features, units)
        self.f_h = nn.Linear(units, units)
        self.n_x = nn.Linear(features, units)
        self.n_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        f = torch.sigmoid(self.f_x(x) + self.f_h(h))
        n = torch.tanh(self.n_x(x) + self.n_h(f * h))
        h = (1 - f) * h + f * n
        return h

    def scan(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        What x alone gives is computed for all steps at once.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        w_f = self.f_h.weight.T
        f_x = F.linear(x, self.f_x.weight, self.f_x.bias + self.f_h.bias)
        w_n = self.n_h.weight.T
        n_x = F.linear(x, self.n_x.weight, self.n_x.bias + self.n_h.bias)
        hs = []
        for f_x_t, n_x_t in zip(f_x.unbind(1), n_x.unbind(1)):
            f = torch.sigmoid(torch.addmm(f_x_t, h, w_f))
            n = torch.tanh(torch.addmm(n_x_t, f * h, w_n))
            h = torch.lerp(h, n.type_as(h), f.type_as(h))  # (1 - f) * h + f * n
            hs.append(h)
        return torch.stack(hs, dim=1), h


class MGULayer(nn.Module):
    """One layer of minimal gated units over a sequence."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.step = Step(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        y, _ = self.step.scan(x)
        return y
