"""The VAE's two terms against torch.distributions."""

import torch
import torch.nn.functional as F
from agreement import Seeded, Weights, agree, layers, load, seeded
from torch import Tensor


def test_vae_loss_and_gradients() -> None:
    ours = load("vae", "VAE", pixels=12, units=9, latent=3)

    def reference(w: Weights, x: Tensor) -> list[Tensor]:
        h1, mean, spread, h2, out = layers(w)
        h = torch.tanh(F.linear(x, **h1))
        mu, logvar = F.linear(h, **mean), F.linear(h, **spread)
        z = torch.distributions.Normal(mu, (logvar / 2).exp()).rsample()
        y = torch.sigmoid(F.linear(torch.tanh(F.linear(z, **h2)), **out))
        reconstruction = F.binary_cross_entropy(y, x, reduction="sum") / len(x)
        prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
        divergence = torch.distributions.kl_divergence(torch.distributions.Normal(mu, (logvar / 2).exp()), prior)
        return [y, reconstruction, divergence.sum(-1).mean()]

    agree(Seeded(ours), seeded(reference), [torch.rand(5, 12)])
