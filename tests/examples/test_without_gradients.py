"""k-means against scikit-learn, the self-organizing map against MiniSom, the hidden Markov model against hmmlearn."""

import numpy as np
import pytest
import torch
from agreement import load


def test_hmm_is_that_of_hmmlearn() -> None:
    hmm = pytest.importorskip("hmmlearn.hmm")
    ours = load("hmm", "HMM", states=3, symbols=5).double()
    weights = {n.rpartition(".")[2]: torch.softmax(p.detach(), -1).numpy() for n, p in ours.named_parameters()}
    theirs = hmm.CategoricalHMM(3)
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = weights["start"], weights["move"], weights["emit"]
    theirs.n_features = 5
    seen = torch.randint(0, 5, (4, 9))
    filtered, likelihood = ours(seen)
    for row, ours_filtered, ours_likelihood in zip(seen.numpy(), filtered, likelihood, strict=True):
        assert ours_likelihood.item() == pytest.approx(theirs.score(row[:, None]), abs=1e-10)
        for t in range(9):
            last = theirs.predict_proba(row[: t + 1, None])[-1]
            np.testing.assert_allclose(ours_filtered[t].detach().numpy(), last, atol=1e-10)
