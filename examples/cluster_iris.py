"""k-means, compiled from kmeans.arch, finds three kinds of iris without being told: python examples/cluster_iris.py"""

from pathlib import Path

import torch
from sklearn.datasets import load_iris

import archdsl


def cluster(seed: int = 0) -> tuple[torch.Tensor, float]:
    """The best of ten fits: each flower's cluster, and the sum of squared distances."""
    x = torch.tensor(load_iris().data)
    best, least = torch.empty(0), float("inf")
    for start in range(seed, seed + 10):
        torch.manual_seed(start)
        trainer = archdsl.load(Path(__file__).with_name("kmeans.arch"), "Fit").double()
        trainer.step(x)
        labels = trainer.net.eval()(x)
        spread = (x - trainer.net.centroids[labels]).square().sum().item()
        if spread < least:
            best, least = labels, spread
    return best, least


if __name__ == "__main__":
    found, spread = cluster()
    print(f"three clusters of {', '.join(map(str, found.bincount().tolist()))} flowers; squared distances {spread:.3f}")
