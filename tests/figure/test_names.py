"""Names of values stand where it matters what arrives, once, and as the program gives them (decision 0084)."""

from __future__ import annotations

import re

import pytest

from archdsl.compiler import analyse
from archdsl.figure.panels import panels
from archdsl.figure.reading.canonical import canonical, differences
from archdsl.figure.reading.markup import plain
from archdsl.figure.reading.unnamed import unnamed
from archdsl.figure.scene import Mark, Panel

TWO = "model M(d = 8) {{ input a, b: [batch, time, d]\n{}\n}}"
CELL = "cell C(d) {{ input x: [batch, d]\n state h, c: [batch, d] = 0\n{}\n}}"


def panel(text: str) -> Panel:
    return panels(analyse(text))[0]


def cells(text: str, head: str) -> list[str]:
    """What the ports of the one mark with this head say."""
    (mark,) = (m for m in panel(text).root.all_marks() if m.lines and plain(m.lines[0]).startswith(head) and m.ports)
    return [plain(c).replace("<BR/>", "/") for c in _split(mark)]


def _split(mark: Mark) -> list[str]:
    return [c.replace("<BR/>", "/") for c in mark.cells]


def labels(text: str) -> list[str]:
    return [re.sub("<BR/>", "/", w.label) for w in panel(text).wires if w.label]


@pytest.mark.parametrize(
    ("text", "head", "said"),
    [
        ("output y = a - b", "−", ["a", "b"]),
        ("output y = b - a", "−", ["b", "a"]),
        ("output y = tanh(a) - sin(b)", "−", ["□", "□"]),
        ("m = tanh(a)\noutput y = m / exp(b)", "÷", ["m", "□"]),
        ("m = tanh(a)\noutput y = [b, m, exp(a)]", "concat", ["b", "m", "3"]),
        ("q0 = tanh(a)\noutput y = attention(q0, a, b)", "<B>attention", ["query/q<SUB>0</SUB>", "key/a", "value/b"]),
        ("target = tanh(a)\noutput y = cross_entropy(b, argmax(target))", "cross entropy", ["logits/b", "target"]),
        ("query = tanh(a)\noutput y = attention(query, a, a)", "<B>attention", ["query", "key/a", "value/a"]),
        ("output y = mse(exp(a), b)", "mse", ["1", "b"]),
    ],
)
def test_places_say_the_names_of_what_arrives(text: str, head: str, said: list[str]) -> None:
    assert cells(TWO.format(text), head) == said


def test_a_name_is_told_at_the_dot_only_where_some_reader_does_not_tell_it() -> None:
    assert labels(TWO.format("m = tanh(a)\noutput y = (m - b) / m")) == []
    assert labels(TWO.format("m = tanh(a)\noutput y = (m - b) + m")) == ["m"]


def test_what_a_state_gets_is_no_state() -> None:
    text = CELL.format("c' = c + x\n h' = tanh(c' - c)\n output h'")
    assert cells(text, "−") == ["c′", "c"]
    assert "c′" in labels(text) and "c" not in labels(text)


def test_gates_say_what_they_open() -> None:
    text = CELL.format(
        "gate f = sigmoid(x)\n gate i = sigmoid(h)\n c' = f * c + i * tanh(x)\n h' = tanh(c')\n output h'"
    )
    assert {"f/⊙ c", "i"} <= set(labels(text))
    assert {"f", "i/⊙ c"} <= set(labels(text.replace("f * c + i *", "i * c + f *")))


def test_first_values_and_first_copies() -> None:
    loop = "r = loop 3 {{ state p: [batch, time, d] = {}\n p' = tanh(p) * b }}\noutput y = r.p'"
    assert "first p = a" in labels(TWO.format(loop.format("a")))
    assert "first p" in labels(TWO.format(loop.format("exp(a)")))
    stack = "output y = {} -> stack 3 {{ input h\n h' = tanh(b) * h }}"
    assert "a into the first copy" in labels(TWO.format(stack.format("a")))
    assert "into the first copy" in labels(TWO.format(stack.format("exp(a)")))


def test_the_order_of_statements_does_not_count() -> None:
    """Two names of one value: the same one is shown, whichever comes first."""
    one = panels(analyse(TWO.format("p = tanh(a)\nq = tanh(a)\noutput y = p - b\noutput z = b - q")))
    two = panels(analyse(TWO.format("q = tanh(a)\np = tanh(a)\noutput y = p - b\noutput z = b - q")))
    assert differences(canonical(one), canonical(two)) == []


def test_other_names_are_seen_and_can_be_covered() -> None:
    text = TWO.format(
        "s = tanh(a)\nr = s -> stack 3 { input h\n h' = Linear(d)(h) - s }\noutput y = mse(s, r) + mean(s @ transpose(r))"
    )
    other = re.sub(r"\bs\b", "t", text)
    one, two = panels(analyse(text)), panels(analyse(other))
    assert differences(canonical(one), canonical(two)) != []
    assert differences(unnamed(one), unnamed(two)) == []
    swapped = panels(analyse(text.replace("- s", "- b")))
    assert differences(unnamed(one), unnamed(swapped)) != []
