"""Mixtures, fuzzy c-means and the one-class machine against packages; adaptive resonance against its papers."""

import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from agreement import load
from test_without_gradients import IRIS, memory, remember


def test_mixture_is_that_of_scikit_learn() -> None:
    from sklearn.mixture import GaussianMixture

    ours = load("gmm", "Mixture", k=3, d=4).double()
    remember(ours, means=IRIS[[3, 70, 140]])
    theirs = GaussianMixture(
        3,
        tol=0,
        max_iter=8,
        weights_init=np.full(3, 1 / 3),
        means_init=IRIS[[3, 70, 140]].numpy(),
        precisions_init=np.stack([np.eye(4)] * 3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.fit(IRIS.numpy())
    for _ in range(8):
        ours(IRIS)
    np.testing.assert_allclose(memory(ours, "means").numpy(), theirs.means_, atol=1e-8)
    np.testing.assert_allclose(memory(ours, "covariances").numpy(), theirs.covariances_, atol=1e-8)
    np.testing.assert_allclose(memory(ours, "weights").numpy(), theirs.weights_, atol=1e-8)
    share, likelihood = ours.eval()(IRIS)
    np.testing.assert_allclose(share.numpy(), theirs.predict_proba(IRIS.numpy()), atol=1e-8)
    np.testing.assert_allclose(likelihood.numpy(), theirs.score_samples(IRIS.numpy()), atol=1e-8)


def test_fuzzy_c_means_is_that_of_scikit_fuzzy() -> None:
    skfuzzy = pytest.importorskip("skfuzzy")
    data = IRIS.numpy().T
    start = np.random.default_rng(0).random((3, 150))
    centres, share, *_ = skfuzzy.cmeans(data, 3, 2.5, error=1e-13, maxiter=500, init=start)
    ours = load("cmeans", "FuzzyCMeans", k=3, d=4, m=2.5).double()
    weight = (start / start.sum(0)) ** 2.5
    remember(ours, centres=(weight @ data.T) / weight.sum(1)[:, None])
    for _ in range(300):
        ours(IRIS)
    np.testing.assert_allclose(memory(ours, "centres").numpy(), centres, atol=1e-7)
    np.testing.assert_allclose(ours.eval()(IRIS).numpy(), share.T, atol=1e-7)


def _resonate(
    patterns: np.ndarray, w: np.ndarray, choice: float, vigilance: float, rate: float, new_last: bool = False
) -> list[int]:
    """Search as in the papers: the best answer first, reset where it fails the test. Changes w; gives the categories."""
    found = []
    for i in patterns:
        both = np.minimum(i, w)
        answer = both.sum(1) / (choice + w.sum(1))
        order = np.argsort(np.where(new_last & (w == 1).all(1), 1, -answer), kind="stable")
        winner = next(j for j in order if both[j].sum() / i.sum() >= vigilance)
        w[winner] = rate * both[winner] + (1 - rate) * w[winner]
        found.append(int(winner))
    return found


def _artlib(name: str) -> Any:
    """A module of artlib without the rest of the package, which wants numba and matplotlib; of these, plain Python's own speed will do."""
    found = find_spec("artlib")
    if found is None or found.submodule_search_locations is None:
        pytest.skip("artlib is not installed")
    package, numba, axes = ModuleType("artlib"), ModuleType("numba"), ModuleType("matplotlib.axes")
    package.__path__ = list(found.submodule_search_locations)
    numba.njit = lambda function: function  # type: ignore[attr-defined]
    axes.Axes = object  # type: ignore[attr-defined]
    blanks = {m: ModuleType(m) for m in ("matplotlib", "matplotlib.pyplot", "matplotlib.colors")}
    for blank in blanks.values():
        blank.Colormap = object  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        for module in (package, numba, axes, *blanks.values()):
            patch.setitem(sys.modules, module.__name__, module)
        module = import_module(f"artlib.elementary.{name}")
    return getattr(module, name)


def test_fuzzy_art_is_that_of_artlib() -> None:
    x = np.random.default_rng(2).random((60, 4))
    theirs = _artlib("FuzzyART")(rho=0.8, alpha=0.001, beta=1.0)
    theirs.d_min_, theirs.d_max_ = np.zeros(4), np.ones(4)
    theirs.fit(np.concatenate([x, 1 - x], 1))
    ours = load("fuzzy_art", "FuzzyART", k=60, d=4, vigilance=0.8).double()
    assert ours(torch.tensor(x)).tolist() == theirs.labels_.tolist()
    used = len(theirs.W)
    assert 3 < used < 60
    np.testing.assert_allclose(memory(ours, "w").numpy()[:used], np.array(theirs.W), atol=1e-12)


def test_art1_by_length_is_that_of_artlib() -> None:
    """Each pattern comes twice: artlib gives a new category its bottom-up weights only when it wins again. With L = 1.5, some answers would
    be equal but for rounding."""
    x = np.repeat((np.random.default_rng(3).random((50, 16)) < 0.4).astype(int), 2, axis=0)
    theirs = _artlib("ART1")(rho=0.2, L=1.37)
    theirs.fit(x)
    ours = load("art1", "ART1ByLength", k=50, d=16, choice=0.37, vigilance=0.2).double()
    assert ours(torch.tensor(x).double()).tolist() == theirs.labels_.tolist()
    used = len(theirs.W)
    assert 3 < used < 50
    np.testing.assert_array_equal(memory(ours, "w").numpy()[:used], np.array(theirs.W)[:, 16:])
    by_pattern = load("art1", "ART1", k=50, d=16, choice=0.37, vigilance=0.2).double()
    assert by_pattern(torch.tensor(x).double()).tolist() != theirs.labels_.tolist()


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_fuzzy_art(rate: float) -> None:
    x = np.random.default_rng(0).random((60, 4))
    ours = load("fuzzy_art", "FuzzyART", k=40, d=4, vigilance=0.8, rate=rate).double()
    w = np.ones((40, 8))
    expected = _resonate(np.concatenate([x, 1 - x], 1), w, 0.001, 0.8, rate)
    assert ours(torch.tensor(x)).tolist() == expected
    assert 3 < len(set(expected)) < 40
    np.testing.assert_allclose(memory(ours, "w").numpy(), w, atol=1e-12)


def test_art1() -> None:
    x = (np.random.default_rng(1).random((50, 16)) < 0.4).astype(float)
    ours = load("art1", "ART1", k=50, d=16).double()
    w = np.ones((50, 16))
    expected = _resonate(x, w, 0.5, 0.7, 1, new_last=True)
    assert ours(torch.tensor(x)).tolist() == expected
    assert len(set(expected)) > 3
    np.testing.assert_array_equal(memory(ours, "w").numpy(), w)


def test_one_class_svm_is_that_of_scikit_learn() -> None:
    from sklearn.svm import OneClassSVM

    generator = np.random.default_rng(0)
    x, query = generator.normal(size=(40, 2)), 2 * generator.normal(size=(9, 2))
    theirs = OneClassSVM(nu=0.3, gamma=1.0, tol=1e-10).fit(x)
    ours = load("ocsvm", "OneClassSVM", nu=0.3, gamma=1, passes=1500, rate=3.6)
    decision = ours.double()(torch.tensor(x), torch.tensor(query))
    np.testing.assert_allclose(decision.numpy(), theirs.decision_function(query), atol=5e-6)
