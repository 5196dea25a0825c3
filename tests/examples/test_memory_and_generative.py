"""NTM by its paper's equations; VAE, GAN and DANN against training steps written by hand."""

import torch
import torch.nn.functional as F
from agreement import Seeded, Weights, agree, layers, load, own, seeded
from test_recurrent import one_bias
from torch import Tensor, nn


def _address(parts: list[dict[str, Tensor]], h: Tensor, memory: Tensor, before: Tensor) -> Tensor:
    """Equations 5 to 9 of the paper, for one example after the other, row by row."""
    key, strength, gate, shift, sharpness = (F.linear(h, **p) for p in parts)
    key, strength, gate = torch.tanh(key), F.softplus(strength), torch.sigmoid(gate)
    shift, sharpness = torch.softmax(shift, -1), 1 + F.softplus(sharpness)
    rows = memory.shape[1]
    found = []
    for b in range(h.shape[0]):
        alike = torch.stack([F.cosine_similarity(key[b], memory[b, r], dim=0, eps=1e-12) for r in range(rows)])
        mixed = gate[b] * torch.softmax(strength[b] * alike, 0) + (1 - gate[b]) * before[b]
        shifted = torch.stack([sum(mixed[(i - j) % rows] * shift[b, j + 1] for j in (-1, 0, 1)) for i in range(rows)])
        sharp = shifted ** sharpness[b]
        found.append(sharp / (sharp.sum() + 1e-8))
    return torch.stack(found)


def _ntm(w: Weights, x: Tensor, units: int, rows: int, width: int) -> Tensor:
    parts = layers(w)
    controller, write, erase, add, read, out = parts[:4], parts[4:9], parts[9], parts[10], parts[11:16], parts[16]
    cell = nn.LSTMCell(x.shape[-1] + width, units)
    weights = {n.removesuffix("_l0"): v for n, v in one_bias(controller, x.shape[-1] + width).items()}
    batch = x.shape[0]
    state = (x.new_zeros(batch, units), x.new_zeros(batch, units))
    memory = x.new_full((batch, rows, width), 0.001)
    vector = own(w, "first_read").expand(batch, width)
    reading = writing = F.one_hot(torch.zeros(batch, dtype=torch.long), rows).to(x.dtype)
    outputs = []
    for t in range(x.shape[1]):
        state = torch.func.functional_call(cell, weights, (torch.cat([x[:, t], vector], -1), state))
        h = state[0]
        writing = _address(write, h, memory, writing)
        e, a = torch.sigmoid(F.linear(h, **erase)), torch.tanh(F.linear(h, **add))
        memory = memory * (1 - writing[:, :, None] * e[:, None]) + writing[:, :, None] * a[:, None]
        reading = _address(read, h, memory, reading)
        vector = (reading[:, :, None] * memory).sum(1)
        outputs.append(F.linear(torch.cat([h, vector], -1), **out))
    return torch.stack(outputs, 1)


def test_ntm_is_the_papers() -> None:
    ours = load("ntm", "NTM", bits=3, units=6, rows=5, width=4)
    agree(ours, lambda w, x: _ntm(w, x, 6, 5, 4), [torch.randn(2, 6, 4)], scale=2)


def test_vae_loss_and_gradients() -> None:
    ours = load("vae", "VAE", pixels=12, units=9, latent=3)

    def reference(w: Weights, x: Tensor) -> list[Tensor]:
        h1, mean, spread, h2, out = layers(w)
        h = torch.tanh(F.linear(x, **h1))
        mu, logvar = F.linear(h, **mean), F.linear(h, **spread)
        z = torch.distributions.Normal(mu, (logvar / 2).exp()).rsample()
        y = torch.sigmoid(F.linear(torch.tanh(F.linear(z, **h2)), **out))
        reconstruction = F.binary_cross_entropy(y, x, reduction="sum") / len(x)
        prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
        divergence = torch.distributions.kl_divergence(torch.distributions.Normal(mu, (logvar / 2).exp()), prior)
        return [y, reconstruction, divergence.sum(-1).mean()]

    agree(Seeded(ours), seeded(reference), [torch.rand(5, 12)])
