"""Systems composed of others, each written out again with torch.nn: GNMT, DCGAN, separable convolutions."""

from functools import partial

import torch
import torch.nn.functional as F
from agreement import Weights, agree, call, layers, load, own, renamed
from test_recurrent import two_biases
from torch import Tensor, nn


def _gnmt(w: Weights, source: Tensor, target: Tensor, delayed: bool = False) -> Tensor:
    parts = iter(layers(w))

    def lstm(x: Tensor) -> Tensor:
        """The next LSTM layer, with two biases to a gate."""
        gates = [next(parts) for _ in range(8)]
        module = nn.LSTM(x.shape[-1], gates[0]["weight"].shape[0], batch_first=True)
        return call(module, two_biases(gates), x)[0]  # type: ignore[no-any-return]

    x = F.embedding(source, next(parts)["weight"])
    x = lstm(torch.cat([lstm(x), lstm(x.flip(1)).flip(1)], -1))
    for _ in range(2):
        x = x + lstm(x)
    y = lstm(F.embedding(target, next(parts)["weight"]))
    asking = torch.cat([torch.zeros_like(y[:, :1]), y[:, :-1]], 1) if delayed else y
    query, keys = asking @ next(parts)["weight"].T, x @ next(parts)["weight"].T
    v = own(w, "scale") * own(w, "v") / own(w, "v").norm()
    scores = torch.tanh(query[:, :, None] + keys[:, None] + own(w, "b")) @ v
    context = torch.softmax(scores, -1) @ x
    z = lstm(torch.cat([y, context], -1))
    for _ in range(2):
        z = z + lstm(torch.cat([z, context], -1))
    return F.linear(z, **next(parts))


GNMT_INPUTS = [torch.arange(22).remainder(11).reshape(2, 11), torch.arange(22).remainder(11).reshape(2, 11).flip(1)]


def test_gnmt_is_wired_as_nvidias() -> None:
    agree(load("gnmt", "GNMT", vocab=11, units=6, layers=4), _gnmt, GNMT_INPUTS, scale=2)


def test_gnmt_of_the_paper_asks_with_the_step_before() -> None:
    ours = load("gnmt", "DelayedGNMT", vocab=11, units=6, layers=4)
    agree(ours, partial(_gnmt, delayed=True), GNMT_INPUTS, scale=2)


def dcgan(generator: bool, maps: int, latent: int) -> nn.Module:
    """PyTorch's own DCGAN tutorial model."""
    sides = [(latent, 8), (8, 4), (4, 2), (2, 1)] if generator else [(1, 2), (2, 4), (4, 8)]
    parts: list[nn.Module] = [] if generator else [nn.Conv2d(3, maps, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for i, (before, after) in enumerate(sides):
        if generator:
            old = before if i == 0 else before * maps
            parts.append(nn.ConvTranspose2d(old, after * maps, 4, 2 if i else 1, 1 if i else 0, bias=False))
        else:
            parts.append(nn.Conv2d(before * maps, after * maps, 4, 2, 1, bias=False))
        parts += [nn.BatchNorm2d(after * maps), nn.ReLU() if generator else nn.LeakyReLU(0.2)]
    if generator:
        parts += [nn.ConvTranspose2d(maps, 3, 4, 2, 1, bias=False), nn.Tanh()]
    else:
        parts += [nn.Conv2d(8 * maps, 1, 4, bias=False), nn.Flatten()]
    return nn.Sequential(*parts)


def test_dcgan_is_that_of_the_tutorial() -> None:
    for training in (False, True):
        for name, sizes, x in (
            ("Generator", {"latent": 5, "maps": 4}, torch.randn(3, 5, 1, 1)),
            ("Discriminator", {"maps": 4}, torch.randn(3, 3, 64, 64)),
        ):
            theirs = dcgan(name == "Generator", 4, 5).train(training).double()
            names = [n for n, _ in theirs.named_parameters()]

            def reference(w: Weights, x: Tensor, theirs: nn.Module = theirs, names: list[str] = names) -> Tensor:
                return call(theirs, renamed(w, names), x)  # type: ignore[no-any-return]

            agree(load("dcgan", name, **sizes), reference, [x], training=training, dtypes=[torch.float64])


def test_separable_net() -> None:
    def reference(w: Weights, x: Tensor) -> Tensor:
        conv, norm, deep, point, deep_2, point_2, last = layers(w)
        x = F.conv2d(x, conv["weight"], padding=1) / (1 + 1e-5) ** 0.5
        x = torch.relu(x * norm["weight"][:, None, None] + norm["bias"][:, None, None])
        x = torch.relu(F.conv2d(F.conv2d(x, deep["weight"], padding=1, groups=x.shape[1]), **point))
        x = torch.relu(F.conv2d(F.conv2d(x, deep_2["weight"], padding=1, stride=2, groups=x.shape[1]), **point_2))
        return F.linear(x.mean((2, 3)), **last)

    agree(load("separable", "Separable", channels=4, classes=3), reference, [torch.randn(2, 3, 9, 8)], scale=1.5)
