"""Networks of which only the readout learns, or nothing: extreme learning machine, liquid state machine, Hopfield network."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from agreement import load
from test_without_gradients import memory
from torch import nn


def frozen(module: nn.Module) -> dict[str, np.ndarray]:
    """All that never learns, by its last name."""
    learned = {n for n, p in module.named_parameters() if p.requires_grad}
    return {n.rpartition(".")[2]: v.numpy() for n, v in module.state_dict().items() if n not in learned}


def test_extreme_learning_machine_is_least_squares() -> None:
    trainer = load("elm", "Fit", features=3, units=20, outputs=2).double()
    x, target = torch.randn(60, 3, dtype=torch.float64), torch.randn(60, 2, dtype=torch.float64)
    trainer.step(x, target)
    values = frozen(trainer)
    hidden = 1 / (1 + np.exp(-(x.numpy() @ values["weight"].T + values["bias"])))
    expected = np.linalg.lstsq(hidden, target.numpy(), rcond=None)[0]
    np.testing.assert_allclose(memory(trainer, "readout").numpy(), expected, atol=1e-8)


def test_liquid_state_machine_is_that_of_snntorch() -> None:
    """snntorch compares with the threshold at one step and resets at the start of the next, which comes to the same."""
    snntorch = pytest.importorskip("snntorch")
    ours = load("lsm", "LSM", features=3, units=25, classes=2, threshold=1, decay=0.8).double()
    values = {n: torch.tensor(v) for n, v in frozen(ours).items()}
    decay = torch.tensor(0.8, dtype=torch.float64)  # a number would become float32
    unit, trace = (snntorch.Leaky(decay, threshold=1.0, reset_mechanism=reset).double() for reset in ("zero", "none"))
    readout = [p for p in ours.parameters() if p.requires_grad]
    x = 0.5 * torch.rand(4, 15, 3, dtype=torch.float64)
    v = spikes = filtered = torch.zeros(4, 25, dtype=torch.float64)
    total = 0.0
    for t in range(15):
        spikes, v = unit(x[:, t] @ values["W_in"] + spikes @ values["W"], v)
        spikes = spikes.double()  # they come as float32
        _, filtered = trace(spikes, filtered)
        total += spikes.sum().item()
    assert 0 < total < 4 * 15 * 25
    scores, expected = ours(x), F.linear(filtered, *readout)
    torch.testing.assert_close(scores, expected, rtol=1e-10, atol=1e-10)
    for a, b in zip(*(torch.autograd.grad(s.square().sum(), readout) for s in (scores, expected)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_hopfield_network_recalls_what_it_stored() -> None:
    """Hopfield's rule unit by unit: every unit in turn, so that the energy never grows, until nothing changes."""
    ours = load("hopfield", "Hopfield", units=60, sweeps=6).double()
    patterns = torch.sign(torch.randn(4, 60, dtype=torch.float64))
    ours(patterns)
    hebb = sum(np.outer(p, p) for p in patterns.numpy()) / 60
    np.fill_diagonal(hebb, 0)
    np.testing.assert_allclose(memory(ours, "W").numpy(), hebb, atol=1e-12)
    ours.eval()
    noisy = patterns.clone()
    noisy[:, :6] *= -1
    recalled, settled, _ = ours(noisy)
    assert torch.equal(recalled, patterns)
    assert settled.all()
    lost = torch.sign(torch.randn(20, 60, dtype=torch.float64))
    for start, found, still, low in zip(lost.numpy(), *ours(lost), strict=True):
        s, energies = start.copy(), []
        for _ in range(6):
            for k in range(60):
                drive = hebb[k] @ s
                s[k] = np.sign(drive) if drive != 0 else s[k]
                energies.append(-0.5 * s @ hebb @ s)
        assert all(b <= a + 1e-12 for a, b in pairwise(energies))
        np.testing.assert_array_equal(found.numpy(), s)
        assert low.item() == pytest.approx(energies[-1], abs=1e-12)
        again = np.sign(hebb @ s)
        assert bool(still) == bool(((again == s) | (again == 0)).all())


def test_a_hopfield_network_says_whether_it_has_settled() -> None:
    few, many = (load("hopfield", "Hopfield", units=40, sweeps=n).double() for n in (1, 20))
    patterns = torch.sign(torch.randn(8, 40, dtype=torch.float64))
    start = torch.sign(torch.randn(30, 40, dtype=torch.float64))
    for net in (few, many):
        net(patterns)
        net.eval()
    assert not few(start)[1].all()
    assert many(start)[1].all()
