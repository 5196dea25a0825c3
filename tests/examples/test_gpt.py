"""GPT-1 and GPT-2 against the transformers package, with and without dropout."""

import pytest
import torch
import torch.nn.functional as F
from agreement import Seeded, Weights, agree, drop, load, seeded
from test_transformers import MODES, _alike
from torch import Tensor

__all__ = ["_alike"]
SHAPE = {"vocab_size": 29, "n_positions": 16, "n_embd": 24, "n_layer": 2, "n_head": 3}


@pytest.mark.parametrize(("training", "dropout"), MODES)
def test_gpt2_is_that_of_transformers(training: bool, dropout: float) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(**SHAPE, embd_pdrop=dropout, attn_pdrop=dropout, resid_pdrop=dropout)
    theirs = GPT2LMHeadModel(config).train(training)

    def reference(w: Weights, tokens: Tensor) -> Tensor:
        weights = {"lm_head.weight": w["wte.weight"], **{f"transformer.{n}": v for n, v in w.items()}}
        theirs.to(tokens.device, weights["lm_head.weight"].dtype)
        return torch.func.functional_call(theirs, weights, tokens).logits  # type: ignore[no-any-return]

    ours = load("gpt2", "GPT2", vocab=29, context=16, d=24, layers=2, heads=3, dropout=dropout)
    tokens = torch.arange(29).repeat(2)[:48].reshape(3, 16)
    agree(Seeded(ours), seeded(reference), [tokens], training=training, scale=2)


def _causal(q: Tensor, k: Tensor, v: Tensor, is_causal: bool, dropout_p: float = 0.0) -> Tensor:
    """Attention step by step, as transformers' GPT-1 has it, so that both draw alike."""
    scores = q @ k.mT / q.shape[-1] ** 0.5
    later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return drop(scores.masked_fill(later, -torch.inf).softmax(-1), dropout_p) @ v


@pytest.mark.parametrize(("training", "dropout"), MODES)
def test_gpt1_is_that_of_transformers(training: bool, dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

    config = OpenAIGPTConfig(**SHAPE, embd_pdrop=dropout, attn_pdrop=dropout, resid_pdrop=dropout)
    if training:
        monkeypatch.setattr(F, "scaled_dot_product_attention", _causal)
    theirs = OpenAIGPTLMHeadModel(config).train(training)

    def reference(w: Weights, tokens: Tensor) -> Tensor:
        weights = {"lm_head.weight": w["tokens_embed.weight"], **{f"transformer.{n}": v for n, v in w.items()}}
        theirs.to(weights["lm_head.weight"].dtype)
        return torch.func.functional_call(theirs, weights, tokens).logits  # type: ignore[no-any-return]

    ours = load("gpt1", "GPT", vocab=29, context=16, d=24, layers=2, heads=3, dropout=dropout)
    tokens = torch.arange(29).repeat(2)[:48].reshape(3, 16)
    agree(Seeded(ours), seeded(reference), [tokens], training=training, scale=2)


def test_gpt2_sees_nothing_that_comes_later() -> None:
    ours = load("gpt2", "GPT2", vocab=29, context=16, d=24, layers=2, heads=3).eval()
    tokens = torch.randint(0, 28, (1, 16))
    other = tokens.clone()
    other[0, 7] = 28
    moved = (ours(tokens) - ours(other)).abs().amax((0, 2)) > 1e-6
    assert moved.tolist() == [False] * 7 + [True] * 9
