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


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions and a skip (He et al. 2016, figure 5 right). The stride is in the
    3×3 (v1.5), or as in the paper in the first 1×1 (v1).
    """

    def __init__(self, c: int, width: int, stride: int = 1) -> None:
        super().__init__()
        assert stride != 1 or c != 4 * width
        self.conv2d = nn.Conv2d(c, width, 1, bias=False)
        self.batch_norm2d = BatchNorm2d(width)
        self.conv2d_2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.batch_norm2d_2 = BatchNorm2d(width)
        self.conv2d_3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.batch_norm2d_3 = BatchNorm2d(4 * width)
        self.conv2d_4 = nn.Conv2d(c, 4 * width, 1, stride=stride, bias=False)
        self.batch_norm2d_4 = BatchNorm2d(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, w]

        -> z [batch, 4*width, floor((height - 1)/stride) + 1, floor((w - 1)/stride) + 1]
        """
        narrow = F.relu(self.batch_norm2d(self.conv2d(x)))  # [batch, width, height, w]
        middle = F.relu(self.batch_norm2d_2(self.conv2d_2(narrow)))
        wide = self.batch_norm2d_3(self.conv2d_3(middle))
        skip = self.batch_norm2d_4(self.conv2d_4(x))
        return F.relu(wide + skip)


class Bottleneck2(nn.Module):
    """1×1, 3×3, 1×1 convolutions and a skip (He et al. 2016, figure 5 right). The stride is in the
    3×3 (v1.5), or as in the paper in the first 1×1 (v1).
    """

    def __init__(self, c: int, width: int, stride: int = 1) -> None:
        super().__init__()
        assert stride == 1 and c == 4 * width
        self.conv2d = nn.Conv2d(c, width, 1, bias=False)
        self.batch_norm2d = BatchNorm2d(width)
        self.conv2d_2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.batch_norm2d_2 = BatchNorm2d(width)
        self.conv2d_3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.batch_norm2d_3 = BatchNorm2d(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, w] -> z [batch, 4*width, height, w]"""
        narrow = F.relu(self.batch_norm2d(self.conv2d(x)))  # [batch, width, height, w]
        middle = F.relu(self.batch_norm2d_2(self.conv2d_2(narrow)))
        wide = self.batch_norm2d_3(self.conv2d_3(middle))  # [batch, 4*width, height, w]
        return F.relu(wide + x)


class Stage(nn.Module):
    """The units of one resolution: the first changes width and resolution, so its skip is
    projected.
    """

    def __init__(self, c: int, width: int, units: int, stride: int) -> None:
        super().__init__()
        assert stride != 1 or c != 4 * width
        self.bottleneck = Bottleneck(c, width, stride=stride)
        self.bottlenecks = nn.ModuleList(Bottleneck2(4 * width, width) for _ in range(units - 1))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, w]

        -> y [batch, 4*width, floor((height - 1)/stride) + 1, floor((w - 1)/stride) + 1]
        """
        y: Tensor = self.bottleneck(x)
        for bottleneck in self.bottlenecks:
            y = bottleneck(y)
        return y


class ResNet50(nn.Module):
    """ResNet-50 (He, Zhang, Ren & Sun 2016) in the form called v1.5: where the resolution halves,
    the 3 × 3 convolution has the stride.
    """

    def __init__(self, classes: int = 1000, width: int = 64) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.batch_norm2d = BatchNorm2d(width)
        self.stage = Stage(width, width, 3, 1)
        self.stage_2 = Stage(4 * width, 2 * width, 4, 2)
        self.stage_3 = Stage(8 * width, 4 * width, 6, 2)
        self.stage_4 = Stage(16 * width, 8 * width, 3, 2)
        self.linear = nn.Linear(32 * width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, height, w] -> scores [batch, classes]"""
        active = F.relu(self.batch_norm2d(self.conv2d(image)))
        stem = F.max_pool2d(active, 3, stride=2, padding=1)
        maps = self.stage_4(self.stage_3(self.stage_2(self.stage(stem))))
        scores: Tensor = self.linear(maps.mean((2, 3)))  # [batch, classes]
        return scores
