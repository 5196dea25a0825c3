import torch
from torch import Tensor, nn

from training import Trainer


class Sweep(nn.Module):
    """One sweep: every unit that is not clamped is drawn anew, one after the other, given all
    others.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def forward(self, s: Tensor, W: Tensor, b: Tensor, clamped: Tensor) -> Tensor:
        """s [batch, units], W [units, units], b [units], clamped [units] -> after [batch, units]"""
        now = s
        for which in torch.eye(self.units, device=s.device, dtype=s.dtype).unbind(0):
            new = torch.bernoulli(torch.sigmoid(now @ W + b))
            free = which * (1 - clamped)
            now = free * new + (1 - free) * now
        return now


class Boltzmann(nn.Module):
    """Boltzmann machine (Ackley, Hinton & Sejnowski 1985): every unit may be joined with every
    other, with symmetric weights; learning compares what is seen together while the visible
    units are clamped, and while all run free.
    """

    def __init__(self, visible: int = 8, hidden: int = 4, sweeps: int = 5) -> None:
        super().__init__()
        self.visible = visible
        self.hidden = hidden
        self.sweeps = sweeps
        self.joined = nn.Parameter(
            nn.init.normal_(torch.empty(hidden + visible, hidden + visible), std=0.1)
        )
        self.b = nn.Parameter(torch.zeros(hidden + visible))
        self.sweep = Sweep(hidden + visible)

    def forward(self, v: Tensor) -> Tensor:
        """v [batch, visible] -> contrast []"""
        batch = v.shape[0]
        lower = self.joined.tril(-1)
        W = lower + lower.mT
        some = (torch.rand(batch, self.hidden, device=v.device, dtype=v.dtype) < 0.5).to(v.dtype)
        clamped = torch.cat([v.new_ones(self.visible), v.new_zeros(self.hidden)], dim=-1)
        bound = torch.cat([v, some], dim=-1)  # [batch, hidden + visible]
        for _ in range(self.sweeps):
            bound = self.sweep(bound, W, self.b, clamped)
        free = bound
        for _ in range(self.sweeps):
            free = self.sweep(free, W, self.b, 0 * clamped)
        mean = (-0.5 * (free @ W * free).sum(-1) - free @ self.b).mean()
        return (-0.5 * (bound @ W * bound).sum(-1) - bound @ self.b).mean() - mean


class Fit(Trainer):
    """The gradient of the difference of energies is the difference of what is seen together."""

    def __init__(
        self, visible: int = 8, hidden: int = 4, sweeps: int = 5, rate: float = 0.1
    ) -> None:
        super().__init__()
        self.net = Boltzmann(visible=visible, hidden=hidden, sweeps=sweeps)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate)

    def step(self, v: Tensor) -> dict[str, float]:
        """One update: v [batch, visible]"""
        self.train(not self.evaluating)
        contrast = self.net(v)
        self.descend(contrast, self.optimizer)
        return {"contrast": contrast.item()}
