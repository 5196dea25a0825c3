"""What holds for every example, with small numbers in place of its own: a model takes batches and lengths of any size, and one example
does not see another; a training step moves what its program names, in training mode, and nothing else, and the loss falls.
"""

import functools
import re
from typing import Any

import pytest
import torch
from agreement import EXAMPLES, load, tensors
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
    "maps": 3,
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
    "width": 4,
    "rows": 5,
    "passes": 8,
    "washout": 2,
}
"""No hyperparameter of that name is larger than this; all others are as the program has them."""
SIZES = (
    {
        **{"batch": 2, "others": 3, "n": 11, "m": 3, "d": 4},
        **{"time": 6, "s": 5, "t": 7, "height": 32, "width": 32, "w": 32, "depth": 16},
    },
    {
        **{"batch": 5, "others": 4, "n": 17, "m": 8, "d": 3},
        **{"time": 9, "s": 8, "t": 4, "height": 40, "width": 36, "w": 36, "depth": 20},
    },
)
DRAWN = {"Boltzmann", "RAM", "RBM", "VAE"}
"""A model of these draws in evaluation too."""
NOT_LESS = {
    *[("dann", "Adapt"), ("dcgan", "DCGAN"), ("gan", "GAN"), ("dni", "SyntheticGradients"), ("ram", "Reinforce")],
    *[("rbm", "ContrastiveDivergence"), ("boltzmann", "Fit")],
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
