from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class Glimpse(nn.Module):
    """What is seen at a place: squares of several scales around it, each shrunk to the same size,
    then joined with where it was.
    """

    def __init__(self, size: int, scales: int, units: int) -> None:
        super().__init__()
        self.size = size
        self.scales = scales
        self.what = nn.Linear(scales * size**2, units)
        self.whither = nn.Linear(2, units)
        self.g_what = nn.Linear(units, 2 * units)
        self.g_whither = nn.Linear(units, 2 * units)

    def forward(self, image: Tensor, place: Tensor) -> Tensor:
        """image [batch, side, side], place [batch, 2] -> g [batch, 2*units]"""
        side = image.shape[1]
        centre = (place + 1) / 2 * side
        smalls = []
        for s in range(self.scales):
            positions = torch.arange(self.size * 2**s, device=image.device, dtype=image.dtype)
            offset = positions - 0.5 * self.size * 2**s
            at = (centre.unsqueeze(-1) + offset).floor().clamp(0, side - 1)  # [batch, 2, size*2^s]
            row, column = at.chunk(2, dim=1)
            index = (row.transpose(1, 2) * side + column).long()  # [batch, size*2^s, size*2^s]
            square = image.flatten(1).gather(-1, index.flatten(1))  # [batch, size^2*(2^s)^2]
            maps = torch.unflatten(square, -1, (1, self.size * 2**s, self.size * 2**s))
            small = F.avg_pool2d(maps, 2**s).flatten(1)  # [batch, size^2]
            smalls.append(small)
        seen = torch.stack(smalls, dim=0)
        what = F.relu(self.what(seen.transpose(0, 1).flatten(1)))  # [batch, units]
        whither = F.relu(self.whither(place))  # [batch, units]
        return F.relu(self.g_what(what) + self.g_whither(whither))


class RAM(nn.Module):
    """Recurrent model of visual attention (Mnih et al. 2014): what was seen moves the state, and
    the state draws the next place to look.
    """

    def __init__(
        self,
        glimpses: int = 6,
        size: int = 8,
        scales: int = 3,
        units: int = 128,
        spread: float = 0.1,
        classes: int = 10,
    ) -> None:
        super().__init__()
        assert glimpses > 0
        self.glimpses = glimpses
        self.units = units
        self.spread = spread
        self.glimpse = Glimpse(size, scales, units)
        self.h_h = nn.Linear(2 * units, 2 * units)
        self.h_g = nn.Linear(2 * units, 2 * units)
        self.place = nn.Linear(2 * units, 2)
        self.baseline = nn.Linear(2 * units, 1)
        self.scores = nn.Linear(2 * units, classes)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """image [batch, side, side]

        -> scores [batch, classes], baseline [glimpses, batch], log_likelihood [glimpses, batch]
        """
        batch = image.shape[0]
        place = -1 + 2 * torch.rand(batch, 2, device=image.device, dtype=image.dtype)  # [batch, 2]
        h = image.new_zeros(batch, 2 * self.units)  # [batch, 2*units]
        baselines = []
        log_likelihoods = []
        for _ in range(self.glimpses):
            g = self.glimpse(image, place)  # [batch, 2*units]
            h = F.relu(self.h_h(h) + self.h_g(g))
            core = h.detach()
            hidden = torch.tanh(self.place(core))  # [batch, 2]
            place = (hidden + self.spread * torch.randn_like(hidden)).detach()
            baseline = self.baseline(core).squeeze(-1)  # [batch]
            p_place: Any = torch.distributions.Normal(hidden, self.spread, validate_args=False)
            log_likelihood = p_place.log_prob(place).sum(-1)  # [batch]
            baselines.append(baseline)
            log_likelihoods.append(log_likelihood)
        baseline = torch.stack(baselines, dim=0)
        log_likelihood = torch.stack(log_likelihoods, dim=0)
        scores = self.scores(h)  # [batch, classes]
        return scores, baseline, log_likelihood


class Reinforce(Trainer):
    """The classifier learns by cross-entropy; where to look is learned by REINFORCE, with a
    learned baseline.
    """

    def __init__(self, rate: float = 1e-3) -> None:
        super().__init__()
        self.net = RAM()
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, image: Tensor, digit: Tensor) -> dict[str, float]:
        """One update: image [batch, side, side], digit int[batch]"""
        self.train(not self.evaluating)
        scores, baseline, log_likelihood = self.net(image)
        reward = (scores.argmax(-1) == digit).to(image.dtype).detach()
        surprise = reward - baseline
        policy = -(log_likelihood * surprise.detach()).sum(0).mean()
        loss = F.cross_entropy(scores, digit) + policy + surprise.square().mean()
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
