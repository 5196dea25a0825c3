import torch.nn.functional as F
from torch import Tensor, nn


class Signal(nn.Module):
    """Along time (Waibel et al. 1989): strides shorten the signal, dilation widens what is seen;
    then a global mean.
    """

    def __init__(self, channels: int = 12, classes: int = 5) -> None:
        super().__init__()
        self.conv1d = nn.Conv1d(channels, 32, 7, stride=2, padding=3)
        self.conv1d_2 = nn.Conv1d(32, 64, 3, padding="same", dilation=4)
        self.linear = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, time] -> scores [batch, classes]"""
        x = self.conv1d_2(F.max_pool1d(F.relu(self.conv1d(x)), 2))
        scores: Tensor = self.linear(F.relu(x).mean(-1))  # [batch, classes]
        return scores


class Image(nn.Module):
    """Across an image: groups of channels that do not meet (Krizhevsky et al. 2012), then a 1 × 1
    convolution where they do, and local, then global pooling (Lin, Chen & Yan 2014).
    """

    def __init__(self, colours: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(colours, 32, (5, 3), padding=(2, 1))
        self.conv2d_2 = nn.Conv2d(32, 64, 3, padding=1, groups=4)
        self.conv2d_3 = nn.Conv2d(64, 64, 1)
        self.linear = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, colours, height, width] -> scores [batch, classes]"""
        x = self.conv2d_2(F.avg_pool2d(F.relu(self.conv2d(x)), 2))
        x = F.relu(self.conv2d_3(F.relu(x))).amax((-2, -1))  # [batch, 64]
        scores: Tensor = self.linear(x)  # [batch, classes]
        return scores


class Volume(nn.Module):
    """Through a volume, or a film (Tran et al. 2015)."""

    def __init__(self, colours: int = 1, classes: int = 4) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(colours, 16, 3, padding=1)
        self.conv3d_2 = nn.Conv3d(16, 32, 3, stride=2)
        self.linear = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, colours, depth, height, width] -> scores [batch, classes]"""
        x = self.conv3d_2(F.max_pool3d(F.relu(self.conv3d(x)), (1, 2, 2)))
        scores: Tensor = self.linear(F.relu(x).mean((-3, -2, -1)))  # [batch, classes]
        return scores
