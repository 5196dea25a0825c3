"""Compiled language models against equal ones by hand: from the same first weights they stay together, from their own they end near."""

from collections.abc import Callable

import language
import pytest
import torch
from torch import Tensor, nn


def same_lstm(by_hand: nn.Module, first: list[Tensor]) -> None:
    """torch has the four gates in one matrix, and what acts on x apart from what acts on h."""
    embedding, *gates, weight, bias = first
    width = embedding.shape[1]
    every = torch.cat(gates[0::2])
    by_hand.load_state_dict({
        "embedding.weight": embedding,
        "lstm.weight_ih_l0": every[:, :width],
        "lstm.weight_hh_l0": every[:, width:],
        "lstm.bias_ih_l0": torch.cat(gates[1::2]),
        "lstm.bias_hh_l0": torch.zeros(len(every)),
        "head.weight": weight,
        "head.bias": bias,
    })  # fmt: skip


def same_gpt(by_hand: nn.Module, first: list[Tensor]) -> None:
    """As published, GPT-2's matrices have their inputs first; torch's have their outputs first."""
    words, places, *layers, weight, bias = first
    state = {"words.weight": words, "places.weight": places, "layers.norm.weight": weight, "layers.norm.bias": bias}
    names = ["norm1", "self_attn.in_proj", "self_attn.out_proj", "norm2", "linear1", "linear2"]
    for i in range(len(layers) // 12):
        for name, w, b in zip(names, layers[12 * i :: 2], layers[12 * i + 1 :: 2], strict=False):
            joint = "_" if name.endswith("in_proj") else "."
            state[f"layers.layers.{i}.{name}{joint}weight"] = w.T if w.dim() == 2 else w
            state[f"layers.layers.{i}.{name}{joint}bias"] = b
    by_hand.load_state_dict(state)


Give = Callable[[nn.Module, list[Tensor]], None]
SAME: dict[str, Give] = {"lstm": same_lstm, "gpt": same_gpt}


def from_the_same_weights(
    model: str, steps: int, break_it: Callable[[nn.Module], object] = lambda trainer: None
) -> language.Result:
    torch.manual_seed(0)
    trainer, by_hand, optimizer = language.MODELS[model](language.characters()[1])
    SAME[model](by_hand, [p.detach().clone() for p in trainer.net.parameters()])
    break_it(trainer)
    return language.compare(trainer, by_hand, optimizer, steps)


@pytest.mark.parametrize("model", ["lstm", "gpt"])
def test_from_the_same_weights_both_learn_the_same(model: str) -> None:
    result = from_the_same_weights(model, steps=30)
    assert result.parameters[0] == result.parameters[1]
    assert result.compiled == pytest.approx(result.by_hand, rel=1e-4)
    assert result.compiled < result.frequencies


@pytest.mark.parametrize("model", ["lstm", "gpt"])
def test_a_part_that_does_not_learn_is_seen(model: str) -> None:
    """One frozen matrix of many: the comparison above must be fine enough to tell."""

    def freeze(trainer: nn.Module) -> None:
        matrix = [p for p in trainer.net.parameters() if p.dim() == 2][2]
        trainer.optimizer.param_groups[0]["params"] = [p for p in trainer.net.parameters() if p is not matrix]

    result = from_the_same_weights(model, steps=30, break_it=freeze)
    assert abs(result.difference) > 1e-3


@pytest.mark.parametrize(("model", "steps"), [("lstm", 100), ("gpt", 100)])
def test_from_their_own_weights_both_learn_english(model: str, steps: int) -> None:
    result = language.study(model, steps)
    assert abs(result.difference) < 0.05
    assert result.compiled < result.frequencies - 0.5


def test_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["language.py", "lstm", "--steps", "2"])
    assert language.main() == 1, "two steps are not enough"
    out = capsys.readouterr().out
    assert "118,695 compiled, 118,695 by hand" in out
    assert "loss on held-out text" in out
