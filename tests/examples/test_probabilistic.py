"""Viterbi and Baum-Welch against hmmlearn; Boltzmann machines against scikit-learn and the rule of contrastive divergence."""

import numpy as np
import pytest
import torch
from agreement import load, own
from test_without_gradients import _gradients_are_counts, _hmm, memory, remember


def test_viterbi_is_that_of_hmmlearn() -> None:
    ours = load("viterbi", "Viterbi", states=3, symbols=5).double()
    theirs = _hmm(ours, 5)
    seen = torch.randint(0, 5, (6, 12))
    path, score = ours(seen)
    paths = []
    for row, ours_path, ours_score in zip(seen.numpy(), path, score, strict=True):
        best, states = theirs.decode(row[:, None], algorithm="viterbi")
        assert ours_score.item() == pytest.approx(best, abs=1e-10)
        assert ours_path.tolist() == states.tolist()
        paths.append(states)
    score.sum().backward()
    counts = {"start": np.zeros(3), "move": np.zeros((3, 3)), "emit": np.zeros((3, 5))}
    for row, states in zip(seen.numpy(), paths, strict=True):
        counts["start"][states[0]] += 1
        np.add.at(counts["move"], (states[:-1], states[1:]), 1)
        np.add.at(counts["emit"], (states, row), 1)
    _gradients_are_counts(ours, counts)


@pytest.mark.parametrize("rounds", [1, 5])
def test_baum_welch_is_that_of_hmmlearn(rounds: int) -> None:
    hmm = pytest.importorskip("hmmlearn.hmm")
    ours = load("baum_welch", "BaumWelch", states=2, symbols=4).double()
    start = np.array([0.6, 0.4])
    move, emit = np.array([[0.7, 0.3], [0.2, 0.8]]), np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    remember(ours, pi=start, A=move, B=emit)
    theirs = hmm.CategoricalHMM(2, n_features=4, n_iter=rounds, tol=-np.inf, init_params="", params="ste")
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = start, move, emit
    seen = torch.randint(0, 4, (40,))
    likelihood = theirs.score(seen.numpy()[:, None])
    assert ours.eval()(seen)[0].item() == pytest.approx(likelihood, abs=1e-9)
    theirs.fit(seen.numpy()[:, None])
    ours.train()
    for _ in range(rounds):
        ours(seen)
    np.testing.assert_allclose(memory(ours, "pi").numpy(), theirs.startprob_, atol=1e-9)
    np.testing.assert_allclose(memory(ours, "A").numpy(), theirs.transmat_, atol=1e-9)
    np.testing.assert_allclose(memory(ours, "B").numpy(), theirs.emissionprob_, atol=1e-9)


def test_rbm_learns_by_contrastive_divergence() -> None:
    from sklearn.neural_network import BernoulliRBM

    ours = load("rbm", "RBM", visible=6, hidden=4, steps=2).double()
    weights = dict(ours.named_parameters())
    W, b, c = (own(weights, n) for n in ("W", "b", "c"))
    for p in (W, b, c):
        p.data.normal_()
    v = (torch.rand(50, 6, dtype=torch.float64) < 0.5).double()
    torch.manual_seed(3)
    likely, contrast = ours(v)
    theirs = BernoulliRBM(4)
    theirs.components_, theirs.intercept_hidden_, theirs.intercept_visible_ = (p.detach().numpy() for p in (W, c, b))
    np.testing.assert_allclose(likely.detach().numpy(), theirs.transform(v.numpy()), atol=1e-10)
    torch.manual_seed(3)
    with torch.no_grad():
        h = torch.bernoulli(torch.sigmoid(v @ W.T + c))
        for _ in range(2):
            s = torch.bernoulli(torch.sigmoid(h @ W + b))
            h = torch.bernoulli(torch.sigmoid(s @ W.T + c))
    energy = theirs._free_energy(v.numpy()) - theirs._free_energy(s.numpy())
    assert contrast.item() == pytest.approx(energy.mean(), abs=1e-10)
    contrast.backward()
    with torch.no_grad():
        before, after = torch.sigmoid(v @ W.T + c), torch.sigmoid(s @ W.T + c)
        rule = -(before.T @ v - after.T @ s) / 50, -(v - s).mean(0), -(before - after).mean(0)
    for p, expected in zip((W, b, c), rule, strict=True):
        torch.testing.assert_close(p.grad, expected)


def test_persistent_rbm_learns_as_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five updates of each. scikit-learn's chains are persistent; both get the same uniform numbers."""
    from sklearn.neural_network import BernoulliRBM

    trainer = load(
        "persistent_rbm", "PersistentContrastiveDivergence", visible=6, hidden=4, chains=10, rate=0.3
    ).double()
    weights = dict(trainer.named_parameters())
    W, b, c = (own(weights, n) for n in ("W", "b", "c"))
    for p in (W, b, c):
        p.data.normal_()
    theirs = BernoulliRBM(4, learning_rate=0.3, batch_size=10, random_state=np.random.RandomState(0))
    theirs.components_, theirs.intercept_hidden_, theirs.intercept_visible_ = (
        p.detach().numpy().copy() for p in (W, c, b)
    )
    theirs.h_samples_ = np.zeros((10, 4))
    ours_draws, their_draws = np.random.RandomState(5), np.random.RandomState(5)
    monkeypatch.setattr(torch, "bernoulli", lambda p: (torch.tensor(ours_draws.uniform(size=p.shape)) < p).double())
    for i in range(5):
        v = np.random.default_rng(i).integers(0, 2, (10, 6)).astype(float)
        trainer.step(torch.tensor(v))
        theirs._fit(v, their_draws)
    np.testing.assert_allclose(W.detach().numpy(), theirs.components_, atol=1e-12)
    np.testing.assert_allclose(c.detach().numpy(), theirs.intercept_hidden_, atol=1e-12)
    np.testing.assert_allclose(b.detach().numpy(), theirs.intercept_visible_, atol=1e-12)
    np.testing.assert_array_equal(memory(trainer, "start").numpy(), theirs.h_samples_)


def _sweeps(s: np.ndarray, W: np.ndarray, b: np.ndarray, units: range) -> np.ndarray:
    """Three sweeps over these units; unit k is on with probability 1 / (1 + exp(−Σ w_kj s_j − b_k))."""
    s = s.copy()
    for _ in range(3):
        for k in range(len(b)):
            chance = np.zeros_like(s)
            chance[:, k] = 1 / (1 + np.exp(-b[k] - sum(W[k, j] * s[:, j] for j in range(len(b)))))
            drawn = torch.bernoulli(torch.tensor(chance)).numpy()
            if k in units:
                s[:, k] = drawn[:, k]
    return s


def test_boltzmann_machine_samples_and_learns_as_in_the_paper() -> None:
    """The chains unit by unit; the energies pair by pair; and the rule: ⟨s_i s_j⟩ while clamped less ⟨s_i s_j⟩ while free."""
    ours = load("boltzmann", "Boltzmann", visible=3, hidden=2, sweeps=3).double()
    weights = dict(ours.named_parameters())
    joined, bias = own(weights, "joined"), own(weights, "b")
    joined.data.normal_()
    bias.data.normal_()
    v = (torch.rand(20, 3, dtype=torch.float64) < 0.5).double()
    torch.manual_seed(5)
    contrast = ours(v)
    contrast.backward()
    J, b = joined.detach().numpy(), bias.detach().numpy()
    W = np.array([[J[max(i, j), min(i, j)] if i != j else 0 for j in range(5)] for i in range(5)])
    torch.manual_seed(5)
    some = (torch.rand(20, 2, dtype=torch.float64) < 0.5).double()
    bound = _sweeps(np.concatenate([v.numpy(), some.numpy()], 1), W, b, range(3, 5))
    free = _sweeps(bound, W, b, range(5))
    assert (bound[:, :3] == v.numpy()).all() and (free[:, :3] != v.numpy()).any()
    pairs = [(i, j) for i in range(5) for j in range(i)]
    below, above = (-s @ b - sum(W[i, j] * s[:, i] * s[:, j] for i, j in pairs) for s in (bound, free))
    assert contrast.item() == pytest.approx(below.mean() - above.mean(), abs=1e-10)
    rule = np.zeros((5, 5))
    for i, j in pairs:
        rule[i, j] = (free[:, i] * free[:, j]).mean() - (bound[:, i] * bound[:, j]).mean()
    np.testing.assert_allclose(joined.grad, rule, atol=1e-10)
    np.testing.assert_allclose(bias.grad, free.mean(0) - bound.mean(0), atol=1e-10)
