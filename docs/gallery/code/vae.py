import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class Encoder(nn.Module):
    """Encoder: the mean and the logarithm of the variance of what is hidden."""

    def __init__(self, pixels: int, units: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(pixels, units)
        self.mu = nn.Linear(units, latent)
        self.logvar = nn.Linear(units, latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, pixels] -> mu [batch, latent], logvar [batch, latent]"""
        hidden = torch.tanh(self.hidden(x))  # [batch, units]
        mu = self.mu(hidden)  # [batch, latent]
        logvar = self.logvar(hidden)  # [batch, latent]
        return mu, logvar


class Decoder(nn.Module):
    """The image made from what is hidden, as logits."""

    def __init__(self, latent: int, units: int, pixels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, units)
        self.linear_2 = nn.Linear(units, pixels)

    def forward(self, z: Tensor) -> Tensor:
        """z [batch, latent] -> scores [batch, pixels]"""
        scores: Tensor = self.linear_2(torch.tanh(self.linear(z)))  # [batch, pixels]
        return scores


class VAE(nn.Module):
    """Variational autoencoder (Kingma & Welling 2014): the gradient passes through the draw. The
    loss is the reconstruction's, and the divergence of what is hidden from the standard normal
    distribution.
    """

    def __init__(self, pixels: int = 784, units: int = 500, latent: int = 20) -> None:
        super().__init__()
        self.pixels = pixels
        self.encoder = Encoder(pixels, units, latent)
        self.decoder = Decoder(latent, units, pixels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [batch, pixels] -> y [batch, pixels], reconstruction [], divergence []"""
        mu, logvar = self.encoder(x)
        z = mu + (logvar / 2).exp() * torch.randn_like(mu)
        scores = self.decoder(z)  # [batch, pixels]
        y = torch.sigmoid(scores)
        reconstruction = self.pixels * F.binary_cross_entropy_with_logits(scores, x)
        divergence = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(-1).mean()
        return y, reconstruction, divergence


class Fit(Trainer):
    """One objective of two terms, one optimizer."""

    def __init__(
        self, pixels: int = 784, units: int = 500, latent: int = 20, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.net = VAE(pixels=pixels, units=units, latent=latent)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train(not self.evaluating)
        _, reconstruction, divergence = self.net(x)
        loss = reconstruction + divergence
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
