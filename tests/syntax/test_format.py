"""`fmt`: one canonical text, with comments and meaning kept."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl import resources
from archdsl.diagnostics import Errors
from archdsl.source import Source
from archdsl.syntax.format import WIDTH, format_text
from archdsl.syntax.parse import lex

PROGRAMS = sorted([*resources.folder("examples").glob("*.arch"), *resources.folder("library").glob("*.arch")])


def formatted(text: str) -> str:
    return format_text(Source(text))


def body(text: str) -> str:
    """The statements of one definition, formatted."""
    lines = formatted(f"block B {{\n{text}\n}}\n").splitlines()
    assert (lines[0], lines[-1]) == ("block B {", "}")
    return "\n".join(line[2:] for line in lines[1:-1])


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("c'=f*c+i*g", "c' = f * c + i * g"),
        ("y=- x ^ - 2- 1", "y = -x^-2 - 1"),
        ("y = g( a,b = - 1 )", "y = g(a, b = -1)"),
        ("input x : int [batch,time]", "input x: int[batch, time]"),
        ("z~Normal(0,1):[batch,64] by score_function", "z ~ Normal(0, 1): [batch, 64] by score_function"),
        ("x->stack 2{Linear( 4 )->relu}->output y", "x -> stack 2 { Linear(4) -> relu } -> output y"),
        ("w = E . weight", "w = E.weight"),
        ("y = x -> scan {Linear(4)} over -1 reversed", "y = x -> scan { Linear(4) } over -1 reversed"),
        ("y = x -> scan F( 2 ) over time from(h=h0)", "y = x -> scan F(2) over time from (h = h0)"),
        ("a,b = f ( x ) ( y )", "a, b = f(x)(y)"),
        ("y = not (a) and b == c", "y = not (a) and b == c"),
        ("W = frozen Linear(4)", "W = frozen Linear(4)"),
        ("y = ( a+b )*c%d", "y = (a + b) * c % d"),
    ],
)
def test_spacing(given_: str, expected: str) -> None:
    assert body(given_) == expected


def test_one_blank_line_at_most_and_none_at_the_edges() -> None:
    assert body("\n\ninput x\n\n\n\noutput x\n\n") == "input x\n\noutput x"


def test_definitions_stand_apart_and_uses_together() -> None:
    text = 'use "a.arch"\n\n\nuse "b.arch"\nblock A {\noutput x\n}\nblock B { output x }\n'
    assert formatted(text) == 'use "a.arch"\nuse "b.arch"\n\nblock A {\n  output x\n}\n\nblock B {\n  output x\n}\n'


def test_comments_stay_where_they_are() -> None:
    text = """# top

# about A
block A {  # opens
  # before
  input x   # an input
  longer = relu(x) # another
  y = f(x, # first
    # second
    x)
  x -> A # one
    # between
    -> B # two
  # last
}
# after
"""
    expected = """# top

# about A
block A {  # opens
  # before
  input x           # an input
  longer = relu(x)  # another
  y = f(
    x,  # first
    # second
    x
  )
  x
    -> A  # one
    # between
    -> B  # two
  # last
}
# after
"""
    assert formatted(text) == expected
    assert formatted(expected) == expected


def test_long_lines_break_where_a_reader_would() -> None:
    stages = " -> ".join(f"Linear({'9' * 20})" for _ in range(5))
    assert body(f"y = x -> {stages}") == "y = x\n" + "\n".join(f"  -> Linear({'9' * 20})" for _ in range(5))
    layer = f"Layer({', '.join(['d'] * 25)})"
    assert (
        body(f"y = xxxxx -> stack layers {{ {layer} }} -> output z")
        == f"y = xxxxx -> stack layers {{\n  {layer}\n}} -> output z"
    )
    terms = ["bce(" + "x" * 40 + ")"] * 3
    assert body(f"minimize {' + '.join(terms)} over D with Adam(1)") == (
        f"minimize {terms[0]} +\n  {terms[1]} +\n  {terms[2]} over D with Adam(1)"
    )


def test_branches_of_an_if_are_open() -> None:
    assert body("if a == 1 { y = x } else { y = z }") == "if a == 1 {\n  y = x\n} else {\n  y = z\n}"


def test_docstrings_are_not_touched() -> None:
    text = '"""One  line,\n   and  another."""\nblock A {\n  output x\n}\n'
    assert formatted(text) == text


def test_what_is_no_program_is_refused() -> None:
    with pytest.raises(Errors):
        formatted("block A { input x")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_shipped_programs_are_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text, f"run: archdsl fmt {path.name}"
    assert all(
        len(line) <= WIDTH or '"""' in line or "#" in line for line in text.splitlines() if line.startswith("  ")
    )


def scrambled(text: str, seed: int) -> str:
    """The same program with other spaces, and other line breaks where they mean nothing."""
    rng = random.Random(seed)
    tokens, out, end = lex(Source(text)), "", 0
    depth: list[str] = []
    previous = ""
    for token in tokens:
        start = token.start_pos or 0
        if token.type == "_NL":
            out += rng.choice(["\n", "\n   ", " \n"])
            end = token.end_pos or 0
            continue
        elif text[end:start]:
            breaks = (depth[-1:] in (["LPAR"], ["LSQB"]) and previous == "COMMA") or token.type == "ARROW"
            out += rng.choice([" ", "  ", "\t", "\n" if breaks else " "])
        if token.type in ("LPAR", "LSQB", "LBRACE"):
            depth.append(token.type)
        elif token.type in ("RPAR", "RSQB", "RBRACE"):
            depth.pop()
        out += str(token)
        previous = token.type
        end = token.end_pos or 0
    return out


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_the_text_depends_on_the_tokens_alone(path: Path) -> None:
    text = re.sub(r"(?m)^\s*#.*\n|\s*#.*$", "", path.read_text(encoding="utf-8"))
    text = re.sub(r"\n\n+", "\n", text)
    expected = formatted(text)
    for seed in range(3):
        assert formatted(scrambled(text, seed)) == expected


NAMES = st.sampled_from(["x", "y", "Linear", "scan", "gate", "frozen", "over", "f"])
ATOMS = NAMES | st.sampled_from(["1", "2.5", "10_000", "[x, h]", "f(x)", "f(a = 1)(x)", "W.weight", "h'", "(x)"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "@", "==", "and", "->", "^"]), inner).map(" ".join),
        inner.map(lambda e: f"({e})"),
        inner.map(lambda e: f"x -> stack 2 as i {{ {e} }}"),
        inner.map(lambda e: f"x -> residual {{ # why\n a = {e}\n\n output a }}"),
        st.tuples(inner, inner).map(lambda p: f"f({p[0]}, # c\n {p[1]})"),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=4))
def test_formatting_is_stable_and_keeps_every_token(expressions: list[str]) -> None:
    text = "block B {\n" + "\n".join(f"y = {e}" for e in expressions) + "\n}\n"
    try:
        once = formatted(text)
    except Errors:
        return
    assert formatted(once) == once
    significant = [(t.type, str(t)) for t in lex(Source(text)) if t.type != "_NL"]
    assert [(t.type, str(t)) for t in lex(Source(once)) if t.type != "_NL"] == significant
    assert once.count("#") == text.count("#")
    assert not any(line != line.rstrip() for line in once.splitlines())
