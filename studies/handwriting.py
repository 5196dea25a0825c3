"""A variational autoencoder and a GAN, compiled from their programs, write digits that a classifier recognises.

    python studies/handwriting.py [vae|gan] [--steps N] [--seed 0]

Both learn scikit-learn's digits without their labels, and then write 1,000 images from noise. A classifier that learned the real
digits reads them: recognised is what it reads with a probability of at least 0.9. Beside that stand how many real digits that it never
saw are recognised, and how many images whose pixels are each taken from another real digit, which is what a generator can do that does
not know which pixels belong together. How often each digit is recognised is printed too: the GAN, at these few steps, writes only some
of the ten, and which ones changes from step to step.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WRITTEN, BATCH = 1000, 64
Reader = Callable[[Tensor], Tensor]


def images() -> tuple[Tensor, Tensor, Tensor]:
    """Images to learn from [n, 64] and their digits, and images held out."""
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
    image = torch.tensor(data.images / 16, dtype=torch.float32).flatten(1)[order]
    return image[:1300], torch.tensor(data.target)[order[:1300]], image[1300:]


def reader(image: Tensor, digit: Tensor) -> Reader:
    """A classifier that learned real digits. It tells how often it recognises each of the ten among some images."""
    classifier = SVC(probability=True, random_state=0).fit(image.numpy(), digit.numpy())

    def read(written: Tensor) -> Tensor:
        certainty, read_as = torch.tensor(classifier.predict_proba(written.numpy())).max(-1)
        return torch.bincount(read_as[certainty >= 0.9], minlength=10)

    return read


def draw(image: Tensor, steps: int, seed: int) -> list[Tensor]:
    """Some images for each step."""
    chance = torch.Generator().manual_seed(seed)
    return [image[some] for some in torch.randint(len(image), (steps, BATCH), generator=chance)]


def vae(image: Tensor, steps: int, seed: int) -> Tensor:
    """What the autoencoder's decoder writes [WRITTEN, 64], after some steps of training."""
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "vae.arch", "Fit", pixels=64, units=200, latent=8)
    trainer.fit(draw(image, steps, seed))
    with torch.no_grad():
        return torch.sigmoid(trainer.net.scores(torch.randn(WRITTEN, 8)))


def gan(image: Tensor, steps: int, seed: int) -> Tensor:
    """What the generator writes [WRITTEN, 64], after some steps of training. It writes from -1 to 1."""
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "gan.arch", "GAN", latent=16, pixels=64)
    trainer.fit(draw(2 * image - 1, steps, seed))
    with torch.no_grad():
        written: Tensor = trainer.G.eval()(torch.randn(WRITTEN, 16))
        return (written + 1) / 2


def scrambled(image: Tensor, seed: int = 0) -> Tensor:
    """Images [WRITTEN, 64] of which each pixel comes from another one."""
    pixels = image.shape[1]
    some = torch.randint(len(image), (WRITTEN, pixels), generator=torch.Generator().manual_seed(seed))
    return image[some, torch.arange(pixels)]


WRITERS = {"vae": (vae, 4000), "gan": (gan, 2000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("writer", nargs="?", choices=WRITERS, help="both, unless one is named")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    image, digit, held = images()
    read = reader(image, digit)
    show("real, never seen", read(held), len(held))
    show("scrambled", read(scrambled(image)), WRITTEN)
    for name in [options.writer] if options.writer else WRITERS:
        write, steps = WRITERS[name]
        show(f"written by the {name}", read(write(image, options.steps or steps, options.seed)), WRITTEN)


def show(name: str, counts: Tensor, images: int) -> None:
    print(f"{name:<18}  recognised: {int(counts.sum()) / images:5.1%}   as 0 to 9: {counts.tolist()}")


if __name__ == "__main__":
    main()
