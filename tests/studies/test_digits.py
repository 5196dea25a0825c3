"""LeNet-5, compiled from its program, learns handwritten digits; and it is the learning that does it."""

import digits
import pytest
import torch


def test_at_least_97_percent_of_held_out_digits_are_told_right() -> None:
    image, held_image, digit, held_digit = digits.images()
    assert (len(digit), len(held_digit)) == (1347, 450)
    net = digits.learn(image, digit, epochs=20)
    assert sum(p.numel() for p in net.parameters()) == 61_706
    assert digits.accuracy(net, held_image, held_digit) >= 0.97


def test_without_learning_it_guesses() -> None:
    _, held_image, _, held_digit = digits.images()
    image, digit = held_image[:32], held_digit[:32]
    assert digits.accuracy(digits.learn(image, digit, epochs=0), held_image, held_digit) < 0.3


def test_wrong_labels_teach_nothing() -> None:
    image, held_image, digit, held_digit = digits.images()
    wrong = digit[torch.randperm(len(digit), generator=torch.Generator().manual_seed(0))]
    assert digits.accuracy(digits.learn(image, wrong, epochs=2), held_image, held_digit) < 0.3


def test_the_seed_settles_the_result() -> None:
    image, _, digit, _ = digits.images()
    first, second, other = (digits.learn(image[:64], digit[:64], epochs=1, seed=s) for s in (1, 1, 2))
    assert torch.equal(first(image[:9]), second(image[:9]))
    assert not torch.equal(first(image[:9]), other(image[:9]))


def test_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["digits.py", "--epochs", "1"])
    assert digits.main() == 1, "one epoch is not enough"
    assert "97% of those held out: FAILS" in capsys.readouterr().out
