import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Mix(nn.Module):
    """Two layers across one axis, the same for every place on the other."""

    def __init__(self, n: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n, hidden)
        self.linear_2 = nn.Linear(hidden, n)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., n] -> y [..., n]"""
        y: Tensor = self.linear_2(F.gelu(self.linear(x)))
        return y


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


class Layer(nn.Module):
    """One network mixes the tokens of each channel, another the channels of each token."""

    def __init__(self, tokens: int, d: int, token_hidden: int, channel_hidden: int) -> None:
        super().__init__()
        self.layer_norm = LayerNorm(d, eps=1e-6)
        self.mix = Mix(tokens, token_hidden)
        self.layer_norm_2 = LayerNorm(d, eps=1e-6)
        self.mix_2 = Mix(d, channel_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, tokens, d] -> z [batch, tokens, d]"""
        y = x + self.mix(self.layer_norm(x).transpose(1, 2)).transpose(1, 2)
        z: Tensor = y + self.mix_2(self.layer_norm_2(y))
        return z


class Mixer(nn.Module):
    """MLP-Mixer B/16 (Tolstikhin et al. 2021): no attention and no positions."""

    def __init__(
        self,
        side: int = 224,
        patch: int = 16,
        d: int = 768,
        layers: int = 12,
        token_hidden: int = 384,
        channel_hidden: int = 3072,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.tokens = nn.Conv2d(3, d, patch, stride=patch)
        self.layers = nn.ModuleList(
            Layer((side // patch) ** 2, d, token_hidden, channel_hidden) for _ in range(layers)
        )
        self.layer_norm = LayerNorm(d, eps=1e-6)
        self.linear = nn.Linear(d, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, side, side] -> scores [batch, classes]"""
        y = self.tokens(image).flatten(2).transpose(1, 2)  # [batch, floor(side/patch)^2, d]
        for layer in self.layers:
            y = layer(y)
        scores: Tensor = self.linear(self.layer_norm(y).mean(1))  # [batch, classes]
        return scores
