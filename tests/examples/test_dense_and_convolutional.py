"""MLP, LeNet-5 and ResNets against torch.nn and transformers; WaveNet against its paper's equations."""

import pytest
import torch
import torch.nn.functional as F
from agreement import Weights, agree, call, layers, load, renamed
from torch import Tensor, nn


def test_mlp_is_a_sequence_of_linear_layers() -> None:
    theirs = nn.Sequential(nn.Linear(20, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 4))
    names = [n for n, _ in theirs.named_parameters()]
    agree(
        load("mlp", "MLP", features=20, classes=4),
        lambda w, x: call(theirs, renamed(w, names), x),
        [torch.randn(5, 20)],
    )


def test_mlp_learns_as_scikit_learns() -> None:
    """On handwritten digits, from the same weights: what comes out, and the weights after five steps of Adam, whose eps, which scikit-learn adds
    elsewhere, is as good as 0."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    digits = load_digits()
    x, digit = digits.data[:200] / 16, digits.target[:200]
    theirs = MLPClassifier((300, 100), alpha=0, batch_size=200, shuffle=False, epsilon=1e-30, random_state=0)
    theirs.partial_fit(x, digit, classes=range(10))  # makes the weights; its optimizer begins anew below
    del theirs._optimizer
    ours = load("mlp", "Fit", features=64, classes=10, rate=1e-3).double()
    for optimizer in ours.optimizers().values():  # type: ignore[operator]
        optimizer.param_groups[0]["eps"] = 1e-30
    weights = [p for group in zip(theirs.coefs_, theirs.intercepts_, strict=True) for p in group]
    start = [torch.tensor(w.T) for w in weights]
    for parameter, value in zip(ours.parameters(), start, strict=True):
        parameter.data.copy_(value)
    with torch.no_grad():
        shares = ours.net(torch.tensor(x)).softmax(-1)
    torch.testing.assert_close(shares, torch.tensor(theirs.predict_proba(x)), rtol=0, atol=1e-10)
    for _ in range(5):
        loss = ours.step(torch.tensor(x), torch.tensor(digit))["loss"]
        theirs.partial_fit(x, digit)
        assert loss == pytest.approx(theirs.loss_, rel=1e-10)
    found = [p for group in zip(theirs.coefs_, theirs.intercepts_, strict=True) for p in group]
    for parameter, value, before in zip(ours.parameters(), found, start, strict=True):
        torch.testing.assert_close(parameter.detach(), torch.tensor(value.T), rtol=0, atol=1e-10)
        assert (parameter.detach() - before).abs().max() > 1e-3


@pytest.mark.parametrize("side", [28, 16])
def test_lenet_is_the_usual_sequence(side: int) -> None:
    wide = {28: 400, 16: 64}[side]
    theirs = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(wide, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    names = [n for n, _ in theirs.named_parameters()]
    agree(
        load("lenet5", "LeNet5", side=side),
        lambda w, x: call(theirs, renamed(w, names), x),
        [torch.randn(3, 1, side, side)],
        scale=2,
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("file", "name"), [("resnet18", "ResNet18"), ("resnet50", "ResNet50"), ("resnet50_v1", "ResNet50v1")]
)
def test_resnet_is_that_of_transformers(file: str, name: str, training: bool) -> None:
    from transformers import ResNetConfig, ResNetForImageClassification

    deep = "50" in name
    depths = [3, 4, 6, 3] if deep else [2, 2, 2, 2]
    config = ResNetConfig(
        embedding_size=4,
        hidden_sizes=[(16 if deep else 4) * 2**i for i in range(4)],
        depths=depths,
        layer_type="bottleneck" if deep else "basic",
        downsample_in_bottleneck=name.endswith("v1"),
        num_labels=7,
    )
    theirs = ResNetForImageClassification(config).train(training)
    ours = load(file, name, classes=7, **({"width": 4} if deep else {"channels": 4}))

    def reference(w: Weights, x: Tensor) -> Tensor:
        theirs.to(x.dtype)
        return call(theirs, w, x).logits  # type: ignore[no-any-return]

    agree(ours, reference, [torch.randn(4, 3, 64, 64)], training=training, dtypes=[torch.float64])


CONVNETS = {
    "Signal": (
        [nn.Conv1d(2, 32, 7, 2, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(32, 64, 3, 1, "same", 4), nn.ReLU()],
        *(lambda x: x.mean(-1), nn.Linear(64, 5), (2, 2, 21), {"channels": 2}),
    ),
    "Image": (
        [
            *(nn.Conv2d(3, 32, (5, 3), 1, (2, 1)), nn.ReLU(), nn.AvgPool2d(2)),
            *(nn.Conv2d(32, 64, 3, 1, 1, groups=4), nn.ReLU(), nn.Conv2d(64, 64, 1), nn.ReLU()),
        ],
        *(lambda x: x.amax((-2, -1)), nn.Linear(64, 10), (2, 3, 9, 8), {}),
    ),
    "Volume": (
        [nn.Conv3d(1, 16, 3, 1, 1), nn.ReLU(), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(16, 32, 3, 2), nn.ReLU()],
        *(lambda x: x.mean((-3, -2, -1)), nn.Linear(32, 4), (2, 1, 7, 8, 9), {}),
    ),
}


@pytest.mark.parametrize("name", CONVNETS)
def test_convolutional_nets(name: str) -> None:
    parts, pool, last, shape, sizes = CONVNETS[name]
    body = nn.Sequential(*parts)
    names = [n for n, _ in body.named_parameters()]

    def reference(w: Weights, x: Tensor) -> Tensor:
        *weights, weight, bias = w.values()
        y = torch.func.functional_call(body, dict(zip(names, weights, strict=True)), (x,))
        return call(last, {"weight": weight, "bias": bias}, pool(y))  # type: ignore[no-any-return]

    agree(load("convnets", name, **sizes), reference, [torch.randn(shape)], scale=1.5)


def _wavenet(w: Weights, codes: Tensor, levels: int, depth: int) -> Tensor:
    """The paper's equation 2, one layer after the other, with the skips summed on the way."""
    first, *stacked, second_last, last = layers(w)
    value, gate, residual, skip = (stacked[i * depth : (i + 1) * depth] for i in range(4))

    def conv(p: dict[str, Tensor], x: Tensor, dilation: int = 1) -> Tensor:
        x = F.pad(x, ((p["weight"].shape[2] - 1) * dilation, 0))
        return F.conv1d(x, p["weight"], p["bias"], dilation=dilation)

    x = conv(first, F.one_hot(codes, levels).to(first["weight"].dtype).transpose(1, 2))
    skips = []
    for i in range(depth):
        dilation = 2 ** (i % 3)
        z = torch.tanh(conv(value[i], x, dilation)) * torch.sigmoid(conv(gate[i], x, dilation))
        x = x + conv(residual[i], z)
        skips.append(conv(skip[i], z))
    return conv(last, torch.relu(conv(second_last, torch.relu(sum(skips))))).transpose(1, 2)  # type: ignore[arg-type]


def test_wavenet_is_the_papers() -> None:
    ours = load("wavenet", "WaveNet", levels=11, channels=6, skips=7, layers=3, blocks=2)
    codes = torch.randint(0, 11, (2, 20))
    agree(ours, lambda w, c: _wavenet(w, c, 11, 6), [codes], unseen=["h.5.weight", "h.5.bias"])


def test_wavenet_sees_its_receptive_field_and_no_more() -> None:
    ours = load("wavenet", "WaveNet", levels=4, channels=4, skips=4, layers=3, blocks=2).double()
    field = 2 * (2**3 - 1) + 1
    codes = torch.zeros(1, 40, dtype=torch.long)
    base = ours(codes)
    moved = []
    for t in range(40):
        other = codes.clone()
        other[0, t] = 1
        moved.append((ours(other) - base)[0, 30].abs().max().item() > 0)
    assert [t for t, m in enumerate(moved) if m] == list(range(30 - field + 1, 31))
