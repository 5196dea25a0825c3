"""An LSTM and a small GPT, compiled from their programs, learn English text; beside each, an equal module written by hand.

    python studies/language.py lstm [--steps 600] [--seed 0]
    python studies/language.py gpt  [--steps 600] [--seed 0]

The text is the language reference that comes with Python, half a million characters; its last tenth is held out. Both modules
have as many parameters, see the same batches in the same order, and use the same optimizer. Each starts from its own random weights,
so that one may be a few percent ahead of the other. What is printed last is their loss on the held-out text, in nats a character.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
TIME, BATCH, NEAR = 64, 16, 0.05
Batch = tuple[Tensor, Tensor]  # characters [batch, time], and the character after each


class LSTM(nn.Module):
    """By hand, with torch's LSTM. Its second bias adds to the first and nothing else, so it stays 0."""

    def __init__(self, vocab: int, width: int, units: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, width)
        self.lstm = nn.LSTM(width, units, batch_first=True)
        self.head = nn.Linear(units, vocab)
        nn.init.zeros_(self.lstm.bias_hh_l0).requires_grad_(False)

    def forward(self, tokens: Tensor) -> Tensor:
        y, _ = self.lstm(self.embedding(tokens))
        scores: Tensor = self.head(y)
        return scores


class GPT(nn.Module):
    """By hand, with torch's Transformer layers; as GPT-2, it starts from small embeddings, and the head is the first of them."""

    def __init__(self, vocab: int, context: int, d: int, layers: int, heads: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocab, d), nn.Embedding(context, d)
        layer = nn.TransformerEncoderLayer(d, heads, 4 * d, 0.0, nn.GELU("tanh"), batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(d), enable_nested_tensor=False)
        nn.init.normal_(self.words.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        time = tokens.shape[1]
        past = nn.Transformer.generate_square_subsequent_mask(time)
        h = self.layers(self.words(tokens) + self.places.weight[:time], mask=past, is_causal=True)
        scores: Tensor = h @ self.words.weight.T
        return scores


def lstm(vocab: int) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    """The compiled program's training; the same by hand, and its optimizer."""
    compiled = archdsl.load(EXAMPLES / "char_lstm.arch", "Fit", vocab=vocab, width=64, units=128, rate=3e-3)
    by_hand = LSTM(vocab, width=64, units=128)
    return compiled, by_hand, torch.optim.Adam(learned(by_hand), lr=3e-3)


def gpt(vocab: int) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    """The compiled program's training; the same by hand, and its optimizer."""
    sizes = {"vocab": vocab, "context": TIME, "d": 128, "layers": 2, "heads": 4}
    compiled = archdsl.load(EXAMPLES / "gpt2.arch", "Fit", **sizes, dropout=0, rate=1e-3)
    by_hand = GPT(**sizes)
    return compiled, by_hand, torch.optim.AdamW(learned(by_hand), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)


MODELS: dict[str, Callable[[int], tuple[nn.Module, nn.Module, torch.optim.Optimizer]]] = {"lstm": lstm, "gpt": gpt}


@dataclass
class Result:
    """How many parameters each learned, and each one's loss on the held-out text, in nats a character."""

    parameters: tuple[int, int]
    compiled: float
    by_hand: float
    frequencies: float
    """The loss of knowing only how often each character occurs."""

    @property
    def difference(self) -> float:
        return self.compiled / self.by_hand - 1


def study(model: str, steps: int, seed: int = 0) -> Result:
    """Make both from a seed, train both for some steps, and compare them."""
    _, vocab = characters()
    torch.manual_seed(seed)
    return compare(*MODELS[model](vocab), steps, seed)


def compare(
    trainer: nn.Module, by_hand: nn.Module, optimizer: torch.optim.Optimizer, steps: int, seed: int = 0
) -> Result:
    """Train both on the same batches; then both read the held-out text."""
    text, _ = characters()
    learn, held = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]
    batches = draw(learn, steps, seed)
    trainer.fit(batches)
    for tokens, following in batches:
        optimizer.zero_grad()
        cross_entropy(by_hand(tokens), following).backward()
        optimizer.step()
    parameters = size(trainer.net), size(by_hand)
    return Result(parameters, held_out(trainer.net, held), held_out(by_hand, held), frequencies(learn, held))


def characters() -> tuple[Tensor, int]:
    """The text as numbers, and how many different characters it has."""
    text = "\n".join(topics.values())
    number = {character: i for i, character in enumerate(sorted(set(text)))}
    return torch.tensor([number[character] for character in text]), len(number)


def draw(text: Tensor, steps: int, seed: int) -> list[Batch]:
    """A batch for each step, from random places of the text."""
    chance = torch.Generator().manual_seed(seed)
    starts = torch.randint(len(text) - TIME, (steps, BATCH, 1), generator=chance)
    windows = text[starts + torch.arange(TIME + 1)]
    return [(window[:, :-1], window[:, 1:]) for window in windows]


def learned(net: nn.Module) -> list[nn.Parameter]:
    return [p for p in net.parameters() if p.requires_grad]


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in learned(net))


def cross_entropy(scores: Tensor, following: Tensor) -> Tensor:
    return F.cross_entropy(scores.flatten(0, 1), following.flatten())


@torch.no_grad()
def held_out(net: nn.Module, text: Tensor) -> float:
    """The mean loss over the text, read in windows."""
    net.eval()
    windows = text[: len(text) // (TIME + 1) * (TIME + 1)].view(-1, TIME + 1)
    return cross_entropy(net(windows[:, :-1]), windows[:, 1:]).item()


def frequencies(learn: Tensor, text: Tensor) -> float:
    """The loss of one who knows only how often each character occurs."""
    vocab = int(torch.cat([learn, text]).max()) + 1
    counts = torch.bincount(learn, minlength=vocab) + 1
    return F.cross_entropy(counts.log().expand(len(text), -1), text).item()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    print(f"{options.model}: {options.steps} steps of {BATCH} × {TIME} characters, compiled and by hand")
    result = study(options.model, options.steps, options.seed)
    print(f"parameters: {result.parameters[0]:,} compiled, {result.parameters[1]:,} by hand")
    losses = f"{result.compiled:.4f} compiled, {result.by_hand:.4f} by hand ({result.difference:+.2%})"
    print(f"loss on held-out text: {losses}")
    print(f"one who knows only how often each character occurs: {result.frequencies:.4f}")
    holds = abs(result.difference) < NEAR and result.compiled < result.frequencies - 1
    claim = f"within {NEAR:.0%} of the one by hand, and a nat better than the frequencies"
    print(f"claim: {claim}: {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
