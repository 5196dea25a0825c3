"""Networks of which only the readout learns, or nothing: extreme learning machine, liquid state machine, Hopfield network."""

import numpy as np
import torch
from agreement import load
from test_without_gradients import memory
from torch import Tensor, nn


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


def test_liquid_state_machine_spikes_resets_and_decays() -> None:
    ours = load("lsm", "LSM", features=3, units=25, classes=2, threshold=1, decay=0.8).double()
    values = frozen(ours)
    (readout,) = [p for n, p in ours.named_parameters() if n.endswith("weight") and p.requires_grad]
    (bias,) = [p for n, p in ours.named_parameters() if n.endswith("bias") and p.requires_grad]
    x = 0.5 * np.random.default_rng(0).random((4, 15, 3))
    v = spikes = trace = np.zeros((4, 25))
    total = 0.0
    for t in range(15):
        u = 0.8 * v + x[:, t] @ values["W_in"] + spikes @ values["W"]
        spikes = (u >= 1).astype(float)
        v = np.where(spikes > 0, 0, u)
        trace = 0.8 * trace + spikes
        total += spikes.sum()
    assert 0 < total < 4 * 15 * 25
    expected = trace @ readout.detach().numpy().T + bias.detach().numpy()
    np.testing.assert_allclose(ours(torch.tensor(x)).detach().numpy(), expected, atol=1e-10)


def test_hopfield_network_recalls_what_it_stored() -> None:
    ours = load("hopfield", "Hopfield", units=60, passes=20).double()
    patterns = torch.sign(torch.randn(4, 60, dtype=torch.float64))
    ours(patterns)
    hebb = sum(np.outer(p, p) for p in patterns.numpy()) / 60
    np.fill_diagonal(hebb, 0)
    np.testing.assert_allclose(memory(ours, "W").numpy(), hebb, atol=1e-12)
    ours.eval()
    noisy = patterns.clone()
    noisy[:, :6] *= -1
    recalled, energy = ours(noisy)
    assert torch.equal(recalled, patterns)
    expected: Tensor = -0.5 * (recalled @ torch.tensor(hebb) * recalled).sum(-1)
    torch.testing.assert_close(energy, expected)
