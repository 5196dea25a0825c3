import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class LeNet5(nn.Module):
    """LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998) as it is built today: rectifiers, and the
    maximum of each 2 × 2 window.
    """

    def __init__(self, side: int = 28, classes: int = 10) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2d_2 = nn.Conv2d(6, 16, 5)
        self.linear = nn.Linear(16 * (side // 4 - 2) ** 2, 120)
        self.linear_2 = nn.Linear(120, 84)
        self.linear_3 = nn.Linear(84, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 1, side, side] -> scores [batch, classes]"""
        features = self.conv2d_2(F.max_pool2d(F.relu(self.conv2d(image)), 2))
        maps = F.max_pool2d(F.relu(features), 2)
        hidden = self.linear_2(F.relu(self.linear(maps.flatten(1))))  # [batch, 84]
        scores: Tensor = self.linear_3(F.relu(hidden))  # [batch, classes]
        return scores


class Fit(Trainer):
    """The classifier learns by cross-entropy."""

    def __init__(self, side: int = 28, rate: float = 1e-3) -> None:
        super().__init__()
        self.net = LeNet5(side=side)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, image: Tensor, digit: Tensor) -> dict[str, float]:
        """One update: image [batch, 1, side, side], digit int[batch]"""
        self.train(not self.evaluating)
        loss = F.cross_entropy(self.net(image), digit)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
