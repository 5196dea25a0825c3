import torch
from torch import Tensor, nn

from training import Trainer


class Sweep(nn.Module):
    """One sweep: every unit in turn becomes the sign of what all others send it, or stays where
    that is 0.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def forward(self, s: Tensor, W: Tensor) -> Tensor:
        """s [batch, units], W [units, units] -> after [batch, units]"""
        now = s
        for which in torch.eye(self.units, device=s.device, dtype=s.dtype).unbind(0):
            drive = now @ W
            now = torch.where(which * drive == 0, now, drive.sign())
        return now


class Hopfield(nn.Module):
    """Hopfield network (Hopfield 1982): symmetric weights without self-connections, so units ×
    (units − 1) / 2 of them, stored by Hebb's rule. One unit after the other is set anew, so
    that the energy never grows, until a sweep changes none: a fixed point.
    """

    W: Tensor

    def __init__(self, units: int = 100, sweeps: int = 20) -> None:
        super().__init__()
        self.units = units
        self.sweeps = sweeps
        self.sweep = Sweep(units)
        self.register_buffer("W", torch.zeros(units, units))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [batch, units] -> recalled [batch, units], settled bool[batch], energy [batch]"""
        s = x
        for _ in range(self.sweeps):
            s = self.sweep(s, self.W)
        settled = (self.sweep(s, self.W) - s).abs().sum(-1) == 0  # [batch]
        energy = -0.5 * (s * (s @ self.W)).sum(-1)  # [batch]
        if self.training:
            with torch.no_grad():
                difference = 1 - torch.eye(self.units, device=x.device, dtype=x.dtype)
                self.W = x.mT @ x / self.units * difference
        return s, settled, energy


class Store(Trainer):
    """One call stores the patterns."""

    def __init__(self, units: int = 100) -> None:
        super().__init__()
        self.hopfield = Hopfield(units=units)

    def step(self, patterns: Tensor) -> dict[str, float]:
        """One round: patterns [n, units]"""
        self.train()
        self.hopfield(patterns)
        return {}
