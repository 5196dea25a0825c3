from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StepState(NamedTuple):
    """What Step hands on to its next step."""

    M: Tensor
    head: Tensor


class Step(nn.Module):
    """One step of the controller, a single layer whose weights come in: its one head is at ONE
    place, writes there, may jump to the place most like what it wrote, and moves by one or
    stays.
    """

    def __init__(self, rows: int, width: int, outputs: int) -> None:
        super().__init__()
        self.rows = rows
        self.width = width
        self.outputs = outputs

    def initial_state(self, x: Tensor) -> StepState:
        """The state before the first step."""
        batch = x.shape[0]
        mask = (torch.arange(self.rows, device=x.device) == 0).to(x.dtype)
        return StepState(M=x.new_zeros(batch, self.rows, self.width), head=mask.expand(batch, -1))

    def forward(
        self, x: Tensor, W: Tensor, state: StepState | None = None
    ) -> tuple[Tensor, StepState]:
        """One step: x [batch, features], W [features + width, outputs + width + 5]

        -> y [batch, outputs]
        """
        M, head = self.initial_state(x) if state is None else state
        read = torch.einsum("br,brw->bw", head, M)  # [batch, width]
        product = torch.cat([x, read], dim=-1) @ W  # [batch, outputs + width + 5]
        out, value, blend, jump, move = torch.split(
            product, [self.outputs, self.width, 1, 1, 3], dim=-1
        )
        place = head * torch.sigmoid(blend)
        M = M * (1 - place.unsqueeze(-1)) + place.unsqueeze(-1) * value.unsqueeze(-2)
        nearest = (M - value.unsqueeze(1)).square().sum(-1).argmin(-1)  # [batch]
        likeliest = F.one_hot(nearest, self.rows).to(x.dtype)  # [batch, rows]
        here = torch.where(jump > 0, likeliest, head)
        turn = F.one_hot(move.argmax(-1), 3).to(x.dtype)
        back, stay, on = turn.chunk(3, dim=-1)
        head = back * here.roll(-1, -1) + stay * here + on * here.roll(1, -1)
        y = torch.sigmoid(out)
        return y, StepState(M, head)


class EvolvableNTM(nn.Module):
    """Evolvable neural Turing machine (Greve, Jacobsen & Risi 2016): hard choices, and weights
    found without gradients; here by an evolution strategy (Salimans et al. 2017), where the
    paper's NEAT grows the controller, too.
    """

    theta: Tensor

    def __init__(
        self,
        features: int = 9,
        outputs: int = 8,
        rows: int = 16,
        width: int = 8,
        population: int = 32,
        spread: float = 0.1,
        rate: float = 0.05,
    ) -> None:
        super().__init__()
        self.features = features
        self.outputs = outputs
        self.width = width
        self.population = population
        self.spread = spread
        self.rate = rate
        self.machine = Step(rows, width, outputs)
        self.register_buffer("theta", torch.zeros(features + width, outputs + width + 5))

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """x [batch, time, features], target [batch, time, outputs] -> y [batch, time, outputs]"""
        state = None
        ys = []
        for x_t in x.unbind(1):
            y, state = self.machine(x_t, self.theta, state)
            ys.append(y)
        if self.training:
            with torch.no_grad():
                noise = torch.randn(
                    self.population,
                    self.features + self.width,
                    self.outputs + self.width + 5,
                    device=x.device,
                    dtype=x.dtype,
                )
                fits = []
                for noise_t in noise.unbind(0):
                    total = self.theta + self.spread * noise_t
                    state = None
                    ys_2 = []
                    for x_t in x.unbind(1):
                        y, state = self.machine(x_t, total, state)
                        ys_2.append(y)
                    guess = torch.stack(ys_2, dim=1)
                    fit = -F.mse_loss(guess, target)
                    fits.append(fit)
                fitness = torch.stack(fits, dim=0)
                worth = (fitness - fitness.mean()) / (fitness.std(correction=0) + 1e-8)
                product = torch.einsum("p,pij->ij", worth, noise)
                self.theta = self.theta + self.rate / (self.population * self.spread) * product
        return torch.stack(ys, dim=1)
