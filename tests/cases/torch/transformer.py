import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Trainer(nn.Module):
    """What every training below shares: updates, epochs with a line of progress, checkpoints."""

    step: Callable[..., dict[str, float]]

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers, by name."""
        return {n: v for n, v in vars(self).items() if isinstance(v, torch.optim.Optimizer)}

    def descend(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """One update of what the optimizer holds. No other parameter gets a gradient."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        optimizer.zero_grad()
        torch.autograd.backward(loss, inputs=parameters)
        optimizer.step()

    def fit(
        self, batches: Iterable[Any], epochs: int = 1, checkpoint: str | Path | None = None
    ) -> list[dict[str, float]]:
        """Train on batches, each the inputs of `step`; returns every epoch's mean losses by name.

        With a `checkpoint`, training goes on from that file if it exists, and is saved to it after
        every epoch.
        """
        history: list[dict[str, float]] = []
        if checkpoint is not None and Path(checkpoint).exists():
            history = self.resume(checkpoint)
        for epoch in range(len(history), epochs):
            totals: dict[str, float] = {}
            means: dict[str, float] = {}
            line = ""
            for count, batch in enumerate(batches, 1):
                inputs = batch if isinstance(batch, (tuple, list)) else (batch,)
                for name, value in self.step(*inputs).items():
                    totals[name] = totals.get(name, 0.0) + value
                    means[name] = totals[name] / count
                losses = "".join(f"  {name} {mean:.4f}" for name, mean in means.items())
                line = f"epoch {epoch + 1}/{epochs}  batch {count}{losses}"
                if sys.stderr.isatty():
                    print(f"\r{line}", end="", file=sys.stderr, flush=True)
            if not line:
                raise ValueError(
                    f"epoch {epoch + 1} has no batches: give a list or a loader, not a generator"
                )
            print(f"\r{line}" if sys.stderr.isatty() else line, file=sys.stderr)
            history.append(means)
            if checkpoint is not None:
                self.save(checkpoint, history)
        return history

    def save(self, path: str | Path, history: list[dict[str, float]]) -> None:
        """Write all that is needed to go on: weights, optimizers, random state, losses so far."""
        state = {
            "parts": self.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers().items()},
            "random": torch.get_rng_state(),
            "history": history,
        }
        partial = Path(f"{path}.partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: str | Path) -> list[dict[str, float]]:
        """Read what `save` wrote; returns the losses so far."""
        state = torch.load(path, map_location="cpu")
        self.load_state_dict(state["parts"])
        for name, optimizer in self.optimizers().items():
            optimizer.load_state_dict(state["optimizers"][name])
        torch.set_rng_state(state["random"])
        return list(state["history"])


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


class Attend(nn.Module):
    """Multi-head attention to the places that are allowed, as a residual with its norm after it."""

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
        self.y = LayerNorm(d)

    def forward(self, x: Tensor, others: Tensor, allowed: Tensor) -> Tensor:
        """x [batch, target, d], others [batch, source, d], allowed bool[batch, 1, source]

        -> y [batch, target, d]
        """
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        k = self.k(others).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        v = self.v(others).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        allowed = allowed.unsqueeze(-3)
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=allowed, dropout_p=self.num_dropout if self.training else 0.0
        )
        seen = self.dropout(self.linear(attended.transpose(-3, -2).flatten(-2)))
        y: Tensor = self.y(x + seen)
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
        assert d % heads == 0, "d/heads must be whole"
        self.y = Attend(d, heads, dropout)
        self.feed_forward = FeedForward(d)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """x [batch, s, d], allowed bool[batch, 1, s] -> z [batch, s, d]"""
        y = self.y(x, x, allowed)
        z: Tensor = self.layer_norm(y + self.dropout(self.feed_forward(y)))
        return z


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


class DecoderLayer(nn.Module):
    """One layer of the decoder: what is to come is hidden; what the encoder found is seen, its
    padding apart.
    """

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.self_attention = SelfAttentionCausal(d, heads, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = LayerNorm(d)
        self.z = Attend(d, heads, dropout)
        self.feed_forward = FeedForward(d)
        self.dropout_2 = nn.Dropout(dropout)
        self.layer_norm_2 = LayerNorm(d)

    def forward(self, x: Tensor, encoded: Tensor, allowed: Tensor) -> Tensor:
        """x [batch, t, d], encoded [batch, s, d], allowed bool[batch, 1, s] -> out [batch, t, d]"""
        y = self.layer_norm(x + self.dropout(self.self_attention(x)))
        z = self.z(y, encoded, allowed)
        out: Tensor = self.layer_norm_2(z + self.dropout_2(self.feed_forward(z)))
        return out


class PositionalEncoding(nn.Module):
    """Sinusoidal positions (Vaswani et al. 2017, section 3.5), added to the input; sine and cosine
    interleaved.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> y [batch, time, d]"""
        _, time, d = x.shape
        position = torch.arange(time, device=x.device).to(x.dtype).unsqueeze(-1)  # [time, 1]
        hidden = 10000 ** (2 * torch.arange(d // 2, device=x.device).to(x.dtype) / d)  # [d/2]
        angle = position / hidden  # [time, d/2]
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
        assert d % heads == 0, "d/heads must be whole"
        self.d = d
        self.words = nn.Embedding(vocab, d)
        nn.init.normal_(self.words.weight, std=1 / math.sqrt(d))
        self.positional_encoding = PositionalEncoding()
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(EncoderLayer(d, heads, dropout) for _ in range(layers))
        self.positional_encoding_2 = PositionalEncoding()
        self.dropout_2 = nn.Dropout(dropout)
        self.layers_2 = nn.ModuleList(DecoderLayer(d, heads, dropout) for _ in range(layers))

    @classmethod
    def big(cls) -> "Transformer":
        return cls(d=1024, heads=16, dropout=0.3)

    def forward(self, source: Tensor, target: Tensor, present: Tensor | None = None) -> Tensor:
        """source int[batch, s], target int[batch, t], present bool[batch, s]

        -> scores [batch, t, vocab]
        """
        batch, s = source.shape
        if present is None:
            present = self.words.weight.new_ones(batch, s, dtype=torch.bool)
        allowed = present.unsqueeze(1)  # [batch, 1, s]
        hidden = self.positional_encoding(self.words(source) * math.sqrt(self.d))  # [batch, s, d]
        h = self.dropout(hidden)
        for layer in self.layers:
            h = layer(h, allowed)
        hidden = self.positional_encoding_2(self.words(target) * math.sqrt(self.d))  # [batch, t, d]
        h_2 = self.dropout_2(hidden)
        for layer in self.layers_2:
            h_2 = layer(h_2, h, allowed)
        scores: Tensor = h_2 @ self.words.weight.mT  # [batch, t, vocab]
        return scores


class Fit(Trainer):
    """The next word of the target is to be told from the source and the words before it."""

    def __init__(
        self, vocab: int = 37000, d: int = 512, layers: int = 6, heads: int = 8, rate: float = 1e-4
    ) -> None:
        super().__init__()
        assert d % 2 == 0, "d/2 must be whole"
        assert d % heads == 0, "d/heads must be whole"
        self.net = Transformer(vocab=vocab, d=d, layers=layers, heads=heads)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate, betas=(0.9, 0.98), eps=1e-9)

    def step(self, source: Tensor, target: Tensor, next_: Tensor) -> dict[str, float]:
        """One update: source int[batch, s], target int[batch, t], next int[batch, t]"""
        self.train()
        loss = F.cross_entropy(self.net(source, target).flatten(0, -2), next_.flatten())
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
