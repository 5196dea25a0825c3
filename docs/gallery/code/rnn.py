import torch
from torch import Tensor, nn


class Step(nn.Module):
    """Simple recurrent step (Elman 1990) with torch's two biases."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.h_x = nn.Linear(features, units)
        self.h_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        return torch.tanh(self.h_x(x) + self.h_h(h))

    def scan(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        torch's kernel takes them.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        hs, h = torch.rnn_tanh(
            x,
            h.unsqueeze(0),
            [self.h_x.weight, self.h_h.weight, self.h_x.bias, self.h_h.bias],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return hs, h.squeeze(0)


class RNNLayer(nn.Module):
    """Basic recurrent network: the hidden vector comes back through a delay of one step."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.step = Step(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        y, _ = self.step.scan(x)
        return y
