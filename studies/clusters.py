"""k-means, compiled from its program, finds the clusters that scikit-learn finds.

    python studies/clusters.py [--starts 20] [--seed 0]

On iris, 150 flowers with 4 measures each: first from the same three centroids as scikit-learn, where the labels must be equal; then
from random flowers several times, where the best result must be scikit-learn's best, up to the clusters' numbers.
"""

import argparse
import sys
from pathlib import Path

import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
IRIS = torch.tensor(load_iris().data)


def cluster(start: Tensor | None = None) -> tuple[Tensor, float]:
    """Each flower's cluster [n], and the sum of squared distances to the centroids. Starts from random flowers, or from `start`."""
    trainer = archdsl.load(EXAMPLES / "kmeans.arch", "Fit", k=3, d=4).double()
    if start is not None:
        trainer.net.centroids.copy_(start)
    trainer.fit([IRIS])
    label = trainer.net.eval()(IRIS)
    return label, (IRIS - trainer.net.centroids[label]).square().sum().item()


def same_start(seed: int) -> tuple[Tensor, Tensor]:
    """Labels by the compiled program and by scikit-learn, both from the same three flowers."""
    flowers = torch.randperm(len(IRIS), generator=torch.Generator().manual_seed(seed))[:3]
    ours, _ = cluster(IRIS[flowers])
    theirs = KMeans(3, init=IRIS[flowers].numpy(), n_init=1, tol=0).fit(IRIS.numpy())
    return ours, torch.tensor(theirs.labels_, dtype=torch.long)


def best_start(starts: int, seed: int) -> tuple[float, float, float]:
    """The least sum of squares by the compiled program and by scikit-learn, and how far their clusters agree (1: the same)."""
    torch.manual_seed(seed)
    label, ours = min((cluster() for _ in range(starts)), key=lambda found: found[1])
    theirs = KMeans(3, n_init=starts, tol=0, random_state=seed).fit(IRIS.numpy())
    return ours, float(theirs.inertia_), float(adjusted_rand_score(theirs.labels_, label))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    ours, theirs = same_start(options.seed)
    print(f"from the same centroids: {int((ours == theirs).sum())} of {len(IRIS)} labels are scikit-learn's")
    least, expected, agreement = best_start(options.starts, options.seed)
    print(f"best of {options.starts} random starts: sum of squares {least:.4f}, scikit-learn {expected:.4f}")
    print(f"adjusted Rand index of the two: {agreement:.4f}")


if __name__ == "__main__":
    main()
