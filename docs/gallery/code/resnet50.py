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


class BottleneckProjected(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions and a skip. Where the resolution halves, the 3 × 3 has
    the stride (v1.5), or as in the paper the first (v1).
    """

    def __init__(self, c: int, width: int, stride: int = 1) -> None:
        super().__init__()
        assert stride != 1 or c != 4 * width, "other numbers make another class"
        self.layer = nn.ModuleList()
        self.layer.append(Convolution(c, width, 1))
        self.layer.append(Convolution(width, width, 3, stride=stride))
        self.layer.append(Convolution(width, 4 * width, 1))
        self.shortcut = Convolution(c, 4 * width, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, w]

        -> z [batch, 4*width, floor((height - 1)/stride) + 1, floor((w - 1)/stride) + 1]
        """
        narrow = self.layer[1](F.relu(self.layer[0](x)))
        wide = self.layer[2](F.relu(narrow))
        skip = self.shortcut(x)
        return F.relu(wide + skip)


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions and a skip. Where the resolution halves, the 3 × 3 has
    the stride (v1.5), or as in the paper the first (v1).
    """

    def __init__(self, c: int, width: int, stride: int = 1) -> None:
        super().__init__()
        assert stride == 1 and c == 4 * width, "other numbers make another class"
        self.layer = nn.ModuleList()
        self.layer.append(Convolution(c, width, 1))
        self.layer.append(Convolution(width, width, 3, stride=stride))
        self.layer.append(Convolution(width, 4 * width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, w] -> z [batch, 4*width, height, w]"""
        narrow = self.layer[1](F.relu(self.layer[0](x)))  # [batch, width, height, w]
        wide = self.layer[2](F.relu(narrow))  # [batch, 4*width, height, w]
        return F.relu(wide + x)


class WideStage(nn.Module):
    """The units of one resolution: the first changes width and resolution, so its skip is
    projected.
    """

    def __init__(self, c: int, width: int, units: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.layers.append(BottleneckProjected(c, width, stride=stride))
        self.layers.extend(Bottleneck(4 * width, width) for _ in range(units - 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, w]

        -> y [batch, 4*width, floor((height - 1)/stride) + 1, floor((w - 1)/stride) + 1]
        """
        y: Tensor = self.layers[0](x)
        for layer in self.layers[1:]:
            y = layer(y)
        return y


class WideEncoder(nn.Module):
    """3, 4, 6 and 3 units at four resolutions."""

    def __init__(self, c: int, width: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        self.stages.append(WideStage(c, width, 3, 1))
        self.stages.append(WideStage(4 * width, 2 * width, 4, 2))
        self.stages.append(WideStage(8 * width, 4 * width, 6, 2))
        self.stages.append(WideStage(16 * width, 8 * width, 3, 2))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, w]

        -> y [batch, 32*width, floor((height + 7)/8), floor((w + 7)/8)]
        """
        y: Tensor = self.stages[3](self.stages[2](self.stages[1](self.stages[0](x))))
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


class ResNet50(nn.Module):
    """ResNet-50 (He, Zhang, Ren & Sun 2016) in the form called v1.5: where the resolution halves,
    the 3 × 3 convolution has the stride.
    """

    def __init__(self, classes: int = 1000, width: int = 64) -> None:
        super().__init__()
        self.resnet = nn.ModuleDict()
        self.resnet["embedder"] = Stem(width)
        self.resnet["encoder"] = WideEncoder(width, width)
        self.classifier = nn.ModuleDict()
        self.classifier["1"] = nn.Linear(32 * width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, w] -> scores [batch, classes]"""
        maps = self.resnet["encoder"](self.resnet["embedder"](image))
        scores: Tensor = self.classifier["1"](maps.mean((2, 3)))  # [batch, classes]
        return scores
