"""LeNet-5, compiled from lenet5.arch, learns scikit-learn's handwritten digits: python examples/learn_digits.py"""

from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import archdsl


def digits() -> tuple[Tensor, Tensor]:
    """1,797 digits of 8 × 8, enlarged to 28 × 28, in a random order."""
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.interpolate(images, size=(28, 28), mode="bilinear")
    return images[order], torch.tensor(data.target)[order]


def learn(epochs: int = 20) -> float:
    """Learn four fifths of the digits; the accuracy on the others."""
    torch.manual_seed(0)
    images, labels = digits()
    held_out = len(images) // 5
    trainer = archdsl.load(Path(__file__).with_name("lenet5.arch"), "Fit", rate=2e-3)
    known = TensorDataset(images[held_out:], labels[held_out:])
    trainer.fit(DataLoader(known, batch_size=32, shuffle=True), epochs=epochs)
    trainer.eval()
    with torch.no_grad():
        guesses = trainer.net(images[:held_out]).argmax(-1)
    return (guesses == labels[:held_out]).float().mean().item()


if __name__ == "__main__":
    print(f"{learn():.1%} of the held-out digits are told right")
