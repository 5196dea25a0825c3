"""Measures the emitted code against what people use, and writes benchmarks/code.md.

    python benchmarks/code.py [--quick] [--only WORD]

Ours and the reference run in turns in one process, on one thread of the processor, and the value is the median of their ratios, so that
what else the machine does meets both. "forward" is a call in evaluation without gradients, "step" a call in training mode and its
backward pass. Memory is the peak of what torch's allocator gave during one step, by its own profiler. References: `torch.nn`,
`transformers`, `timm`, and loops as a person who wants speed writes them by hand.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["KINETO_LOG_LEVEL"] = "99"

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "examples")]

import archdsl  # noqa: E402

QUICK = "--quick" in sys.argv
ONLY = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
SECONDS = 0.3 if QUICK else 1.6
"""How long one pair is measured, at least three times each."""


@dataclass
class Pair:
    """Ours and the reference, with what they take."""

    what: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    inputs: tuple[Any, ...]
    bound: float = 1.05
    modes: tuple[str, ...] = ("forward", "step")
    names: tuple[str, ...] = ()
    """Keywords of the reference's inputs, where it wants them by name."""


@dataclass
class Row:
    what: str
    ratio: float
    bound: float
    seconds: float
    memory: float | None

    @property
    def holds(self) -> bool:
        return self.ratio <= self.bound


def total(out: Any) -> Tensor:
    """A loss that everything in an output takes part in."""
    if isinstance(out, Tensor):
        return out.float().sum() if out.is_floating_point() else out.new_zeros((), dtype=torch.float32)
    parts = out.values() if isinstance(out, dict) else out
    return torch.stack([total(p) for p in parts if p is not None]).sum()


def first(out: Any) -> Any:
    """The main result: what a reference gives beside it is not computed with."""
    if isinstance(out, Tensor):
        return out
    return next(iter(out.values())) if isinstance(out, dict) else out[0]


def once(function: Callable[..., Any], inputs: tuple[Any, ...], mode: str) -> None:
    """One forward pass, or one step of training without its update."""
    if mode == "forward":
        with torch.no_grad():
            function(*inputs)
        return
    first(function(*inputs)).float().sum().backward()
    if isinstance(function, nn.Module):
        function.zero_grad(set_to_none=True)


def clock(function: Callable[..., Any], inputs: tuple[Any, ...], mode: str) -> float:
    start = time.perf_counter()
    once(function, inputs, mode)
    return time.perf_counter() - start


def peak(function: Callable[..., Any], inputs: tuple[Any, ...], mode: str) -> float:
    """The peak of what is allocated during one run, in bytes."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as found:
        once(function, inputs, mode)
    held = most = 0
    for event in found.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return float(most)


def measure(pair: Pair) -> Iterator[Row]:
    theirs = pair.theirs
    if pair.names:
        theirs = _Named(pair.theirs, pair.names)
    for mode in pair.modes:
        for side in (pair.ours, theirs):
            if isinstance(side, nn.Module):
                side.train(mode == "step")
        for side in (pair.ours, theirs):
            once(side, pair.inputs, mode)
        ratios, times, start = [], [], time.perf_counter()
        while len(ratios) < 3 or time.perf_counter() - start < SECONDS:
            turn = [pair.ours, theirs] if len(ratios) % 2 else [theirs, pair.ours]
            taken = {id(side): clock(side, pair.inputs, mode) for side in turn}
            ratios.append(taken[id(pair.ours)] / taken[id(theirs)])
            times.append(taken[id(theirs)])
        memory = (
            peak(pair.ours, pair.inputs, mode) / max(peak(theirs, pair.inputs, mode), 1) if mode == "step" else None
        )
        yield Row(f"{pair.what}, {mode}", statistics.median(ratios), pair.bound, statistics.median(times), memory)


class _Named(nn.Module):
    """A reference that takes its inputs by name."""

    def __init__(self, inner: Any, names: tuple[str, ...]):
        super().__init__()
        self.inner, self.names = inner, names

    def forward(self, *inputs: Any) -> Any:
        return self.inner(**dict(zip(self.names, inputs, strict=True)))


# -- recurrences with a kernel ---------------------------------------------------------------------------------------
SIZES = {"small": (1, 64, 64, 64), "large": (32, 128, 128, 256)}
"""Batch, steps, features, units."""
FORMS = {
    "1 layer": ("scan {c}({u}) over time", 1, False),
    "both directions": ("Bidirectional({u}, {c})", 1, True),
    "3 layers": ("Deep({u}, 3, {c})", 3, False),
    "3 layers, both directions": ("DeepBidirectional({u}, 3, {c})", 3, True),
}


def layer(use: str, features: int, before: str = "") -> nn.Module:
    """A model that applies one thing to a sequence."""
    text = f"{before}\nmodel M() {{\n input x: [batch, time, {features}]\n output y = x -> {use}\n}}\n"
    return archdsl.load(text, "M")


def recurrent() -> Iterator[Pair]:
    for kind in ("RNN", "LSTM", "GRU"):
        for size, (batch, steps, features, units) in SIZES.items():
            for form, (use, layers, both) in FORMS.items():
                if QUICK and (layers > 1 or both) and size == "large":
                    continue
                ours = layer(use.format(c=kind, u=units), features)
                theirs = getattr(nn, kind)(features, units, layers, batch_first=True, bidirectional=both)
                yield Pair(f"{kind}, {form}, {size}", ours, theirs, (torch.randn(batch, steps, features),))


# -- recurrences without one -----------------------------------------------------------------------------------------
class Peephole(nn.Module):
    """A peephole LSTM's loop by hand: input products at once, one product a step."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x, self.h = nn.Linear(features, 4 * units), nn.Linear(units, 4 * units, bias=False)
        self.peep = nn.Parameter(torch.zeros(3, units))
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], self.units)
        weight, (p_i, p_f, p_o), out = self.h.weight.T, self.peep, []
        for p in self.x(x).unbind(1):
            i, f, g, o = torch.addmm(p, h, weight).chunk(4, dim=1)
            i, f = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c)
            c = f * c + i * torch.tanh(g)
            h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
            out.append(h)
        return torch.stack(out, dim=1)


class Minimal(nn.Module):
    """A minimal gated unit's loop by hand."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x = nn.Linear(features, 2 * units)
        self.f, self.n = nn.Linear(units, units, bias=False), nn.Linear(units, units, bias=False)
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        h, w_f, w_n, out = x.new_zeros(x.shape[0], self.units), self.f.weight.T, self.n.weight.T, []
        x_f, x_n = self.x(x).chunk(2, dim=-1)
        for p_f, p_n in zip(x_f.unbind(1), x_n.unbind(1), strict=True):
            f = torch.sigmoid(torch.addmm(p_f, h, w_f))
            h = (1 - f) * h + f * torch.tanh(torch.addmm(p_n, f * h, w_n))
            out.append(h)
        return torch.stack(out, dim=1)


class Normed(nn.Module):
    """An LSTM with layer norm of its memory by hand."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x, self.h = nn.Linear(features, 4 * units), nn.Linear(units, 4 * units, bias=False)
        self.norm = nn.LayerNorm(units)
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], self.units)
        weight, out = self.h.weight.T, []
        for p in self.x(x).unbind(1):
            i, f, g, o = torch.addmm(p, h, weight).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.norm(c))
            out.append(h)
        return torch.stack(out, dim=1)


class Filter(nn.Module):
    """A linear recurrence by hand: h = a h + (1 - a) v, with a and v of the inputs alone."""

    def __init__(self, features: int, units: int):
        super().__init__()
        self.x = nn.Linear(features, 2 * units)
        self.units = units

    def forward(self, x: Tensor) -> Tensor:
        a, v = self.x(x).chunk(2, dim=-1)
        a = torch.sigmoid(a)
        b, h, out = (1 - a) * v, x.new_zeros(x.shape[0], self.units), []
        for a_t, b_t in zip(a.unbind(1), b.unbind(1), strict=True):
            h = torch.addcmul(b_t, a_t, h)
            out.append(h)
        return torch.stack(out, dim=1)


class Naive(nn.Module):
    """A cell called step by step."""

    def __init__(self, cell: nn.Module):
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        state, out = None, []
        for t in range(x.shape[1]):
            result = self.cell(x[:, t], state)
            y, state = (result, result) if isinstance(result, Tensor) else result
            out.append(y)
        return torch.stack(out, dim=1)


NORMED = """cell Normed(units) {
  input x: [batch, features]
  state h, c: [batch, units] = 0
  gate i = sigmoid(Linear(units)([x, h]))
  gate f = sigmoid(Linear(units)([x, h]))
  g = tanh(Linear(units)([x, h]))
  gate o = sigmoid(Linear(units)([x, h]))
  c' = f * c + i * g
  h' = o * tanh(LayerNorm()(c'))
  output h'
}
"""
FILTER = """cell Filter(units) {
  input x: [batch, features]
  state h: [batch, units] = 0
  gate a = sigmoid(Linear(units)(x))
  h' = a * h + (1 - a) * Linear(units)(x)
  output h'
}
"""
CELLS = {
    "peephole LSTM": ("PeepholeLSTM", "", Peephole),
    "MGU": ("MGU", "", Minimal),
    "LSTM with layer norm": ("Normed", NORMED, Normed),
    "linear recurrence": ("Filter", FILTER, Filter),
}


def loops() -> Iterator[Pair]:
    for what, (cell, text, by_hand) in CELLS.items():
        for size, (batch, _, features, units) in {"small": (1, 0, 64, 64), "large": (16, 0, 128, 256)}.items():
            x = torch.randn(batch, 128, features)
            ours = layer(f"scan {cell}({units}) over time", features, text)
            yield Pair(f"{what}, {size}, against a loop by hand", ours, by_hand(features, units), (x,))


def naive() -> Iterator[Pair]:
    """Against the loop that most programs have: the cell by its equations, called with `x[:, t]` at each step."""
    for what, (cell, text, _) in CELLS.items():
        x = torch.randn(16, 512, 64)
        body = f"{text}\nmodel M() {{\n input x: [batch, time, 64]\n output y = x -> scan {cell}(128) over time\n}}\n"
        fast, plain = archdsl.load(body, "M"), archdsl.load(body, "M", plain=True)
        (step,) = plain.children()
        yield Pair(f"{what}, 512 steps, against the naive loop", fast, Naive(step), (x,), 0.5, ("step",))


# -- models ----------------------------------------------------------------------------------------------------------
def example(name: str, model: str, **sizes: Any) -> nn.Module:
    return archdsl.load(ROOT / "examples" / f"{name}.arch", model, **sizes)


def transformers() -> Iterator[Pair]:
    from transformers import (
        BertConfig,
        BertModel,
        GPT2Config,
        GPT2LMHeadModel,
        ResNetConfig,
        ResNetForImageClassification,
        ViTConfig,
        ViTForImageClassification,
    )

    none = {"attn_implementation": "sdpa"}
    time_ = 64 if QUICK else 128
    bert = BertModel(BertConfig(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **none))
    tokens = torch.randint(0, 30_000, (1, time_))
    segment = torch.zeros_like(tokens)
    yield Pair(
        "BERT base",
        example("bert", "BERT", dropout=0.0),
        bert,
        (tokens, segment),
        names=("input_ids", "token_type_ids"),
    )
    present = torch.ones(1, time_, dtype=torch.bool)
    present[:, -9:] = False
    names = ("input_ids", "token_type_ids", "attention_mask")
    yield Pair("BERT base, padded", example("bert", "BERT", dropout=0.0), bert, (tokens, segment, present), names=names)
    config = GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False, **none)
    yield Pair(
        "GPT-2 small", example("gpt2", "GPT2", dropout=0.0), GPT2LMHeadModel(config), (tokens,), names=("input_ids",)
    )
    image = torch.randn(1, 3, 224, 224)
    vit = ViTForImageClassification(ViTConfig(num_labels=1000, **none))
    yield Pair("ViT-B/16", example("vit", "ViT"), vit, (image,), names=("pixel_values",))
    resnet = ResNetForImageClassification(ResNetConfig(num_labels=1000))
    yield Pair("ResNet-50", example("resnet50", "ResNet50"), resnet, (image,), names=("pixel_values",))


def timm() -> Iterator[Pair]:
    import vision

    image = torch.randn(1, 3, 224, 224)
    mixer = vision.mixer(num_classes=1000, num_blocks=12, embed_dim=768, mlp_ratio=(0.5, 4.0))
    yield Pair("MLP-Mixer B/16", example("mixer", "Mixer"), mixer, (image,))
    gmlp = vision.gmlp(num_classes=1000, num_blocks=30, embed_dim=256, mlp_ratio=6)
    yield Pair("gMLP S/16", example("gmlp", "GMLP"), gmlp, (image,))


class WaveNetByHand(nn.Module):
    """WaveNet as it is written by hand: filter and gate in one convolution, skips summed as they come."""

    def __init__(self, levels: int, channels: int, skips: int, depth: int):
        super().__init__()
        self.start = nn.Conv1d(levels, channels, 1)
        self.both = nn.ModuleList(nn.Conv1d(channels, 2 * channels, 2, dilation=2 ** (i % 10)) for i in range(depth))
        self.back = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(depth))
        self.skip = nn.ModuleList(nn.Conv1d(channels, skips, 1) for _ in range(depth))
        self.one, self.two = nn.Conv1d(skips, skips, 1), nn.Conv1d(skips, levels, 1)
        self.levels = levels

    def forward(self, codes: Tensor) -> Tensor:
        h: Tensor = self.start(F.one_hot(codes, self.levels).float().transpose(1, 2))
        total_: Tensor | None = None
        for i, (both, back, skip) in enumerate(zip(self.both, self.back, self.skip, strict=True)):
            value, gate = both(F.pad(h, (2 ** (i % 10), 0))).chunk(2, dim=1)
            z = torch.tanh(value) * torch.sigmoid(gate)
            total_ = skip(z) if total_ is None else total_ + skip(z)
            h = h + back(z)
        assert total_ is not None
        out: Tensor = self.two(F.relu(self.one(F.relu(total_)))).transpose(1, 2)
        return out


def wavenet() -> Iterator[Pair]:
    codes = torch.randint(0, 256, (1, 1000))
    yield Pair("WaveNet, 30 layers", example("wavenet", "WaveNet"), WaveNetByHand(256, 64, 256, 30), (codes,))


SECTIONS: dict[str, list[Callable[[], Iterator[Pair]]]] = {
    "Recurrences on torch's kernels, against torch.nn": [recurrent],
    "Recurrences that torch has no kernel for": [loops, naive],
    "Models, against transformers, timm and by hand": [transformers, timm, wavenet],
}


REASONS = {
    ", small": "A call joins the gates' weights, which the program keeps under its own names: 0.03 to 0.05 ms and a copy of the "
    "weights for each layer and direction. That shows where a whole call takes no more than some milliseconds.",
    "naive loop": "The products of the state with its weights, and their gradients, step by step, are the same work on both sides; "
    "what is saved is the rest: the inputs' products, their gradients, and most of the calls.",
}
"""Why a bound may not hold, by words of the row."""


def main() -> int:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    started = time.perf_counter()
    version = f"torch {torch.__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, one thread"
    out = [
        "# Emitted code, measured",
        "",
        f"Written by `benchmarks/code.py` on {time.strftime('%Y-%m-%d')}: {version}.",
        "",
    ]
    out += ["Time is ours divided by the reference's, memory likewise; less than 1 is better.", ""]
    missed, reasons = 0, dict[str, None]()
    for title, groups in SECTIONS.items():
        lines = []
        for group in groups:
            for pair in group():
                if ONLY and ONLY not in pair.what:
                    continue
                for row in measure(pair):
                    missed += not row.holds
                    if not row.holds:
                        reasons.update(dict.fromkeys(why for word, why in REASONS.items() if word in row.what))
                    mark = "holds" if row.holds else "**does not hold**"
                    memory = "" if row.memory is None else f"{row.memory:.2f}"
                    millis = f"{row.seconds * 1000:.3g} ms"
                    lines.append(f"| {row.what} | {millis} | {row.ratio:.2f} | {row.bound:g} | {memory} | {mark} |")
                    print(
                        f"{row.what:<58} {millis:>10} {row.ratio:6.2f} of {row.bound:g}  memory {memory:<5} {mark}",
                        flush=True,
                    )
        head = ["| what | reference | time | bound | memory | |", "|---|---|---|---|---|---|"]
        out += [f"## {title}", "", *head, *lines, ""]
    out += ["## Where a bound does not hold", "", *(f"- {why}" for why in reasons), ""] if reasons else []
    print(f"{time.perf_counter() - started:.0f} s; {missed} bounds do not hold")
    if not QUICK and not ONLY:
        (HERE / "code.md").write_text("\n".join(out), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
