from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def linear_recurrence(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """h' = a h + b at each step of a and b [batch, time, ...]; small steps in log2(time) passes.

    A pass makes each step reach twice as far back. That is more work, and less waiting.
    """
    small = h.numel() < (65536 if h.is_cuda else 256) and not torch.compiler.is_compiling()
    if not small:
        hs = []
        for a_t, b_t in zip(a.unbind(1), b.unbind(1)):
            h = torch.addcmul(b_t, a_t, h)
            hs.append(h)
        return torch.stack(hs, dim=1)
    b = torch.cat([torch.addcmul(b[:, :1], a[:, :1], h.unsqueeze(1)), b[:, 1:]], dim=1)
    reach = 1
    while reach < b.shape[1]:
        b = torch.cat([b[:, :reach], torch.addcmul(b[:, reach:], a[:, reach:], b[:, :-reach])], 1)
        a = torch.cat([a[:, :reach], a[:, reach:] * a[:, :-reach]], 1)
        reach *= 2
    return b


def at_end(y: Tensor, lengths: Tensor, first: Tensor) -> Tensor:
    """The last step of each sequence of y [batch, time, ...]; `first` where it has none."""
    last = y[torch.arange(y.shape[0], device=y.device), (lengths - 1).clamp(min=0)]
    return torch.where((lengths > 0).view(-1, *[1] * (last.dim() - 1)), last, first)


def ended(y: Tensor, lengths: Tensor) -> Tensor:
    """y [batch, time, ...] with 0 from each sequence's own end on."""
    beyond = torch.arange(y.shape[1], device=y.device) >= lengths.unsqueeze(1)
    return y.masked_fill(beyond.view(*beyond.shape, *[1] * (y.dim() - 2)), 0)


def turned(x: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence of x [batch, time, ...] backwards from its own end; what lies beyond stays."""
    steps = torch.arange(x.shape[1], device=x.device)
    last = lengths.unsqueeze(1) - 1
    order = torch.where(steps <= last, last - steps, steps)
    return x.gather(1, order.view(*order.shape, *[1] * (x.dim() - 2)).expand_as(x))


class PackedState(NamedTuple):
    """What Packed hands on to its next step."""

    memory: Tensor
    shown: Tensor


class Packed(nn.Module):
    """An LSTM spelled otherwise: one layer for all gates, in another order."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.linear = nn.Linear(features + units, 4 * units)

    def initial_state(self, x: Tensor) -> PackedState:
        """The state before the first step."""
        batch = x.shape[0]
        return PackedState(
            memory=x.new_zeros(batch, self.units), shown=x.new_zeros(batch, self.units)
        )

    def forward(self, x: Tensor, state: PackedState | None = None) -> tuple[Tensor, PackedState]:
        """One step: x [batch, features] -> shown [batch, units]"""
        memory, shown = self.initial_state(x) if state is None else state
        open_, write, new, keep = self.linear(torch.cat([shown, x], dim=-1)).chunk(4, dim=-1)
        memory = torch.tanh(new) * torch.sigmoid(write) + memory * torch.sigmoid(keep)
        shown = torch.tanh(memory) * torch.sigmoid(open_)
        return shown, PackedState(memory, shown)

    def scan(self, x: Tensor, state: PackedState | None = None) -> tuple[Tensor, PackedState]:
        """All steps: x [batch, time, features] -> shown [batch, time, units]

        torch's kernel takes them, with the gates' weights in its order: input, forget, cell,
        output.
        """
        memory, shown = self.initial_state(x[:, 0]) if state is None else state
        w_x = torch.cat([self.linear.weight.chunk(4)[i][:, self.units :] for i in (1, 3, 2, 0)])
        w_h = torch.cat([self.linear.weight.chunk(4)[i][:, : self.units] for i in (1, 3, 2, 0)])
        bias = torch.cat([self.linear.bias.chunk(4)[i] for i in (1, 3, 2, 0)])
        showns, shown, memory = torch.lstm(
            x,
            (shown.unsqueeze(0), memory.unsqueeze(0)),
            [w_x, w_h, bias, torch.zeros_like(bias)],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return showns, PackedState(memory.squeeze(0), shown.squeeze(0))


class Filter(nn.Module):
    """A linear recurrence, of which a function is shown."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.a = nn.Linear(features, units)
        self.h = nn.Linear(features, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step: x [batch, features] -> y [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        a = torch.sigmoid(self.a(x))  # [batch, units]
        h = a * h + (1 - a) * self.h(x)
        y = torch.tanh(h)
        return y, h

    def scan(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features] -> y [batch, time, units]

        The state is linear in the one before, so that steps need not wait for one another.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        a = torch.sigmoid(self.a(x))
        hs = linear_recurrence(a, (1 - a) * self.h(x), h)
        y = torch.tanh(hs)
        return y, hs[:, -1]


class Look(nn.Module):
    """Attention by its equations, to what is no padding."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.linear = nn.Linear(d, d)
        self.linear_2 = nn.Linear(d, d)
        self.dropout = nn.Dropout(0.1)
        self.linear_3 = nn.Linear(d, d)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """x [batch, time, d], seen bool[batch, 1, time] -> y [batch, time, d]"""
        hidden = self.linear(x)
        hidden_2 = self.linear_2(x)
        x = self.linear_3(x)
        y = F.scaled_dot_product_attention(
            hidden, hidden_2, x, attn_mask=seen, dropout_p=self.dropout.p if self.training else 0.0
        )
        return y


class MGU(nn.Module):
    """Minimal gated unit (Zhou et al. 2016, eqs. 7 to 9): one gate forgets and updates."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.features = features
        self.units = units
        self.f = nn.Linear(features + units, units)
        self.n = nn.Linear(features + units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        f = torch.sigmoid(self.f(torch.cat([x, h], dim=-1)))
        n = torch.tanh(self.n(torch.cat([x, f * h], dim=-1)))
        h = (1 - f) * h + f * n
        return h

    def scan(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        What x alone gives is computed for all steps at once.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        w_x, w_f = torch.split(self.f.weight, [self.features, self.units], dim=1)
        w_f = w_f.T
        f_x = F.linear(x, w_x, self.f.bias)
        w_x, w_n = torch.split(self.n.weight, [self.features, self.units], dim=1)
        w_n = w_n.T
        n_x = F.linear(x, w_x, self.n.bias)
        hs = []
        for f_x_t, n_x_t in zip(f_x.unbind(1), n_x.unbind(1)):
            f = torch.sigmoid(torch.addmm(f_x_t, h, w_f))
            n = torch.tanh(torch.addmm(n_x_t, f * h, w_n))
            h = torch.lerp(h, n.type_as(h), f.type_as(h))  # (1 - f) * h + f * n
            hs.append(h)
        return torch.stack(hs, dim=1), h


class Sequences(nn.Module):
    """Sequences of several lengths, forwards and backwards, in the ways in which steps are
    taken.
    """

    def __init__(self, units: int = 4) -> None:
        super().__init__()
        self.forth = Packed(3, units)
        self.back = MGU(3, units)
        self.smooth = Filter(3, units)
        self.y = Look(3 * units + 3)

    def forward(self, x: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, time, 3], given int[batch]

        -> y [batch, time, 3*units + 3], last [batch, units]
        """
        batch, time, _ = x.shape
        lengths = given.clamp(min=1)
        first = self.forth.initial_state(x[:, 0])
        shown, _ = self.forth.scan(x, first)
        forth = ended(shown, lengths)  # [batch, time, units]
        backwards = turned(x, lengths)
        first_2 = self.back.initial_state(backwards[:, 0])
        h, _ = self.back.scan(backwards, first_2)
        back = turned(ended(h, lengths), lengths)  # [batch, time, units]
        total = x.new_ones(batch, 3)  # [batch, 3]
        totals = []
        for t, x_t in enumerate(x.unbind(1)):
            running = lengths > t
            new_total = total + x_t
            totals.append(new_total)
            total = torch.where(running.unsqueeze(-1), new_total, total)
        sums = ended(torch.stack(totals, dim=1), lengths)  # [batch, time, 3]
        smooth, _ = self.smooth.scan(x)
        seen = torch.arange(time, device=x.device).unsqueeze(0) < lengths.unsqueeze(1)
        y = self.y(torch.cat([forth, back, sums, smooth], dim=-1), seen.unsqueeze(1))
        last = at_end(shown, lengths, first.shown) + at_end(h, lengths, first_2)  # [batch, units]
        return y, last
