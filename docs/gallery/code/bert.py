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


class Output(nn.Module):
    """A layer, dropout, what came before added, and a norm."""

    def __init__(self, width: int, d: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, d)
        self.dropout = nn.Dropout(dropout)
        self.LayerNorm = LayerNorm(d, eps=1e-12)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """x [batch, time, width], before [batch, time, d] -> y [batch, time, d]"""
        y: Tensor = self.LayerNorm(before + self.dropout(self.dense(x)))
        return y


class Heads(nn.Module):
    """Every position looks at all that are no padding."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(d, d)
        self.key = nn.Linear(d, d)
        self.value = nn.Linear(d, d)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        """x [batch, time, d], allowed bool[batch, 1, time] -> y [batch, time, d]"""
        mask = None if allowed is None else allowed.unsqueeze(-3)
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        key = self.key(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        value = self.value(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=self.dropout if self.training else 0.0
        )
        return attended.transpose(-3, -2).flatten(-2)


class Attention(nn.Module):
    """Attention, and the norm after its residual."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.self = Heads(d, heads, dropout)
        self.output = Output(d, d, dropout)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        """x [batch, time, d], allowed bool[batch, 1, time] -> y [batch, time, d]"""
        seen = self.self(x, allowed)
        y: Tensor = self.output(seen, x)
        return y


class Layer(nn.Module):
    """One layer: a norm after each residual, exact GELU."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(d, heads, dropout)
        self.intermediate = nn.ModuleDict()
        self.intermediate["dense"] = nn.Linear(d, 4 * d)
        self.output = Output(4 * d, d, dropout)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        """x [batch, time, d], allowed bool[batch, 1, time] -> z [batch, time, d]"""
        y = self.attention(x, allowed)
        wide = F.gelu(self.intermediate["dense"](y))  # [batch, time, 4*d]
        z: Tensor = self.output(wide, y)
        return z


class BERT(nn.Module):
    """BERT base (Devlin et al. 2019): the Transformer's encoder, with segments and a pooled first
    token. Its parts have their published names.
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
        self.embeddings = nn.ModuleDict()
        self.embeddings["word_embeddings"] = nn.Embedding(vocab, d)
        nn.init.normal_(self.embeddings["word_embeddings"].get_parameter("weight"), std=0.02)
        self.embeddings["position_embeddings"] = nn.Embedding(positions, d)
        nn.init.normal_(self.embeddings["position_embeddings"].get_parameter("weight"), std=0.02)
        self.embeddings["token_type_embeddings"] = nn.Embedding(segments, d)
        nn.init.normal_(self.embeddings["token_type_embeddings"].get_parameter("weight"), std=0.02)
        self.embeddings["LayerNorm"] = LayerNorm(d, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleDict()
        self.encoder["layer"] = nn.ModuleList(Layer(d, heads, dropout) for _ in range(layers))
        self.pooler = nn.ModuleDict()
        self.pooler["dense"] = nn.Linear(d, d)

    @classmethod
    def large(cls) -> "BERT":
        return cls(d=1024, layers=24, heads=16)

    def forward(
        self, tokens: Tensor, segment: Tensor, present: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """tokens int[batch, time], segment int[batch, time], present bool[batch, time]

        -> y [batch, time, d], pooled [batch, d]
        """
        word = self.embeddings["word_embeddings"](tokens)  # [batch, time, d]
        positions = torch.arange(tokens.shape[1], device=tokens.device)  # [time]
        place = self.embeddings["position_embeddings"](positions)  # [time, d]
        kind = self.embeddings["token_type_embeddings"](segment)  # [batch, time, d]
        allowed = None if present is None else present.unsqueeze(1)  # [batch, 1, time]
        h = self.dropout(self.embeddings["LayerNorm"](word + kind + place))
        for layer in self.encoder["layer"].children():
            h = layer(h, allowed)
        pooled = torch.tanh(self.pooler["dense"](h[:, 0]))  # [batch, d]
        return h, pooled
