"""Names that nobody wrote: of parts made in the middle of a statement, and of the variants of a definition."""

import pytest

from archdsl.compiler import analyse


def parts(body: str) -> list[str]:
    """What the parts of a cell are called."""
    text = f"cell C(units) {{\n  input x: [batch, f]\n  state h: [batch, units] = 0\n  {body}\n  output h'\n}}"
    return [m.name for m in analyse(text)["C"].body.made]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("h' = tanh(Linear(units)([x, h]))", ["h"]),
        ("h' = tanh(Linear(units)(x) + Linear(units)(h))", ["h_x", "h_h"]),
        ("n = Linear(units)(x) + Linear(units)(sigmoid(h) * h)\n  h' = n", ["n_x", "n_h"]),
        ("h' = h + (x -> Linear(9) -> relu -> Linear(units))", ["linear", "linear_2"]),
        ("h' = Linear(units)(x) + Linear(units)(x)", ["linear", "linear_2"]),
        ("h' = Linear(units)(x) + Linear(units)(relu(h))", ["linear", "linear_2"]),
        ("h' = Linear(units)(x) + Embedding(5, units)(argmax(h))", ["linear", "embedding"]),
        ("A = Linear(units)\n  h' = A(x) + Linear(units)(h)", ["A", "h"]),
        ("z ~ Normal(Linear(units)(x), 1)\n  h' = z + h", ["z"]),
    ],
)
def test_a_part_is_named_by_what_its_statement_gives_and_what_it_is_applied_to(body: str, names: list[str]) -> None:
    assert parts(body) == names


UNIT = """block Unit(channels, Norm = LayerNorm, deep = false) {
  input x: [batch, c]
  wide = c != channels
  if deep { y = x -> Linear(9) -> Linear(channels) } else { y = Linear(channels)(x) }
  if wide { skip = Linear(channels)(x) } else { skip = x }
  output z = Norm()(y + skip)
}
block Two(channels) {
  input x: [batch, c]
  output y = x -> Unit(channels) -> Unit(channels)
}
"""


def names(body: str) -> set[str]:
    found = analyse(f"{UNIT}model M(c = 3) {{\n  input x: [batch, c]\n  output y = {body}\n}}")
    return {d.name for d in found.definitions if d.source_name in ("Unit", "Two")}


def test_a_variant_is_named_by_what_was_chosen_and_by_conditions_that_have_names() -> None:
    assert names("x -> Unit(c) -> Unit(c + 1) -> Two(c + 1)") == {"Unit", "UnitWide", "Two"}
    assert "UnitRMSNormWide" in names("x -> Unit(c + 1, Norm = RMSNorm) -> Two(c + 1)")
    assert "UnitDeep" in names("x -> Unit(c, deep = true) -> Two(c)")


def test_what_holds_of_a_part_alone_names_the_whole_only_where_two_differ() -> None:
    assert names("x -> Two(c + 1)") == {"UnitWide", "Unit", "Two"}
    assert names("x -> Two(c) -> Two(c + 1)") == {"UnitWide", "Unit", "Two", "TwoWide"}


def test_a_model_that_another_chooses_differently_has_a_name_of_its_own() -> None:
    text = """model Net(k = 3, deep = false) {
  input x: [batch, 4]
  if deep { y = x -> Linear(9) -> Linear(k) } else { y = Linear(k)(x) }
  output y
}
model Deep(k = 3) {
  input x: [batch, 4]
  output y = Net(k, deep = true)(x)
}"""
    found = analyse(text)
    assert found.entries == ["Net", "Deep"]
    assert {d.name for d in found.definitions} == {"Net", "Deep", "NetDeep"}
