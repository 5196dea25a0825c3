"""k-means, fuzzy c-means and a Gaussian mixture, compiled from their programs, find the kinds of flowers and wines.

    python studies/clusters.py [--starts 20] [--seed 0]

k-means on iris, 150 flowers with 4 measures each: first from the same three centroids as scikit-learn, where the labels must be equal; then
from random flowers several times, where the best result must be scikit-learn's best, up to the clusters' numbers. Then all three on
iris and on wine (178 wines, 13 measures, each scaled to variance 1), the mixture starting from the centroids of k-means: how far do
clusters agree with the kinds, which none of them was told? That is the adjusted Rand index, 1 for the same and 0 for chance.
"""

import argparse
import sys
from pathlib import Path

import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import scale
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
IRIS, WINE = torch.tensor(load_iris().data), torch.tensor(scale(load_wine().data))
KINDS = {"iris": (IRIS, load_iris().target), "wine": (WINE, load_wine().target)}


def fitted(program: str, x: Tensor, **first: Tensor) -> nn.Module:
    """The program's model after its training on x. Starts from random rows of x, or from the memories given."""
    trainer = archdsl.load(EXAMPLES / program, "Fit", k=3, d=x.shape[1]).double()
    for memory, value in first.items():
        getattr(trainer.net, memory).copy_(value)
    trainer.fit([x])
    net: nn.Module = trainer.net
    return net.eval()


def cluster(x: Tensor, **first: Tensor) -> tuple[Tensor, float, Tensor]:
    """By k-means: each row's cluster [n], the sum of squared distances to the centroids, and the centroids."""
    net = fitted("kmeans.arch", x, **first)
    label = net(x)
    return label, (x - net.centroids[label]).square().sum().item(), net.centroids


def same_start(seed: int) -> tuple[Tensor, Tensor]:
    """Labels by the compiled program and by scikit-learn, both from the same three flowers."""
    flowers = torch.randperm(len(IRIS), generator=torch.Generator().manual_seed(seed))[:3]
    ours, _, _ = cluster(IRIS, centroids=IRIS[flowers])
    theirs = KMeans(3, init=IRIS[flowers].numpy(), n_init=1, tol=0).fit(IRIS.numpy())
    return ours, torch.tensor(theirs.labels_, dtype=torch.long)


def best_start(starts: int, seed: int) -> tuple[float, float, float]:
    """The least sum of squares by the compiled program and by scikit-learn, and how far their clusters agree (1: the same)."""
    torch.manual_seed(seed)
    label, ours, _ = min((cluster(IRIS) for _ in range(starts)), key=lambda found: found[1])
    theirs = KMeans(3, n_init=starts, tol=0, random_state=seed).fit(IRIS.numpy())
    return ours, float(theirs.inertia_), float(adjusted_rand_score(theirs.labels_, label))


def kinds(name: str, starts: int, seed: int) -> dict[str, float]:
    """How far the clusters agree with the kinds, by each program; and by scikit-learn's mixture."""
    x, kind = KINDS[name]
    torch.manual_seed(seed)
    label, _, centroids = min((cluster(x) for _ in range(starts)), key=lambda found: found[1])
    found = {
        "k-means": label,
        "fuzzy c-means": fitted("cmeans.arch", x)(x).argmax(-1),
        "Gaussian mixture": fitted("gmm.arch", x, means=centroids)(x)[0].argmax(-1),
        "scikit-learn's mixture": GaussianMixture(3, random_state=seed, tol=1e-8, max_iter=1000).fit_predict(x.numpy()),
    }
    return {program: float(adjusted_rand_score(kind, clusters)) for program, clusters in found.items()}


def main() -> int:
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
    told = {name: kinds(name, options.starts, options.seed) for name in KINDS}
    for name, found in told.items():
        print(f"agreement with the kinds of {name}: " + ", ".join(f"{p} {index:.3f}" for p, index in found.items()))
    holds = torch.equal(ours, theirs) and agreement == 1 and min(min(found.values()) for found in told.values()) > 0.7
    print(
        f"claim: the clusters are scikit-learn's, and agree with the kinds by more than 0.7: {'holds' if holds else 'FAILS'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
