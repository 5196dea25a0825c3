"""A perceptron and an extreme learning machine, compiled from their programs, against regression on real tables."""

import pytest
import tables


@pytest.mark.parametrize("name", tables.CLASSES)
def test_the_perceptron_tells_the_classes(name: str) -> None:
    right, line, frequent = tables.classes(name, epochs=10, seed=0)
    assert right > 0.93 > frequent + 0.2
    assert right > line - 0.04


def test_without_learning_it_guesses() -> None:
    right, _, _ = tables.classes("wine", epochs=0, seed=0)
    assert right < 0.7


def test_the_machine_is_as_good_as_linear_regression() -> None:
    machines, linear = tables.diabetes(seed=0)
    assert linear > 0.3
    assert machines > linear - 0.05


def test_the_held_out_are_scaled_as_the_others() -> None:
    x, held, _, _ = tables.split(tables.load_wine().data, tables.load_wine().target)
    assert x.mean(0).abs().max() < 1e-9 and (x.std(0, correction=0) - 1).abs().max() < 1e-9
    assert held.mean(0).abs().max() > 0.01
