"""What holds for every example, with small numbers in place of its own: a model takes batches and lengths of any size, and one example
does not see another; a training step moves what its program names, in training mode, and nothing else, and the loss falls.
"""

import copy
import functools
import re
from typing import Any

import pytest
import torch
from agreement import EXAMPLES, enlarge, load, tensors
from torch import Tensor, nn

import archdsl
from archdsl.ir.num import Num

SMALL = {
    "d": 16,
    "vocab": 31,
    "units": 16,
    "layers": 4,
    "heads": 2,
    "classes": 5,
    "channels": 12,
    "token_hidden": 6,
    "channel_hidden": 9,
    "side": 32,
    "patch": 16,
    "maps": 8,
    "filters": 4,
    "features": 6,
    "pixels": 20,
    "hidden": 5,
    "visible": 7,
    "latent": 5,
    "population": 4,
    "positions": 20,
    "context": 20,
    "levels": 9,
    "skips": 6,
    "width": 8,
    "rows": 5,
    "passes": 8,
    "washout": 2,
}
"""No hyperparameter of that name is larger than this; all others are as the program has them."""
SIZES = (
    {
        **{"batch": 2, "others": 3, "n": 11, "m": 3, "d": 4, "side": 28},
        **{"time": 6, "length": 2, "s": 5, "t": 7, "height": 32, "width": 32, "w": 32, "depth": 16},
    },
    {
        **{"batch": 5, "others": 4, "n": 17, "m": 8, "d": 3, "side": 24},
        **{"time": 9, "length": 4, "s": 8, "t": 4, "height": 40, "width": 36, "w": 36, "depth": 20},
    },
)
DRAWN = {"Boltzmann", "RAM", "RBM", "VAE"}
"""A model of these draws in evaluation too."""
NOT_LESS = {
    *[("dann", "Adapt"), ("dcgan", "DCGAN"), ("gan", "GAN"), ("dni", "SyntheticGradients"), ("ram", "Reinforce")],
    *[("rbm", "ContrastiveDivergence"), ("persistent_rbm", "PersistentContrastiveDivergence"), ("boltzmann", "Fit")],
}
"""The losses of these need not fall: they oppose each other, follow chance, or are a difference of energies."""
UNREAD = {"wavenet": ("net.h.29.",)}
"""The last residual layer of WaveNet, after which only the skips are read."""


@functools.cache
def programs() -> dict[str, Any]:
    return {path.stem: archdsl.check(path) for path in sorted(EXAMPLES.glob("*.arch"))}


def entries(kind: str) -> list[tuple[str, str]]:
    return [(file, name) for file, p in programs().items() for name in p.entries if p[name].kind == kind]


def small(file: str, name: str) -> tuple[nn.Module, dict[str, float]]:
    """The entry as a module, and its hyperparameters."""
    values = {h.name: float(h.default.value) for h in programs()[file][name].hypers}
    given = {n: min(SMALL[n], int(v)) for n, v in values.items() if n in SMALL}
    return load(file, name, **given), values | given


def random(type_: Any, values: dict[str, float]) -> Tensor:
    """Some value of that type."""
    sizes = [int(n.subs({s: Num.of(int(values[s])) for s in n.symbols()}).value) for n in type_.shape]
    if type_.dtype == "int":
        return torch.randint(0, 2, sizes)
    return torch.rand(sizes) > 0.3 if type_.dtype == "bool" else torch.rand(sizes)


def shape(type_: Any, values: dict[str, float]) -> tuple[int, ...]:
    return tuple(random(type_, values).shape)


@pytest.mark.parametrize(("file", "name"), entries("model"))
def test_a_model_takes_any_batch_and_length(file: str, name: str) -> None:
    definition = programs()[file][name]
    module, hypers = small(file, name)
    for sizes in SIZES:
        values = sizes | hypers
        inputs = [random(v.type, values) for v in definition.inputs]
        for training in (True, False):
            found = tensors(module.train(training)(*inputs))
            assert [tuple(o.shape) for o in found] == [shape(o.type, values) for o in definition.outputs]
            assert all(torch.isfinite(o).all() for o in found if o.is_floating_point())
        if name in DRAWN:
            continue
        alone = tensors(module(*(x[:2] if x.dim() else x for x in inputs)))
        for port, a, b in zip(definition.outputs, found, alone, strict=True):
            if port.type.shape and str(port.type.shape[0]) == "batch":
                torch.testing.assert_close(a[:2].float(), b.float(), rtol=1e-4, atol=1e-4)


KEYS = ("k.bias", "k_proj.bias", "key.bias")
UNSEEN = {
    ("bert", "BERT"): KEYS,
    ("transformer", "Transformer"): KEYS,
    ("vit", "ViT"): KEYS,
    ("mixer", "Mixer"): (".mix.linear_2.bias",),
    ("wavenet", "WaveNet"): ("h.11.weight", "h.11.bias"),
    ("som", "SOM"): ("t",),
}
"""Tensors that no output can show, by the end of their names. A key's bias adds the same to all scores of a query; the bias at the end of
Mixer's token network the same to all channels of a token, and the next norm takes it away; after WaveNet's last residual layer only the
skips are read; a map's clock is read in training alone."""
IMAGES = ({"height": 16, "width": 16, "w": 16}, {"height": 32, "width": 32, "w": 32})


def prepared(file: str, name: str, size: int) -> tuple[nn.Module, list[Tensor]]:
    """A model in float64 with large weights and memories that differ from their first values, and inputs."""
    net, hypers = small(file, name)
    given = [random(v.type, SIZES[size] | IMAGES[size] | hypers) for v in programs()[file][name].inputs]
    inputs = [x.double() if x.is_floating_point() else x for x in given]
    net.double()(*inputs)  # what is learned without gradients starts with the first call
    enlarge(net, 1.5)
    for tensor in net.buffers():
        if tensor.is_floating_point():
            tensor.add_(0.1 * torch.rand_like(tensor))
    return net, inputs


def drawn_alike(net: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    """What the net gives, with the same draws at each call."""
    torch.manual_seed(3)
    return tensors(net(*inputs))


@torch.no_grad()
def moves(net: nn.Module, inputs: list[Tensor], tensor: Tensor, before: list[Tensor]) -> bool:
    """Whether an output is another one when the tensor is zero. That nothing comes out any more is a move, too."""
    kept = tensor.clone()
    tensor.zero_()
    try:
        after = drawn_alike(net, inputs)
    except torch.linalg.LinAlgError:
        return True
    finally:
        tensor.copy_(kept)
    return not all(
        torch.allclose(a.double(), b.double(), rtol=0, atol=1e-9) for a, b in zip(after, before, strict=True)
    )


@pytest.mark.parametrize(("file", "name"), entries("model"))
def test_every_tensor_set_to_zero_moves_the_output(file: str, name: str) -> None:
    net, inputs = prepared(file, name, 0)
    net.eval()
    before = drawn_alike(net, inputs)
    state = {k: t for k, t in net.state_dict().items() if t.is_floating_point()}
    hidden = {k for k, tensor in state.items() if not moves(net, inputs, tensor, before)}
    known = UNSEEN.get((file, name), ())
    assert hidden == {k for k in state if known and k.endswith(known)}


@pytest.mark.parametrize(("file", "name"), entries("model"))
def test_a_small_step_against_the_gradient_lowers_the_loss(file: str, name: str) -> None:
    """On a fixed batch, for a fixed target, in training mode and with the same draws. What is frozen has no gradient."""
    net, inputs = prepared(file, name, 1)
    learned = {k: p for k, p in net.named_parameters() if p.requires_grad}
    outputs = [o for o in drawn_alike(copy.deepcopy(net), inputs) if o.is_floating_point()]
    targets = [torch.randn_like(o) for o in outputs]

    def loss(of: nn.Module) -> Tensor:
        found = [o for o in drawn_alike(of, inputs) if o.is_floating_point()]
        return sum(((a - b) ** 2).mean() for a, b in zip(found, targets, strict=True))  # type: ignore[return-value]

    twin = copy.deepcopy(net)
    if not learned or not any(o.requires_grad for o in outputs):
        assert not learned
        return
    of = dict(twin.named_parameters())
    before = loss(twin)
    gradients = torch.autograd.grad(before, [of[k] for k in learned], allow_unused=True)
    still = {k for k, g in zip(learned, gradients, strict=True) if g is None or g.abs().max() < 1e-12}
    known = UNSEEN.get((file, name), ())
    assert still == {k for k in learned if known and k.endswith(known)}
    size = sum((g**2).sum() for g in gradients if g is not None) ** 0.5
    with torch.no_grad():
        for k, g in zip(learned, gradients, strict=True):
            if g is not None:
                learned[k] -= 1e-5 * g / size
    assert loss(net) < before


class Watch:
    """Which parameters each optimizer moves, and that no part computes in evaluation mode meanwhile."""

    def __init__(self, trainer: nn.Module):
        self.named = dict(trainer.named_parameters())
        self.moved: list[set[str]] = []
        for part in trainer.modules():
            part.register_forward_pre_hook(self._in_training)
        for optimizer in {id(o): o for o in vars(trainer).values() if isinstance(o, torch.optim.Optimizer)}.values():
            optimizer.register_step_pre_hook(self._before)
            optimizer.register_step_post_hook(self._after)

    def _in_training(self, part: nn.Module, _: Any) -> None:
        assert part.training, f"{type(part).__name__} is in evaluation mode in a training step"

    def _before(self, *_: Any) -> None:
        self.values = {n: p.detach().clone() for n, p in self.named.items()}

    def _after(self, *_: Any) -> None:
        self.moved.append({n for n, p in self.named.items() if not torch.equal(p, self.values[n])})


def objectives(file: str, name: str) -> list[tuple[str, ...]]:
    """The parts that each `minimize` of the train names, in order; none stands for all."""
    text = (EXAMPLES / f"{file}.arch").read_text()
    body = re.split(rf"^train {name}\(", text, flags=re.M)[1].split("\n}")[0]
    found = re.findall(r"minimize \w+(?: over ([\w, ]+?))? with", body)
    return [tuple(parts.split(", ")) if parts else () for parts in found]


@pytest.mark.parametrize(("file", "name"), entries("train"))
def test_a_step_moves_what_it_names_and_nothing_else(file: str, name: str) -> None:
    definition = programs()[file][name]
    trainer, hypers = small(file, name)
    inputs = [random(v.type, SIZES[1] | hypers) for v in definition.inputs]
    learned = {n for n, p in trainer.named_parameters() if p.requires_grad and not n.startswith(UNREAD.get(file, "-"))}
    before = {n: p.detach().clone() for n, p in trainer.named_parameters()}
    watch = Watch(trainer)
    losses = []
    for _ in range(8):
        torch.manual_seed(0)  # the same draws at each step, so that losses can be compared
        losses.append(trainer.step(*inputs))  # type: ignore[operator]
    steps = objectives(file, name)
    assert len(watch.moved) == 8 * len(steps)
    for i, moved in enumerate(watch.moved):
        parts = tuple(f"{p}." for p in steps[i % len(steps)])
        assert moved <= {n for n in learned if n.startswith(parts) or not parts}, f"objective {i % len(steps)}"
    still = {n for n, p in trainer.named_parameters() if torch.equal(p, before[n])}
    assert still == set(before) - (learned if steps else set())
    assert all(torch.isfinite(torch.tensor(float(v))) for loss in losses for v in loss.values())
    if steps and (file, name) not in NOT_LESS:
        first, last = (sum(loss.values()) for loss in (losses[0], losses[-1]))
        assert last < first
