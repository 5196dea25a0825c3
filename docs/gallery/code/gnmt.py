import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


def shift(x: Tensor, steps: int, dim: int, fill: float = 0.0) -> Tensor:
    """Move x along dim by a number of steps; what is left free holds `fill`."""
    size = x.size(dim)
    steps = max(-size, min(steps, size))
    free = torch.full_like(x.narrow(dim, 0, abs(steps)), fill)
    if steps < 0:
        return torch.cat([x.narrow(dim, -steps, size + steps), free], dim=dim)
    return torch.cat([free, x.narrow(dim, 0, size - steps)], dim=dim)


class NormedAttention(nn.Module):
    """Normalised additive attention (Bahdanau et al. 2015; Salimans & Kingma 2016): from the
    decoder's first layer to all that the encoder found.
    """

    def __init__(self, d: int, e: int, units: int) -> None:
        super().__init__()
        self.v = nn.Parameter(nn.init.uniform_(torch.empty(units), -0.1, 0.1))
        self.scale = nn.Parameter(torch.full((), 1 / math.sqrt(units)))
        self.b = nn.Parameter(torch.zeros(units))
        self.sums_query = nn.Linear(d, units, bias=False)
        self.sums_keys = nn.Linear(e, units, bias=False)

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """query [batch, t, d], keys [batch, s, e] -> context [batch, t, e]"""
        sums = self.sums_query(query).unsqueeze(2) + self.sums_keys(keys).unsqueeze(1)
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
        self.i_x = nn.Linear(features, units)
        self.i_h = nn.Linear(units, units)
        self.f_x = nn.Linear(features, units)
        self.f_h = nn.Linear(units, units)
        self.g_x = nn.Linear(features, units)
        self.g_h = nn.Linear(units, units)
        self.o_x = nn.Linear(features, units)
        self.o_h = nn.Linear(units, units)

    def initial_state(self, x: Tensor) -> LSTMState:
        """The state before the first step."""
        batch = x.shape[0]
        return LSTMState(h=x.new_zeros(batch, self.units), c=x.new_zeros(batch, self.units))

    def forward(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One step: x [batch, features] -> h [batch, units]"""
        h, c = self.initial_state(x) if state is None else state
        i = torch.sigmoid(self.i_x(x) + self.i_h(h))
        f = torch.sigmoid(self.f_x(x) + self.f_h(h))
        g = torch.tanh(self.g_x(x) + self.g_h(h))
        o = torch.sigmoid(self.o_x(x) + self.o_h(h))
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)

    def scan(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """All steps: x [batch, s, features] -> h [batch, s, units]

        torch's kernel takes them, with the gates' weights in its order: input, forget, cell,
        output.
        """
        h, c = self.initial_state(x[:, 0]) if state is None else state
        hs, h, c = torch.lstm(
            x,
            (h.unsqueeze(0), c.unsqueeze(0)),
            self.kernel_weights(),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return hs, LSTMState(h.squeeze(0), c.squeeze(0))

    def kernel_weights(self) -> list[Tensor]:
        """The weights in the order of torch's kernel: input, forget, cell, output."""
        x_layers = [self.i_x, self.f_x, self.g_x, self.o_x]
        h_layers = [self.i_h, self.f_h, self.g_h, self.o_h]
        w_x = torch.cat([layer.weight for layer in x_layers])
        w_h = torch.cat([layer.weight for layer in h_layers])
        b_x = torch.cat([layer.bias for layer in x_layers])
        b_h = torch.cat([layer.bias for layer in h_layers])
        return [w_x, w_h, b_x, b_h]

    def scan_both(self, backwards: "LSTM", x: Tensor) -> Tensor:
        """All steps in both directions, side by side.

        x [batch, s, features] -> [batch, s, 2*units]
        """
        h, c = self.initial_state(x[:, 0])
        h_b, c_b = backwards.initial_state(x[:, 0])
        hs, _, _ = torch.lstm(
            x,
            (torch.stack([h, h_b]), torch.stack([c, c_b])),
            [*self.kernel_weights(), *backwards.kernel_weights()],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=True,
            batch_first=True,
        )
        return hs


class BidirectionalLSTM(nn.Module):
    """One recurrent layer in each direction, side by side (Schuster & Paliwal 1997)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.forwards = LSTM(features, units)
        self.backwards = LSTM(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, 2*units]"""
        return self.forwards.scan_both(self.backwards, x)


class Encoder(nn.Module):
    """Only the first layer is bidirectional; residuals from the third layer on."""

    def __init__(self, vocab: int, units: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, units)
        self.bidirectional = BidirectionalLSTM(units, units)
        self.lstm = LSTM(2 * units, units)
        self.encoded_layers = nn.ModuleList(LSTM(units, units) for _ in range(layers - 2))

    def forward(self, source: Tensor) -> Tensor:
        """source int[batch, s] -> encoded [batch, s, units]"""
        second, _ = self.lstm.scan(self.bidirectional(self.embedding(source)))
        x = second
        for encoded_layer in self.encoded_layers:
            assert isinstance(encoded_layer, LSTM)
            outputs, _ = encoded_layer.scan(x)
            x = x + outputs
        return x


class Above(nn.Module):
    """The layers above the decoder's first: what that layer attended to goes to every one of
    them.
    """

    def __init__(self, vocab: int, units: int, layers: int) -> None:
        super().__init__()
        self.z = LSTM(2 * units, units)
        self.lstms = nn.ModuleList(LSTM(2 * units, units) for _ in range(layers - 2))
        self.scores = nn.Linear(units, vocab)

    def forward(self, y: Tensor, context: Tensor) -> Tensor:
        """y [batch, t, units], context [batch, t, units] -> scores [batch, t, vocab]"""
        z, _ = self.z.scan(torch.cat([y, context], dim=-1))
        top = z
        for lstm in self.lstms:
            assert isinstance(lstm, LSTM)
            outputs, _ = lstm.scan(torch.cat([top, context], dim=-1))
            top = top + outputs
        scores: Tensor = self.scores(top)  # [batch, t, vocab]
        return scores


class GNMT(nn.Module):
    """Google's neural machine translation (Wu et al. 2016), wired as NVIDIA's v2: the decoder's
    first layer asks with what it has just found.
    """

    def __init__(self, vocab: int = 32000, units: int = 1024, layers: int = 8) -> None:
        super().__init__()
        self.encoder = Encoder(vocab, units, layers)
        self.embedding = nn.Embedding(vocab, units)
        self.lstm = LSTM(units, units)
        self.attention = NormedAttention(units, units, units)
        self.above = Above(vocab, units, layers)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source int[batch, s], target int[batch, t] -> scores [batch, t, vocab]"""
        encoded = self.encoder(source)  # [batch, s, units]
        y, _ = self.lstm.scan(self.embedding(target))
        context = self.attention(y, encoded)
        scores: Tensor = self.above(y, context)  # [batch, t, vocab]
        return scores


class DelayedGNMT(nn.Module):
    """The same with the attention of the paper (Wu et al. 2016, eq. 4): the decoder's first layer
    asks with what it found one step before.
    """

    def __init__(self, vocab: int = 32000, units: int = 1024, layers: int = 8) -> None:
        super().__init__()
        self.encoder = Encoder(vocab, units, layers)
        self.embedding = nn.Embedding(vocab, units)
        self.lstm = LSTM(units, units)
        self.attention = NormedAttention(units, units, units)
        self.above = Above(vocab, units, layers)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source int[batch, s], target int[batch, t] -> scores [batch, t, vocab]"""
        encoded = self.encoder(source)  # [batch, s, units]
        y, _ = self.lstm.scan(self.embedding(target))
        context = self.attention(shift(y, 1, 1), encoded)
        scores: Tensor = self.above(y, context)  # [batch, t, vocab]
        return scores
