import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Present(nn.Module):
    """One pattern: the category that answers best among those that pass the test keeps what both
    have. A category not yet in use has weights of 1: it passes, and answers least. How much
    both must have is told by what the pattern has, or by the pattern's length.
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
        enough = self.vigilance * i.sum()
        total = w.sum(-1)  # [k]
        unused = total == i.shape[0]
        passes = (both >= enough) | unused
        answer = torch.where(unused, 0, both / (self.choice + total))
        J = torch.where(passes, answer, -1).argmax(-1)
        won = F.one_hot(J, self.k).to(i.dtype).unsqueeze(-1)  # [k, 1]
        w = won * i * w + (1 - won) * w
        return J, w


class ART1(nn.Module):
    """ART1 (Carpenter & Grossberg 1987) with fast learning, for binary patterns: what both have,
    divided by what the pattern has, is to reach the vigilance.
    """

    w: Tensor

    def __init__(
        self, k: int = 20, d: int = 16, choice: float = 0.5, vigilance: float = 0.7
    ) -> None:
        super().__init__()
        self.present = Present(k, choice, vigilance)
        self.register_buffer("w", torch.ones(k, d))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> category int[n]"""
        w = self.w
        categories = []
        for x_t in x.unbind(0):
            category, w = self.present(x_t, w)
            categories.append(category)
        if self.training:
            self.w = w.detach()
        return torch.stack(categories, dim=0)


class PresentByLength(nn.Module):
    """One pattern: the category that answers best among those that pass the test keeps what both
    have. A category not yet in use has weights of 1: it passes, and answers least. How much
    both must have is told by what the pattern has, or by the pattern's length.
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
        features = i.shape[0]
        if w is None:
            w = self.initial_state(i)
        both = (i * w).sum(-1)  # [k]
        total = w.sum(-1)  # [k]
        unused = total == features
        passes = (both >= features * self.vigilance) | unused
        answer = torch.where(unused, 0, both / (self.choice + total))
        J = torch.where(passes, answer, -1).argmax(-1)
        won = F.one_hot(J, self.k).to(i.dtype).unsqueeze(-1)  # [k, 1]
        w = won * i * w + (1 - won) * w
        return J, w


class ART1ByLength(nn.Module):
    """ART1 as it is also found (artlib): what both have, divided by the pattern's length, is to
    reach the vigilance.
    """

    w: Tensor

    def __init__(
        self, k: int = 20, d: int = 16, choice: float = 0.5, vigilance: float = 0.3
    ) -> None:
        super().__init__()
        self.present = PresentByLength(k, choice, vigilance)
        self.register_buffer("w", torch.ones(k, d))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> category int[n]"""
        w = self.w
        categories = []
        for x_t in x.unbind(0):
            category, w = self.present(x_t, w)
            categories.append(category)
        if self.training:
            self.w = w.detach()
        return torch.stack(categories, dim=0)
