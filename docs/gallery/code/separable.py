import torch
import torch.nn.functional as F
from torch import Tensor, nn


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


class SeparableConv2d(nn.Module):
    """Factorized convolution (Sifre 2014; Chollet 2017): each channel by itself, then across
    channels by 1×1.
    """

    def __init__(
        self,
        c: int,
        channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(
            c, c, kernel, stride=stride, padding=padding, dilation=dilation, groups=c, bias=False
        )
        self.conv2d_2 = nn.Conv2d(c, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> y [batch, channels,
        floor((dilation + height + 2*padding - dilation*kernel - 1)/stride) + 1,
        floor((dilation + 2*padding + width - dilation*kernel - 1)/stride) + 1]
        """
        y: Tensor = self.conv2d_2(self.conv2d(x))
        return y


class Separable(nn.Module):
    """A small net of factorized convolutions (Sifre 2014; Howard et al. 2017): depthwise, then
    pointwise.
    """

    def __init__(self, channels: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.conv_unit = ConvUnit(3, channels, 3, padding=1)
        self.separable_conv2d = SeparableConv2d(channels, 2 * channels, 3, padding=1)
        self.separable_conv2d_2 = SeparableConv2d(
            2 * channels, 4 * channels, 3, stride=2, padding=1
        )
        self.linear = nn.Linear(4 * channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, width] -> scores [batch, classes]"""
        hidden = F.relu(self.separable_conv2d(self.conv_unit(image)))
        maps = F.relu(self.separable_conv2d_2(hidden))
        scores: Tensor = self.linear(maps.mean((2, 3)))  # [batch, classes]
        return scores
