import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Present(nn.Module):
    """One pattern: the category that answers best among those that pass the test keeps what both
    have.
    """

    def __init__(self, k: int, choice: float, vigilance: float) -> None:
        super().__init__()
        self.k = k
        self.choice = choice
        self.vigilance = vigilance

    def initial_state(self, i: Tensor) -> Tensor:
        """The state before the first step."""
        return i.new_ones(self.k, i.shape[0])

    def forward(self, i: Tensor, w: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step: i [features] -> category int[]"""
        if w is None:
            w = self.initial_state(i)
        both = (i * w).sum(-1)  # [k]
        answer = both / (self.choice + w.sum(-1))
        passes = both >= self.vigilance * i.sum()
        J = torch.where(passes, answer, -1).argmax(-1)
        won = F.one_hot(J, self.k).to(i.dtype).unsqueeze(-1)  # [k, 1]
        w = won * i * w + (1 - won) * w
        return J, w


class ART1(nn.Module):
    """ART1 (Carpenter & Grossberg 1987) with fast learning, for binary patterns."""

    w: Tensor

    def __init__(
        self, k: int = 20, d: int = 16, choice: float = 0.5, vigilance: float = 0.7
    ) -> None:
        super().__init__()
        self.r = Present(k, choice, vigilance)
        self.register_buffer("w", torch.ones(k, d))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> category int[n]"""
        w = self.w
        categories = []
        for x_t in x.unbind(0):
            category, w = self.r(x_t, w)
            categories.append(category)
        if self.training:
            self.w = w.detach()
        return torch.stack(categories, dim=0)
