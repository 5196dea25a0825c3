from typing import Any

import torch
from torch import Tensor, nn

from training import Trainer


def sample_rows(x: Tensor, k: int) -> Tensor:
    """k rows of x, drawn at random, none twice."""
    order = torch.randperm(x.shape[0], device=x.device)
    return x[order[:k]]


class FuzzyCMeans(nn.Module):
    """Fuzzy c-means (Bezdek 1981): every point belongs to every centre, the more the nearer; the
    exponent m says how fuzzy.
    """

    centres: Tensor

    def __init__(self, k: int = 3, d: int = 4, m: float = 2.0) -> None:
        super().__init__()
        self.k = k
        self.m = m
        self.register_buffer("centres", torch.full((k, d), torch.nan))
        self.begun = False
        on_load: Any = self.register_load_state_dict_post_hook
        on_load(FuzzyCMeans.loaded)

    def loaded(self, _: object) -> None:
        """What was loaded does not begin anew with the data, but where it has not begun yet."""
        self.begun = not self.centres.isnan().all()

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> share [n, k]"""
        if self.training and not self.begun:
            first = sample_rows(x, self.k)  # [k, d]
            self.centres = torch.where(self.centres.isnan(), first.detach(), self.centres)
            self.begun = True
        distance = torch.cdist(x, self.centres) + 1e-9  # [n, k]
        closeness = distance ** -(2 / (self.m - 1))
        share = closeness / closeness.sum(-1, keepdim=True)
        if self.training:
            with torch.no_grad():
                weight = share**self.m
                self.centres = weight.mT @ x / weight.sum(0).unsqueeze(-1)
        return share


class Fit(Trainer):
    """Shares and centres alternate until no centre moves."""

    def __init__(self, k: int = 3, d: int = 4, m: float = 2.0) -> None:
        super().__init__()
        self.net = FuzzyCMeans(k=k, d=d, m=m)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        for passes in range(1, 301):
            before = self.net.centres
            self.net(x)
            if torch.allclose(self.net.centres, before, rtol=1e-6):
                break
        return {"passes": passes}
