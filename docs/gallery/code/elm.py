import torch
from torch import Tensor, nn

from training import Trainer


class ELM(nn.Module):
    """Extreme learning machine (Huang, Zhu & Siew 2006): a frozen random layer, NOT recurrent, and
    a readout found by least squares.
    """

    readout: Tensor

    def __init__(self, features: int = 4, units: int = 200, outputs: int = 1) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, units).requires_grad_(False)
        self.register_buffer("readout", torch.zeros(units, outputs))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [n, features] -> y [n, outputs], hidden [n, units]"""
        hidden = torch.sigmoid(self.hidden(x))  # [n, units]
        y = hidden @ self.readout  # [n, outputs]
        return y, hidden


class Fit(Trainer):
    """The readout is the least-squares solution, at once."""

    def __init__(self, features: int = 4, units: int = 200, outputs: int = 1) -> None:
        super().__init__()
        self.net = ELM(features=features, units=units, outputs=outputs)

    def step(self, x: Tensor, target: Tensor) -> dict[str, float]:
        """One round: x [n, features], target [n, outputs]"""
        self.train()
        _, hidden = self.net(x)
        self.net.readout = torch.linalg.lstsq(hidden, target).solution.detach()
        return {}
