from typing import Any

import torch
from torch import Tensor, nn

from training import Trainer


def sample_rows(x: Tensor, k: int) -> Tensor:
    """k rows of x, drawn at random, none twice."""
    order = torch.randperm(x.shape[0], device=x.device)
    return x[order[:k]]


class Mixture(nn.Module):
    """Gaussian mixture by expectation and maximisation (Dempster, Laird & Rubin 1977): shares of
    each point, then means, covariances and weights.
    """

    means: Tensor
    covariances: Tensor
    weights: Tensor

    def __init__(self, k: int = 3, d: int = 4, ridge: float = 1e-6) -> None:
        super().__init__()
        self.k = k
        self.d = d
        self.ridge = ridge
        self.register_buffer("means", torch.full((k, d), torch.nan))
        self.register_buffer("covariances", torch.eye(d).expand(k, -1, -1).clone())
        self.register_buffer("weights", torch.full((k,), 1 / k))
        self.begun = False
        on_load: Any = self.register_load_state_dict_post_hook
        on_load(Mixture.loaded)

    def loaded(self, _: object) -> None:
        """What was loaded does not begin anew with the data, but where it has not begun yet."""
        self.begun = not self.means.isnan().all()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [n, d] -> share [n, k], likelihood [n]"""
        if self.training and not self.begun:
            first = sample_rows(x, self.k)  # [k, d]
            self.means = torch.where(self.means.isnan(), first.detach(), self.means)
            self.begun = True
        apart = x.unsqueeze(1) - self.means  # [n, k, d]
        inverse = torch.linalg.inv(self.covariances)
        distance = torch.einsum("nkd,kde,nke->nk", apart, inverse, apart)  # [n, k]
        scaled = 0.5 * (distance + torch.logdet(6.283185307179586 * self.covariances))
        joint = self.weights.log() - scaled
        likelihood = joint.logsumexp(-1)  # [n]
        share = (joint - likelihood.unsqueeze(-1)).exp()
        if self.training:
            n = x.shape[0]
            with torch.no_grad():
                mass = share.sum(0)  # [k]
                means = share.mT @ x / mass.unsqueeze(-1)  # [k, d]
                moved = x.unsqueeze(1) - means  # [n, k, d]
                scatter = torch.einsum("nk,nkd,nke->kde", share, moved, moved)  # [k, d, d]
                scaled = self.ridge * torch.eye(self.d, device=x.device, dtype=x.dtype)  # [d, d]
                self.means = means
                self.covariances = scatter / mass.reshape(self.k, 1, 1) + scaled
                self.weights = mass / n
        return share, likelihood


class Fit(Trainer):
    """Expectation and maximisation alternate until no mean moves."""

    def __init__(self, k: int = 3, d: int = 4) -> None:
        super().__init__()
        self.net = Mixture(k=k, d=d)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        for passes in range(1, 301):
            before = self.net.means
            self.net(x)
            if torch.allclose(self.net.means, before, rtol=1e-6):
                break
        return {"passes": passes}
