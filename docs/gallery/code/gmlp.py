import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm(nn.Module):
    """Layer normalisation over the last axis (Ba, Kiros & Hinton 2016, eq. 4)."""

    def __init__(self, d: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d))
        self.bias = nn.Parameter(torch.zeros(d))

    def forward(self, x: Tensor) -> Tensor:
        """x [..., d] -> y [..., d]"""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, eps=self.eps)


class SpatialGate(nn.Module):
    """Spatial gating unit: one half of the channels, mixed over positions, multiplies the other."""

    def __init__(self, hidden: int, positions: int) -> None:
        super().__init__()
        assert hidden % 2 == 0, "hidden/2 must be whole"
        self.layer_norm = LayerNorm(hidden // 2)
        self.linear = nn.Linear(positions, positions)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, positions, hidden] -> y [batch, positions, hidden/2]"""
        u, v = x.chunk(2, dim=-1)
        mixed = self.linear(self.layer_norm(v).transpose(1, 2)).transpose(1, 2)
        y: Tensor = u * mixed
        return y


class Layer(nn.Module):
    """Channels grow, one half gates the other, and they shrink again."""

    def __init__(self, d: int, hidden: int, positions: int) -> None:
        super().__init__()
        self.layer_norm = LayerNorm(d, eps=1e-6)
        self.linear = nn.Linear(d, hidden)
        self.spatial_gate = SpatialGate(hidden, positions)
        self.linear_2 = nn.Linear(hidden // 2, d)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, positions, d] -> y [batch, positions, d]"""
        hidden = self.spatial_gate(F.gelu(self.linear(self.layer_norm(x))))
        y: Tensor = x + self.linear_2(hidden)
        return y


class GMLP(nn.Module):
    """gMLP S (Liu, Dai, So & Le 2021): no attention; tokens meet only where one half of the
    channels gates the other.
    """

    def __init__(
        self, side: int = 224, patch: int = 16, d: int = 256, layers: int = 30, classes: int = 1000
    ) -> None:
        super().__init__()
        self.tokens = nn.Conv2d(3, d, patch, stride=patch)
        self.layers = nn.ModuleList(Layer(d, 6 * d, (side // patch) ** 2) for _ in range(layers))
        self.layer_norm = LayerNorm(d, eps=1e-6)
        self.linear = nn.Linear(d, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, side, side] -> scores [batch, classes]"""
        y = self.tokens(image).flatten(2).transpose(1, 2)  # [batch, floor(side/patch)^2, d]
        for layer in self.layers:
            y = layer(y)
        scores: Tensor = self.linear(self.layer_norm(y).mean(1))  # [batch, classes]
        return scores
