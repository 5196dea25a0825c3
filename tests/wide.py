"""Random programs of the whole language, written from a source of chance.

In: a `random.Random`. Out: `wide(chance)`, a program that checks: definitions that use one another, several inputs and outputs of every element
kind, conditions, configurations, all ways to repeat, cells stepped and scanned, storage of all five kinds, draws, gradients, training. What single
statements say is in `tests/cases/random/statements.txt`: every primitive, with its settings. `tests/test_random.py` demands that
together they have every node and field of the IR; `tests/programs.py` writes simpler programs, which hypothesis can make smaller.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

STATEMENTS = Path(__file__).parent / "cases" / "random" / "statements.txt"
TYPES = {
    "s": "[batch, time, d]", "v": "[batch, d]", "w": "[d]", "m": "[d, d]", "n": "[]", "b": "bool[batch, time, d]",
    "i": "int[batch, time]", "l": "int[batch]",
}  # fmt: skip
INPUTS = {
    "s": ["ones([batch, time, d])"], "v": ["ones([batch, d])"], "w": ["ones([d])", "to_float(arange(d))"],
    "m": ["eye(d)", "ones([d, d])"], "n": ["mean(ones([d]))"],
}  # fmt: skip
"""What stands where no value of a kind is at hand yet."""
_CHOICE = re.compile("⟦(.*?)⟧")
VALUE = re.compile("⟨(.)⟩")
NEW = re.compile(r"\bn([1-9])\b")


def table() -> list[tuple[str, str]]:
    """The statements, each with the kind of what it makes."""
    lines = STATEMENTS.read_text("utf-8").splitlines()
    return [(kind, text) for kind, _, text in (t.partition(": ") for t in lines if t and not t.startswith("#"))]


_TABLE = table()


def options(text: str) -> list[int]:
    """How many choices each bracket of a statement has."""
    return [len(m[1].split("¦")) for m in _CHOICE.finditer(text)]


def chosen(text: str, which: list[int]) -> str:
    """A statement in which each bracket has its choice."""
    picks = iter(which)

    def one(match: re.Match[str]) -> str:
        parts, i = match[1].split("¦"), next(picks)
        part = parts[i][:-1] if i < len(parts) - 1 and parts[i].endswith(" ") else parts[i]
        return part[1:] if i and part.startswith(" ") else part

    return _CHOICE.sub(one, text)


@dataclass
class Made:
    """A definition that others can use: how it is made, what it takes and what it gives."""

    name: str
    kind: str
    settings: list[str]
    inputs: list[str]
    outputs: list[tuple[str, str]]
    optional: str = ""
    states: list[str] = field(default_factory=list)
    memory: str = ""


@dataclass
class Body:
    """Statements being written: the names that are in sight by their kinds, and what nobody has read yet."""

    chance: random.Random
    values: dict[str, list[str]] = field(default_factory=dict)
    known: list[Made] = field(default_factory=list)
    layers: dict[str, list[str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=lambda: ["2", "0.5"])
    count: list[int] = field(default_factory=lambda: [0])
    depth: int = 0
    layered: bool = False
    """Whether `layers` is a hyperparameter."""

    def inner(self) -> Body:
        """A body within this one, which sees its values."""
        values = {k: list(names) for k, names in self.values.items()}
        return Body(self.chance, values, self.known, {k: list(v) for k, v in self.layers.items()}, numbers=list(self.numbers),
                    count=self.count, depth=self.depth + 1, layered=self.layered)  # fmt: skip

    def maybe(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def choose(self, *of: str) -> str:
        return self.chance.choice(of)

    def new(self, stem: str = "z") -> str:
        self.count[0] += 1
        return f"{stem}{self.count[0]}"

    def take(self, kind: str) -> str:
        """A value of a kind."""
        names = self.values.get(kind) or INPUTS[kind]
        fresh = [n for n in names if n in self.unread]
        name = self.chance.choice(fresh if fresh and self.maybe(0.6) else names)
        if name in self.unread:
            self.unread.remove(name)
        return name

    def filled(self, *of: str) -> str:
        """One of some texts, with values where kinds stand."""
        return VALUE.sub(lambda m: self.take(m[1]), self.chance.choice(of))

    def has(self, kind: str) -> bool:
        return (kind in INPUTS and kind != "s") or bool(self.values.get(kind))

    def add(self, kind: str, name: str) -> None:
        self.values.setdefault(kind, []).append(name)
        self.unread.append(name)

    def put(self, kind: str, text: str) -> str:
        name = self.new()
        self.lines.append(f"{name} = {text}")
        self.add(kind, name)
        return name

    # -- statements -------------------------------------------------------------------------------------------------
    def write(self, most: int) -> None:
        ways = [self.simple] * 8 + [self.call] * 2
        ways += [self.gate, self.shared, self.choice] + (
            [self.repeat, self.scan, self.residual] if self.depth < 3 else []
        )
        for _ in range(self.chance.randint(1, most)):
            self.chance.choice(ways)()

    def fits(self, kind: str, text: str) -> str:
        """The kind for which `x` stands in a statement, if all it needs is at hand."""
        needed = set(VALUE.findall(text))
        at_hand = all(self.has(k) for k in needed - {"x"}) and ("time" not in text or self.values.get("s"))
        able = [k for k in "sv" if self.values.get(k)]
        return self.chance.choice(able) if at_hand and able else ""

    def simple(self) -> None:
        """A line of the table."""
        for _ in range(20):
            kind, text = self.chance.choice(_TABLE)
            x = self.fits(kind, text)
            if x:
                break
        else:
            return
        text = chosen(text, [self.chance.randrange(n) for n in options(text)])
        new = {m: self.new() for m in sorted(set(NEW.findall(text)))}
        text = NEW.sub(lambda m: new[m[1]], text).replace('"a1"', f'"a{self.count[0]}"')
        *before, last = VALUE.sub(lambda m: self.take(x if m[1] == "x" else m[1]), text).split(" ;; ")
        self.lines += before
        self.put(x if kind == "x" else kind, last)

    def main(self) -> str:
        """`s`, or `v` where nothing has an axis of time."""
        able = [k for k in "sv" if self.values.get(k)]
        return self.chance.choice(able)

    def gate(self) -> None:
        k, name = self.main(), self.new("g")
        self.lines.append(
            f"gate {name} = {self.choose('sigmoid(Linear(d)({}))', 'softmax({})', 'hard_sigmoid({})').format(self.take(k))}"
        )
        other = self.filled(f" + (1 - {name}) * ⟨{k}⟩", "", f" - tanh(⟨{k}⟩)")
        self.put(k, f"{name} * {self.take(k)}{other}")

    def shared(self) -> None:
        """A layer with a name, used now and later, also further in."""
        k = self.main()
        if not self.layers.get(k) or self.maybe(0.4):
            name = self.new("W")
            self.lines.append(
                f"{name} = {self.choose('Linear(d)', 'frozen Linear(d)', 'LayerNorm()', 'Linear(d, bias = false)')}"
            )
            self.layers.setdefault(k, []).append(name)
        else:
            name = self.chance.choice(self.layers[k])
        self.put(k, f"{name}({self.take(k)})")

    def choice(self) -> None:
        """What is chosen before anything is drawn."""
        k, name = self.main(), self.new()
        test = self.choose("d > 3", "d == 4 or d < 2", "not (d >= 5)", "d != 2 and d <= 9")
        if self.maybe():
            known = self.new("is_")
            self.lines.append(f"{known} = {test}")
            test = known
        a, b = self.take(k), self.take(k)
        self.lines.append(f"if {test} {{ {name} = tanh({a}) - {b} }} else {{ {name} = {b} * Linear(d)({a}) }}")
        self.add(k, name)

    def residual(self) -> None:
        k = self.main()
        self.put(k, f"{self.take(k)} -> residual {{ {self.chain()} }}")

    def chain(self) -> str:
        stages = [
            "Linear(d)",
            "tanh",
            "relu -> Linear(d)",
            "LayerNorm -> Linear(d)",
            "Dropout(0.1)",
            "residual { Linear(d) }",
        ]
        return self.chance.choice(stages)

    # -- repeats ----------------------------------------------------------------------------------------------------
    def repeat(self) -> None:
        """A stack or a loop: of a chain, of what comes in, or of states."""
        kind, k = self.choose("stack", "loop"), self.main()
        n = self.choose("2", "3", *(["layers"] if self.layered else []))
        if self.maybe(0.3):
            self.put(k, f"{self.take(k)} -> {kind} {n} {{ {self.chain()} }}")
            return
        inside, result, index = self.inner(), self.new("r"), ""
        if kind == "stack" and self.maybe():
            index = self.new("i")
            inside.numbers += [f"({index} + 1)", f"2^{index}"]
        start = self.take(k)
        inside.lines, states = [], [self.new("h")]
        if self.maybe(0.6):
            head = f"{start} -> "
            inside.lines.append(f"input {states[0]}")
        else:
            head = ""
            inside.lines.append(f"state {states[0]}: {TYPES[k]} = {start}")
        if self.maybe(0.4):
            states.append(self.new("h"))
            inside.lines.append(f"state {states[1]}: {TYPES[k]} = {self.filled('0', '1', f'⟨{k}⟩', f'⟨{k}⟩')}")
        step, tail = self.rider(inside) if k == "v" else ("", "")
        collected = self.hands_on(inside, states, k, step)
        self.lines += [
            f"{result} = {head}{kind} {n}{f' as {index}' if index else ''} {{",
            *_in(inside.lines),
            f"}}{tail}",
        ]
        self.gives(result, head, states, collected, k, k)

    def hands_on(self, inside: Body, states: list[str], k: str, step: str = "") -> str:
        """Statements of a body, what its states become, and the name of an output that is collected."""
        for name in states:
            inside.add(k, name)
        inside.write(3)
        if step:
            inside.put(k, step.format(inside.take(k)))
        if len(inside.numbers) > 2:
            inside.put(k, f"{inside.take(k)} {self.choose('*', '+')} {inside.numbers[-1]}")
        name = self.new("o") if not states or self.maybe() else ""
        for i, state in enumerate(states):
            value = inside.drained(k) if i == 0 and not name else inside.take(k)
            inside.lines.append(f"{state}' = {self.choose('tanh({})', '0.5 * ({})', '{} + 0').format(value)}")
        if name:
            inside.lines.append(f"output {name} = {self.choose('relu({})', '({}) * 2').format(inside.drained(k))}")
        return name

    def drained(self, k: str) -> str:
        """A value of a kind of all that nobody has read yet."""
        parts = [
            f"{_AS[k][j]}".format(n)
            for j in "svwmnbi"
            if j in _AS[k]
            for n in self.values.get(j, [])
            if n in self.unread
        ]
        self.unread.clear()
        return " + ".join([self.take(k), *parts])

    def gives(self, result: str, head: str, states: list[str], collected: str, k: str, whole: str) -> None:
        found = [f"{result}.{s}'" for s in (states[1:] if head else states)] + ([result] if head else [])
        if collected:
            found.append(f"{self.choose('sum', 'mean', 'max')}({result}.{collected}, over = 0)")
        for text in self.chance.sample(found, len(found)):  # all is read, so that nothing is there for nothing
            self.put(k, f"{self.choose('{}', 'tanh({})', '{} * 2').format(text)}")

    def rider(self, inside: Body) -> tuple[str, str]:
        """A cell that is made here and stepped in a body; where its state starts."""
        cells = [m for m in self.known if m.kind == "cell" and len(m.inputs) == 1]
        if not cells or self.maybe(0.4):
            return "", ""
        cell, name = self.chance.choice(cells), self.new("C")
        self.lines.append(f"{name} = {_make(cell, self.chance)}")
        start = f" from ({cell.states[0]} = {self.filled('⟨v⟩', '0.5')})" if self.maybe() else ""
        return f"{name}({{}}){_field(cell)} * 2", start

    def scan(self) -> None:
        """A scan over time: of a cell, of a block, or of a body."""
        if not self.values.get("s"):
            return self.repeat()
        ends = f" over {self.choose('time', 'time', '1')}{self.choose('', ' reversed')}"
        if self.values.get("l") and self.maybe():
            ends += f" at_most {self.chance.choice(self.values['l'])}"
        cells = [m for m in self.known if m.kind == "cell"]
        if self.maybe(0.4) or not cells:
            return self.scan_of_body(ends)
        cell, result = self.chance.choice(cells), self.new("r")
        made = _make(cell, self.chance)
        if self.maybe(0.3):
            name = self.new("C")
            self.lines.append(f"{name} = {made}")
            self.put("s", f"(scan {name} over time)({', '.join(self.take('s') for _ in cell.inputs)}){_field(cell)}")
            made = name
        if self.maybe(0.4):
            ends += f" from ({cell.states[0]} = {self.filled('⟨v⟩', '0.5', '1')})"
        given = [self.take("s" if i == 0 or self.maybe() else "v") for i in range(len(cell.inputs))]
        self.lines.append(f"{result} = (scan {made}{ends})({', '.join(given)})")
        self.put("s", f"{result}{_field(cell)} * 2")
        if self.maybe():
            self.put("v", f"{result}.{self.chance.choice(cell.states)}' + 1")

    def scan_of_body(self, ends: str) -> None:
        inside, result, names = self.inner(), self.new("r"), [self.new("p") for _ in range(self.chance.randint(1, 2))]
        inside.values["v"] = list(inside.values.get("v", [])) if self.maybe(0.4) and "at_most" not in ends else []
        inside.values = {k: v for k, v in inside.values.items() if k in ("v", "w", "n", "m")}
        inside.lines = [f"input {', '.join(names)}"]
        for name in names:
            inside.add("v", name)
        states = [self.new("h") for _ in range(self.chance.randint(0, 2))]
        free = "at_most" not in ends
        firsts = ["0", "1", *(["⟨v⟩"] if free and self.values.get("v") else [])]
        inside.lines += [f"state {s}: [batch, d] = {self.filled(*firsts)}" for s in states]
        step, start = self.rider(inside) if "at_most" not in ends else ("", "")
        collected = self.hands_on(inside, states, "v", step)
        if not collected:
            collected = self.new("o")
            inside.lines.append(f"output {collected} = {inside.take('v')} * 2")
        self.lines += [
            f"{result} = (scan {{",
            *_in(inside.lines),
            f"}}{ends}{start})({', '.join(self.take('s') for _ in names)})",
        ]
        self.put("s", f"{result}.{collected} + 0" if states else f"relu({result})")
        for state in states:
            self.put("v", f"relu({result}.{state}')")

    # -- definitions --------------------------------------------------------------------------------------------------
    def call(self) -> None:
        """A definition used, or used twice, or frozen; its outputs by place or by name."""
        able = [m for m in self.known if m.kind == "block" and all(self.has(k) for k in m.inputs)]
        if not able:
            return self.simple()
        of, made = (m := self.chance.choice(able)), _make(m, self.chance)
        if self.maybe(0.2) and not of.memory:
            made = f"frozen {made}"
        if self.maybe(0.3):
            name = self.new("B")
            self.lines.append(f"{name} = {made}")
            made = name
            self.results(of, f"{name}({self.given(of)})")
        self.results(of, f"{made}({self.given(of)})")

    def given(self, of: Made) -> str:
        parts = [self.take(k) for k in of.inputs]
        return ", ".join([*parts, *([f"{of.optional}"] if of.optional and self.maybe() else [])])

    def results(self, of: Made, text: str) -> None:
        if len(of.outputs) == 1:
            self.put(of.outputs[0][1], text)
        elif self.maybe():
            names = [self.new() for _ in of.outputs]
            self.lines.append(f"{', '.join(names)} = {text}")
            for name, (_, k) in zip(names, of.outputs):
                self.add(k, name)
        else:
            name = self.new("e")
            self.lines.append(f"{name} = {text}")
            for out, k in of.outputs:
                self.put(k, f"{name}.{out} + 1" if k in "sv" else f"{name}.{out}")


_AS = {
    "s": {
        "s": "{}",
        "v": "unsqueeze({}, 1)",
        "w": "{}",
        "m": "trace({})",
        "n": "{}",
        "b": "to_float({})",
        "i": "mean(to_float({}))",
    },
    "v": {
        "s": "mean({}, over = 1)",
        "v": "{}",
        "w": "{}",
        "m": "trace({})",
        "n": "{}",
        "b": "mean(to_float({}))",
        "i": "mean(to_float({}))",
    },
}
"""What is added to a value of one kind for one of another."""


def _in(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _make(of: Made, chance: random.Random) -> str:
    given = [s for s in of.settings if chance.random() < 0.4]
    return f"{of.name}({', '.join(['d', *given])})"


def _field(of: Made) -> str:
    return "" if len(of.outputs) == 1 else f".{of.outputs[0][0]}"


# -- definitions ------------------------------------------------------------------------------------------------------
BLOCK_SETTINGS = {
    "k": ("k = 2 * d", ["k = 3", "k = d"]),
    "deep": ("deep = false", ["deep = true"]),
    "act": ("act = relu", ["act = tanh", "act = gelu"]),
    "mask": ("mask = none", ["mask = causal"]),
    "mood": ('mood = "slow"', ['mood = "fast"']),
    "Cell": ("Cell = RNN", ["Cell = GRU"]),
}


def _uses(body: Body, setting: str, k: str) -> None:
    """A statement that a hyperparameter is for."""
    x, name = body.take(k), body.new()
    body.lines += {
        "k": [f"{name} = {x} -> Linear(k) -> tanh -> Linear(d)"],
        "deep": [
            f"if deep {{ {name} = tanh(Linear(d)({x})) }}{body.choose('', f' else if d > 3 {{ {name} = relu({x}) }}')} else {{ {name} = {x} }}"
        ],
        "act": [f"{name} = act({x}) + 1"],
        "mask": [f"{name} = {f'attention({x}, {x}, {x}, mask = mask)' if k == 's' else x}"],
        "mood": [f'if mood == "fast" {{ {name} = {x} }} else {{ {name} = sin({x}) }}'],
        "Cell": [f"{name} = {f'{x} -> scan Cell(d) over time' if k == 's' else x}"],
    }[setting]
    body.add(k, name)


def block(chance: random.Random, name: str, known: list[Made]) -> tuple[Made, str]:
    """A block: one or two inputs of one kind or another, a few settings, one or two outputs."""
    body = Body(chance, known=known)
    inputs = [
        chance.choice("sssvv"),
        *(["s", "v", "w", "m", "b", "i", "n"][chance.randrange(7)] for _ in range(chance.randint(0, 1))),
    ]
    names = [f"x{i}" for i, _ in enumerate(inputs)]
    for n, k in zip(names, inputs):
        body.lines.append(f"input {n}: {TYPES[k]}")
        body.add(k, n)
    optional = chance.choice(["", "", "scale = 2", "allowed = x0 > 0"])
    if optional and (optional[0] == "s" or inputs[0] == "s"):
        body.lines.append("input scale: [] = 1" if optional[0] == "s" else f"input allowed: bool{TYPES['s']} = true")
        x = body.take(inputs[0])
        body.put(inputs[0], f"{x} * scale" if optional[0] == "s" else f"where(allowed, {x}, 0)")
        optional = "scale = 2" if optional[0] == "s" else "allowed = true"
        optional = chance.choice(["scale = 2", "0.5"]) if optional[0] == "s" else ""
    else:
        optional = ""
    settings = chance.sample(list(BLOCK_SETTINGS), chance.randint(0, 2))
    for setting in settings:
        _uses(body, setting, inputs[0])
    memory = _memory(body, inputs[0]) if chance.random() < 0.2 else ""
    body.write(4)
    outputs = _outputs(body, inputs[0], chance.randint(1, 2))
    head = ", ".join(["d", *(BLOCK_SETTINGS[s][0] for s in settings)])
    made = Made(
        name, "block", [chance.choice(BLOCK_SETTINGS[s][1]) for s in settings], inputs, outputs, optional, memory=memory
    )
    return made, _written(f"block {name}({head})", body)


def _memory(body: Body, k: str) -> str:
    """A memory, with its update or without."""
    name, x = body.new("m"), body.take(k)
    axes = "[batch, time]" if k == "s" else "batch"
    first = body.choose("0", "1", "normal(0, 1)", "uniform(0, 1)", f"mean({x}, over = {axes})")
    body.lines.append(f"memory {name}: [d] = {first}")
    if body.maybe(0.8):
        body.lines.append(f"{name}' = 0.9 * {name} + mean({x}, over = {axes})")
    body.put(k, f"{x} - {name}{body.choose('', chr(39)) if body.lines[-1].startswith(name) else ''}")
    return name


def _outputs(body: Body, k: str, most: int) -> list[tuple[str, str]]:
    """Outputs of what nobody has read, the first of them a sum."""
    rest = [(n, j) for j in "svwmnbi" if j != k for n in body.values.get(j, []) if n in body.unread][: most - 1]
    body.unread = [n for n in body.unread if n not in dict(rest)]
    found = [("y", k)]
    body.lines.append(f"output y = {body.choose('relu({})', '{} + 0', 'tanh({})').format(body.drained(k))}")
    for i, (n, j) in enumerate(rest):
        body.lines.append(f"output q{i} = {n}" if j in "bi" else f"output q{i} = {n} * 3")
        found.append((f"q{i}", j))
    return found


def cell(chance: random.Random, name: str, known: list[Made]) -> tuple[Made, str]:
    """A cell: one or two states, first values of all kinds, gates, other cells inside."""
    body = Body(chance, known=known, depth=1)
    inputs = ["x", "other"][: chance.choice([1, 1, 1, 2])]
    size = chance.choice(["d", "d", "features"])
    body.lines.append(f"input x: [batch, {size}]")
    if size != "d":
        body.lines.append("x_d = Linear(d)(x)")
    if len(inputs) == 2:
        body.lines.append("input other: [batch, d]")
        body.add("v", "other")
    body.add("v", "x" if size == "d" else "x_d")
    states = ["h", "c"][: chance.randint(1, 2)]
    for state in states:
        first = chance.choice(["0", "0", "1", "0.5", "start", "normal"])
        if first == "start":
            body.lines.append(f"param start_{state}: [d] = normal(0, 0.1)")
            first = chance.choice([f"start_{state}", f"tanh(start_{state})", f"start_{state} * 2 + 1"])
        first = "0" if first == "normal" else first
        body.lines.append(f"state {state}: [batch, d] = {first}")
        body.add("v", state)
    inner = [m for m in known if m.kind == "cell" and len(m.inputs) == 1]
    if inner and chance.random() < 0.3:
        of = chance.choice(inner)
        n = body.new("e")
        body.lines.append(f"{n} = {_make(of, chance)}({body.take('v')})")
        body.put("v", f"{n}{_field(of)} * 2")
    body.gate()
    body.write(3)
    for state in states:
        value = body.drained("v") if state == "h" else body.take("v")
        body.lines.append(f"{state}' = {body.choose('tanh({})', '{} + 0', '0.9 * ({})').format(value)}")
    outputs = [chance.choice([("h", "v"), ("h", "v"), ("y", "v")])]
    body.lines.append("output h'" if outputs[0][0] == "h" else f"output y = {body.choose(*body.values['v'])} * h'")
    return Made(name, "cell", [], inputs, outputs, states=states), _written(f"cell {name}(d)", body)


def _written(head: str, body: Body) -> str:
    doc = body.choose("", "", '"""What it does, in words."""\n')
    return "\n".join([f"{doc}{head} {{", *_in(body.lines), "}"])


def model(chance: random.Random, name: str, known: list[Made], most: int) -> tuple[Made, str]:
    body = Body(chance, known=known, layered=True)
    kinds = ["s", *(k for k in "sviblwmn" if chance.random() < 0.3)]
    for i, k in enumerate(kinds):
        body.lines.append(f"input x{i}: {TYPES[k]}")
        if k == "l":
            body.values["l"] = [f"x{i}"]
        else:
            body.add(k, f"x{i}")
    body.write(most)
    if chance.random() < 0.2:
        _memory(body, "s")
    outputs = _outputs(body, "s", 4)
    if chance.random() < 0.3:
        body.lines.append("expect shape(y) == [batch, time, d]")
        body.lines.append("expect params >= 0")
    if chance.random() < 0.3:
        body.lines.append(
            f"config {body.choose('large', 'wide')}(d = 8{body.choose('', ', layers = 6')}){body.choose('', ' { expect params > 0 - 1 }')}"
        )
    made = Made(name, "model", [], list(kinds), outputs)
    return made, _written(f"model {name}(d = {body.choose('4', '4', '6')}, layers = 2)", body)


# -- training ---------------------------------------------------------------------------------------------------------
NET = """model Net(d = 4) {
  input x: [batch, d]
  memory seen, kept, more: [d] = 0
  seen' = 0.9 * seen + 0.1 * mean(x, over = batch)
  h = x - seen
  output y = Linear(d)(h) + kept * 2 - more
  output h
}"""
OPTIMIZERS = (
    "SGD(rate)", "SGD(0.1, momentum = 0.9, nesterov = true)", "SGD(0.1, weight_decay = 1e-4)", "Adam(rate)", "Adam",
    "Adam(rate, beta1 = 0.5, beta2 = 0.9, eps = 1e-6)", "Adam(weight_decay = 0.1)", "AdamW(0.1, weight_decay = 0.1)",
    "AdamW(beta1 = 0.5, beta2 = 0.9, eps = 1e-6)", "RMSprop(rate)", "RMSprop(0.1, decay = 0.9, momentum = 0.1)",
    "RMSprop(eps = 1e-6, weight_decay = 0.1)", "Adagrad(0.1)", "Adagrad(weight_decay = 0.1, eps = 1e-6)",
)  # fmt: skip


def train(chance: random.Random) -> str:
    """A training of one or two nets, with losses, updates and an until in some order."""
    body = Body(chance)
    body.lines += ["input x, target: [batch, d]", "param q: [d] = 0"]
    body.values = {"v": ["x", "target"], "w": ["q"]}
    nets = ["net", "other"][: chance.randint(1, 2)]
    learned = {}
    for net in nets:
        body.lines.append(f"{net} = {'frozen ' * (net == 'other' and body.maybe(0.3))}Net(d)")
        for _ in range(chance.choice([1, 1, 2])):
            y, h = body.new("y"), body.new("h")
            body.lines.append(f"{y}, {h} = {net}({body.take('v')})")
            body.values["v"] += [y, h]
            learned[y] = [] if "frozen" in "".join(t for t in body.lines if t.startswith(f"{net} =")) else [net]
    if chance.random() < 0.4:
        z = body.new()
        body.lines.append(
            f"{z} ~ Normal({body.take('v')}, 1){body.choose('', ' by score_function', ' by reparameterisation')}"
        )
        body.put("v", f"{z} * log_prob({z})")
    losses: dict[str, list[str]] = {}
    for _ in range(chance.randint(1, 3)):
        loss, of = body.new("loss"), chance.choice(list(learned))
        form = body.choose(
            "mse({} + q, {})", "l1({}, {}) + sum(q)", "bce_with_logits({} * q, sigmoid({}))", "mean(({} - q - {})^2)"
        )
        body.lines.append(
            f"{loss} = {form.format(of, body.unread[-1] if body.unread and not losses else body.take('v'))}"
        )
        losses[loss] = [*learned[of], "q"]
    if chance.random() < 0.3:
        of = next(y for y in learned if f"({y} " in body.lines[-1] or f"({y}," in body.lines[-1])
        body.lines += [f"slope = gradient({list(losses)[-1]}, {of})", f"steep = mean((slope - {of} - q)^2)"]
        losses["steep"] = [*learned[of], "q"]
    if chance.random() < 0.4:
        repeated = [f"  {nets[0]}({body.take('v')})"] + (
            [f"  minimize {next(iter(losses))} over q"] if body.maybe(0.3) else []
        )
        body.lines += [
            f"until stable({nets[0]}.{body.choose('seen', 'seen', 'kept')}) at_most {body.choose('7', '300')} {{",
            *repeated,
            "}",
        ]
    acts = [_minimize(body, loss, over) for loss, over in losses.items()]
    acts += [
        f"{net}.{body.choose('kept', 'more')}' = mean({body.take('v')}, over = batch)"
        for net in nets
        if chance.random() < 0.4
    ]
    chance.shuffle(acts)
    body.lines += acts
    return f"{NET}\n" + _written("train Fit(d = 4, rate = 0.1)", body)


def _minimize(body: Body, loss: str, over: list[str]) -> str:
    names = ", ".join(body.chance.sample(over, body.chance.randint(1, len(over))))
    return f"minimize {loss}{body.choose('', f' over {names}')}{body.choose('', ' with ' + body.choose(*OPTIMIZERS))}"


# -- whole programs ---------------------------------------------------------------------------------------------------
def wide(chance: random.Random, most: int = 7) -> str:
    """A program. `most`: statements of its model."""
    known = [
        Made("LSTM", "cell", [], ["x"], [("h", "v")], states=["h", "c"]),
        Made("GRU", "cell", [], ["x"], [("h", "v")], states=["h"]),
        Made("RNN", "cell", [], ["x"], [("h", "v")], states=["h"]),
    ]
    texts = []
    for i in range(chance.randint(0, 3)):
        make, stem = chance.choice([(block, "Block"), (cell, "Cell")])
        made, text = make(chance, f"{stem}{i}", known)
        known.append(made)
        texts.append(text)
    texts.append(model(chance, "M", known, most)[1])
    if chance.random() < 0.3:
        texts.append(train(chance))
    return "\n".join(texts) + "\n"
