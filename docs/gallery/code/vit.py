import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Embeddings(nn.Module):
    """16 × 16 patches as tokens, a learned class token before them, and learned positions."""

    def __init__(self, side: int, patch: int, d: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(nn.init.normal_(torch.empty(1, 1, d), std=0.02))
        self.position_embeddings = nn.Parameter(
            nn.init.normal_(torch.empty(1, (side // patch) ** 2 + 1, d), std=0.02)
        )
        self.patch_embeddings = nn.ModuleDict()
        self.patch_embeddings["projection"] = nn.Conv2d(3, d, patch, stride=patch)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, side, side] -> y [batch, floor(side/patch)^2 + 1, d]"""
        patches = self.patch_embeddings["projection"](image).flatten(2).transpose(1, 2)
        joined = torch.cat([self.cls_token.expand(image.shape[0], -1, -1), patches], dim=1)
        return joined + self.position_embeddings


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
    """One layer of the encoder: norm first."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.heads = heads
        self.dropout_rate = dropout
        self.layernorm_before = LayerNorm(d, eps=1e-12)
        self.attention = nn.ModuleDict()
        self.attention["q_proj"] = nn.Linear(d, d)
        self.attention["k_proj"] = nn.Linear(d, d)
        self.attention["v_proj"] = nn.Linear(d, d)
        self.attention["o_proj"] = nn.Linear(d, d)
        self.dropout = nn.Dropout(dropout)
        self.layernorm_after = LayerNorm(d, eps=1e-12)
        self.mlp = nn.ModuleDict()
        self.mlp["fc1"] = nn.Linear(d, 4 * d)
        self.mlp["fc2"] = nn.Linear(4 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> z [batch, time, d]"""
        h = self.layernorm_before(x)
        query = self.attention["q_proj"](h)
        key = self.attention["k_proj"](h)
        value = self.attention["v_proj"](h)
        query = query.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        key = key.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        value = value.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        attended = F.scaled_dot_product_attention(
            query, key, value, dropout_p=self.dropout_rate if self.training else 0.0
        )
        seen = attended.transpose(-3, -2).flatten(-2)
        y = x + self.dropout(self.attention["o_proj"](seen))
        hidden = self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.layernorm_after(y))))
        z: Tensor = y + self.dropout(hidden)
        return z


class ViT(nn.Module):
    """Vision Transformer ViT-B/16 (Dosovitskiy et al. 2021): patches as tokens, norm first, and
    the class token's output classified. Its parts have their published names.
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
        self.vit = nn.ModuleDict()
        self.vit["embeddings"] = Embeddings(side, patch, d)
        self.dropout = nn.Dropout(dropout)
        self.vit["layers"] = nn.ModuleList(Layer(d, heads, dropout) for _ in range(layers))
        self.vit["layernorm"] = LayerNorm(d, eps=1e-12)
        self.classifier = nn.Linear(d, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch, 3, side, side] -> scores [batch, classes]"""
        x = self.dropout(self.vit["embeddings"](image))  # [batch, floor(side/patch)^2 + 1, d]
        for layer in self.vit["layers"].children():
            x = layer(x)
        y = self.vit["layernorm"](x)
        scores: Tensor = self.classifier(y[:, 0])  # [batch, classes]
        return scores
