"""An echo state network, compiled from its program, predicts the Mackey-Glass series, and then goes on by itself.

    python studies/mackey_glass.py [--units 300] [--learn 3000] [--seeds 3]

The series is the delay equation's with τ = 17, where it is mildly chaotic. The readout is found by ridge regression on the first part.
Errors are root mean squares relative to the standard deviation of the series, so that 1 is the error of always saying the mean: of the
next value, and of the value 84 steps further on, predicted from nothing but what was predicted before it, from many places to start
from. Beside them are the errors of saying the present value again, and of linear regression on the last 30 values, without reservoir.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a checkout need not be installed

import archdsl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
AHEAD, LAGS = 84, 30
HELD = 1000


def mackey_glass(length: int, delay: int = 17, fine: int = 10) -> Tensor:
    """The series [length], one value a unit of time: dx/dt = 0.2 x(t - τ) / (1 + x(t - τ)^10) - 0.1 x, by Runge-Kutta, from 1.2."""
    h, lag = 1 / fine, delay * fine
    x = [1.2] * (lag + 1)
    for _ in range((length + 300) * fine):
        start, end = (0.2 * past / (1 + past**10) for past in (x[-lag - 1], x[-lag]))
        k1 = start - 0.1 * x[-1]
        k2 = (start + end) / 2 - 0.1 * (x[-1] + h / 2 * k1)
        k3 = (start + end) / 2 - 0.1 * (x[-1] + h / 2 * k2)
        k4 = end - 0.1 * (x[-1] + h * k3)
        x.append(x[-1] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return torch.tensor(x[::-fine][:length][::-1], dtype=torch.float64)


def learn(series: Tensor, units: int, seed: int) -> nn.Module:
    """The network whose readout says the next value."""
    torch.manual_seed(seed)
    trainer = archdsl.load(EXAMPLES / "esn.arch", "Solve", units=units, leak=0.6, ridge=1e-10).double()
    x = series.view(1, -1, 1)
    trainer.fit([(x[:, :-1], x[:, 1:])])
    return trainer.net.eval()


def one_step(net: nn.Module, series: Tensor, learned: int) -> float:
    """The error of the next value, in what follows on the values that were learned."""
    _, y = net(series[:-1].view(1, -1, 1))
    return error(y[0, learned:, 0], series[learned + 1 :])


def free_running(net: nn.Module, series: Tensor, learned: int) -> float:
    """The error after `AHEAD` steps in which the network hears what it says; started each 10 steps of what follows on what was learned."""
    x = series.view(1, -1, 1)
    seen, y = net(x)
    starts = torch.arange(learned, len(series) - AHEAD - 1, 10)
    h, said = seen[0, starts, 2:], y[0, starts]
    for _ in range(AHEAD):
        h = net.reservoir(said, h)
        said = torch.cat([torch.ones_like(said), said, h], dim=-1) @ net.readout
    return error(said[:, 0], series[starts + AHEAD + 1])


def unchanged(series: Tensor, learned: int) -> float:
    """The error of saying the present value again."""
    return error(series[learned:-1], series[learned + 1 :])


def regression(series: Tensor, learned: int) -> tuple[float, float]:
    """The errors of linear regression on the last `LAGS` values: of the next value, and after `AHEAD` steps by itself."""
    middle = series[:learned].mean()
    windows = series.unfold(0, LAGS + 1, 1) - middle
    known, following = windows[: learned - LAGS], windows[learned - LAGS + 1 :]
    weight = torch.linalg.lstsq(known[:, :-1], known[:, -1]).solution
    starts = torch.arange(learned, len(series) - AHEAD - 1, 10)
    past = series.unfold(0, LAGS, 1)[starts - LAGS + 1] - middle
    for _ in range(AHEAD + 1):
        past = torch.cat([past[:, 1:], (past @ weight).unsqueeze(-1)], dim=-1)
    return error(following[:, :-1] @ weight, following[:, -1]), error(past[:, -1] + middle, series[starts + AHEAD + 1])


def error(said: Tensor, true: Tensor) -> float:
    return ((said - true).square().mean().sqrt() / true.std()).item()


def study(units: int, learned: int, seed: int) -> tuple[float, float]:
    """The errors of the next value, and after `AHEAD` steps by itself, for the network that learned the first `learned` values."""
    series = mackey_glass(learned + HELD)
    net = learn(series[:learned], units, seed)
    return one_step(net, series, learned), free_running(net, series, learned)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=300)
    parser.add_argument("--learn", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the last digits of the numbers below depend on it
    series = mackey_glass(options.learn + HELD)
    print(f"Mackey-Glass, τ = 17: {options.learn} values to learn from, {HELD} that follow")
    print(f"the present value again: next value {unchanged(series, options.learn):.2e}")
    linear, astray = regression(series, options.learn)
    print(f"linear regression on the last {LAGS} values: next value {linear:.2e}, {AHEAD} steps by itself {astray:.2e}")
    holds = True
    for seed in range(options.seeds):
        near, far = study(options.units, options.learn, seed)
        print(
            f"echo state network of {options.units} units, seed {seed}: next value {near:.2e}, {AHEAD} steps by itself {far:.2e}"
        )
        holds &= near < linear and far < astray / 10
    claim = f"each network is better than regression at the next value, and ten times better after {AHEAD} steps"
    print(f"claim: {claim}: {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
