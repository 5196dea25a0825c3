"""Text → tree: what is a keyword where, what ends a statement, where things are, and that no text does worse than an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.diagnostics import Errors
from archdsl.source import Source
from archdsl.syntax import layout, tree
from archdsl.syntax.parse import parse


def body(text: str) -> list[tree.Statement]:
    (definition,) = parse(Source("model M {\n" + text + "\n}")).items
    assert isinstance(definition, tree.Definition)
    return definition.body.statements


WORDS = sorted({*layout._TOP, *layout._STATEMENT, *layout._INFIX, *layout._PREFIX})


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("before", ["", "a = b\n", "a = if b { c } else { d }\n"])
def test_words_are_names_where_no_keyword_can_stand(word: str, before: str) -> None:
    *_, statement = body(f"{before}{word} = {word} + f({word}, over = {word})")
    assert isinstance(statement, tree.Assign) and statement.targets[0].name == word


@pytest.mark.parametrize(
    "text, kind",
    [
        ("input x: [batch]", tree.Input), ("output x", tree.Output), ("param W: [3] = 0", tree.Param), ("frozen param W: [3] = 0", tree.Param),
        ("state h: [3] = 0", tree.State), ("memory m: [3] = 0", tree.Memory), ("gate f = sigmoid(x)", tree.Assign),
        ("z ~ Normal(0, 1): [3]", tree.Draw), ("expect params == 3", tree.Expect), ("config large(d = 3)", tree.Config),
        ("minimize l over G with Adam(1)", tree.Minimize), ("minimize l over G, H", tree.Minimize), ("until stable(m) at_most 3 { M(x) }", tree.Until),
        ("x -> f -> output y", tree.Chain), ("if a { x = y } else { x = z }", tree.Choice), ("a, b' = f(x)", tree.Assign),
    ],
)  # fmt: skip
def test_statements(text: str, kind: type) -> None:
    (statement,) = body(text)
    assert isinstance(statement, kind)


def test_newlines_end_statements_only_where_they_can() -> None:
    text = "y = x +\n  2\nz = f(\n  y,\n  x)\nx\n  -> f\n  -> output w # c\n\n\n# d\nif a {\n  b = c\n}\nelse {\n  b = d\n}"
    kinds = [type(s).__name__ for s in body(text)]
    assert kinds == ["Assign", "Assign", "Chain", "Choice"]


def test_precedence() -> None:
    def shape(node: tree.Expression) -> object:
        if isinstance(node, tree.Binary):
            return (node.op, shape(node.left), shape(node.right))
        if isinstance(node, tree.Unary):
            return (node.op, shape(node.value))
        return node.text if isinstance(node, (tree.Name, tree.Number)) else type(node).__name__

    (statement,) = body("y = a + b * -c ^ 2 @ d == e and not f or g")
    assert isinstance(statement, tree.Assign)
    assert shape(statement.value) == (
        "or",
        ("and", ("==", ("+", "a", ("@", ("*", "b", ("-", ("^", "c", "2"))), "d")), "e"), ("not", "f")),
        "g",
    )


def test_spans_are_the_text_they_stand_for() -> None:
    source = Source("model M(d = 4) {\n  y = x -> Linear(2 * d)(z) -> scan F over time reversed from (h = h0)\n}")
    (definition,) = parse(source).items
    assert isinstance(definition, tree.Definition)
    (statement,) = definition.body.statements
    assert statement.span.text == "y = x -> Linear(2 * d)(z) -> scan F over time reversed from (h = h0)"
    assert isinstance(statement, tree.Assign) and isinstance(statement.value, tree.Chain)
    assert [s.span.text for s in statement.value.stages] == [
        "x",
        "Linear(2 * d)(z)",
        "scan F over time reversed from (h = h0)",
    ]
    assert definition.name.span.place().line == 1 and statement.span.place().column == 3


def test_comments_are_kept() -> None:
    file = parse(Source("# a\nmodel M { # b\n  x -> output y # c\n}\n"))
    assert [c.text for c in file.comments] == ["# a", "# b", "# c"]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="model{}()[]=->.',\"#x1 \n", max_size=80))
def test_any_text_is_a_program_or_an_error(text: str) -> None:
    try:
        parse(Source(text))
    except Errors as errors:
        assert errors.diagnostics and errors.render()


def test_ten_thousand_brackets() -> None:
    for bracket in "([{":
        with pytest.raises(Errors):
            parse(Source("model M {\n x = " + bracket * 10_000))


def test_every_definition_tells_its_first_syntax_error() -> None:
    text = "model A {\n  x = = 1\n}\nmodel B {\n  output x\n}\ncell C {\n  state h: [3 = 0\n}\ntrain D {\n  minimize (x\n}\n"
    with pytest.raises(Errors) as caught:
        parse(Source(text))
    assert [(d.code, d.span.source.position(d.span.start)[0]) for d in caught.value.diagnostics] == [
        ("E0104", 2), ("E0104", 8), ("E0105", 11),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_end_as_any_editor_writes_them(end: str) -> None:
    text = "model M {\n  # a note\n  y = 1\n  output y\n}\n"
    (definition,) = parse(Source(text.replace("\n", end))).items
    assert isinstance(definition, tree.Definition)
    assert [s.span.source.position(s.span.start) for s in definition.body.statements] == [(3, 3), (4, 3)]
