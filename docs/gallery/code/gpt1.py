import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv1D(nn.Module):
    """An affine map whose weight is [in, out], as the published files have it."""

    def __init__(self, d: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(d, channels), std=0.02))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """x [..., d] -> y [..., channels]"""
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """Causal self-attention. One map makes queries, keys and values."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.heads = heads
        self.dropout_rate = dropout
        self.c_attn = Conv1D(d, 3 * d)
        self.c_proj = Conv1D(d, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, d]"""
        q, k, v = self.c_attn(x).chunk(3, dim=-1)
        q = q.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        k = k.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        v = v.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        attended = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, dropout_p=self.dropout_rate if self.training else 0.0
        )
        y: Tensor = self.dropout(self.c_proj(attended.transpose(-3, -2).flatten(-2)))
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


class MLP(nn.Module):
    """Two layers with the tanh form of GELU between them."""

    def __init__(self, d: int, dropout: float) -> None:
        super().__init__()
        self.c_fc = Conv1D(d, 4 * d)
        self.c_proj = Conv1D(4 * d, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, d]"""
        y: Tensor = self.dropout(self.c_proj(F.gelu(self.c_fc(x), approximate="tanh")))
        return y


class PostNormLayer(nn.Module):
    """As GPT-2's, but a norm after each residual."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attn = Attention(d, heads, dropout)
        self.ln_1 = LayerNorm(d)
        self.mlp = MLP(d, dropout)
        self.ln_2 = LayerNorm(d)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> z [batch, time, d]"""
        y = self.ln_1(x + self.attn(x))
        z: Tensor = self.ln_2(y + self.mlp(y))
        return z


class GPT(nn.Module):
    """GPT (Radford et al. 2018): post-norm, so no norm is needed at the end; its head is tied to
    the token embedding.
    """

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
        self.tokens_embed = nn.Embedding(vocab, d)
        nn.init.normal_(self.tokens_embed.weight, std=0.02)
        self.positions_embed = nn.Embedding(context, d)
        nn.init.normal_(self.positions_embed.weight, std=0.02)
        self.start = nn.Dropout(dropout)
        self.h = nn.ModuleList(PostNormLayer(d, heads, dropout) for _ in range(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens int[batch, time] -> scores [batch, time, vocab]"""
        embedded = self.positions_embed(torch.arange(tokens.shape[1], device=tokens.device))
        h = self.start(self.tokens_embed(tokens) + embedded)  # [batch, time, d]
        for h_layer in self.h:
            h = h_layer(h)
        scores: Tensor = h @ self.tokens_embed.weight.mT  # [batch, time, vocab]
        return scores
