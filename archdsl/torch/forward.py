"""`forward` and `initial_state` of one definition: its inputs, its state, its memories, around the nodes of its body."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from archdsl.ir.num import ONE, Num
from archdsl.ir.program import Apply, Memory, Node, Operand
from archdsl.ir.types import Type
from archdsl.ops import OPS
from archdsl.torch.body import Body
from archdsl.torch.names import Namespace, variable
from archdsl.torch.needs import inputs, needed, outputs
from archdsl.torch.norms import Norm
from archdsl.torch.plan import Plan
from archdsl.torch.printer import flat, parse
from archdsl.torch.statements import Assign, If, Return, Statement, With, name

TRAINING = parse("self.training")
NO_GRAD = parse("torch.no_grad()")


class Forward(Body):
    """`forward` of one definition."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        names = Namespace(["self", *plan.program.globals])
        for value in plan.definition.inputs:
            wish = value.name or "x"
            key = self.parameter(wish, names.take(variable(wish)), value.type)
            self.bind(value, name(key))
            if value.default is None and value.id not in self.absent:
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
            text = f"{self.variables[key].name}: Tensor{' | None' if value.id in self.absent else ''}"
            result.append(text if value.default is None else f"{text.removesuffix(' | None')} | None = None")
        if self.state_key:
            result.append(f"{self.variables[self.state_key].name}: {self.plan.state_type} | None = None")
        return result

    def build(self) -> None:
        """Write the whole function."""
        definition = self.plan.definition
        norm = self.plan.norm
        if norm is not None:
            return self.normalised(norm)
        self.fill_inputs()
        self.open_state()
        for param in definition.body.params:
            self.bind(param.value, self.holders[param.value.id])
        everything = definition.body.nodes
        kept = [o.operand for o in definition.outputs] + [p.state.next for p in self.plan.state if p.state]
        main = needed(everything, kept, self.plan, effects=True)
        updates = needed(everything, [m.next for m in definition.memories], self.plan)
        self.first_values(everything)
        self.nodes(main)
        results = [self.result(o.operand, o.name, o.type) for o in definition.outputs]
        self.update_memories([n for n in updates if not any(n is m for m in main)])
        self.block.append(Return([*results, *self.close_state()]))

    def normalised(self, norm: Norm) -> None:
        """One of torch's normalisations, which also moves the statistics of a batch normalisation."""
        definition = self.plan.definition
        eps = flat(self.number(norm.eps))
        x = ast.unparse(self.env[norm.x])
        weight = norm.weight or ("None" if norm.bias else "")
        affine = "".join(f", {w}" for w in (weight, norm.bias) if w)
        if norm.kind in ("layer", "rms"):
            size = f"{norm.weight}.shape" if norm.weight else f"{x}.shape[-1:]"
            text = f"F.{norm.kind}_norm({x}, {size}{affine}, eps={eps})"
        elif norm.kind == "group":
            assert norm.groups is not None
            text = f"F.group_norm({x}, {flat(self.number(norm.groups, whole=True))}{affine}, eps={eps})"
        else:
            assert norm.momentum is not None
            statistics = ", ".join(f"self.{self.plan.attributes[m.value.id]}" for m in norm.memories)
            momentum = flat(self.number(norm.momentum))
            text = f"F.batch_norm({x}, {statistics}{affine}, self.training, {momentum}, {eps})"
        output = definition.outputs[0]
        key = self.variable(output.name.rstrip("'"), type=output.type, named=True)
        self.assign([key], parse(text))
        others = [m for m in definition.memories if m not in norm.memories]
        self.update_memories(needed(definition.body.nodes, [m.next for m in others], self.plan), others)
        self.block.append(Return([name(key)]))

    def fill_inputs(self) -> None:
        """What the caller leaves out is a tensor of its default; sizes that nothing else gives are 1."""
        known = set(self.plan.arguments) | {n.name for _, t in self.input_keys for n in t.shape}
        for key, value in zip(self.parameters, self.plan.definition.inputs):
            if value.default is not None and value.id not in self.absent:
                type_ = value.type.with_shape([n if n.symbols() <= known else ONE for n in value.type.shape])
                filled = self.filled(
                    Num.of(int(value.default)) if isinstance(value.default, bool) else value.default, type_
                )
                self.block.append(If(parse(f"{key} is None"), [Assign([key], filled, keep=True)]))

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
                targets.append(
                    "_"
                    if unused
                    else self.variable(
                        part.name, type=type_, named=True, kind="tensor" if part.state else f"state of {part.name}"
                    )
                )
            if start is None:
                start = ast.Call(
                    ast.Name(self.plan.state_class, ast.Load()), [ast.Constant(None) for _ in self.plan.state], []
                )
            value = ast.IfExp(parse(f"{self.state_key} is None"), start, state)
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
    def result(self, operand: Operand, wish: str, type_: Type) -> ast.expr:
        """What is returned for an output; a variable of its own where the value is none."""
        if isinstance(operand, Num):
            return self.filled(operand, type_)
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
    def first_values(self, everything: list[Node]) -> None:
        """Memories whose first value comes from the data take it at the first training call, but for what was given to them before."""
        late = [m for m in self.plan.definition.memories if m.value.id in self.plan.late]
        if not late:
            return
        begun, body = f"self.{self.plan.begun}", list[Statement]()
        with self.inside(body):
            self.nodes(needed(everything, [m.initial for m in late if isinstance(m.initial, int)], self.plan))
            for memory in late:
                assert isinstance(memory.initial, int)
                own = f"self.{self.plan.attributes[memory.value.id]}"
                first = self.variable_of(memory.initial)
                if first is not None and not first.named:
                    first.wishes.insert(0, "first")
                value = ast.Call(ast.Attribute(self.operand(memory.initial), "detach", ast.Load()), [], [])
                there = ast.Call(parse("torch.where"), [parse(f"{own}.isnan()"), value, parse(own)], [])
                self.block.append(Assign([own], there, keep=True))
            self.block.append(Assign([begun], ast.Constant(True), keep=True))
        self.block.append(If(parse(f"self.training and not {begun}"), body))

    def _prefer_modes(self) -> None:
        """Updates happen in training: there, what a mode's choice takes in training is that choice."""
        for node in self.plan.definition.body.nodes:
            if not isinstance(node, Apply) or node.op != "by_mode" or node.outputs[0].id not in self.env:
                continue
            chosen = node.inputs[0]
            if isinstance(chosen, int) and isinstance(self.env[chosen], ast.Name):
                self.env[chosen] = self.env[node.outputs[0].id]

    def update_memories(self, updates: list[Node], memories: list[Memory] | None = None) -> None:
        """In a training call, every memory takes its next value, all of them from the old ones."""
        memories = self.plan.definition.memories if memories is None else memories
        changing = [m for m in memories if m.next is not None]
        if not changing:
            return
        inner: list[Statement] = []
        self._prefer_modes()
        with self.inside(inner):
            self.nodes(updates)
            targets, values = [], []
            for memory in changing:
                assert memory.next is not None
                value = self.as_tensor(memory.next, memory.value.type)
                made_here = {i for n in updates for i in outputs(n)}
                if isinstance(memory.next, int) and memory.next not in made_here:
                    value = ast.Call(ast.Attribute(value, "detach", ast.Load()), [], [])
                targets.append(f"self.{self.plan.attributes[memory.value.id]}")
                values.append(value)
            if self._crossed(changing, updates):
                self.block.append(Assign(targets, ast.Tuple(values, ast.Load()), keep=True))
            else:
                self.block += [Assign([t], v, keep=True) for t, v in zip(targets, values)]
        only_copies = all(isinstance(s, Assign) and s.targets[0].startswith("self.") for s in inner) and not updates
        whole = all(v.type.dtype != "float" for n in updates if isinstance(n, Apply) for v in n.outputs)
        plain = only_copies or (whole and all(isinstance(n, Apply) for n in updates))  # nothing there has a gradient
        self.block.append(If(TRAINING, inner if plain else [With(NO_GRAD, inner)]))

    def _crossed(self, changing: list[Memory], updates: list[Node]) -> bool:
        """Whether a memory's next value reads another memory, so that both change at once."""
        for memory in changing:
            reads = {i for n in needed(updates, [memory.next], self.plan) for i in inputs(n)} | {memory.next}
            if any(other.value.id in reads for other in changing if other is not memory):
                return True
        return False


class First(Body):
    """The first value of a memory that reads nothing of a call: what its constructor gives it."""

    def __init__(self, plan: Plan, memory: Memory):
        super().__init__(plan)
        self.memory = memory

    def like(self) -> tuple[str, bool]:
        return "", False

    def build(self) -> None:
        initial = self.memory.initial
        assert isinstance(initial, int)
        for param in self.plan.definition.body.params:
            self.bind(param.value, self.holders[param.value.id])
        made = needed(self.plan.definition.body.nodes, [initial], self.plan)
        self.nodes(made)
        value = self.operand(initial)
        if any(isinstance(n, Apply) and n.op == "expand" and initial in outputs(n) for n in made):
            value = ast.Call(
                ast.Attribute(value, "clone", ast.Load()), [], []
            )  # what is loaded must not share its values
        if any(isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self" for n in ast.walk(value)):
            value = ast.Call(ast.Attribute(value, "detach", ast.Load()), [], [])
        self.block.append(Return([value]))


class Initial(Body):
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
        self.nodes_once(definition.initial)
        values: list[ast.expr] = []
        for part in self.plan.state:
            first = self.variable_of(part.state.initial) if part.state else None
            if first and not first.named and part.name not in first.wishes:
                first.wishes.insert(0, part.name)
            values.append(self._first(part.state.initial, part.state.value.type) if part.state else ast.Constant(None))
        if not self.plan.state_class:
            self.block.append(Return(values))
            return
        fields = [ast.keyword(p.name, v) for p, v in zip(self.plan.state, values)]
        self.block.append(Return([ast.Call(ast.Name(self.plan.state_class, ast.Load()), [], fields)]))

    def nodes_once(self, nodes: Sequence[Node]) -> None:
        """Write nodes; what two states begin with is made once."""
        made: dict[object, Apply] = {}
        same: dict[Operand, Operand] = {}
        for node in nodes:
            if not isinstance(node, Apply) or node.made is not None or OPS[node.op].random:
                self.node(node)
                continue
            inputs = [same.get(i, i) for i in node.inputs]
            told = node.model_dump_json(exclude={"inputs", "outputs", "span"})
            found = made.setdefault((told, *map(str, inputs), *(str(v.type) for v in node.outputs)), node)
            if found is node:
                self.node(node)
            for value, first in zip(node.outputs, found.outputs):
                same[value.id] = first.id
                self.bind(value, self.env[first.id])

    def _first(self, operand: Operand, type_: Type) -> ast.expr:
        if isinstance(operand, Num):
            return self.filled(operand, type_)
        value, have = self.operand(operand), self.types[operand]
        if have.shape == type_.shape:
            return value
        sizes = [self.number(n, whole=True) for n in type_.shape]
        return ast.Call(ast.Attribute(value, "expand", ast.Load()), sizes, [])
