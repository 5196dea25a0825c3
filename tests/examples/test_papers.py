"""Systems that no package has, against their papers' equations in plain NumPy: DRCN, CRMN, NTM, D-NTM, RAM, synthetic gradients."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from agreement import load
from plain import Array, Arrays, Layers, agree_plainly, arrays_of, cosine, relu, sigmoid, softmax, softplus
from torch import nn


def _drcn(w: Layers, image: Array) -> list[Array]:
    """Equations 1 to 8: H_d = relu(W * H_(d-1)), each reconstructed with the same weights, then weighted."""
    h = relu(w.conv("conv2d_2", relu(w.conv("conv2d", image))))
    each = []
    for _ in range(4):
        h = relu(w.conv("h", h))
        each.append(image + w.conv("reconstruct.conv2d_2", relu(w.conv("reconstruct.conv2d", h))))
    return [sum(share * prediction for share, prediction in zip(w["mix"], each, strict=True)), np.stack(each)]


def test_drcn_is_the_papers() -> None:
    agree_plainly(load("drcn", "DRCN", filters=6, passes=4), _drcn, [torch.randn(2, 1, 9, 7)], scale=1.5)


def _crmn(w: Layers, image: Array, training: bool) -> Array:
    """Two resolutions of residual units; after each unit the one LSTM takes a step with the means of its maps."""

    def conv_unit(name: str, x: Array, stride: int = 1) -> Array:
        return relu(w.norm(f"{name}.batch_norm2d", w.conv(f"{name}.conv2d", x, stride), training))

    def residual_unit(name: str, x: Array) -> Array:
        y = relu(w.norm(f"{name}.batch_norm2d", w.conv(f"{name}.conv2d", x), training))
        return relu(x + w.norm(f"{name}.batch_norm2d_2", w.conv(f"{name}.conv2d_2", y), training))

    memory = w.inner("depth")
    h, c = np.zeros((len(image), 5)), np.zeros((len(image), 5))
    x = conv_unit("high", image)
    for i in range(3):
        x = residual_unit(f"residual_units.{i}", x)
        h, c = memory.lstm(np.concatenate([x.mean((2, 3)), np.zeros((len(x), 4))], 1), h, c)
    x = conv_unit("low", x, 2)
    for i in range(3):
        x = residual_unit(f"residual_units_2.{i}", x)
        h, c = memory.lstm(x.mean((2, 3)), h, c)
    return w("linear", np.concatenate([x.mean((2, 3)), h], 1))


@pytest.mark.parametrize("training", [False, True])
def test_crmn_steps_its_lstm_over_depth(training: bool) -> None:
    ours = load("crmn", "CRMN", channels=4, units=5, n=3, classes=3)
    for name, buffer in ours.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    agree_plainly(ours, partial(_crmn, training=training), [torch.randn(3, 3, 8, 8)], scale=1.5, training=training)


def _address(w: Layers, h: Array, memory: Array, before: Array) -> Array:
    """Equations 5 to 9 of Graves et al., shifted place by place."""
    key, strength, gate = np.tanh(w("key", h)), softplus(w("strength", h)), sigmoid(w("g", h))
    shift, sharpness = softmax(w("shift", h)), 1 + softplus(w("sharpness", h))
    content = softmax(strength * cosine(memory, key[:, None]))
    mixed = gate * content + (1 - gate) * before
    rows = memory.shape[1]
    shifted = np.zeros_like(mixed)
    for i in range(rows):
        for j in (-1, 0, 1):
            shifted[:, i] += mixed[:, (i - j) % rows] * shift[:, j + 1]
    sharp = shifted**sharpness
    return sharp / (sharp.sum(-1, keepdims=True) + 1e-8)


def _ntm(w: Layers, x: Array) -> Array:
    w = w.inner("ntm_step")
    batch, units, rows, width = len(x), 6, 5, 4
    h, c = np.zeros((batch, units)), np.zeros((batch, units))
    memory, read = np.full((batch, rows, width), 0.001), np.tile(w["first_read"], (batch, 1))
    reading = writing = np.tile(np.eye(rows)[0], (batch, 1))
    outputs = []
    for t in range(x.shape[1]):
        h, c = w.inner("controller").lstm(np.concatenate([x[:, t], read], -1), h, c)
        writing = _address(w.inner("writing"), h, memory, writing)
        erase, added = sigmoid(w("erase", h)), np.tanh(w("added", h))
        memory = memory * (1 - writing[:, :, None] * erase[:, None]) + writing[:, :, None] * added[:, None]
        reading = _address(w.inner("reading"), h, memory, reading)
        read = (reading[:, :, None] * memory).sum(1)
        outputs.append(w("y", np.concatenate([h, read], -1)))
    return np.stack(outputs, 1)


def test_ntm_is_the_papers() -> None:
    agree_plainly(load("ntm", "NTM", bits=3, units=6, rows=5, width=4), _ntm, [torch.randn(2, 6, 4)], scale=2)


def _least_used(w: Layers, h: Array, cells: Array, used: Array) -> tuple[Array, Array]:
    """Section 3.2 of Gulcehre et al.: content-based scores, less the more a row was used of late."""
    score = (softplus(w("strength", h)) + 1) * cosine(cells, w("key", h)[:, None])
    return softmax(score - sigmoid(w("lately", h)) * used), 0.1 * used + 0.9 * score


def _dntm(w: Layers, x: Array) -> Array:
    w = w.inner("step")
    batch, gru = len(x), w.inner("controller")
    address = np.tile(w["A"], (batch, 1, 1))
    content, read, h = np.zeros((batch, 4, 3)), np.zeros((batch, 5)), np.zeros((batch, 5))
    used_w = used_r = np.zeros((batch, 4))
    outputs = []
    for t in range(x.shape[1]):
        v = np.concatenate([x[:, t], read], -1)
        both = np.concatenate([v, h], -1)
        reset, keep = sigmoid(gru("r", both)), sigmoid(gru("z", both))
        h = (1 - keep) * np.tanh(gru("n_x", v) + reset * gru("n_h", h)) + keep * h
        writing, used_w = _least_used(w.inner("writer"), h, np.concatenate([address, content], -1), used_w)
        new = relu(w("new_h", h) + sigmoid(w("much", h)) * w("new_x", x[:, t]))
        content = (
            content * (1 - writing[..., None] * sigmoid(w("erase", h))[:, None]) + writing[..., None] * new[:, None]
        )
        cells = np.concatenate([address, content], -1)
        reading, used_r = _least_used(w.inner("reader"), h, cells, used_r)
        read = (reading[..., None] * cells).sum(1)
        outputs.append(w("y", np.concatenate([h, read], -1)))
    return np.stack(outputs, 1)


def test_dynamic_ntm_is_the_papers() -> None:
    ours = load("dntm", "DNTM", features=3, units=5, rows=4, address=2, content=3, outputs=2)
    agree_plainly(ours, _dntm, [torch.randn(2, 5, 3)], scale=2)


class _Drawn(nn.Module):
    """RAM with the same draws at each call."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        torch.manual_seed(7)
        return list(self.net(image))


def _square(image: Array, place: Array, size: int, shrink: int) -> Array:
    """A square around a place, in the image's own coordinates, and the means of its small squares."""
    side = image.shape[0]
    corner = (place + 1) / 2 * side - size / 2
    rows, columns = ([min(max(int(np.floor(c + i)), 0), side - 1) for i in range(size)] for c in corner)
    return image[rows][:, columns].reshape(size // shrink, shrink, size // shrink, shrink).mean((1, 3)).flatten()


def _core(w: Layers, image: Array, place: Array, h: Array) -> Array:
    """Equation 1 of Mnih et al.: what is seen and where, joined, and then the state."""
    squares = [np.concatenate([_square(image[n], place[n], 4 * 2**s, 2**s) for s in range(2)]) for n in range(len(h))]
    what, whither = relu(w("glimpse.what", np.stack(squares))), relu(w("glimpse.whither", place))
    return relu(w("h_h", h) + w("h_g", relu(w("glimpse.g_what", what) + w("glimpse.g_whither", whither))))


def _ram(w: Layers, image: Array, still: Layers, still_image: Array) -> list[Array]:
    """Section 3 of Mnih et al. No gradient passes the places, nor the state from which baseline and place are told: they come from weights
    and an image that stand still."""
    torch.manual_seed(7)
    batch = len(image)
    place = -1 + 2 * torch.rand(batch, 2, dtype=torch.float64).numpy()
    h = held = np.zeros((batch, 10))
    baselines, likelihoods = [], []
    for _ in range(3):
        h, held = _core(w, image, place, h), _core(still, still_image, place, held)
        mean = np.tanh(w("place", held))
        place = np.tanh(still("place", held)) + 0.1 * torch.randn(batch, 2, dtype=torch.float64).numpy()
        baselines.append(w("baseline", held)[:, 0])
        density = -((place - mean) ** 2) / (2 * 0.1**2) - np.log(0.1 * np.sqrt(2 * np.pi))
        likelihoods.append(density.sum(-1))
    return [w("scores", h), np.stack(baselines), np.stack(likelihoods)]


def test_ram_is_the_papers() -> None:
    net = load("ram", "RAM", glimpses=3, size=4, scales=2, units=5, classes=3)
    still: list[tuple[Layers, Array]] = []

    def reference(w: Layers, image: Array) -> list[Array]:
        still.append((Layers(dict(w.arrays), "net."), image))  # the first call has the module's own weights
        return _ram(w.inner("net"), image, *still[0])

    agree_plainly(_Drawn(net), reference, [torch.randn(2, 12, 12)])


def _adam(rate: float = 1e-3) -> Callable[[Arrays, Arrays], None]:
    """Kingma & Ba's algorithm 1 for named arrays."""
    means: Arrays = {}
    squares: Arrays = {}
    steps = 0

    def step(arrays: Arrays, gradients: Arrays) -> None:
        nonlocal steps
        steps += 1
        for name, g in gradients.items():
            means[name] = 0.9 * means.get(name, 0) + 0.1 * g
            squares[name] = 0.999 * squares.get(name, 0) + 0.001 * g**2
            m, v = means[name] / (1 - 0.9**steps), squares[name] / (1 - 0.999**steps)
            arrays[name] = arrays[name] - rate * m / (np.sqrt(v) + 1e-8)

    return step


def _outer(name: str, delta: Array, x: Array) -> Arrays:
    """The gradients of an affine map."""
    return {f"{name}.weight": delta.T @ x, f"{name}.bias": delta.sum(0)}


def test_synthetic_gradients_train_the_lower_layer() -> None:
    """Section 2 of Jaderberg et al., each gradient by the chain rule: the lower layer gets what the supplier, just taught, says."""
    trainer = load("dni", "SyntheticGradients", pixels=8, units=7, classes=3).double()
    arrays = arrays_of(trainer)
    teach, learn = _adam(), _adam()
    for i in range(4):
        draw = np.random.default_rng(i)
        x, digit = draw.normal(size=(6, 8)), draw.integers(0, 3, 6)
        found = trainer.step(torch.tensor(x), torch.tensor(digit))
        w = Layers(arrays)
        before = w("lower", x)
        h = relu(before)
        shares = softmax(w("upper", h))
        loss = -np.log(shares[range(6), digit]).mean()
        error = (shares - np.eye(3)[digit]) / 6
        true = error @ w["upper.weight"]
        guess = w("supplier", h)
        guess_error = ((guess - true) ** 2).mean()
        teach(arrays, _outer("supplier", 2 * (guess - true) / guess.size, h))
        supplied = Layers(arrays)("supplier", h) * (before > 0)
        learn(arrays, _outer("upper", error, h) | _outer("lower", supplied, x))
        assert [found["guess_error"], found["loss"]] == pytest.approx([guess_error, loss], rel=1e-9)
    for name, value in trainer.state_dict().items():
        np.testing.assert_allclose(value.numpy(), arrays[name], rtol=1e-9, atol=1e-12)
