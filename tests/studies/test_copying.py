"""A neural Turing machine, compiled from its program, begins to copy. How far it comes in the full study is not tested here."""

import copying
import torch


def test_more_bits_come_out_right_than_by_chance() -> None:
    before, after = copying.study(steps=400, length=5, seed=0, rounds=1)
    assert abs(before[0] - 0.5) < 0.05
    assert after[0] > 0.6


def test_what_comes_out_is_what_went_in() -> None:
    x, target = copying.sequences(3, 4, torch.Generator().manual_seed(0))
    assert torch.equal(target[:, 5:], x[:, :4, : copying.BITS])
    assert x[:, 4, copying.BITS].eq(1).all() and not x[:, 5:].any() and not target[:, :5].any()
