"""The steps of cells that torch has no kernel for take few operations, and compute what `--plain` computes, gradients included."""

from __future__ import annotations

import pytest
import torch
from test_torch_plain import USES, agree, cell, opened, pair

GATES = " f = sigmoid(Linear(u)([x, h]))\n n = tanh(Linear(u)([x, f * h]))\n"
BLENDS = {
    "one minus the share": f"{GATES} h' = (1 - f) * h + f * n",
    "the share kept": f"{GATES} h' = f * h + (1 - f) * n",
    "turned round": f"{GATES} h' = n * f + h * (1 - f)",
    "a step towards": f"{GATES} h' = h + f * (n - h)",
    "a step towards, turned round": f"{GATES} h' = (n - h) * f + h",
    "what is left has a name": f"{GATES} keep = 1 - f\n h' = keep * h + f * n",
    "what is left is read again": f"{GATES} keep = 1 - f\n h' = (keep * h + f * n) * keep",
    "a share of the input alone": " f = sigmoid(Linear(u)(x))\n h' = (1 - f) * h + f * tanh(Linear(u)([x, h]))",
    "a learned share": " param w: [u] = normal(0, 0.5)\n h' = (1 - w) * h + w * tanh(Linear(u)([x, h]))",
    "a learned end": " param w: [u] = normal(0, 0.5)\n f = sigmoid(Linear(u)([x, h]))\n h' = (1 - f) * h + f * w",
}
NO_BLENDS = {
    "two minus the share": f"{GATES} h' = (2 - f) * h + f * n",
    "two shares": f"{GATES} i = sigmoid(Linear(u)([x, h]))\n h' = (1 - f) * h + i * n",
    "a step away": f"{GATES} h' = h + f * (h - n)",
    "the share less one": f"{GATES} h' = (f - 1) * h + f * n",
    "no state": f"{GATES} h' = tanh((1 - f) * n + f * tanh(n))",
    "a number for a share": f"{GATES} h' = 0.9 * h + 0.1 * n",
}


@pytest.mark.parametrize("use", USES, ids=["forwards", "backwards"])
@pytest.mark.parametrize("name", BLENDS)
def test_a_blend_of_the_state_is_one_operation(name: str, use: str) -> None:
    fast, plain, text = pair(cell("h", BLENDS[name]) + use)
    assert "torch.lerp(" in text
    agree(fast, plain, [torch.randn([2, 5, 3] if "[batch, time" in use else [5, 2, 3])])


@pytest.mark.parametrize("name", BLENDS)
def test_a_blend_in_a_body_of_its_own(name: str) -> None:
    fast, plain, text = pair(opened(cell("h", BLENDS[name])))
    assert "torch.lerp(" in text
    agree(fast, plain, [torch.randn(2, 5, 3)])


@pytest.mark.parametrize("name", NO_BLENDS)
def test_what_is_no_blend(name: str) -> None:
    fast, plain, text = pair(cell("h", NO_BLENDS[name]) + USES[0])
    assert "lerp" not in text
    agree(fast, plain, [torch.randn(2, 5, 3)])


@pytest.mark.parametrize("name", BLENDS)
def test_blends_in_autocast(name: str) -> None:
    """Products are bfloat16 and the state is not; it stays what it is."""
    fast, plain, _ = pair(cell("h", BLENDS[name]) + USES[0])
    plain.load_state_dict(fast.state_dict())
    x = torch.randn(2, 5, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        a, b = fast(x), plain(x)
    assert a.dtype == b.dtype
    torch.testing.assert_close(a, b, rtol=0, atol=0.1)


PEEP = " param p: [u] = normal(0, 0.5)\n"
ADDED = {
    "a peephole": f"{PEEP} h' = tanh(Linear(u)([x, h]) + p * h)",
    "a peephole first": f"{PEEP} h' = tanh(h * p + Linear(u)(x) + Linear(u)(h))",
    "two": f"{PEEP} param q: [u] = 1\n h' = tanh(Linear(u)([x, h]) + p * h + q * tanh(h))",
    "of two gates": f"{PEEP} f = sigmoid(Linear(u)([x, h]) + p * h)\n h' = f * tanh(Linear(u)([x, h]) - p * h)",
}
NOT_ADDED = {
    "a number": " h' = tanh(Linear(u)([x, h]) + 2 * h)",
    "with a name": f"{PEEP} seen = p * h\n h' = tanh(Linear(u)([x, h]) + seen)",
    "read twice": f"{PEEP} seen = p * h\n h' = tanh(Linear(u)([x, h]) + seen) * sigmoid(seen)",
}


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("name", ADDED)
def test_products_are_added_to_the_gates_at_once(name: str, batch: int) -> None:
    fast, plain, text = pair(cell("h", ADDED[name]) + USES[0])
    assert "torch.addcmul(" in text and ".expand_as(h)" in text
    agree(fast, plain, [torch.randn(batch, 5, 3)])


@pytest.mark.parametrize("name", NOT_ADDED)
def test_what_is_not_added_at_once(name: str) -> None:
    fast, plain, text = pair(cell("h", NOT_ADDED[name]) + USES[0])
    assert "torch.addcmul(" not in text
    agree(fast, plain, [torch.randn(2, 5, 3)])
