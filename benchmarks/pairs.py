"""What `code.py` compares: emitted code, and what people use instead. References: `torch.nn`, `transformers`, `timm`, `by_hand.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import causes
import torch
from by_hand import Filter, Minimal, Naive, Normed, Peephole, WaveNetByHand
from measuring import Pair, Row
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "examples")]

import archdsl  # noqa: E402

QUICK = "--quick" in sys.argv

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
                yield Pair(
                    f"{kind}, {form}, {size}", ours, theirs, (torch.randn(batch, steps, features),), why=causes.joining
                )


# -- recurrences without one -----------------------------------------------------------------------------------------
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


def why(what: str, other: Callable[[Pair, Row], str] = causes.joining) -> Callable[[Pair, Row], str]:
    return causes.passes if what == "linear recurrence" else other


def loops() -> Iterator[Pair]:
    for what, (cell, text, by_hand) in CELLS.items():
        for size, (batch, _, features, units) in {"small": (1, 0, 64, 64), "large": (16, 0, 128, 256)}.items():
            x = torch.randn(batch, 128, features)
            ours = layer(f"scan {cell}({units}) over time", features, text)
            yield Pair(f"{what}, {size}, against a loop by hand", ours, by_hand(features, units), (x,), why=why(what))


def naive() -> Iterator[Pair]:
    """Against the loop that most programs have: the cell by its equations, called with `x[:, t]` at each step."""
    for what, (cell, text, _) in CELLS.items():
        x = torch.randn(16, 512, 64)
        body = f"{text}\nmodel M() {{\n input x: [batch, time, 64]\n output y = x -> scan {cell}(128) over time\n}}\n"
        fast, plain = archdsl.load(body, "M"), archdsl.load(body, "M", plain=True)
        (step,) = plain.children()
        yield Pair(
            f"{what}, 512 steps, against the naive loop",
            fast,
            Naive(step),
            (x,),
            0.5,
            ("step",),
            why=why(what, causes.steps),
        )


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


def wavenet() -> Iterator[Pair]:
    codes = torch.randint(0, 256, (1, 1000))
    yield Pair(
        "WaveNet, 30 layers",
        example("wavenet", "WaveNet"),
        WaveNetByHand(256, 64, 256, 30),
        (codes,),
        why=causes.halves,
    )


SECTIONS: dict[str, list[Callable[[], Iterator[Pair]]]] = {
    "Recurrences on torch's kernels, against torch.nn": [recurrent],
    "Recurrences that torch has no kernel for": [loops, naive],
    "Models, against transformers, timm and by hand": [transformers, timm, wavenet],
}
