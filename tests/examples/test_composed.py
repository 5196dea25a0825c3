"""Systems composed of others, each written out again: GNMT, CRMN, RAM, D-NTM, DCGAN, separable convolutions."""

import torch
import torch.nn.functional as F
from agreement import Seeded, Weights, agree, call, layers, load, own, renamed, seeded
from test_recurrent import one_bias, two_biases
from torch import Tensor, nn


def _lstm(parts: list[dict[str, Tensor]], x: Tensor) -> Tensor:
    units = parts[0]["weight"].shape[0]
    return call(nn.LSTM(x.shape[-1], units, batch_first=True), one_bias(parts, x.shape[-1]), x)[0]  # type: ignore[no-any-return]


def _gnmt(w: Weights, source: Tensor, target: Tensor) -> Tensor:
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
    query, keys = y @ next(parts)["weight"].T, x @ next(parts)["weight"].T
    v = own(w, "scale") * own(w, "v") / own(w, "v").norm()
    scores = torch.tanh(query[:, :, None] + keys[:, None] + own(w, "b")) @ v
    context = torch.softmax(scores, -1) @ x
    z = lstm(torch.cat([y, context], -1))
    for _ in range(2):
        z = z + lstm(torch.cat([z, context], -1))
    return F.linear(z, **next(parts))


def test_gnmt_is_wired_as_nvidias() -> None:
    ours = load("gnmt", "GNMT", vocab=11, units=6, layers=4)
    inputs = [torch.arange(22).remainder(11).reshape(2, 11), torch.arange(22).remainder(11).reshape(2, 11).flip(1)]
    agree(ours, _gnmt, inputs, scale=2)


def _crmn(w: Weights, image: Tensor) -> Tensor:
    parts = layers(w)
    lstm, rest = parts[:4], iter(parts[4:])

    def unit(x: Tensor, stride: int = 1) -> Tensor:
        def conv(x: Tensor, step: int, pad: int) -> Tensor:
            x = F.conv2d(x, next(rest)["weight"], stride=step, padding=pad)
            p = next(rest)
            return (x / (1 + 1e-5) ** 0.5) * p["weight"][:, None, None] + p["bias"][:, None, None]

        y = conv(torch.relu(conv(x, stride, 1)), 1, 1)
        return torch.relu(y + (conv(x, stride, 0) if stride > 1 else x))

    x = F.conv2d(image, next(rest)["weight"], padding=1)
    p = next(rest)
    x = torch.relu((x / (1 + 1e-5) ** 0.5) * p["weight"][:, None, None] + p["bias"][:, None, None])
    seen = []
    for _ in range(3):
        x = unit(x)
        seen.append(x.mean((2, 3)))
    x = unit(x, 2)
    for _ in range(2):
        x = unit(x)
    return F.linear(torch.cat([x.mean((2, 3)), _lstm(lstm, torch.stack(seen, 1))[:, -1]], -1), **next(rest))


def test_crmn_steps_its_lstm_over_depth() -> None:
    ours = load("crmn", "CRMN", channels=4, units=5, n=3, classes=3)
    agree(ours, _crmn, [torch.randn(2, 3, 8, 8)], scale=1.5)


def _ram(w: Weights, image: Tensor) -> list[Tensor]:
    """Section 3 of the paper; each glimpse is cut out pixel by pixel."""
    parts = layers(w)
    from_h, from_g, what, whither, a, b, location, baseline, classify = parts
    batch, side = image.shape[:2]
    place = -1 + 2 * torch.rand(batch, 2, dtype=image.dtype)
    h = image.new_zeros(batch, 10)
    baselines, likelihoods = [], []
    for _ in range(3):
        squares = torch.stack(
            [torch.cat([_square(image[n], place[n], side, 4 * 2**s, 2**s) for s in range(2)]) for n in range(batch)]
        )
        seen, where = torch.relu(F.linear(squares, **what)), torch.relu(F.linear(place, **whither))
        h = torch.relu(
            F.linear(h, **from_h) + F.linear(torch.relu(F.linear(seen, **a) + F.linear(where, **b)), **from_g)
        )
        mean = torch.tanh(F.linear(h.detach(), **location))
        place = (mean + 0.1 * torch.randn_like(mean)).detach()
        baselines.append(F.linear(h.detach(), **baseline)[:, 0])
        density = -((place - mean) ** 2) / (2 * 0.1**2) - torch.log(
            torch.tensor(0.1 * (2 * torch.pi) ** 0.5, dtype=mean.dtype)
        )
        likelihoods.append(density.sum(-1))
    return [F.linear(h, **classify), torch.stack(baselines), torch.stack(likelihoods)]


def _square(image: Tensor, place: Tensor, side: int, size: int, shrink: int) -> Tensor:
    corner = (place + 1) / 2 * side - size / 2
    rows, columns = ([min(max(int((c + i).floor()), 0), side - 1) for i in range(size)] for c in corner)
    square = image[rows][:, columns]
    return square.reshape(size // shrink, shrink, size // shrink, shrink).mean((1, 3)).flatten()


def test_ram_is_the_papers() -> None:
    ours = Seeded(load("ram", "RAM", side=12, glimpses=3, size=4, scales=2, units=5, classes=3))
    agree(ours, seeded(_ram), [torch.randn(2, 12, 12)], dtypes=[torch.float64])


def _dntm(w: Weights, x: Tensor) -> Tensor:
    r, z, nx, nh, *rest = layers(w)
    write, erase, new, much, seen, read, out = rest[:3], rest[3], rest[4], rest[5], rest[6], rest[7:10], rest[10]
    address = own(w, "A").expand(len(x), -1, -1)
    content, vector, h = x.new_zeros(len(x), 4, 3), x.new_zeros(len(x), 5), x.new_zeros(len(x), 5)
    used_w = used_r = x.new_zeros(len(x), 4)

    def look(parts: list[dict[str, Tensor]], cells: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
        key, strength, lately = (F.linear(h, **p) for p in parts)
        alike = F.cosine_similarity(cells, key[:, None], dim=-1, eps=1e-12)
        score = (F.softplus(strength) + 1) * alike
        return torch.softmax(score - torch.sigmoid(lately) * used, -1), 0.1 * used + 0.9 * score

    outputs = []
    for t in range(x.shape[1]):
        v = torch.cat([x[:, t], vector], -1)
        vh = torch.cat([v, h], -1)
        reset, keep = torch.sigmoid(F.linear(vh, **r)), torch.sigmoid(F.linear(vh, **z))
        h = (1 - keep) * torch.tanh(F.linear(v, **nx) + reset * F.linear(h, **nh)) + keep * h
        writing, used_w = look(write, torch.cat([address, content], -1), used_w)
        added = torch.relu(F.linear(h, **new) + torch.sigmoid(F.linear(h, **much)) * F.linear(x[:, t], **seen))
        content = (
            content * (1 - writing[..., None] * torch.sigmoid(F.linear(h, **erase))[:, None])
            + writing[..., None] * added[:, None]
        )
        cells = torch.cat([address, content], -1)
        reading, used_r = look(read, cells, used_r)
        vector = (reading[..., None] * cells).sum(1)
        outputs.append(F.linear(torch.cat([h, vector], -1), **out))
    return torch.stack(outputs, 1)


def test_dynamic_ntm_is_the_papers() -> None:
    ours = load("dntm", "DNTM", features=3, units=5, rows=4, address=2, content=3, outputs=2)
    agree(ours, _dntm, [torch.randn(2, 5, 3)], scale=2)


def _dcgan(generator: bool, maps: int, latent: int) -> nn.Module:
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
            theirs = _dcgan(name == "Generator", 4, 5).train(training).double()
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
