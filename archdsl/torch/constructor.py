"""`__init__` of a class: its arguments, the parts in the order of the program, parameters and memories."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Condition, Constraint, Fill, Hyper, Made, Memory, Param, Repeat
from archdsl.ir.regions import nodes
from archdsl.ir.types import Type
from archdsl.ops import INITIALIZERS, OPS
from archdsl.torch.names import Namespace, singular, variable
from archdsl.torch.numbers import is_real, number, over_one
from archdsl.torch.plan import Held, Plan
from archdsl.torch.printer import INDENT, fits, flat, lines, parse, signature
from archdsl.torch.site import EmitSite, fill_template, setting
from archdsl.torch.statements import Do, Return, expressions
from archdsl.torch.text import Writer

INNER = INDENT * 2


class Constructor:
    """Writes the constructor of one class."""

    def __init__(self, plan: Plan, used: set[str]):
        self.plan, self.definition, self.used = plan, plan.definition, used
        self.helpers: dict[str, None] = {}
        self.indices: dict[str, str] = {}

    def lines(self, after: list[str]) -> list[str]:
        body = [f"{INNER}super().__init__()", *self.defaults(), *self.checks()]
        body += [
            f"{INNER}self.{self.plan.hyper_attributes[n]} = {self.plan.arguments[n]}"
            for n in self.plan.arguments
            if n in self.used
        ]
        for item in self.plan.held:
            body += self.item(item) if item.id not in self.plan.twins else []
        for memory in self.definition.memories:
            body += self.memory(memory)
        if self.plan.late:
            body.append(f"{INNER}self.{self.plan.begun} = False")
            hook = Namespace(self.plan.arguments.values()).take("on_load")
            body.append(f"{INNER}{hook}: Any = self.register_load_state_dict_post_hook")  # torch gives it no types
            body.append(f"{INNER}{hook}({self.plan.name}.{self.plan.loaded})")
        return [*signature(INDENT, "__init__", ["self", *self.parameters()], "None"), *body, *after]

    # -- arguments ----------------------------------------------------------------------------------------------
    def ordered(self) -> list[Hyper]:
        """Hyperparameters, those without a default first."""
        return sorted(self.definition.hypers, key=lambda h: h.default is not None)

    def kind(self, name: str) -> str:
        return "float" if name in self.plan.real else "int"

    def parameters(self) -> list[str]:
        result = [f"{self.plan.arguments[s]}: int" for s in self.definition.sizes]
        for h in self.ordered():
            text = f"{self.plan.arguments[h.name]}: {self.kind(h.name)}"
            if h.default is not None:
                text += f" = {self.default(h, h.default)}" if h.default.is_const else " | None = None"
            result.append(text)
        return result

    def default(self, hyper: Hyper, value: Num) -> str:
        """A default that is a number; a float is written as one."""
        text = self.text(value, False)
        return f"{text}.0" if hyper.name in self.plan.real and text.strip("()-").isdigit() else text

    def defaults(self) -> list[str]:
        """`hidden = 4 * d if hidden is None else hidden`."""
        result = []
        for h in self.definition.hypers:
            if h.default is not None and not h.default.is_const:
                name = self.plan.arguments[h.name]
                value = self.text(h.default, h.name not in self.plan.real)
                result.append(f"{INNER}{name} = {value} if {name} is None else {name}")
        return result

    def checks(self) -> list[str]:
        """What must hold for the numbers, where a caller could break it and no part that is made here sees to it."""
        result = [self._constraint(c) for c in self.definition.constraints if not self._seen_to(c)]
        result += [self._condition(c) for c in self.definition.conditions if not self._decided(c)]
        return [text for text in dict.fromkeys(result) if text]

    def _parts(self) -> Iterator[tuple[Constructor, dict[str, Num]]]:
        """The constructor of each part that is a class of its own, and the numbers that it is given."""
        for h in self.plan.held:
            if isinstance(h.item, Made) and not h.item.primitive:
                numbers = {n: v for n, v in h.item.settings.items() if isinstance(v, Num)}
                yield Constructor(self.plan.program.of(h.item), set()), {**h.item.sizes, **numbers}

    def _seen_to(self, c: Constraint) -> bool:
        """Whether a part checks the same."""
        return any(
            o.number.subs(given) == c.number and part._constraint(o) != ""
            for part, given in self._parts()
            for o in part.definition.constraints
        )

    def _decided(self, c: Condition) -> bool:
        """Whether a part is of a class for which the same must hold."""
        own = _groups(c, {})
        return any(
            o.outcome == c.outcome and _groups(o, given) == own and part._condition(o) != ""
            for part, given in self._parts()
            for o in part.definition.conditions
        )

    def _constraint(self, c: Constraint) -> str:
        if c.must == "positive" and c.number in self._collecting():
            return f"{INNER}assert {flat(parse(f'{number(c.number, self.symbol)} > 0'))}"
        if (
            c.must != "whole"
            or not c.number.divides
            or not c.number.symbols() <= self.plan.arguments.keys()
            or is_real(c.number, self.plan.real)
        ):
            return ""
        top, bottom = over_one(c.number)
        text = flat(parse(f"({number(top, self.symbol)}) % ({number(bottom, self.symbol)}) == 0"))
        line = f'{INNER}assert {text}, "{c.number} must be whole"'
        return line if fits(line) else f"{INNER}assert {text}"

    def _collecting(self) -> list[Num]:
        """How many passes loops make that collect something, where a caller says it: without a pass there is nothing to collect."""
        loops = [n for n in nodes(self.definition.body) if isinstance(n, Repeat) and n.kind == "loop" and n.collected]
        return [n.count for n in loops if n.count.symbols() and n.count.symbols() <= self.plan.arguments.keys()]

    def _condition(self, c: Condition) -> str:
        """What chose this variant of the definition: with other numbers it would be another class."""
        symbols = {s for group in c.any_of for x in group for s in x.left.symbols() | x.right.symbols()}
        if not symbols or not symbols <= self.plan.arguments.keys():
            return ""
        groups = [
            " and ".join(f"({self.text(x.left, False)} {x.op} {self.text(x.right, False)})" for x in group)
            for group in c.any_of
        ]
        test = " or ".join(f"({g})" for g in groups)
        line = f"{INNER}assert {flat(parse(test if c.outcome else _opposite(test)))}"
        said = f'{line}, "other numbers make another class"'
        return said if fits(said) else line

    # -- numbers ------------------------------------------------------------------------------------------------
    def symbol(self, symbol: str) -> str:
        return self.indices.get(symbol) or self.plan.arguments.get(symbol) or variable(symbol)

    def text(self, value: Num, whole: bool = True) -> str:
        return flat(parse(number(value, self.symbol, whole)))

    def site(self, **more: object) -> EmitSite:
        return EmitSite(symbol=self.symbol, **more)  # type: ignore[arg-type]

    # -- parts --------------------------------------------------------------------------------------------------
    def item(self, held: Held) -> list[str]:
        self.indices = self._indices(held.stacks)
        value = self.made(held.item) if isinstance(held.item, Made) else self.param(held.item)
        list_class = "nn.ModuleList" if isinstance(held.item, Made) else "nn.ParameterList"
        for stack in reversed(held.stacks):
            value = self.copies(list_class, value, stack)
            list_class = "nn.ModuleList"
        target = f"self.{self.plan.attributes[held.id]}"
        group, _, key = target.partition("[")
        if not key:
            return self._assigned(held, target, value)
        first = next(iter(self.plan.groups[group.removeprefix("self.")].values())) == held.id
        kind = "Dict" if key.startswith('"') else "List"
        container = [f"{INNER}{group} = nn.Module{kind}()"] if first else []
        if kind == "Dict":
            return container + self._assigned(held, target, value)
        if held.stacks and isinstance(value, ast.Call):  # of the list's generator, which has its own parentheses
            return container + self._assigned(held, target, value.args[0], f"{group}.extend")
        return container + self._assigned(held, target, value, f"{group}.append(", ")")

    def _assigned(self, held: Held, target: str, value: ast.expr, before: str = "", after: str = "") -> list[str]:
        before = before or f"{target} = "
        frozen = isinstance(held.item, Made) and held.item.frozen
        result = lines(INNER, before, value, (".requires_grad_(False)" if frozen else "") + after)
        if frozen and len(result) > 1:
            result = [*lines(INNER, before, value, after), f"{INNER}{target}.requires_grad_(False)"]
        if isinstance(held.item, Made) and held.item.initial:
            result += self.weights(held, held.item, target)
        self.indices = {}
        return result

    def _indices(self, stacks: tuple[Repeat, ...]) -> dict[str, str]:
        names = Namespace(self.plan.arguments.values())
        return {s.index: names.take(variable(s.index)) for s in stacks if s.index}

    def copies(self, list_class: str, value: ast.expr, stack: Repeat) -> ast.expr:
        """`nn.ModuleList(value for i in range(n))`."""
        needed = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
        index = self.indices.get(stack.index or "", "_")
        target = ast.Name(index if index in needed else "_", ast.Store())
        source = ast.Call(ast.Name("range", ast.Load()), [parse(self.text(stack.count))], [])
        inside = ast.GeneratorExp(value, [ast.comprehension(target, source, [], 0)])
        return ast.Call(parse(list_class), [inside], [])

    def made(self, made: Made) -> ast.expr:
        if made.primitive:
            op = OPS[made.of]
            return parse(fill_template(op.init, self.site(settings=made.settings, sizes=made.sizes), []))
        callee = self.plan.program.of(made)
        definition = callee.definition
        args = [parse(self.text(made.sizes[s])) for s in definition.sizes]
        named: list[ast.keyword] = []
        given: dict[str, Num] = {**made.sizes, **{n: v for n, v in made.settings.items() if isinstance(v, Num)}}
        for h in Constructor(callee, set()).ordered():
            value = made.settings[h.name]
            text = parse(setting(value, self.symbol, whole=h.name not in callee.real))
            if h.default is None:
                args.append(text)
            elif value != h.default.subs(given):
                named.append(ast.keyword(callee.arguments[h.name], text))
        return ast.Call(ast.Name(callee.name, ast.Load()), args, named)

    def param(self, param: Param) -> ast.expr:
        value = self.filled(param.initial, param.value.type)
        return ast.Call(
            parse("nn.Parameter"), [value], [ast.keyword("requires_grad", ast.Constant(False))] if param.frozen else []
        )

    def filled(self, fill: Fill, type_: Type) -> ast.expr:
        initializer = INITIALIZERS[fill.name]
        if initializer.helper:
            self.helpers[initializer.helper] = None
        value = parse(initializer.torch(self.site(shape=type_.shape, settings=fill.settings)))
        match value:
            case ast.Call(func=ast.Attribute(attr="full"), args=[_, number_]):
                value.args[1] = _real(number_)
        return value

    def weights(self, held: Held, made: Made, target: str) -> list[str]:
        """Weights that start otherwise than torch's module makes them."""
        indent, name = INNER, target
        result: list[str] = []
        for _ in held.stacks:
            loop = variable(singular(name.removeprefix("self.")))
            loop = loop if loop != name else f"{loop}_i"
            result.append(f"{indent}for {loop} in {name}:")
            indent, name = indent + INDENT, loop
        for weight, fill in made.initial.items():
            owner = f"{name}.{weight}" if not held.stacks and "[" not in name else f'{name}.get_parameter("{weight}")'
            result += in_place(indent, owner, self.filled(fill, made.weights[weight]))
        return result

    # -- memories -----------------------------------------------------------------------------------------------
    def memory(self, memory: Memory) -> list[str]:
        name = self.plan.attributes[memory.value.id]
        if isinstance(memory.initial, int) and memory.value.id not in self.plan.late:
            return self.computed(memory)
        value = self.first(memory)
        call = ast.Call(parse("self.register_buffer"), [ast.Constant(name), value], [])
        return lines(INNER, "", call)

    def computed(self, memory: Memory) -> list[str]:
        """A buffer whose first value the program computes, in the constructor's own names."""
        from archdsl.torch.forward import First

        function = First(self.plan, memory)
        function.build()
        body = function.finish(self.plan.arguments.values())
        self.helpers.update(function.helpers)
        end = body.pop()
        assert isinstance(end, Return)
        name = ast.Constant(self.plan.attributes[memory.value.id])
        body.append(Do(ast.Call(parse("self.register_buffer"), [name, *end.values], [])))
        own = {f"self.{a}": self.plan.arguments[n] for n, a in self.plan.hyper_attributes.items()}
        for statement in body:
            for value in expressions(statement):
                ArgumentsFor(own).visit(value)
        return Writer(function.variables).block(body, INNER)

    def first(self, memory: Memory) -> ast.expr:
        """The value that a memory has before the first call; NaN where the first training call gives it one."""
        initial = memory.initial
        if isinstance(initial, Fill):
            plain = {"zeros": Num.of(0), "ones": Num.of(1), "constant": initial.settings.get("value")}.get(initial.name)
            if memory.value.type.dtype == "float" or not isinstance(plain, Num):
                return self.filled(initial, memory.value.type)
            initial = plain
        return parse(self._constant(initial, memory))

    def _constant(self, initial: int | Num, memory: Memory) -> str:
        shape = ", ".join(number(n, self.symbol) for n in memory.value.type.shape if n != ELLIPSIS)
        whole = f"({shape},)" if len(memory.value.type.shape) == 1 else f"({shape})"
        if isinstance(initial, int):
            return f"torch.full({whole}, torch.nan)"
        kind = {"float": "", "int": ", dtype=torch.long", "bool": ", dtype=torch.bool"}[memory.value.type.dtype]
        if initial in (0, 1):
            return f"torch.{'ones' if initial == 1 else 'zeros'}({shape or '()'}{kind})"
        text = number(initial, self.symbol, whole=memory.value.type.dtype == "int")
        if memory.value.type.dtype == "float" and initial.is_integer:
            text = f"float({text})" if not initial.is_const else f"({text.strip('()')}.0)"
        return f"torch.full({whole}, {text}{kind})"


def _real(written: ast.expr) -> ast.expr:
    """A number as a float: of a whole number, `torch.full` would make a tensor of whole numbers."""
    try:
        return ast.Constant(float(ast.literal_eval(written)))
    except ValueError:
        real = any(isinstance(n, (ast.Div, ast.Attribute)) for n in ast.walk(written))
        return written if real else ast.Call(ast.Name("float", ast.Load()), [written], [])


class ArgumentsFor(ast.NodeTransformer):
    """Puts a constructor's arguments in the place of the attributes that keep them."""

    def __init__(self, own: dict[str, str]):
        self.own = own

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        argument = self.own.get(ast.unparse(node))
        return (
            ast.Name(argument, ast.Load()) if argument else ast.Attribute(self.visit(node.value), node.attr, node.ctx)
        )


def _groups(c: Condition, given: Mapping[str, Num]) -> set[frozenset[tuple[Num, str, Num]]]:
    """What a condition compares, with the numbers that are given, and without what those alone decide."""
    compared = [[(x.left.subs(given), x.op, x.right.subs(given)) for x in group] for group in c.any_of]
    possible = [g for g in compared if not any(left == right and op in ("!=", "<", ">") for left, op, right in g)]
    return {frozenset(x for x in group if x[0] != x[2]) for group in possible}


def _opposite(test: str) -> str:
    """`not` of a test, as comparisons without a `not`."""
    return flat(_negated(parse(test)))


def _negated(node: ast.expr) -> ast.expr:
    opposite: dict[type[ast.cmpop], ast.cmpop] = {
        ast.Eq: ast.NotEq(), ast.NotEq: ast.Eq(), ast.Lt: ast.GtE(), ast.GtE: ast.Lt(), ast.Gt: ast.LtE(), ast.LtE: ast.Gt(),
    }  # fmt: skip
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return ast.Compare(node.left, [opposite[type(node.ops[0])]], node.comparators)
    if isinstance(node, ast.BoolOp):
        return ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), [_negated(v) for v in node.values])
    return ast.UnaryOp(ast.Not(), node)


def in_place(indent: str, weight: str, value: ast.expr) -> list[str]:
    """Fill a weight that is there: `nn.init.normal_(self.E.weight, std=0.02)`."""
    target = parse(weight)
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="init")), args=[_, *args], keywords=named):
            return lines(indent, "", ast.Call(value.func, [target, *args], named))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=maker), args=args):
            plain = {
                "zeros": "zeros_",
                "ones": "ones_",
                "randn": "normal_",
                "rand": "uniform_",
                "full": "constant_",
            }.get(maker)
            if plain:
                rest = args[1:] if maker == "full" else []
                return lines(indent, "", ast.Call(parse(f"nn.init.{plain}"), [target, *rest], []))
    copied = ast.Call(ast.Attribute(target, "copy_", ast.Load()), [value], [])
    return [f"{indent}with torch.no_grad():", *lines(indent + INDENT, "", copied)]
