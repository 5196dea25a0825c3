from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


def supply_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """x itself; on the way back its gradient is the one supplied, whatever comes from above."""
    # a view, so that the gradient of the result itself is still what comes from above
    inner = x.view_as(x)
    if inner.requires_grad:
        register: Any = inner.register_hook
        register(lambda above: gradient.detach())
    return inner.view_as(inner)


class SyntheticGradients(Trainer):
    """Synthetic gradients (Jaderberg et al. 2017): the lower layer learns at once from a gradient
    that another network supplies; that network learns from the true gradient, once it is known.
    """

    def __init__(
        self, pixels: int = 784, units: int = 256, classes: int = 10, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.lower = nn.Linear(pixels, units)
        self.upper = nn.Linear(units, classes)
        self.supplier = nn.Linear(units, units)
        self.supplier_optimizer = torch.optim.Adam(self.supplier.parameters(), lr=rate)
        self.lower_upper_optimizer = torch.optim.Adam(
            [*self.lower.parameters(), *self.upper.parameters()], lr=rate
        )
        self.differentiates = True

    def step(self, x: Tensor, digit: Tensor) -> dict[str, float]:
        """One update of each objective: x [batch, pixels], digit int[batch]"""
        self.train(not self.evaluating)
        h = F.relu(self.lower(x))
        stopped = h.detach()
        guess = self.supplier(stopped)
        s = supply_gradient(h, guess)
        loss = F.cross_entropy(self.upper(s), digit)
        gradient = torch.autograd.grad(loss, s, retain_graph=True)[0].detach()
        guess_error = F.mse_loss(guess, gradient)
        self.descend(guess_error, self.supplier_optimizer)
        guess = self.supplier(stopped)
        s = supply_gradient(h, guess)
        loss = F.cross_entropy(self.upper(s), digit)
        self.descend(loss, self.lower_upper_optimizer)
        return {"guess_error": guess_error.item(), "loss": loss.item()}
