"""Two things that do the same, measured in turns: how long each takes, and what it allocates.

In: a `Pair`. Out: one `Row` for each mode. "forward" is a call in evaluation without gradients, "step" a call in training mode and its
backward pass. The value is the median of the ratios of neighbours, so that what else the machine does meets both. Memory is the peak of
what torch's allocator gave during one step, by its own profiler.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

os.environ["KINETO_LOG_LEVEL"] = "99"

import torch
from torch import Tensor, nn

Side = Callable[..., Any]


@dataclass
class Row:
    """What one mode of a pair takes: seconds and bytes of the reference, and ours divided by them."""

    what: str
    mode: str
    ratio: float
    bound: float
    seconds: float
    bytes: float = 0.0
    memory: float | None = None
    memory_bound: float = 1.05

    @property
    def name(self) -> str:
        return f"{self.what}, {self.mode}"

    @property
    def missed(self) -> list[str]:
        """Which bounds do not hold."""
        memory = self.memory is not None and self.memory > self.memory_bound
        return ["time"] * (self.ratio > self.bound) + ["memory"] * memory


@dataclass
class Pair:
    """Ours and the reference, with what they take."""

    what: str
    ours: Side
    theirs: Side
    inputs: tuple[Any, ...]
    bound: float = 1.05
    modes: tuple[str, ...] = ("forward", "step")
    names: tuple[str, ...] = ()
    """Keywords of the reference's inputs, where it wants them by name."""
    why: Callable[[Pair, Row], str] | None = None
    """Measures where a bound that does not hold is lost, and says it."""

    @property
    def reference(self) -> Side:
        """The reference, with its inputs by name where it wants them so."""
        return _Named(self.theirs, self.names) if self.names else self.theirs


def first(out: Any) -> Any:
    """The main result: what a reference gives beside it is not computed with."""
    if isinstance(out, Tensor):
        return out
    return next(iter(out.values())) if isinstance(out, dict) else out[0]


def once(function: Side, inputs: tuple[Any, ...], mode: str) -> None:
    """One forward pass, or one step of training without its update."""
    if mode == "forward":
        with torch.no_grad():
            function(*inputs)
        return
    first(function(*inputs)).float().sum().backward()
    if isinstance(function, nn.Module):
        function.zero_grad(set_to_none=True)


def clock(function: Side, inputs: tuple[Any, ...], mode: str) -> float:
    start = time.perf_counter()
    once(function, inputs, mode)
    return time.perf_counter() - start


def in_turns(sides: Sequence[Side], inputs: tuple[Any, ...], mode: str, seconds: float) -> list[list[float]]:
    """The seconds that each side takes, round by round; every other round goes backwards."""
    for side in sides:
        if isinstance(side, nn.Module):
            side.train(mode == "step")
    for side in sides:
        once(side, inputs, mode)
    taken: list[list[float]] = [[] for _ in sides]
    start = time.perf_counter()
    while len(taken[0]) < 3 or time.perf_counter() - start < seconds:
        turn = list(range(len(sides)))
        for i in turn if len(taken[0]) % 2 else turn[::-1]:
            taken[i].append(clock(sides[i], inputs, mode))
    return taken


def ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def peak(function: Side, inputs: tuple[Any, ...], mode: str) -> float:
    """The peak of what is allocated during one run, in bytes."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as found:
        once(function, inputs, mode)
    held = most = 0
    for event in found.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return float(most)


def measure(pair: Pair, seconds: float) -> Iterator[Row]:
    theirs = pair.reference
    for mode in pair.modes:
        ours_taken, theirs_taken = in_turns([pair.ours, theirs], pair.inputs, mode, seconds)
        row = Row(pair.what, mode, ratio(ours_taken, theirs_taken), pair.bound, statistics.median(theirs_taken))
        if mode == "step":
            row.bytes = max(peak(theirs, pair.inputs, mode), 1)
            row.memory = peak(pair.ours, pair.inputs, mode) / row.bytes
        yield row


class _Named(nn.Module):
    """A reference that takes its inputs by name."""

    def __init__(self, inner: Any, names: tuple[str, ...]):
        super().__init__()
        self.inner, self.names = inner, names

    def forward(self, *inputs: Any) -> Any:
        return self.inner(**dict(zip(self.names, inputs, strict=True)))
