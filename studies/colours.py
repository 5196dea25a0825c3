"""A self-organizing map, compiled from its program, orders colours.

    python studies/colours.py [--rounds 10] [--side 12] [--seed 0]

500 random colours, each part from 0 to 1, are shown to a square map again and again, each time in a new order. Printed after each round:
the quantisation error, the mean distance from a colour to the unit that wins it; and the topographic error, the part of the colours
whose two nearest units are no neighbours on the map, not even diagonally.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
COLOURS, TORN = 500, 0.1


def quantisation(net: nn.Module, colour: Tensor) -> float:
    """The mean distance from a colour to the unit that wins it."""
    return (colour - net.w[net.eval()(colour)]).norm(dim=-1).mean().item()


def topographic(net: nn.Module, colour: Tensor, side: int) -> float:
    """The part of the colours whose two nearest units are not side by side."""
    near = torch.cdist(colour, net.w).topk(2, largest=False).indices
    row, column = near // side, near % side
    apart = torch.maximum((row[:, 0] - row[:, 1]).abs(), (column[:, 0] - column[:, 1]).abs())
    return (apart > 1).double().mean().item()


def study(rounds: int, side: int, seed: int) -> list[tuple[float, float]]:
    """Quantisation and topographic error before any training, and after each round."""
    chance = torch.Generator().manual_seed(seed)
    colour = torch.rand(COLOURS, 3, generator=chance)
    torch.manual_seed(seed)
    sizes = {"rows": side, "columns": side, "d": 3}
    trainer = archdsl.load(EXAMPLES / "som.arch", "Fit", **sizes, reach=side / 6, most=rounds * COLOURS)
    net = trainer.som
    errors = [(quantisation(net, colour), topographic(net, colour, side))]
    for _ in range(rounds):
        trainer.fit([colour[torch.randperm(COLOURS, generator=chance)]])
        errors.append((quantisation(net, colour), topographic(net, colour, side)))
    return errors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--side", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    print(f"{COLOURS} colours, a map of {options.side} × {options.side} units")
    errors = study(options.rounds, options.side, options.seed)
    for done, (distance, torn) in enumerate(errors):
        print(f"after {done:2} rounds: quantisation error {distance:.4f}, topographic error {torn:.1%}")
    (before, _), (after, torn) = errors[0], errors[-1]
    holds = after < before / 2 and torn < TORN
    claim = f"the quantisation error falls below half, and fewer than {TORN:.0%} of the colours are torn apart"
    print(f"claim: {claim}: {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
