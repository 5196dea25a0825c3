"""The published parameter counts stand in the programs as `expect`, and what is emitted has as many."""

import re
from pathlib import Path

import pytest
import torch
from agreement import EXAMPLES

import archdsl

COUNTS = {
    ("mlp", "MLP"): 266_610,
    ("lenet5", "LeNet5"): 61_706,
    ("resnet18", "ResNet18"): 11_689_512,
    ("resnet50", "ResNet50"): 25_557_032,
    ("resnet50_v1", "ResNet50v1"): 25_557_032,
    ("rnn", "RNNLayer"): 98_816,
    ("lstm", "LSTMLayer"): 395_264,
    ("peephole_lstm", "PeepholeLayer"): 396_032,
    ("gru", "GRULayer"): 296_448,
    ("gru", "ChoGRULayer"): 296_448,
    ("mgu", "MGULayer"): 197_632,
    ("tagger", "Tagger"): 3_089_681,
    ("transformer", "Transformer"): 63_082_496,
    ("bert", "BERT"): 109_482_240,
    ("gpt1", "GPT"): 116_534_784,
    ("gpt2", "GPT2"): 124_439_808,
    ("vit", "ViT"): 86_567_656,
    ("mixer", "Mixer"): 59_880_472,
    ("gmlp", "GMLP"): 19_422_656,
    ("dcgan", "Generator"): 3_576_704,
    ("dcgan", "Discriminator"): 2_765_568,
    ("rbm", "RBM"): 393_284,
    ("drcn", "DRCN"): 1_774_080 + 1_025 + 16,
    ("gnmt", "GNMT"): 276_735_233,
}


@pytest.mark.parametrize(("file", "name"), COUNTS)
def test_what_is_emitted_has_the_published_count(file: str, name: str) -> None:
    text = (EXAMPLES / f"{file}.arch").read_text()
    assert f"model {name}" in text and "expect params ==" in text
    with torch.device("meta"):
        module = archdsl.load(EXAMPLES / f"{file}.arch", name)
    assert sum(p.numel() for p in module.parameters() if p.requires_grad) == COUNTS[file, name]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.arch")), ids=lambda p: p.stem)
def test_every_example_is_checked_documented_and_short(path: Path) -> None:
    text = path.read_text()
    program = archdsl.check(path)
    assert all(program[name].doc for name in program.entries)
    assert len(re.findall(r"^\s*[^\s#]", text, re.M)) <= 60
