from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Chance(nn.Module):
    """Draws of every kind."""

    def __init__(self, d: int = 4) -> None:
        super().__init__()
        self.mu = nn.Linear(d, d)
        self.sigma = nn.Linear(d, d)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [batch, d] -> y [batch, d], p [batch, d], q [batch]"""
        mu = self.mu(x)
        sigma = F.softplus(self.sigma(x))
        z = mu + sigma * torch.randn_like(mu)
        a = (mu + sigma * torch.randn_like(mu)).detach()
        share = torch.sigmoid(mu)
        b = torch.bernoulli(share).detach() + (share - share.detach())
        p_c: Any = torch.distributions.Categorical(probs=mu.softmax(-1), validate_args=False)
        c = p_c.sample()
        p_e: Any = torch.distributions.Laplace(mu, sigma, validate_args=False)
        e = p_e.rsample()
        noise = torch.rand_like(x)
        y = z + b + e + noise + c.unsqueeze(-1).to(x.dtype)
        p_a: Any = torch.distributions.Normal(mu, sigma, validate_args=False)
        p = p_a.log_prob(a)
        q = p_c.log_prob(c)
        return y, p, q
