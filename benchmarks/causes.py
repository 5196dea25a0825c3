"""Where a bound that does not hold is lost: measured again, in turns with what is blamed for it.

Each function takes a `Pair` and a `Row` of it, and gives a sentence for the record.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from by_hand import Naive, PeepholeBackwards
from measuring import Pair, Row, in_turns, ratio
from torch import Tensor, nn

SECONDS = 1.0


def joining(pair: Pair, row: Row) -> str:
    """The program's own weights, joined at each call for one product of all gates."""
    assert isinstance(pair.ours, nn.Module)
    join = Joining(pair.ours)
    ours, theirs, joins = in_turns([pair.ours, pair.theirs, join], pair.inputs, row.mode, SECONDS)
    more = statistics.median(a - b for a, b in zip(ours, theirs, strict=True)) * 1000
    alone = statistics.median(joins) * 1000
    without = ratio([a - j for a, j in zip(ours, joins, strict=True)], theirs)
    calls = (
        "; each layer makes a first state, joins weights and goes through a module of its own: torch's kernel itself takes "
        "no longer three times than once for three layers"
        if "3 layers" in pair.what
        else "; the loop by hand adds its memory's two products in one operation, which stay `f * c + i * g` here"
        if "peephole" in pair.what
        else ""
    )
    said = []
    again = ratio(ours, theirs)
    if "time" in row.missed and again <= row.bound:
        said.append(
            f"measured again, {again:.2f}: what was lost the first time is within what the machine's load moves"
        )
    elif "time" in row.missed:
        said.append(
            f"{more:.3g} ms more; joining the gates' weights, which the program keeps under its own names, takes {alone:.2g} ms "
            f"by itself, and without it the ratio is {without:.2f}{calls}"
        )
    if "memory" in row.missed and row.memory is not None:
        extra, copied = row.bytes * (row.memory - 1) / 1e6, join.bytes / 1e6
        said.append(
            f"{extra:.2g} MB more at the peak; the joined weights are {copied:.2g} MB, and so are their gradients"
        )
    return "; ".join(said)


class Joining(nn.Module):
    """What a model of cells does to join its cells' weights, and nothing else."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.cells = nn.ModuleList(m for m in model.modules() if hasattr(m, "scan"))
        self.nothing = nn.Parameter(torch.zeros(()))
        self.gradients: list[Tensor] = []
        self.bytes = 4 * sum(p.numel() for cell in self.cells for p in cell.parameters())

    def forward(self, *_: Any) -> Tensor:
        parts = [part for cell in self.cells for part in self.parts(cell)]
        if torch.is_grad_enabled() and parts:
            self.gradients = self.gradients or [torch.ones_like(part) for part in parts]
            torch.autograd.backward(parts, self.gradients)
        return self.nothing

    def parts(self, cell: nn.Module) -> Iterator[Tensor]:
        layers = [m for m in cell.children() if isinstance(m, nn.Linear)]
        for width in {layer.in_features for layer in layers}:
            same = [layer for layer in layers if layer.in_features == width]
            if len(same) > 1:
                yield torch.cat([layer.weight for layer in same])
                yield torch.cat([layer.bias for layer in same if layer.bias is not None])


def steps(pair: Pair, row: Row) -> str:
    """A loop whose every step is followed by autograd, against its bare products and against a backward pass by hand."""
    assert isinstance(pair.ours, nn.Module) and isinstance(pair.theirs, Naive)
    (x,) = pair.inputs
    cell = next(m for m in pair.ours.modules() if hasattr(m, "scan"))
    units: int = cell.units  # type: ignore[assignment]
    gates = sum(isinstance(m, nn.Linear) for m in cell.children())
    products = Products(x.shape[1], x.shape[0], units, gates)
    sides = [pair.ours, pair.theirs, products, PeepholeBackwards(x.shape[2], units)]
    _, theirs, bare, by_hand = in_turns(sides, pair.inputs, row.mode, 3 * SECONDS)
    text = (
        f"{row.ratio:.2f} of the naive loop's time, {ratio(bare, theirs):.2f} of which are the products of the state with its weights and "
        "their gradients, step by step, which both have; the rest is what autograd takes to follow each step's equations (decision 0102)"
    )
    if "peephole" in pair.what:
        text += (
            f". With the backward pass written by hand it is {ratio(by_hand, theirs):.2f}: that is not emitted, since the loop by its "
            "equations is what can be read, differentiated twice, compiled and exported (decision 0095)"
        )
    memory = "; memory: what comes in is multiplied for all steps at once" if "memory" in row.missed else ""
    return text + memory


class Products(nn.Module):
    """The products of a loop's state with its weights, and those of both gradients."""

    def __init__(self, time: int, batch: int, units: int, gates: int):
        super().__init__()
        self.time = time
        self.h, self.p = torch.randn(batch, units), torch.randn(batch, gates * units)
        self.weight = nn.Parameter(torch.randn(gates * units, units))

    def forward(self, _: Tensor) -> Tensor:
        with torch.no_grad():
            for _step in range(self.time):
                torch.addmm(self.p, self.h, self.weight.T)
                self.p @ self.weight
                self.p.T @ self.h
        return self.weight[0, 0]


def halves(pair: Pair, row: Row) -> str:
    """Two convolutions that see the same, where the reference has one with twice the channels: joined, by way of trial."""
    assert isinstance(pair.ours, nn.Module)
    joined = JoinedWaveNet(pair.ours)
    ours, theirs, one = in_turns([pair.ours, pair.theirs, joined], pair.inputs, row.mode, 3 * SECONDS)
    again = ratio(ours, theirs)
    if again <= row.bound:
        return f"measured again, {again:.2f}: what was lost the first time is within what the machine's load moves"
    return (
        f"measured again, {again:.2f}: the program has value and gate in two convolutions of 64 channels each, the reference in one of "
        f"128; with the weights of the two joined at each call it is {ratio(one, theirs):.2f}, which is not emitted, since each layer's "
        "two lines by the program's equations are what can be read"
    )


class JoinedWaveNet(nn.Module):
    """An emitted WaveNet whose value and gate are one convolution."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        model = self.model
        h = model.start(F.one_hot(codes, model.levels).to(model.start.weight.dtype).transpose(1, 2))
        skips = model.start.weight.new_zeros(())
        for i, (value, gate, back, skip) in enumerate(zip(model.value, model.open, model.h, model.skip, strict=True)):
            reach = 2 ** (i % model.layers)
            weight, bias = torch.cat([value.weight, gate.weight]), torch.cat([value.bias, gate.bias])
            v, g = F.conv1d(F.pad(h, (reach, 0)), weight, bias, dilation=reach).chunk(2, dim=1)
            z = torch.sigmoid(g) * torch.tanh(v)
            skips = skips + skip(z)
            h = h + back(z)
        out: Tensor = model.conv1d_2(F.relu(model.conv1d(F.relu(skips)))).transpose(1, 2)
        return out


def passes(pair: Pair, row: Row) -> str:
    """A linear recurrence in log2(time) passes."""
    if "large" in pair.what:
        return unknown(pair, row)
    return (
        f"small steps go in log2(time) passes over all of time, each of which keeps its operands for the backward pass: "
        f"{row.ratio:.2f} of the time for {row.memory or 1:.2f} of the memory"
    )


def unknown(pair: Pair, row: Row) -> str:
    """What is left where nothing in particular is to blame."""
    ours, theirs = in_turns([pair.ours, pair.reference], pair.inputs, row.mode, 3 * SECONDS)
    again = ratio(ours, theirs)
    if row.missed == ["time"] and again <= row.bound:
        return f"measured again, {again:.2f}: what was lost the first time is within what the machine's load moves"
    more = statistics.median(a - b for a, b in zip(ours, theirs, strict=True)) * 1000
    return f"measured again, {again:.2f}, {more:.3g} ms of {row.seconds * 1000:.3g} ms more; no single cause was found"
