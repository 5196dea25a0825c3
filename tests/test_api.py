"""archdsl from Python: check, draw, compile, load."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import archdsl
from archdsl import resources

TAGGER = resources.folder("examples") / "tagger.arch"
TWO = "model A {\n  input x: [batch, 4]\n  output relu(x)\n}\nmodel B {\n  input x: [batch, 4]\n  output tanh(x)\n}\n"


def test_a_program_is_given_as_path_or_as_text() -> None:
    text = TAGGER.read_text(encoding="utf-8")
    by_path, by_name, by_text = archdsl.check(TAGGER), archdsl.check(str(TAGGER)), archdsl.check(text)
    assert by_path == by_name
    assert [d.name for d in by_path.definitions] == [d.name for d in by_text.definitions]
    assert by_text.file == "<text>"
    assert isinstance(by_path, archdsl.Program)
    assert archdsl.compile(TAGGER) == archdsl.compile(text)


def test_errors_are_raised_with_their_message() -> None:
    with pytest.raises(archdsl.Errors, match="E0201: unknown name `z`"):
        archdsl.check("model M {\n  input x: [batch, 4]\n  output y = relu(z)\n}\n")
    with pytest.raises(FileNotFoundError):
        archdsl.check("nowhere.arch")


def test_other_numbers() -> None:
    (definition,) = (d for d in archdsl.check(TAGGER, units=8).definitions if d.name == "Tagger")
    assert {h.name: str(h.default) for h in definition.hypers}["units"] == "8"


def test_a_notebook_shows_a_figure() -> None:
    figure = archdsl.draw(TAGGER, only=["Tagger"])
    assert isinstance(figure, archdsl.Figure)
    assert figure._repr_svg_() == figure.svg().decode()
    assert figure.png().startswith(b"\x89PNG")


def test_load() -> None:
    torch = pytest.importorskip("torch")
    tagger = archdsl.load(TAGGER, "Tagger", vocab=50, units=8, tags=3)
    assert isinstance(tagger, torch.nn.Module)
    assert tagger(torch.randint(50, (2, 5))).shape == (2, 5, 3)
    assert type(archdsl.load(TAGGER, "Tagger")) is type(tagger)
    assert "nn.Module" in inspect.getsource(type(tagger))
    assert type(archdsl.load(TAGGER)).__name__ == "Tagger"


def test_what_is_loaded_can_be_copied_and_pickled() -> None:
    torch = pytest.importorskip("torch")
    tagger = archdsl.load(TAGGER, "Tagger", vocab=50, units=8, tags=3)
    tokens = torch.randint(50, (2, 5))
    for again in (copy.deepcopy(tagger), pickle.loads(pickle.dumps(tagger))):
        assert torch.equal(again(tokens), tagger(tokens))


def test_a_name_is_needed_where_there_are_two() -> None:
    pytest.importorskip("torch")
    with pytest.raises(ValueError, match="A, B"):
        archdsl.load(TWO)
    with pytest.raises(ValueError, match="has no definition 'C'"):
        archdsl.load(TWO, "C")
    assert type(archdsl.load(TWO, "B")).__name__ == "B"


def test_an_if_comes_out_by_the_numbers_given() -> None:
    pytest.importorskip("torch")
    text = (
        "model M(d = 4, norm = 0) {\n  input x: [batch, d]\n"
        "  if norm == 1 {\n    y = x -> LayerNorm\n  } else {\n    y = x\n  }\n  output y\n}\n"
    )
    assert [len(list(archdsl.load(text, norm=norm).parameters())) for norm in (0, 1, 0)] == [0, 2, 0]


def test_words_choose_too() -> None:
    pytest.importorskip("torch")
    text = (
        "model M(d = 4, norm = false, act = relu) {\n  input x: [batch, d]\n"
        "  if norm {\n    y = x -> LayerNorm\n  } else {\n    y = x\n  }\n  output z = act(y)\n}\n"
    )
    assert len(list(archdsl.load(text, norm=True, d=3).parameters())) == 2
    assert "tanh" in archdsl.compile(text, act="tanh")


def test_importing_is_light() -> None:
    script = "import sys, archdsl; print([m for m in ('torch', 'lark', 'pydantic', 'graphviz', 'numpy') if m in sys.modules])"
    root = str(Path(archdsl.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root, timeout=300)
    assert done.stdout == "[]\n", done.stderr


def test_an_unknown_attribute_is_one() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        archdsl.nothing  # noqa: B018
