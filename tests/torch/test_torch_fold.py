"""Scans of parts without state: the axis goes into the batch where nothing looks across it, and only there; both are the stack of steps."""

from __future__ import annotations

import pytest
import torch
from emitted import run

from archdsl.compiler import analyse
from archdsl.torch import emit

HEAD = "block F() {\n  input x: [batch, c, h, w]\n"
CONV = "Conv2d(2, 3, padding = 1)"
FOLDED = {
    "a convolution": f"y = x -> {CONV} -> relu\n output z = y",
    "two results": f"y = x -> {CONV}\n output a = tanh(y)\n output b = mean(y, over = [1, 2, 3])",
    "a part in a part": f"y = x -> {CONV} -> flatten -> LayerNorm\n output z = y",
    "axes moved": "y = swap(x, 2, 3) -> max_pool2d(2)\n output z = reshape(y, to = [batch, c * (w // 2) * (h // 2)])",
    "attention": "q = reshape(x, to = [batch, c * h, w])\n output z = attention(q, q, q) @ transpose(q)",
    "a parameter": "param scale: [c, 1, 1] = 2\n output z = softmax(x * scale, over = 1)",
}
LOOPED = {
    "a mean over the batch": "output z = x - mean(x, over = 0)",
    "the batch as a number": "output z = x / batch",
    "the batch turned": "output z = flip(x, over = 0)",
    "the batch into the columns": "output z = reshape(x, to = [batch * c, h, w])",
    "a product across": "y = flatten(x)\n output z = y @ transpose(y)",
    "one position for each": "output z = x + reshape(to_float(arange(batch)), to = [batch, 1, 1, 1])",
    "chance": "output z = x -> Dropout(0.5)",
}


def parts(body: str) -> int:
    return body.count("output")


@pytest.mark.parametrize("way", ["", " reversed"])
@pytest.mark.parametrize("first", [True, False], ids=["time first", "batch first"])
@pytest.mark.parametrize("name", [*FOLDED, *LOOPED])
def test_a_map_is_the_stack_of_its_steps(name: str, first: bool, way: str) -> None:
    body = FOLDED.get(name) or LOOPED[name]
    shape = "[time, batch, 2, 6, 4]" if first else "[batch, time, 2, 6, 4]"
    outs = "\n".join(f" output o{i} = {v}" for i, v in enumerate(["r.a", "r.b"] if parts(body) == 2 else ["r"]))
    text = f"{HEAD}{body}\n}}\nmodel M() {{\n input x: {shape}\n f = F()\n r = x -> scan f over time{way}\n{outs}\n}}\n"
    source = emit(analyse(text), ["M"])
    assert ("flatten(0, 1)).unflatten(0" in source or "unflatten(0, (" in source) == (name in FOLDED)
    module = run(source)["M"]().double().eval()
    x = torch.randn(3, 4, 2, 6, 4, dtype=torch.double)
    x = x if first else x.transpose(0, 1)
    found = module(x)
    steps = [module.f(t) for t in x.unbind(0 if first else 1)]
    steps = [s if isinstance(s, tuple) else (s,) for s in steps]
    for whole, each in zip(found if isinstance(found, tuple) else (found,), zip(*steps), strict=True):
        torch.testing.assert_close(whole, torch.stack(each, 0 if first else 1), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("first", [True, False])
def test_what_is_held_goes_along(first: bool) -> None:
    """One image for each row of the batch, and one vector for all."""
    shape = "[time, batch, 2, h, w]" if first else "[batch, time, 2, h, w]"
    text = (
        "block F() {\n input x: [batch, c, h, w]\n input image: [batch, 1, h, w]\n input v: [w]\n"
        f" output y = image * v + (x -> {CONV})\n}}\n"
        f"model M() {{\n input x: {shape}\n input image: [batch, 1, h, w]\n input v: [w]\n f = F()\n"
        " output y = (scan f over time)(x, image, v)\n}\n"
    )
    source = emit(analyse(text), ["M"])
    assert ("image.repeat(" if first else "image.repeat_interleave(") in source
    module = run(source)["M"]().double()
    x, image = torch.randn(3, 4, 2, 6, 5, dtype=torch.double), torch.randn(4, 1, 6, 5, dtype=torch.double)
    x, v = x if first else x.transpose(0, 1), torch.randn(5, dtype=torch.double)
    axis = 0 if first else 1
    wanted = torch.stack([module.f(t, image, v) for t in x.unbind(axis)], axis)
    torch.testing.assert_close(module(x, image, v), wanted, rtol=1e-10, atol=1e-10)
