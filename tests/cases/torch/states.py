from typing import NamedTuple

import torch
from torch import Tensor, nn


class LeakyState(NamedTuple):
    """What Leaky hands on to its next step."""

    h: Tensor
    age: Tensor


class Leaky(nn.Module):
    """A cell with two states, one of them learned at the start."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.first = nn.Parameter(nn.init.normal_(torch.empty(units), std=0.1))
        self.h = nn.Linear(features, units)

    def initial_state(self, x: Tensor) -> LeakyState:
        """The state before the first step."""
        batch = x.shape[0]
        return LeakyState(h=self.first.expand(batch, -1), age=x.new_ones(batch))

    def forward(self, x: Tensor, state: LeakyState | None = None) -> tuple[Tensor, LeakyState]:
        """One step: x [batch, features] -> y [batch, units]"""
        h, age = self.initial_state(x) if state is None else state
        h = 0.5 * h + torch.tanh(self.h(x))
        new_age = age + 1
        y = h / age.unsqueeze(-1)
        return y, LeakyState(h, new_age)

    def scan(self, x: Tensor, state: LeakyState | None = None) -> tuple[Tensor, LeakyState]:
        """All steps: x [batch, time, features] -> y [batch, time, units]

        What x alone gives is computed for all steps at once.
        """
        h, age = self.initial_state(x[:, 0]) if state is None else state
        hs = []
        ys = []
        for h_t in torch.tanh(self.h(x)).unbind(1):
            h = 0.5 * h + h_t
            hs.append(h)
            ys.append(age.unsqueeze(-1))
            age = age + 1
        y = torch.stack(hs, dim=1) / torch.stack(ys, dim=1)
        return y, LeakyState(h, age)


class Counter(nn.Module):
    """A cell whose one output is its one state."""

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        batch, d = x.shape
        return x.new_zeros(batch, d)

    def forward(self, x: Tensor, total: Tensor | None = None) -> Tensor:
        """One step: x [batch, d] -> total [batch, d]"""
        if total is None:
            total = self.initial_state(x)
        total = total + x
        return total


class OuterState(NamedTuple):
    """What Outer hands on to its next step."""

    seen: Tensor
    inner_state: LeakyState | None


class Outer(nn.Module):
    """A cell that steps another cell."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.inner = Leaky(features + units, units)

    def initial_state(self, x: Tensor) -> OuterState:
        """The state before the first step."""
        return OuterState(seen=x.new_zeros(x.shape[0], self.units), inner_state=None)

    def forward(self, x: Tensor, state: OuterState | None = None) -> tuple[Tensor, OuterState]:
        """One step: x [batch, features] -> seen [batch, units]"""
        seen, inner_state = self.initial_state(x) if state is None else state
        inner, inner_state = self.inner(torch.cat([x, seen], dim=-1), inner_state)
        seen = seen + inner
        return seen, OuterState(seen, inner_state)


class Scans(nn.Module):
    """Scans forwards and backwards, from given states, with final states used outside."""

    def __init__(self, features: int = 3, units: int = 4) -> None:
        super().__init__()
        self.forth = Leaky(features, units)
        self.back = Leaky(features, units)
        self.begun = Leaky(features, units)
        self.counted = Counter()
        self.nested = Outer(features, units)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [batch, time, features], h0 [batch, units]

        -> y [batch, time, 4*units], counted [batch, time, features], last [batch, units]
        """
        forth, _ = self.forth.scan(x)
        back, _ = self.back.scan(x.flip(1))
        back = back.flip(1)
        begun, state = self.begun.scan(x, self.begun.initial_state(x[:, 0])._replace(h=h0))
        total = None
        totals = []
        for x_t in x.unbind(1):
            total = self.counted(x_t, total)
            totals.append(total)
        counted = torch.stack(totals, dim=1)
        state_2 = None
        seens = []
        for x_t in x.unbind(1):
            seen, state_2 = self.nested(x_t, state_2)
            seens.append(seen)
        nested = torch.stack(seens, dim=1)
        y = torch.cat([forth, back, begun, nested], dim=-1)  # [batch, time, 4*units]
        last = state.h
        return y, counted, last
