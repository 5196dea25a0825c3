import torch
import torch.nn.functional as F
from torch import Tensor, nn


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


class Stage(nn.Module):
    """The units of one resolution; where it changes, the first unit's skip is projected."""

    def __init__(self, c: int, channels: int, units: int, stride: int) -> None:
        super().__init__()
        assert stride == 1 and c == channels
        self.residual_unit = ResidualUnit(c, channels, stride=stride)
        self.residual_units = nn.ModuleList(
            ResidualUnit(channels, channels) for _ in range(units - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width] -> y [batch, channels, height, width]"""
        y: Tensor = self.residual_unit(x)  # [batch, channels, height, width]
        for residual_unit in self.residual_units:
            y = residual_unit(y)
        return y


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


class Stage2(nn.Module):
    """The units of one resolution; where it changes, the first unit's skip is projected."""

    def __init__(self, c: int, channels: int, units: int, stride: int) -> None:
        super().__init__()
        assert stride != 1 or c != channels
        self.residual_unit = ResidualUnit2(c, channels, stride=stride)
        self.residual_units = nn.ModuleList(
            ResidualUnit(channels, channels) for _ in range(units - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> y [batch, channels, floor((height - 1)/stride) + 1, floor((width - 1)/stride) + 1]
        """
        y: Tensor = self.residual_unit(x)
        for residual_unit in self.residual_units:
            y = residual_unit(y)
        return y


class ResNet18(nn.Module):
    """ResNet-18 (He, Zhang, Ren & Sun 2016): two 3 × 3 convolutions to a unit, two units to a
    resolution.
    """

    def __init__(self, classes: int = 1000, channels: int = 64) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
        self.batch_norm2d = BatchNorm2d(channels)
        self.stage = Stage(channels, channels, 2, 1)
        self.stage_2 = Stage2(channels, 2 * channels, 2, 2)
        self.stage_3 = Stage2(2 * channels, 4 * channels, 2, 2)
        self.stage_4 = Stage2(4 * channels, 8 * channels, 2, 2)
        self.linear = nn.Linear(8 * channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, width] -> scores [batch, classes]"""
        active = F.relu(self.batch_norm2d(self.conv2d(image)))
        stem = F.max_pool2d(active, 3, stride=2, padding=1)
        maps = self.stage_4(self.stage_3(self.stage_2(self.stage(stem))))
        scores: Tensor = self.linear(maps.mean((2, 3)))  # [batch, classes]
        return scores
