from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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


class BatchNorm2d(nn.Module):
    """Batch normalisation of feature maps (Ioffe & Szegedy 2015, section 3.2): one mean and
    variance for each channel.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, height, width] -> y [batch, channels, height, width]"""
        centre = x.mean((0, 2, 3)) if self.training else self.running_mean  # [channels]
        spread = x.var((0, 2, 3), correction=0) if self.training else self.running_var  # [channels]
        scale = self.weight / (spread + self.eps).sqrt()
        scale = scale.reshape(self.channels, 1, 1)  # [channels, 1, 1]
        bias = self.bias.reshape(self.channels, 1, 1)
        if self.training:
            with torch.no_grad():
                scaled = self.momentum * x.var((0, 2, 3), correction=1)  # [channels]
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * centre
                self.running_var = (1 - self.momentum) * self.running_var + scaled
        return (x - centre.reshape(self.channels, 1, 1)) * scale + bias


class ResidualUnit(nn.Module):
    """Two 3×3 convolutions and a skip (He et al. 2016, figure 5 left). The skip is projected where
    channels or resolution change.
    """

    def __init__(self, c: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        assert stride == 1 and c == channels
        self.conv2d = nn.Conv2d(c, channels, 3, stride=stride, padding=1, bias=False)
        self.batch_norm2d = BatchNorm2d(channels)
        self.conv2d_2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.batch_norm2d_2 = BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width] -> z [batch, channels, height, width]"""
        features = self.conv2d_2(F.relu(self.batch_norm2d(self.conv2d(x))))
        y = self.batch_norm2d_2(features)
        return F.relu(y + x)


class ResidualUnit2(nn.Module):
    """Two 3×3 convolutions and a skip (He et al. 2016, figure 5 left). The skip is projected where
    channels or resolution change.
    """

    def __init__(self, c: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        assert stride != 1 or c != channels
        self.conv2d = nn.Conv2d(c, channels, 3, stride=stride, padding=1, bias=False)
        self.batch_norm2d = BatchNorm2d(channels)
        self.conv2d_2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.batch_norm2d_2 = BatchNorm2d(channels)
        self.conv2d_3 = nn.Conv2d(c, channels, 1, stride=stride, bias=False)
        self.batch_norm2d_3 = BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> z [batch, channels, floor((height - 1)/stride) + 1, floor((width - 1)/stride) + 1]
        """
        features = self.conv2d_2(F.relu(self.batch_norm2d(self.conv2d(x))))
        y = self.batch_norm2d_2(features)
        skip = self.batch_norm2d_3(self.conv2d_3(x))
        return F.relu(y + skip)


class CRMN(nn.Module):
    """Convolutional residual memory network (Moniz & Pal 2016): one LSTM steps over DEPTH, fed by
    what each residual unit found, pooled and widened.
    """

    def __init__(self, channels: int = 16, units: int = 100, n: int = 5, classes: int = 10) -> None:
        super().__init__()
        self.depth = LSTM(channels, units)
        self.conv2d = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.batch_norm2d = BatchNorm2d(channels)
        self.residual_units = nn.ModuleList(ResidualUnit(channels, channels) for _ in range(n))
        self.down = ResidualUnit2(channels, 2 * channels, stride=2)
        self.residual_units_2 = nn.ModuleList(
            ResidualUnit(2 * channels, 2 * channels) for _ in range(n - 1)
        )
        self.linear = nn.Linear(2 * channels + units, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, width] -> scores [batch, classes]"""
        state = None
        a = F.relu(self.batch_norm2d(self.conv2d(image)))  # [batch, channels, height, width]
        for residual_unit in self.residual_units:
            x = residual_unit(a)
            _, state = self.depth(x.mean((2, 3)), state)
            a = x
        assert state is not None
        b = self.down(a)  # [batch, 2*channels, floor((height + 1)/2), floor((width + 1)/2)]
        for residual_unit in self.residual_units_2:
            b = residual_unit(b)
        scores: Tensor = self.linear(torch.cat([b.mean((2, 3)), state.h], dim=-1))
        return scores
