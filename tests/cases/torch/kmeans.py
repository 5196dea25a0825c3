import sys
from collections.abc import Callable, Iterable, Mapping, Sized
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def sample_rows(x: Tensor, k: int) -> Tensor:
    """k rows of x, drawn at random, none twice."""
    order = torch.randperm(x.shape[0], device=x.device)
    return x[order[:k]]


def mean_by(x: Tensor, cluster: Tensor, k: int) -> Tensor:
    """The mean of the rows of x in each of k clusters; 0 for a cluster without rows."""
    total = x.new_zeros(k, *x.shape[1:]).index_add(0, cluster, x)
    count = x.new_zeros(k).index_add(0, cluster, torch.ones_like(cluster, dtype=x.dtype))
    return total / count.clamp(min=1).view(-1, *[1] * (x.ndim - 1))


class KMeans(nn.Module):
    """k-means (Lloyd 1982): each point goes to the nearest centroid, and each centroid to the mean
    of its points.
    """

    centroids: Tensor

    def __init__(self, k: int = 3, d: int = 4) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("centroids", torch.full((k, d), torch.nan))
        self.begun = False
        on_load: Any = self.register_load_state_dict_post_hook
        on_load(KMeans.loaded)

    def loaded(self, _: object) -> None:
        """What was loaded does not begin anew with the data, but where it has not begun yet."""
        self.begun = not self.centroids.isnan().all()

    def forward(self, x: Tensor) -> Tensor:
        """x [n, d] -> cluster int[n]"""
        if self.training and not self.begun:
            first = sample_rows(x, self.k)  # [k, d]
            self.centroids = torch.where(self.centroids.isnan(), first.detach(), self.centroids)
            self.begun = True
        distance = torch.cdist(x, self.centroids)  # [n, k]
        cluster = distance.argmin(1)  # [n]
        if self.training:
            with torch.no_grad():
                self.centroids = mean_by(x, cluster, self.k)
        return cluster


class Trainer(nn.Module):
    """What every training below shares. A training has a `step`, which makes one round with a batch
    and returns its numbers by name; `fit` makes the rounds of some epochs.
    """

    step: Callable[..., dict[str, float]]

    def fit(
        self,
        batches: Iterable[Any],
        epochs: int = 1,
        *,
        seed: int | None = None,
        checkpoint: str | Path | None = None,
    ) -> list[dict[str, float]]:
        """Train on batches, each the inputs of `step`, in order or by name; returns every epoch's
        mean numbers by name.

        seed: of all that is drawn. checkpoint: a file from which training goes on if it exists, and
        which is written whole after every epoch: stopped at any moment, it ends as if it had not.
        """
        if checkpoint is not None:
            Path(checkpoint).parent.mkdir(parents=True, exist_ok=True)
        history: list[dict[str, float]] = []
        if checkpoint is not None and Path(checkpoint).exists():
            history = self.resume(checkpoint)
        elif seed is not None:
            torch.manual_seed(seed)
        for epoch in range(len(history), epochs):
            history.append(self.run(batches, f"epoch {epoch + 1}/{epochs}"))
            if checkpoint is not None:
                self.save(checkpoint, history)
        return history

    def run(self, batches: Iterable[Any], title: str) -> dict[str, float]:
        """One pass through the batches, with a line of progress; the mean numbers by name."""
        size = len(batches) if isinstance(batches, Sized) else 0
        totals: dict[str, float] = {}
        means: dict[str, float] = {}
        count = 0
        for count, batch in enumerate(batches, 1):
            for name, value in self.prepared(batch)().items():
                totals[name] = totals.get(name, 0.0) + value
            means = {name: total / count for name, total in totals.items()}
            if sys.stderr.isatty():
                print(f"\r{progress(title, count, size, means)}", end="", file=sys.stderr)
        if not count:
            raise ValueError(f"{title} has no batches: an empty list, or a spent generator")
        line = progress(title, 0, 0, means)
        print(f"\r\033[K{line}" if sys.stderr.isatty() else line, file=sys.stderr)
        return means

    def prepared(self, batch: Any) -> Callable[[], dict[str, float]]:
        """The step with a batch: a tuple or list of its inputs, a mapping by name, or the only one."""
        if isinstance(batch, Mapping):
            return partial(self.step, **batch)
        inputs = batch if isinstance(batch, (tuple, list)) else (batch,)
        return partial(self.step, *inputs)

    def save(self, path: str | Path, history: list[dict[str, float]]) -> None:
        """Write all that is needed to go on: memories, random state, numbers so far."""
        parts, random = self.state_dict(), torch.get_rng_state()
        partial = Path(f"{path}.partial")
        torch.save({"parts": parts, "random": random, "history": history}, partial)
        partial.replace(path)

    def resume(self, path: str | Path) -> list[dict[str, float]]:
        """Read what `save` wrote; returns the numbers so far."""
        state = torch.load(path, map_location="cpu")
        self.load_state_dict(state["parts"])
        torch.set_rng_state(state["random"])
        return list(state["history"])


def progress(title: str, count: int, size: int, means: dict[str, float]) -> str:
    """A line such as `epoch 2/10  ━━━━━─────  50/100  loss 0.1234`."""
    bar = "━" * (20 * count // size) + "─" * (20 - 20 * count // size) if size else ""
    done = [bar, f"{count}/{size}" if size else f"batch {count}"] if count else []
    return "  ".join([title, *filter(None, done), *(f"{n} {v:.4f}" for n, v in means.items())])


class Fit(Trainer):
    """The two steps alternate until no centroid moves."""

    def __init__(self, k: int = 3, d: int = 4) -> None:
        super().__init__()
        self.net = KMeans(k=k, d=d)

    def step(self, x: Tensor) -> dict[str, float]:
        """One round: x [n, d]"""
        self.train()
        for passes in range(1, 301):
            before = self.net.centroids
            self.net(x)
            if torch.allclose(self.net.centroids, before, rtol=1e-6):
                break
        return {"passes": passes}
