"""A neural Turing machine, compiled from its program, learns to copy; two lines here, five in the full study."""

import copying
import torch


def test_sequences_of_two_come_out_whole() -> None:
    _, (before, *_, after) = copying.study(steps=300, length=2, seed=0, rounds=1)
    assert abs(before[0] - 0.5) < 0.05 and before[1] < 0.05
    assert after[0] > 0.9 and after[1] > 0.5


def test_what_is_to_come_out_is_what_went_in() -> None:
    x, target = copying.sequences(3, 4, torch.Generator().manual_seed(0))
    assert torch.equal(target, x[:, :4, : copying.BITS])
    assert x[:, 4, copying.BITS].eq(1).all() and not x[:, 5:].any()
    assert x.shape == (3, 9, copying.BITS + 1)


def test_lessons_are_of_every_length() -> None:
    lengths = {target.shape[1] for _, target in copying.lessons(60, 5, torch.Generator().manual_seed(0))}
    assert lengths == {1, 2, 3, 4, 5}
