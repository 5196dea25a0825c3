import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class FreeEnergy(nn.Module):
    """What is left of the energy when the hidden units are summed out."""

    def forward(self, v: Tensor, W: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """v [batch, visible], W [hidden, visible], b [visible], c [hidden] -> F [batch]"""
        return -(v @ b) - F.softplus(v @ W.mT + c).sum(-1)


class Gibbs(nn.Module):
    """Gibbs sampling: all visible units are drawn given the hidden ones, then all hidden units
    given those, and so on.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        assert steps > 0
        self.steps = steps

    def forward(self, start: Tensor, W: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """start [chains, hidden], W [hidden, visible], b [visible], c [hidden]

        -> seen [chains, visible], kept [chains, hidden]
        """
        h = start
        for _ in range(self.steps):
            v = torch.bernoulli(torch.sigmoid(h @ W + b))  # [chains, visible]
            h = torch.bernoulli(torch.sigmoid(v @ W.mT + c))  # [chains, hidden]
        seen = v
        return seen, h


class RBM(nn.Module):
    """Restricted Boltzmann machine (Smolensky 1986): visible and hidden units joined, none of a
    kind among themselves. At every call the chain starts from the data (contrastive divergence,
    Hinton 2002).
    """

    def __init__(self, visible: int = 784, hidden: int = 500, steps: int = 1) -> None:
        super().__init__()
        self.W = nn.Parameter(nn.init.normal_(torch.empty(hidden, visible), std=0.01))
        self.b = nn.Parameter(torch.zeros(visible))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.gibbs = Gibbs(steps)
        self.free = FreeEnergy()

    def forward(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """v [batch, visible] -> likely [batch, hidden], contrast []"""
        likely = torch.sigmoid(v @ self.W.mT + self.c)  # [batch, hidden]
        start = torch.bernoulli(likely)
        seen, _ = self.gibbs(start, self.W, self.b, self.c)
        mean = self.free(seen.detach(), self.W, self.b, self.c).mean()
        contrast = self.free(v, self.W, self.b, self.c).mean() - mean
        return likely, contrast


class ContrastiveDivergence(Trainer):
    """What is seen is made likelier, and what the chain makes of it less likely."""

    def __init__(
        self, visible: int = 784, hidden: int = 500, steps: int = 1, rate: float = 0.05
    ) -> None:
        super().__init__()
        self.rbm = RBM(visible=visible, hidden=hidden, steps=steps)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate)

    def step(self, v: Tensor) -> dict[str, float]:
        """One update: v [batch, visible]"""
        self.train(not self.evaluating)
        _, contrast = self.rbm(v)
        self.descend(contrast, self.optimizer)
        return {"contrast": contrast.item()}
