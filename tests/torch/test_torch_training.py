"""What `fit` of an emitted training does: progress, evaluation, early stop, clipping, schedules, checkpoints, several processes."""

from __future__ import annotations

import copy
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from emitted import ROOT, compiled, source
from emitted import run as run_file
from torch import Tensor, nn

from archdsl.compiler import analyse
from archdsl.torch import emit

NET = """
block Layer(d) {
  input x: [batch, d]
  output y = x -> residual { Linear(d) -> tanh }
}
model Net(d = 4, layers = 2, dropout = 0.0) {
  input x: [batch, d]
  x -> stack layers { Layer(d) } -> Dropout(dropout) -> Linear(2) -> output y
}
train Fit(rate = 1e-2, dropout = 0.0) {
  input x: [batch, 4], target: [batch, 2]
  net = Net(dropout = dropout)
  loss = mse(net(x), target)
  minimize loss with Adam(rate)
}
"""


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return compiled(NET)


def batches(count: int = 3, size: int = 8, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    chance = torch.Generator().manual_seed(seed)
    return [(torch.randn(size, 4, generator=chance), torch.randn(size, 2, generator=chance)) for _ in range(count)]


def test_evaluation_changes_nothing_and_is_in_evaluation_mode(names: dict[str, Any]) -> None:
    train = names["Fit"](dropout=0.5)
    before = {n: t.clone() for n, t in train.state_dict().items()}
    data = batches()
    losses = train.evaluate(data)
    expected = [F.mse_loss(train.net.eval()(x), y).item() for x, y in data]
    assert losses == {"loss": pytest.approx(sum(expected) / 3)}
    assert all(torch.equal(t, before[n]) for n, t in train.state_dict().items())
    assert not any(o.state for o in train.optimizers().values())


def test_batches_may_be_mappings_by_name(names: dict[str, Any]) -> None:
    one = names["Fit"]()
    other = copy.deepcopy(one)
    named = [{"target": y, "x": x} for x, y in batches()]
    assert one.fit(batches(), validate=batches()) == other.fit(named, validate=named)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    with pytest.raises(TypeError, match="label"):
        one.fit([{"x": x, "label": y} for x, y in batches()])


def test_a_history_has_the_losses_of_both_and_stops_when_they_no_longer_fall(names: dict[str, Any]) -> None:
    history = names["Fit"]().fit(batches(), 3, validate=batches(seed=1))
    assert [list(means) for means in history] == [["loss", "valid_loss"]] * 3
    stopped = names["Fit"](rate=0.0).fit(batches(), 50, validate=batches(seed=1), patience=4)
    assert len(stopped) == 5


def test_an_evaluation_that_meets_nan_ends_the_run(names: dict[str, Any]) -> None:
    """Else `patience` would wait for ever: NaN is neither more nor less than what was before."""
    wrong = [(torch.full_like(x, math.nan), y) for x, y in batches(seed=1)]
    with pytest.raises(FloatingPointError, match=r"^evaluation: a loss is nan; .* comes from net"):
        names["Fit"]().fit(batches(), 5, validate=wrong, patience=2)


def test_losses_of_the_evaluation_alone_decide_when_to_stop(names: dict[str, Any]) -> None:
    """Even where they are 0, so that the losses of training could be taken for them."""
    falling = [{"loss": 3.0 - n, "valid_loss": 0.0} for n in range(3)]
    assert names["stalled"](falling, 2)
    assert not names["stalled"]([{"loss": m["loss"]} for m in falling], 2)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        names["Fit"]().fit(batches(), patience=0)


def test_a_checkpoint_goes_into_a_new_folder_and_only_its_own_program_takes_it(
    names: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "runs" / "one.pt"
    names["Fit"]().fit(batches(), checkpoint=path)
    state = torch.load(path)
    state["parts"] = {f"other.{n}": t for n, t in state["parts"].items()}
    torch.save(state, path)
    with pytest.raises(RuntimeError, match=r"Missing key.*net"):
        names["Fit"]().fit(batches(), 2, checkpoint=path)


def test_gradients_are_clipped(names: dict[str, Any]) -> None:
    train = names["Fit"]()
    norms = []
    step = train.optimizer.step
    train.optimizer.step = lambda: (norms.append(math.hypot(*(p.grad.norm() for p in train.parameters()))), step())
    train.fit(batches(), clip=1e-3)
    assert norms == [pytest.approx(1e-3, rel=1e-3)] * 3


def test_a_schedule_scales_the_rate_of_each_step(names: dict[str, Any]) -> None:
    train, rates = names["Fit"](rate=0.5), []
    step = train.optimizer.step
    train.optimizer.step = lambda: (rates.append(train.optimizer.param_groups[0]["lr"]), step())
    train.fit(batches(2), 2, schedule=lambda n: 1 / (n + 1))
    assert rates == [pytest.approx(0.5 / n) for n in (1, 2, 3, 4)]


def test_a_seed_decides_what_is_drawn(names: dict[str, Any]) -> None:
    train = names["Fit"](dropout=0.5)
    start = {n: t.clone() for n, t in train.state_dict().items()}
    ends = []
    for seed in (1, 1, 2):
        again = names["Fit"](dropout=0.5)
        again.load_state_dict(start)
        ends.append(again.fit(batches(), seed=seed))
    assert ends[0] == ends[1] != ends[2]


@pytest.mark.parametrize(("bad", "where"), [("net.layers.1.y", "net.layers.1.y"), ("net.linear", "net.linear")])
def test_a_loss_that_is_no_number_ends_the_run_and_names_the_module(
    names: dict[str, Any], bad: str, where: str
) -> None:
    train = names["Fit"]()
    data = batches()
    train.fit(data)
    with torch.no_grad():
        train.get_submodule(bad).weight[0, 0] = math.nan
    with pytest.raises(FloatingPointError, match=rf"step 4: a loss is nan; .* comes from {where}$"):
        train.fit(data)


def test_progress_goes_to_standard_error(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    names["Fit"](rate=0.0).fit(batches(), 2, validate=batches(1))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "evaluation", "epoch 2/2", "evaluation"]
    assert all("loss " in line for line in lines)
    bar = names["progress"]("epoch 1/2", 5, 10, {"loss": 0.5})
    assert bar == "epoch 1/2  ━━━━━━━━━━──────────  5/10  loss 0.5000"


def test_a_training_that_minimizes_nothing_brings_no_optimizer_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    text = source(ROOT / "examples" / "kmeans.arch")
    assert not any(word in text for word in ("optimizer", "distributed", "backward", "grad_norm"))
    data, start = [torch.randn(40, 4, generator=torch.Generator().manual_seed(3))], run_file(text)["Fit"]()
    whole, first, rest = (copy.deepcopy(start) for _ in range(3))
    history = whole.fit(data, 4, seed=1, checkpoint=tmp_path / "whole.pt")
    first.fit([{"x": data[0]}], 2, seed=1, checkpoint=tmp_path / "part.pt")
    assert rest.fit(data, 4, seed=5, checkpoint=tmp_path / "part.pt") == history and list(history[0]) == ["passes"]
    assert torch.equal(rest.net.centroids, whole.net.centroids)


# -- several processes, and processes that are killed -------------------------------------------------------------------
SCRIPT = """
import os, signal, sys, torch
from emitted import Fit

class Data(list):
    left = int(os.environ.get("DIES_AFTER", "-1"))

    def __getitem__(self, i):
        Data.left -= 1
        if Data.left == 0 and "DIES_SAVING" not in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(i)

def save(state, file, whole=torch.save):
    whole(state, file)
    if "DIES_SAVING" in os.environ and Data.left <= 0:
        os.truncate(file, os.path.getsize(file) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

torch.manual_seed(3)
torch.set_num_threads(1)
trainer = Fit(dropout=float(sys.argv[4])).double()
chance = torch.Generator().manual_seed(5)
data = Data([(torch.randn(8, 4, generator=chance).double(), torch.randn(8, 2, generator=chance).double()) for _ in range(20)])
if "DIES_SAVING" in os.environ:
    torch.save = save
if sys.argv[1] == "shard":
    trainer.shard()
loader = torch.utils.data.DataLoader(data, batch_size=None, shuffle=sys.argv[5] == "True")
history = trainer.fit(loader, int(sys.argv[2]), clip=1.0, checkpoint=sys.argv[3], seed=7)
if trainer.rank == 0:
    torch.save(history, sys.argv[3] + ".history")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "emitted.py").write_text(emit(analyse(NET)), encoding="utf-8")
    (tmp_path / "main.py").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def ended(script: Path, checkpoint: str) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    """The losses and the weights that a run left."""
    return torch.load(script / f"{checkpoint}.history"), torch.load(script / checkpoint)["parts"]


def run(
    script: Path,
    how: str,
    epochs: int,
    checkpoint: str,
    dropout: float = 0.0,
    shuffle: bool = False,
    **dies: str,
) -> None:
    """In other processes. `dies`: where the run kills itself, in the words of the script's environment."""
    several = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone"]
    command = [sys.executable, *(several if how != "alone" else []), "main.py", how, str(epochs), checkpoint]
    done = subprocess.run(
        [*command, str(dropout), str(shuffle)],
        cwd=script,
        env={**os.environ, "OMP_NUM_THREADS": "1", **dies},
        capture_output=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == (-signal.SIGKILL if dies else 0), done.stderr.decode()


def same_end(a: tuple[list[Any], dict[str, Tensor]], b: tuple[list[Any], dict[str, Tensor]], exactly: bool) -> None:
    (history, weights), (other_history, other_weights) = a, b
    assert len(history) == len(other_history) and weights.keys() == other_weights.keys()
    for means, others in zip(history, other_history, strict=True):
        assert means == (others if exactly else pytest.approx(others, rel=1e-9))
    for name, weight in weights.items():
        torch.testing.assert_close(
            weight, other_weights[name], rtol=0 if exactly else 1e-8, atol=0 if exactly else 1e-10
        )


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is killed so there")
def test_a_run_that_is_killed_goes_on_as_if_it_had_not_been(script: Path) -> None:
    """Within an epoch, within the first of all, and while a checkpoint is half written."""
    run(script, "alone", 12, "whole.pt", dropout=0.3, shuffle=True)
    for dies in ({"DIES_AFTER": "7"}, {"DIES_AFTER": "87"}, {"DIES_AFTER": "119", "DIES_SAVING": "1"}):
        run(script, "alone", 12, "killed.pt", dropout=0.3, shuffle=True, **dies)
        assert not (script / "killed.pt.history").exists()
    assert len(torch.load(script / "killed.pt")["history"]) == 4 + 5
    run(script, "alone", 12, "killed.pt", dropout=0.3, shuffle=True)
    same_end(ended(script, "whole.pt"), ended(script, "killed.pt"), exactly=True)


def test_two_processes_train_as_one(script: Path) -> None:
    """With gradients averaged, and with parameters split as well, and going on from either's checkpoint."""
    run(script, "alone", 3, "one.pt", shuffle=False)
    run(script, "replicate", 1, "two.pt")
    shutil.copy(script / "two.pt", script / "three.pt")
    run(script, "replicate", 3, "two.pt")
    same_end(ended(script, "one.pt"), ended(script, "two.pt"), exactly=False)
    run(script, "shard", 2, "three.pt")
    run(script, "shard", 3, "three.pt")
    same_end(ended(script, "one.pt"), ended(script, "three.pt"), exactly=False)


def test_a_batch_that_cannot_be_shared_is_an_error(names: dict[str, Any]) -> None:
    train: nn.Module = names["Fit"]()
    train.world = 3
    with pytest.raises(ValueError, match="8 items cannot be shared by 3 processes"):
        train.part(torch.zeros(8, 4))
