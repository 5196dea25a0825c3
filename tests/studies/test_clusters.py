"""k-means, compiled from its program, against scikit-learn on iris."""

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
    assert not torch.equal(torch.cdist(clusters.IRIS, start).argmin(1), clusters.cluster(start)[0])


def test_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["clusters.py"])
    clusters.main()
    out = capsys.readouterr().out
    assert "150 of 150 labels" in out
    assert "adjusted Rand index of the two: 1.0000" in out
