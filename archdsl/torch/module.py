"""One definition → one class: constructor, configurations, the state of a cell, and `forward`."""

from __future__ import annotations

import ast

from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Fill, Made, Memory, Operand
from archdsl.ir.types import Type
from archdsl.torch import annotate, docs
from archdsl.torch.body import Body
from archdsl.torch.constructor import Constructor
from archdsl.torch.function import Function
from archdsl.torch.names import Namespace, attribute, variable
from archdsl.torch.plan import Plan
from archdsl.torch.printer import INDENT, flat, lines, parse, signature
from archdsl.torch.statements import Assign, For, If, Return, Statement, With, expressions, keys, name, reads, walk
from archdsl.torch.text import Writer

TRAINING = parse("self.training")
NO_GRAD = parse("torch.no_grad()")


class Module:
    """Writes the class of a model, block or cell."""

    base = "nn.Module"

    def __init__(self, plan: Plan):
        self.plan, self.definition = plan, plan.definition
        self.helpers: dict[str, None] = {}
        self.hypers: set[str] = set()

    def lines(self) -> list[str]:
        """The class, and before it the class of its state if it has one."""
        methods = self.methods()
        constructor = Constructor(self.plan, self.hypers)
        head = [f"class {self.plan.name}({self.base}):", *docs.docstring(self.definition.doc, INDENT)]
        fields = [f"{INDENT}{self.plan.attributes[m.value.id]}: Tensor" for m in self.definition.memories]
        body = [*([*fields, ""] if fields else []), *constructor.lines(self.after_parts())]
        self.helpers.update(constructor.helpers)
        parts = [head + ([""] if self.definition.doc else []) + body, *self.configs(), *methods]
        text = [line for part in parts for line in (part if part is parts[0] else ["", *part])]
        return [*self.state_class(), *text]

    def methods(self) -> list[list[str]]:
        start = self.initial_state()
        return [*([start] if start else []), self.forward()]

    def after_parts(self) -> list[str]:
        """Lines at the end of the constructor."""
        return []

    # -- configurations -----------------------------------------------------------------------------------------
    def configs(self) -> list[list[str]]:
        taken = Namespace([*self.plan.attributes.values(), *self.plan.hyper_attributes.values(), "forward", "initial_state"])
        return [self._config(taken.take(attribute(c.name)), c.settings) for c in self.definition.configs]

    def _config(self, name_: str, settings: dict[str, Num]) -> list[str]:
        values = [ast.keyword(self.plan.arguments[n], parse(_literal(v))) for n, v in settings.items()]
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
        start = _Initial(self.plan)
        start.build()
        body = start.finish(start.names())
        used = {start.variables[k].name for s in walk(body) for k in reads(s)}
        parameters = [p for p in start.parameters if start.variables[p].name in used]
        self.plan.initial_inputs = [start.parameters.index(p) for p in parameters]
        self._take(start, body)
        annotate.settle(body, start.variables, parameters)
        head = signature(INDENT, "initial_state", ["self", *(f"{start.variables[p].name}: Tensor" for p in parameters)], self.plan.state_type)
        doc = f'{INDENT * 2}"""The state before the first step."""'
        return [*head, doc, *Writer(start.variables).block(body, INDENT * 2)]

    # -- forward ------------------------------------------------------------------------------------------------
    def forward(self) -> list[str]:
        function = Forward(self.plan)
        function.build()
        body = function.finish(function.names())
        annotate.settle(body, function.variables, function.parameters)
        docs.comment_shapes(body, function.variables)
        self._take(function, body)
        head = signature(INDENT, "forward", ["self", *function.signature()], self.returns())
        return [*head, *docs.forward(self.definition, INDENT * 2), *Writer(function.variables).block(body, INDENT * 2)]

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


class Forward(Body):
    """`forward` of one definition."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        names = Namespace(["self", *plan.program.globals])
        for value in plan.definition.inputs:
            wish = value.name or "x"
            key = self.parameter(wish, names.take(variable(wish)), value.type)
            self.bind(value, name(key))
            self.input_keys.append((key, value.type))
        for memory in plan.definition.memories:
            self.bind(memory.value, parse(f"self.{plan.attributes[memory.value.id]}"))
        self.state_key = self._state_parameter(names) if plan.state else ""

    def _state_parameter(self, names: Namespace) -> str:
        (part, *more) = self.plan.state
        wish = "state" if more or part.state is None else part.name
        whole = bool(more) or part.state is None
        type_ = part.state.value.type if part.state and not whole else None
        return self.parameter(wish, names.take(wish), type_, kind="state" if whole else "tensor")

    def names(self) -> set[str]:
        """Names that no variable may have: those of the classes used inside."""
        return {self.plan.state_class, "range", "zip", "reversed", "enumerate", "math"} - {""}

    def signature(self) -> list[str]:
        result = []
        for key, value in zip(self.parameters, self.plan.definition.inputs):
            text = f"{self.variables[key].name}: Tensor"
            if value.default is not None:
                kind = "bool" if isinstance(value.default, bool) or value.type.dtype == "bool" else "float"
                text += f" | {kind} = {_literal(value.default)}"
            result.append(text)
        if self.state_key:
            result.append(f"{self.variables[self.state_key].name}: {self.plan.state_type} | None = None")
        return result

    def build(self) -> None:
        """Write the whole function."""
        definition = self.plan.definition
        self.open_state()
        for param in definition.body.params:
            self.bind(param.value, self.holders[param.value.id])
        main, first, updates = _parts(definition.body.nodes, definition.memories, [o.operand for o in definition.outputs], self)
        self.first_values(first)
        self.nodes(main)
        results = [self.result(o.operand, o.name) for o in definition.outputs]
        self.update_memories(updates)
        self.block.append(Return([*results, *self.close_state()]))

    # -- state --------------------------------------------------------------------------------------------------
    def open_state(self) -> None:
        """The components of the state as they came in, or as they are before the first step."""
        if not self.state_key:
            return
        state = name(self.state_key)
        start = self._initial_call()
        if self.plan.state_class:
            targets = []
            for part in self.plan.state:
                type_ = part.state.value.type if part.state else None
                unused = part.state is not None and part.state.value.id not in self.used
                targets.append("_" if unused else self.variable(part.name, type=type_, named=True, kind="tensor" if part.state else f"state of {part.name}"))
            value = ast.IfExp(parse(f"{self.state_key} is None"), start, state) if start else state
            self.assign(targets, value, keep=True)
        else:
            targets = [self.state_key]
            if start:
                self.block.append(If(parse(f"{self.state_key} is None"), [Assign([self.state_key], start, keep=True)]))
        for part, key in zip(self.plan.state, targets):
            if part.state:
                self.bind(part.state.value, name(key))
            elif part.made:
                self.state_keys[part.made.id] = key

    def _initial_call(self) -> ast.expr | None:
        if not any(p.state for p in self.plan.state):
            return None
        inputs = [name(self.parameters[i]) for i in self.plan.initial_inputs]
        return ast.Call(parse("self.initial_state"), list[ast.expr](inputs), [])

    def close_state(self) -> list[ast.expr]:
        """The state that is handed on."""
        values: list[ast.expr] = []
        for part in self.plan.state:
            if part.state:
                values.append(self.as_tensor(part.state.next, part.state.value.type))
            elif part.made:
                values.append(name(self.state_keys[part.made.id]))
        if not values or self.plan.bare:
            return []
        return [ast.Call(ast.Name(self.plan.state_class, ast.Load()), values, [])] if self.plan.state_class else values

    # -- results ------------------------------------------------------------------------------------------------
    def result(self, operand: Operand, wish: str) -> ast.expr:
        """What is returned for an output; a variable of its own where the value is none."""
        if isinstance(operand, Num):
            return self.filled(operand, Type())
        value = self.operand(operand)
        plain = wish.rstrip("'")
        if isinstance(value, ast.Name) and value.id in self.variables and self.variables[value.id].kind == "tensor":
            var = self.variables[value.id]
            if not var.named and not var.name:
                var.wishes.insert(0, plain)
            return value
        key = self.variable(plain, type=self.types[operand], named=True)
        self.assign([key], value)
        return name(key)

    # -- memory -------------------------------------------------------------------------------------------------
    def first_values(self, nodes_of: dict[int, list]) -> None:  # type: ignore[type-arg]
        """A memory whose first value comes from the data takes it at the first training call."""
        for memory in self.plan.definition.memories:
            if not isinstance(memory.initial, int):
                continue
            own = f"self.{self.plan.attributes[memory.value.id]}"
            body: list[Statement] = []
            with self.inside(body):
                self.nodes(nodes_of[memory.value.id])
                value = ast.Call(ast.Attribute(self.operand(memory.initial), "detach", ast.Load()), [], [])
                self.block.append(Assign([own], value, keep=True))
            self.block.append(If(parse(f"self.training and {own}.isnan().all()"), body))

    def _prefer_modes(self) -> None:
        """Updates happen in training: there, what a mode's choice takes in training is that choice."""
        for node in self.plan.definition.body.nodes:
            if isinstance(node, Apply) and node.op == "by_mode" and isinstance(node.inputs[0], int) and node.outputs[0].id in self.env:
                if isinstance(self.env.get(node.inputs[0]), ast.Name):
                    self.env[node.inputs[0]] = self.env[node.outputs[0].id]

    def update_memories(self, updates: list) -> None:  # type: ignore[type-arg]
        """In a training call, every memory takes its next value, all of them from the old ones."""
        changing = [m for m in self.plan.definition.memories if m.next is not None]
        if not changing:
            return
        inner: list[Statement] = []
        self._prefer_modes()
        with self.inside(inner):
            self.nodes(updates)
            for memory in changing:
                assert memory.next is not None
                value = self.as_tensor(memory.next, memory.value.type)
                plain = isinstance(memory.next, int) and memory.next not in {v.id for n in updates for v in getattr(n, "outputs", [])}
                if plain:
                    value = ast.Call(ast.Attribute(value, "detach", ast.Load()), [], [])
                self.block.append(Assign([f"self.{self.plan.attributes[memory.value.id]}"], value, keep=True))
        only_copies = all(isinstance(s, Assign) and s.targets[0].startswith("self.") for s in inner) and not updates
        self.block.append(If(TRAINING, inner if only_copies else [With(NO_GRAD, inner)]))


def _parts(all_nodes, memories: list[Memory], outputs: list[Operand], body: Forward):  # type: ignore[no-untyped-def]
    """The nodes of a body: those always needed, those of each memory's first value, and those of the updates alone."""
    from archdsl.torch.needs import needed

    keep = [i for o in outputs for i in [o]] + [p.state.next for p in body.plan.state if p.state]
    main = needed(all_nodes, keep, body.plan, effects=True)
    first = {}
    initial_ids: set[int] = set()
    for m in memories:
        if isinstance(m.initial, int):
            nodes_ = [n for n in needed(all_nodes, [m.initial], body.plan) if not any(n is k for k in main)]
            first[m.value.id] = nodes_
            initial_ids |= {id(n) for n in nodes_}
    updates = needed(all_nodes, [m.next for m in memories if m.next is not None], body.plan)
    return main, first, [n for n in updates if not any(n is k for k in main)]


class _Initial(Body):
    """`initial_state` of a cell."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        names = Namespace(["self", *plan.program.globals])
        for value in plan.definition.inputs:
            key = self.parameter(value.name or "x", names.take(variable(value.name or "x")), value.type)
            self.bind(value, name(key))
            self.input_keys.append((key, value.type))

    def names(self) -> set[str]:
        return {self.plan.state_class} - {""}

    def build(self) -> None:
        definition = self.plan.definition
        for param in definition.body.params:
            self.bind(param.value, self.holders[param.value.id])
        self.nodes(definition.initial)
        values: list[ast.expr] = []
        for part in self.plan.state:
            values.append(self._first(part.state.initial, part.state.value.type) if part.state else ast.Constant(None))
        if not self.plan.state_class:
            self.block.append(Return(values))
            return
        fields = [ast.keyword(p.name, v) for p, v in zip(self.plan.state, values)]
        self.block.append(Return([ast.Call(ast.Name(self.plan.state_class, ast.Load()), [], fields)]))

    def _first(self, operand: Operand, type_: Type) -> ast.expr:
        if isinstance(operand, Num):
            return self.filled(operand, type_)
        value, have = self.operand(operand), self.types[operand]
        if have.shape == type_.shape:
            return value
        sizes = [self.number(n, whole=True) for n in type_.shape]
        return ast.Call(ast.Attribute(value, "expand", ast.Load()), sizes, [])


def _literal(value: object) -> str:
    from archdsl.torch.numbers import number

    if isinstance(value, Num):
        return flat(parse(number(value, lambda s: s, whole=False)))
    return repr(value)


__all__ = ["Fill", "For", "Made", "Module", "keys"]
