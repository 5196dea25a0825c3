"""Operators and ports give back which operand is which, out of the ink and out of DOT, whichever way a figure is read."""

from __future__ import annotations

import pytest

from archdsl.compiler import analyse
from archdsl.figure import figure
from archdsl.figure.panels import panels
from archdsl.figure.reading import panels_of, read
from archdsl.figure.reading.canonical import canonical, differences
from archdsl.figure.render import paint
from archdsl.ir.meaning import same
from tests.figure.reading.strip import renamed, stripped

BODIES = (
    "output y = to_float(a < b)",
    "output y = to_float(a >= b)",
    "output y = to_float(exp(a) > exp(b))",
    "output y = a // b - b % a",
    "output y = h0 ^ W_in",
    "output y = 2 ^ a - a ^ 2",
    "output y = a - a",
    "k = exp(a)\noutput y = (k - d) - (d - k)",
    "output y = a - b - W_in / h0",
    "mod = exp(a)\noutput y = mod % b",
    "c = a - b\ne = b - a\noutput y = c / e @ transpose(c)",
    "output y = by_mode(training = a, evaluation = b)",
    "output y = supply_gradient(b, a)",
    "output y = gather(a, argmax(b, over = d, keep = true), over = d)",
    "z ~ Normal(a, exp(b))\noutput y = log_prob(z) + z",
    "output y = where(a > b, b, a)",
    "patches = exp(a)\noutput y = [patches, a, tanh(b)]",
    "output y = attention(a, h0, b)",
)
PROGRAMS = [
    analyse(f"model M(d = 8) {{ input a, b: [batch, time, d]\n input W_in, h0: [batch, time, d]\n{b}\n}}")
    for b in BODIES
]


@pytest.mark.parametrize("direction", ["up", "right"])
def test_operands_are_told_apart(direction: str) -> None:
    drawn = [figure(p, direction=direction) for p in PROGRAMS]
    for body, program, one, picture in zip(BODIES, PROGRAMS, drawn, paint(drawn, "svg")):
        for seen in (stripped(picture), renamed(one.dot).encode()):
            assert differences(canonical(panels_of(seen)), canonical(panels(program))) == [], body
            assert same(analyse(read(seen)), program), body
