import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


def reverse_gradient(x: Tensor, scale: float | Tensor = 1.0) -> Tensor:
    """x itself; its gradient is multiplied by -scale on the way back."""
    return x.detach() - scale * (x - x.detach())


class Features(nn.Module):
    """What source and target have in common is to be found here."""

    def __init__(self, d: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(d, units)
        self.linear_2 = nn.Linear(units, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, d] -> h [batch, units]"""
        return F.relu(self.linear_2(F.relu(self.linear(x))))


class DANN(nn.Module):
    """Domain-adversarial network (Ganin & Lempitsky 2015): the domain classifier learns to tell
    source from target, and by the reversed gradient the features learn not to let it.
    """

    def __init__(self, d: int = 784, units: int = 100, classes: int = 10) -> None:
        super().__init__()
        self.features = Features(d, units)
        self.scores = nn.Linear(units, classes)
        self.linear = nn.Linear(units, units)
        self.linear_2 = nn.Linear(units, 1)

    def forward(self, x: Tensor, strength: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, d], strength [] -> scores [batch, classes], domain [batch, 1]"""
        if strength is None:
            strength = x.new_ones(())
        features = self.features(x)  # [batch, units]
        scores = self.scores(features)  # [batch, classes]
        domain = self.linear_2(F.relu(self.linear(reverse_gradient(features, strength))))
        return scores, domain


class Adapt(Trainer):
    """Labels exist for the source only; one optimizer does it all. The strength of the reversal
    grows while training goes on.
    """

    def __init__(
        self, d: int = 784, units: int = 100, classes: int = 10, rate: float = 0.01
    ) -> None:
        super().__init__()
        self.net = DANN(d=d, units=units, classes=classes)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate, momentum=0.9)

    def step(
        self, source: Tensor, label: Tensor, target: Tensor, strength: Tensor | None = None
    ) -> dict[str, float]:
        """One update: source [batch, d], label int[batch], target [others, d], strength []"""
        self.train(not self.evaluating)
        if strength is None:
            strength = source.new_ones(())
        scores, source_domain = self.net(source, strength)
        _, target_domain = self.net(target, strength)
        source_domain_loss = F.binary_cross_entropy_with_logits(
            source_domain, torch.zeros_like(source_domain)
        )
        target_domain_loss = F.binary_cross_entropy_with_logits(
            target_domain, torch.ones_like(target_domain)
        )
        loss = F.cross_entropy(scores, label) + source_domain_loss + target_domain_loss
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
