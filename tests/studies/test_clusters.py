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
    ours, theirs, agreement = clusters.best_start(starts=10, seed=0)
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert agreement == 1


def test_the_start_matters_and_so_does_what_follows() -> None:
    """Two starts that end apart; and the nearest of the first centroids are not the last clusters."""
    ends = {round(clusters.cluster(clusters.IRIS[torch.tensor(rows)])[1], 6) for rows in ([0, 1, 2], [0, 50, 100])}
    assert len(ends) == 2 or min(ends) < 79
    start = clusters.IRIS[torch.tensor([0, 1, 2])]
    assert not torch.equal(torch.cdist(clusters.IRIS, start).argmin(1), clusters.cluster(start)[0])


def test_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["clusters.py", "--starts", "5"])
    clusters.main()
    out = capsys.readouterr().out
    assert "150 of 150 labels" in out
    assert "adjusted Rand index 1.0000" in out
