"""A neural Turing machine, compiled from its program, learns to copy.

    python studies/copying.py [--steps 2500] [--length 5] [--seed 0]

Sequences of 1 to 5 lines of random bits are shown to the machine, then a delimiter, and then nothing: the sequence is to come out again.
Printed while it learns is how many bits, and how many whole sequences of the greatest length, of 512 fresh ones come out right; and at the
end the same for twice that length, which it never saw. By chance half of the bits are right, and one sequence in a million.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BITS, BATCH, FRESH = 4, 32, 512
SIZES = {"bits": BITS, "units": 64, "rows": 16, "width": 8}
CLAIM = 0.95
Batch = tuple[
    Tensor, Tensor
]  # what goes in [batch, time, bits + 1], and what is to come out at last [batch, length, bits]


def sequences(count: int, length: int, chance: torch.Generator) -> Batch:
    """In: the bits, the delimiter on a line of its own, nothing. Out: the bits."""
    bits = torch.randint(2, (count, length, BITS), generator=chance).float()
    x = torch.zeros(count, 2 * length + 1, BITS + 1)
    x[:, :length, :BITS] = bits
    x[:, length, BITS] = 1
    return x, bits


def lessons(steps: int, length: int, chance: torch.Generator) -> Iterator[Batch]:
    """For each step, sequences of some length up to the greatest."""
    for _ in range(steps):
        yield sequences(BATCH, int(torch.randint(1, length + 1, (), generator=chance)), chance)


@torch.no_grad()
def copied(net: nn.Module, length: int, chance: torch.Generator) -> tuple[float, float]:
    """The parts of the bits and of the sequences that come out right."""
    x, target = sequences(FRESH, length, chance)
    right = (net.eval()(x)[:, -length:] > 0) == (target > 0)
    return right.float().mean().item(), right.all((1, 2)).float().mean().item()


def study(steps: int, length: int, seed: int, rounds: int = 10) -> tuple[nn.Module, list[tuple[float, float]]]:
    """The machine, and the parts of bits and sequences that it copied before any learning and after each of `rounds` parts of the steps."""
    chance, fresh = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "ntm.arch", "Copy", **SIZES)
    (net,) = trainer.children()
    result = [copied(net, length, fresh)]
    for _ in range(rounds):
        trainer.fit(lessons(steps // rounds, length, chance))
        result.append(copied(net, length, fresh))
    return net, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--length", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    print(
        f"1 to {options.length} lines of {BITS} bits, {BATCH} sequences a step; read are sequences of {options.length}"
    )
    net, learned = study(options.steps, options.length, options.seed)
    for part, (bits, whole) in enumerate(learned):
        print(f"after {options.steps * part // 10:5} steps: {bits:.1%} of the bits, {whole:.1%} of the sequences")
    bits, whole = copied(net, 2 * options.length, torch.Generator().manual_seed(options.seed + 2))
    print(f"sequences of {2 * options.length}, never seen: {bits:.1%} of the bits, {whole:.1%} of the sequences")
    holds = learned[-1][1] >= CLAIM
    print(
        f"claim: at least {CLAIM:.0%} of the sequences of {options.length} are copied whole: {'holds' if holds else 'FAILS'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
