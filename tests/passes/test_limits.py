"""Settings have ranges: what is out of them is refused, where the number is written or where it becomes known."""

import pytest

from archdsl.compiler import analyse
from archdsl.diagnostics import Errors
from archdsl.ops import DISTRIBUTIONS, INITIALIZERS, OPS, OPTIMIZERS

NET = "model Net(k = 3) {\n  input x: [batch, 4]\n  output Linear(k)(x)\n}\n"


def model(body: str, hypers: str = "d = 4") -> str:
    return f"model M({hypers}) {{\n  input x: [batch, d]\n  {body}\n}}\n"


def fit(optimizer: str, hypers: str = "rate = 1") -> str:
    return f"{NET}train Fit({hypers}) {{\n  input x: [batch, 4]\n  minimize mean(Net()(x)) with {optimizer}\n}}\n"


OUT = {
    fit("SGD(-1)"): "`lr` of SGD is -1 here, and must be at least 0",
    fit("SGD(0.1, momentum = -1)"): "`momentum` of SGD is -1 here, and must be at least 0",
    fit("Adam(1e-3, beta1 = 1)"): "`beta1` of Adam is 1 here, and must be less than 1",
    fit("SGD(rate)", "rate = -1"): "rate is -1 here, and must be at least 0",
    model("output Dropout(2)(x)"): "`p` of Dropout is 2 here, and must be less than 1",
    model("output Dropout(2 * p)(x)", "d = 4, p = 0.5"): "2*p is 1 here, and must be less than 1",
    model("output attention(x, x, x, dropout = 1.5)"): "`dropout` of attention is 1.5 here, and must be at most 1",
    model("z ~ Normal(x, -1)\n  output z"): "`std` of Normal is -1 here, and must be greater than 0",
    model("z ~ Bernoulli(1.5): [batch, d]\n  output z"): "`p` of Bernoulli is 1.5 here, and must be at most 1",
    model("z ~ Uniform(1, -1): [batch, d]\n  output z"): "`high - low` of Uniform is -2 here, and must be greater than 0",
    model("param W: [d, d] = normal(0, -1)\n  output x @ W"): "`std` of normal is -1 here, and must be at least 0",
    model("param W: [d, d] = spectral(0.9, 1.5)\n  output x @ W"): "`density` of spectral is 1.5 here",
    "block B(p) {\n  input x: [batch, f]\n  output Dropout(p)(x)\n}\n"
    + model("output B(1 + q)(x)", "d = 4, q = 0"): "q + 1 is 1 here, and must be less than 1",
}  # fmt: skip


@pytest.mark.parametrize(("program", "message"), OUT.items(), ids=[m.split(" is ")[0] for m in OUT.values()])
def test_what_is_out_of_range_is_refused(program: str, message: str) -> None:
    with pytest.raises(Errors) as caught:
        analyse(program)
    (found,) = caught.value.diagnostics
    assert found.code == "E0306"
    assert message in caught.value.render()


@pytest.mark.parametrize(
    "program",
    [fit("SGD(0)"), fit("SGD(rate)", "rate = 0.1"), model("output Dropout(0)(x)"), model("z ~ Normal(x, abs(x) + 1)\n  output z")],
)  # fmt: skip
def test_what_is_in_range_is_taken(program: str) -> None:
    assert analyse(program).definitions


def test_limits_speak_of_settings_that_there_are() -> None:
    entries = [(e.limits, e.settings) for e in (*OPS.values(), *INITIALIZERS.values(), *OPTIMIZERS.values())]
    entries += [(d.limits, dict.fromkeys(d.parameters)) for d in DISTRIBUTIONS.values()]
    for limits, settings in entries:
        assert all(name in settings for key in limits for name in key.split(" - "))


def test_a_scan_takes_a_step_at_least() -> None:
    program = model(
        "x -> scan { input v\n  state s: [batch] = 0\n  s' = s + v\n  output s } over d -> output y", "d = 0"
    )
    with pytest.raises(Errors, match="d is 0 here, and must be greater than 0"):
        analyse(program)


def test_a_gradient_is_of_something_that_the_loss_depends_on() -> None:
    body = "y = Net()(x)\n  h = {h}\n  l = mean(y * h)\n  g = gradient({loss}, h)\n  k = l + mean(g)\n  minimize k with SGD(1)"

    def text(h: str, loss: str) -> str:
        return f"{NET}train Fit {{\n  input x: [batch, 4]\n  {body.format(h=h, loss=loss)}\n}}\n"

    assert analyse(text("Linear(3)(x)", "l")).definitions
    for loss in ("mean(y)", "mean(stop_gradient(h))"):
        with pytest.raises(Errors, match="no gradient of this loss reaches `h`"):
            analyse(text("Linear(3)(x)", loss))
