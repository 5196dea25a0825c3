"""A one-class support vector machine, compiled from its program, finds planted outliers.

    python studies/outliers.py [--planted 10] [--seed 0]

Among scikit-learn's images of one digit, a few images of other digits are hidden, for each digit in turn. The machine sees all of them,
without being told which is which. Printed is how many of the images that it finds strangest are the planted ones, when it names as many
as were planted; how many are to be expected by chance; and how far its decisions are from those of scikit-learn's machine.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.svm import OneClassSVM
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NU, GAMMA, FOUND = 0.3, 0.3, 0.75


@dataclass
class Found:
    """What came of one search."""

    planted: int
    images: int
    found: int
    """Of the planted images, how many are among the strangest `planted` images."""
    difference: float
    """The largest difference of a decision from scikit-learn's, relative to the largest decision."""

    @property
    def by_chance(self) -> float:
        return self.planted**2 / self.images


def plant(digit: int, planted: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images of one digit [n, 64], last of all the planted ones of other digits; and which they are [n]."""
    data = load_digits()
    image, is_other = torch.tensor(data.images / 16).flatten(1), torch.tensor(data.target != digit)
    others = image[is_other]
    some = torch.randperm(len(others), generator=torch.Generator().manual_seed(seed))[:planted]
    images = torch.cat([image[~is_other], others[some]])
    return images, torch.arange(len(images)) >= len(images) - planted


def decide(image: Tensor) -> Tensor:
    """The decision of the compiled program on each image [n]: negative outside, positive inside."""
    machine = archdsl.load(EXAMPLES / "ocsvm.arch", "OneClassSVM", nu=NU, gamma=GAMMA, rate=1, passes=1000)
    decision: Tensor = machine(image, image)
    return decision


def study(digit: int, planted: int, seed: int) -> Found:
    """Search for what was planted among the images of one digit."""
    image, is_planted = plant(digit, planted, seed)
    decision = decide(image)
    expected = torch.tensor(
        OneClassSVM(nu=NU, gamma=GAMMA, tol=1e-9).fit(image.numpy()).decision_function(image.numpy())
    )
    difference = ((decision - expected).abs().max() / expected.abs().max()).item()
    strangest = decision.argsort()[:planted]
    return Found(planted, len(image), int(is_planted[strangest].sum()), difference)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planted", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    result = []
    for digit in range(10):
        found = study(digit, options.planted, options.seed)
        result.append(found)
        print(
            f"among {found.images - found.planted} images of {digit}: {found.found} of {found.planted} found, "
            f"{found.by_chance:.1f} by chance; decisions within {found.difference:.1e} of scikit-learn's"
        )
    part = sum(f.found for f in result) / sum(f.planted for f in result)
    print(f"found in all: {part:.0%}")
    holds = part >= FOUND and max(f.difference for f in result) < 1e-3
    print(
        f"claim: at least {FOUND:.0%} are found, and decisions are scikit-learn's up to 1e-3: {'holds' if holds else 'FAILS'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
