import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class Reconstruct(nn.Module):
    """What is added to the image, from one pass's maps; the same weights for every pass."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(filters, filters, 3, padding=1)
        self.conv2d_2 = nn.Conv2d(filters, 1, 3, padding=1)

    def forward(self, h: Tensor, image: Tensor) -> Tensor:
        """h [batch, filters, height, width], image [batch, 1, height, width]

        -> y [batch, 1, height, width]
        """
        y: Tensor = image + self.conv2d_2(F.relu(self.conv2d(h)))
        return y


class DRCN(nn.Module):
    """Deeply recursive convolutional network for super-resolution (Kim, Lee & Lee 2016): ONE
    convolution, applied 16 times. Each pass's maps are reconstructed with the same weights and
    the image's skip, and a learned mix of the 16 predictions is the result.
    """

    def __init__(self, filters: int = 256, passes: int = 16) -> None:
        super().__init__()
        assert passes > 0
        self.passes = passes
        self.conv2d = nn.Conv2d(1, filters, 3, padding=1)
        self.conv2d_2 = nn.Conv2d(filters, filters, 3, padding=1)
        self.h = nn.Conv2d(filters, filters, 3, padding=1)
        self.reconstruct = Reconstruct(filters)
        self.mix = nn.Parameter(torch.full((passes,), 1 / passes))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """image [batch, 1, height, width]

        -> y [batch, 1, height, width], each [passes, batch, 1, height, width]
        """
        h = F.relu(self.conv2d_2(F.relu(self.conv2d(image))))  # [batch, filters, height, width]
        maps = []
        for _ in range(self.passes):
            h = F.relu(self.h(h))
            maps.append(h)
        images = image.repeat(self.passes, 1, 1, 1)
        rows = self.reconstruct(torch.cat(maps), images)
        each = rows.unflatten(0, (self.passes, -1))
        y = torch.einsum("p,pbchw->bchw", self.mix, each)  # [batch, 1, height, width]
        return y, each


class Fit(Trainer):
    """Every pass is supervised, and so is their mix (eqs. 9 and 10)."""

    def __init__(
        self, filters: int = 256, passes: int = 16, rate: float = 0.01, alpha: float = 0.5
    ) -> None:
        super().__init__()
        self.passes = passes
        self.alpha = alpha
        self.net = DRCN(filters=filters, passes=passes)
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4
        )

    def step(self, image: Tensor, sharp: Tensor) -> dict[str, float]:
        """One update: image [batch, 1, height, width], sharp [batch, 1, height, width]"""
        self.train(not self.evaluating)
        y, each = self.net(image)
        passes_error = F.mse_loss(each, sharp.expand(self.passes, -1, -1, -1, -1))
        loss = self.alpha * passes_error + (1 - self.alpha) * F.mse_loss(y, sharp)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
