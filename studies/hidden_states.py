"""Baum-Welch, compiled from its program, recovers the hidden Markov model that a sequence was sampled from.

    python studies/hidden_states.py [--length 3000] [--starts 3] [--seed 0]

A model of two hidden states and four symbols emits a long sequence; Baum-Welch sees only the symbols. From several random starts the
result with the best likelihood counts. Printed are the transitions A and emissions B of the model and of the result, up to the states'
numbers, and how likely fresh symbols are by both.
"""

import argparse
import sys
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ERROR = 0.05
A = torch.tensor([[0.95, 0.05], [0.10, 0.90]], dtype=torch.float64)
B = torch.tensor([[0.50, 0.30, 0.15, 0.05], [0.05, 0.15, 0.20, 0.60]], dtype=torch.float64)


@dataclass
class Recovered:
    """What Baum-Welch found, its states numbered as in the model."""

    A: Tensor
    B: Tensor
    likelihood: float
    """Mean logarithm of the probability of a fresh symbol, by what was found."""
    true_likelihood: float
    """The same, by the model that emitted the symbols."""

    @property
    def error(self) -> float:
        """The largest error of a probability."""
        return max((self.A - A).abs().max().item(), (self.B - B).abs().max().item())


def sample(length: int, seed: int) -> Tensor:
    """A sequence of symbols [length] from the model, which starts in its first state."""
    chance = torch.Generator().manual_seed(seed)
    symbols = []
    state = 0
    for _ in range(length):
        symbols.append(int(torch.multinomial(B[state], 1, generator=chance)))
        state = int(torch.multinomial(A[state], 1, generator=chance))
    return torch.tensor(symbols)


def learn(seen: Tensor, starts: int, calls: int = 3) -> nn.Module:
    """The best of several results. Each call of the program's training makes up to 100 rounds."""
    best: tuple[float, nn.Module] | None = None
    for _ in range(starts):
        trainer = archdsl.load(EXAMPLES / "baum_welch.arch", "Fit").double()
        trainer.fit([seen], epochs=calls)
        likelihood = per_symbol(trainer.net, seen)
        if best is None or likelihood > best[0]:
            best = likelihood, trainer.net
    assert best is not None
    return best[1]


def per_symbol(net: nn.Module, seen: Tensor) -> float:
    """Mean logarithm of a symbol's probability."""
    likelihood, _ = net.eval()(seen)
    return (likelihood / len(seen)).item()


def study(length: int, starts: int, seed: int) -> Recovered:
    """Sample, learn, and compare."""
    seen, fresh = sample(length, seed), sample(length, seed + 1)
    torch.manual_seed(seed)
    net = learn(seen, starts)
    likelihood = per_symbol(net, fresh)
    order = min(permutations(range(len(A))), key=lambda order: (net.B[list(order)] - B).abs().sum().item())
    found = net.A[list(order)][:, list(order)], net.B[list(order)]
    net.pi, net.A, net.B = torch.tensor([1.0, 0.0], dtype=torch.float64), A, B
    return Recovered(*found, likelihood, per_symbol(net, fresh))


def show(rows: Tensor) -> str:
    return "   ".join(" ".join(f"{p:.3f}" for p in row) for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=3000)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    found = study(options.length, options.starts, options.seed)
    print(f"{options.length} symbols, the best of {options.starts} starts")
    print(f"A of the model:  {show(A)}\nA recovered:     {show(found.A)}")
    print(f"B of the model:  {show(B)}\nB recovered:     {show(found.B)}")
    print(f"largest error of a probability: {found.error:.3f}")
    print(
        f"log-likelihood of a fresh symbol: {found.likelihood:.4f} recovered, {found.true_likelihood:.4f} by the model itself"
    )
    holds = found.error < ERROR and abs(found.likelihood - found.true_likelihood) < 0.01
    print(
        f"claim: no probability is wrong by {ERROR}, and fresh symbols are as likely up to 0.01: {'holds' if holds else 'FAILS'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
