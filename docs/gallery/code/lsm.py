from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


def spectral(size: int, radius: float = 0.9, density: float = 1.0) -> Tensor:
    """A random square matrix of this spectral radius; a share `density` of it is not zero."""
    matrix = torch.rand(size, size, dtype=torch.float64) * 2 - 1
    matrix = matrix * (torch.rand(size, size) < density)
    largest: Tensor = torch.linalg.eigvals(matrix).abs().max().clamp(min=1e-12)
    matrix = matrix * radius / largest
    return matrix.to(torch.get_default_dtype())


class LiquidState(NamedTuple):
    """What Liquid hands on to its next step."""

    v: Tensor
    spikes: Tensor


class Liquid(nn.Module):
    """Leaky integrate-and-fire units that never learn: a spike where the membrane passes the
    threshold, and then a reset.
    """

    def __init__(self, features: int, units: int, threshold: float, decay: float) -> None:
        super().__init__()
        self.units = units
        self.threshold = threshold
        self.decay = decay
        self.W_in = nn.Parameter(torch.rand(features, units), requires_grad=False)
        self.W = nn.Parameter(spectral(units, density=0.2), requires_grad=False)

    def initial_state(self, x: Tensor) -> LiquidState:
        """The state before the first step."""
        batch = x.shape[0]
        return LiquidState(v=x.new_zeros(batch, self.units), spikes=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LiquidState | None = None) -> tuple[Tensor, LiquidState]:
        """One step: x [batch, features] -> spikes [batch, units]"""
        v, spikes = self.initial_state(x) if state is None else state
        u = self.decay * v + x @ self.W_in + spikes @ self.W
        spikes = (u - self.threshold >= 0).to(x.dtype)
        v = u * (1 - spikes)
        return spikes, LiquidState(v, spikes)


class LSM(nn.Module):
    """Liquid state machine (Maass, Natschläger & Markram 2002): a frozen spiking reservoir, whose
    filtered spikes a readout learns to read.
    """

    def __init__(
        self,
        features: int = 4,
        units: int = 200,
        classes: int = 3,
        threshold: float = 1.0,
        decay: float = 0.9,
    ) -> None:
        super().__init__()
        self.units = units
        self.decay = decay
        self.liquid = Liquid(features, units, threshold, decay)
        self.linear = nn.Linear(units, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> scores [batch, classes]"""
        state = None
        outputs = []
        for x_t in x.unbind(1):
            spikes, state = self.liquid(x_t, state)
            outputs.append(spikes)
        t = x.new_zeros(x.shape[0], self.units)  # [batch, units]
        for spikes_t in outputs:
            t = self.decay * t + spikes_t
        scores: Tensor = self.linear(t)  # [batch, classes]
        return scores


class Fit(Trainer):
    """Only the readout learns."""

    def __init__(
        self, features: int = 4, units: int = 200, classes: int = 3, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.net = LSM(features=features, units=units, classes=classes)
        self.optimizer = torch.optim.Adam(
            [p for p in self.parameters() if p.requires_grad], lr=rate
        )

    def step(self, x: Tensor, label: Tensor) -> dict[str, float]:
        """One update: x [batch, time, features], label int[batch]"""
        self.train(not self.evaluating)
        loss = F.cross_entropy(self.net(x), label)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
