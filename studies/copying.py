"""A neural Turing machine, compiled from its program, learns to copy.

    python studies/copying.py [--steps 4000] [--length 5] [--seed 0]

Sequences of random bits are shown to the machine, then a delimiter, and then nothing: the sequence is to come out again. The machine is
small. Printed while it learns is how many bits, and how many whole sequences, of 256 fresh ones come out right; one that remembers
nothing tells half of the bits. It learns slowly: after 4,000 steps about 90% of the bits
are right, and 7% of the sequences.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BITS, BATCH, FRESH = 4, 16, 256
SIZES = {"bits": BITS, "units": 64, "rows": 16, "width": 8, "rate": 3e-3}
Batch = tuple[Tensor, Tensor]  # what goes in [batch, time, bits + 1], and what is to come out [batch, time, bits]


def sequences(count: int, length: int, chance: torch.Generator) -> Batch:
    """In: the bits, the delimiter on a line of its own, nothing. Out: nothing while the bits come in, then the bits."""
    bits = torch.randint(2, (count, length, BITS), generator=chance).float()
    time = 2 * length + 1
    x, target = torch.zeros(count, time, BITS + 1), torch.zeros(count, time, BITS)
    x[:, :length, :BITS] = bits
    x[:, length, BITS] = 1
    target[:, length + 1 :] = bits
    return x, target


@torch.no_grad()
def copied(net: nn.Module, length: int, chance: torch.Generator) -> tuple[float, float]:
    """The parts of the bits and of the sequences that come out right."""
    x, target = sequences(FRESH, length, chance)
    right = ((net.eval()(x) > 0) == (target > 0))[:, length + 1 :]
    return right.float().mean().item(), right.all((1, 2)).float().mean().item()


def study(steps: int, length: int, seed: int, rounds: int = 10) -> list[tuple[float, float]]:
    """The parts of bits and sequences copied before any learning, and after each of `rounds` parts of the steps."""
    chance, fresh = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "ntm.arch", "Copy", **SIZES)
    (net,) = trainer.children()
    result = [copied(net, length, fresh)]
    for _ in range(rounds):
        trainer.fit(sequences(BATCH, length, chance) for _ in range(steps // rounds))
        result.append(copied(net, length, fresh))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--length", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    print(f"sequences of {options.length} × {BITS} bits, {BATCH} a step")
    for part, (bits, whole) in enumerate(study(options.steps, options.length, options.seed)):
        print(f"after {options.steps * part // 10:5} steps: {bits:.1%} of the bits, {whole:.1%} of the sequences")


if __name__ == "__main__":
    main()
