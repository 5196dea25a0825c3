"""The life of a loaded model: its numbers, its weights from files, and itself in another process."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import archdsl

torch = pytest.importorskip("torch")

EXAMPLES = Path(__file__).parents[1] / "examples"
TAGGER = EXAMPLES / "tagger.arch"
SIZES = {"vocab": 50, "units": 8, "tags": 3}
TIED = """model Tied(vocab = 7, d = 4, act = tanh) {
  input tokens: int[batch, time]
  E = Embedding(vocab, d)
  memory seen: [d] = mean(E(tokens), over = [0, 1])
  seen' = 0.9 * seen
  output scores = act(E(tokens) - seen) @ transpose(E.weight)
}
"""


def tagger(**more: Any) -> Any:
    torch.manual_seed(0)
    return archdsl.load(TAGGER, "Tagger", **SIZES, **more)


# -- what is asked for ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "sizes", "reason"),
    [
        ("Tagger", {"unit": 8}, "no hyperparameter 'unit'; did you mean 'units'"),
        ("Tagger", {"unit": [8]}, "no hyperparameter 'unit'"),
        ("Tagger", {"units": 8.5}, "units is a whole number, and not 8.5"),
        ("Tagger", {"units": "8"}, 'units is the number 256, and not the word "8"'),
        ("Tagger", {"units": None}, "units is a number, and not None"),
        ("Tagger", {"units": [8]}, r"units is a number, and not \[8\]"),
        ("Tagger", {"units": float("nan")}, "units is a number, and not nan"),
        ("Tagger", {"units": True}, "units is the number 256, and not true"),
    ],
)
def test_a_wrong_keyword_is_told(name: str, sizes: dict[str, Any], reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        archdsl.load(TAGGER, name, **sizes)


def test_a_size_that_cannot_be_is_an_error_of_the_program() -> None:
    with pytest.raises(archdsl.Errors, match="must be greater than 0"):
        archdsl.load(TAGGER, "Tagger", units=-8)
    with pytest.raises(archdsl.Errors, match="must be whole"):
        archdsl.load(EXAMPLES / "gpt2.arch", "GPT2", d=10, heads=3)


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"n": -1, "d": 3}, "n is -1, and must be greater than 0"),
        ({"n": 4, "d": 0}, "d is 0, and must be greater than 0"),
        ({"n": 4, "d": 3, "depth": -1}, "depth is -1, and must be at least 0"),
    ],
)
def test_numbers_that_no_module_can_have(sizes: dict[str, int], reason: str) -> None:
    text = """block B(n, depth = 1) {
      input x: [batch, d]
      x -> Linear(n) -> stack depth { Linear(n) } -> output y
    }
    """
    with pytest.raises((ValueError, archdsl.Errors), match=reason):
        archdsl.load(text, "B", **sizes)
    assert archdsl.load(text, "B", n=4, d=3, depth=0)(torch.zeros(2, 3)).shape == (2, 4)


def test_a_missing_size_is_told() -> None:
    with pytest.raises(TypeError, match=r"LSTM needs features: archdsl.load\(…, 'LSTM', features=…\)"):
        archdsl.load(EXAMPLES / "lstm.arch", "LSTM", units=4)
    assert archdsl.load(EXAMPLES / "lstm.arch", "LSTM", units=4, features=3)(torch.randn(2, 3))[0].shape == (2, 4)


def test_numbers_of_other_kinds() -> None:
    numpy = pytest.importorskip("numpy")
    found = archdsl.load(TAGGER, "Tagger", vocab=numpy.int64(50), units=8.0, tags=3)
    assert found.embedding.weight.shape == (50, 8) and type(found) is type(tagger())


def test_a_training_is_loaded_too() -> None:
    fit = archdsl.load(TAGGER, "Fit", **SIZES)
    (means,) = fit.fit([(torch.randint(50, (2, 5)), torch.randint(3, (2, 5)))])
    assert means.keys() == {"loss"}


def test_without_torch() -> None:
    script = f"import sys; sys.modules['torch'] = None; import archdsl; archdsl.load({str(TAGGER)!r}, 'Tagger')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=EXAMPLES.parent, timeout=300
    )
    assert "ImportError: archdsl.load needs PyTorch" in done.stderr


# -- weights -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("plain", [False, True])
def test_weights_of_a_file(tmp_path: Path, plain: bool) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    first, tokens = tagger(), torch.randint(50, (2, 5))
    torch.save(first.state_dict(), tmp_path / "a.pt")
    safetensors.save_file(first.state_dict(), tmp_path / "a.safetensors")
    for file in ("a.pt", "a.safetensors"):
        other = archdsl.load(TAGGER, "Tagger", **SIZES, plain=plain, weights=tmp_path / file)
        torch.testing.assert_close(other(tokens), first(tokens))


def test_weights_of_a_training(tmp_path: Path) -> None:
    """The checkpoint that `fit` writes holds a training; the model takes its own part of it."""
    fit = archdsl.load(TAGGER, "Fit", **SIZES)
    fit.fit([(torch.randint(50, (2, 5)), torch.randint(3, (2, 5)))], checkpoint=tmp_path / "fit.pt")
    tokens = torch.randint(50, (2, 5))
    assert torch.equal(tagger(weights=tmp_path / "fit.pt")(tokens), fit.net(tokens))
    again = archdsl.load(TAGGER, "Fit", **SIZES, weights=tmp_path / "fit.pt")
    assert torch.equal(again.net(tokens), fit.net(tokens))


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    state = tagger().state_dict()
    kept = state.pop("linear.bias")
    torch.save(state, tmp_path / "part.pt")
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: \"linear.bias\""):
        tagger(weights=tmp_path / "part.pt")
    assert tagger(weights=tmp_path / "part.pt", strict=False).linear.bias.shape == kept.shape
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="holds a list, and no state dict"):
        tagger(weights=tmp_path / "list.pt")
    with pytest.raises(FileNotFoundError):
        tagger(weights=tmp_path / "none.pt")


@pytest.mark.parametrize("strict", [True, False])
def test_weights_of_something_else(tmp_path: Path, strict: bool) -> None:
    model = tagger()
    torch.save({f"module.{n}": v for n, v in model.state_dict().items()}, tmp_path / "wrapped.pt")
    with pytest.raises(ValueError, match=r"wrapped\.pt has no weight of Tagger: Tagger has .*; the file has module\."):
        tagger(weights=tmp_path / "wrapped.pt", strict=strict)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    (tmp_path / "text.pt").write_text("no weights", encoding="utf-8")
    for file in ("whole.pt", "text.pt"):
        with pytest.raises(ValueError, match="cannot be read as a state dict"):
            tagger(weights=tmp_path / file, strict=strict)


def test_tied_weights_are_saved_once(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    model = archdsl.load(TIED)
    tokens = torch.randint(7, (2, 5))
    model(tokens)
    safetensors.save_file(model.state_dict(), tmp_path / "tied.safetensors")
    other = archdsl.load(TIED, weights=tmp_path / "tied.safetensors")
    assert set(other.state_dict()) == {"seen", "E.weight"}
    torch.testing.assert_close(other.eval()(tokens), model.eval()(tokens), rtol=0, atol=0)


# -- somewhere else ------------------------------------------------------------------------------------------------------
ELSEWHERE = """
import pickle, sys, torch
torch.set_num_threads(1)
model, state, training = torch.load(sys.argv[1], weights_only=False)
tokens = torch.arange(10).view(2, 5) % 7
torch.save((model.eval()(tokens), type(state).__name__, [type(m).__name__ for m in training.modules()][:3]), sys.argv[2])
torch.save(model, sys.argv[3])
"""


@pytest.mark.parametrize("act", ["tanh", "relu"])
def test_goes_to_another_process_and_back(tmp_path: Path, act: str) -> None:
    """With its memories, the hooks on them, and the classes of its states."""
    model = archdsl.load(TIED, act=act)
    tokens = torch.arange(10).view(2, 5) % 7
    model(tokens)
    _, state = tagger().lstm(torch.randn(2, 8))
    training = archdsl.load(TAGGER, "Fit", **SIZES)
    torch.save((model, state, training), tmp_path / "there.pt")
    paths = [str(tmp_path / n) for n in ("there.pt", "found.pt", "back.pt")]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *paths], check=True, cwd=EXAMPLES.parent, timeout=300)
    scores, state_name, parts = torch.load(paths[1], weights_only=False)
    torch.testing.assert_close(scores, model.eval()(tokens), rtol=0, atol=0)
    assert state_name == "LSTMState" and parts == ["Fit", "Tagger", "Embedding"]
    back = torch.load(paths[2], weights_only=False)
    assert type(back) is type(model)
    torch.testing.assert_close(back(tokens), model(tokens), rtol=0, atol=0)


def test_copies_are_alike() -> None:
    model, tokens = archdsl.load(TIED), torch.randint(7, (2, 5))
    model(tokens)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
        assert type(other) is type(model) and other.begun
        assert torch.equal(other.eval()(tokens), model.eval()(tokens))
    deep = copy.deepcopy(model)
    deep.E.weight.data.zero_()
    assert model.E.weight.any()


def test_what_was_loaded_does_not_begin_anew() -> None:
    """A memory that begins with the data keeps what it was given: by a state dict, by hand, and in parameters handed over."""
    model, tokens = archdsl.load(TIED), torch.randint(7, (2, 5))
    model(tokens)
    kept = model.seen.clone()
    for assign in (False, True):
        other = archdsl.load(TIED)
        other.load_state_dict(model.state_dict(), assign=assign)
        other(tokens)
        torch.testing.assert_close(other.seen, 0.9 * kept)
    other = archdsl.load(TIED)
    other.load_state_dict(archdsl.load(TIED).state_dict())
    other(tokens)
    assert other.seen.isfinite().all()
    other = archdsl.load(TIED)
    other.seen = torch.ones(4)
    other(tokens)
    torch.testing.assert_close(other.seen, torch.full((4,), 0.9))
