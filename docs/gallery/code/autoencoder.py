import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class Coder(nn.Module):
    """A code with as few values as there are hidden units, and the image made from it again."""

    def __init__(self, units: int, hidden: int, pixels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(pixels, units)
        self.linear_2 = nn.Linear(units, hidden)
        self.linear_3 = nn.Linear(hidden, units)
        self.linear_4 = nn.Linear(units, pixels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, pixels] -> code [batch, hidden], y [batch, pixels]"""
        code = torch.sigmoid(self.linear_2(F.relu(self.linear(x))))  # [batch, hidden]
        y = self.linear_4(F.relu(self.linear_3(code)))  # [batch, pixels]
        return code, y


class Plain(Trainer):
    """Autoencoder (Rumelhart, Hinton & Williams 1986; Hinton & Salakhutdinov 2006)."""

    def __init__(
        self, pixels: int = 784, units: int = 256, hidden: int = 32, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.coder = Coder(units, hidden, pixels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train(not self.evaluating)
        _, y = self.coder(x)
        loss = F.mse_loss(y, x)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}


class Sparse(Trainer):
    """Sparse autoencoder (Ng 2011): each code unit is to be active a small part of the time."""

    def __init__(
        self,
        pixels: int = 784,
        units: int = 256,
        hidden: int = 32,
        rate: float = 1e-3,
        sparsity: float = 0.05,
        weight: float = 0.1,
    ) -> None:
        super().__init__()
        self.sparsity = sparsity
        self.weight = weight
        self.coder = Coder(units, hidden, pixels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train(not self.evaluating)
        code, y = self.coder(x)
        active = code.mean(0)
        scaled = (1 - self.sparsity) * ((1 - self.sparsity) / (1 - active)).log()
        penalty = (self.sparsity * (self.sparsity / active).log() + scaled).sum()
        loss = F.mse_loss(y, x) + self.weight * penalty
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}


class Denoising(Trainer):
    """Denoising autoencoder (Vincent et al. 2008): noise on the input only; the clean image is to
    come out.
    """

    def __init__(
        self,
        pixels: int = 784,
        units: int = 256,
        hidden: int = 32,
        rate: float = 1e-3,
        spread: float = 0.3,
    ) -> None:
        super().__init__()
        self.spread = spread
        self.coder = Coder(units, hidden, pixels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor) -> dict[str, float]:
        """One update: x [batch, pixels]"""
        self.train(not self.evaluating)
        noise = torch.randn_like(x)
        _, y = self.coder(x + self.spread * noise)
        loss = F.mse_loss(y, x)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
