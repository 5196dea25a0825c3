"""Digits written by generators that were compiled from their programs are recognised."""

import handwriting
import pytest


@pytest.fixture(scope="module")
def read() -> handwriting.Reader:
    image, digit, _ = handwriting.images()
    return handwriting.reader(image, digit)


def test_real_digits_are_recognised_and_scrambled_ones_are_not(read: handwriting.Reader) -> None:
    image, _, held = handwriting.images()
    assert read(held).sum() > 0.8 * len(held)
    assert read(handwriting.scrambled(image)).sum() < 0.03 * handwriting.WRITTEN


def test_the_autoencoder_writes_many_digits(read: handwriting.Reader) -> None:
    image, _, _ = handwriting.images()
    counts = read(handwriting.vae(image, steps=1000, seed=0))
    assert counts.sum() > 0.06 * handwriting.WRITTEN > 2 * read(handwriting.scrambled(image)).sum()
    assert (counts > 0).sum() >= 7


def test_the_generator_writes_several_digits(read: handwriting.Reader) -> None:
    """That some digit is recognised is not enough: hardly trained, it writes one grey image that is read as an 8."""
    image, _, _ = handwriting.images()
    counts = read(handwriting.gan(image, steps=2000, seed=0))
    assert counts.sum() > 0.06 * handwriting.WRITTEN
    assert (counts >= 10).sum() >= 3
