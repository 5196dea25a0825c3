"""Random well-typed programs, for properties that must hold for all of them.

A program is a model over `x: [batch, time, d]` whose statements are drawn one after the other: each takes a value made before and makes one of a
type that is known, so that the program checks by construction. It has layers with weights (shared and not), gates, attention, stacks,
loops, scans of cells and of bodies, residuals, blocks with hyperparameters, draws and gradient operators.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

FUNCTIONS = ("tanh", "sigmoid", "relu", "gelu", "silu", "square", "softplus", "sin")
BLOCK = """block Mix(d, hidden = 2 * d, act = relu, deep = false) {
  input x: [..., d]
  h = Linear(hidden)(x)
  if deep {
    g = h -> act -> Linear(hidden)
  } else {
    g = h
  }
  output g -> act -> Linear(d)
}"""
CELL = """cell Remember(units) {
  input x: [batch, features]
  state h: [batch, units] = 0
  gate z = sigmoid(Linear(units)([x, h]))
  h' = z * h + (1 - z) * tanh(Linear(units)(x))
  output h'
}"""


@dataclass
class Writer:
    """A program being written: its lines, its values of type [batch, time, d], and its named layers."""

    draw: st.DrawFn
    lines: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=lambda: ["x"])
    layers: list[str] = field(default_factory=list)
    count: int = 0

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def pick(self) -> str:
        return self.draw(st.sampled_from(self.values))

    def put(self, text: str) -> None:
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        self.values.append(name)

    def choose(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))

    # -- statements -------------------------------------------------------------------------------------------------
    def pointwise(self) -> None:
        self.put(f"{self.choose(*FUNCTIONS)}({self.pick()})")

    def arithmetic(self) -> None:
        self.put(
            self.choose("{} + {}", "{} - {}", "{} * {}", "0.5 * {} + {}", "maximum({}, {})").format(
                self.pick(), self.pick()
            )
        )

    def layer(self) -> None:
        self.put(
            f"{self.pick()} -> {self.choose('Linear(d)', 'LayerNorm', 'Linear(2 * d) -> relu -> Linear(d)', 'RMSNorm')}"
        )

    def frozen(self) -> None:
        self.put(f"frozen Linear(d)({self.pick()})")

    def shared(self) -> None:
        if not self.layers:
            self.layers.append("W")
            self.lines.append("  W = Linear(d, bias = false)")
        self.put(f"W({self.pick()}) + W({self.pick()})")

    def gate(self) -> None:
        name, value = self.name(), self.pick()
        self.lines.append(f"  gate {name} = sigmoid(Linear(d)({value}))")
        self.put(f"{name} * {self.pick()} + (1 - {name}) * {self.pick()}")

    def attention(self) -> None:
        q, k, v = self.pick(), self.pick(), self.pick()
        mask = self.choose("", ", mask = causal")
        self.put(
            self.choose(f"attention({q}, {k}, {v}, heads = 2{mask})", f"softmax({q} @ transpose({k}) / sqrt(d)) @ {v}")
        )

    def block(self) -> None:
        self.put(f"{self.pick()} -> Mix(d{self.choose('', ', hidden = 3', ', act = tanh', ', deep = true')})")

    def residual(self) -> None:
        self.put(f"{self.pick()} -> residual {{ LayerNorm -> {self.choose('Linear(d)', 'Mix(d)', 'tanh')} }}")

    def repeat(self) -> None:
        body = self.choose("Linear(d) -> relu", "residual { Mix(d) }", "tanh")
        self.put(f"{self.pick()} -> {self.choose('stack', 'loop')} {self.choose('2', 'layers')} {{ {body} }}")

    def collected(self) -> None:
        r, x = self.name(), self.pick()
        self.lines += [
            f"  {r} = {x} -> {self.choose('stack', 'loop')} 3 {{",
            "    input h",
            "    h' = tanh(Linear(d)(h))",
            "    output s = relu(h)",
            "  }",
        ]
        self.put(self.choose(f"sum({r}.s, over = 0)", f"{r} + mean({r}.s, over = 0)"))

    def scan(self) -> None:
        cell = self.choose("Remember(d)", "LSTM(d)", "GRU(d)", "RNN(d)")
        self.put(f"{self.pick()} -> scan {cell} over time{self.choose('', ' reversed')}")

    def inline_scan(self) -> None:
        r, x = self.name(), self.pick()
        self.lines += [
            f"  {r} = {x} -> scan {{", "    input s", "    state a: [batch, d] = 0", "    a' = 0.5 * a + s", "    output tanh(a')", "  } over time",
        ]  # fmt: skip
        self.put(self.choose(f"relu({r})", f"{r} + unsqueeze({r}.a', at = 1)"))

    def reduced(self) -> None:
        x = self.pick()
        self.put(f"{x} - mean({x}, over = {self.choose('time', 'd')}, keep = true)")

    def gradient(self) -> None:
        self.put(f"{self.choose('stop_gradient', 'reverse_gradient')}({self.pick()})")

    def chance(self) -> None:
        name = self.name()
        self.lines.append(f"  {name} ~ Normal({self.pick()}, 1){self.choose('', ' by reparameterisation')}")
        self.values.append(name)


STATEMENTS = ("pointwise", "arithmetic", "layer", "frozen", "shared", "gate", "attention", "block", "residual", "repeat", "collected", "scan",
              "inline_scan", "reduced", "gradient", "chance")  # fmt: skip


@st.composite
def programs(draw: st.DrawFn, most: int = 8, random: bool = True) -> str:
    """A program; without `random`, one whose output depends on its inputs and weights alone."""
    writer = Writer(draw)
    allowed = STATEMENTS if random else tuple(s for s in STATEMENTS if s != "chance")
    for statement in draw(st.lists(st.sampled_from(allowed), min_size=1, max_size=most)):
        getattr(writer, statement)()
    body = "\n".join(["  input x: [batch, time, d]", *writer.lines, f"  output y = relu({' + '.join(writer.values)})"])
    return f"{BLOCK}\n{CELL}\nmodel M(d = 4, layers = 2) {{\n{body}\n}}\n"
