import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


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


class FreeEnergy(nn.Module):
    """What is left of the energy when the hidden units are summed out."""

    def forward(self, v: Tensor, W: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """v [batch, visible], W [hidden, visible], b [visible], c [hidden] -> F [batch]"""
        return -(v @ b) - F.softplus(v @ W.mT + c).sum(-1)


class PersistentRBM(nn.Module):
    """Restricted Boltzmann machine whose chains go on, at every call, where the call before left
    them (persistent contrastive divergence, Tieleman 2008).
    """

    start: Tensor

    def __init__(
        self, visible: int = 784, hidden: int = 500, steps: int = 1, chains: int = 10
    ) -> None:
        super().__init__()
        self.W = nn.Parameter(nn.init.normal_(torch.empty(hidden, visible), std=0.01))
        self.b = nn.Parameter(torch.zeros(visible))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.gibbs = Gibbs(steps)
        self.free = FreeEnergy()
        self.register_buffer("start", torch.zeros(chains, hidden))

    def forward(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """v [batch, visible] -> likely [batch, hidden], contrast []"""
        likely = torch.sigmoid(v @ self.W.mT + self.c)  # [batch, hidden]
        seen, kept = self.gibbs(self.start, self.W, self.b, self.c)
        mean = self.free(seen.detach(), self.W, self.b, self.c).mean()
        contrast = self.free(v, self.W, self.b, self.c).mean() - mean
        if self.training:
            self.start = kept.detach()
        return likely, contrast


class PersistentContrastiveDivergence(Trainer):
    """What is seen is made likelier, and what the chains make less likely."""

    def __init__(
        self,
        visible: int = 784,
        hidden: int = 500,
        steps: int = 1,
        chains: int = 10,
        rate: float = 0.05,
    ) -> None:
        super().__init__()
        self.persistent_rbm = PersistentRBM(
            visible=visible, hidden=hidden, steps=steps, chains=chains
        )
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate)

    def step(self, v: Tensor) -> dict[str, float]:
        """One update: v [batch, visible]"""
        self.train(not self.evaluating)
        _, contrast = self.persistent_rbm(v)
        self.descend(contrast, self.optimizer)
        return {"contrast": contrast.item()}
