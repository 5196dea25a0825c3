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
        centred = x - x.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + self.eps).sqrt()  # [..., 1]
        return self.weight * centred / spread + self.bias


class MultiHeadAttention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017, section 3.2.2): each head attends in its own
    subspace of width d / heads.
    """

    def __init__(self, d: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.heads = heads
        self.dropout = dropout
        self.q = nn.Linear(d, d)
        self.k = nn.Linear(d, d)
        self.v = nn.Linear(d, d)
        self.y = nn.Linear(d, d)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """query [batch, target, d], key [batch, source, d], value [batch, source, d]

        -> y [batch, target, d]
        """
        q = self.q(query).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        k = self.k(key).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        v = self.v(value).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        attended = F.scaled_dot_product_attention(
            q, k, v, dropout_p=self.dropout if self.training else 0.0
        )
        y: Tensor = self.y(attended.transpose(-3, -2).flatten(-2))
        return y


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself. With `mask = causal`, position i sees
    positions up to i.
    """

    def __init__(self, d: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.y = MultiHeadAttention(d, heads, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, d]"""
        y: Tensor = self.y(x, x, x)
        return y


class FeedForwardGelu(nn.Module):
    """Position-wise feed-forward network (Vaswani et al. 2017, eq. 2)."""

    def __init__(self, d: int, hidden: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        hidden = 4 * d if hidden is None else hidden
        self.linear = nn.Linear(d, hidden)
        self.dropout = nn.Dropout(dropout)
        self.linear_2 = nn.Linear(hidden, d)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., d] -> y [..., d]"""
        y: Tensor = self.linear_2(self.dropout(F.gelu(self.linear(x))))
        return y


class TransformerEncoderLayerGeluPreNorm(nn.Module):
    """One layer of a Transformer encoder. Post-norm as in the paper; pre-norm as in Xiong et al.
    (2020) and GPT-2.
    """

    def __init__(
        self, d: int, heads: int, hidden: int | None = None, dropout: float = 0.1, eps: float = 1e-5
    ) -> None:
        super().__init__()
        hidden = 4 * d if hidden is None else hidden
        assert d % heads == 0, "d/heads must be whole"
        self.layer_norm = LayerNorm(d, eps=eps)
        self.self_attention = SelfAttention(d, heads, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm_2 = LayerNorm(d, eps=eps)
        self.feed_forward = FeedForwardGelu(d, hidden=hidden)
        self.dropout_2 = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> z [batch, time, d]"""
        y = x + self.dropout(self.self_attention(self.layer_norm(x)))
        z: Tensor = y + self.dropout_2(self.feed_forward(self.layer_norm_2(y)))
        return z


class ViT(nn.Module):
    """Vision Transformer ViT-B/16 (Dosovitskiy et al. 2021): 16 × 16 patches as tokens, one
    learned class token before them, norm first.
    """

    def __init__(
        self,
        side: int = 224,
        patch: int = 16,
        d: int = 768,
        layers: int = 12,
        heads: int = 12,
        classes: int = 1000,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.class_token = nn.Parameter(nn.init.normal_(torch.empty(1, 1, d), std=0.02))
        self.positions = nn.Parameter(
            nn.init.normal_(torch.empty((side // patch) ** 2 + 1, d), std=0.02)
        )
        self.patches = nn.Conv2d(3, d, patch, stride=patch)
        self.start = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            TransformerEncoderLayerGeluPreNorm(d, heads, dropout=dropout, eps=1e-12)
            for _ in range(layers)
        )
        self.layer_norm = LayerNorm(d, eps=1e-12)
        self.linear = nn.Linear(d, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, side, side] -> scores [batch, classes]"""
        patches = self.patches(image).flatten(2).transpose(1, 2)  # [batch, floor(side/patch)^2, d]
        joined = torch.cat([self.class_token.expand(image.shape[0], -1, -1), patches], dim=1)
        y = self.start(joined + self.positions)
        for layer in self.layers:
            y = layer(y)
        scores: Tensor = self.linear(self.layer_norm(y)[:, 0])  # [batch, classes]
        return scores
