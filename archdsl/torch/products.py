"""The products of a cell's steps: its gates' weights joined, for torch's kernel or for one product of all gates that see the same.

In: the rows of the gates, from `Steps`. Out: statements.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass

from archdsl.ir.num import Num
from archdsl.ir.program import Apply
from archdsl.ir.types import Type
from archdsl.torch.batch import widened_type
from archdsl.torch.ends import STOPPED
from archdsl.torch.forward import Forward
from archdsl.torch.kernels import Kernel
from archdsl.torch.matrices import Bias, Row, joined
from archdsl.torch.names import Namespace, plural
from archdsl.torch.plan import Plan
from archdsl.torch.printer import flat, parse
from archdsl.torch.statements import Assign, If, keys, name
from archdsl.torch.steps import Root, Steps


@dataclass
class Prepared:
    """What is ready before the loop for one product."""

    weight: str
    inputs: str = ""
    """Its part of what is there for all steps; then, in the loop, of one step."""
    bias: ast.expr | None = None


class Products(Forward):
    """Writes the products of a cell's steps."""

    def __init__(self, plan: Plan, steps: Steps):
        super().__init__(plan)
        self.steps = steps
        self.sliced = {v.id for v, s in zip(plan.definition.inputs, steps.pattern.sliced) if s}
        self.input_keys = []
        for key, value in zip(self.parameters, plan.definition.inputs):
            if value.id in self.sliced:
                self.widen(value.id, value.type)
                self.variables[key].type = self.types[value.id]
                self.input_keys.insert(0, (key, self.types[value.id]))
            elif value.default is None:
                self.input_keys.append((key, value.type))
        taken = Namespace(v.name for v in self.variables.values())
        self.lengths_key = self.parameter("lengths", taken.take("lengths")) if plan.stops else ""
        """Where sequences end, for a kernel that stops there."""
        self.products: dict[int, Prepared] = {}
        """What is ready before the loop for each group, by its first root."""
        self.layers: dict[tuple[str, ...], str] = {}
        """The variables of lists of layers whose weights and biases are joined."""

    def signature(self) -> list[str]:
        more = [f"{self.variables[self.lengths_key].name}: Tensor | None = None"] if self.lengths_key else []
        return [*super().signature(), *more]

    def widen(self, value: int, type_: Type) -> Type:
        self.types[value] = widened_type(type_, self.steps.at, self.steps.time)
        return self.types[value]

    def widen_of(self, value: object) -> Type:
        assert isinstance(value, int)
        return self.widen(value, self.steps.types[value])

    def joined_operand(self, pieces: list[int]) -> ast.expr:
        parts = [self.operand(i) for i in pieces]
        return parts[0] if len(parts) == 1 else ast.Call(
            parse("torch.cat"), [ast.List(parts, ast.Load())], [ast.keyword("dim", parse("-1"))]
        )  # fmt: skip

    # -- weights ---------------------------------------------------------------------------------------------
    def size_text(self, value: Num) -> str:
        return flat(self.number(value, whole=True))

    def stacked(self, texts: list[str]) -> ast.expr:
        """The texts' tensors one below the other; of layers that are in a list, by a walk through it."""
        found = self.layers.get(layers_of(texts))
        if found is None:
            return parse(joined(texts))
        weight = texts[0].rpartition(".")[2]
        self.reserved.add("layer")
        return parse(f"torch.cat([layer.{weight} for layer in {found}])")

    def list_layers(self, rows: list[Row]) -> None:
        """Lists of the layers whose weights and biases are both joined: each is then looked up once."""
        if any(r.negative for r in rows):
            return
        whole = [w for w in (r.whole() for r in rows) if w is not None]
        of_x = [m.text(self.size_text) for r in rows for m in r.x]
        of_h = [m.text(self.size_text) for r in rows for m in r.h]
        weights = {"layers": [text for text, _ in whole]} if whole else {"x_layers": of_x, "h_layers": of_h}
        biases = Counter(layers_of([b.text() for b in side]) for side in _biases(rows))
        for wish, texts in weights.items():
            layers = layers_of(texts)
            if len(layers) == len(rows) > 1 and layers in biases and layers not in self.layers:
                self.layers[layers] = self.variable(wish, named=True, kind="list of layers")
                self.assign([self.layers[layers]], parse(f"[{', '.join(layers)}]"), keep=True)

    def weights(self, rows: list[Row], state_name: str = "w_h") -> list[str]:
        """The variables of all gates' weights: for what comes in, and for the state."""
        self.list_layers(rows)
        whole = [r.whole() for r in rows]
        names = (["w_x"] if rows[0].x else []) + [state_name]
        keys = [self.variable(n, named=len(rows) > 1 or n == state_name) for n in names]
        found = [w for w in whole if w is not None]
        if len(found) == len(rows) and not any(negative for _, negative in found):
            value = self.stacked([text for text, _ in found])
            if isinstance(value, ast.Call):
                weight = self.variable("weight", named=True)
                self.assign([weight], value)
                value = name(weight)
            widths = [self.width_of(rows[0], "x"), self.width_of(rows[0], "h")]
            self.assign(keys, parse(f"({ast.unparse(value)}).split([{widths[0]}, {widths[1]}], dim=1)"), keep=True)
            return keys
        for side, key in zip("xh" if rows[0].x else "h", keys):
            texts = []
            for row in rows:
                parts = [m.text(self.size_text) for m in (row.x if side == "x" else row.h)]
                text = joined(parts, dim=1)
                texts.append(f"-{text}" if row.negative else text)
            self.assign([key], self.stacked(texts))
        return keys

    def width_of(self, row: Row, side: str) -> str:
        total = Num.of(0)
        for m in row.x if side == "x" else row.h:
            total = total + (m.width if m.width is not None else m.columns)
        return self.size_text(total)

    def nothing(self, row: Row) -> str:
        """Zeros, for a gate without a bias among others that have one."""
        weight = (row.x or row.h)[0].text(self.size_text)
        return f"{weight}.new_zeros({weight}.shape[0])"

    # -- torch's kernel --------------------------------------------------------------------------------------
    def kernel(self, kernel: Kernel) -> ast.expr:
        """The call of the kernel. Returns the state after the last step."""
        states = self.plan.definition.states
        pieces = [i for p in kernel.x if (i := self.steps.operand(p)) is not None]
        x = self.joined_operand(pieces)
        params = parse(f"self.{self.plan.weights_method}()") if self.plan.scans_both else self.kernel_weights(kernel)
        before = [parse(f"{flat(self.env[states[i].value.id])}.unsqueeze(0)") for i in kernel.states]
        if self.lengths_key:
            x, params = self.stopped(x, params)
        call = self.kernel_call(kernel, x, before, params)
        shown = states[kernel.states[0]]
        wish = shown.value.name or "h"
        out = self.variable(plural(wish) if len(wish) > 2 else f"{wish}s", type=self.widen_of(shown.next), named=True)
        keys = [self.env[states[i].value.id] for i in kernel.states]
        self.assign([out, *(k.id for k in keys if isinstance(k, ast.Name))], call, keep=True)
        if isinstance(shown.next, int):
            self.env[shown.next] = name(out)
        return self.state_of([parse(f"{flat(self.env[s.value.id])}.squeeze(0)") for s in states])

    def stopped(self, x: ast.expr, params: ast.expr) -> tuple[ast.expr, ast.expr]:
        """The kernel's input and weights, where lengths are given, such that the memory stays beyond a sequence's end."""
        self.helpers[STOPPED] = None
        seen, weights = self.variable("x", "seen"), self.variable("weights", named=True, kind="list")
        self.block.append(Assign([seen], x, copy=isinstance(x, ast.Name)))
        self.assign([weights], params, keep=True)
        call = parse(f"stopped({seen}, {weights}, {self.lengths_key})")
        self.block.append(If(parse(f"{self.lengths_key} is not None"), [Assign([seen, weights], call, keep=True)]))
        return name(seen), name(weights)

    def kernel_weights(self, kernel: Kernel) -> ast.expr:
        """The kernel's weights and biases, as a list."""
        weights = [*map(name, self.weights(kernel.rows)), *self.kernel_biases(kernel.rows)]
        reads = Counter(k for w in weights for k in keys(w))
        for statement in [s for s in self.block if isinstance(s, Assign) and reads.keys() & set(s.targets)]:
            key = statement.targets[0]
            if isinstance(statement.value, ast.Attribute) and reads[key] == 1:  # it needs no other name
                weights = [statement.value if isinstance(w, ast.Name) and w.id == key else w for w in weights]
                self.block.remove(statement)
            statement.keep = True
        return ast.List(weights, ast.Load())

    def kernel_call(
        self, kernel: Kernel, x: ast.expr, before: list[ast.expr], params: ast.expr, both: bool = False
    ) -> ast.expr:
        """torch's function, with the state before the first step."""
        hx: ast.expr = ast.Tuple(before, ast.Load()) if len(before) > 1 else before[0]
        options = {
            "has_biases": parse(str(any(r.bias_x or r.bias_h for r in kernel.rows))),
            "num_layers": parse("1"),
            "dropout": parse("0.0"),
            "train": parse("torch.is_grad_enabled()"),
            "bidirectional": parse(str(both)),
            "batch_first": parse(str(self.steps.at == 1)),
        }
        return ast.Call(parse(f"torch.{kernel.name}"), [x, hx, params], [ast.keyword(k, v) for k, v in options.items()])

    def kernel_biases(self, rows: list[Row]) -> list[ast.expr]:
        """Both biases of all gates; none if no gate has one."""
        if not any(r.bias_x or r.bias_h for r in rows):
            return []
        if not any(r.bias_h for r in rows):
            bias = self.variable("bias", named=True)
            self.assign([bias], self.stacked([self.bias_text(r, "x") for r in rows]))
            return [name(bias), parse(f"torch.zeros_like({bias})")]
        if not any(r.bias_x for r in rows):
            bias = self.variable("bias", named=True)
            self.assign([bias], self.stacked([self.bias_text(r, "h") for r in rows]))
            return [parse(f"torch.zeros_like({bias})"), name(bias)]
        result: list[ast.expr] = []
        for side in ("x", "h"):
            key = self.variable(f"b_{side}", named=True)
            self.assign([key], self.stacked([self.bias_text(r, side) for r in rows]))
            result.append(name(key))
        return result

    def bias_text(self, row: Row, side: str) -> str:
        own, other = (row.bias_x, row.bias_h) if side == "x" else (row.bias_h, row.bias_x)
        if own:
            text = " + ".join(b.text() for b in own)
            return (f"-({text})" if len(own) > 1 else f"-{text}") if row.negative else text
        if other:
            return f"torch.zeros_like({other[0].text()})"
        return self.nothing(row)

    def state_of(self, values: list[ast.expr]) -> ast.expr:
        """The state that is handed on, from those of the definition's own states."""
        own = iter(values)
        fields: list[ast.expr] = []
        for part in self.plan.state:
            if part.made:
                fields.append(name(self.state_keys[part.made.id]))
            else:
                fields.append(next(own))
        return ast.Call(ast.Name(self.plan.state_class, ast.Load()), fields, []) if self.plan.state_class else fields[0]

    # -- one product for several gates -----------------------------------------------------------------------
    def prepare(self, group: list[Root]) -> None:
        """Before the loop: the group's weights joined, and its product with what is there for all steps."""
        rows = [r.row for r in group]
        alone = self.part_wishes(group[0])[0] if len(group) == 1 else ""
        *first, w_h = self.weights(rows, f"w_{alone}" if alone else "w_h")
        matrix = isinstance(group[0].h[0], int) and len(self.steps.types[group[0].h[0]].shape) == 2
        if first and matrix:
            self.transpose(w_h)
        bias = self.group_bias(rows)
        wish = f"{alone}_x" if alone else "gates"
        if first:
            key = self.variable(wish, named=True)
            arguments = [self.joined_operand(list(group[0].x)), name(first[0]), *([bias] if bias else [])]
            self.assign([key], ast.Call(parse("F.linear"), arguments, []))
            self.products[id(group[0].node)] = Prepared(w_h, inputs=key)
        else:
            self.products[id(group[0].node)] = Prepared(w_h, bias=bias)

    def transpose(self, key: str) -> None:
        """Turn a weight once, before the loop."""
        made = self.block[-1]
        assert isinstance(made, Assign)
        if made.targets == [key] and not set(keys(made.value)) - set(self.layers.values()):
            made.value = ast.Attribute(made.value, "T", ast.Load())
        else:
            self.assign([key], parse(f"{key}.T"), keep=True)

    def group_bias(self, rows: list[Row]) -> ast.expr | None:
        """The biases of all gates as one vector; those of layers of the state are added to the others."""
        sides = [[r.bias_x for r in rows], [r.bias_h for r in rows]]
        used = [side for side in sides if any(side)]
        if not used:
            return None
        if len(used) == 2 and not all(len(b) == 1 for side in used for b in side):
            used = [[[*a, *b] for a, b in zip(*sides)]]
        keys = []
        for side, label in zip(used, ["b_x", "b_h"] if len(used) == 2 else ["bias"]):
            texts = [" + ".join(b.text() for b in one) or self.nothing(row) for one, row in zip(side, rows)]
            keys.append(self.variable(label, named=len(rows) > 1))
            self.assign([keys[-1]], self.stacked(texts))
        return name(keys[0]) if len(keys) == 1 else ast.BinOp(name(keys[0]), ast.Add(), name(keys[1]))

    def part_wishes(self, root: Root) -> list[str]:
        """A sum is named after what is made of it."""
        value = root.node.outputs[0]
        if value.name and not root.others:
            return [value.name.rstrip("'")]
        for n in self.steps.core:
            if isinstance(n, Apply) and value.id in n.inputs and n.outputs[0].name and len(n.inputs) == 1:
                return [n.outputs[0].name.rstrip("'")]
        return ["hidden"]


def layers_of(texts: list[str]) -> tuple[str, ...]:
    """The layers of which these are all the weights, or all the biases."""
    found = [re.fullmatch(r"(self(?:\.\w+)+)\.(weight|bias)", t) for t in texts]
    layers = [m[1] for m in found if m]
    return tuple(layers) if len(layers) == len(texts) and len({m[2] for m in found if m}) == 1 else ()


def _biases(rows: list[Row]) -> list[list[Bias]]:
    """The biases of either side, where every gate has one."""
    sides = [[r.bias_x for r in rows], [r.bias_h for r in rows]]
    return [[b for one in side for b in one] for side in sides if all(len(one) == 1 for one in side)]
