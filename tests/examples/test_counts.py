"""The published parameter counts stand in the programs as `expect`, and what is emitted has as many."""

import re
from pathlib import Path

import pytest
import torch
from agreement import EXAMPLES, load

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
    ("gnmt", "DelayedGNMT"): 276_735_233,
    ("persistent_rbm", "PersistentRBM"): 393_284,
    ("transformer", "Transformer big"): 214_245_376,
    ("bert", "BERT large"): 335_141_888,
    ("gpt2", "GPT2 xl"): 1_557_611_200,
    ("gpt2", "GPT2 gpt3"): 174_604_259_328,
}
"""By file, and by model with its configuration."""


@pytest.mark.parametrize(("file", "name"), COUNTS)
def test_what_is_emitted_has_the_published_count(file: str, name: str) -> None:
    text = (EXAMPLES / f"{file}.arch").read_text()
    model, _, config = name.partition(" ")
    within = text[text.index(f"model {model}") :]
    if config:
        within = within[within.index(f"config {config}(") :]
    expected = re.search(r"expect params == (.*?) *(#.*|})?\n", within)
    assert expected and eval(expected[1]) == COUNTS[file, name]
    settings = re.search(rf"config {config}\((.*?)\)", within) if config else None
    sizes = {
        k: float(v) if "." in v else int(v) for k, v in re.findall(r"(\w+) = ([\d.]+)", settings[1] if settings else "")
    }
    with torch.device("meta"):
        module = archdsl.load(EXAMPLES / f"{file}.arch", model, **sizes)
    assert sum(p.numel() for p in module.parameters() if p.requires_grad) == COUNTS[file, name]


def test_a_hopfield_network_has_as_many_weights_as_pairs_of_units() -> None:
    """N (N − 1) / 2: its memory is symmetric, and no unit is joined with itself."""
    net = load("hopfield", "Hopfield", units=12)
    net(torch.randn(31, 12).sign())  # an odd number of patterns: no weight is 0
    W = next(net.buffers())
    assert torch.equal(W, W.T) and not W.diagonal().any()
    assert W.tril().count_nonzero() == 12 * 11 / 2


FILES = sorted(EXAMPLES.glob("*.arch"))
NO_PAPER = {"tagger"}
"""The README's program, which is nobody's."""


def lines(path: Path) -> int:
    """Of a program, without comments and empty lines."""
    return len(re.findall(r"^\s*[^\s#]", path.read_text(), re.M))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_example_is_checked_and_documented(path: Path) -> None:
    program = archdsl.check(path)
    assert all(program[name].doc for name in program.entries)
    named = re.findall(r"[A-Z][\w-]+.*?\b(1[89]|20)\d\d\b", path.read_text().replace("\n", " "))
    assert named or path.stem in NO_PAPER, "no paper is named with its year"


def test_the_programs_are_short() -> None:
    assert max(map(lines, FILES)) <= 60
    assert sum(lines(path) < 40 for path in FILES) > 0.75 * len(FILES)
