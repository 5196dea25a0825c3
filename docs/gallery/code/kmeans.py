from typing import Any

import torch
from torch import Tensor, nn

from training import Trainer


def sample_rows(x: Tensor, k: int) -> Tensor:
    """k rows of x, drawn at random, none twice."""
    order = torch.randperm(x.shape[0], device=x.device)
    return x[order[:k]]


def mean_by(x: Tensor, cluster: Tensor, k: int) -> Tensor:
    """The mean of the rows of x in each of k clusters; 0 for a cluster without rows."""
    total = x.new_zeros(k, *x.shape[1:]).index_add(0, cluster, x)
    count = x.new_zeros(k).index_add(0, cluster, torch.ones_like(cluster, dtype=x.dtype))
    return total / count.clamp(min=1).view(-1, *[1] * (x.ndim - 1))


class KMeans(nn.Module):
    """k-means (Lloyd 1982): each point goes to the nearest centroid, and each centroid to the mean
    of its points.
    """

    centroids: Tensor

    def __init__(self, k: int = 3, d: int = 4) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("centroids", torch.full((k, d), torch.nan))
        self.begun = False
        on_load: Any = self.register_load_state_dict_post_hook
        on_load(KMeans.loaded)

    def loaded(self, _: object) -> None:
        """What was loaded does not begin anew with the data, but where it has not begun yet."""
        self.begun = not self.centroids.isnan().all()

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> cluster int[n]"""
        if self.training and not self.begun:
            first = sample_rows(x, self.k)  # [k, d]
            self.centroids = torch.where(self.centroids.isnan(), first.detach(), self.centroids)
            self.begun = True
        distance = torch.cdist(x, self.centroids)  # [n, k]
        cluster = distance.argmin(1)  # [n]
        if self.training:
            with torch.no_grad():
                self.centroids = mean_by(x, cluster, self.k)
        return cluster


class Fit(Trainer):
    """The two steps alternate until no centroid moves."""

    def __init__(self, k: int = 3, d: int = 4) -> None:
        super().__init__()
        self.net = KMeans(k=k, d=d)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        for passes in range(1, 301):
            before = self.net.centroids
            self.net(x)
            if torch.allclose(self.net.centroids, before, rtol=1e-6):
                break
        return {"passes": passes}
