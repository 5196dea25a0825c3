import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class BatchNorm2d(nn.Module):
    """Batch normalisation of feature maps (Ioffe & Szegedy 2015, section 3.2): one mean and
    variance for each channel.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, height, width] -> y [batch, channels, height, width]"""
        y = F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )
        if self.training:
            self.num_batches_tracked = self.num_batches_tracked + 1
        return y


class Up(nn.Module):
    """A transposed convolution that doubles the side."""

    def __init__(self, c: int, maps: int) -> None:
        super().__init__()
        self.conv_transpose2d = nn.ConvTranspose2d(c, maps, 4, stride=2, padding=1, bias=False)
        self.batch_norm2d = BatchNorm2d(maps)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, side, side] -> y [batch, maps, 2*side, 2*side]"""
        return F.relu(self.batch_norm2d(self.conv_transpose2d(x)))


class Down(nn.Module):
    """A convolution that halves the side."""

    def __init__(self, c: int, maps: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(c, maps, 4, stride=2, padding=1, bias=False)
        self.batch_norm2d = BatchNorm2d(maps)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, side, side] -> y [batch, maps, floor(side/2), floor(side/2)]"""
        return F.leaky_relu(self.batch_norm2d(self.conv2d(x)), 0.2)


class Generator(nn.Module):
    """From noise to an image of 64 × 64."""

    def __init__(self, latent: int = 100, maps: int = 64, colours: int = 3) -> None:
        super().__init__()
        self.conv_transpose2d = nn.ConvTranspose2d(latent, 8 * maps, 4, bias=False)
        self.batch_norm2d = BatchNorm2d(8 * maps)
        self.up = Up(8 * maps, 4 * maps)
        self.up_2 = Up(4 * maps, 2 * maps)
        self.up_3 = Up(2 * maps, maps)
        self.image = nn.ConvTranspose2d(maps, colours, 4, stride=2, padding=1, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        """z [batch, latent, 1, 1] -> image [batch, colours, 64, 64]"""
        start = F.relu(self.batch_norm2d(self.conv_transpose2d(z)))  # [batch, 8*maps, 4, 4]
        large = self.up_3(self.up_2(self.up(start)))  # [batch, maps, 32, 32]
        return torch.tanh(self.image(large))


class Discriminator(nn.Module):
    """Back to one number; the first convolution has no normalisation."""

    def __init__(self, maps: int = 64, colours: int = 3) -> None:
        super().__init__()
        self.start = nn.Conv2d(colours, maps, 4, stride=2, padding=1, bias=False)
        self.down = Down(maps, 2 * maps)
        self.down_2 = Down(2 * maps, 4 * maps)
        self.down_3 = Down(4 * maps, 8 * maps)
        self.score = nn.Conv2d(8 * maps, 1, 4, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, colours, 64, 64] -> score [batch, 1]"""
        start = F.leaky_relu(self.start(image), 0.2)  # [batch, maps, 32, 32]
        small = self.down_3(self.down_2(self.down(start)))  # [batch, 8*maps, 4, 4]
        score: Tensor = self.score(small).flatten(1)  # [batch, 1]
        return score


class DCGAN(Trainer):
    """Deep convolutional GAN (Radford, Metz & Chintala 2016)."""

    def __init__(
        self, latent: int = 100, maps: int = 64, colours: int = 3, rate: float = 2e-4
    ) -> None:
        super().__init__()
        self.latent = latent
        self.G = Generator(latent=latent, maps=maps, colours=colours)
        self.D = Discriminator(maps=maps, colours=colours)
        self.D_optimizer = torch.optim.Adam(self.D.parameters(), lr=rate, betas=(0.5, 0.999))
        self.G_optimizer = torch.optim.Adam(self.G.parameters(), lr=rate, betas=(0.5, 0.999))

    def step(self, real: Tensor) -> dict[str, float]:
        """One update of each objective: real [batch, colours, 64, 64]"""
        batch = real.shape[0]
        self.train(not self.evaluating)
        z = torch.randn(batch, self.latent, 1, 1, device=real.device, dtype=real.dtype)
        fake = self.G(z)
        D_real = self.D(real)
        D_real_loss = F.binary_cross_entropy_with_logits(D_real, torch.ones_like(D_real))
        D_fake = self.D(fake.detach())
        D_fake_loss = F.binary_cross_entropy_with_logits(D_fake, torch.zeros_like(D_fake))
        discriminator_loss = D_real_loss + D_fake_loss
        self.descend(discriminator_loss, self.D_optimizer)
        D_fake = self.D(fake)
        generator_loss = F.binary_cross_entropy_with_logits(D_fake, torch.ones_like(D_fake))
        self.descend(generator_loss, self.G_optimizer)
        return {
            "discriminator_loss": discriminator_loss.item(),
            "generator_loss": generator_loss.item(),
        }
