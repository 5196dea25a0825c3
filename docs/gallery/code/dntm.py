from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Address(nn.Module):
    """Where a head looks: by likeness to addresses and contents, less to what was used of late."""

    def __init__(self, d: int, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(d, width)
        self.strength = nn.Linear(d, 1)
        self.lately = nn.Linear(d, 1)

    def forward(self, h: Tensor, cells: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
        """h [batch, d], cells [batch, rows, width], used [batch, rows]

        -> w [batch, rows], used_now [batch, rows]
        """
        key = self.key(h)  # [batch, width]
        strength = F.softplus(self.strength(h)) + 1  # [batch, 1]
        normed = F.normalize(key, dim=-1)
        z = strength * torch.einsum("brw,bw->br", F.normalize(cells, dim=-1), normed)
        lately = torch.sigmoid(self.lately(h))  # [batch, 1]
        w = (z - lately * used).softmax(-1)
        used_now = 0.1 * used + 0.9 * z
        return w, used_now


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


class StepState(NamedTuple):
    """What Step hands on to its next step."""

    C: Tensor
    read: Tensor
    used_r: Tensor
    used_w: Tensor
    controller: Tensor | None


class Step(nn.Module):
    """One step of the dynamic neural Turing machine, with a GRU as its controller."""

    def __init__(
        self, features: int, units: int, rows: int, address: int, content: int, outputs: int
    ) -> None:
        super().__init__()
        self.rows = rows
        self.address = address
        self.content = content
        self.A = nn.Parameter(nn.init.normal_(torch.empty(rows, address), std=0.3))
        self.writer = Address(units, address + content)
        self.reader = Address(units, address + content)
        self.controller = GRU(address + content + features, units)
        self.erase = nn.Linear(units, content)
        self.much = nn.Linear(units, 1)
        self.new_h = nn.Linear(units, content)
        self.new_x = nn.Linear(features, content)
        self.y = nn.Linear(address + content + units, outputs)

    def initial_state(self, x: Tensor) -> StepState:
        """The state before the first step."""
        batch = x.shape[0]
        return StepState(
            C=x.new_zeros(batch, self.rows, self.content),
            read=x.new_zeros(batch, self.address + self.content),
            used_r=x.new_zeros(batch, self.rows),
            used_w=x.new_zeros(batch, self.rows),
            controller=None,
        )

    def forward(self, x: Tensor, state: StepState | None = None) -> tuple[Tensor, StepState]:
        """One step: x [batch, features] -> y [batch, outputs]"""
        C, read, used_r, used_w, controller = self.initial_state(x) if state is None else state
        controller = self.controller(torch.cat([x, read], dim=-1), controller)
        A = self.A.expand(x.shape[0], -1, -1)  # [batch, rows, address]
        cells = torch.cat([A, C], dim=-1)  # [batch, rows, address + content]
        writing, used_w = self.writer(controller, cells, used_w)
        erase = torch.sigmoid(self.erase(controller))
        much = torch.sigmoid(self.much(controller))
        new = F.relu(self.new_h(controller) + much * self.new_x(x))  # [batch, content]
        product = writing.unsqueeze(-1) * new.unsqueeze(-2)  # [batch, rows, content]
        C = C * (1 - writing.unsqueeze(-1) * erase.unsqueeze(-2)) + product
        after = torch.cat([A, C], dim=-1)  # [batch, rows, address + content]
        reading, used_r = self.reader(controller, after, used_r)
        read = torch.einsum("br,brw->bw", reading, after)  # [batch, address + content]
        y = self.y(torch.cat([controller, read], dim=-1))  # [batch, outputs]
        return y, StepState(C, read, used_r, used_w, controller)

    def scan(self, x: Tensor, state: StepState | None = None) -> tuple[Tensor, StepState]:
        """All steps: x [batch, time, features] -> y [batch, time, outputs]

        What x alone gives is computed for all steps at once, and gates that see the same take
        one product.
        """
        C, read, used_r, used_w, controller = (
            self.initial_state(x[:, 0]) if state is None else state
        )
        A = self.A.expand(x.shape[0], -1, -1)
        h_layers = [self.erase, self.new_h]
        w_h = torch.cat([layer.weight for layer in h_layers])
        bias = torch.cat([layer.bias for layer in h_layers])
        hs = []
        reads = []
        for x_t, new_t in zip(x.unbind(1), self.new_x(x).unbind(1)):
            controller = self.controller(torch.cat([x_t, read], dim=-1), controller)
            cells = torch.cat([A, C], dim=-1)
            writing, used_w = self.writer(controller, cells, used_w)
            erase, new = F.linear(controller, w_h, bias).chunk(2, dim=-1)
            erase = torch.sigmoid(erase)
            much = torch.sigmoid(self.much(controller))
            new = F.relu(torch.addcmul(new, much, new_t))
            product = writing.unsqueeze(-1) * new.unsqueeze(-2)
            C = C * (1 - writing.unsqueeze(-1) * erase.unsqueeze(-2)) + product
            after = torch.cat([A, C], dim=-1)
            reading, used_r = self.reader(controller, after, used_r)
            read = torch.einsum("br,brw->bw", reading, after)
            hs.append(controller)
            reads.append(read)
        h = torch.cat([torch.stack(hs, dim=1), torch.stack(reads, dim=1)], dim=-1)
        y = self.y(h)
        return y, StepState(C, read, used_r, used_w, controller)


class DNTM(nn.Module):
    """Dynamic neural Turing machine (Gulcehre et al. 2016): each cell has a LEARNED address beside
    its content.
    """

    def __init__(
        self,
        features: int = 9,
        units: int = 100,
        rows: int = 64,
        address: int = 8,
        content: int = 16,
        outputs: int = 8,
    ) -> None:
        super().__init__()
        self.step = Step(features, units, rows, address, content, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, outputs]"""
        y, _ = self.step.scan(x)
        return y
