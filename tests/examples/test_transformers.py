"""The Transformer against torch.nn; BERT and ViT against the transformers package; with and without padding and dropout.

Weights are drawn large, so that attention is far from uniform. A key's bias moves nothing: it adds the same to all scores of a query.
"""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from agreement import Seeded, Weights, agree, call, drop, load, seeded
from torch import Tensor, nn

KEY_BIAS = "k.bias"
MODES = [(False, 0.3), (True, 0.0), (True, 0.3)]
"""Training or not, and how much is dropped then."""


@pytest.fixture(autouse=True)
def _alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides draw their masks in the same way."""
    monkeypatch.setattr(F, "dropout", drop)


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


@pytest.mark.parametrize(("training", "dropout"), MODES)
@pytest.mark.parametrize("padded", [False, True])
def test_transformer_is_that_of_torch(training: bool, dropout: float, padded: bool) -> None:
    d, heads, count, vocab = 16, 4, 2, 23
    theirs = nn.Transformer(d, heads, count, count, 4 * d, dropout=dropout, batch_first=True).train(training)
    theirs.encoder.norm = theirs.decoder.norm = None
    for layer in (*theirs.encoder.layers, *theirs.decoder.layers):
        layer.dropout.p = 0.0  # the paper has none within the feed-forward network

    def reference(w: Weights, source: Tensor, target: Tensor, present: Tensor | None = None) -> Tensor:
        words, rest = next(iter(w.values())), _take(w)
        next(rest)
        encoder, decoder = (
            {n: v for i in range(count) for n, v in layer(rest, f"layers.{i}").items()}
            for layer in (_encoder_layer, _decoder_layer)
        )
        theirs.to(words.dtype)
        hidden = None if present is None else ~present
        later = torch.ones(target.shape[1], target.shape[1]).triu(1).bool()

        def embed(tokens: Tensor) -> Tensor:
            return drop(F.embedding(tokens, words) * d**0.5 + _waves(tokens.shape[1], d, words), dropout, training)

        encoded = call(theirs.encoder, encoder, embed(source), src_key_padding_mask=hidden)
        masks = {"tgt_mask": later, "memory_key_padding_mask": hidden}
        return call(theirs.decoder, decoder, embed(target), encoded, **masks) @ words.T  # type: ignore[no-any-return]

    ours = load("transformer", "Transformer", vocab=vocab, d=d, layers=count, heads=heads, dropout=dropout)
    inputs = [torch.randint(0, vocab, (3, 7)), torch.randint(0, vocab, (3, 5))]
    if padded:
        inputs.append(torch.arange(7) < torch.tensor([[7], [4], [1]]))
    agree(Seeded(ours), seeded(reference), inputs, training=training, scale=2, unseen=[KEY_BIAS])


@pytest.mark.parametrize(("training", "dropout"), MODES)
@pytest.mark.parametrize("padded", [False, True])
def test_bert_is_that_of_transformers(training: bool, dropout: float, padded: bool) -> None:
    theirs = _bert(dropout).train(training)

    def reference(w: Weights, tokens: Tensor, segment: Tensor, present: Tensor | None = None) -> list[Tensor]:
        theirs.to(next(iter(w.values())).dtype)
        mask = None if present is None else present.long()
        found = call(theirs, w, tokens, token_type_ids=segment, attention_mask=mask)
        return [found.last_hidden_state, found.pooler_output]

    ours = load("bert", "BERT", vocab=31, d=24, layers=2, heads=3, positions=20, dropout=dropout)
    inputs = [torch.arange(31).repeat(2)[:60].reshape(3, 20), torch.randint(0, 2, (3, 20))]
    if padded:
        inputs.append(torch.arange(20) < torch.tensor([[20], [13], [4]]))
    agree(Seeded(ours), seeded(reference), inputs, training=training, scale=2, unseen=["key.bias"])


def _bert(dropout: float) -> nn.Module:
    """A small BERT of transformers."""
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
    return BertModel(config)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("training", "dropout"), MODES)
def test_vit_is_that_of_transformers(training: bool, dropout: float) -> None:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=96,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        image_size=16,
        patch_size=4,
        num_labels=5,
    )
    theirs = ViTForImageClassification(config).train(training)

    def reference(w: Weights, image: Tensor) -> Tensor:
        theirs.to(image.dtype)
        return call(theirs, w, image).logits  # type: ignore[no-any-return]

    ours = load("vit", "ViT", side=16, patch=4, d=24, layers=2, heads=3, classes=5, dropout=dropout)
    agree(
        Seeded(ours), seeded(reference), [torch.randn(3, 3, 16, 16)], training=training, scale=2, unseen=["k_proj.bias"]
    )
