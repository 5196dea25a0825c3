"""The Transformer against torch.nn; BERT, GPT-1, GPT-2 and ViT against the transformers package.

Weights are drawn large, so that attention is far from uniform. A key's bias moves nothing: it adds the same to all scores of a query.
"""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from agreement import Weights, agree, call, load, renamed
from torch import Tensor, nn

KEY_BIAS = "k.bias"


def _take(w: Weights) -> Iterator[Tensor]:
    return iter(w.values())


def _packed(w: Iterator[Tensor], base: str) -> Weights:
    """Query, key, value and output layers as torch's MultiheadAttention holds them."""
    q, k, v = [(next(w), next(w)) for _ in range(3)]
    return {
        f"{base}.in_proj_weight": torch.cat([q[0], k[0], v[0]]),
        f"{base}.in_proj_bias": torch.cat([q[1], k[1], v[1]]),
        f"{base}.out_proj.weight": next(w),
        f"{base}.out_proj.bias": next(w),
    }


def _pair(w: Iterator[Tensor], base: str) -> Weights:
    return {f"{base}.weight": next(w), f"{base}.bias": next(w)}


def _encoder_layer(w: Iterator[Tensor], base: str) -> Weights:
    return {
        **_packed(w, f"{base}.self_attn"),
        **_pair(w, f"{base}.norm1"),
        **_pair(w, f"{base}.linear1"),
        **_pair(w, f"{base}.linear2"),
        **_pair(w, f"{base}.norm2"),
    }


def _decoder_layer(w: Iterator[Tensor], base: str) -> Weights:
    return {
        **_packed(w, f"{base}.self_attn"),
        **_pair(w, f"{base}.norm1"),
        **_packed(w, f"{base}.multihead_attn"),
        **_pair(w, f"{base}.norm2"),
        **_pair(w, f"{base}.linear1"),
        **_pair(w, f"{base}.linear2"),
        **_pair(w, f"{base}.norm3"),
    }


def _waves(time: int, d: int, like: Tensor) -> Tensor:
    """Section 3.5 of the paper, one number after the other."""
    table = torch.zeros(time, d, dtype=torch.float64)
    for p in range(time):
        for i in range(d // 2):
            angle = torch.tensor(p / 10_000 ** (2 * i / d), dtype=torch.float64)
            table[p, 2 * i], table[p, 2 * i + 1] = angle.sin(), angle.cos()
    return table.to(like.dtype)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_transformer_is_that_of_torch(training: bool, padded: bool) -> None:
    d, heads, count, vocab = 16, 4, 2, 23
    theirs = nn.Transformer(d, heads, count, count, 4 * d, dropout=0.0, batch_first=True)
    theirs.encoder.norm = theirs.decoder.norm = None

    def reference(w: Weights, source: Tensor, target: Tensor, present: Tensor | None = None) -> Tensor:
        words, rest = next(iter(w.values())), _take(w)
        next(rest)
        weights: Weights = {}
        for i in range(count):
            weights |= _encoder_layer(rest, f"encoder.layers.{i}")
        for i in range(count):
            weights |= _decoder_layer(rest, f"decoder.layers.{i}")
        embed = [F.embedding(t, words) * d**0.5 + _waves(t.shape[1], d, words) for t in (source, target)]
        masks: dict[str, Tensor] = {"tgt_mask": torch.ones(target.shape[1], target.shape[1]).triu(1).bool()}
        if present is not None:
            masks |= {"src_key_padding_mask": ~present, "memory_key_padding_mask": ~present}
        theirs.train(training).to(words.dtype)
        return call(theirs, weights, *embed, **masks) @ words.T  # type: ignore[no-any-return]

    ours = load("transformer", "Transformer", vocab=vocab, d=d, layers=count, heads=heads, dropout=0)
    inputs = [torch.randint(0, vocab, (3, 7)), torch.randint(0, vocab, (3, 5))]
    if padded:
        inputs.append(torch.arange(7) < torch.tensor([[7], [4], [1]]))
    agree(ours, reference, inputs, training=training, scale=2, unseen=[KEY_BIAS])


def _hf_names(layers: int, first: list[str], layer: list[str], last: list[str]) -> list[str]:
    """Names in transformers, each part with weight and bias."""
    parts = [*first, *(name.format(i) for i in range(layers) for name in layer), *last]
    return [
        n
        for part in parts
        for n in ([f"{part}.weight"] if part.endswith("embeddings") else [f"{part}.weight", f"{part}.bias"])
    ]


BERT_LAYER = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_bert_is_that_of_transformers(training: bool, padded: bool) -> None:
    theirs, names = _bert(0.0)
    theirs.train(training)

    def reference(w: Weights, tokens: Tensor, segment: Tensor, present: Tensor | None = None) -> list[Tensor]:
        theirs.to(next(iter(w.values())).dtype)
        mask = None if present is None else present.long()
        found = call(theirs, renamed(w, names), tokens, token_type_ids=segment, attention_mask=mask)
        return [found.last_hidden_state, found.pooler_output]

    ours = load("bert", "BERT", vocab=31, d=24, layers=2, heads=3, positions=20, dropout=0)
    inputs = [torch.arange(31).repeat(2)[:60].reshape(3, 20), torch.randint(0, 2, (3, 20))]
    if padded:
        inputs.append(torch.arange(20) < torch.tensor([[20], [13], [4]]))
    agree(ours, reference, inputs, training=training, scale=2, unseen=[KEY_BIAS])


def _bert(dropout: float) -> tuple[nn.Module, list[str]]:
    """A small BERT of transformers, and its parameters in the order of our program."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=31,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=96,
        max_position_embeddings=20,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=None,
    )
    first = ["word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"]
    layer = [f"encoder.layer.{{}}.{part}" for part in BERT_LAYER]
    return BertModel(config), _hf_names(2, [f"embeddings.{part}" for part in first], layer, ["pooler.dense"])


def _gpt_weights(w: Weights, count: int, post: bool) -> Weights:
    """Our layers as GPT's: query, key and value in one matrix, and every matrix transposed."""
    rest, weights = _take(w), {"transformer.wte.weight": next(iter(w.values()))}
    weights["lm_head.weight"] = next(rest)
    weights["transformer.wpe.weight"] = next(rest)
    for i in range(count):
        base = f"transformer.h.{i}"
        if not post:
            weights |= _pair(rest, f"{base}.ln_1")
        q, k, v = [(next(rest), next(rest)) for _ in range(3)]
        weights[f"{base}.attn.c_attn.weight"] = torch.cat([q[0], k[0], v[0]]).T
        weights[f"{base}.attn.c_attn.bias"] = torch.cat([q[1], k[1], v[1]])
        weights[f"{base}.attn.c_proj.weight"], weights[f"{base}.attn.c_proj.bias"] = next(rest).T, next(rest)
        weights |= _pair(rest, f"{base}.ln_1" if post else f"{base}.ln_2")
        for name in ("c_fc", "c_proj"):
            weights[f"{base}.mlp.{name}.weight"], weights[f"{base}.mlp.{name}.bias"] = next(rest).T, next(rest)
        if post:
            weights |= _pair(rest, f"{base}.ln_2")
    if not post:
        weights |= _pair(rest, "transformer.ln_f")
    assert next(rest, None) is None
    return weights


@pytest.mark.parametrize("training", [False, True])
def test_gpt2_is_that_of_transformers(training: bool) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=29, n_positions=16, n_embd=24, n_layer=2, n_head=3, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0
    )
    theirs = GPT2LMHeadModel(config).train(training)

    def reference(w: Weights, tokens: Tensor) -> Tensor:
        weights = _gpt_weights(w, 2, post=False)
        theirs.to(tokens.device, weights["lm_head.weight"].dtype)
        return torch.func.functional_call(theirs, weights, tokens).logits  # type: ignore[no-any-return]

    ours = load("gpt2", "GPT2", vocab=29, context=16, d=24, layers=2, heads=3, dropout=0)
    tokens = torch.arange(29).repeat(2)[:48].reshape(3, 16)
    agree(ours, reference, [tokens], training=training, scale=2, unseen=[KEY_BIAS])


def test_gpt1_is_that_of_transformers() -> None:
    from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

    config = OpenAIGPTConfig(
        vocab_size=29, n_positions=16, n_embd=24, n_layer=2, n_head=3, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0
    )
    theirs = OpenAIGPTLMHeadModel(config)

    def reference(w: Weights, tokens: Tensor) -> Tensor:
        weights = _gpt_weights(w, 2, post=True)
        weights["transformer.tokens_embed.weight"] = weights.pop("transformer.wte.weight")
        weights["transformer.positions_embed.weight"] = weights.pop("transformer.wpe.weight")
        theirs.to(weights["lm_head.weight"].dtype)
        return torch.func.functional_call(theirs, weights, tokens).logits  # type: ignore[no-any-return]

    ours = load("gpt1", "GPT", vocab=29, context=16, d=24, layers=2, heads=3, dropout=0)
    agree(ours, reference, [torch.arange(29).repeat(2)[:48].reshape(3, 16)], scale=2, unseen=[KEY_BIAS])


def test_gpt2_sees_nothing_that_comes_later() -> None:
    ours = load("gpt2", "GPT2", vocab=29, context=16, d=24, layers=2, heads=3).eval()
    tokens = torch.randint(0, 28, (1, 16))
    other = tokens.clone()
    other[0, 7] = 28
    moved = (ours(tokens) - ours(other)).abs().amax((0, 2)) > 1e-6
    assert moved.tolist() == [False] * 7 + [True] * 9


@pytest.mark.parametrize("training", [False, True])
def test_vit_is_that_of_transformers(training: bool) -> None:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=96,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        image_size=16,
        patch_size=4,
        num_labels=5,
    )
    theirs = ViTForImageClassification(config).train(training)
    order = [n for n, _ in theirs.named_parameters()]

    def reference(w: Weights, image: Tensor) -> Tensor:
        theirs.to(image.dtype)
        weights = dict(zip(order, _vit_order(w), strict=True))
        weights["vit.embeddings.position_embeddings"] = weights["vit.embeddings.position_embeddings"][None]
        return call(theirs, weights, image).logits  # type: ignore[no-any-return]

    ours = load("vit", "ViT", side=16, patch=4, d=24, layers=2, heads=3, classes=5)
    agree(ours, reference, [torch.randn(3, 3, 16, 16)], training=training, scale=2, unseen=[KEY_BIAS])


def _vit_order(w: Weights) -> list[Tensor]:
    """Our weights in the order of theirs, whose layers hold attention before the norm that comes before it."""
    values = list(w.values())
    ordered, rest = values[:4], values[4:-4]
    for i in range(0, len(rest), 16):
        ordered += rest[i + 2 : i + 10] + rest[i : i + 2] + rest[i + 10 : i + 16]
    return ordered + values[-4:]
