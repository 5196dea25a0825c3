"""Two programs compared: what is said, what is drawn, and that the one figure holds both."""

import random
from collections import Counter
from pathlib import Path

import pytest

import archdsl
from archdsl.cli import main
from archdsl.comparison import Difference, compare
from archdsl.comparison.flat import flat
from archdsl.compiler import analyse, analyse_file
from archdsl.figure.panels import panels
from archdsl.figure.scene import Panel
from archdsl.ir.meaning import same
from tests.mutate import mutant
from tests.pairs import FAMILIES

EXAMPLES = Path(__file__).parents[2] / "examples"
LAYER = """block Layer(d, heads) {{
  input x: [batch, time, d]
  y = x -> {}
  output z = y -> {}
}}
model Encoder(d = 512, layers = 6, heads = 8) {{
  input x: [batch, time, d]
  x -> stack layers {{ Layer(d, heads) }} -> output y
}}"""
POST = LAYER.format(
    "residual { SelfAttention(d, heads) } -> LayerNorm", "residual { Linear(4 * d) -> relu -> Linear(d) } -> LayerNorm"
)
PRE = LAYER.format(
    "residual { LayerNorm -> SelfAttention(d, heads) }",
    "residual { LayerNorm -> Linear(4 * d) -> gelu -> Linear(d) }",
)
SCAN = "model M(d = 8) {{ input x: [batch, time, d]\n x -> scan {}(d) over time -> output y }}"


def of(before: str, after: str) -> Difference:
    return compare(analyse(before), analyse(after))


# -- in words ---------------------------------------------------------------------------------------------------------
def test_norm_before_or_after() -> None:
    assert of(POST, PRE).text() == (
        "≠ Layer\n"
        "    + LayerNorm  (of “x”, into “SelfAttention”)\n"
        "    ≠ relu → gelu\n"
        "    − LayerNorm  (of “+”, into “z”)\n"
        "    + arrow from “+” to “z”\n"
        "    + arrow from “+” to “+”\n"
        "    − arrow from “LayerNorm” to “+”\n"
        "    − arrow from “x” to “SelfAttention”\n"
        "the same: Encoder, LayerNorm, SelfAttention, MultiHeadAttention"
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (SCAN.format("LSTM"), SCAN.format("PeepholeLSTM"), ["≠ LSTM → PeepholeLSTM", "+ peep_i [units], starts 0"]),
        (SCAN.format("GRU"), SCAN.format("GRUCho"), ["≠ GRU → GRUCho", "+ arrow from “h” to “×”"]),
        (
            SCAN.format("LSTM"),
            SCAN.format("LSTM").replace("time ->", "time reversed ->"),
            ["↻ over time →, shared weights → ↻ over time ←, shared weights"],
        ),
        (SCAN.format("LSTM"), SCAN.format("LSTM").replace("d = 8", "d = 9"), ["≠ with d = 8 → d = 9"]),
        (SCAN.format("LSTM"), "model N(d = 8) { input q: int[n]\n output p = q * 2 }", ["+ N", "− M", "− LSTM"]),
    ],
)
def test_what_is_said(before: str, after: str, said: list[str]) -> None:
    text = of(before, after).text()
    assert all(words in text for words in said)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_every_difference_is_told(family) -> None:  # type: ignore[no-untyped-def]
    found = of(*family.programs[:2])
    assert not found.same
    assert [part for part in found.parts if part.kind], "nothing is said to differ"
    assert "they do not mean" not in found.text()


def test_order_and_names_of_statements_do_not_hide_a_change() -> None:
    lines = [
        " gate i = sigmoid(Linear(d)([x, h]))",
        " gate f = sigmoid(Linear(d)([x, h]))",
        " g = tanh(Linear(d)([x, h]))",
        " k = relu(Linear(d)(x))",
        " l = relu(Linear(d)(h))",
    ]
    cell = "cell C(d) {{ input x: [batch, d]\n state h: [batch, d] = 0\n{}\n h' = f * h + i * (g + k * {}(l))\n output h' }}"
    before, after = cell.format("\n".join(lines), "sin"), cell.format("\n".join(reversed(lines)), "cos")
    assert of(before, after).text() == "≠ C\n    ≠ sin → cos"


# -- as a figure ------------------------------------------------------------------------------------------------------
def halves(found: Difference) -> None:
    """Without what was removed, the figure of both is that of the second; without what was added, that of the first."""
    for program, other in ((found.after, "removed"), (found.before, "added")):
        merged: Counter[object] = Counter()
        for part in found.parts:
            if part.panel.root.change != other:
                merged += joined(part.panel, other)
        drawn = sum((joined(p, "") for p in panels(program, captions=False)), Counter())
        assert merged == drawn


def joined(panel: Panel, without: str) -> Counter[object]:
    """How many marks there are of each kind, and how many arrows between which kinds."""
    found: Counter[object] = Counter()
    whole = flat(panel)
    for mark in whole.marks:
        if mark.change != without or not without:
            found[mark.kind if mark.kind not in ("weights", "frozen") else "weights"] += 1
    for flow in whole.flows:
        if flow.change != without or not without:
            kinds = tuple(m.kind if m.kind not in ("weights", "frozen") else "weights" for m in (flow.tail, flow.head))
            found[(flow.kind, *kinds, flow.tail_port, flow.head_port)] += 1
    return found


PAIRS = [
    ("gru", "mgu"), ("lstm", "peephole_lstm"), ("bert", "gpt2"), ("gan", "vae"), ("resnet18", "resnet50"), ("ntm", "dntm"), ("esn", "elm"),
    ("kmeans", "cmeans"), ("mlp", "transformer"), ("resnet50", "resnet50_v1"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_figure_holds_both(a: str, b: str) -> None:
    halves(compare(analyse_file(EXAMPLES / f"{a}.arch"), analyse_file(EXAMPLES / f"{b}.arch")))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.arch")), ids=lambda p: p.stem)
def test_of_changed_examples(path: Path) -> None:
    program = analyse_file(path)
    for seed in range(3):
        made = mutant(program, random.Random(seed))
        if made and not same(program, made[1]):
            found = compare(program, made[1])
            halves(found)
            assert any(part.kind for part in found.parts), made[0]


def test_marks_are_told_apart_without_colour() -> None:
    dot = of(POST, PRE).figure().dot
    for sign in (">+</FONT>", ">−</FONT>", ">≠</FONT>"):
        assert sign in dot
    assert "dotted" in dot
    assert all(f"{what}" in dot for what in ("added", "removed", "changed: old → new"))
    assert "SelfAttention" in dot and "Encoder  " not in dot.replace("<B>Layer</B>  ", "")
    assert "<B>Encoder</B>" in of(POST, PRE).figure(whole=True).dot


def test_it_can_be_drawn() -> None:
    found = of(SCAN.format("LSTM"), SCAN.format("PeepholeLSTM"))
    assert found.figure().svg() == found.figure().svg()
    assert b"<svg" in found.figure(theme="mono", direction="right").svg()


def test_what_goes_up_in_one_and_down_in_the_other_is_drawn() -> None:
    """The arrows of both together go round in a circle here; those that are gone lead back down."""
    found = compare(analyse_file(EXAMPLES / "lstm.arch"), analyse_file(EXAMPLES / "gru.arch"))
    assert found.figure().svg().startswith(b"<?xml")


def test_what_happens_several_times_is_said_once() -> None:
    lines = (
        compare(analyse_file(EXAMPLES / "lstm.arch"), analyse_file(EXAMPLES / "peephole_lstm.arch")).text().splitlines()
    )
    assert "    − arrow from “+” to “σ”  (× 3)" in lines
    assert len(lines) == len(set(lines)) and not any("LSTM cell" in line for line in lines)


def test_titles_are_compared_item_by_item() -> None:
    long = "model M(vocab = {}, d = 8, layers = 12, heads = 2, hidden = 4 * d, {} = 16) {{ input x: [n, d]\n output y = x * 2\n {} }}"
    before = long.format(30_000, "positions", "config large(d = 16, layers = 24)\n config tiny(d = 2)")
    after = long.format(50_000, "context", "config large(d = 32, layers = 24)\n config xl(d = 64)")
    assert of(before, after).text().splitlines()[1:] == [
        "    ≠ with vocab = 30000 → vocab = 50000",
        "    + with context = 16",
        "    − with positions = 16",
        "    ≠ config large: d = 16 → d = 32",
        "    + config xl: d = 64",
        "    − config tiny: d = 2",
    ]


# -- the command ------------------------------------------------------------------------------------------------------
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after, wrong = (tmp_path / f"{n}.arch" for n in ("before", "after", "wrong"))
    before.write_text(POST)
    after.write_text(PRE)
    wrong.write_text("model M(d = 8) { output y }")
    figure = tmp_path / "difference.svg"
    assert main(["diff", str(before), str(before)]) == 0
    assert capsys.readouterr().out == "both mean the same\n"
    assert main(["diff", str(before), str(after), "-o", str(figure)]) == 1
    assert "≠ relu → gelu" in capsys.readouterr().out
    assert figure.read_bytes().startswith(b"<?xml")
    assert main(["diff", str(before), str(wrong), "-o", str(tmp_path / "none.svg")]) == 2
    assert "E0" in capsys.readouterr().err
    assert main(["diff", str(before), str(tmp_path / "missing.arch")]) == 2
    assert main(["diff", str(before), str(after), "-o", str(after)]) == 2
    assert not (tmp_path / "none.svg").exists()
    assert after.read_text() == PRE


def test_spelling_comments_and_order_do_not_count(tmp_path: Path) -> None:
    found = archdsl.diff(
        "model M(d = 8) { input a, b: [n, d]\n output y = Linear(d)(a) + Linear(2 * d - d)(b) }",
        "# a note\nmodel M(d = 8) { input a, b: [size, d]\n p = b -> Linear(d)\n output y = p + (a -> Linear(d)) }",
    )
    assert found.same
    assert found.text() == "both mean the same"
    assert found.figure().svg()


TWO = """block Norm(d) { input x: [batch, d]
 output y = x - mean(x) }
model Post(d = 8) { input x: [batch, d]
 output y = x -> Linear(d) -> Norm(d) }
model Pre(d = 8) { input x: [batch, d]
 output y = x -> Norm(d) -> Linear(d)
 config small(d = 4) { } }
model Spelled(d = 8) { input x: [batch, d]
 h = Linear(d)(x)
 output y = Norm(d)(h) }
"""


def test_one_model_of_each_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.arch"
    path.write_text(TWO)
    other = tmp_path / "other.arch"
    other.write_text(TWO.replace("Linear(d)(x)", "tanh(x)"))
    both, figure = [str(path), str(path)], tmp_path / "difference.svg"
    assert main(["diff", *both, "--model", "Post", "--model", "Pre", "-o", str(figure)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("≠ Post → Pre\n") and "Spelled" not in said and "the same: Norm\n" in said
    assert b"two.arch: Post" in figure.read_bytes()
    assert main(["diff", *both, "--model", "Post", "--model", "Spelled"]) == 0  # what they are called does not count
    assert main(["diff", str(path), str(other)]) == 1
    assert main(["diff", str(path), str(other), "--model", "Pre"]) == 0
    assert main(["diff", str(path), str(other), "--model", "Spelled"]) == 1
    assert archdsl.diff(path, other, models=("Post", "Post")).same
    assert main(["diff", *both, "--model", "Pre", "--set", "d=4"]) == 0
    assert main(["diff", *both, "--model", "Pre", "--config", "small"]) == 0


def test_models_asked_for_in_vain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.arch"
    path.write_text(TWO)
    assert main(["diff", str(path), str(path), "--model", "Post", "--model", "Post_"]) == 2
    assert "two.arch: there is no definition 'Post_'" in capsys.readouterr().err
    assert main(["diff", str(path), str(path), *(["--model", "Post"] * 3)]) == 2
    assert "give it once for both, or once for each" in capsys.readouterr().err
