"""`gradient(loss, h)` in a training: of values that no weight reaches, in each pass of a loop, and learned from in turn.

Each training is compared with its paper's algorithm, written with torch alone: the same weights after some steps, from the same draws.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from emitted import compiled, run
from torch import Tensor, nn

from archdsl.compiler import analyse
from archdsl.torch import emit

CRITIC = """
block Critic(units) {
  input x: [batch, d]
  output score = x -> Linear(units) -> tanh -> Linear(1) -> squeeze(over = -1)
}
"""

WGAN_GP = (
    CRITIC
    + """
block Generator(units, d) {
  input z: [batch, noise]
  output x = z -> Linear(units) -> relu -> Linear(d)
}
train Learn(d = 2, noise = 4, units = 16) {
  input real: [batch, d]
  D = Critic(units)
  G = Generator(units, d)
  z ~ Normal(0, 1): [batch, noise]
  fake = G(z)
  epsilon ~ Uniform(0, 1): [batch, 1]
  between = epsilon * real + (1 - epsilon) * stop_gradient(fake)
  slope = gradient(sum(D(between)), between)
  critic_loss = mean(D(stop_gradient(fake))) - mean(D(real)) + 10 * mean((norm(slope, over = d) - 1)^2)
  minimize critic_loss over D with SGD(0.1)
  generator_loss = -mean(D(fake))
  minimize generator_loss over G with SGD(0.1)
}
"""
)

LANGEVIN = (
    CRITIC
    + """
train Learn(d = 2, units = 16, steps = 5, size = 0.1, noise = 0.01) {
  input real: [batch, d]
  E = Critic(units)
  start ~ Uniform(-1, 1): [batch, d]
  fake = start -> loop steps {
    input x
    slope = gradient(sum(E(x)), x)
    w ~ Normal(0, noise): [batch, d]
    x' = stop_gradient(x - size * slope + w)
  }
  loss = mean(E(real)) - mean(E(fake))
  minimize loss with SGD(0.1)
}
"""
)

INNER_STEPS = """
train Learn(features = 3, d = 2, inner = 0.1) {
  input x, x2: [batch, features]
  input y, y2: [batch, d]
  param W: [features, d] = normal(0, 0.5)
  fast = W -> loop 3 {
    input w
    w' = w - inner * gradient(mse(x @ w, y), w)
  }
  loss = mse(x2 @ fast, y2)
  minimize loss with SGD(0.1)
}
"""

CURVATURE = (
    CRITIC
    + """
train Learn(units = 16) {
  input x: [batch, 1]
  net = Critic(units)
  u = net(x)
  slope = gradient(sum(u), x)
  bend = gradient(sum(slope), x)
  loss = mean((bend + unsqueeze(u, -1))^2)
  minimize loss with SGD(0.1)
}
"""
)

BY_ITS_WEIGHTS = """
block Half(d) {
  input x: [batch, d]
  centred = x - 1
  output y = Linear(d)(centred)
  output centred
}
block Both(d) {
  input x: [batch, d]
  y, centred = Half(d)(x)
  output y, centred
}
train Learn(d = 3) {
  input x: [batch, d]
  inner = Both(d)
  fixed = frozen Half(d)
  y, centred = inner(x)
  far, near = fixed(WHICH)
  loss = mean(far^2)
  slope = gradient(loss, far)
  minimize mean((slope - y)^2) with SGD(0.1)
}
"""


def by_its_weights(train: Any, x: Tensor) -> None:
    far = (x - 2) @ train.fixed.y.weight.T + train.fixed.y.bias
    descend(((2 * far / far.numel() - train.inner(x)[0]) ** 2).mean(), train.inner)


def descend(loss: Tensor, part: nn.Module) -> None:
    gradients = torch.autograd.grad(loss, list(part.parameters()))
    with torch.no_grad():
        for p, g in zip(part.parameters(), gradients):
            p -= 0.1 * g


def wgan_gp(train: Any, real: Tensor) -> None:
    """Gulrajani et al. 2017, algorithm 1."""
    z, epsilon = torch.randn(len(real), 4), torch.rand(len(real), 1)
    fake = train.G(z).detach()
    between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(train.D(between).sum(), between, create_graph=True)
    penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
    descend(train.D(fake).mean() - train.D(real).mean() + 10 * penalty, train.D)
    descend(-train.D(train.G(z)).mean(), train.G)


def langevin(train: Any, real: Tensor) -> None:
    """Du & Mordatch 2019, algorithm 1, without its buffer."""
    x = 2 * torch.rand(len(real), 2) - 1
    for _ in range(5):
        x.requires_grad_()
        (slope,) = torch.autograd.grad(train.E(x).sum(), x)
        x = (x - 0.1 * slope + 0.01 * torch.randn(len(real), 2)).detach()
    descend(train.E(real).mean() - train.E(x).mean(), train)


def inner_steps(train: Any, x: Tensor, x2: Tensor, y: Tensor, y2: Tensor) -> None:
    """Finn et al. 2017: the gradient of a squared error is known, and autograd goes through the steps."""
    w = train.W
    for _ in range(3):
        w = w - 0.1 * 2 * x.T @ (x @ w - y) / y.numel()
    descend(((x2 @ w - y2) ** 2).mean(), train)


def curvature(train: Any, x: Tensor) -> None:
    def u(at: Tensor) -> Tensor:
        score: Tensor = train.net(at.reshape(1, 1))[0]
        return score

    bend = torch.func.grad(torch.func.grad(u))
    descend(torch.stack([(bend(at) + u(at)) ** 2 for at in x[:, 0]]).mean(), train)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    ("program", "by_hand", "shapes"),
    [
        pytest.param(WGAN_GP, wgan_gp, [(6, 2)], id="a penalty on the critic's slope between data and fakes"),
        pytest.param(LANGEVIN, langevin, [(6, 2)], id="samples that follow the energy's slope"),
        pytest.param(INNER_STEPS, inner_steps, [(6, 3), (6, 3), (6, 2), (6, 2)], id="through steps of learning"),
        pytest.param(CURVATURE, curvature, [(6, 1)], id="the slope of the slope"),
        pytest.param(
            BY_ITS_WEIGHTS.replace("WHICH", "centred"), by_its_weights, [(6, 3)], id="an output that no weight reaches"
        ),
    ],
)
def test_as_in_the_paper(
    program: str, by_hand: Callable[..., None], shapes: list[tuple[int, ...]], plain: bool
) -> None:
    train = run(emit(analyse(program), plain=plain))["Learn"]()
    train.double()
    other, begun = copy.deepcopy(train), copy.deepcopy(train.state_dict())
    data = [[torch.randn(*s, dtype=torch.float64) for s in shapes] for _ in range(3)]
    was = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        state = torch.get_rng_state()
        for batch in data:
            train.step(*batch)
        torch.set_rng_state(state)
        for batch in data:
            by_hand(other, *batch)
    finally:
        torch.set_default_dtype(was)
    torch.testing.assert_close(train.state_dict(), other.state_dict(), rtol=1e-9, atol=1e-12)
    assert any(not torch.equal(t, begun[n]) for n, t in train.state_dict().items())


@pytest.mark.parametrize(("which", "told"), [("y", False), ("centred", True), ("stop_gradient(y)", True)])
def test_told_only_where_weights_may_not_reach(which: str, told: bool) -> None:
    text = emit(analyse(BY_ITS_WEIGHTS.replace("WHICH", which)))
    assert ("requires_grad_()" in text) == told
    run(text)["Learn"]().step(torch.randn(4, 3))


def test_the_batch_is_left_as_it_is() -> None:
    x = torch.randn(4, 1)
    compiled(CURVATURE)["Learn"]().step(x)
    assert not x.requires_grad
