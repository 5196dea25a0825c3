"""LeNet-5, compiled from its program, learns handwritten digits.

    python studies/digits.py [--epochs 30] [--seed 0]

The digits are scikit-learn's: 1,797 images of 8 × 8, enlarged to the 28 × 28 that LeNet-5 reads. A quarter of the images is held
out, and what is printed last is how many of those are told right.
"""

import argparse
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CLAIM = 0.97
Split = tuple[Tensor, Tensor, Tensor, Tensor]


def images() -> Split:
    """Images to learn from and images held out [n, 1, 28, 28]; the digits of the one and of the other [n]."""
    data = load_digits()
    image = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)
    image = F.interpolate(image, size=(28, 28), mode="bilinear")
    split: Split = train_test_split(
        image, torch.tensor(data.target), test_size=0.25, random_state=0, stratify=data.target
    )
    return split


def learn(image: Tensor, digit: Tensor, epochs: int, seed: int = 0) -> nn.Module:
    """LeNet-5 after some epochs of the training that its program describes."""
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "lenet5.arch", "Fit")
    trainer.fit(DataLoader(TensorDataset(image, digit), batch_size=32, shuffle=True), epochs=epochs)
    return trainer.net


def accuracy(net: nn.Module, image: Tensor, digit: Tensor) -> float:
    """The part of the images that are told right."""
    net.eval()
    with torch.no_grad():
        return (net(image).argmax(-1) == digit).float().mean().item()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    image, held_image, digit, held_digit = images()
    print(f"LeNet-5 learns {len(digit)} digits for {options.epochs} epochs; {len(held_digit)} are held out")
    net = learn(image, digit, options.epochs, options.seed)
    seen, unseen = accuracy(net, image, digit), accuracy(net, held_image, held_digit)
    print(f"told right: {seen:.2%} of those it learned, {unseen:.2%} of those held out")
    holds = unseen >= CLAIM
    print(f"claim: at least {CLAIM:.0%} of those held out: {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
