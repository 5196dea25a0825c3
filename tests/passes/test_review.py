"""Findings of an outside review: each test failed when it was written, and says what should be."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import archdsl

torch = pytest.importorskip("torch")


def made(text: str, tmp_path: Path) -> ModuleType:
    """The module that a program compiles to."""
    path = tmp_path / "made.py"
    path.write_text(archdsl.compile(text))
    spec = importlib.util.spec_from_file_location("made", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.pop("made", None)
    spec.loader.exec_module(module)
    return module


def model(body: str, hypers: str = "d = 4", before: str = "") -> str:
    return f"{before}\nmodel M({hypers}) {{\n{body}\n}}\n"


X = "input x: [batch, d]\n"
XT = "input x: [batch, time, d]\n"


@pytest.mark.parametrize("draw", ["Normal(mu, 1)", "Uniform(mu, mu + 1)", "Laplace(mu, 1)"])
def test_a_draw_without_by_stops_the_gradient(draw: str, tmp_path: Path) -> None:
    net = made(model(X + f"mu = Linear(d)(x)\nn ~ {draw}\noutput n"), tmp_path).M()
    assert not net(torch.randn(3, 4)).requires_grad


def test_memories_hand_on_what_came_in(tmp_path: Path) -> None:
    swap = made(
        model(X + "memory a: [d] = 0\nmemory b: [d] = 1\na' = b\nb' = a\noutput y = x + a + 2 * b"), tmp_path
    ).M()
    swap(torch.randn(3, 4))
    assert swap.a.eq(1).all() and swap.b.eq(0).all()
    text = (
        X
        + "memory seen: [d] = 0\nmemory last: [d] = 0\nseen' = seen + sum(x, over = 0)\nlast' = seen\noutput y = x + last"
    )
    net = made(model(text), tmp_path).M()
    net(torch.randn(3, 4))
    before = net.seen.clone()
    net(torch.randn(3, 4))
    assert torch.equal(net.last, before)


def test_a_memory_in_train_is_updated_or_refused(tmp_path: Path) -> None:
    text = "train Fit(k = 3) {\ninput x: [n, k]\nparam w: [k] = 1\nmemory m: [k] = 0\nm' = m + 1\nminimize mean((x * w + m)^2) with SGD(0.1)\n}\n"
    try:
        fit = made(text, tmp_path).Fit()
    except archdsl.Errors:
        return
    fit.step(torch.randn(5, 3))
    assert fit.m.eq(1).all()


@pytest.mark.parametrize("start", ["0", "zeros", "zeros()"])
def test_a_layer_starts_as_it_is_told(start: str, tmp_path: Path) -> None:
    net = made(model(X + f"output y = Linear(d, weight = {start})(x)"), tmp_path).M()
    assert net.y.weight.eq(0).all()


@pytest.mark.parametrize("start", ["tanh", "x"])
def test_a_layer_does_not_start_as_a_function_or_tensor(start: str) -> None:
    with pytest.raises(archdsl.Errors):
        archdsl.check(model(X + f"output y = Linear(d, weight = {start})(x)"))


CELLS = "cell Two(u) {\ninput x: [batch, f]\nA = LSTM(u)\nB = LSTM(u)\noutput y = A(x) + B(x)\n}"


def test_a_cell_of_cells_without_own_state(tmp_path: Path) -> None:
    text = model(XT + "output y = x -> scan Two(3) over time", before=CELLS)
    assert made(text, tmp_path).M()(torch.randn(2, 5, 4)).shape == (2, 5, 3)
    archdsl.draw(text).svg()


@pytest.mark.parametrize(
    "body",
    [
        X + "output y = where(x > 0, x, -1e30)", X + "output y = x * 1e30", X + "output y = clamp(x, -1e20, 1e20)",
        X + "param w: [d] = -1e25\noutput y = x * w", X + "output y = shift(x, 1, fill = -1e30)",
    ],
)  # fmt: skip
def test_large_numbers_run(body: str, tmp_path: Path) -> None:
    made(model(body), tmp_path).M()(torch.randn(3, 4))


@pytest.mark.parametrize(
    "body",
    [
        XT + "input h0: [batch, 3] = 0\noutput y = x -> scan GRU(3) over time from (h = h0)",
        XT + "input mask: bool[batch, time] = true\noutput y = x * unsqueeze(to_float(mask), -1)",
        XT + "input k: int[] = 2\noutput y = x * to_float(k)",
    ],
)
def test_inputs_left_out_are_tensors(body: str, tmp_path: Path) -> None:
    assert made(model(body), tmp_path).M()(torch.randn(3, 5, 4)).isfinite().all()


def test_optimizer_settings_are_floats(tmp_path: Path) -> None:
    made(
        "train Fit(k = 3) {\ninput x: [n, k]\nminimize mean(Linear(2)(x)^2) with Adam(1e-3, beta1 = 0)\n}\n", tmp_path
    ).Fit().step(torch.randn(5, 3))


def test_a_memory_that_needs_no_data_starts_at_once(tmp_path: Path) -> None:
    net = made(model(X + "memory c: [d] = to_float(arange(d))\nc' = c\noutput y = x + c"), tmp_path).M().eval()
    assert net(torch.randn(3, 4)).isfinite().all()


@pytest.mark.parametrize(
    "text",
    [
        "model M(d = 4, d = 5) {\ninput x: [batch, d]\noutput x\n}",
        model("input x: [batch, 1]\ninput t: [batch]\noutput y = mse(x, t)"),
        model(X + "output y = x -> stack n { tanh }", "d = 4, n = 2.5"),
        model(X + "output y = at(x, 9)"),
        model(X + "output y = max(x, over = [0, 0])"),
        model(X + "output y = Dropout(1.5)(x)"),
        model(X + "output y = Linear(d)(x)\nconfig small(d = -5)"),
        model(X + "param W: [d, 6] = spectral(0.5)\noutput y = x @ W"),
        model(X + "param W: [d] = orthogonal\noutput y = x * W"),
        model(X + "z = Linear(3)(x)\noutput y = x"),
        model(X + "output y = Linear(d^d^d)(x)", "d = 99"),
        model(X + "output y = Linear((d + 1)^1000)(x)"),
        model("input x: [batch, a0]\noutput y = x * a60", ", ".join(f"a{i} = a{i - 1} * a{i - 1}" if i else "a0 = 2" for i in range(61))),
    ],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(archdsl.Errors):
        archdsl.check(text)


@pytest.mark.parametrize(
    "body",
    [
        "y = x -> scan {\ninput q: [batch, d]\noutput z = nonesuch(q)\n} over time",
        "y = x -> loop 3 {\ninput h\nmemory m: [d] = 0\nm' = m\nh' = h + m\n}",
    ],
)
def test_an_error_in_a_body_is_told_alone(body: str) -> None:
    with pytest.raises(archdsl.Errors) as caught:
        archdsl.check(model(XT + body + "\noutput y"))
    assert "E0404" not in [d.code for d in caught.value.diagnostics]


def test_a_final_state_is_named_in_the_figure() -> None:
    one, other = (
        archdsl.draw(model(XT + f"r = x -> scan LSTM(3) over time\noutput z = r.{s}")).svg() for s in ("h'", "c'")
    )
    assert one != other


def test_a_block_that_holds_nothing_can_be_made(tmp_path: Path) -> None:
    before = "block B(d) {\ninput x: [batch, d]\ninput s: [] = 3\noutput y = x * s\n}"
    assert made(model(X + "output y = x -> B(d)", before=before), tmp_path).M()(torch.ones(2, 4)).eq(3).all()


def test_a_large_default_is_a_number(tmp_path: Path) -> None:
    made(model(X + "output y = maximum(x, -big)", "d = 4, big = 1e30"), tmp_path).M()(torch.ones(2, 4))


@pytest.mark.parametrize("name", ["F", "Any", "Path", "Trainer"])
def test_any_model_can_be_loaded(name: str) -> None:
    assert archdsl.load(f"model {name}(d = 4) {{\n{X}output y = Linear(d)(relu(x))\n}}\n")(torch.ones(2, 4)).shape == (
        2,
        4,
    )


def test_what_is_collected_has_one_size() -> None:
    body = X + "r = x -> stack 3 as i {\ninput h\nh' = h\noutput s = Linear(i + 1)(h)\n}\noutput y = r.s"
    with pytest.raises(archdsl.Errors):
        archdsl.check(model(body))


def test_a_cell_may_be_stepped_by_any_number_of_repeats() -> None:
    """What a repeat is told apart by must outlive the repeat's own making: an `id()` that came again said "stepped twice"."""
    scans = " - ".join(["(x -> scan cell over time)"] * 200)
    text = model(f"{XT}cell = RNN(d)\noutput y = {scans}")
    for _ in range(5):
        archdsl.check(text)
