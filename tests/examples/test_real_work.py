"""The examples at work: digits told apart, English learned as by a hand-written module, iris clustered as by scikit-learn."""

import importlib.util
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from agreement import EXAMPLES, layers
from test_recurrent import one_bias
from test_transformers import _packed, _pair
from torch import Tensor, nn


def script(name: str) -> ModuleType:
    """One of the examples' scripts."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lenet_learns_handwritten_digits() -> None:
    assert script("learn_digits").learn(epochs=20) >= 0.97


def test_kmeans_finds_the_clusters_that_scikit_learn_finds() -> None:
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_iris
    from sklearn.metrics import adjusted_rand_score

    labels, spread = script("cluster_iris").cluster()
    theirs = KMeans(3, n_init=10, random_state=0).fit(load_iris().data)
    assert spread == pytest.approx(theirs.inertia_, rel=1e-6)
    assert adjusted_rand_score(labels.numpy(), theirs.labels_) == 1


class LetterLSTM(nn.Module):
    """The same model as a person writes it."""

    def __init__(self, vocab: int):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(vocab, 32), nn.LSTM(32, 128, batch_first=True)
        self.linear = nn.Linear(128, vocab)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.linear(self.lstm(self.embedding(tokens))[0])  # type: ignore[no-any-return]

    def take(self, weights: dict[str, Tensor]) -> None:
        first, *cell, last = layers(weights)
        state = {"embedding.weight": first["weight"], **{f"lstm.{n}": v for n, v in one_bias(cell, 32).items()}}
        self.load_state_dict({**state, "linear.weight": last["weight"], "linear.bias": last["bias"]})
        self.lstm.bias_hh_l0.requires_grad_(False)


class LetterGPT(nn.Module):
    """The same model from torch's encoder layers."""

    def __init__(self, vocab: int):
        super().__init__()
        self.words, self.places = nn.Embedding(vocab, 64), nn.Embedding(64, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 256, 0.0, nn.GELU("tanh"), batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(64), enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]]
        return self.body(x, mask=mask, is_causal=True) @ self.words.weight.T  # type: ignore[no-any-return]

    def take(self, weights: dict[str, Tensor]) -> None:
        rest = iter(weights.values())
        state = {"words.weight": next(rest), "places.weight": next(rest)}
        for i in range(2):
            base = f"body.layers.{i}"
            state |= _pair(rest, f"{base}.norm1") | _packed(rest, f"{base}.self_attn") | _pair(rest, f"{base}.norm2")
            state |= _pair(rest, f"{base}.linear1") | _pair(rest, f"{base}.linear2")
        self.load_state_dict(state | _pair(rest, "body.norm"))


@pytest.mark.parametrize(("kind", "least"), [("lstm", 2.3), ("gpt", 2.95)])
def test_english_is_learned_as_by_a_hand_written_module(kind: str, least: float) -> None:
    english = script("learn_english")
    trainer, vocab = english.trainer(kind), len(english.LETTERS)
    theirs = LetterLSTM(vocab) if kind == "lstm" else LetterGPT(vocab)
    theirs.take(dict(trainer.net.state_dict()))
    learned = [p for p in theirs.parameters() if p.requires_grad]
    if kind == "lstm":
        best: torch.optim.Optimizer = torch.optim.Adam(learned, 5e-3)
    else:
        best = torch.optim.AdamW(learned, 4e-3, betas=(0.9, 0.95), weight_decay=0.1)
    ours_losses, theirs_losses = [], []
    for tokens, following in english.batches(120):
        ours_losses.append(float(trainer.step(tokens, following)["loss"]))
        loss = F.cross_entropy(theirs(tokens).flatten(0, 1), following.flatten())
        best.zero_grad()
        loss.backward()
        best.step()
        theirs_losses.append(loss.item())
    ours, other = (sum(losses[-10:]) / 10 for losses in (ours_losses, theirs_losses))
    assert ours < least, "the letters alone, without what comes before, cost 3.2"
    assert ours == pytest.approx(other, abs=0.02)
