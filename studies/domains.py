"""A domain-adversarial network, compiled from its program, reads digits of a kind whose labels it never saw.

    python studies/domains.py [--steps 1500] [--seeds 3]

The source is scikit-learn's digits with their labels; the target is other digits, blurred or turned by 25°, of which only the images are
seen. Beside each network learns its twin: the same program, start and batches, but the strength of the reversed gradient stays 0, so
nothing adapts. Printed is how many digits are told right that neither saw, as the mean over the seeds.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BATCH, GAIN = 64, 0.08


def blurred(image: Tensor) -> Tensor:
    """Each pixel is the mean of the 3 × 3 around it."""
    return F.avg_pool2d(image, 3, stride=1, padding=1)


def turned(image: Tensor) -> Tensor:
    """Turned by 25° about the middle."""
    angle = math.radians(25)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]])
    grid = F.affine_grid(turn.expand(len(image), 2, 3), list(image.shape), align_corners=False)
    return F.grid_sample(image, grid, align_corners=False)


KINDS: dict[str, Callable[[Tensor], Tensor]] = {"blurred": blurred, "turned": turned}


@dataclass
class Domains:
    """Images [n, 64] and their digits [n]: the labelled source, the target of which only images are seen, and what is held out of both."""

    source: Tensor
    label: Tensor
    target: Tensor
    held_source: Tensor
    held_target: Tensor
    held_label: Tensor


def domains(kind: str) -> Domains:
    """Different digits for each purpose; the held-out ones both as they are and changed."""
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
    image = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)[order]
    digit = torch.tensor(data.target)[order]
    plain, changed = image.flatten(1), KINDS[kind](image).flatten(1)
    return Domains(plain[:700], digit[:700], changed[700:1400], plain[1400:], changed[1400:], digit[1400:])


def learn(data: Domains, strength: float, steps: int, seed: int) -> nn.Module:
    """The network after some steps. The strength of the reversed gradient grows from 0 to `strength`, as in the paper, section 5.2.2."""
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "dann.arch", "Adapt", d=64, units=64)
    trainer.fit(batches(data, strength, steps, seed))
    return trainer.net


def batches(data: Domains, strength: float, steps: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Source images, their digits, target images, and the strength of the reversed gradient at each step."""
    chance = torch.Generator().manual_seed(seed)
    for step in range(steps):
        some = torch.randint(len(data.source), (BATCH,), generator=chance)
        others = torch.randint(len(data.target), (BATCH,), generator=chance)
        grown = 2 / (1 + math.exp(-10 * step / steps)) - 1
        yield data.source[some], data.label[some], data.target[others], torch.tensor(strength * grown)


@torch.no_grad()
def accuracy(net: nn.Module, image: Tensor, digit: Tensor) -> float:
    """The part of the images that are told right."""
    scores, _ = net.eval()(image)
    return (scores.argmax(-1) == digit).float().mean().item()


def study(kind: str, strength: float, steps: int, seeds: int) -> tuple[float, float]:
    """The parts of the held-out digits told right in the source and in the target, as means over the seeds."""
    data = domains(kind)
    nets = [learn(data, strength, steps, seed) for seed in range(seeds)]
    right = [
        sum(accuracy(net, image, data.held_label) for net in nets) / seeds
        for image in (data.held_source, data.held_target)
    ]
    return right[0], right[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    holds = True
    for kind in KINDS:
        print(
            f"digits {kind}: {options.steps} steps of {BATCH} labelled and {BATCH} {kind} images, mean of {options.seeds} seeds"
        )
        told = []
        for name, strength in (("no adaptation", 0.0), ("domain-adversarial", 1.0)):
            source, target = study(kind, strength, options.steps, options.seeds)
            print(f"  {name:<18}  told right: {source:.1%} as they were, {target:.1%} {kind}")
            told.append(target)
        holds &= told[1] >= told[0] + GAIN
    print(
        f"claim: adaptation tells at least {GAIN:.0%} more of the changed digits right: {'holds' if holds else 'FAILS'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
