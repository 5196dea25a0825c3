import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Head(nn.Module):
    def __init__(self, d: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(d, units)
        self.linear_2 = nn.Linear(units, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, d] -> y [batch, 1]"""
        y: Tensor = self.linear_2(F.relu(self.linear(x)))  # [batch, 1]
        return y


class Picture(nn.Module):
    def __init__(self, c: int, channels: int) -> None:
        super().__init__()
        self.y = nn.Conv2d(c, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, height, width] -> y [batch, channels, height, width]"""
        return F.relu(self.y(x))


class Maps(nn.Module):
    """Scans that are maps: on the whole at once, by vmap, or in a loop."""

    def __init__(self, d: int = 4, channels: int = 2) -> None:
        super().__init__()
        self.heads = Head(d, 8)
        self.frames_out = Picture(1, channels)

    def forward(self, x: Tensor, film: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x [batch, time, d], film [batch, frames, 1, height, width], w [d]

        -> heads [batch, time, 1], frames_out [batch, frames, channels, height, width], weighted
        [batch, time, d], tops [d, time]
        """
        heads = self.heads(x)  # [batch, time, 1]
        frames_out = self.frames_out(film.flatten(0, 1)).unflatten(0, (-1, film.shape[1]))
        weighted = (x * w).softmax(-1)
        outputs = []
        for x_t in x.unbind(1):
            top = x_t.sort(0).values.sum(0)  # [d]
            outputs.append(top)
        tops = torch.stack(outputs, dim=1)
        return heads, frames_out, weighted, tops
