import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


def shift(x: Tensor, steps: int, dim: int, fill: float = 0.0) -> Tensor:
    """Move x along dim by a number of steps; what is left free holds `fill`."""
    size = x.size(dim)
    steps = max(-size, min(steps, size))
    free = torch.full_like(x.narrow(dim, 0, abs(steps)), fill)
    if steps < 0:
        return torch.cat([x.narrow(dim, -steps, size + steps), free], dim=dim)
    return torch.cat([free, x.narrow(dim, 0, size - steps)], dim=dim)


class BaumWelch(nn.Module):
    """Baum-Welch (Baum et al. 1970; Rabiner 1989, section III.C) on one sequence: expected counts
    by a pass forth and a pass back, then new π, A and B.
    """

    pi: Tensor
    A: Tensor
    B: Tensor

    def __init__(self, states: int = 2, symbols: int = 4) -> None:
        super().__init__()
        self.states = states
        self.symbols = symbols
        self.register_buffer("pi", torch.full((states,), 1 / states))
        self.register_buffer("A", nn.init.uniform_(torch.empty(states, states), 0.2, 1))
        self.register_buffer("B", nn.init.uniform_(torch.empty(states, symbols), 0.2, 1))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """seen int[time] -> likelihood [], gamma [time, states]"""
        move = self.A / self.A.sum(-1, keepdim=True)
        emit = self.B / self.B.sum(-1, keepdim=True)
        likely = emit.mT[seen]  # [time, states]
        prior = self.pi
        alphas = []
        scales = []
        for likely_t in likely.unbind(0):
            joint = prior * likely_t
            scale = joint.sum()
            alpha = joint / scale
            alphas.append(alpha)
            scales.append(scale)
            prior = alpha @ move
        forth = torch.stack(alphas, dim=0)
        beta = self.pi.new_ones(self.states)
        betas = []
        arrivings = []
        for likely_t, scale in zip(reversed(likely.unbind(0)), reversed(scales)):
            arriving = likely_t * beta / scale
            betas.append(beta)
            arrivings.append(arriving)
            beta = move @ (likely_t * beta) / scale
        back = torch.stack(betas[::-1], dim=0)
        gamma = forth * back
        likelihood = torch.stack(scales, dim=0).log().sum()
        if self.training:
            stacked_arrivings = torch.stack(arrivings[::-1], dim=0)
            with torch.no_grad():
                next_ = shift(stacked_arrivings, -1, 0)
                pairs = move * (forth.mT @ next_)
                counts = gamma.mT @ F.one_hot(seen, self.symbols).to(self.pi.dtype)
                self.pi = gamma[0]
                self.A = pairs / pairs.sum(-1, keepdim=True)
                self.B = counts / counts.sum(-1, keepdim=True)
        return likelihood, gamma


class Fit(Trainer):
    """Forth and back until the emissions no longer change."""

    def __init__(self, states: int = 2, symbols: int = 4) -> None:
        super().__init__()
        self.net = BaumWelch(states=states, symbols=symbols)

    def step(self, seen: Tensor) -> dict[str, float]:
        """One round: seen int[time]"""
        self.train()
        for passes in range(1, 101):
            before = self.net.B
            self.net(seen)
            if torch.allclose(self.net.B, before, rtol=1e-6):
                break
        return {"passes": passes}
