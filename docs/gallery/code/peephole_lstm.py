from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StepState(NamedTuple):
    """What Step hands on to its next step."""

    h: Tensor
    c: Tensor


class Step(nn.Module):
    """LSTM with peepholes (Gers & Schmidhuber 2000): input and forget gate see the cell before the
    step, the output gate sees it after; each unit sees its own cell only.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.peep_i = nn.Parameter(nn.init.uniform_(torch.empty(units), -0.1, 0.1))
        self.peep_f = nn.Parameter(nn.init.uniform_(torch.empty(units), -0.1, 0.1))
        self.peep_o = nn.Parameter(nn.init.uniform_(torch.empty(units), -0.1, 0.1))
        self.i_x = nn.Linear(features, units)
        self.i_h = nn.Linear(units, units)
        self.f_x = nn.Linear(features, units)
        self.f_h = nn.Linear(units, units)
        self.g_x = nn.Linear(features, units)
        self.g_h = nn.Linear(units, units)
        self.o_x = nn.Linear(features, units)
        self.o_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> StepState:
        """The state before the first step."""
        batch = x.shape[0]
        return StepState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: StepState | None = None) -> tuple[Tensor, StepState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        i = torch.sigmoid(self.i_x(x) + self.i_h(h) + self.peep_i * c)
        f = torch.sigmoid(self.f_x(x) + self.f_h(h) + self.peep_f * c)
        g = torch.tanh(self.g_x(x) + self.g_h(h))
        c = f * c + i * g
        o = torch.sigmoid(self.o_x(x) + self.o_h(h) + self.peep_o * c)
        h = o * torch.tanh(c)
        return h, StepState(h, c)

    def scan(self, x: Tensor, state: StepState | None = None) -> tuple[Tensor, StepState]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        What x alone gives is computed for all steps at once, and gates that see the same take
        one product.
        """
        h, c = self.initial_state(x[:, 0]) if state is None else state
        x_layers = [self.i_x, self.f_x, self.g_x, self.o_x]
        h_layers = [self.i_h, self.f_h, self.g_h, self.o_h]
        w_x = torch.cat([layer.weight for layer in x_layers])
        w_h = torch.cat([layer.weight for layer in h_layers]).T
        b_x = torch.cat([layer.bias for layer in x_layers])
        b_h = torch.cat([layer.bias for layer in h_layers])
        gates = F.linear(x, w_x, b_x + b_h)
        peep_i = self.peep_i.expand_as(c)  # here, so that its gradient is summed once
        peep_f = self.peep_f.expand_as(c)
        peep_o = self.peep_o.expand_as(c)
        hs = []
        for gates_t in gates.unbind(1):
            i, f, g, o = torch.addmm(gates_t, h, w_h).chunk(4, dim=-1)
            i = torch.sigmoid(torch.addcmul(i, peep_i, c))
            f = torch.sigmoid(torch.addcmul(f, peep_f, c))
            g = torch.tanh(g)
            c = f * c + i * g
            o = torch.sigmoid(torch.addcmul(o, peep_o, c))
            h = o * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs, dim=1), StepState(h, c)


class PeepholeLayer(nn.Module):
    """One layer of peephole LSTM over a sequence."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.step = Step(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        y, _ = self.step.scan(x)
        return y
