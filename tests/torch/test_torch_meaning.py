"""What programs mean, one construct at a time: states, repeats, storage, chance, names, training."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from emitted import case, compiled
from torch import Tensor, nn

from archdsl.compiler import analyse
from archdsl.torch import CannotEmit, emit
from archdsl.torch.names import MODULE_NAMES


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


# -- states ----------------------------------------------------------------------------------------------------------
def leaky(cell: nn.Module, x: Tensor, h: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor]:
    """The cell of the case `states`, by hand."""
    outputs: dict[int, Tensor] = {}
    age = torch.ones(x.shape[0])
    order = range(x.shape[1])
    for t in reversed(order) if reverse else order:
        h = 0.5 * h + torch.tanh(cell.h(x[:, t]))
        outputs[t] = h / age.unsqueeze(-1)
        age = age + 1
    return torch.stack([outputs[t] for t in order], 1), h


def test_scans() -> None:
    model = case("states")["Scans"]()
    x, h0 = torch.randn(2, 5, 3), torch.randn(2, 4)
    y, counted, last = model(x, h0)
    forth = leaky(model.forth, x, model.forth.first.expand(2, -1))[0]
    back = leaky(model.back, x, model.back.first.expand(2, -1), reverse=True)[0]
    begun, final = leaky(model.begun, x, h0)
    same(y[..., :12], torch.cat([forth, back, begun], -1))
    same(last, final)
    same(counted, x.cumsum(1))


def test_a_cell_steps_a_cell() -> None:
    model = case("states")["Scans"]()
    x = torch.randn(2, 5, 3)
    inner, seen, h = model.nested.inner, torch.zeros(2, 4), model.nested.inner.first.expand(2, -1)
    for t in range(5):
        h = 0.5 * h + torch.tanh(inner.h(torch.cat([x[:, t], seen], -1)))
        seen = seen + h / (t + 1)
    same(model(x, torch.zeros(2, 4))[0][:, -1, 12:], seen)


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
def test_a_riding_state_starts_from_a_number_in_the_sizes_of_where_it_rides(kind: str) -> None:
    text = f"""model M(wide = 4) {{
 input x: [items, time, wide]
 C = {kind}(2 * wide)
 r = (scan {{
 input p
 z = C(p)
 output z
 }} over time from (h = START))(x)
 output r
}}"""
    starts = ("0.5", "0.5 * ones([items, 2 * wide])", "0")
    number, tensor, zero = (compiled(text.replace("START", s))["M"]() for s in starts)
    for other in (tensor, zero):
        other.load_state_dict(number.state_dict())
    x = torch.randn(3, 5, 4)
    same(number(x), tensor(x))
    assert (number(x) - zero(x)).abs().max() > 0.01


def test_one_step_at_a_time_is_the_scan() -> None:
    """A cell's class is useful by itself: it takes and gives its state."""
    names = case("states")
    cell, x = names["Leaky"](3, 4), torch.randn(2, 5, 3)
    state, steps = None, []
    for x_t in x.unbind(1):
        y, state = cell(x_t, state)
        steps.append(y)
    same(torch.stack(steps, 1), leaky(cell, x, cell.first.expand(2, -1))[0])
    assert isinstance(state, names["LeakyState"])


# -- repeats ---------------------------------------------------------------------------------------------------------
def test_repeats() -> None:
    model = case("repeats")["Repeats"](d=4, layers=3, passes=2)
    x = torch.randn(2, 5, 4)
    y = x
    for layer in model.deeps:
        y = layer(y).relu()
    for i in range(2):
        y = model.owns[i](y)
    for _ in range(2):
        y = model.again(y).tanh()
    for i in range(2):
        for j in range(3):
            y = model.nested_layers[i][j](y)
        y = y.tanh()
    y = y.transpose(1, 2)
    for i, conv in enumerate(model.dilated_layers):
        y = F.conv1d(y, conv.weight, conv.bias, padding=2**i, dilation=2**i)
    parts = []
    for i in range(3):
        y = y * model.scale[i] + i
        parts.append(y.mean(-1))
    out, collected = model(x)
    same(collected, torch.stack(parts))
    same(out, y.transpose(1, 2))


# -- storage ---------------------------------------------------------------------------------------------------------
def test_what_each_step_makes_of_nothing_has_no_time() -> None:
    text = """model M(d = 3) {
 input x: [batch, time, d]
 output y = x -> scan {
  input a: [batch, d]
  output o = a * sum(ones([d, d])) + sum(a * arange(d), over = -1, keep = true) - sum(eye(d))
 } over time
}"""
    x = torch.randn(2, 5, 3)
    y = compiled(text)["M"]()(x)
    same(y, 9 * x + (x * torch.arange(3)).sum(-1, keepdim=True) - 3)


def test_each_step_draws_anew_whatever_it_sees() -> None:
    text = """model M(d = 50) {
 input x: [batch, time, d]
 output y = x -> scan {
  input a: [batch, d]
  output o = a + first(sample_rows(to_float(arange(d)), 1), over = 0)
 } over time
}"""
    drawn = compiled(text)["M"]()(torch.zeros(2, 40, 50))[0, :, 0]
    assert len(set(drawn.tolist())) > 10  # 28 in the mean


def test_state_dict_is_the_programs_names() -> None:
    model = case("storage")["Storage"]()
    assert set(model.state_dict()) == {
        *("W", "gain", "R", "centre", "count", "seen", "E.weight"),
        *(f"{m}.{w}" for m in ("frozen_layer", "shared") for w in ("weight", "bias")),
    }


def test_first_values_are_real_numbers() -> None:
    text = "model M(d = 3, n = 8) { input x: [batch, d]\n"
    values = {"a": ("-1", -1.0), "b": ("2 * n", 16.0), "c": ("n // 3", 2.0), "e": ("sqrt(2 / n)", 0.5), "g": ("n", 8.0)}
    text += (
        "".join(f"  param {k}: [d] = {v}\n" for k, (v, _) in values.items())
        + f"  output y = x * {' * '.join(values)} }}"
    )
    for name, weight in compiled(text)["M"]().named_parameters():
        torch.testing.assert_close(weight.detach(), torch.full((3,), values[name][1]))


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_whole_numbers_become_what_the_inputs_are(kind: torch.dtype) -> None:
    names = compiled(
        "model M(d = 4) { input x: [batch, d]\n step = 0.1 + 0.3 * arange(d) / (d - 1)\n"
        " kept = where(arange(d) > 1, arange(d), 0.5)\n output y = Linear(d)(x * step ^ 2 + kept) }"
    )
    module, x = names["M"]().to(kind), torch.randn(5, 4, dtype=kind)
    step = 0.1 + 0.3 * torch.arange(4, dtype=kind) / 3
    y = module.y(x * step**2 + torch.tensor([0.5, 0.5, 2, 3], dtype=kind))
    torch.testing.assert_close(module(x), y, **({"rtol": 1e-12, "atol": 1e-12} if kind == torch.float64 else {}))


def test_frozen_is_no_one_elses_to_learn() -> None:
    model = case("storage")["Storage"]()
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"R", "frozen_layer.weight", "frozen_layer.bias"}


def test_memory_changes_in_training_alone_and_begins_with_the_data() -> None:
    model = case("storage")["Storage"]()
    x, tokens = torch.randn(6, 4), torch.randint(11, (2, 3))
    assert model.centre.isnan().all()
    model.eval()(x, tokens)
    assert model.centre.isnan().all() and model.count == 0
    first = model.train()(x, tokens)[0]
    same(model.centre, x.mean(0))
    assert model.count == 1
    model(x + 1, tokens)
    same(model.centre, x.mean(0) + 0.1)
    assert model.count == 2 and not model.centre.requires_grad
    first.sum().backward()
    assert model.seen.dtype == torch.long


def test_a_memory_that_begins_with_what_a_stack_makes() -> None:
    text = """model M(d = 3) {
 input x: [batch, d]
 h = x -> stack 2 { Linear(d) }
 z ~ Normal(h, 1) by reparameterisation
 memory m: [] = mean(log_prob(z))
 m' = 0.5 * m + 0.5 * mean(log_prob(z))
 output y = h - m
}"""
    model = compiled(text)["M"]()
    x = torch.randn(4, 3)
    first, second = next(m for m in model.children() if isinstance(m, nn.ModuleList))
    h = second(first(x))
    y = model(x)
    assert model.m != 0
    begun = (h - y).mean()
    same(y, h - begun)
    model.eval()
    same(model(x), h - model.m)


def test_shared_and_tied_weights_are_one() -> None:
    model = case("storage")["Storage"]()
    tokens = torch.randint(11, (2, 3))
    model.train()
    _, scores = model(torch.randn(6, 4), tokens)
    same(scores, F.embedding(tokens, model.E.weight) @ model.E.weight.T)


# -- chance ----------------------------------------------------------------------------------------------------------
def test_gradients_of_draws() -> None:
    model = case("chance")["Chance"]()
    x = torch.randn(5, 4)
    y, p, q = model(x)
    assert y.shape == (5, 4) and p.shape == (5, 4) and q.shape == (5,)
    assert (q <= 0).all()
    for out in (y, p, q):
        grads = torch.autograd.grad(out.sum(), list(model.mu.parameters()), retain_graph=True)
        assert all(g.abs().sum() > 0 for g in grads)


def test_reparameterised_draws_have_their_distribution() -> None:
    text = """
model Draw() {
  input mu, sigma: [n]
  z ~ Normal(mu, sigma) by reparameterisation
  output z
}"""
    z = compiled(text)["Draw"]()(torch.full((100_000,), 2.0), torch.full((100_000,), 3.0))
    assert abs(z.mean() - 2) < 0.05 and abs(z.std() - 3) < 0.05


# -- names -----------------------------------------------------------------------------------------------------------
def test_names_of_python_and_torch_are_safe() -> None:
    names = case("names")
    model = names["Tensor_"]()
    inputs = [torch.randn(5, 3) for _ in range(4)]
    out, mean = model(*inputs)
    assert out.shape == (5, 4)
    same(mean, out.mean(0))
    assert names["Tensor_"].super().torch == 2
    assert model.training and callable(model.train) and callable(model.parameters)


def test_names_of_modules_are_known() -> None:
    """An attribute of one of these names would hide a method, or be hidden by it."""
    theirs = {"smart_apply"}  # transformers puts it on every module, where another test has imported it
    assert {n for n in dir(nn.Module()) if not n.startswith("_")} - theirs <= MODULE_NAMES


HOSTILE = ['"""; import os; os.abort()', "\\", '\\"', "a\x00b", "x\u202ey", "'''", "{x}", "%s", '"']


@pytest.mark.parametrize("doc", HOSTILE)
def test_text_of_a_program_runs_nothing(doc: str) -> None:
    program = analyse("model M() {\n  input x: [n]\n  output y = x + 1\n}")
    program.definitions[0].doc = doc
    names: dict[str, type[nn.Module]] = {}
    exec(compile(emit(program), "m", "exec"), names)
    same(names["M"]()(torch.zeros(2)), torch.ones(2))


# -- training --------------------------------------------------------------------------------------------------------
def by_hand(module: nn.Module, x: Tensor, target: Tensor) -> dict[str, float]:
    """The case `two_optimizers`, step by step."""
    a, b, c = module.A, module.B, module.C
    losses = {}
    for name, part, kind, loss in (
        ("first", b, torch.optim.SGD, lambda: F.mse_loss(b(a(x).tanh()), target)),
        ("second", c, torch.optim.SGD, lambda: F.mse_loss(c(a(x).tanh()), target)),
        ("third", a, torch.optim.Adam, lambda: F.mse_loss(b(a(x).tanh()) + c(a(x).tanh()), target)),
    ):
        value = loss()
        grads = torch.autograd.grad(value, list(part.parameters()))
        optimizer = kind(part.parameters(), lr=0.1)
        for p, g in zip(part.parameters(), grads):
            p.grad = g
        optimizer.step()
        losses[name] = value.item()
    return losses


def test_each_minimize_sees_the_weights_that_those_before_it_left() -> None:
    train = case("two_optimizers")["Three"]()
    expected = copy.deepcopy(train)
    x, target = torch.randn(5, 3), torch.randn(5, 1)
    assert train.step(x, target) == pytest.approx(by_hand(expected, x, target), rel=1e-5)
    for a, b in zip(train.parameters(), expected.parameters()):
        same(a, b)


def test_fit_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    names = case("two_optimizers")
    batches = [(torch.randn(5, 3), torch.randn(5, 1)) for _ in range(3)]
    torch.manual_seed(1)
    whole = names["Three"]()
    history = whole.fit(batches, epochs=4)
    torch.manual_seed(1)
    names["Three"]().fit(batches, epochs=2, checkpoint=tmp_path / "c.pt")
    resumed = names["Three"]()
    assert resumed.fit(batches, epochs=4, checkpoint=tmp_path / "c.pt") == history
    assert len(history) == 4 and set(history[0]) == {"first", "second", "third"}
    for a, b in zip(whole.parameters(), resumed.parameters()):
        assert torch.equal(a, b)


def test_each_round_of_an_until_sees_the_weights_that_the_last_one_left() -> None:
    """Also where the loss is written before it; and what is minimized twice is given under two names."""
    text = """
model Line(d = 3) {
  input x: [batch, d]
  memory calls: [] = 0
  calls' = calls + 1
  output y = Linear(1)(x)
}
train Rounds(d = 3) {
  input x: [batch, d], target: [batch, 1]
  net = Line(d)
  param shift: [] = 0
  seen = stop_gradient(net(x))
  loss = mse(seen + shift, target)
  until stable(net.calls) at_most 4 {
    net(x)
    minimize loss over shift with SGD(0.1)
  }
  minimize loss over shift with SGD(0.1)
}
"""
    train = compiled(text)["Rounds"]()
    x, target = torch.randn(5, 3), torch.randn(5, 1)
    apart = (target - train.net.y(x)).mean().item()
    losses = train.step(x, target)
    assert train.shift.item() == pytest.approx(apart * (1 - 0.8**5), rel=1e-5)
    assert list(losses) == ["loss", "passes", "loss_2"] and losses["passes"] == 4 and losses["loss_2"] < losses["loss"]


def test_until_stops_when_nothing_changes() -> None:
    text = """
model Means(k = 2) {
  input x: [n, 2]
  memory centre: [k, 2] = sample_rows(x, k)
  cluster = argmin(cdist(x, centre), over = k)
  centre' = mean_by(x, cluster, k)
  output cluster
}
train Fit() {
  input x: [n, 2]
  net = Means(2)
  until stable(net.centre) at_most 50 { net(x) }
}"""
    fit = compiled(text)["Fit"]()
    x = torch.cat([torch.randn(40, 2), torch.randn(40, 2) + 20])
    passes = fit.step(x)["passes"]
    assert 1 < passes < 50
    means = sorted(fit.net.centre[:, 0].tolist())
    assert means == pytest.approx([x[:40, 0].mean().item(), x[40:, 0].mean().item()], abs=1e-4)


def test_a_gradient_is_a_value() -> None:
    """A penalty on the gradient by an input learns, so the gradient can be differentiated itself."""
    text = """
train Penalty() {
  input x: [batch, 3]
  net = Linear(1)
  score = sum(square(net(x)))
  slope = gradient(score, x)
  loss = mean(square(slope))
  minimize loss over net with SGD(0.1)
}"""
    train = compiled(text)["Penalty"]()
    x = torch.randn(4, 3)
    w, b = train.net.weight.detach().clone().requires_grad_(), train.net.bias.detach().clone()
    loss = (2 * (x @ w.T + b) * w).square().mean()
    (expected,) = torch.autograd.grad(loss, w)
    assert train.step(x)["loss"] == pytest.approx(loss.item(), rel=1e-5)
    same(train.net.weight, w - 0.1 * expected)


def test_published_names_are_the_keys_of_the_state_dict() -> None:
    text = """
model M(d = 4, n = 3) {
  input x: [batch, d]
  q = Linear(d) as "query"
  x -> q -> Linear(d) as "layers.0" -> stack n - 1 { Linear(d) as "layers.1" } -> (frozen Linear(2) as "head.3") -> output y
}
"""
    net = compiled(text)["M"]()
    linear = {
        f"{name}.{w}" for name in ("query", "layers.0", "layers.1", "layers.2", "head.3") for w in ("weight", "bias")
    }
    assert set(net.state_dict()) == linear
    twin = torch.nn.Sequential(*(torch.nn.Linear(4, 4) for _ in range(4)), torch.nn.Linear(4, 2))
    net.load_state_dict(dict(zip(net.state_dict(), twin.state_dict().values())))
    x = torch.randn(2, 4)
    torch.testing.assert_close(net(x), twin(x))
    assert [n for n, p in net.named_parameters() if not p.requires_grad] == ["head.3.weight", "head.3.bias"]


def test_copies_that_do_not_come_last_have_no_numbers() -> None:
    text = """
model M(d = 4) {
  input x: [batch, d]
  x -> stack 2 { Linear(d) as "a.0" } -> Linear(d) as "a.1" -> output y
}
"""
    with pytest.raises(CannotEmit, match="`a`"):
        emit(analyse(text, "m.arch"))


def test_an_input_of_a_training_may_be_left_out() -> None:
    text = """train Fit(d = 3) {
  input x: [batch, d]
  input weight: [] = 2
  net = Linear(1)
  loss = mean(net(x)^2) * weight
  minimize loss with SGD(0.1)
}"""
    train, x = compiled(text)["Fit"](), torch.randn(4, 3)
    wanted = train.net(x).square().mean().item()
    assert train.fit([{"x": x}])[0]["loss"] == pytest.approx(2 * wanted)
    assert train.step(x, torch.tensor(0.0))["loss"] == 0
