import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResetAfter(nn.Module):
    """Gated recurrent unit as torch and cuDNN have it: the reset gate acts after the product, and
    z keeps the old state.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.r_x = nn.Linear(features, units)
        self.r_h = nn.Linear(units, units)
        self.z_x = nn.Linear(features, units)
        self.z_h = nn.Linear(units, units)
        self.n_x = nn.Linear(features, units)
        self.n_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        r = torch.sigmoid(self.r_x(x) + self.r_h(h))
        z = torch.sigmoid(self.z_x(x) + self.z_h(h))
        n = torch.tanh(self.n_x(x) + r * self.n_h(h))
        h = (1 - z) * n + z * h
        return h

    def scan(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        torch's kernel takes them, with the gates' weights in its order: reset, update, new.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        x_layers = [self.r_x, self.z_x, self.n_x]
        h_layers = [self.r_h, self.z_h, self.n_h]
        w_x = torch.cat([layer.weight for layer in x_layers])
        w_h = torch.cat([layer.weight for layer in h_layers])
        b_x = torch.cat([layer.bias for layer in x_layers])
        b_h = torch.cat([layer.bias for layer in h_layers])
        hs, h = torch.gru(
            x,
            h.unsqueeze(0),
            [w_x, w_h, b_x, b_h],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return hs, h.squeeze(0)


class ResetBefore(nn.Module):
    """Gated recurrent unit of Cho et al. (2014): the reset gate acts on the state before the
    product, and z keeps the old state.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.r_x = nn.Linear(features, units)
        self.r_h = nn.Linear(units, units)
        self.z_x = nn.Linear(features, units)
        self.z_h = nn.Linear(units, units)
        self.n_x = nn.Linear(features, units)
        self.n_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        r = torch.sigmoid(self.r_x(x) + self.r_h(h))
        z = torch.sigmoid(self.z_x(x) + self.z_h(h))
        n = torch.tanh(self.n_x(x) + self.n_h(r * h))
        h = (1 - z) * n + z * h
        return h

    def scan(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        What x alone gives is computed for all steps at once, and gates that see the same take
        one product.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        x_layers = [self.r_x, self.z_x]
        h_layers = [self.r_h, self.z_h]
        w_x = torch.cat([layer.weight for layer in x_layers])
        w_h = torch.cat([layer.weight for layer in h_layers]).T
        b_x = torch.cat([layer.bias for layer in x_layers])
        b_h = torch.cat([layer.bias for layer in h_layers])
        gates = F.linear(x, w_x, b_x + b_h)
        w_n = self.n_h.weight.T
        n_x = F.linear(x, self.n_x.weight, self.n_x.bias + self.n_h.bias)
        hs = []
        for gates_t, n_x_t in zip(gates.unbind(1), n_x.unbind(1)):
            r, z = torch.addmm(gates_t, h, w_h).chunk(2, dim=-1)
            r = torch.sigmoid(r)
            z = torch.sigmoid(z)
            n = torch.tanh(torch.addmm(n_x_t, r * h, w_n))
            h = torch.lerp(n.type_as(h), h, z.type_as(h))  # (1 - z) * n + z * h
            hs.append(h)
        return torch.stack(hs, dim=1), h


class GRULayer(nn.Module):
    """A layer of GRU, torch's form."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.reset_after = ResetAfter(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        y, _ = self.reset_after.scan(x)
        return y


class ChoGRULayer(nn.Module):
    """A layer of GRU, the paper's form."""

    def __init__(self, features: int = 128, units: int = 256) -> None:
        super().__init__()
        self.reset_before = ResetBefore(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, units]"""
        y, _ = self.reset_before.scan(x)
        return y
