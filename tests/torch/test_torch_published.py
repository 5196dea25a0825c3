"""Programs with torch.nn's own names load its state dicts strictly, and compute the same, gradients included."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archdsl

FILE = Path(__file__).parents[1] / "cases" / "published" / "torch_nn.arch"
CLOSE = {"rtol": 1e-10, "atol": 1e-10}

TIME_FIRST = """model MultiheadAttention(d = 12, heads = 3) {
  input query: [target, batch, d]
  input key, value: [source, batch, d]
  param in_proj_weight: [3 * d, d] = xavier_uniform
  param in_proj_bias: [3 * d] = 0
  wq, wk, wv = split(in_proj_weight, 3, over = 0)
  bq, bk, bv = split(in_proj_bias, 3)
  q = swap(query @ transpose(wq) + bq, 0, 1)
  k = swap(key @ transpose(wk) + bk, 0, 1)
  v = swap(value @ transpose(wv) + bv, 0, 1)
  output y = swap(attention(q, k, v, heads = heads) -> Linear(d) as "out_proj", 0, 1)
}
"""


def _pair(name: str, theirs: nn.Module, text: str | Path = FILE, **sizes: Any) -> tuple[nn.Module, nn.Module]:
    """Ours with the weights of theirs, which are drawn wide."""
    ours = archdsl.load(text, name, **sizes)
    for p in theirs.parameters():
        nn.init.normal_(p, 1.0 if p.dim() == 1 else 0.0, 0.7)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours.double().eval(), theirs.double().eval()


def _same(ours: nn.Module, theirs: nn.Module, inputs: list[Tensor], given: list[Tensor], wanted: list[Tensor]) -> None:
    assert len(given) == len(wanted)
    for a, b in zip(given, wanted, strict=True):
        torch.testing.assert_close(a, b, **CLOSE)
    names = [name for name, _ in ours.named_parameters()]
    found = [
        torch.autograd.grad(sum((o**2).sum() for o in outputs), [*inputs, *map(net.get_parameter, names)])
        for net, outputs in ((ours, given), (theirs, wanted))
    ]
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, **CLOSE)


def _inputs(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers(name: str) -> None:
    ours, theirs = _pair(name, getattr(nn, name)(5, 6, batch_first=True))
    inputs = _inputs((3, 7, 5))
    y, last = theirs(*inputs)
    final = [h.squeeze(0) for h in (last if isinstance(last, tuple) else (last,))]
    _same(ours, theirs, inputs, list(ours(*inputs)), [y, *final])


def test_attention() -> None:
    ours, theirs = _pair("MultiheadAttention", nn.MultiheadAttention(12, 3, batch_first=True))
    inputs = _inputs((2, 5, 12), (2, 7, 12), (2, 7, 12))
    _same(ours, theirs, inputs, [ours(*inputs)], [theirs(*inputs, need_weights=False)[0]])


def test_attention_with_time_first() -> None:
    """`batch_first = False`, torch's default: the axes are those of its inputs, the weights the same."""
    ours, theirs = _pair("MultiheadAttention", nn.MultiheadAttention(12, 3), TIME_FIRST)
    inputs = _inputs((5, 2, 12), (7, 2, 12), (7, 2, 12))
    _same(ours, theirs, inputs, [ours(*inputs)], [theirs(*inputs, need_weights=False)[0]])


@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_transformer_layers(name: str) -> None:
    ours, theirs = _pair(name, getattr(nn, name)(12, 3, 24, batch_first=True))
    inputs = _inputs((2, 5, 12), (2, 7, 12))[: 1 if "En" in name else 2]
    _same(ours, theirs, inputs, [ours(*inputs)], [theirs(*inputs)])


# -- their options -------------------------------------------------------------------------------------------------------
def recurrent(kind: str, layers: int, both: bool, bias: bool, projected: int, relu: bool) -> str:
    """The program of a recurrent layer of torch.nn with these options, under its own names."""
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]
    shown = "p" if projected else "units"
    lines, ends, below = [], [], "x"
    for layer in range(layers):
        width = "features" if not layer else f"{2 if both else 1} * {shown}"
        outs = []
        for way in ("", "_reverse") if both else ("",):
            end = f"_l{layer}{way}"
            lines += [
                f"param weight_ih{end}: [{gates} * units, {width}]",
                f"param weight_hh{end}: [{gates} * units, {shown}]",
            ]
            lines += [f"param {b}{end}: [{gates} * units]" for b in ("bias_ih", "bias_hh") if bias]
            lines += [f"param weight_hr{end}: [p, units]"] if projected else []
            step = _step(kind, end, bias, bool(projected), relu)
            lines.append(f"r{end} = {below} -> scan {{\n{step}\n}} over time{' reversed' if way else ''}")
            outs.append(f"r{end}")
            ends.append(end)
        lines.append(f"y{layer} = {f'[{outs[0]}, {outs[1]}]' if both else outs[0]}")
        below = f"y{layer}"
    lines += [f"output y = {below}", *(f"output h{e} = r{e}.h'" for e in ends)]
    lines += [f"output c{e} = r{e}.c'" for e in ends if kind == "LSTM"]
    head = f"model Net(features = 5, units = 6{f', p = {projected}' if projected else ''}) {{\ninput x: [batch, time, features]"
    return "\n".join([head, *(f"{line} = 0" if line.startswith("param") else line for line in lines), "}\n"])


def _step(kind: str, end: str, bias: bool, projected: bool, relu: bool) -> str:
    of_x, of_h = (
        f"{v} @ transpose(weight_{w}{end}){f' + bias_{w}{end}' * bias}" for v, w in (("a", "ih"), ("h", "hh"))
    )
    states = f"state h: [batch, {'p' if projected else 'units'}] = 0" + "\nstate c: [batch, units] = 0" * (
        kind == "LSTM"
    )
    if kind == "RNN":
        rest = f"h' = {'relu' if relu else 'tanh'}({of_x} + {of_h})"
    elif kind == "LSTM":
        shown = "sigmoid(o) * tanh(c')"
        rest = f"i, f, g, o = split({of_x} + {of_h}, 4)\nc' = sigmoid(f) * c + sigmoid(i) * tanh(g)\nh' = "
        rest += f"({shown}) @ transpose(weight_hr{end})" if projected else shown
    else:
        rest = f"xr, xz, xn = split({of_x}, 3)\nhr, hz, hn = split({of_h}, 3)\nz = sigmoid(xz + hz)\n"
        rest += "h' = (1 - z) * tanh(xn + sigmoid(xr + hr) * hn) + z * h"
    return f"input a\n{states}\n{rest}\noutput h'"


OPTIONS = [
    *((k, 1, False, True, 0, r) for k, r in (("RNN", True), ("RNN", False), ("LSTM", False), ("GRU", False))),
    *((k, 2, True, True, 0, False) for k in ("RNN", "LSTM", "GRU")),
    *((k, 3, False, False, 0, False) for k in ("RNN", "LSTM", "GRU")),
    ("RNN", 2, True, False, 0, True),
    ("LSTM", 1, False, True, 3, False),
    ("LSTM", 2, True, False, 3, False),
]


@pytest.mark.parametrize(("kind", "layers", "both", "bias", "projected", "relu"), OPTIONS)
def test_options_of_recurrent_layers(
    kind: str, layers: int, both: bool, bias: bool, projected: int, relu: bool
) -> None:
    """Layers, both directions, no biases, projections, relu: outputs, every last state, every gradient."""
    more: dict[str, Any] = {"proj_size": projected} if projected else {}
    more |= {"nonlinearity": "relu"} if relu else {}
    theirs = getattr(nn, kind)(5, 6, layers, bias=bias, batch_first=True, bidirectional=both, **more)
    ours, theirs = _pair("Net", theirs, recurrent(kind, layers, both, bias, projected, relu))
    inputs = _inputs((3, 4, 5))
    y, last = theirs(*inputs)
    final = [s for state in (last if isinstance(last, tuple) else (last,)) for s in state]
    _same(ours, theirs, inputs, list(ours(*inputs)), [y, *final])


HELD = """cell Step(units) {
  input x: [batch, features]
  state h, c: [batch, units] = 0
  param weight_ih_l0: [4 * units, features] = 0
  param weight_hh_l0: [4 * units, units] = 0
  param bias_ih_l0, bias_hh_l0: [4 * units] = 0
  i, f, g, o = split(x @ transpose(weight_ih_l0) + bias_ih_l0 + h @ transpose(weight_hh_l0) + bias_hh_l0, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
  h' = sigmoid(o) * tanh(c')
  output h'
}

model Net(units = 6) {
  input x: [batch, time, 5]
  lstm = Step(units)
  r = x -> scan lstm over time
  output y = r
  output h = r.h'
  output c = r.c'
}
"""


class Holder(nn.Module):
    """A model that holds an LSTM of torch's, as published ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 6, batch_first=True)

    def forward(self, x: Tensor) -> list[Tensor]:
        y, (h, c) = self.lstm(x)
        return [y, h[0], c[0]]


def test_a_recurrent_layer_inside_a_model() -> None:
    """`lstm.weight_ih_l0` and its kind are a cell's own parameters, which runs on torch's kernel."""
    assert "torch.lstm(" in archdsl.compile(HELD)
    ours, theirs = _pair("Net", Holder(), HELD)
    inputs = _inputs((3, 4, 5))
    _same(ours, theirs, inputs, list(ours(*inputs)), theirs(*inputs))


ATTENTION = """model Net(d = 12, heads = 3, of_k = 12, of_v = 12, bias = true, apart = false, mask = false) {
  input query: [batch, target, d]
  input key: [batch, source, of_k]
  input value: [batch, source, of_v]
  if apart {
    param q_proj_weight: [d, d] = 0
    param k_proj_weight: [d, of_k] = 0
    param v_proj_weight: [d, of_v] = 0
    wq = q_proj_weight
    wk = k_proj_weight
    wv = v_proj_weight
  } else {
    param in_proj_weight: [3 * d, d] = 0
    wq, wk, wv = split(in_proj_weight, 3, over = 0)
  }
  if bias {
    param in_proj_bias: [3 * d] = 0
    bq, bk, bv = split(in_proj_bias, 3)
    q = query @ transpose(wq) + bq
    k = key @ transpose(wk) + bk
    v = value @ transpose(wv) + bv
  } else {
    q = query @ transpose(wq)
    k = key @ transpose(wk)
    v = value @ transpose(wv)
  }
  if mask {
    seen = attention(q, k, v, heads = heads, mask = causal)
  } else {
    seen = attention(q, k, v, heads = heads)
  }
  output y = seen -> Linear(d, bias = bias) as "out_proj"
}
"""


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kdim", "vdim"), [(None, None), (7, 5), (12, 9)])
@pytest.mark.parametrize("causal", [False, True])
def test_options_of_attention(bias: bool, kdim: int | None, vdim: int | None, causal: bool) -> None:
    theirs = nn.MultiheadAttention(12, 3, bias=bias, kdim=kdim, vdim=vdim, batch_first=True)
    text = ATTENTION.replace("apart = false", f"apart = {str(kdim is not None).lower()}")
    if kdim is None:
        text = text.replace(", of_k = 12, of_v = 12", "").replace("of_k", "d").replace("of_v", "d")
    else:
        text = text.replace("of_k = 12, of_v = 12", f"of_k = {kdim}, of_v = {vdim}")
    ours, theirs = _pair("Net", theirs, text, bias=bias, mask=causal)
    inputs = _inputs((2, 6, 12), (2, 6, kdim or 12), (2, 6, vdim or 12))
    mask = nn.Transformer.generate_square_subsequent_mask(6, dtype=torch.float64) if causal else None
    wanted = theirs(*inputs, need_weights=False, attn_mask=mask)[0]
    _same(ours, theirs, inputs, [ours(*inputs)], [wanted])


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_options_of_transformer_layers(name: str, first: bool, gelu: bool) -> None:
    """The norm before or after each part, and the function between the two layers."""
    theirs = getattr(nn, name)(12, 3, 24, activation="gelu" if gelu else "relu", batch_first=True, norm_first=first)
    text = FILE.read_text(encoding="utf-8").replace("-> relu ->", "-> gelu ->" if gelu else "-> relu ->")
    if first:
        text = text.partition('"""torch.nn.TransformerEncoderLayer')[0] + NORM_FIRST.replace(
            "relu", "gelu" if gelu else "relu"
        )
    ours, theirs = _pair(name, theirs, text)
    inputs = _inputs((2, 5, 12), (2, 7, 12))[: 1 if "En" in name else 2]
    _same(ours, theirs, inputs, [ours(*inputs)], [theirs(*inputs)])


NORM_FIRST = """model TransformerEncoderLayer(d = 12, heads = 3, hidden = 24) {
  input x: [batch, time, d]
  n = x -> LayerNorm as "norm1"
  y = x + (Attention(d, heads) as "self_attn")(n, n, n)
  fed = y -> LayerNorm as "norm2" -> Linear(hidden) as "linear1" -> relu -> Linear(d) as "linear2"
  output z = y + fed
}

model TransformerDecoderLayer(d = 12, heads = 3, hidden = 24) {
  input x: [batch, target, d]
  input memory: [batch, source, d]
  n = x -> LayerNorm as "norm1"
  a = x + (Attention(d, heads) as "self_attn")(n, n, n)
  m = a -> LayerNorm as "norm2"
  b = a + (Attention(d, heads) as "multihead_attn")(m, memory, memory)
  fed = b -> LayerNorm as "norm3" -> Linear(hidden) as "linear1" -> relu -> Linear(d) as "linear2"
  output z = b + fed
}
"""
