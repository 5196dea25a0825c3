"""An echo state network, compiled from its program, predicts Mackey-Glass better than regression on the values themselves."""

import mackey_glass
import pytest
import torch


def test_next_value_and_free_running_beat_linear_regression() -> None:
    learned = 2000
    series = mackey_glass.mackey_glass(learned + mackey_glass.HELD)
    near, far = mackey_glass.study(units=300, learned=learned, seed=0)
    linear_near, linear_far = mackey_glass.regression(series, learned)
    assert near < linear_near < 0.01 < mackey_glass.unchanged(series, learned)
    assert far < 0.1 < 0.5 < linear_far


def test_series_follows_the_delay_equation() -> None:
    """The slope, by differences over two steps, is what the equation says; coarse and fine steps agree while chaos allows."""
    x = mackey_glass.mackey_glass(1000)
    slope = (x[2:] - x[:-2]) / 2
    past, now = x[18 - 17 : -1 - 17], x[18:-1]
    expected = 0.2 * past / (1 + past**10) - 0.1 * now
    assert (slope[17:] - expected).abs().max() < 0.01
    assert 0.2 < x.min() < 0.5 and 1.2 < x.max() < 1.5


def test_free_running_starts_where_the_next_value_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no further step, free running is the prediction of the next value."""
    series = mackey_glass.mackey_glass(700)
    net = mackey_glass.learn(series[:500], units=40, seed=0)
    monkeypatch.setattr(mackey_glass, "AHEAD", 0)
    _, y = net(series.view(1, -1, 1))
    expected = mackey_glass.error(y[0, 500:-1:10, 0], series[501::10])
    assert mackey_glass.free_running(net, series, 500) == pytest.approx(expected)
    assert torch.isfinite(y).all()
