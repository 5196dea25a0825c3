"""One definition → one class: constructor, configurations, the state of a cell, and `forward`."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from archdsl.ir.num import Num
from archdsl.ir.program import Setting
from archdsl.torch import annotate, blends, docs
from archdsl.torch.batch import widened_type
from archdsl.torch.checkpoints import HELPER, checkpointed
from archdsl.torch.constructor import Constructor
from archdsl.torch.forward import Forward, Initial
from archdsl.torch.function import Function
from archdsl.torch.names import Namespace, attribute
from archdsl.torch.numbers import number
from archdsl.torch.opening import OPENED, openable, opening
from archdsl.torch.plan import Plan
from archdsl.torch.printer import INDENT, flat, lines, parse, signature
from archdsl.torch.sequence import BothDirections, KernelWeights, Sequence
from archdsl.torch.statements import Statement, expressions, reads, walk
from archdsl.torch.steps import Steps
from archdsl.torch.text import Writer


class Module:
    """Writes the class of a model, block or cell."""

    base = "nn.Module"

    def __init__(self, plan: Plan):
        self.plan, self.definition = plan, plan.definition
        self.helpers: dict[str, None] = {}
        self.recomputes = False
        self.hypers: set[str] = set()

    def lines(self) -> list[str]:
        """The class, and before it the class of its state if it has one."""
        methods = self.methods()
        constructor = Constructor(self.plan, self.hypers)
        head = [f"class {self.plan.name}({self.base}):", *docs.docstring(self.definition.doc, INDENT)]
        fields = [f"{INDENT}{self.plan.attributes[m.value.id]}: Tensor" for m in self.definition.memories]
        if self.recomputes:
            fields.append(f"{INDENT}checkpointing = True  # keep what enters each copy of a stack, no more")
        made = constructor.lines(self.after_parts())
        made = made if len(made) > 2 or constructor.parameters() else []  # one that only calls its parent's is left out
        body = [*fields, *([""] if fields and made else []), *made]
        self.helpers.update(constructor.helpers)
        parts = [part for part in (body, *self.configs(), *methods) if part]
        text = [line for part in parts for line in ("", *part)]
        return [*self.state_class(), *head, *(text if self.definition.doc else text[1:])]

    def methods(self) -> list[list[str]]:
        start = self.initial_state()
        steps = self.plan.program.steps.get(self.definition.name)
        methods = [self.loaded(), start, self.forward(), self.scan(steps) if steps else []]
        methods += self.both(steps) if steps and self.plan.scans_both else []
        return [method for method in methods if method]

    def after_parts(self) -> list[str]:
        """Lines at the end of the constructor."""
        return []

    # -- configurations -----------------------------------------------------------------------------------------
    def configs(self) -> list[list[str]]:
        taken = Namespace(
            [*self.plan.attributes.values(), *self.plan.hyper_attributes.values(), "forward", "initial_state"]
        )
        return [self._config(taken.take(attribute(c.name)), c.settings) for c in self.definition.configs if c.same]

    def _config(self, name_: str, settings: Mapping[str, Setting]) -> list[str]:
        values = [
            ast.keyword(self.plan.arguments[n], parse(_literal(v))) for n, v in settings.items() if isinstance(v, Num)
        ]
        return [
            f"{INDENT}@classmethod",
            f'{INDENT}def {name_}(cls) -> "{self.plan.name}":',
            *lines(INDENT * 2, "return ", ast.Call(ast.Name("cls", ast.Load()), [], values)),
        ]

    # -- a cell's state -----------------------------------------------------------------------------------------
    def state_class(self) -> list[str]:
        if not self.plan.state_class:
            return []
        fields = []
        for part in self.plan.state:
            inner = "Tensor" if part.made is None else f"{self.plan.program.of(part.made).state_type} | None"
            fields.append(f"{INDENT}{part.name}: {inner}")
        doc = f'{INDENT}"""What {self.plan.name} hands on to its next step."""'
        return [f"class {self.plan.state_class}(NamedTuple):", doc, "", *fields, "", ""]

    def initial_state(self) -> list[str]:
        """The method that makes the state before the first step."""
        if not any(p.state for p in self.plan.state):
            return []
        start = Initial(self.plan)
        start.build()
        body = start.finish(start.names())
        used = {start.variables[k].name for s in walk(body) for k in reads(s)}
        parameters = [p for p in start.parameters if start.variables[p].name in used]
        self.plan.initial_inputs = [start.parameters.index(p) for p in parameters]
        self._take(start, body)
        annotate.settle(body, start.variables, parameters)
        head = signature(
            INDENT,
            "initial_state",
            ["self", *(f"{start.variables[p].name}: Tensor" for p in parameters)],
            self.plan.state_type,
        )
        doc = f'{INDENT * 2}"""The state before the first step."""'
        return [*head, doc, *Writer(start.variables).block(body, INDENT * 2)]

    def loaded(self) -> list[str]:
        """The method that is called when a state dict was loaded, where memories begin with the data."""
        late = [
            f"self.{self.plan.attributes[m.value.id]}" for m in self.definition.memories if m.value.id in self.plan.late
        ]
        if not late:
            return []
        empty = f"{late[0]}.isnan().all()" if len(late) == 1 else f"any(m.isnan().all() for m in ({', '.join(late)}))"
        return [
            f"{INDENT}def {self.plan.loaded}(self, _: object) -> None:",
            f'{INDENT * 2}"""What was loaded does not begin anew with the data, but where it has not begun yet."""',
            *lines(INDENT * 2, f"self.{self.plan.begun} = ", parse(f"not {empty}")),
        ]

    # -- forward ------------------------------------------------------------------------------------------------
    def forward(self) -> list[str]:
        function = Forward(self.plan)
        function.build()
        body = function.finish(function.names())
        annotate.settle(body, function.variables, function.parameters)
        docs.comment_shapes(body, function.variables)
        blends.comment(body, function.variables)
        if checkpointed(body, function.variables, function.names()):
            self.helpers[HELPER] = None
            self.recomputes = True
        self._take(function, body)
        head = signature(INDENT, "forward", ["self", *function.signature()], self.returns())
        return [*head, *docs.forward(self.definition, INDENT * 2), *Writer(function.variables).block(body, INDENT * 2)]

    def scan(self, steps: Steps) -> list[str]:
        """The method of a cell that takes all its steps."""
        function = Sequence(self.plan, steps)
        function.build()
        body = function.finish(function.names())
        annotate.settle(body, function.variables, function.parameters)
        blends.comment(body, function.variables)
        self._take(function, body)
        outputs = ["Tensor"] * len(self.definition.outputs) + [self.plan.state_type]
        head = signature(INDENT, self.plan.scan_method, ["self", *function.signature()], f"tuple[{', '.join(outputs)}]")
        text = docs.docstring(function.doc(), INDENT * 2)
        if self.plan.program.open_time and openable(self.plan, steps):
            self.helpers[OPENED] = None
            names = [function.variables[p].name for p in function.parameters]
            text += opening(self.plan, steps, names, f"tuple[{', '.join(outputs)}]")
        return [*head, *text, *Writer(function.variables).block(body, INDENT * 2)]

    def both(self, steps: Steps) -> list[list[str]]:
        """The methods of a cell that takes all its steps in both directions at once."""
        kernel = steps.kernel
        assert kernel is not None
        weights, scan = KernelWeights(self.plan, steps), BothDirections(self.plan, steps)
        order = {"lstm": ": input, forget, cell, output", "gru": ": reset, update, new"}.get(kernel.name, "")
        x = self.definition.inputs[0]
        out = self.definition.outputs[0].type
        wide = out.with_shape([*out.shape[:-1], out.shape[-1] * 2])
        sides = [widened_type(t, steps.at, steps.time) for t in (x.type, wide)]
        texts = [
            f"The weights in the order of torch's kernel{order}.",
            f"All steps in both directions, side by side.\n\n{docs.inputs([x], sides[:1])} -> {sides[1]}",
        ]
        heads = [
            signature(INDENT, self.plan.weights_method, ["self"], "list[Tensor]"),
            signature(
                INDENT, self.plan.scans_both, ["self", f'backwards: "{self.plan.name}"', f"{x.name}: Tensor"], "Tensor"
            ),
        ]
        methods = []
        for function, head, text in zip((weights, scan), heads, texts):
            function.build()
            body = function.finish({*function.names(), "backwards"})
            annotate.settle(body, function.variables, function.parameters)
            self._take(function, body)
            methods.append(
                [*head, *docs.docstring(text, INDENT * 2), *Writer(function.variables).block(body, INDENT * 2)]
            )
        return methods

    def returns(self) -> str:
        outputs = ["Tensor" for _ in self.definition.outputs]
        if self.plan.state_type and not self.plan.bare:
            outputs.append(self.plan.state_type)
        if not outputs:
            return "None"
        return outputs[0] if len(outputs) == 1 else f"tuple[{', '.join(outputs)}]"

    def _take(self, function: Function, body: list[Statement]) -> None:
        """What the rest of the class must provide for a function."""
        self.helpers.update(function.helpers)
        read = {n.attr for s in walk(body) for e in expressions(s) for n in ast.walk(e) if isinstance(n, ast.Attribute)}
        self.hypers |= {n for n, a in self.plan.hyper_attributes.items() if a in read}


def _literal(value: Num) -> str:
    return flat(parse(number(value, lambda s: s, whole=False)))
