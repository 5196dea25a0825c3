import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class Present(nn.Module):
    """One pattern: the category that answers best among those that pass the test moves towards it.
    A category not yet in use has weights of 1: it passes every test, and where the vigilance is
    above 1/2, it answers least.
    """

    def __init__(self, k: int, choice: float, vigilance: float, rate: float) -> None:
        super().__init__()
        self.k = k
        self.choice = choice
        self.vigilance = vigilance
        self.rate = rate

    def initial_state(self, i: Tensor) -> Tensor:
        """The state before the first step."""
        return i.new_ones(self.k, i.shape[0])

    def forward(self, i: Tensor, w: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step: i [features] -> category int[]"""
        if w is None:
            w = self.initial_state(i)
        smaller = torch.minimum(i, w)
        both = smaller.sum(-1)  # [k]
        answer = both / (self.choice + w.sum(-1))
        passes = both / i.sum() >= self.vigilance
        J = torch.where(passes, answer, -1).argmax(-1)
        won = F.one_hot(J, self.k).to(i.dtype).unsqueeze(-1)  # [k, 1]
        w = won * (self.rate * smaller + (1 - self.rate) * w) + (1 - won) * w
        return J, w


class FuzzyART(nn.Module):
    """Fuzzy ART (Carpenter, Grossberg & Rosen 1991) with complement coding, of at most k
    categories.
    """

    w: Tensor

    def __init__(
        self,
        k: int = 50,
        d: int = 4,
        choice: float = 1e-3,
        vigilance: float = 0.75,
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.present = Present(k, choice, vigilance, rate)
        self.register_buffer("w", torch.ones(k, 2 * d))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> category int[n]"""
        w = self.w
        categories = []
        for x_t in torch.cat([x, 1 - x], dim=-1).unbind(0):
            category, w = self.present(x_t, w)
            categories.append(category)
        if self.training:
            self.w = w.detach()
        return torch.stack(categories, dim=0)


class Fit(Trainer):
    """One call presents every pattern once."""

    def __init__(
        self,
        k: int = 50,
        d: int = 4,
        choice: float = 1e-3,
        vigilance: float = 0.75,
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.fuzzy_art = FuzzyART(k=k, d=d, choice=choice, vigilance=vigilance, rate=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        self.fuzzy_art(x)
        return {}
