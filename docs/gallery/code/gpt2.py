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


class Layer(nn.Module):
    """Norm before each sublayer; causal self-attention, then a feed-forward network with the tanh
    form of GELU.
    """

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert d % heads == 0, "d/heads must be whole"
        self.layer_norm = LayerNorm(d)
        self.self_attention = SelfAttentionCausal(d, heads, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm_2 = LayerNorm(d)
        self.linear = nn.Linear(d, 4 * d)
        self.linear_2 = nn.Linear(4 * d, d)
        self.dropout_2 = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, d] -> z [batch, time, d]"""
        y = x + self.dropout(self.self_attention(self.layer_norm(x)))
        hidden = self.linear_2(F.gelu(self.linear(self.layer_norm_2(y)), approximate="tanh"))
        z: Tensor = y + self.dropout_2(hidden)
        return z


class GPT2(nn.Module):
    """GPT-2 small (Radford et al. 2019): a last norm, and a head tied to the token embedding."""

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
        assert d % heads == 0, "d/heads must be whole"
        self.words = nn.Embedding(vocab, d)
        nn.init.normal_(self.words.weight, std=0.02)
        self.embedding = nn.Embedding(context, d)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(d, heads, dropout) for _ in range(layers))
        self.layer_norm = LayerNorm(d)

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
        embedded = self.embedding(torch.arange(tokens.shape[1], device=tokens.device))  # [time, d]
        x = self.dropout(self.words(tokens) + embedded)  # [batch, time, d]
        for layer in self.layers:
            x = layer(x)
        h = self.layer_norm(x)
        scores: Tensor = h @ self.words.weight.mT  # [batch, time, vocab]
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
        assert d % heads == 0, "d/heads must be whole"
        self.net = GPT2(
            vocab=vocab, context=context, d=d, layers=layers, heads=heads, dropout=dropout
        )
        self.optimizer = torch.optim.AdamW(
            self.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1
        )

    def step(self, tokens: Tensor, next_: Tensor) -> dict[str, float]:
        """One update: tokens int[batch, time], next int[batch, time]"""
        self.train()
        loss = F.cross_entropy(self.net(tokens).flatten(0, -2), next_.flatten())
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
