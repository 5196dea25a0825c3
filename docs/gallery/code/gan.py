import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class Generator(nn.Module):
    """From noise to an image."""

    def __init__(self, latent: int = 64, pixels: int = 784) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, 256)
        self.linear_2 = nn.Linear(256, 512)
        self.linear_3 = nn.Linear(512, pixels)

    def forward(self, z: Tensor) -> Tensor:
        """z [batch, latent] -> image [batch, pixels]"""
        z = F.relu(self.linear_2(F.relu(self.linear(z))))  # [batch, 512]
        return torch.tanh(self.linear_3(z))


class Discriminator(nn.Module):
    """How likely an image is a real one."""

    def __init__(self, pixels: int = 784) -> None:
        super().__init__()
        self.linear = nn.Linear(pixels, 512)
        self.linear_2 = nn.Linear(512, 256)
        self.linear_3 = nn.Linear(256, 1)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, pixels] -> real [batch, 1]"""
        hidden = F.leaky_relu(self.linear_2(F.leaky_relu(self.linear(image), 0.2)), 0.2)
        return torch.sigmoid(self.linear_3(hidden))


class GAN(Trainer):
    """Generative adversarial network (Goodfellow et al. 2014), in the form where the generator
    maximises log D(G(z)): the discriminator learns from real and generated images, and the
    generator from the discriminator, in turns.
    """

    def __init__(self, latent: int = 64, pixels: int = 784, rate: float = 2e-4) -> None:
        super().__init__()
        self.latent = latent
        self.G = Generator(latent=latent, pixels=pixels)
        self.D = Discriminator(pixels=pixels)
        self.D_optimizer = torch.optim.Adam(self.D.parameters(), lr=rate, betas=(0.5, 0.999))
        self.G_optimizer = torch.optim.Adam(self.G.parameters(), lr=rate, betas=(0.5, 0.999))

    def step(self, real: Tensor) -> dict[str, float]:
        """One update of each objective: real [batch, pixels]"""
        batch = real.shape[0]
        self.train(not self.evaluating)
        z = torch.randn(batch, self.latent, device=real.device, dtype=real.dtype)
        fake = self.G(z)
        D_real = self.D(real)
        D_fake = self.D(fake.detach())
        D_fake_loss = F.binary_cross_entropy(D_fake, torch.zeros_like(D_fake))
        discriminator_loss = F.binary_cross_entropy(D_real, torch.ones_like(D_real)) + D_fake_loss
        self.descend(discriminator_loss, self.D_optimizer)
        D_fake = self.D(fake)
        generator_loss = F.binary_cross_entropy(D_fake, torch.ones_like(D_fake))
        self.descend(generator_loss, self.G_optimizer)
        return {
            "discriminator_loss": discriminator_loss.item(),
            "generator_loss": generator_loss.item(),
        }
