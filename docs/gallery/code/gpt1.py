import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MultiHeadAttentionCausal(nn.Module):
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
            q, k, v, is_causal=True, dropout_p=self.dropout if self.training else 0.0
        )
        y: Tensor = self.y(attended.transpose(-3, -2).flatten(-2))
        return y


class SelfAttentionCausal(nn.Module):
    """Multi-head attention of a sequence to itself. With `mask = causal`, position i sees
    positions up to i.
    """

    def __init__(self, d: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.y = MultiHeadAttentionCausal(d, heads, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, d]"""
        y: Tensor = self.y(x, x, x)
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
        centred = x - x.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + self.eps).sqrt()  # [..., 1]
        return self.weight * centred / spread + self.bias


class Layer(nn.Module):
    """GPT (Radford et al. 2018): as GPT-2, but the norm comes after each residual, and there is
    none at the end.
    """

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.self_attention = SelfAttentionCausal(d, heads, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d)
        self.linear = nn.Linear(d, 4 * d)
        self.linear_2 = nn.Linear(4 * d, d)
        self.dropout_2 = nn.Dropout(dropout)
        self.layer_norm_2 = LayerNorm(d)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> z [batch, time, d]"""
        y = self.layer_norm(x + self.dropout(self.self_attention(x)))
        kept = self.dropout_2(self.linear_2(F.gelu(self.linear(y), approximate="tanh")))
        z: Tensor = self.layer_norm_2(y + kept)
        return z


class GPT(nn.Module):
    """GPT (Radford et al. 2018), its head tied to the token embedding."""

    def __init__(
        self,
        vocab: int = 40478,
        context: int = 512,
        d: int = 768,
        layers: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.words = nn.Embedding(vocab, d)
        nn.init.normal_(self.words.weight, std=0.02)
        self.embedding = nn.Embedding(context, d)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(d, heads, dropout) for _ in range(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens int[batch, time] -> scores [batch, time, vocab]"""
        embedded = self.embedding(torch.arange(tokens.shape[1], device=tokens.device))  # [time, d]
        h = self.dropout(self.words(tokens) + embedded)  # [batch, time, d]
        for layer in self.layers:
            h = layer(h)
        scores: Tensor = h @ self.words.weight.mT  # [batch, time, vocab]
        return scores
