"""Learning by memory and its equation: against scikit-learn, MiniSom and hmmlearn where they have it, else against the papers in NumPy."""

import numpy as np
import pytest
import torch
from agreement import load
from sklearn.datasets import load_iris
from torch import Tensor, nn


def memory(module: nn.Module, name: str) -> Tensor:
    """The module's memory of that name."""
    (found,) = [b for n, b in module.named_buffers() if n.rpartition(".")[2] == name]
    return found


def remember(module: nn.Module, **values: np.ndarray | Tensor) -> None:
    """Give memories a value."""
    for name, value in values.items():
        memory(module, name).copy_(torch.as_tensor(value))


IRIS = torch.tensor(load_iris().data)


def test_kmeans_is_that_of_scikit_learn() -> None:
    from sklearn.cluster import KMeans

    start = IRIS[[3, 70, 140]]
    theirs = KMeans(3, init=start.numpy(), n_init=1, algorithm="lloyd", tol=0).fit(IRIS.numpy())
    ours = load("kmeans", "KMeans", k=3, d=4).double()
    remember(ours, centroids=start)
    for _ in range(30):
        ours(IRIS)
    np.testing.assert_array_equal(ours.eval()(IRIS).numpy(), theirs.labels_)
    np.testing.assert_allclose(memory(ours, "centroids").numpy(), theirs.cluster_centers_, atol=1e-10)


def test_kmeans_starts_from_its_data_and_stops_when_stable() -> None:
    trainer = load("kmeans", "Fit", k=3, d=4).double()
    trainer.step(IRIS)
    centroids = memory(trainer, "centroids").clone()
    trainer.step(IRIS)
    assert torch.equal(memory(trainer, "centroids"), centroids)


def test_self_organizing_map_is_that_of_minisom() -> None:
    minisom = pytest.importorskip("minisom")
    theirs = minisom.MiniSom(4, 3, 4, sigma=1.2, learning_rate=0.6, random_seed=1)
    ours = load("som", "SOM", rows=4, columns=3, d=4, rate=0.6, reach=1.2, most=150).double()
    remember(ours, w=theirs.get_weights().reshape(12, 4).copy())
    theirs.train(IRIS.numpy(), 150)
    ours(IRIS)
    np.testing.assert_allclose(memory(ours, "w").numpy(), theirs.get_weights().reshape(12, 4), atol=1e-10)
    winners = [r * 3 + c for r, c in (theirs.winner(x) for x in IRIS.numpy())]
    np.testing.assert_array_equal(ours.eval()(IRIS).numpy(), winners)


def _hmm(ours: nn.Module, symbols: int):  # type: ignore[no-untyped-def]
    """hmmlearn's model with the same probabilities."""
    hmm = pytest.importorskip("hmmlearn.hmm")
    weights = {n.rpartition(".")[2]: torch.softmax(p.detach(), -1).numpy() for n, p in ours.named_parameters()}
    theirs = hmm.CategoricalHMM(3, n_features=symbols)
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = weights["start"], weights["move"], weights["emit"]
    return theirs


def test_hmm_is_that_of_hmmlearn() -> None:
    hmm = pytest.importorskip("hmmlearn")
    ours = load("hmm", "HMM", states=3, symbols=5).double()
    theirs = _hmm(ours, 5)
    seen = torch.randint(0, 5, (4, 9))
    filtered, likelihood = ours(seen)
    for row, ours_filtered, ours_likelihood in zip(seen.numpy(), filtered, likelihood, strict=True):
        assert ours_likelihood.item() == pytest.approx(theirs.score(row[:, None]), abs=1e-10)
        for t in range(9):
            last = theirs.predict_proba(row[: t + 1, None])[-1]
            np.testing.assert_allclose(ours_filtered[t].detach().numpy(), last, atol=1e-10)
    likelihood.sum().backward()
    theirs.params, theirs.implementation = "ste", "log"
    stats = theirs._initialize_sufficient_statistics()
    for row in seen.numpy()[:, :, None]:
        frames = theirs._compute_log_likelihood(row)
        _, forth = hmm._hmmc.forward_log(theirs.startprob_, theirs.transmat_, frames)
        back = hmm._hmmc.backward_log(theirs.startprob_, theirs.transmat_, frames)
        share = theirs._compute_posteriors_log(forth, back)
        theirs._accumulate_sufficient_statistics(stats, row, frames, share, forth, back)
    _gradients_are_counts(ours, {"start": stats["start"], "move": stats["trans"], "emit": stats["obs"]})


def _gradients_are_counts(ours: nn.Module, counts: dict[str, np.ndarray]) -> None:
    """The gradient by logits is how often each choice was made, less how often it was to be expected (Fisher's identity)."""
    for name, p in ours.named_parameters():
        count = counts[name]
        expected = count - count.sum(-1, keepdims=True) * torch.softmax(p.detach(), -1).numpy()
        np.testing.assert_allclose(p.grad.numpy(), expected, atol=1e-9)


def test_hmm_learns_by_gradient() -> None:
    trainer = load("hmm", "Fit", states=2, symbols=3, rate=0.1)
    seen = torch.tensor([[0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]] * 4)
    first, *_, last = [float(trainer.step(seen)["loss"]) for _ in range(60)]
    assert last < first - 1
