from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class LSTMState(NamedTuple):
    """What LSTM hands on to its next step."""

    h: Tensor
    c: Tensor


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate, Gers et al. 2000)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.features = features
        self.units = units
        self.i = nn.Linear(features + units, units)
        self.f = nn.Linear(features + units, units)
        self.g = nn.Linear(features + units, units)
        self.o = nn.Linear(features + units, units)

    def initial_state(self, x: Tensor) -> LSTMState:
        """The state before the first step."""
        batch = x.shape[0]
        return LSTMState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        xh = torch.cat([x, h], dim=-1)  # [batch, features + units]
        i = torch.sigmoid(self.i(xh))  # [batch, units]
        f = torch.sigmoid(self.f(xh))  # [batch, units]
        g = torch.tanh(self.g(xh))  # [batch, units]
        o = torch.sigmoid(self.o(xh))  # [batch, units]
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)

    def scan(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """All steps: x [batch, time, features] -> h [batch, time, units]

        torch's kernel takes them, with the gates' weights in its order: input, forget, cell,
        output.
        """
        h, c = self.initial_state(x[:, 0]) if state is None else state
        layers = [self.i, self.f, self.g, self.o]
        weight = torch.cat([layer.weight for layer in layers])
        w_x, w_h = torch.split(weight, [self.features, self.units], dim=1)
        bias = torch.cat([layer.bias for layer in layers])
        hs, h, c = torch.lstm(
            x,
            (h.unsqueeze(0), c.unsqueeze(0)),
            [w_x, w_h, bias, torch.zeros_like(bias)],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return hs, LSTMState(h.squeeze(0), c.squeeze(0))


class CharLSTM(nn.Module):
    """The next character of a text, by an LSTM over those before it (Graves 2013)."""

    def __init__(self, vocab: int = 128, width: int = 64, units: int = 256) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, width)
        self.lstm = LSTM(width, units)
        self.linear = nn.Linear(units, vocab)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens int[batch, time] -> scores [batch, time, vocab]"""
        outputs, _ = self.lstm.scan(self.embedding(tokens))
        scores: Tensor = self.linear(outputs)  # [batch, time, vocab]
        return scores


class Fit(Trainer):
    """The next letter is to be told from those before it."""

    def __init__(
        self, vocab: int = 128, width: int = 64, units: int = 256, rate: float = 0.002
    ) -> None:
        super().__init__()
        self.net = CharLSTM(vocab=vocab, width=width, units=units)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, tokens: Tensor, next_: Tensor) -> dict[str, float]:
        """One update: tokens int[batch, time], next_ int[batch, time]"""
        self.train(not self.evaluating)
        loss = F.cross_entropy(self.net(tokens).flatten(0, -2), next_.flatten())
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}
