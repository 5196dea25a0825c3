"""Pairs of different models, written by hand as PyTorch modules and as Keras models, for `figures.py`.

A pair is one function with a flag; both members have the same inputs, names and shapes. `FAMILIES` names the programs of
`tests/cases/pairs` that differ in the same way, which archdsl draws. What a tool that traces a forward pass cannot be given at all (which
optimizer updates what, the order of updates, first values) is left out.
"""

from __future__ import annotations

from collections.abc import Callable

D, T = 8, 4

FAMILIES = {
    "shared or separate encoder": "two uses of one definition, or two definitions made",
    "separate or shared weights over depth": "separate or shared weights over depth",
    "which layer is used twice": "which two of three layers are one",
    "who queries whom": "who queries whom",
    "softmax over keys or over queries": "softmax over keys or over queries",
    "causal or not": "causal or not",
    "2 or 8 heads": "2 or 8 heads",
    "input and forget gate swapped": "input and forget gate swapped",
    "h or c fed back": "h or c fed back into the gate",
    "reset before or after the product": "reset before or after the product",
    "forward or reversed": "forward or reversed",
    "norm before or after": "pre-norm or post-norm",
    "gradient reversed or not": "gradient reversed, stopped or neither",
    "which side is stopped": "which side is stopped",
    "learned or frozen": "learned or frozen layer",
    "first state 0 or learned": "first state a number, or learned",
    "operands of a difference": "operands of a difference",
    "how a gradient passes a draw": "how the gradient passes a draw",
}


# -- PyTorch ----------------------------------------------------------------------------------------------------------
def torch_pairs() -> dict[str, Callable[[bool], object]]:
    """By name, a function that makes the first member, or with True the second: (module, inputs)."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    a, b = torch.linspace(-1, 1, 2 * T * D).view(2, T, D), torch.linspace(1, -2, 2 * T * D).view(2, T, D)

    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x.view_as(x)

        @staticmethod
        def backward(ctx: object, g: torch.Tensor) -> torch.Tensor:
            return -g

    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x.view_as(x)

        @staticmethod
        def backward(ctx: object, g: torch.Tensor) -> torch.Tensor:
            return g

    class Model(nn.Module):
        """All members bear this name, so that no name tells them apart."""

        def __init__(self, body: Callable[..., torch.Tensor], **parts: nn.Module | nn.Parameter):
            super().__init__()
            for name, part in parts.items():
                setattr(self, name, part)
            self.body = body

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.body(self, x, y)

    def made(body: Callable[..., torch.Tensor], **parts: nn.Module | nn.Parameter) -> object:
        return Model(body, **parts), (a, b)

    def linear(bias: bool = True) -> nn.Linear:
        return nn.Linear(D, D, bias=bias)

    def scan(step: Callable[..., tuple[torch.Tensor, ...]], x: torch.Tensor, *states: torch.Tensor) -> torch.Tensor:
        for t in range(T):
            states = step(x[:, t], *states)
        return states[0]

    def gates(other: bool, fed: bool = False) -> object:
        def body(m: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            def step(s: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
                both = torch.cat([s, c if other and fed else h], -1)
                i, f = torch.sigmoid(m.i(both)), torch.sigmoid(m.f(both))
                if other and not fed:
                    i, f = f, i
                c = f * c + i * torch.tanh(m.g(both))
                return torch.tanh(c), c

            return scan(step, x, y[:, 0] * 0, y[:, 0] * 0) + y[:, 0]

        return made(body, i=nn.Linear(2 * D, D), f=nn.Linear(2 * D, D, bias=False), g=nn.Linear(2 * D, D))

    def attend(q: torch.Tensor, k: torch.Tensor, over: int = -1) -> torch.Tensor:
        return torch.softmax(q @ k.transpose(1, 2) / D**0.5, over) @ k

    def reset(other: bool) -> object:
        def step(m: nn.Module, s: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor]:
            r = torch.sigmoid(s)
            return (torch.tanh(s + (r * m.u(h) if other else m.u(r * h))),)

        return made(lambda m, x, y: scan(lambda s, h: step(m, s, h), x, y[:, 0]), u=linear())

    def depth(other: bool) -> object:
        first = linear()
        layers = nn.ModuleList([first, first, first] if other else [first, linear(), linear()])
        return made(lambda m, x, y: layers[2](layers[1](layers[0](x))) + y, layers=layers)

    def frozen(other: bool) -> object:
        layer = linear()
        layer.requires_grad_(not other)
        return made(lambda m, x, y: torch.tanh(m.layer(x)) + y, layer=layer)

    def start(other: bool) -> object:
        first = {"first": nn.Parameter(torch.zeros(D))} if other else {}
        zero = torch.zeros(D)
        return made(
            lambda m, x, y: scan(lambda s, h: (torch.tanh(s + h),), x, m.first if other else zero) + y[:, 0], **first
        )

    def norm(other: bool) -> object:
        parts = {"norm": nn.LayerNorm(D), "layer": linear()}
        if other:
            return made(lambda m, x, y: m.norm(x + m.layer(x)) + y, **parts)
        return made(lambda m, x, y: x + m.layer(m.norm(x)) + y, **parts)

    def heads(other: bool) -> object:
        attention = nn.MultiheadAttention(D, 8 if other else 2, batch_first=True)
        return made(lambda m, x, y: m.attention(x, y, y)[0], attention=attention)

    def sample(other: bool) -> object:
        def body(m: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            normal = torch.distributions.Normal(x, 1.0)
            return (normal.sample() if other else normal.rsample()) * y

        return made(body)

    def third(other: bool) -> object:
        def body(m: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.tanh(m.p(x)) + torch.relu((m.q if other else m.p)(x)) + torch.sin(m.q(x)) + y

        return made(body, p=linear(), q=linear())

    def encoder(other: bool) -> object:
        e = nn.Sequential(linear(), nn.Tanh())
        f = nn.Sequential(linear(), nn.Tanh()) if other else e
        return made(lambda m, x, y: m.e(x) - m.f(y), e=e, f=f)

    def stopped(other: bool) -> object:
        def body(m: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return m.layer(x if other else x.detach()) + torch.relu(x.detach() if other else x) + y

        return made(body, layer=linear())

    def causal(other: bool) -> object:
        return made(lambda m, x, y: F.scaled_dot_product_attention(x, x, x, is_causal=not other) + y)

    return {
        "shared or separate encoder": encoder,
        "separate or shared weights over depth": depth,
        "which layer is used twice": third,
        "who queries whom": lambda other: made(lambda m, x, y: attend(y, x) if other else attend(x, y)),
        "softmax over keys or over queries": lambda other: made(lambda m, x, y: attend(x, y, -2 if other else -1)),
        "causal or not": causal,
        "2 or 8 heads": heads,
        "input and forget gate swapped": gates,
        "h or c fed back": lambda other: gates(other, fed=True),
        "reset before or after the product": reset,
        "forward or reversed": lambda other: made(
            lambda m, x, y: scan(lambda s, h: (torch.tanh(m.u(h) + s),), x.flip(1) if other else x, y[:, 0]), u=linear()
        ),
        "norm before or after": norm,
        "gradient reversed or not": lambda other: made(lambda m, x, y: (Same if other else Reverse).apply(x) + y),
        "which side is stopped": stopped,
        "learned or frozen": frozen,
        "first state 0 or learned": start,
        "operands of a difference": lambda other: made(lambda m, x, y: y - x if other else x - y),
        "how a gradient passes a draw": sample,
    }


# -- Keras ------------------------------------------------------------------------------------------------------------
def keras_pairs() -> dict[str, Callable[[bool], object]]:
    """The same as functional Keras models; those that Keras has no words for are left out, and count as not told apart."""
    import keras
    from keras import layers as L
    from keras import ops as O

    def made(body: Callable[..., object]) -> object:
        keras.utils.clear_session()
        a, b = keras.Input((T, D), name="a"), keras.Input((T, D), name="b")
        return keras.Model([a, b], body(a, b))

    def depth(a: object, b: object, other: bool) -> object:
        first = L.Dense(D)
        for layer in [first, first, first] if other else [first, L.Dense(D), L.Dense(D)]:
            a = layer(a)
        return a + b

    def encoder(a: object, b: object, other: bool) -> object:
        e = L.Dense(D, activation="tanh")
        f = L.Dense(D, activation="tanh") if other else e
        return e(a) - f(b)

    def third(a: object, b: object, other: bool) -> object:
        p, q = L.Dense(D), L.Dense(D)
        return O.tanh(p(a)) + O.relu((q if other else p)(a)) + O.sin(q(a)) + b

    def attend(q: object, k: object, over: int = -1) -> object:
        return O.matmul(O.softmax(O.matmul(q, O.transpose(k, (0, 2, 1))) / D**0.5, over), k)

    def gates(a: object, b: object, other: bool, fed: bool = False) -> object:
        li, lf, lg = L.Dense(D), L.Dense(D, use_bias=False), L.Dense(D)
        h = c = b[:, 0] * 0
        for t in range(T):
            both = O.concatenate([a[:, t], c if other and fed else h], -1)
            i, f = O.sigmoid(li(both)), O.sigmoid(lf(both))
            if other and not fed:
                i, f = f, i
            c = f * c + i * O.tanh(lg(both))
            h = O.tanh(c)
        return h + b[:, 0]

    def reset(a: object, b: object, other: bool) -> object:
        u, h = L.Dense(D), b[:, 0]
        for t in range(T):
            r = O.sigmoid(a[:, t])
            h = O.tanh(a[:, t] + (r * u(h) if other else u(r * h)))
        return h

    def norm(a: object, b: object, other: bool) -> object:
        n, layer = L.LayerNormalization(), L.Dense(D)
        return (n(a + layer(a)) if other else a + layer(n(a))) + b

    def stopped(a: object, b: object, other: bool) -> object:
        stop = O.stop_gradient
        return L.Dense(D)(a if other else stop(a)) + O.relu(stop(a) if other else a) + b

    def frozen(a: object, b: object, other: bool) -> object:
        return L.Dense(D, trainable=not other)(a) + b

    def heads(a: object, b: object, other: bool) -> object:
        n = 8 if other else 2
        return L.MultiHeadAttention(n, D // n)(a, b)

    def causal(a: object, b: object, other: bool) -> object:
        return L.MultiHeadAttention(1, D)(a, a, use_causal_mask=not other) + b

    bodies: dict[str, Callable[[object, object, bool], object]] = {
        "shared or separate encoder": encoder,
        "separate or shared weights over depth": depth,
        "which layer is used twice": third,
        "who queries whom": lambda a, b, other: attend(b, a) if other else attend(a, b),
        "softmax over keys or over queries": lambda a, b, other: attend(a, b, -2 if other else -1),
        "causal or not": causal,
        "2 or 8 heads": heads,
        "input and forget gate swapped": gates,
        "h or c fed back": lambda a, b, other: gates(a, b, other, fed=True),
        "reset before or after the product": reset,
        "forward or reversed": lambda a, b, other: L.SimpleRNN(D, go_backwards=other)(a) + b[:, 0],
        "norm before or after": norm,
        "which side is stopped": stopped,
        "learned or frozen": frozen,
        "operands of a difference": lambda a, b, other: b - a if other else a - b,
    }
    return {name: lambda other, body=body: made(lambda a, b: body(a, b, other)) for name, body in bodies.items()}
