"""The evolvable neural Turing machine against its paper in NumPy, and the evolution of its weights."""

import numpy as np
import torch
import torch.nn.functional as F
from agreement import load
from test_without_gradients import memory, remember


def _machine(x: np.ndarray, theta: np.ndarray, rows: int, width: int, outputs: int) -> np.ndarray:
    """Section 3 of the paper for one sequence, the head as a number: write, jump to what is most alike, move, read."""
    tape, head, found = np.zeros((rows, width)), 0, []
    for now in x:
        answer = np.concatenate([now, tape[head]]) @ theta
        y, value, blend, jump, move = np.split(answer, np.cumsum([outputs, width, 1, 1]))
        share = 1 / (1 + np.exp(-blend))
        tape[head] = (1 - share) * tape[head] + share * value
        if jump > 0:
            head = min(range(rows), key=lambda r: float(np.linalg.norm(tape[r] - value)))
        head = (head + (-1, 0, 1)[int(move.argmax())]) % rows
        found.append(1 / (1 + np.exp(-y)))
    return np.array(found)


def test_evolvable_ntm_is_the_papers() -> None:
    ours = load("evolvable_ntm", "EvolvableNTM", features=3, outputs=2, rows=5, width=4, population=6).double()
    theta = 2 * torch.randn(7, 11, dtype=torch.float64)
    remember(ours, theta=theta)
    x, target = torch.randn(8, 12, 3, dtype=torch.float64), torch.rand(8, 12, 2, dtype=torch.float64)

    def answers(weights: np.ndarray) -> np.ndarray:
        return np.stack([_machine(one, weights, 5, 4, 2) for one in x.numpy()])

    np.testing.assert_allclose(ours.eval()(x, target).numpy(), answers(theta.numpy()), atol=1e-10)
    torch.manual_seed(4)
    ours.train()(x, target)
    torch.manual_seed(4)
    noise = torch.randn(6, 7, 11, dtype=torch.float64).numpy()
    fitness = np.array([-((answers(theta.numpy() + 0.1 * e) - target.numpy()) ** 2).mean() for e in noise])
    worth = (fitness - fitness.mean()) / (fitness.std() + 1e-8)
    expected = theta.numpy() + 0.05 / (6 * 0.1) * sum(w * e for w, e in zip(worth, noise, strict=True))
    np.testing.assert_allclose(memory(ours, "theta").numpy(), expected, atol=1e-10)


def test_evolution_finds_better_weights() -> None:
    ours = load("evolvable_ntm", "EvolvableNTM", features=3, outputs=2, rows=4, width=3, population=32, rate=0.3)
    x, target = torch.rand(4, 5, 3), torch.full((4, 5, 2), 0.9)
    with torch.no_grad():
        before = F.mse_loss(ours.eval()(x, target), target)
        ours.train()
        for _ in range(30):
            ours(x, target)
        after = F.mse_loss(ours.eval()(x, target), target)
    assert memory(ours, "theta").abs().max() > 0
    assert after < 0.5 * before
