from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class Address(nn.Module):
    """Where a head looks (Graves, Wayne & Danihelka 2014, section 3.3): by content, mixed with the
    place before, shifted, sharpened.
    """

    def __init__(self, d: int, rows: int, width: int, reach: int = 1) -> None:
        super().__init__()
        self.rows = rows
        self.reach = reach
        self.key = nn.Linear(d, width)
        self.strength = nn.Linear(d, 1)
        self.g = nn.Linear(d, 1)
        self.shift = nn.Linear(d, 2 * reach + 1)
        self.sharpness = nn.Linear(d, 1)

    def forward(self, h: Tensor, M: Tensor, before: Tensor) -> Tensor:
        """h [batch, d], M [batch, rows, width], before [batch, rows] -> w [batch, rows]"""
        key = torch.tanh(self.key(h))  # [batch, width]
        strength = F.softplus(self.strength(h))  # [batch, 1]
        g = torch.sigmoid(self.g(h))  # [batch, 1]
        shift = self.shift(h).softmax(-1)  # [batch, 2*reach + 1]
        sharpness = 1 + F.softplus(self.sharpness(h))  # [batch, 1]
        alike = torch.einsum("brw,bw->br", F.normalize(M, dim=-1), F.normalize(key, dim=-1))
        mixed = g * (strength * alike).softmax(-1) + (1 - g) * before
        total = h.new_zeros(h.shape[0], self.rows)  # [batch, rows]
        for i in range(2 * self.reach + 1):
            total = total + shift[:, i : i + 1] * mixed.roll(i - self.reach, -1)
        sharp = total**sharpness
        return sharp / (sharp.sum(-1, keepdim=True) + 1e-8)


class LSTMState(NamedTuple):
    """What LSTM hands on to its next step."""

    h: Tensor
    c: Tensor


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate, Gers et al. 2000)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.i = nn.Linear(features + units, units)
        self.f = nn.Linear(features + units, units)
        self.g = nn.Linear(features + units, units)
        self.o = nn.Linear(features + units, units)

    def initial_state(self, x: Tensor) -> LSTMState:
        """The state before the first step."""
        batch = x.shape[0]
        return LSTMState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        xh = torch.cat([x, h], dim=-1)  # [batch, features + units]
        i = torch.sigmoid(self.i(xh))  # [batch, units]
        f = torch.sigmoid(self.f(xh))  # [batch, units]
        g = torch.tanh(self.g(xh))  # [batch, units]
        o = torch.sigmoid(self.o(xh))  # [batch, units]
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)


class NTMStepState(NamedTuple):
    """What NTMStep hands on to its next step."""

    M: Tensor
    read: Tensor
    reading: Tensor
    writing: Tensor
    controller: LSTMState | None


class NTMStep(nn.Module):
    """One step: the controller, an LSTM, sees the input and what was read; it writes to the memory
    matrix, then reads it.
    """

    def __init__(self, features: int, units: int, outputs: int, rows: int, width: int) -> None:
        super().__init__()
        self.rows = rows
        self.width = width
        self.first_read = nn.Parameter(nn.init.uniform_(torch.empty(width), -1, 1))
        self.controller = LSTM(features + width, units)
        self.writing = Address(units, rows, width)
        self.erase = nn.Linear(units, width)
        self.added = nn.Linear(units, width)
        self.reading = Address(units, rows, width)
        self.y = nn.Linear(units + width, outputs)

    def initial_state(self, x: Tensor) -> NTMStepState:
        """The state before the first step."""
        batch = x.shape[0]
        read = self.first_read.expand(batch, -1)
        mask = (torch.arange(self.rows, device=x.device) == 0).to(x.dtype)
        writing = mask.expand(batch, -1)
        return NTMStepState(
            M=x.new_full((batch, self.rows, self.width), 1e-3),
            read=read,
            reading=writing,
            writing=writing,
            controller=None,
        )

    def forward(self, x: Tensor, state: NTMStepState | None = None) -> tuple[Tensor, NTMStepState]:
        """One step: x [batch, features] -> y [batch, outputs]"""
        M, read, reading, writing, controller = self.initial_state(x) if state is None else state
        h, controller = self.controller(torch.cat([x, read], dim=-1), controller)
        writing = self.writing(h, M, writing)
        erase = torch.sigmoid(self.erase(h))  # [batch, width]
        added = torch.tanh(self.added(h))  # [batch, width]
        product = writing.unsqueeze(-1) * added.unsqueeze(-2)  # [batch, rows, width]
        M = M * (1 - writing.unsqueeze(-1) * erase.unsqueeze(-2)) + product
        reading = self.reading(h, M, reading)
        read = torch.einsum("br,brw->bw", reading, M)  # [batch, width]
        y = self.y(torch.cat([h, read], dim=-1))  # [batch, outputs]
        return y, NTMStepState(M, read, reading, writing, controller)

    def scan(self, x: Tensor, state: NTMStepState | None = None) -> tuple[Tensor, NTMStepState]:
        """All steps: x [batch, time, features] -> y [batch, time, outputs]

        Gates that see the same take one product.
        """
        M, read, reading, writing, controller = (
            self.initial_state(x[:, 0]) if state is None else state
        )
        h_layers = [self.erase, self.added]
        w_h = torch.cat([layer.weight for layer in h_layers])
        bias = torch.cat([layer.bias for layer in h_layers])
        hs = []
        reads = []
        for x_t in x.unbind(1):
            h, controller = self.controller(torch.cat([x_t, read], dim=-1), controller)
            writing = self.writing(h, M, writing)
            erase, added = F.linear(h, w_h, bias).chunk(2, dim=-1)
            erase = torch.sigmoid(erase)
            added = torch.tanh(added)
            product = writing.unsqueeze(-1) * added.unsqueeze(-2)
            M = M * (1 - writing.unsqueeze(-1) * erase.unsqueeze(-2)) + product
            reading = self.reading(h, M, reading)
            read = torch.einsum("br,brw->bw", reading, M)
            hs.append(h)
            reads.append(read)
        h = torch.cat([torch.stack(hs, dim=1), torch.stack(reads, dim=1)], dim=-1)
        y = self.y(h)
        return y, NTMStepState(M, read, reading, writing, controller)


class NTM(nn.Module):
    """Neural Turing machine (Graves, Wayne & Danihelka 2014) for the copy task: a memory matrix,
    one head that writes, one that reads.
    """

    def __init__(self, bits: int = 8, units: int = 100, rows: int = 128, width: int = 20) -> None:
        super().__init__()
        self.ntm_step = NTMStep(bits + 1, units, bits, rows, width)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, bits + 1] -> scores [batch, time, bits]"""
        scores, _ = self.ntm_step.scan(x)
        return scores


class Copy(Trainer):
    """The bits that came in are to come out again, after the delimiter; what comes out before does
    not count.
    """

    def __init__(
        self, bits: int = 8, units: int = 100, rows: int = 128, width: int = 20, rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.net = NTM(bits=bits, units=units, rows=rows, width=width)
        self.optimizer = torch.optim.RMSprop(self.parameters(), lr=rate, alpha=0.95, momentum=0.9)

    def step(self, x: Tensor, target: Tensor) -> dict[str, float]:
        """One update: x [batch, time, bits + 1], target [batch, length, bits]"""
        time = x.shape[1]
        self.train(not self.evaluating)
        scores = self.net(x)
        part = scores[:, time - target.shape[1] : time]
        loss = F.binary_cross_entropy_with_logits(part, target)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
