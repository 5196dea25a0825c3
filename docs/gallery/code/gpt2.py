import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


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
    """Norm before each sublayer: causal self-attention, then a feed-forward network."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(d)
        self.attn = Attention(d, heads, dropout)
        self.ln_2 = LayerNorm(d)
        self.mlp = MLP(d, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> z [batch, time, d]"""
        y = x + self.attn(self.ln_1(x))
        z: Tensor = y + self.mlp(self.ln_2(y))
        return z


class GPT2(nn.Module):
    """GPT-2 small (Radford et al. 2019): a last norm, and a head tied to the token embedding. Its
    parts have their published names.
    """

    def __init__(
        self,
        vocab: int = 50257,
        context: int = 1024,
        d: int = 768,
        layers: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.wte = nn.Embedding(vocab, d)
        nn.init.normal_(self.wte.weight, std=0.02)
        self.wpe = nn.Embedding(context, d)
        nn.init.normal_(self.wpe.weight, std=0.02)
        self.start = nn.Dropout(dropout)
        self.h = nn.ModuleList(Layer(d, heads, dropout) for _ in range(layers))
        self.ln_f = LayerNorm(d)

    @classmethod
    def medium(cls) -> "GPT2":
        return cls(d=1024, layers=24, heads=16)

    @classmethod
    def large(cls) -> "GPT2":
        return cls(d=1280, layers=36, heads=20)

    @classmethod
    def xl(cls) -> "GPT2":
        return cls(d=1600, layers=48, heads=25)

    @classmethod
    def gpt3(cls) -> "GPT2":
        return cls(d=12288, layers=96, heads=96, context=2048)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens int[batch, time] -> scores [batch, time, vocab]"""
        embedded = self.wpe(torch.arange(tokens.shape[1], device=tokens.device))  # [time, d]
        x = self.start(self.wte(tokens) + embedded)  # [batch, time, d]
        for h_layer in self.h:
            x = h_layer(x)
        h = self.ln_f(x)
        scores: Tensor = h @ self.wte.weight.mT  # [batch, time, vocab]
        return scores


class Fit(Trainer):
    """The next token is to be told from those before it."""

    def __init__(
        self,
        vocab: int = 50257,
        context: int = 1024,
        d: int = 768,
        layers: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
        rate: float = 6e-4,
    ) -> None:
        super().__init__()
        self.net = GPT2(
            vocab=vocab, context=context, d=d, layers=layers, heads=heads, dropout=dropout
        )
        self.optimizer = torch.optim.AdamW(
            self.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1
        )

    def step(self, tokens: Tensor, next_: Tensor) -> dict[str, float]:
        """One update: tokens int[batch, time], next_ int[batch, time]"""
        self.train(not self.evaluating)
        loss = F.cross_entropy(self.net(tokens).flatten(0, -2), next_.flatten())
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
