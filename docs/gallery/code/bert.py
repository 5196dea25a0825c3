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


class TransformerEncoderLayerGelu(nn.Module):
    """One layer of a Transformer encoder. Post-norm as in the paper; pre-norm as in Xiong et al.
    (2020) and GPT-2.
    """

    def __init__(
        self, d: int, heads: int, hidden: int | None = None, dropout: float = 0.1, eps: float = 1e-5
    ) -> None:
        super().__init__()
        hidden = 4 * d if hidden is None else hidden
        assert d % heads == 0, "d/heads must be whole"
        self.self_attention = SelfAttention(d, heads, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d, eps=eps)
        self.feed_forward = FeedForwardGelu(d, hidden=hidden)
        self.dropout_2 = nn.Dropout(dropout)
        self.layer_norm_2 = LayerNorm(d, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> z [batch, time, d]"""
        y = self.layer_norm(x + self.dropout(self.self_attention(x)))
        z: Tensor = self.layer_norm_2(y + self.dropout_2(self.feed_forward(y)))
        return z


class BERT(nn.Module):
    """BERT base (Devlin et al. 2019): the Transformer's encoder, norm after each residual, exact
    GELU, with segments and a pooled first token.
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
        self.layers = nn.ModuleList(
            TransformerEncoderLayerGelu(d, heads, dropout=dropout, eps=1e-12) for _ in range(layers)
        )
        self.pooled = nn.Linear(d, d)

    @classmethod
    def large(cls) -> "BERT":
        return cls(d=1024, layers=24, heads=16)

    def forward(self, tokens: Tensor, segment: Tensor) -> tuple[Tensor, Tensor]:
        """tokens int[batch, time], segment int[batch, time]

        -> y [batch, time, d], pooled [batch, d]
        """
        word = self.word(tokens)  # [batch, time, d]
        place = self.place(torch.arange(tokens.shape[1], device=tokens.device))  # [time, d]
        kind = self.kind(segment)  # [batch, time, d]
        y = self.dropout(self.layer_norm(word + kind + place))
        for layer in self.layers:
            y = layer(y)
        pooled = torch.tanh(self.pooled(y[:, 0]))  # [batch, d]
        return y, pooled
