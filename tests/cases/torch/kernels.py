import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Turned(nn.Module):
    """GRU whose gate keeps where torch's opens: its rows are turned for the kernel."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.r_h = nn.Linear(units, units)
        self.r_x = nn.Linear(features, units)
        self.z_h = nn.Linear(units, units)
        self.z_x = nn.Linear(features, units)
        self.new_h = nn.Linear(units, units)
        self.new_x = nn.Linear(features, units)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        r = torch.sigmoid(self.r_h(h) + self.r_x(x))
        z = torch.sigmoid(self.z_h(h) + self.z_x(x))
        new = torch.tanh(self.new_h(h) * r + self.new_x(x))
        h = (1 - z) * h + new * z
        return h

    def scan(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        torch's kernel takes them, with the gates' weights in its order: reset, update, new.
        """
        if h is None:
            h = self.initial_state(x[:, 0])
        hs, h = torch.gru(
            x,
            h.unsqueeze(0),
            self.kernel_weights(),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return hs, h.squeeze(0)

    def kernel_weights(self) -> list[Tensor]:
        """The weights in the order of torch's kernel: reset, update, new."""
        w_x = torch.cat([self.r_x.weight, -self.z_x.weight, self.new_x.weight])
        w_h = torch.cat([self.r_h.weight, -self.z_h.weight, self.new_h.weight])
        b_x = torch.cat([self.r_x.bias, -self.z_x.bias, self.new_x.bias])
        b_h = torch.cat([self.r_h.bias, -self.z_h.bias, self.new_h.bias])
        return [w_x, w_h, b_x, b_h]

    def scan_both(self, backwards: "Turned", x: Tensor) -> Tensor:
        """All steps in both directions, side by side.

        x [batch, time, features] -> [batch, time, 2*units]
        """
        h = self.initial_state(x[:, 0])
        h_b = backwards.initial_state(x[:, 0])
        hs, _ = torch.gru(
            x,
            torch.stack([h, h_b]),
            [*self.kernel_weights(), *backwards.kernel_weights()],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=True,
            batch_first=True,
        )
        return hs


class Sequences(nn.Module):
    """Both directions in one call, then a scan with a body of its own."""

    def __init__(self, features: int = 5, units: int = 6) -> None:
        super().__init__()
        self.units = units
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(4 * units, 2 * units), std=0.3))
        self.recurrent = nn.Parameter(nn.init.normal_(torch.empty(4 * units, units), std=0.3))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        self.turned = Turned(features, units)
        self.turned_2 = Turned(features, units)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, time, features] -> y [batch, time, units], memory [batch, units]"""
        batch = x.shape[0]
        both = self.turned.scan_both(self.turned_2, x)  # [batch, time, 2*units]
        h = x.new_zeros(batch, self.units)  # [batch, units]
        c = x.new_zeros(batch, self.units)  # [batch, units]
        bias = self.bias
        hs, h, c = torch.lstm(
            both,
            (h.unsqueeze(0), c.unsqueeze(0)),
            [self.weight, self.recurrent, bias, torch.zeros_like(bias)],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        memory = c.squeeze(0)
        return hs, memory


class Grouped(nn.Module):
    """Grouped queries with linear biases (Ainslie et al. 2023; Press et al. 2022), in heads that
    come after time.
    """

    def __init__(self, d: int, heads: int = 4, shared: int = 2, width: int = 4) -> None:
        super().__init__()
        assert heads % shared == 0, "heads/shared must be whole"
        self.heads = heads
        self.shared = shared
        self.width = width
        self.q = nn.Linear(d, heads * width)
        self.k = nn.Linear(d, shared * width)
        self.v = nn.Linear(d, shared * width)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, heads*width]"""
        time = x.shape[1]
        hidden = self.q(x)  # [batch, time, heads*width]
        q = hidden.unflatten(-1, (self.shared, self.heads // self.shared, self.width))
        k = self.k(x).unflatten(-1, (self.shared, self.width))  # [batch, time, shared, width]
        v = self.v(x).unflatten(-1, (self.shared, self.width))  # [batch, time, shared, width]
        positions = torch.arange(time, device=x.device)  # [time]
        distance = (positions.unsqueeze(1) - positions).to(x.dtype)  # [time, time]
        scaled = 0.5 * distance
        mask = torch.ones(time, time, dtype=torch.bool, device=x.device).tril()  # [time, time]
        attended = F.scaled_dot_product_attention(
            q.permute(0, 2, 3, 1, 4).flatten(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            attn_mask=torch.where(mask, -scaled, -torch.inf),
            enable_gqa=True,
        )
        attended = torch.unflatten(attended, 1, (self.shared, self.heads // self.shared)).permute(
            0, 3, 1, 2, 4
        )
        return attended.flatten(2)


class Sums(nn.Module):
    """A stack whose copies' outputs are added up, every third of them at half its size."""

    def __init__(self, d: int = 8, layers: int = 5) -> None:
        super().__init__()
        self.h = nn.ModuleList(Grouped(d, width=d // 4) for _ in range(layers))
        self.skip = nn.ModuleList(nn.Linear(d, 3) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, 3]"""
        h = x
        y = x.new_zeros(())
        for i, (h_grouped, skip_linear) in enumerate(zip(self.h, self.skip)):
            h = h + h_grouped(h) * (i % 3) / 2
            skip = skip_linear(h)  # [batch, time, 3]
            y = y + skip
        return y
