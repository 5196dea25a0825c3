"""A one-class support vector machine, compiled from its program, finds planted outliers, and decides as scikit-learn's."""

import outliers
import torch


def test_planted_images_are_found() -> None:
    found = [outliers.study(digit, planted=10, seed=0) for digit in (0, 3, 6)]
    assert sum(f.found for f in found) >= 25 > 10 * sum(f.by_chance for f in found)
    assert max(f.difference for f in found) < 1e-3


def test_the_planted_images_are_the_last() -> None:
    image, is_planted = outliers.plant(4, planted=5, seed=1)
    assert is_planted.sum() == 5 and is_planted[-5:].all()
    assert not torch.equal(image[-5:], outliers.plant(4, planted=5, seed=2)[0][-5:])
