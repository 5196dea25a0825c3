import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Mem(nn.Module):
    """Held operands, generation step by step, outputs that are inputs or numbers, a block that
    does nothing.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.features = features
        self.units = units
        self.h = nn.Linear(features + units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, context: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features], context [batch, units] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        h = h + torch.tanh(self.h(torch.cat([x, context], dim=-1)))
        return h

    def scan(self, x: Tensor, context: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features], context [batch, units] -> h [batch, time, units]

        What x alone gives is computed for all steps at once.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        w_x, w_hidden = torch.split(self.h.weight, [self.features, self.units], dim=1)
        w_hidden = w_hidden.T
        hidden_x = F.linear(x, w_x, self.h.bias)
        hs = []
        for hidden_x_t in hidden_x.unbind(1):
            h = h + torch.tanh(torch.addmm(hidden_x_t, context, w_hidden))
            hs.append(h)
        return torch.stack(hs, dim=1), h


class M(nn.Module):
    def __init__(self, units: int = 4, features: int = 3) -> None:
        super().__init__()
        self.h = Mem(features, units)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x [batch, time, features], context [batch, units] -> h [batch, time, units]"""
        h, _ = self.h.scan(x, context)
        return h


class GRU(nn.Module):
    """Gated recurrent unit as torch and cuDNN have it (Chung et al. 2014, with the reset gate
    after the product): z keeps the old state.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.r = nn.Linear(features + units, units)
        self.z = nn.Linear(features + units, units)
        self.n_x = nn.Linear(features, units)
        self.n_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        xh = torch.cat([x, h], dim=-1)  # [batch, features + units]
        r = torch.sigmoid(self.r(xh))  # [batch, units]
        z = torch.sigmoid(self.z(xh))  # [batch, units]
        n = torch.tanh(self.n_x(x) + r * self.n_h(h))
        h = (1 - z) * n + z * h
        return h


class Gen(nn.Module):
    def __init__(self, units: int = 4, steps: int = 5) -> None:
        super().__init__()
        assert steps > 0
        self.steps = steps
        self.E = nn.Embedding(10, units)
        self.cellm = GRU(units, units)
        self.scores = nn.Linear(units, 10)

    def forward(self, start: Tensor) -> tuple[Tensor, Tensor]:
        """start int[batch] -> all [steps, batch, 10], last int[batch]"""
        h = None
        token = start
        outs = []
        for _ in range(self.steps):
            h = self.cellm(self.E(token), h)
            scores = self.scores(h)
            outs.append(scores)
            token = scores.argmax(-1)  # [batch]
        all_ = torch.stack(outs, dim=0)
        return all_, token


class Empty(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """x [n] -> x [n]"""
        return x


class Two(nn.Module):
    def __init__(self, d: int = 3) -> None:
        super().__init__()
        self.d = d

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x [batch, d] -> y [batch, 1], x [batch, d], z [batch, d], w [batch, d]"""
        a, b = torch.split(x, [1, self.d - 1], dim=-1)
        y = a + b.sum(-1, keepdim=True)
        z = 3 * x
        return y, x, z, x


class Const(nn.Module):
    def __init__(self, d: int = 3) -> None:
        super().__init__()
        self.d = d
        self.y = Empty()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, d] -> y [batch], n int[]"""
        y = self.y(x.sum(-1))  # [batch]
        return y, x.new_full((), 2 * self.d, dtype=torch.long)
