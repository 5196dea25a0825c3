"""A variational autoencoder and a GAN, compiled from their programs, write digits that a classifier recognises.

    python studies/handwriting.py [vae|gan] [--steps N] [--seed 0]

Both learn 1,300 of scikit-learn's digits without their labels, and then write 1,000 images from noise. An image is recognised as a digit
if a classifier that learned the real ones gives that digit a probability of at least 0.9, and the nearest real image shows the same digit
and is no farther than it is for 95% of the real digits held out. That is said of the real digits held out, as a yardstick; of images of
which each pixel comes from another real digit, which is what a generator can do that does not know which pixels belong together; and of
what is written. Printed are also how often each digit is recognised, and the median distance to the nearest real image, 0 for copies.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WRITTEN, BATCH = 1000, 64
RECOGNISED, EACH = 0.75, 0.02
Split = tuple[Tensor, Tensor, Tensor]


def images() -> Split:
    """Images to learn from [n, 64] and their digits, and images held out."""
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
    image = torch.tensor(data.images / 16, dtype=torch.float32).flatten(1)[order]
    return image[:1300], torch.tensor(data.target)[order[:1300]], image[1300:]


class Reader:
    """Recognises digits, by a classifier and by the nearest of the real images."""

    def __init__(self, image: Tensor, digit: Tensor, held: Tensor) -> None:
        self.image, self.digit = image, digit
        with threadpool_limits(1):  # the matrices are small, and threads only wait for each other
            self.classifier = MLPClassifier(100, max_iter=300, random_state=0).fit(image.numpy(), digit.numpy())
        self.far = self.nearest(held)[0].quantile(0.95)

    def nearest(self, written: Tensor) -> tuple[Tensor, Tensor]:
        """The distance of each image to the nearest real one, and what digit that is."""
        distance, which = torch.cdist(written, self.image).min(-1)
        return distance, self.digit[which]

    def __call__(self, written: Tensor) -> Tensor:
        """How often each of the ten digits is recognised among some images [10]."""
        certainty, read_as = torch.tensor(self.classifier.predict_proba(written.numpy())).max(-1)
        distance, like = self.nearest(written)
        recognised = (certainty >= 0.9) & (like == read_as) & (distance <= self.far)
        return torch.bincount(read_as[recognised], minlength=10)


def draw(image: Tensor, steps: int, seed: int, batch: int = BATCH) -> Iterator[Tensor]:
    """Some images for each step."""
    chance = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        yield image[torch.randint(len(image), (batch,), generator=chance)]


def vae(image: Tensor, steps: int, seed: int) -> Tensor:
    """What the autoencoder's decoder writes [WRITTEN, 64], after some steps of training at a falling rate. Two numbers are hidden."""
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "vae.arch", "Fit", pixels=64, units=500, latent=2, rate=5e-3)
    trainer.fit(draw(image, steps, seed, 2 * BATCH), schedule=lambda step: 1 - step / steps)
    with torch.no_grad():
        return torch.sigmoid(trainer.net.decoder(torch.randn(WRITTEN, 2)))


def gan(image: Tensor, steps: int, seed: int) -> Tensor:
    """What the generator writes [WRITTEN, 64], after some steps of training. It writes from -1 to 1."""
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "gan.arch", "GAN", latent=16, pixels=64, rate=1e-3)
    trainer.fit(draw(2 * image - 1, steps, seed))
    with torch.no_grad():
        written: Tensor = trainer.G.eval()(torch.randn(WRITTEN, 16))
        return (written + 1) / 2


def scrambled(image: Tensor, seed: int = 0) -> Tensor:
    """Images [WRITTEN, 64] of which each pixel comes from another one."""
    pixels = image.shape[1]
    some = torch.randint(len(image), (WRITTEN, pixels), generator=torch.Generator().manual_seed(seed))
    return image[some, torch.arange(pixels)]


WRITERS = {"vae": (vae, 20_000), "gan": (gan, 10_000)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("writer", nargs="?", choices=WRITERS, help="both, unless one is named")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    image, digit, held = images()
    read = Reader(image, digit, held)
    show("real, held out", read, held)
    show("scrambled", read, scrambled(image))
    counts = []
    for name in [options.writer] if options.writer else WRITERS:
        write, steps = WRITERS[name]
        counts.append(show(f"written by the {name}", read, write(image, options.steps or steps, options.seed)))
    holds = all(c.sum() >= RECOGNISED * WRITTEN and c.min() >= EACH * WRITTEN for c in counts)
    claim = f"at least {RECOGNISED:.0%} of what is written is recognised, and {EACH:.0%} as each of the ten digits"
    print(f"claim: {claim}: {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


def show(name: str, read: Reader, written: Tensor) -> Tensor:
    counts, distance = read(written), read.nearest(written)[0].median()
    part = int(counts.sum()) / len(written)
    print(
        f"{name:<18}  recognised: {part:5.1%}   as 0 to 9: {counts.tolist()}   to the nearest real image: {distance:.2f}"
    )
    return counts


if __name__ == "__main__":
    sys.exit(main())
