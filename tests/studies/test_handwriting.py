"""Digits written by generators that were compiled from their programs are recognised."""

import handwriting
import pytest
import torch


@pytest.fixture(scope="module")
def read() -> handwriting.Reader:
    return handwriting.Reader(*handwriting.images())


def test_real_digits_are_recognised_and_others_are_not(read: handwriting.Reader) -> None:
    """Noise of the right pixels, one grey image, and a mixture of two digits must not pass."""
    image, _, held = handwriting.images()
    assert read(held).sum() > 0.85 * len(held)
    assert read(handwriting.scrambled(image)).sum() < 0.01 * handwriting.WRITTEN
    assert read(image.mean(0, keepdim=True)).sum() == 0
    assert read((held[:250] + held[247:]) / 2).sum() < 0.4 * 250


def test_the_autoencoder_writes_nearly_all_digits(read: handwriting.Reader) -> None:
    image, _, _ = handwriting.images()
    counts = read(handwriting.vae(image, steps=1500, seed=0))
    assert counts.sum() > 0.4 * handwriting.WRITTEN
    assert (counts >= 10).sum() >= 8


def test_the_generator_writes_many_digits(read: handwriting.Reader) -> None:
    image, _, _ = handwriting.images()
    counts = read(handwriting.gan(image, steps=1500, seed=0))
    assert counts.sum() > 0.2 * handwriting.WRITTEN
    assert (counts >= 5).sum() >= 7


def test_without_learning_nothing_is_recognised(read: handwriting.Reader) -> None:
    image, _, _ = handwriting.images()
    for write in (handwriting.vae, handwriting.gan):
        written = write(image, steps=1, seed=0)
        assert torch.isfinite(written).all()
        assert read(written).sum() == 0
