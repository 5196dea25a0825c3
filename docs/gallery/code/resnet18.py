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


class Convolution(nn.Module):
    """A convolution without bias, and its norm."""

    def __init__(self, c: int, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            c, channels, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.normalization = BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> y [batch, channels, floor((height + 2*floor(kernel/2) - kernel)/stride) + 1,
        floor((width + 2*floor(kernel/2) - kernel)/stride) + 1]
        """
        y: Tensor = self.normalization(self.convolution(x))
        return y


class Unit(nn.Module):
    """Two 3 × 3 convolutions and a skip, which is projected where channels or resolution change."""

    def __init__(self, c: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        assert stride == 1 and c == channels, "other numbers make another class"
        self.layer = nn.ModuleList()
        self.layer.append(Convolution(c, channels, 3, stride=stride))
        self.layer.append(Convolution(channels, channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width] -> z [batch, channels, height, width]"""
        y = self.layer[1](F.relu(self.layer[0](x)))  # [batch, channels, height, width]
        return F.relu(y + x)


class Stage(nn.Module):
    """The units of one resolution."""

    def __init__(self, c: int, channels: int, units: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.layers.append(Unit(c, channels, stride=stride))
        self.layers.extend(Unit(channels, channels) for _ in range(units - 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width] -> y [batch, channels, height, width]"""
        y: Tensor = self.layers[0](x)  # [batch, channels, height, width]
        for layer in self.layers[1:]:
            y = layer(y)
        return y


class Stem(nn.Module):
    """A quarter of the image's resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embedder = Convolution(3, channels, 7, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, width]

        -> y [batch, channels, floor((height + 3)/4), floor((width + 3)/4)]
        """
        return F.max_pool2d(F.relu(self.embedder(image)), 3, stride=2, padding=1)


class UnitProjected(nn.Module):
    """Two 3 × 3 convolutions and a skip, which is projected where channels or resolution change."""

    def __init__(self, c: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        assert stride != 1 or c != channels, "other numbers make another class"
        self.layer = nn.ModuleList()
        self.layer.append(Convolution(c, channels, 3, stride=stride))
        self.layer.append(Convolution(channels, channels, 3))
        self.shortcut = Convolution(c, channels, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> z [batch, channels, floor((height - 1)/stride) + 1, floor((width - 1)/stride) + 1]
        """
        y = self.layer[1](F.relu(self.layer[0](x)))
        skip = self.shortcut(x)
        return F.relu(y + skip)


class StageProjected(nn.Module):
    """The units of one resolution."""

    def __init__(self, c: int, channels: int, units: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.layers.append(UnitProjected(c, channels, stride=stride))
        self.layers.extend(Unit(channels, channels) for _ in range(units - 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> y [batch, channels, floor((height - 1)/stride) + 1, floor((width - 1)/stride) + 1]
        """
        y: Tensor = self.layers[0](x)
        for layer in self.layers[1:]:
            y = layer(y)
        return y


class Encoder(nn.Module):
    """Four resolutions, each with twice the channels of the one before."""

    def __init__(self, c: int, channels: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        self.stages.append(Stage(c, channels, 2, 1))
        self.stages.append(StageProjected(channels, 2 * channels, 2, 2))
        self.stages.append(StageProjected(2 * channels, 4 * channels, 2, 2))
        self.stages.append(StageProjected(4 * channels, 8 * channels, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width]

        -> y [batch, 8*channels, floor((height + 7)/8), floor((width + 7)/8)]
        """
        y: Tensor = self.stages[3](self.stages[2](self.stages[1](self.stages[0](x))))
        return y


class ResNet18(nn.Module):
    """ResNet-18 (He, Zhang, Ren & Sun 2016): two 3 × 3 convolutions to a unit, two units to a
    resolution. Its parts have their published names.
    """

    def __init__(self, classes: int = 1000, channels: int = 64) -> None:
        super().__init__()
        self.resnet = nn.ModuleDict()
        self.resnet["embedder"] = Stem(channels)
        self.resnet["encoder"] = Encoder(channels, channels)
        self.classifier = nn.ModuleDict()
        self.classifier["1"] = nn.Linear(8 * channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, width] -> scores [batch, classes]"""
        maps = self.resnet["encoder"](self.resnet["embedder"](image))
        scores: Tensor = self.classifier["1"](maps.mean((2, 3)))  # [batch, classes]
        return scores
