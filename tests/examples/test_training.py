"""Training steps against the same steps written by hand with torch.nn and torch.optim: losses and weights after several of them."""

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from agreement import load
from test_composed import dcgan
from torch import Tensor, nn

Step = Callable[[list[Tensor]], list[float]]


def learned(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


def compare(
    trainer: nn.Module, names: Sequence[str], theirs: Sequence[nn.Module], step: Step, batches: list[list[Tensor]]
) -> None:
    """Run both from the same weights; `theirs` are modules whose parameters, in order, are the trainer's."""
    parameters = [p for module in theirs for p in module.parameters()]
    for ours, other in zip(learned(trainer), parameters, strict=True):
        other.data.copy_(ours)
    for i, batch in enumerate(batches):
        torch.manual_seed(i)
        found = trainer.step(*batch)  # type: ignore[operator]
        torch.manual_seed(i)
        expected = step(batch)
        assert list(found) == list(names)
        assert [float(found[n]) for n in names] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for ours, other in zip(learned(trainer), parameters, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-4, atol=1e-5)


def dense(
    *widths: int, act: type[nn.Module] | Callable[[], nn.Module] = nn.ReLU, last: type[nn.Module] | None = None
) -> nn.Sequential:
    parts: list[nn.Module] = []
    for a, b in pairwise(widths):
        parts += [nn.Linear(a, b), act()]
    parts.pop()
    return nn.Sequential(*parts, *([last()] if last else []))


def test_gan_takes_turns() -> None:
    trainer = load("gan", "GAN", latent=5, pixels=12)
    G = dense(5, 256, 512, 12, last=nn.Tanh)
    D = dense(12, 512, 256, 1, act=lambda: nn.LeakyReLU(0.2), last=nn.Sigmoid)
    best = [torch.optim.Adam(m.parameters(), 2e-4, betas=(0.5, 0.999)) for m in (D, G)]

    def step(batch: list[Tensor]) -> list[float]:
        real = batch[0]
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        z = torch.randn(len(real), 5)
        fake = G(z)
        d_loss = F.binary_cross_entropy(D(real), ones) + F.binary_cross_entropy(D(fake.detach()), zeros)
        best[0].zero_grad()
        d_loss.backward()
        best[0].step()
        g_loss = F.binary_cross_entropy(D(fake), ones)
        best[1].zero_grad()
        g_loss.backward()
        best[1].step()
        return [d_loss.item(), g_loss.item()]

    compare(trainer, ["discriminator_loss", "generator_loss"], [G, D], step, [[torch.randn(6, 12)] for _ in range(4)])


def test_dcgan_learns_as_in_the_tutorial() -> None:
    """Three turns of both, in training mode throughout: losses, weights, and the running statistics of every normalisation."""
    trainer = load("dcgan", "DCGAN", latent=5, maps=2).double()
    G, D = (dcgan(generator, 2, 5).double().train() for generator in (True, False))
    best = [torch.optim.Adam(m.parameters(), 2e-4, betas=(0.5, 0.999)) for m in (D, G)]
    for ours, other in zip(learned(trainer), [*G.parameters(), *D.parameters()], strict=True):
        other.data.copy_(ours)
    score = F.binary_cross_entropy_with_logits
    for i in range(3):
        real = torch.randn(4, 3, 64, 64, dtype=torch.float64)
        torch.manual_seed(i)
        found = trainer.step(real)  # type: ignore[operator]
        torch.manual_seed(i)
        fake = G(torch.randn(4, 5, 1, 1, dtype=torch.float64))
        ones, zeros = torch.ones(4, 1, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64)
        d_loss = score(D(real), ones) + score(D(fake.detach()), zeros)
        best[0].zero_grad()
        d_loss.backward()
        best[0].step()
        g_loss = score(D(fake), ones)
        best[1].zero_grad()
        g_loss.backward()
        best[1].step()
        assert list(found.values()) == pytest.approx([d_loss.item(), g_loss.item()], rel=1e-9)
    for ours, other in zip(learned(trainer), [*G.parameters(), *D.parameters()], strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-9, atol=1e-11)
    running = [[b for n, b in m.named_buffers() if "running" in n] for m in (trainer, nn.ModuleList([G, D]))]
    for ours, other in zip(*running, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-9, atol=1e-11)


def test_vae_learns_from_both_terms() -> None:
    trainer = load("vae", "Fit", pixels=12, units=9, latent=3)
    h1, mean, spread, decoder = nn.Linear(12, 9), nn.Linear(9, 3), nn.Linear(9, 3), dense(3, 9, 12, act=nn.Tanh)
    parts = nn.ModuleList([h1, mean, spread, decoder])
    best = torch.optim.Adam(parts.parameters(), 1e-3)

    def step(batch: list[Tensor]) -> list[float]:
        x = batch[0]
        h = torch.tanh(h1(x))
        hidden = torch.distributions.Normal(mean(h), (spread(h) / 2).exp())
        scores = decoder(hidden.rsample())
        kl = torch.distributions.kl_divergence(hidden, torch.distributions.Normal(0.0, 1.0)).sum(-1).mean()
        loss = F.binary_cross_entropy_with_logits(scores, x, reduction="sum") / len(x) + kl
        best.zero_grad()
        loss.backward()
        best.step()
        return [loss.item()]

    compare(trainer, ["loss"], [parts], step, [[torch.rand(6, 12)] for _ in range(4)])


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, scale: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, above: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        return -ctx.scale * above, None


def test_dann_reverses_the_gradient() -> None:
    trainer = load("dann", "Adapt", d=8, units=7, classes=3)
    features, label, domain = dense(8, 7, 7, last=nn.ReLU), nn.Linear(7, 3), dense(7, 7, 1)
    parts = nn.ModuleList([features, label, domain])
    best = torch.optim.SGD(parts.parameters(), 0.01, momentum=0.9)

    def step(batch: list[Tensor]) -> list[float]:
        source, labels, target, strength = batch
        h, g = features(source), features(target)
        here, there = (domain(_Reverse.apply(v, strength.item())) for v in (h, g))
        loss = F.cross_entropy(label(h), labels) + F.binary_cross_entropy_with_logits(here, torch.zeros_like(here))
        loss = loss + F.binary_cross_entropy_with_logits(there, torch.ones_like(there))
        best.zero_grad()
        loss.backward()
        best.step()
        return [loss.item()]

    batches = [
        [torch.randn(6, 8), torch.randint(0, 3, (6,)), torch.randn(4, 8) + 1, torch.tensor(0.1 * i)] for i in range(4)
    ]
    compare(trainer, ["loss"], [parts], step, batches)


@pytest.mark.parametrize("kind", ["Plain", "Sparse", "Denoising"])
def test_autoencoders(kind: str) -> None:
    trainer = load("autoencoder", kind, pixels=8, units=7, hidden=3)
    encoder, decoder = dense(8, 7, 3, last=nn.Sigmoid), dense(3, 7, 8)
    parts = nn.ModuleList([encoder, decoder])
    best = torch.optim.Adam(parts.parameters(), 1e-3)

    def step(batch: list[Tensor]) -> list[float]:
        x = batch[0]
        code = encoder(x + 0.3 * torch.randn_like(x) if kind == "Denoising" else x)
        loss = F.mse_loss(decoder(code), x)
        if kind == "Sparse":
            active = code.mean(0)
            wanted, found = (torch.stack([p, 1 - p]) for p in (torch.full_like(active, 0.05), active))
            loss = loss + 0.1 * (wanted * (wanted / found).log()).sum()
        best.zero_grad()
        loss.backward()
        best.step()
        return [loss.item()]

    compare(trainer, ["loss"], [parts], step, [[torch.rand(6, 8)] for _ in range(4)])


def test_reinforce_follows_reward_and_baseline() -> None:
    """RAM's loss: cross-entropy, REINFORCE with the baseline, and the baseline's own error; by hand from the model's outputs."""
    trainer = load("ram", "Reinforce")
    twin = copy.deepcopy(trainer)
    image, digit = torch.randn(8, 28, 28), torch.randint(0, 10, (8,))
    torch.manual_seed(3)
    found = trainer.step(image, digit)["loss"]
    torch.manual_seed(3)
    scores, baseline, likelihood = twin.net(image)
    reward = (scores.argmax(-1) == digit).float()
    policy = -(likelihood * (reward - baseline).detach()).sum(0).mean()
    loss = F.cross_entropy(scores, digit) + policy + F.mse_loss(baseline, reward.expand_as(baseline))
    assert float(found) == pytest.approx(loss.item(), rel=1e-4)
    loss.backward()
    location = next(p for p in twin.parameters() if p.shape == (2, 256))
    assert location.grad is not None and location.grad.abs().max() > 0
