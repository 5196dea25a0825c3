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
    num_batches_tracked: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, height, width] -> y [batch, channels, height, width]"""
        y = F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )
        if self.training:
            self.num_batches_tracked = self.num_batches_tracked + 1
        return y


class ConvUnit(nn.Module):
    """Convolution, batch normalisation, rectification."""

    def __init__(
        self, c: int, channels: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(c, channels, kernel, stride=stride, padding=padding, bias=False)
        self.batch_norm2d = BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> y [batch, channels, floor((height + 2*padding - kernel)/stride) + 1,
        floor((2*padding + width - kernel)/stride) + 1]
        """
        return F.relu(self.batch_norm2d(self.conv2d(x)))


class ResidualUnit(nn.Module):
    """Two 3×3 convolutions and a skip (He et al. 2016, figure 5 left). The skip is projected where
    channels or resolution change.
    """

    def __init__(self, c: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        assert stride == 1 and c == channels, "other numbers make another class"
        self.conv2d = nn.Conv2d(c, channels, 3, stride=stride, padding=1, bias=False)
        self.batch_norm2d = BatchNorm2d(channels)
        self.conv2d_2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.batch_norm2d_2 = BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width] -> z [batch, channels, height, width]"""
        features = self.conv2d_2(F.relu(self.batch_norm2d(self.conv2d(x))))
        y = self.batch_norm2d_2(features)
        return F.relu(y + x)


class CRMN(nn.Module):
    """Convolutional residual memory network (Moniz & Pal 2016): one LSTM steps over DEPTH, fed by
    what each residual unit found, pooled to one value a channel; zeros fill up what the
    narrower units give. A convolution leads to each resolution.
    """

    def __init__(self, channels: int = 16, units: int = 100, n: int = 5, classes: int = 10) -> None:
        super().__init__()
        self.channels = channels
        self.depth = LSTM(2 * channels, units)
        self.high = ConvUnit(3, channels, 3, padding=1)
        self.residual_units = nn.ModuleList(ResidualUnit(channels, channels) for _ in range(n))
        self.low = ConvUnit(channels, 2 * channels, 3, stride=2, padding=1)
        self.residual_units_2 = nn.ModuleList(
            ResidualUnit(2 * channels, 2 * channels) for _ in range(n)
        )
        self.linear = nn.Linear(2 * channels + units, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, width] -> scores [batch, classes]"""
        batch = image.shape[0]
        state = None
        high = self.high(image)  # [batch, channels, height, width]
        for residual_unit in self.residual_units:
            high = residual_unit(high)
            zeros = image.new_zeros(batch, self.channels)  # [batch, channels]
            _, state = self.depth(torch.cat([high.mean((2, 3)), zeros], dim=-1), state)
        assert state is not None
        low = self.low(high)  # [batch, 2*channels, floor((height + 1)/2), floor((width + 1)/2)]
        for residual_unit in self.residual_units_2:
            low = residual_unit(low)
            _, state = self.depth(low.mean((2, 3)), state)
        scores: Tensor = self.linear(torch.cat([low.mean((2, 3)), state.h], dim=-1))
        return scores
