import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class NormedAttention(nn.Module):
    """Normalised additive attention (Bahdanau et al. 2015; Salimans & Kingma 2016): from the
    decoder's first layer to all that the encoder found.
    """

    def __init__(self, d: int, e: int, units: int) -> None:
        super().__init__()
        self.v = nn.Parameter(nn.init.uniform_(torch.empty(units), -0.1, 0.1))
        self.scale = nn.Parameter(torch.full((), 1 / math.sqrt(units)))
        self.b = nn.Parameter(torch.zeros(units))
        self.linear = nn.Linear(d, units, bias=False)
        self.linear_2 = nn.Linear(e, units, bias=False)

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """query [batch, t, d], keys [batch, s, e] -> context [batch, t, e]"""
        sums = self.linear(query).unsqueeze(2) + self.linear_2(keys).unsqueeze(1)
        scaled = self.scale * self.v / torch.linalg.vector_norm(self.v)
        score = torch.tanh(sums + self.b) @ scaled  # [batch, t, s]
        context: Tensor = score.softmax(-1) @ keys  # [batch, t, e]
        return context


class LSTMState(NamedTuple):
    """What LSTM hands on to its next step."""

    h: Tensor
    c: Tensor


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate, Gers et al. 2000) with
    torch's two biases: input, forget, cell, output.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.linear = nn.Linear(features, units)
        self.linear_2 = nn.Linear(units, units)
        self.linear_3 = nn.Linear(features, units)
        self.linear_4 = nn.Linear(units, units)
        self.linear_5 = nn.Linear(features, units)
        self.linear_6 = nn.Linear(units, units)
        self.linear_7 = nn.Linear(features, units)
        self.linear_8 = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> LSTMState:
        """The state before the first step."""
        batch = x.shape[0]
        return LSTMState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        i = torch.sigmoid(self.linear(x) + self.linear_2(h))
        f = torch.sigmoid(self.linear_3(x) + self.linear_4(h))
        g = torch.tanh(self.linear_5(x) + self.linear_6(h))
        o = torch.sigmoid(self.linear_7(x) + self.linear_8(h))
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)


class BidirectionalLSTM(nn.Module):
    """One recurrent layer in each direction, side by side (Schuster & Paliwal 1997)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.forwards = LSTM(features, units)
        self.backwards = LSTM(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, 2*units]"""
        state = None
        outputs = []
        for x_t in x.unbind(1):
            h, state = self.forwards(x_t, state)
            outputs.append(h)
        forwards = torch.stack(outputs, dim=1)
        state = None
        outputs = []
        for x_t in reversed(x.unbind(1)):
            h, state = self.backwards(x_t, state)
            outputs.append(h)
        backwards = torch.stack(outputs[::-1], dim=1)
        return torch.cat([forwards, backwards], dim=-1)


class GNMT(nn.Module):
    """Google's neural machine translation (Wu et al. 2016), wired as NVIDIA's v2: only the
    encoder's first layer is bidirectional, residuals from the third layer on, and what the
    decoder's first layer attends to goes to every layer above it.
    """

    def __init__(self, vocab: int = 32000, units: int = 1024, layers: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, units)
        self.bidirectional = BidirectionalLSTM(units, units)
        self.lstm = LSTM(2 * units, units)
        self.encodeds = nn.ModuleList(LSTM(units, units) for _ in range(layers - 2))
        self.embedding_2 = nn.Embedding(vocab, units)
        self.lstm_2 = LSTM(units, units)
        self.context = NormedAttention(units, units, units)
        self.z = LSTM(2 * units, units)
        self.lstms = nn.ModuleList(LSTM(2 * units, units) for _ in range(layers - 2))
        self.linear = nn.Linear(units, vocab)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source int[batch, s], target int[batch, t] -> scores [batch, t, vocab]"""
        state = None
        outputs = []
        for x_t in self.bidirectional(self.embedding(source)).unbind(1):
            h, state = self.lstm(x_t, state)
            outputs.append(h)
        encoded = torch.stack(outputs, dim=1)
        for encoded_2 in self.encodeds:
            state = None
            outputs = []
            for second in encoded.unbind(1):
                h, state = encoded_2(second, state)
                outputs.append(h)
            encoded = encoded + torch.stack(outputs, dim=1)
        state = None
        outputs = []
        for x_t in self.embedding_2(target).unbind(1):
            h, state = self.lstm_2(x_t, state)
            outputs.append(h)
        y = torch.stack(outputs, dim=1)
        context = self.context(y, encoded)
        state = None
        outputs = []
        for x_t in torch.cat([y, context], dim=-1).unbind(1):
            h, state = self.z(x_t, state)
            outputs.append(h)
        h = torch.stack(outputs, dim=1)
        for lstm in self.lstms:
            state = None
            outputs = []
            for x_t in torch.cat([h, context], dim=-1).unbind(1):
                h_2, state = lstm(x_t, state)
                outputs.append(h_2)
            h = h + torch.stack(outputs, dim=1)
        scores: Tensor = self.linear(h)  # [batch, t, vocab]
        return scores
