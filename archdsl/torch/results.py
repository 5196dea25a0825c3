"""Results: the variables that nodes make, with the names they would like.

In: a value and the node that makes it. Out: a variable with its wishes, best first; which one it gets is for `naming` to decide.
"""

from __future__ import annotations

import ast
from collections import Counter

from archdsl.ir.program import Apply, Call, Made, Node, Operand, Repeat, Value
from archdsl.ir.regions import nodes
from archdsl.ops import FAMILIES
from archdsl.torch.function import Function
from archdsl.torch.plan import Plan
from archdsl.torch.statements import Variable, name
from archdsl.torch.words import LOSSES, NOUNS, noun

FORMS = {"to_float", "to_int", "stop_gradient"}
MOVES = frozenset(op.name for op in FAMILIES["shape"]) - {"concat", "split", "gather", "lookup", "patches"} | FORMS
"""Ops whose result is another form of their operand, under its name."""
GENERIC = 2
"""Names of at most this many letters stand for whatever flows through a chain."""


class Results(Function):
    """Makes variables for values."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        definition = plan.definition
        everything = list(nodes(definition.body))
        repeats = [n for n in everything if isinstance(n, Repeat)]
        self.made = {h.id: h.item for h in plan.held if isinstance(h.item, Made)}
        self.handed_on = {s.next for s in definition.states} | {c.next for r in repeats for c in r.carried}
        self.renamed: dict[int, tuple[str, str]] = {}
        """The name of what a pass hands on and its new one, where the loop's variable has the name of what comes out in the end."""
        self.calls = Counter(n.made for n in everything if isinstance(n, Call))
        self.value_names = {v.name for n in everything for v in getattr(n, "outputs", [])}
        self.value_names |= {v.name for v in definition.inputs} | {s.value.name for s in definition.states}
        self.value_names |= {c.value.name for r in repeats for c in r.carried}

    def variable_of(self, operand: Operand) -> Variable | None:
        """The variable that an operand is."""
        node = self.env.get(operand) if isinstance(operand, int) else None
        return self.variables.get(node.id) if isinstance(node, ast.Name) else None

    def define(self, value: Value, node: Node, main: Operand | None = None) -> str:
        """A variable for a value that a node makes."""
        wishes = self.wishes(value, node, main)
        named = value.name is not None
        key = self.variable(*wishes, type=value.type, named=named)
        self.bind(value, name(key))
        return key

    def bind(self, value: Value, expression: ast.expr) -> None:
        self.env[value.id] = expression
        self.types[value.id] = value.type

    def wishes(self, value: Value, node: Node, main: Operand | None) -> list[str]:
        """Names for a result, best first: the program's, that of what it is another form of, a descriptive noun."""
        if value.name is not None:
            plain = value.name.rstrip("'")
            own, new = self.renamed.get(value.id, ("", ""))
            plain = new if plain == own else plain
            return [plain, f"new_{plain}"] if plain != value.name or value.id in self.handed_on else [plain]
        words = [noun(node, self.made)]
        if isinstance(node, Call):
            words = [*self._called(node, value, main), *words]
        before = self.variable_of(main) if main is not None else None
        if isinstance(node, Apply) and node.op == "concat" and (joined := self._joined(node)):
            return [joined]
        if isinstance(node, Apply) and node.op in MOVES:
            owner = self.env.get(main) if isinstance(main, int) else None
            same = (
                (before.name or before.wishes[0]) if before else owner.attr if isinstance(owner, ast.Attribute) else ""
            )
            return [same, *words] if same else words
        if isinstance(node, Apply) and node.op == "attention":
            return words
        if isinstance(node, Apply) and node.op in LOSSES and (judged := self.variable_of(node.inputs[0])):
            of = judged.name or judged.wishes[0]
            return [f"{of}_loss", *words] if len(of) > GENERIC and of not in NOUNS else words
        return [before.name or before.wishes[0], *words] if before and self._flows(before, value) else words

    def _called(self, node: Call, value: Value, main: Operand | None) -> list[str]:
        """What a called part names its output, where this definition means nothing else by it; `D_fake` for `D(fake)`."""
        made = self.made[node.made]
        outputs = self.plan.program.of(made).definition.outputs
        told = next((o.name for o, v in zip(outputs, node.outputs) if v.id == value.id), "")
        result = [told] if len(told) > GENERIC and told not in self.value_names else []
        before = self.variable_of(main) if main is not None else None
        if made.named and before and len(before.wishes[0]) > GENERIC and before.wishes[0] in self.value_names:
            result.insert(0 if self.calls[node.made] > 1 else 1, f"{made.name}_{before.wishes[0]}")
        return result

    def _joined(self, node: Apply) -> str:
        """`xh` for `x` and `h` side by side."""
        parts = [var.name or var.wishes[0] for i in node.inputs if (var := self.variable_of(i))]
        return "".join(parts) if len(parts) == len(node.inputs) and all(len(p) <= GENERIC for p in parts) else ""

    def _flows(self, before: Variable, value: Value) -> bool:
        """Whether a variable stands for whatever flows through a chain, so that the next value may take its name."""
        floats = value.type.dtype == "float" and (before.type is None or before.type.dtype == "float")
        generic = before.wishes[0] in ("hidden", "x") or len(before.wishes[0]) <= GENERIC
        return floats and generic and before.kind == "tensor"
