"""Values: operands and results of primitives.

In: nodes of the IR that apply a primitive or draw. Out: assignments, one for each; inlining and naming come later.
"""

from __future__ import annotations

import ast
import copy
import re
from typing import Any

from archdsl.ir.functions import sqrt
from archdsl.ir.num import ONE, Num
from archdsl.ir.program import Apply, Draw, Node, Operand
from archdsl.ir.regions import nodes
from archdsl.ir.types import Type
from archdsl.ops import DISTRIBUTIONS, FAMILIES, OPS
from archdsl.ops.emit import is_at, to_float
from archdsl.torch import attending
from archdsl.torch.axes import Attention
from archdsl.torch.errors import CannotEmit
from archdsl.torch.needs import used_values
from archdsl.torch.plan import Plan
from archdsl.torch.printer import flat, parse
from archdsl.torch.results import Results
from archdsl.torch.site import EmitSite, fill_template, setting
from archdsl.torch.statements import Assign, keys, name
from archdsl.torch.words import noun

CHEAP = frozenset(op.name for op in FAMILIES["operators"]) | {"weight_of", "by_mode", "stop_gradient"}
"""Ops that are written again where they stand twice."""
PROMOTING = frozenset(["add", "sub", "mul", "div", "pow", "maximum", "minimum", "where"])
"""Ops that make real numbers of whole ones."""


class Values(Results):
    """Writes operands and primitives."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        definition = plan.definition
        everything = list(nodes(definition.body))
        draws = [n.outputs[0] for n in everything if isinstance(n, Draw)]
        self.used = used_values(definition)
        self.absent = plan.program.absent[definition.name]
        self.attentions = {} if plan.program.plain else attending.find(definition)
        self.swallowed = {i for found in self.attentions.values() for i in found.swallowed}
        """Values in between, which are not computed by themselves."""
        self.returned = {(o.operand, o.name) for o in definition.outputs}
        self.drawn_names = {v.id: v.name for v in draws}
        self.distributions: dict[int, str] = {}
        """The variable that holds the distribution of each drawn value."""
        self.seen: dict[tuple[int, str], tuple[object, ast.expr]] = {}
        """What was computed in each block, by its text. It keeps the block, whose `id()` so stays its own."""

    # -- operands -----------------------------------------------------------------------------------------
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
        return (
            text
            if isinstance(node, (ast.Name, ast.Attribute))
            or (isinstance(node, ast.Constant) and not text.startswith("-"))
            else f"({text})"
        )

    def type_of(self, operand: Operand) -> Type:
        if isinstance(operand, Num):
            return Type(dtype="int" if operand.is_integer else "float")
        return self.types[operand]

    def as_tensor(self, operand: Operand, type_: Type) -> ast.expr:
        return self.filled(operand, type_) if isinstance(operand, Num) else self.operand(operand)

    # -- primitives ---------------------------------------------------------------------------------------
    def site(self, node: Apply | Draw) -> EmitSite:
        device, dtype = self.device_and_dtype()
        first = next(iter(self.input_keys), None)
        like, like_type = first if first is not None and first[1].dtype == "float" else ("", Type())
        return EmitSite(
            symbol=self.symbol,
            operands=[self.text(i) for i in node.inputs],
            inputs=[self.type_of(i) for i in node.inputs],
            outputs=[v.type for v in node.outputs],
            numbers=[i if isinstance(i, Num) else None for i in node.inputs],
            device=device,
            float_dtype=dtype,
            like=like,
            like_shape=like_type.shape,
        )

    def promote(self, node: Apply, site: EmitSite) -> None:
        """Whole numbers that become real by this step become what the inputs are, and not what torch makes by default."""
        if node.op not in PROMOTING or node.outputs[0].type.dtype != "float" or not site.float_dtype:
            return
        tensors = [i for i, o in enumerate(node.inputs) if isinstance(o, int) and (node.op, i) != ("where", 0)]
        if tensors and all(site.inputs[i].dtype != "float" for i in tensors):
            first = tensors[0]
            site.operands[first] = to_float(site, site.operands[first])
            site.inputs[first] = Type(dtype="float", shape=site.inputs[first].shape)

    def attended(self, node: Apply, found: Attention) -> None:
        """Attention that the program writes out, on torch's kernel."""
        group = len(found.axes.lead) - 1 if found.axes.group else None
        query, key_, value_ = (moved(self.text(v.operand), v.order) for v in (found.query, found.key, found.value))
        if group is not None:
            query = f"{query}.flatten({group}, {group + 1})"
        mask = f", attn_mask={self.attention_mask(found)}" if found.masks or found.biases else ""
        mask = ", is_causal=True" if found.causal else mask
        dropout = ""
        if found.dropout is not None:
            dropout = f", dropout_p={ast.unparse(self.holders[found.dropout])}.p if self.training else 0.0"
        width = self.type_of(found.query.operand).shape[(found.query.order or (-1,))[-1]]
        scale = "" if found.scale == ONE / sqrt(width) else f", scale={ast.unparse(self.number(found.scale))}"
        shared = ", enable_gqa=True" if group is not None else ""
        value = parse(f"F.scaled_dot_product_attention({query}, {key_}, {value_}{mask}{dropout}{scale}{shared})")
        if group is not None or found.out is not None:
            step = self.variable("attended")
            self.assign([step], value, keep=True)
            shape = self.type_of(found.query.operand).shape
            place = found.query.order or tuple(range(len(shape)))
            parted = (
                [flat(self.number(shape[place[group + i]], whole=True)) for i in (0, 1)] if group is not None else []
            )
            text = f"{step}.unflatten({group}, ({', '.join(parted)}))" if parted else step
            value = parse(moved(text, found.out))
        out = node.outputs[0]
        key = self.variable((out.name or "attended").rstrip("'"), type=out.type, named=out.name is not None)
        self.bind(out, name(key))
        self.assign([key], value)

    def attention_mask(self, found: Attention) -> str:
        """What may be seen, or what is added to the scores: minus infinity where nothing is to be seen."""
        seen = " & ".join(f"{'~' * m.hides}{self.text(m.operand)}" for m in found.masks)
        signs = {ONE: "", -ONE: "-"}
        terms = [
            f"{signs[factor]}{self.text(b)}"
            if factor in signs
            else f"({ast.unparse(self.number(factor))}) * {self.text(b)}"
            for b, factor in found.biases
        ]
        if not terms:
            return seen
        bias = " + ".join(terms)
        return f"torch.where({seen}, {bias}, -torch.inf)" if seen else bias

    def apply(self, node: Apply) -> None:
        if node.outputs[0].id in self.swallowed:
            return
        if node.outputs[0].id in self.attentions:
            return self.attended(node, self.attentions[node.outputs[0].id])
        main = next((i for i in node.inputs if isinstance(i, int)), None)
        if node.op == "weight_of":
            word = ast.unparse(parse(setting(node.settings["name"], self.symbol)))[1:-1]
            assert node.made is not None
            self.bind(node.outputs[0], ast.Attribute(self.holders[node.made], word, ast.Load()))
            return
        op = OPS[node.op]
        site = self.site(node)
        site.settings, site.axes = node.settings, node.axes
        self.promote(node, site)
        if node.made is not None:
            made = self.made[node.made]
            site.settings, site.sizes = {**made.settings, **node.settings}, made.sizes
            site.module = ast.unparse(self.holders[node.made])
        value = parse(fill_template(op.torch, site, [p.name for p in op.parsed.inputs]))
        value = self.adapted(node, self.padded(value) if node.op == "Conv1d" else value)
        if node.op == "log_prob":
            value = self.distribution_first(value, node.inputs[0])
        absent = self.absent_operand(node)
        if node.op == "attention" and self.plan.program.plain:
            value = self.written_out(node, site)
        elif node.op == "attention":
            value = self.opened(self.unmasked(value, node, absent), node)
        elif absent:
            value = ast.IfExp(parse(f"{absent} is None"), ast.Constant(None), value)
        if op.helper and _uses(value, op.helper):
            self.helpers[op.helper] = None
        if self.known_before(node, value):
            return
        several = len(node.outputs) > 1
        self.assign(
            ["_" if several and v.id not in self.used else self.define(v, node, main) for v in node.outputs], value
        )

    def written_out(self, node: Apply, site: EmitSite) -> ast.expr:
        """Attention as its equations are."""
        whole = is_at(site.settings["heads"], 1)
        heads = "" if whole else f".unflatten(-1, ({site.setting('heads')}, -1)).transpose(-3, -2)"
        query, key, value = (self.step_of(parse(f"{site.operand(i)}{heads}")) for i in range(3))
        q, k, v = (ast.unparse(e) for e in (query, key, value))
        width = f"{q}.shape[-1] ** -0.5" if site.settings["scale"] is None else site.setting("scale")
        scores = self.variable("scores")
        self.assign([scores], parse(f"{q} @ {k}.transpose(-2, -1) * ({width})"), keep=True)
        seen = []
        if len(site.inputs) > 3:
            lifted = not whole and len(site.inputs[3].shape) > 2
            seen.append(f"{site.operand(3)}{'.unsqueeze(-3)' if lifted else ''}")
        if getattr(site.settings["mask"], "word", "") == "causal":
            seen.append(f"torch.ones_like({scores}[..., :, :], dtype=torch.bool).tril()")
        if seen:
            masked = self.variable("scores")
            hidden = f"~({' & '.join(seen)})"
            self.assign([masked], parse(f"{scores}.masked_fill({hidden}, -torch.inf)"), keep=True)
            scores = masked
        weights = self.variable("weights")
        made = f"{scores}.softmax(-1)" if not seen else f"{scores}.softmax(-1).nan_to_num()"
        if not is_at(site.settings["dropout"], 0):
            made = f"F.dropout({made}, {site.setting('dropout')}, self.training)"
        self.assign([weights], parse(made), keep=True)
        joined = "" if whole else ".transpose(-3, -2).flatten(-2)"
        return parse(f"({weights} @ {v}){joined}")

    # -- masks that may be absent -------------------------------------------------------------------------
    def absent_operand(self, node: Apply) -> str:
        """The variable of an operand that may be `None`."""
        found = next((i for i in node.inputs if isinstance(i, int) and i in self.absent), None)
        return ast.unparse(self.operand(found)) if found is not None else ""

    def unmasked(self, value: ast.expr, node: Apply, absent: str) -> ast.expr:
        """Attention without a mask where that is absent; causal it stays."""
        for call in ast.walk(value):
            given = [k for k in call.keywords if k.arg == "attn_mask"] if absent and isinstance(call, ast.Call) else []
            if not given or isinstance(given[0].value, ast.Name) or not isinstance(call, ast.Call):
                continue
            made = ast.IfExp(parse(f"{absent} is None"), ast.Constant(None), given[0].value)
            key = self.variable("mask", "part")
            self.assign([key], made, keep=True)
            given[0].value = name(key)
            if getattr(node.settings["mask"], "word", "") == "causal":
                call.keywords.insert(
                    call.keywords.index(given[0]) + 1, ast.keyword("is_causal", parse(f"{absent} is None"))
                )
            break
        return value

    def adapted(self, node: Apply, value: ast.expr) -> ast.expr:
        """An op's expression as the function being written needs it."""
        return value

    def padded(self, value: ast.expr) -> ast.expr:
        """A causal convolution's padded operand as a variable, which others that see the same share."""
        pad = next((n for n in ast.walk(value) if isinstance(n, ast.Call) and ast.unparse(n.func) == "F.pad"), None)
        if pad is None:
            return value
        text = ast.dump(pad)
        if (id(self.block), text) not in self.seen:
            key = self.variable("padded")
            self.seen[id(self.block), text] = (self.block, name(key))
            self.assign([key], pad)
        return replaced(value, pad, self.seen[id(self.block), text][1])

    def known_before(self, node: Apply, value: ast.expr) -> bool:
        """Whether the same value was made before in this block; then that one is used again."""
        if (
            node.made is not None
            or node.op in CHEAP
            or OPS[node.op].random
            or len(node.outputs) != 1
            or node.outputs[0].name
        ):
            return False
        text = ast.dump(value)
        found = self.seen.get((id(self.block), text))
        if found is not None:
            self.bind(node.outputs[0], found[1])
            return True
        key = self.define(node.outputs[0], node, next((i for i in node.inputs if isinstance(i, int)), None))
        self.seen[id(self.block), text] = (self.block, name(key))
        self.assign([key], value)
        return True

    def draw(self, node: Draw) -> None:
        distribution = DISTRIBUTIONS[node.distribution]
        site = self.site(node)
        site.gradient = node.gradient
        value = self.distribution_first(parse(distribution.sample(site)), node.outputs[0].id)
        self.assign([self.define(v, node) for v in node.outputs], value)

    # -- long expressions ---------------------------------------------------------------------------------
    def distribution_first(self, value: ast.expr, drawn: Operand) -> ast.expr:
        """A distribution in a variable of its own: its methods have no types, so it is declared to be anything."""
        assert isinstance(drawn, int)
        for call in ast.walk(value):
            if isinstance(call, ast.Call) and _is_distribution(call.func):
                if drawn not in self.distributions:
                    var = self.variable_of(drawn)
                    wish = self.drawn_names.get(drawn) or (var.wishes[0] if var else "draw")
                    self.distributions[drawn] = self.variable(f"p_{wish}", kind=f"distribution {self._count}")
                    made = Assign([self.distributions[drawn]], copy.copy(call), keep=True, annotation="Any")
                    self.block.append(made)
                return replaced(value, call, name(self.distributions[drawn]))
        return value

    def opened(self, value: ast.expr, node: Node) -> ast.expr:
        """A long expression in steps: the operands that are reshaped first, then the call of the function, then what is done with it."""
        call = value
        while (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Call)
        ):
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
        return replaced(value, call, name(key))

    def step_of(self, value: ast.expr, *wishes: str) -> ast.expr:
        """An operand of a long expression as a variable: another form of the variable that it reads."""
        if not isinstance(value, (ast.Call, ast.BinOp)):
            return value
        sources = list(dict.fromkeys(keys(value)))
        source = self.variables[sources[0]] if sources else None
        made = [s.value for s in self.block if isinstance(s, Assign) and sources and s.targets == [sources[0]]]
        part = part_called(made[-1]) if made and source and not source.named else ""
        known = (part,) if part else (source.name or source.wishes[0],) if source else ()
        key = self.variable(*known, *wishes, "part")
        self.variables[key].of = sources[0] if sources else ""
        self.assign([key], value)
        return name(key)


def moved(text: str, order: tuple[int, ...] | None) -> str:
    """A value with its axes in another order."""
    if order is None:
        return text
    wrong = [i for i, n in enumerate(order) if i != n]
    if len(wrong) == 2:
        return f"{text}.transpose({wrong[0]}, {wrong[1]})"
    return f"{text}.permute({', '.join(map(str, order))})"


def part_called(value: ast.expr) -> str:
    """`query` in `self.query(x).unflatten(…)`, where that is what is reshaped."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        owner = value.func.value
        if isinstance(owner, ast.Name):
            return value.func.attr if owner.id == "self" else ""
        value = owner
    return ""


def _uses(value: ast.expr, helper: str) -> bool:
    """Whether an expression calls a function that a helper's source defines."""
    defined = set(re.findall(r"^def (\w+)", helper, re.M))
    return any(isinstance(n, ast.Name) and n.id in defined for n in ast.walk(value))


def _is_distribution(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "torch.distributions"


class _Replace(ast.NodeTransformer):
    """Puts one expression in the place of another."""

    def __init__(self, old: ast.expr, new: ast.expr):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def replaced(value: ast.expr, old: ast.expr, new: ast.expr) -> ast.expr:
    """An expression with one part of it replaced."""
    result: ast.expr = _Replace(old, new).visit(value)
    return result
