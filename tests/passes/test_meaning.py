"""What programs mean, read off the IR: types, sharing, repeats, states, variants, attention."""

import pytest

from archdsl.compiler import UnknownSetting, analyse
from archdsl.diagnostics import Errors
from archdsl.ir.program import Apply, Definition, Program, Repeat


def model(body: str, hypers: str = "d = 4", before: str = "") -> Definition:
    return analyse(f"{before}\nmodel M({hypers}) {{\n{body}\n}}\n")["M"]


def types(definition: Definition) -> dict[str, str]:
    return {o.name: str(o.type) for o in definition.outputs}


@pytest.mark.parametrize(
    "body, expected",
    [
        ("input x: [batch, d]\noutput y = Linear(2 * d)(x)", "[batch, 2*d]"),
        ("input x: [..., d]\noutput y = x -> Linear(3)", "[..., 3]"),
        ("input x: [batch, time, d]\noutput y = mean(x, over = time)", "[batch, d]"),
        ("input x: [batch, d], z: [batch, 3]\noutput y = [x, z]", "[batch, d + 3]"),
        ("input x: [batch, time, d]\noutput y = x -> scan LSTM(7) over time", "[batch, time, 7]"),
        ("input x: [time, batch, d]\noutput y = x -> scan LSTM(7) over time reversed", "[time, batch, 7]"),
        ("input x: [batch, 3, h, w]\noutput y = x -> Conv2d(8, 3, stride = 2, padding = 1)", "[batch, 8, floor((h + 1)/2), floor((w + 1)/2)]"),
        ("input x: [batch, d]\nr = x -> loop 5 {\ninput h\nh' = tanh(h)\noutput h'\n}\noutput y = r.h", "[5, batch, d]"),
        ("input x: [batch, d]\nr = x -> loop 5 {\ninput h\nh' = tanh(h)\noutput h'\n}\noutput y = r", "[batch, d]"),
        ("input x: [batch, time, d]\nr = x -> scan LSTM(7) over time\noutput y = r.c'", "[batch, 7]"),
        ("input x: int[batch]\noutput y = one_hot(x, d)", "[batch, d]"),
    ],
)  # fmt: skip
def test_types(body: str, expected: str) -> None:
    assert types(model(body))["y"].removeprefix("int") == expected


def test_named_weights_are_shared_and_written_ones_are_not() -> None:
    shared = model("input a, b: [batch, d]\nW = Linear(3)\noutput y = W(a) + W(b)\nexpect params == 15")
    own = model("input a, b: [batch, d]\noutput y = Linear(3)(a) + Linear(3)(b)\nexpect params == 30")
    assert [m.name for m in shared.body.made] == ["W"] and len(own.body.made) == 2
    users = [n.made for n in shared.body.nodes if isinstance(n, Apply) and n.op == "Linear"]
    assert users == [shared.body.made[0].id] * 2


def test_weights_may_start_otherwise() -> None:
    body = "input x: [batch, d]\noutput y = Linear(3, weight = orthogonal, bias = 1 / d)(x) + Linear(3, weight = 0, bias = false)(x)"
    first, second = model(body).body.made
    assert {n: f.name for n, f in first.initial.items()} == {"weight": "orthogonal", "bias": "constant"}
    assert {n: f.name for n, f in second.initial.items()} == {"weight": "zeros"} and list(second.weights) == ["weight"]
    with pytest.raises(Errors):
        model("input x: [batch, d]\noutput y = Linear(3, weight = tanh)(x)")


def test_inputs_do_not_depend_on_an_if() -> None:
    with pytest.raises(Errors) as caught:
        model("input x: [batch, d]\nif d == 5 {\ninput y: [batch, d]\n}\noutput z = relu(x)")
    assert [d.code for d in caught.value.diagnostics] == ["E0406"]


def test_stack_has_separate_weights_and_loop_the_same() -> None:
    body = "input x: [batch, d]\nx -> {} 5 {{ Linear(d) -> relu }} -> output y\nexpect params == {}"
    assert model(body.format("stack", 100)) and model(body.format("loop", 20))


def test_residual_is_its_sum() -> None:
    first = model("input x: [batch, d]\nx -> residual { Linear(d) -> relu } -> output y")
    second = model("input x: [batch, d]\noutput y = x + (x -> Linear(d) -> relu)")
    assert [n.op for n in first.body.nodes if isinstance(n, Apply)] == [
        n.op for n in second.body.nodes if isinstance(n, Apply)
    ]


def test_attention_written_out_is_attention() -> None:
    body = "input q, k, v: [batch, time, d]\noutput y = {}"
    written = model(body.format("softmax(q @ transpose(k) / sqrt(d)) @ v"))
    called = model(body.format("attention(q, k, v)"))
    (one,), (two,) = written.body.nodes, called.body.nodes
    assert isinstance(one, Apply) and isinstance(two, Apply)
    assert (one.op, one.settings, one.inputs) == (two.op, two.settings, two.inputs)
    other = model(body.format("softmax(q @ transpose(k), over = -2) @ v"))
    assert "attention" not in [n.op for n in other.body.nodes if isinstance(n, Apply)]


def test_a_cell_called_in_a_loop_rides_on_it() -> None:
    definition = model(
        "input x: [batch, d]\nC = LSTM(d)\nr = x -> loop 3 {\ninput h\nh' = C(h)\n}\noutput y = r\noutput c = r.c'"
    )
    (loop,) = definition.body.nodes
    assert (
        isinstance(loop, Repeat)
        and [r.made for r in loop.rides] == [definition.body.made[0].id]
        and "c" in loop.rides[0].finals
    )


def test_ifs_make_variants_only_where_they_differ() -> None:
    block = "block B(d, deep = false) {\ninput x: [batch, e]\nif deep { h = x -> Linear(d) -> relu } else { h = x }\nif d != e { y = Linear(d)(h) } else { y = h }\noutput y\n}"
    program = analyse(block + "\nmodel M {\ninput x: [batch, 4]\nx -> B(4) -> B(5) -> B(6) -> B(6) -> output y\n}")
    assert [d.name for d in program.definitions] == ["B", "M", "B2"]
    assert [str(d.outputs[0].type) for d in program.definitions] == ["[batch, d]", "[batch, 6]", "[batch, d]"]


def test_overrides_and_configs_change_the_model() -> None:
    text = "model M(d = 4, deep = 1) {\ninput x: [batch, d]\nif deep > 1 { y = Linear(3)(x) } else { y = x }\noutput y\nconfig large(d = 8, deep = 2) { expect params == 27 }\nexpect params == 0\n}"
    assert str(analyse(text)["M"].outputs[0].type) == "[batch, d]"
    assert str(analyse(text, config="large")["M"].outputs[0].type) == "[batch, 3]"
    assert analyse(text, settings={"d": 5})["M"].hypers[0].default == 5
    for wrong in ({"settings": {"e": 5}}, {"config": "huge"}, {"model": "N"}):
        with pytest.raises(UnknownSetting):
            analyse(text, **wrong)  # type: ignore[arg-type]


def test_what_is_chosen_can_be_set_too() -> None:
    text = "model M(act = relu, Cell = LSTM, pre_norm = false) {\ninput x: [batch, time, 4]\nif pre_norm { y = LayerNorm()(x) } else { y = x }\n"
    text += "output z = y -> act -> scan Cell(4) over time\nconfig pre(pre_norm = true, act = tanh)\n}"

    def made(**choices: object) -> tuple[list[str], list[str]]:
        definition = analyse(text, **choices)["M"]  # type: ignore[arg-type]
        return [n.op for n in definition.body.nodes if isinstance(n, Apply)], [m.of for m in definition.body.made]

    assert made() == (["relu"], ["LSTM"])
    assert made(settings={"act": "tanh", "Cell": "GRU"}) == (["tanh"], ["GRU"])
    assert made(config="pre") == (["tanh"], ["LayerNorm", "LSTM"])
    assert not analyse(text)["M"].configs[0].same
    with pytest.raises(UnknownSetting):
        analyse(text, settings={"act": 3})


def test_a_definition_can_be_given() -> None:
    program = analyse(
        "block Twice(Layer, d) {\ninput x: [batch, d]\noutput y = x -> Layer(d) -> Layer(d)\n}\nmodel M {\ninput x: [batch, 4]\noutput y = Twice(Linear, 4)(x)\nexpect params == 40\n}"
    )
    assert program.entries == ["TwiceLinear", "M"]


@pytest.mark.parametrize(
    "line, code",
    [
        ("y = attention(x, x, x, heads = 3)", "E0306"), ("y = softmax(x, over = 7)", "E0301"), ("y = softmax(x, ovr = d)", "E0302"),
        ("y = x -> scan relu over tme", "E0201"), ("y = x.skip", "E0303"), ("z ~ Norml(0, 1)", "E0201"), ("a, b = relu(x)", "E0302"),
        ("y = LSTM(4)(first(x, over = time))", "E0403"), ("y = x -> stack 3 { Linear(9) }", "E0404"), ("y = x -> loop 0 { relu }", "E0306"),
        ("y = Linear(2.5)(x)", "E0306"), ("y = Linear(-1)(x)", "E0306"), ("y = 1 / 0 * x", "E0304"), ("x' = 2 * x", "E0403"),
        ("y = at(x, 9, over = d)", "E0306"), ("y = max(x, over = [0, 0])", "E0302"), ("y = frozen relu(x)", "E0303"), ("y = mse(x, first(x, over = time))", "E0301"),
        ("y = x * (... - 1)", "E0304"),
        ("y = Linear(...)(x)", "E0304"),
        ("param W: [..., d] = 0", "E0301"),
        ("if d > 7 { y = x }\nz = relu(y)", "E0201"),
    ],
)  # fmt: skip
def test_mistakes_are_told(line: str, code: str) -> None:
    with pytest.raises(Errors) as caught:
        model("input x: [batch, time, d]\n" + line + "\noutput w = relu(x)")
    assert code in [d.code for d in caught.value.diagnostics], caught.value.render()


PARTS = "train F {\ninput x: [batch, 4]\nP = Linear(1)\nQ = Linear(1)\nq = Q(x)\n"


@pytest.mark.parametrize(
    "text, code",
    [
        ("model M(d = 4, d = 5) {\ninput x: [batch, d]\noutput y = relu(x)\n}", "E0202"),
        ("model M(n = 2.5) {\ninput x: [batch, 4]\nx -> stack n { relu } -> output y\n}", "E0306"),
        (
            "model M(n = 0) {\ninput x: [batch, 4]\nr = x -> loop n {\ninput h\nh' = relu(h)\noutput z = h\n}\noutput y = r.z\n}",
            "E0306",
        ),
        ("model M(d = 4) {\ninput x: [batch, d]\noutput y = Linear(d)(x)\nconfig a(d = -5)\n}", "E0306"),
        ("train F {\ninput x: [batch, 4]\nparam w: [4] = 0\nmemory m: [4] = 0\nminimize mean(x * w)\n}", "E0406"),
        ("train F {\ninput x: [batch, 4]\nparam w: [4] = 0\noutput y = x * w\nminimize mean(x * w)\n}", "E0406"),
        ("model M(d = 4) {\ninput x: [batch, d]\nparam W: [d, 6] = spectral(0.5)\noutput y = x @ W\n}", "E0301"),
        ("model M(d = 4) {\ninput x: [batch, d]\noutput y = Linear(4, bias = orthogonal)(x)\n}", "E0301"),
        ("cell C(u) {\ninput m: [batch, s, u]\nstate h: [batch, u] = mean(m, over = s)\nh' = h\noutput h'\n}", "E0403"),
        (PARTS + "loss = mean(stop_gradient(P(x)))\nminimize loss over P\n}", "E0502"),
        (PARTS + "loss = mean(P(x))\nminimize loss over Q\n}", "E0502"),
        (PARTS + "loss = mean(P(x))\nminimize loss over P, P\n}", "E0202"),
        (PARTS + "minimize mean(x)\n}", "E0502"),
        (PARTS + "F = frozen Linear(1)\nminimize mean(F(x)) over F\n}", "E0502"),
        ('use "/etc/passwd"\nmodel M {\ninput x: [batch, 4]\noutput y = relu(x)\n}', "E0204"),
    ],
)
def test_nonsense_is_refused(text: str, code: str) -> None:
    with pytest.raises(Errors) as caught:
        analyse(text)
    assert [d.code for d in caught.value.diagnostics] == [code], caught.value.render()


@pytest.mark.parametrize(
    "size", ["d^d^d", "(d + 1)^1000", "(d + e + f + g)^60", "9^9^9^9", "1 / (d - d)", "sqrt(0 - 2)"]
)
def test_impossible_sizes_end_soon(size: str) -> None:
    with pytest.raises(Errors) as caught:
        model(f"input x: [batch, d]\noutput y = Linear({size})(x)", "d = 99, e = 2, f = 3, g = 4")
    assert caught.value.diagnostics[0].code in ("E0304", "E0306")


def test_growing_defaults_end_soon() -> None:
    hypers = ", ".join(["a0 = 2"] + [f"a{i + 1} = a{i} * a{i}" for i in range(60)])
    with pytest.raises(Errors):
        model("input x: [batch, a0]\noutput y = relu(x)", hypers)


def test_memory_and_training() -> None:
    program = analyse(
        "model K(k = 3, d = 2) {\ninput x: [n, d]\nmemory c: [k, d] = sample_rows(x, k)\nnear = argmin(cdist(x, c), over = k)\n"
        "c' = mean_by(x, near, k)\noutput near\n}\ntrain F {\ninput x: [n, 2]\nuntil stable(c) at_most 9 { K(3)(x) }\n}"
    )
    (memory,) = program["K"].memories
    assert memory.next is not None and str(memory.value.type) == "[k, d]"
    assert program["F"].body.nodes[0].kind == "until"


def test_program_is_data() -> None:
    program = analyse("model M {\ninput x: [batch, 4]\noutput y = Linear(2)(x)\n}")
    assert Program.model_validate_json(program.model_dump_json()) == program
    assert "Definition" in Program.model_json_schema()["$defs"]


def test_newlines_in_parentheses_may_stand_anywhere() -> None:
    assert types(model("input x: [batch, time, d]\noutput y = (\nscan\nLSTM(7) over\ntime\n)(\nx\n)")) == {
        "y": "[batch, time, 7]"
    }


# -- published names ----------------------------------------------------------------------------------------------------
def test_a_part_has_its_published_name_and_its_own() -> None:
    program = analyse(
        """
model M(d = 4, n = 3) {
  input x: [batch, d]
  first = Linear(d) as "layers.0"
  x -> first -> stack n - 1 { Linear(d) as "layers.1" } -> LayerNorm as "ln_f" -> output y
}
""",
        "m.arch",
    )
    region = program["M"].body
    assert [(m.name, m.named, m.alias) for m in region.made] == [
        ("first", True, "layers.0"),
        ("ln_f", False, "ln_f"),
    ]
    (stack,) = (n for n in region.nodes if n.kind == "stack")
    assert [(m.name, m.alias) for m in stack.body.made] == [("layers_1", "layers.1")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('x -> Linear(4) as "a" -> Linear(4) as "a" -> output y', "E0202"),
        ('x -> Linear(4) as "not a name" -> output y', "E0303"),
        ('W = Linear(4)\n  x -> W as "a" -> output y', "E0303"),
        ('x -> relu as "a" -> output y', "E0303"),
        ('a = Linear(4)\n  x -> a -> Linear(4) as "a" -> output y', "E0202"),
        ('x -> Linear(4) as "a" -> Linear(4) as "a.b" -> output y', "E0303"),
        ('x -> Linear(4) as "a.b" -> Linear(4) as "a" -> output y', "E0303"),
        ('x -> Linear(4) as "class" -> output y', "E0303"),
        ('x -> Linear(4) as "forward" -> output y', "E0303"),
        ('x -> Linear(4) as "a.keys" -> output y', "E0303"),
        ('x -> Linear(4) as "_modules" -> output y', "E0303"),
    ],
)
def test_a_published_name_names_one_part_where_it_is_made(line: str, code: str) -> None:
    with pytest.raises(Errors) as caught:
        analyse(f"model M {{\n  input x: [batch, 4]\n  {line}\n}}", "m.arch")
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_a_block_by_itself_decides_an_open_condition_once() -> None:
    block = """block B(d) { input x: [batch, d]
  if d > 5 { y = tanh(x) } else { y = Linear(d)(x) }
  output y }
block C(d) { input x: [batch, d]
  b = B(d)
  output y = b(x) + b(2 * x) }"""
    assert [n.made for n in analyse(block)["C"].body.nodes if n.kind == "call"] == [
        analyse(block)["C"].body.made[0].id
    ] * 2


def test_settings_of_an_initializer_stand_in_their_order() -> None:
    given = model("input x: [batch, d]\nparam w: [d] = normal(std = 2)\noutput y = x * w").body.params[0].initial
    assert list(given.settings) == ["mean", "std"]
