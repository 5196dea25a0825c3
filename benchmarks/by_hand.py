"""The references of `code.py` that no package has: loops and a WaveNet as a person who wants speed writes them by hand."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Peephole(nn.Module):
    """A peephole LSTM's loop by hand: input products at once, one product a step."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x, self.h = nn.Linear(features, 4 * units), nn.Linear(units, 4 * units, bias=False)
        self.peep = nn.Parameter(torch.zeros(3, units))
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], self.units)
        weight, out = self.h.weight.T, []
        p_i, p_f, p_o = (p.expand_as(c) for p in self.peep)
        for p in self.x(x).unbind(1):
            i, f, g, o = torch.addmm(p, h, weight).chunk(4, dim=1)
            i, f = torch.sigmoid(torch.addcmul(i, p_i, c)), torch.sigmoid(torch.addcmul(f, p_f, c))
            c = torch.addcmul(f * c, i, torch.tanh(g))
            h = torch.sigmoid(torch.addcmul(o, p_o, c)) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, dim=1)


class Minimal(nn.Module):
    """A minimal gated unit's loop by hand."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x = nn.Linear(features, 2 * units)
        self.f, self.n = nn.Linear(units, units, bias=False), nn.Linear(units, units, bias=False)
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        h, w_f, w_n, out = x.new_zeros(x.shape[0], self.units), self.f.weight.T, self.n.weight.T, []
        x_f, x_n = self.x(x).chunk(2, dim=-1)
        for p_f, p_n in zip(x_f.unbind(1), x_n.unbind(1), strict=True):
            f = torch.sigmoid(torch.addmm(p_f, h, w_f))
            n = torch.tanh(torch.addmm(p_n, f * h, w_n))
            h = torch.lerp(h, n.type_as(h), f.type_as(h))  # under autocast, products are narrower than the state
            out.append(h)
        return torch.stack(out, dim=1)


class Normed(nn.Module):
    """An LSTM with layer norm of its memory by hand."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x, self.h = nn.Linear(features, 4 * units), nn.Linear(units, 4 * units, bias=False)
        self.norm = nn.LayerNorm(units)
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], self.units)
        weight, out = self.h.weight.T, []
        for p in self.x(x).unbind(1):
            i, f, g, o = torch.addmm(p, h, weight).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.norm(c))
            out.append(h)
        return torch.stack(out, dim=1)


class Filter(nn.Module):
    """A linear recurrence by hand: h = a h + (1 - a) v, with a and v of the inputs alone."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x = nn.Linear(features, 2 * units)
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        a, v = self.x(x).chunk(2, dim=-1)
        a = torch.sigmoid(a)
        b, h, out = (1 - a) * v, x.new_zeros(x.shape[0], self.units), []
        for a_t, b_t in zip(a.unbind(1), b.unbind(1), strict=True):
            h = torch.addcmul(b_t, a_t, h)
            out.append(h)
        return torch.stack(out, dim=1)


class Naive(nn.Module):
    """A cell called step by step."""

    def __init__(self, cell: nn.Module):
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        state, out = None, []
        for t in range(x.shape[1]):
            result = self.cell(x[:, t], state)
            y, state = (result, result) if isinstance(result, Tensor) else result
            out.append(y)
        return torch.stack(out, dim=1)


class PeepholeBackwards(Peephole):
    """A peephole LSTM whose backward pass is written by hand, too: what is left when autograd follows no step."""

    def forward(self, x: Tensor) -> Tensor:
        zero = x.new_zeros(x.shape[0], self.units)
        result: Tensor = Chain.apply(self.x(x), zero, self.h.weight, self.peep)  # type: ignore[no-untyped-call]
        return result


class Chain(torch.autograd.Function):
    """All steps of a peephole LSTM. Products of weights' gradients are one product over all steps."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, zero: Tensor, weight: Tensor, peep: Tensor) -> Tensor:
        h = c = zero
        p_i, p_f, p_o = peep
        kept = []
        for p_t in p.unbind(1):
            i, f, g, o = torch.addmm(p_t, h, weight.T).chunk(4, dim=1)
            i, f, g = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c), torch.tanh(g)
            new = f * c + i * g
            o, shown = torch.sigmoid(o + p_o * new), torch.tanh(new)
            kept += [h, c, i, f, g, o, shown]
            h, c = o * shown, new
        ctx.save_for_backward(weight, peep, h, c, *kept)
        return torch.stack([*kept[7::7], h], dim=1)

    @staticmethod
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:  # type: ignore[override]
        weight, peep, _, last, *kept = ctx.saved_tensors
        p_i, p_f, p_o = peep
        sigmoid, tanh = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward
        d_h = d_c = torch.zeros_like(last)
        sums = []
        for t in reversed(range(d_out.shape[1])):
            _, c, i, f, g, o, shown = kept[7 * t : 7 * t + 7]
            d_h = d_h + d_out[:, t]
            d_o = sigmoid(d_h * shown, o)
            d_c = d_c + tanh(d_h * o, shown) + d_o * p_o
            d_i, d_f, d_g = sigmoid(d_c * g, i), sigmoid(d_c * c, f), tanh(d_c * i, g)
            sums.append(torch.cat([d_i, d_f, d_g, d_o], dim=1))
            d_h, d_c = sums[-1] @ weight, d_c * f + d_i * p_i + d_f * p_f
        d_p = torch.stack(sums[::-1], dim=1)
        h, c = torch.stack(kept[::7], dim=1), torch.stack([*kept[1::7], last], dim=1)
        d_i, d_f, _, d_o = d_p.chunk(4, dim=-1)
        d_peep = torch.stack([(d * at).sum((0, 1)) for d, at in ((d_i, c[:, :-1]), (d_f, c[:, :-1]), (d_o, c[:, 1:]))])
        return d_p, None, d_p.flatten(0, 1).T @ h.flatten(0, 1), d_peep


class WaveNetByHand(nn.Module):
    """WaveNet as it is written by hand: filter and gate in one convolution, skips summed as they come."""

    def __init__(self, levels: int, channels: int, skips: int, depth: int):
        super().__init__()
        self.start = nn.Conv1d(levels, channels, 1)
        self.both = nn.ModuleList(nn.Conv1d(channels, 2 * channels, 2, dilation=2 ** (i % 10)) for i in range(depth))
        self.back = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(depth))
        self.skip = nn.ModuleList(nn.Conv1d(channels, skips, 1) for _ in range(depth))
        self.one, self.two = nn.Conv1d(skips, skips, 1), nn.Conv1d(skips, levels, 1)
        self.levels = levels

    def forward(self, codes: Tensor) -> Tensor:
        h: Tensor = self.start(F.one_hot(codes, self.levels).float().transpose(1, 2))
        total_: Tensor | None = None
        for i, (both, back, skip) in enumerate(zip(self.both, self.back, self.skip, strict=True)):
            value, gate = both(F.pad(h, (2 ** (i % 10), 0))).chunk(2, dim=1)
            z = torch.tanh(value) * torch.sigmoid(gate)
            total_ = skip(z) if total_ is None else total_ + skip(z)
            h = h + back(z)
        assert total_ is not None
        out: Tensor = self.two(F.relu(self.one(F.relu(total_)))).transpose(1, 2)
        return out
