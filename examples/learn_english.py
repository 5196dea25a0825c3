"""A small LSTM or GPT, compiled from its program, learns English from Python's help texts.

Run `python examples/learn_english.py lstm` or `python examples/learn_english.py gpt`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

import torch
from torch import Tensor, nn

import archdsl

TEXT = "\n".join(topics[name] for name in sorted(topics))
LETTERS = sorted(set(TEXT))


def batches(steps: int, batch: int = 16, time: int = 64) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of the text from random places, and the same pieces one letter later."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.tensor([LETTERS.index(letter) for letter in TEXT])
    for _ in range(steps):
        starts = torch.randint(0, len(codes) - time - 1, (batch,), generator=generator)
        piece = torch.stack([codes[s : s + time + 1] for s in starts.tolist()])
        yield piece[:, :-1], piece[:, 1:]


def trainer(kind: str) -> nn.Module:
    """The training of a model of letters, from its program."""
    torch.manual_seed(0)
    here, vocab = Path(__file__).parent, len(LETTERS)
    if kind == "lstm":
        return archdsl.load(here / "lstm_language_model.arch", "Fit", vocab=vocab, width=32, units=128, rate=5e-3)
    return archdsl.load(
        here / "gpt2.arch", "Fit", vocab=vocab, context=64, d=64, layers=2, heads=4, dropout=0, rate=4e-3
    )


def sample(net: nn.Module, length: int = 200) -> str:
    """Text that the model goes on with, letter by letter."""
    written = [LETTERS.index("T")]
    net.eval()
    with torch.no_grad():
        for _ in range(length):
            scores = net(torch.tensor([written[-64:]]))[0, -1]
            written.append(int(torch.multinomial((scores / 0.7).softmax(-1), 1)))
    return "".join(LETTERS[code] for code in written)


if __name__ == "__main__":
    learner = trainer(sys.argv[1] if len(sys.argv) > 1 else "gpt")
    for step, (tokens, following) in enumerate(batches(1000), 1):
        loss = learner.step(tokens, following)["loss"]
        if step % 50 == 0:
            print(f"step {step}: {loss:.3f} nats a letter")
    print(sample(learner.net))
