from typing import Any

import torch
from torch import Tensor, nn


class Storage(nn.Module):
    """Parameters, frozen weights, memories that begin from data, shared and tied weights."""

    centre: Tensor
    count: Tensor
    seen: Tensor

    def __init__(self, d: int = 4, k: int = 3, vocab: int = 11) -> None:
        super().__init__()
        self.W = nn.Parameter(nn.init.xavier_uniform_(torch.empty(d, d)))
        self.gain = nn.Parameter(torch.full((), 2.0))
        self.R = nn.Parameter(nn.init.orthogonal_(torch.empty(d, d)), requires_grad=False)
        self.frozen_layer = nn.Linear(d, d).requires_grad_(False)
        self.shared = nn.Linear(d, d)
        self.E = nn.Embedding(vocab, d)
        self.register_buffer("centre", torch.full((d,), torch.nan))
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(k, dtype=torch.long))
        self.begun = False
        on_load: Any = self.register_load_state_dict_post_hook
        on_load(Storage.loaded)

    def loaded(self, _: object) -> None:
        """What was loaded does not begin anew with the data, but where it has not begun yet."""
        self.begun = not self.centre.isnan().all()

    def forward(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """x [n, d], tokens int[batch, time] -> y [n, d], scores [batch, time, vocab]"""
        if self.training and not self.begun:
            self.centre = torch.where(self.centre.isnan(), x.mean(0).detach(), self.centre)
            self.begun = True
        moved = (x - self.centre) @ self.W @ self.R * self.gain
        y = self.shared(self.shared(moved)) + self.frozen_layer(x)
        scores = self.E(tokens) @ self.E.weight.mT  # [batch, time, vocab]
        if self.training:
            with torch.no_grad():
                self.centre = 0.9 * self.centre + 0.1 * x.mean(0)
                self.count = self.count + 1
        return y, scores
