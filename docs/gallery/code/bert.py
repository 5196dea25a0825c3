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


class Layer(nn.Module):
    """One layer: norm after each residual, exact GELU. What is padding is seen by nobody."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.heads = heads
        self.num_dropout = dropout
        self.q = nn.Linear(d, d)
        self.k = nn.Linear(d, d)
        self.v = nn.Linear(d, d)
        self.linear = nn.Linear(d, d)
        self.dropout = nn.Dropout(dropout)
        self.y = LayerNorm(d, eps=1e-12)
        self.linear_2 = nn.Linear(d, 4 * d)
        self.linear_3 = nn.Linear(4 * d, d)
        self.dropout_2 = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d, eps=1e-12)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """x [batch, time, d], allowed bool[batch, 1, time] -> z [batch, time, d]"""
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        k = self.k(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        v = self.v(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        allowed = allowed.unsqueeze(-3)
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=allowed, dropout_p=self.num_dropout if self.training else 0.0
        )
        seen = self.dropout(self.linear(attended.transpose(-3, -2).flatten(-2)))
        y = self.y(x + seen)
        y = y + self.dropout_2(self.linear_3(F.gelu(self.linear_2(y))))
        z: Tensor = self.layer_norm(y)
        return z


class BERT(nn.Module):
    """BERT base (Devlin et al. 2019): the Transformer's encoder, with segments and a pooled first
    token.
    """

    def __init__(
        self,
        vocab: int = 30522,
        d: int = 768,
        layers: int = 12,
        heads: int = 12,
        positions: int = 512,
        segments: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.word = nn.Embedding(vocab, d)
        nn.init.normal_(self.word.weight, std=0.02)
        self.place = nn.Embedding(positions, d)
        nn.init.normal_(self.place.weight, std=0.02)
        self.kind = nn.Embedding(segments, d)
        nn.init.normal_(self.kind.weight, std=0.02)
        self.layer_norm = LayerNorm(d, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(d, heads, dropout) for _ in range(layers))
        self.pooled = nn.Linear(d, d)

    @classmethod
    def large(cls) -> "BERT":
        return cls(d=1024, layers=24, heads=16)

    def forward(
        self, tokens: Tensor, segment: Tensor, present: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """tokens int[batch, time], segment int[batch, time], present bool[batch, time]

        -> y [batch, time, d], pooled [batch, d]
        """
        batch, time = tokens.shape
        if present is None:
            present = self.word.weight.new_ones(batch, time, dtype=torch.bool)
        word = self.word(tokens)  # [batch, time, d]
        place = self.place(torch.arange(time, device=tokens.device))  # [time, d]
        kind = self.kind(segment)  # [batch, time, d]
        allowed = present.unsqueeze(1)  # [batch, 1, time]
        h = self.dropout(self.layer_norm(word + kind + place))
        for layer in self.layers:
            h = layer(h, allowed)
        pooled = torch.tanh(self.pooled(h[:, 0]))  # [batch, d]
        return h, pooled
