"""Regions of the IR → statements.

In: a definition's region, with what the function around it provides. Out: one statement for each node, over variables; inlining and
naming come later. A scan is `unbind`, a loop and `stack`; a scan of something without state is one batch where that is the same.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Call, Carried, Collected, Draw, Made, Minimize, Node, Operand, Param, Region, Repeat, Sliced, Until, Update, Value
from archdsl.ir.types import Type
from archdsl.ops import DISTRIBUTIONS, FAMILIES, OPS
from archdsl.torch import batch
from archdsl.torch.function import Function
from archdsl.torch.names import identifier, plural, singular, snake
from archdsl.torch.needs import needed, used_values
from archdsl.torch.numbers import number
from archdsl.torch.errors import CannotEmit
from archdsl.torch.plan import Held, Plan, StatePart, held, nodes
from archdsl.torch.printer import parse
from archdsl.torch.site import EmitSite, fill_template, setting
from archdsl.torch.statements import Assert, Assign, Do, For, If, Statement, Variable, keys, name
from archdsl.torch.words import noun

MOVES = frozenset(op.name for op in FAMILIES["shape"]) - {"concat", "split", "gather", "lookup", "patches"} | {"to_float", "to_int"}
CHEAP = frozenset(op.name for op in FAMILIES["operators"]) | {"weight_of", "by_mode", "stop_gradient"}
GENERIC = 2  # names of at most this many letters stand for whatever flows through a chain


class Body(Function):
    """Writes regions."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        self.made = {h.id: h.item for h in plan.held if isinstance(h.item, Made)}
        self.state_keys: dict[int, str] = {}
        self.depth = 0
        """How many stacks are around what is being written."""
        self.partial: dict[int, dict[str, ast.expr]] = {}
        self.given: set[int] = set()
        """Cells whose state a repeat begins with a value for."""
        self.returned = {(o.operand, o.name) for o in plan.definition.outputs}
        self.handed_on = {s.next for s in plan.definition.states}
        self.handed_on |= {c.next for n in nodes(plan.definition.body) if isinstance(n, Repeat) for c in n.carried}
        self.drawn_names = {n.outputs[0].id: n.outputs[0].name for n in nodes(plan.definition.body) if isinstance(n, Draw)}
        self.distributions: dict[int, str] = {}
        """The variable that holds the distribution of each drawn value."""
        self.value_names = {v.name for n in nodes(plan.definition.body) for v in getattr(n, "outputs", [])}
        self.value_names |= {v.name for v in plan.definition.inputs} | {s.value.name for s in plan.definition.states}
        self.value_names |= {c.value.name for n in nodes(plan.definition.body) if isinstance(n, Repeat) for c in n.carried}
        self.used = used_values(plan.definition)
        self.seen: dict[tuple[int, str], ast.expr] = {}

    # -- operands -----------------------------------------------------------------------------------------------
    def operand(self, operand: Operand) -> ast.expr:
        if isinstance(operand, Num):
            return self.number(operand)
        if operand not in self.env:
            raise CannotEmit(f"value {operand} of {self.plan.definition.name} is used before it is made")
        return self.env[operand]

    def text(self, operand: Operand) -> str:
        """An operand as text for a template: a name, or an expression in parentheses."""
        node = self.operand(operand)
        text = ast.unparse(node)
        return text if isinstance(node, (ast.Name, ast.Attribute)) or (isinstance(node, ast.Constant) and not text.startswith("-")) else f"({text})"

    def type_of(self, operand: Operand) -> Type:
        if isinstance(operand, Num):
            return Type(dtype="int" if operand.is_integer else "float")
        return self.types[operand]

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
        if value.name is not None:
            plain = value.name.rstrip("'")
            return [plain, f"new_{plain}"] if plain != value.name or value.id in self.handed_on else [plain]
        result = []
        before = self.env.get(main) if isinstance(main, int) else None
        if isinstance(before, ast.Name) and before.id in self.variables and value.type.dtype == "float":
            var = self.variables[before.id]
            same_kind = var.type is None or var.type.dtype == "float"
            if same_kind and var.kind == "tensor" and (var.wishes[0] in ("hidden", "x") or len(var.wishes[0]) <= GENERIC):
                result.append(var.name or var.wishes[0])
        if isinstance(node, Apply) and node.op == "concat":
            short = [var.name or var.wishes[0] for i in node.inputs if (var := self.variable_of(i))]
            if len(short) == len(node.inputs) and all(len(s) <= GENERIC for s in short):
                return ["".join(short)]
        if isinstance(node, Apply) and node.op in MOVES:
            owner = before.attr if isinstance(before, ast.Attribute) else ""
            source = self.variable_of(main) if main is not None else None
            result = [source.name or source.wishes[0]] if source else [owner] if owner else result
        return [*result, noun(node, self.made)]

    def variable_of(self, operand: Operand) -> Variable | None:
        """The variable that an operand is."""
        node = self.env.get(operand) if isinstance(operand, int) else None
        return self.variables.get(node.id) if isinstance(node, ast.Name) else None

    # -- regions ------------------------------------------------------------------------------------------------
    def region(self, region: Region, nodes: Sequence[Node] | None = None) -> None:
        for param in region.params:
            self.bind(param.value, self.holders[param.value.id])
        self.nodes(region.nodes if nodes is None else nodes)

    def nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.node(node)

    def node(self, node: Node) -> None:
        match node:
            case Apply():
                self.apply(node)
            case Call():
                self.call(node)
            case Draw():
                self.draw(node)
            case Repeat():
                self.repeat(node)
            case Minimize() | Update() | Until():
                raise CannotEmit(f"{node.kind} stands outside a train")

    def inside(self, statements: list[Statement]) -> "_Inside":
        """A context in which statements go into another block."""
        return _Inside(self, statements)

    # -- primitives ---------------------------------------------------------------------------------------------
    def site(self, node: Apply | Draw) -> EmitSite:
        device, dtype = self.device_and_dtype()
        return EmitSite(
            symbol=self.symbol,
            operands=[self.text(i) for i in node.inputs],
            inputs=[self.type_of(i) for i in node.inputs],
            outputs=[v.type for v in node.outputs],
            numbers=[i if isinstance(i, Num) else None for i in node.inputs],
            device=device,
            float_dtype=dtype,
        )

    def apply(self, node: Apply) -> None:
        main = next((i for i in node.inputs if isinstance(i, int)), None)
        if node.op == "weight_of":
            word = ast.unparse(parse(setting(node.settings["name"], self.symbol)))[1:-1]
            assert node.made is not None
            self.bind(node.outputs[0], ast.Attribute(self.holders[node.made], word, ast.Load()))
            return
        op = OPS[node.op]
        site = self.site(node)
        site.settings, site.axes = node.settings, node.axes
        if node.made is not None:
            made = self.made[node.made]
            site.settings, site.sizes = {**made.settings, **node.settings}, made.sizes
            site.module = ast.unparse(self.holders[node.made])
        value = parse(fill_template(op.torch, site, [p.name for p in op.parsed.inputs]))
        value = self.adapted(node, value)
        if node.op == "log_prob":
            value = self.distribution_first(value, node.inputs[0])
        if node.op == "attention":
            value = self.opened(value, node)
        if op.helper and _uses(value, op.helper):
            self.helpers[op.helper] = None
        if self.known_before(node, value):
            return
        several = len(node.outputs) > 1
        self.assign(["_" if several and v.id not in self.used else self.define(v, node, main) for v in node.outputs], value)

    def adapted(self, node: Apply, value: ast.expr) -> ast.expr:
        """An op's expression as the function being written needs it."""
        return value

    def distribution_first(self, value: ast.expr, drawn: Operand) -> ast.expr:
        """A distribution in a variable of its own: its methods have no types, so it is declared to be anything."""
        for call in ast.walk(value):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "torch.distributions":
                if not isinstance(drawn, int) or drawn not in self.distributions:
                    var = self.variable_of(drawn)
                    wish = self.drawn_names.get(drawn if isinstance(drawn, int) else -1) or (var.wishes[0] if var else "draw")
                    key = self.variable(f"p_{wish}", kind=f"distribution {self._count}")
                    self.block.append(Assign([key], copy.copy(call), keep=True, annotation="Any"))
                    if isinstance(drawn, int):
                        self.distributions[drawn] = key
                key = self.distributions[drawn] if isinstance(drawn, int) else key
                return _Replace(call, name(key)).visit(value)
        return value

    def opened(self, value: ast.expr, node: Node) -> ast.expr:
        """A long expression in steps: the operands that are reshaped first, then the call of the function, then what is done with it."""
        call = value
        while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            call = call.func.value
        assert isinstance(call, ast.Call)
        call.args = [self.step_of(a) for a in call.args]
        for k in call.keywords:
            if k.arg == "attn_mask":
                k.value = self.step_of(k.value, "mask")
        if call is value:
            return value
        key = self.variable(noun(node, self.made))
        self.assign([key], call)
        return substitute_call(value, call, name(key))

    def step_of(self, value: ast.expr, *wishes: str) -> ast.expr:
        """An operand of a long expression as a variable: another form of the variable that it reads."""
        if not isinstance(value, (ast.Call, ast.BinOp)):
            return value
        sources = list(dict.fromkeys(keys(value)))
        source = self.variables[sources[0]] if sources else None
        key = self.variable(*((source.name or source.wishes[0],) if source else ()), *wishes, "part")
        self.variables[key].of = sources[0] if sources else ""
        self.assign([key], value)
        return name(key)

    def known_before(self, node: Apply, value: ast.expr) -> bool:
        """Whether the same value was made before in this block; then that one is used again."""
        if node.made is not None or node.op in CHEAP or OPS[node.op].random or len(node.outputs) != 1 or node.outputs[0].name:
            return False
        text = ast.dump(value)
        found = self.seen.get((id(self.block), text))
        if found is not None:
            self.bind(node.outputs[0], found)
            return True
        key = self.define(node.outputs[0], node, next((i for i in node.inputs if isinstance(i, int)), None))
        self.seen[id(self.block), text] = name(key)
        self.assign([key], value)
        return True

    def draw(self, node: Draw) -> None:
        distribution = DISTRIBUTIONS[node.distribution]
        site = self.site(node)
        site.gradient = node.gradient
        value = self.distribution_first(parse(distribution.sample(site)), node.outputs[0].id)
        self.assign([self.define(v, node) for v in node.outputs], value)

    # -- definitions --------------------------------------------------------------------------------------------
    def arguments(self, node: Call) -> list[ast.expr]:
        return [self.operand(i) for i in node.inputs]

    def call(self, node: Call) -> None:
        arguments = self.arguments(node)
        if node.rides:
            return self.step(node, arguments)
        value = ast.Call(self.holders[node.made], arguments, [])
        main = next((i for i in node.inputs if isinstance(i, int)), None)
        used = [v.id in self.used for v in node.outputs]
        if not any(used):
            self.block.append(Do(value))
            return
        self.assign([self.define(v, node, main) if u else "_" for v, u in zip(node.outputs, used)], value)

    def step(self, node: Call, arguments: list[ast.expr]) -> None:
        """One step of a cell, whose state is in a variable."""
        callee = self.plan.program.of(self.made[node.made])
        state = self.state_keys[node.made]
        if node.made in self.partial:
            self.complete(node.made, arguments)
        value = ast.Call(self.holders[node.made], [*arguments, name(state)], [])
        if callee.bare:
            self.bind(node.outputs[0], name(state))
            self.assign([state], value, keep=True)
        else:
            self.assign([*(self.define(v, node) if v.id in self.used else "_" for v in node.outputs), state], value, keep=True)

    def complete(self, made: int, arguments: list[ast.expr]) -> None:
        """At the first step: the states that the program gave, and the others as the cell begins them."""
        callee = self.plan.program.of(self.made[made])
        start = ast.Attribute(self.holders[made], "initial_state", ast.Load())
        whole = ast.Call(start, [arguments[i] for i in callee.initial_inputs], [])
        given = [ast.keyword(n, v) for n, v in self.partial[made].items()]
        value = ast.Call(ast.Attribute(whole, "_replace", ast.Load()), [], given)
        state = self.state_keys[made]
        self.block.append(If(parse(f"{state} is None"), [Assign([state], value, keep=True)]))

    # -- repeats ------------------------------------------------------------------------------------------------
    def repeat(self, node: Repeat) -> None:
        if node.kind == "scan" and batch.is_pointwise(node, self.plan, self.types):
            return self.batched(node)
        if node.kind == "scan" and not node.reversed and batch.is_mappable(node, self.plan):
            return self.mapped(node)
        for ride in node.rides:
            self.start(ride.made, ride.initial)
        for carried in node.carried:
            self.carry(carried)
        wanted = [c for c in node.collected if c.value.id in self.used]
        lists = [self.collect_into(node, c.name, c.value.name) for c in wanted]
        for key in lists:
            self.assign([key], ast.List([], ast.Load()), keep=True)
        body: list[Statement] = []
        loop = For(ast.Name("_", ast.Store()), ast.Name("_", ast.Load()), body)
        close = self.head(node)
        with self.inside(body):
            results = [c.next for c in node.carried] + [c.operand for c in wanted]
            self.region(node.body, needed(node.body.nodes, results, self.plan, effects=True))
            for key, collected in zip(lists, wanted):
                self.block.append(Do(ast.Call(ast.Attribute(name(key), "append", ast.Load()), [self.operand(collected.operand)], [])))
            self.hand_on(node.carried)
        loop.target, loop.source = close()
        self.block.append(loop)
        self.after(node, wanted, lists)

    def after(self, node: Repeat, wanted: list[Collected], lists: list[str]) -> None:
        """What is left when the loop is done: stacked outputs, and states of the last pass."""
        for key, collected in zip(lists, wanted):
            source: ast.expr = name(key)
            if node.reversed:
                source = parse(f"{key}[::-1]")
            axis = _axis(collected.axis.index, collected.value.type)
            out = self.define(collected.value, node)
            self.assign([out], ast.Call(parse("torch.stack"), [source], [ast.keyword("dim", ast.Constant(axis))]))
        for carried in node.carried:
            self.bind(carried.final, self.env[carried.value.id])
        for ride in node.rides:
            if ride.finals:
                self.finals(ride.made, ride.finals)

    def finals(self, made: int, finals: dict[str, Value]) -> None:
        callee = self.plan.program.of(self.made[made])
        state = self.state_keys[made]
        if made not in self.given:
            self.block.append(Assert(parse(f"{state} is not None")))
        for field, value in finals.items():
            part = next(p for p in callee.state if p.state is not None and p.state.value.name == field)
            self.bind(value, parse(f"{state}.{part.name}") if callee.state_class else name(state))

    def start(self, made: int, initial: dict[str, Operand]) -> None:
        """The state before the first step: nothing, or what the program says it starts from."""
        callee = self.plan.program.of(self.made[made])
        own = [p for p in callee.state if p.state is not None]
        given = {p.name: self.as_tensor(initial[n], p.state.value.type) for p in own if p.state and (n := p.state.value.name or "") in initial}
        wish = own[0].name if len(callee.state) == 1 and own else "state"
        if made in self.state_keys:
            wish = self.variables[self.state_keys[made]].wishes[0]
        key = self.variable(wish, named=True, kind=f"state from {callee.name}" if len(given) == len(callee.state) else "state")
        self.state_keys[made] = key
        if len(given) == len(callee.state):
            self.given.add(made)
        if not given:
            value: ast.expr = ast.Constant(None)
        elif len(given) == len(callee.state) and callee.state_class:
            value = ast.Call(ast.Name(callee.state_class, ast.Load()), [], [ast.keyword(n, v) for n, v in given.items()])
        elif len(given) == len(callee.state):
            (value,) = given.values()
        else:
            self.partial[made] = given
            value = ast.Constant(None)
        self.assign([key], value, keep=True)

    def as_tensor(self, operand: Operand, type_: Type) -> ast.expr:
        return self.filled(operand, type_) if isinstance(operand, Num) else self.operand(operand)

    def carry(self, carried: Carried) -> None:
        """The variable that a loop hands on, with its first value."""
        initial = carried.initial
        final = carried.final.name if (carried.final.id, carried.final.name) not in self.returned else None
        before = self.variable_of(initial)
        implied = before is not None and carried.value.name in (before.wishes[0], "x")
        own = None if implied else carried.value.name
        known = own or final
        key = self.variable(known or carried.value.name or "x", type=carried.value.type, named=known is not None)
        value = self.filled(initial, carried.value.type) if isinstance(initial, Num) else self.operand(initial)
        self.block.append(Assign([key], value, copy=True, keep=False))
        self.bind(carried.value, name(key))

    def hand_on(self, carried: Sequence[Carried]) -> None:
        """At the end of a pass: every carried variable takes its next value, all at once where one needs another's old value."""
        targets = [self.env[c.value.id] for c in carried]
        keys = [t.id for t in targets if isinstance(t, ast.Name)]
        values = [self.as_tensor(c.next, c.value.type) for c in carried]
        entangled = any(isinstance(v, ast.Name) and v.id in keys[:i] for i, v in enumerate(values))
        if entangled:
            self.block.append(Assign(keys, ast.Tuple(values, ast.Load()), copy=True, keep=True))
        else:
            self.block.extend(Assign([k], v, copy=True) for k, v in zip(keys, values))

    def collect_into(self, node: Repeat, wish: str, value_name: str | None) -> str:
        plain = identifier(wish.rstrip("'"))
        several = plain if plain.endswith("s") else plural(plain)
        return self.variable(several if len(plain) > GENERIC and value_name != several else "outputs", kind="list")

    # -- the head of a loop -------------------------------------------------------------------------------------
    def head(self, node: Repeat) -> Callable[[], tuple[ast.expr, ast.expr]]:
        """`for target in source`; to be called when the body is written, which says whether an index is needed."""
        if node.kind == "stack":
            return self.stack_head(node)
        if not node.sliced:
            count = ast.Call(ast.Name("range", ast.Load()), [self.number(node.count, whole=True)], [])
            return lambda: (ast.Name("_", ast.Store()), count)
        targets = [self.slice_of(s) for s in node.sliced]
        sources = [self.unbound(s, node.reversed) for s in node.sliced]
        if len(targets) == 1:
            return lambda: (name(targets[0]), sources[0])
        together = ast.Call(ast.Name("zip", ast.Load()), list[ast.expr](sources), [])
        return lambda: (ast.Tuple([name(t) for t in targets], ast.Store()), together)

    def slice_of(self, sliced: Sliced) -> str:
        source = self.env.get(sliced.operand) if isinstance(sliced.operand, int) else None
        var = self.variables.get(source.id) if isinstance(source, ast.Name) else None
        base = (var.name or var.wishes[0]) if var and (var.named or var.name) else "x"
        wishes = [sliced.value.name] if sliced.value.name and sliced.value.name != base else [f"{base.rstrip('_')}_t"]
        key = self.variable(*wishes, type=sliced.value.type, named=True)
        self.bind(sliced.value, name(key))
        return key

    def unbound(self, sliced: Sliced, reverse: bool) -> ast.expr:
        axis = _axis(sliced.axis.index, self.type_of(sliced.operand))
        call = ast.Call(ast.Attribute(self.operand(sliced.operand), "unbind", ast.Load()), [ast.Constant(axis)], [])
        return ast.Call(ast.Name("reversed", ast.Load()), [call], []) if reverse else call

    def stack_head(self, node: Repeat) -> Callable[[], tuple[ast.expr, ast.expr]]:
        """`for layer in self.layers`, over all that the stack holds separate copies of."""
        items = sorted(held(node.body), key=lambda h: h.id)
        names = []
        lists = [self.copies(item) for item in items]
        self.depth += 1
        for item in items:
            names.append(self.variable(self.copy_name(item), named=True, kind="modules" if item.stacks else "module"))
        for item, key in zip(items, names):
            self.holders[item.id] = name(key)
        targets = [name(k) for k in names]
        count: ast.expr = ast.Call(ast.Name("range", ast.Load()), [self.number(node.count, whole=True)], [])
        index = self.variable(node.index or "i", named=True, kind="index")
        if node.index:
            self.index_keys[node.index] = index

        def close() -> tuple[ast.expr, ast.expr]:
            self.depth -= 1
            used = index in self.asked
            if not targets:
                return (name(index) if used else ast.Name("_", ast.Store())), count
            target: ast.expr = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
            source = lists[0] if len(lists) == 1 else ast.Call(ast.Name("zip", ast.Load()), lists, [])
            if used:
                return ast.Tuple([name(index), target], ast.Store()), ast.Call(ast.Name("enumerate", ast.Load()), [source], [])
            return target, source

        return close

    def copies(self, item: Held) -> ast.expr:
        """What a loop over the copies of something goes through."""
        holder = self.holders[item.id]
        if self.depth == 0:
            return holder
        method = "parameters" if isinstance(item.item, Param) and not item.stacks else "children"
        return ast.Call(ast.Attribute(holder, method, ast.Load()), [], [])

    def copy_name(self, item: Held) -> str:
        """`layer` for one of `self.layers`; `open_conv` where the program calls a value `open`."""
        base = re.sub(r"_\d+$", "", self.plan.attributes[item.id])
        if item.stacks:
            return plural(singular(base))
        wish = singular(base)
        if wish not in self.value_names:
            return wish
        kind = snake(item.item.of).rstrip("0123456789d_") if isinstance(item.item, Made) else "weight"
        return f"{wish}_{kind.rpartition('_')[2]}"

    # -- scans without state ------------------------------------------------------------------------------------
    def batched(self, node: Repeat) -> None:
        """A scan whose body treats every slice alike: the body on the whole."""
        for sliced in node.sliced:
            self.env[sliced.value.id] = self.operand(sliced.operand)
            self.types[sliced.value.id] = self.type_of(sliced.operand)
        self.region(batch.widened(node))
        for collected in node.collected:
            source = self.operand(collected.operand)
            if collected.value.name:
                self.block.append(Assign([self.define(collected.value, node)], source))
            else:
                self.bind(collected.value, source)

    def mapped(self, node: Repeat) -> None:
        """A scan of one definition without state: `torch.vmap` along the axis."""
        (call,) = node.body.nodes
        assert isinstance(call, Call)
        axes = {s.value.id: (s.operand, _axis(s.axis.index, self.type_of(s.operand))) for s in node.sliced}
        places = [axes[i][1] if i in axes else None for i in call.inputs]
        inputs = [self.operand(axes[i][0] if isinstance(i, int) and i in axes else i) for i in call.inputs]
        outs = [_axis(c.axis.index, c.value.type) for c in node.collected]
        in_dims = ast.Constant(places[0]) if len(set(places)) == 1 else parse(f"({', '.join(map(repr, places))})")
        out_dims = ast.Constant(outs[0]) if len(set(outs)) == 1 else parse(f"({', '.join(map(repr, outs))})")
        options = [ast.keyword("in_dims", in_dims), ast.keyword("out_dims", out_dims)]
        if batch.is_random(self.made[call.made], self.plan):
            options.append(ast.keyword("randomness", ast.Constant("different")))
        mapped = ast.Call(parse("torch.vmap"), [self.holders[call.made]], options)
        by_value = {c.operand: c for c in node.collected}
        targets = [self.define(by_value[v.id].value, node) if v.id in by_value else "_" for v in call.outputs]
        self.assign(targets, ast.Call(mapped, inputs, []))


def substitute_call(value: ast.expr, call: ast.Call, by: ast.expr) -> ast.expr:
    """An expression with one call in its chain of methods replaced."""
    assert isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
    inner = value.func.value
    value.func.value = by if inner is call else substitute_call(inner, call, by)
    return value


def _uses(value: ast.expr, helper: str) -> bool:
    """Whether an expression calls a function that a helper's source defines."""
    defined = set(re.findall(r"^def (\w+)", helper, re.M))
    return any(isinstance(n, ast.Name) and n.id in defined for n in ast.walk(value))


class _Replace(ast.NodeTransformer):
    """Puts one expression in the place of another."""

    def __init__(self, old: ast.expr, new: ast.expr):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


class _Inside:
    def __init__(self, body: Body, statements: list[Statement]):
        self.body, self.statements = body, statements

    def __enter__(self) -> None:
        self.before, self.body.block = self.body.block, self.statements

    def __exit__(self, *problem: object) -> None:
        self.body.block = self.before


def _axis(index: int, type_: Type) -> int:
    """An axis from the start where that is known, and the last one from the end."""
    from archdsl.ir.num import ELLIPSIS

    rank = len(type_.shape)
    if ELLIPSIS in type_.shape or index == -1:
        return index
    return index + rank if index < 0 else index


__all__ = ["Body", "If", "StatePart", "number"]
