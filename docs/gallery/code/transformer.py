import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


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


class Attend(nn.Module):
    """Multi-head attention to the places that are allowed, as a residual with its norm after it."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.heads = heads
        self.dropout_rate = dropout
        self.q = nn.Linear(d, d)
        self.k = nn.Linear(d, d)
        self.v = nn.Linear(d, d)
        self.linear = nn.Linear(d, d)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d)

    def forward(self, x: Tensor, others: Tensor, allowed: Tensor | None) -> Tensor:
        """x [batch, target, d], others [batch, source, d], allowed bool[batch, 1, source]

        -> y [batch, target, d]
        """
        mask = None if allowed is None else allowed.unsqueeze(-3)
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        k = self.k(others).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        v = self.v(others).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=self.dropout_rate if self.training else 0.0
        )
        seen = self.dropout(self.linear(attended.transpose(-3, -2).flatten(-2)))
        y: Tensor = self.layer_norm(x + seen)
        return y


class FeedForward(nn.Module):
    """Position-wise feed-forward network (Vaswani et al. 2017, eq. 2)."""

    def __init__(self, d: int, hidden: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        hidden = 4 * d if hidden is None else hidden
        self.linear = nn.Linear(d, hidden)
        self.dropout = nn.Dropout(dropout)
        self.linear_2 = nn.Linear(hidden, d)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., d] -> y [..., d]"""
        y: Tensor = self.linear_2(self.dropout(F.relu(self.linear(x))))
        return y


class EncoderLayer(nn.Module):
    """One layer of the encoder."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attend = Attend(d, heads, dropout)
        self.feed_forward = FeedForward(d)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        """x [batch, s, d], allowed bool[batch, 1, s] -> y [batch, s, d]"""
        x = self.attend(x, x, allowed)
        y: Tensor = self.layer_norm(x + self.dropout(self.feed_forward(x)))
        return y


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
        self.out = nn.Linear(d, d)

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
        y: Tensor = self.out(attended.transpose(-3, -2).flatten(-2))
        return y


class SelfAttentionCausal(nn.Module):
    """Multi-head attention of a sequence to itself. With `mask = causal`, position i sees
    positions up to i.
    """

    def __init__(self, d: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attend = MultiHeadAttentionCausal(d, heads, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, d]"""
        y: Tensor = self.attend(x, x, x)
        return y


class DecoderLayer(nn.Module):
    """One layer of the decoder: what is to come is hidden; what the encoder found is seen, its
    padding apart.
    """

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.self_attention = SelfAttentionCausal(d, heads, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d)
        self.attend = Attend(d, heads, dropout)
        self.feed_forward = FeedForward(d)
        self.layer_norm_2 = LayerNorm(d)

    def forward(self, x: Tensor, encoded: Tensor, allowed: Tensor | None) -> Tensor:
        """x [batch, t, d], encoded [batch, s, d], allowed bool[batch, 1, s] -> out [batch, t, d]"""
        y = self.layer_norm(x + self.dropout(self.self_attention(x)))
        y = self.attend(y, encoded, allowed)
        z = y + self.dropout(self.feed_forward(y))
        out: Tensor = self.layer_norm_2(z)
        return out


class PositionalEncoding(nn.Module):
    """Sinusoidal positions (Vaswani et al. 2017, section 3.5), added to the input; sine and cosine
    interleaved.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, d]"""
        _, time, d = x.shape
        position = torch.arange(time, device=x.device, dtype=x.dtype).unsqueeze(-1)  # [time, 1]
        wavelength = 10000 ** (2 * torch.arange(d // 2, device=x.device, dtype=x.dtype) / d)
        angle = position / wavelength  # [time, d/2]
        waves = torch.cat([angle.sin().unsqueeze(-1), angle.cos().unsqueeze(-1)], dim=-1)
        return x + waves.flatten(-2)


class Transformer(nn.Module):
    """Transformer (Vaswani et al. 2017), base: norm after each residual, √d on embeddings that
    source, target and output share.
    """

    def __init__(
        self,
        vocab: int = 37000,
        d: int = 512,
        layers: int = 6,
        heads: int = 8,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        assert d % 2 == 0, "d/2 must be whole"
        self.d = d
        self.words = nn.Embedding(vocab, d)
        nn.init.normal_(self.words.weight, std=1 / math.sqrt(d))
        self.positional_encoding = PositionalEncoding()
        self.dropout = nn.Dropout(dropout)
        self.encoder_layers = nn.ModuleList(EncoderLayer(d, heads, dropout) for _ in range(layers))
        self.decoder_layers = nn.ModuleList(DecoderLayer(d, heads, dropout) for _ in range(layers))

    @classmethod
    def big(cls) -> "Transformer":
        return cls(d=1024, heads=16, dropout=0.3)

    def forward(self, source: Tensor, target: Tensor, present: Tensor | None = None) -> Tensor:
        """source int[batch, s], target int[batch, t], present bool[batch, s]

        -> scores [batch, t, vocab]
        """
        allowed = None if present is None else present.unsqueeze(1)  # [batch, 1, s]
        hidden = self.positional_encoding(self.words(source) * math.sqrt(self.d))  # [batch, s, d]
        encoded = self.dropout(hidden)
        for encoder_layer in self.encoder_layers:
            encoded = encoder_layer(encoded, allowed)
        hidden = self.positional_encoding(self.words(target) * math.sqrt(self.d))  # [batch, t, d]
        h = self.dropout(hidden)
        for decoder_layer in self.decoder_layers:
            h = decoder_layer(h, encoded, allowed)
        scores: Tensor = h @ self.words.weight.mT  # [batch, t, vocab]
        return scores


class Fit(Trainer):
    """The next word of the target is to be told from the source and the words before it."""

    def __init__(
        self, vocab: int = 37000, d: int = 512, layers: int = 6, heads: int = 8, rate: float = 1e-4
    ) -> None:
        super().__init__()
        self.net = Transformer(vocab=vocab, d=d, layers=layers, heads=heads)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate, betas=(0.9, 0.98), eps=1e-9)

    def step(self, source: Tensor, target: Tensor, next_: Tensor) -> dict[str, float]:
        """One update: source int[batch, s], target int[batch, t], next_ int[batch, t]"""
        self.train(not self.evaluating)
        loss = F.cross_entropy(self.net(source, target).flatten(0, -2), next_.flatten())
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
