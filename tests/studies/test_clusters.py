"""k-means, fuzzy c-means and a Gaussian mixture, compiled from their programs, against scikit-learn and the kinds, on iris and wine."""

import clusters
import pytest
import torch


@pytest.mark.parametrize("seed", range(8))
def test_labels_are_scikit_learns_from_the_same_centroids(seed: int) -> None:
    ours, theirs = clusters.same_start(seed)
    assert torch.equal(ours, theirs)
    assert set(ours.tolist()) == {0, 1, 2}


def test_clusters_are_scikit_learns_from_random_flowers() -> None:
    ours, theirs, agreement = clusters.best_start(starts=20, seed=0)
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert agreement == 1


def test_the_rounds_are_needed() -> None:
    """The nearest of the first centroids is not yet the cluster."""
    start = clusters.IRIS[torch.tensor([0, 1, 2])]
    assert not torch.equal(
        torch.cdist(clusters.IRIS, start).argmin(1), clusters.cluster(clusters.IRIS, centroids=start)[0]
    )


@pytest.mark.parametrize("name", clusters.KINDS)
def test_clusters_agree_with_the_kinds(name: str) -> None:
    found = clusters.kinds(name, starts=5, seed=0)
    mixture = found.pop("scikit-learn's mixture")
    assert found["Gaussian mixture"] == pytest.approx(mixture, abs=0.02)
    assert mixture > max(found["k-means"], found["fuzzy c-means"]) > 0.7


def test_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["clusters.py", "--starts", "10"])
    assert clusters.main() == 0
    out = capsys.readouterr().out
    assert "150 of 150 labels" in out
    assert "adjusted Rand index of the two: 1.0000" in out
