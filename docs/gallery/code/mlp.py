import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class MLP(nn.Module):
    """Multilayer perceptron (Rumelhart, Hinton & Williams 1986) for data in columns: every layer
    is dense, and only the last has no activation.
    """

    def __init__(self, features: int = 784, classes: int = 10) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 300)
        self.linear_2 = nn.Linear(300, 100)
        self.linear_3 = nn.Linear(100, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, features] -> scores [batch, classes]"""
        x = F.relu(self.linear_2(F.relu(self.linear(x))))  # [batch, 100]
        scores: Tensor = self.linear_3(x)  # [batch, classes]
        return scores


class Fit(Trainer):
    """The classifier learns by cross-entropy."""

    def __init__(self, features: int = 784, classes: int = 10, rate: float = 1e-3) -> None:
        super().__init__()
        self.net = MLP(features=features, classes=classes)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x: Tensor, digit: Tensor) -> dict[str, float]:
        """One update: x [batch, features], digit int[batch]"""
        self.train(not self.evaluating)
        loss = F.cross_entropy(self.net(x), digit)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
