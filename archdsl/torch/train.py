"""A train → a class with the parts as attributes and one `step`: every update the program asks for, in its order.

Each `minimize` sees the weights that those before it left: values that depend on weights which were updated since they were made are made
again, and the others are used again. So no graph is gone through twice, and none needs to be retained.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence, Set

from archdsl.ir.program import Apply, Call, Draw, Made, Minimize, Node, Param, Region, Repeat, Until, Update
from archdsl.ir.regions import nodes
from archdsl.ops import OPTIMIZERS
from archdsl.passes.reach import learns
from archdsl.torch import annotate, docs
from archdsl.torch.asked import unkept
from archdsl.torch.forward import Forward
from archdsl.torch.module import Module
from archdsl.torch.names import Namespace
from archdsl.torch.needs import has_effect, inputs, needed, outputs
from archdsl.torch.plan import Plan
from archdsl.torch.printer import INDENT, lines, parse, signature
from archdsl.torch.site import EmitSite
from archdsl.torch.statements import Assign, Break, Do, For, If, Return, Statement, name
from archdsl.torch.text import Writer


class Train(Module):
    """Writes the class of a train."""

    base = "Trainer"

    def methods(self) -> list[list[str]]:
        self.minimizes = [n for n in nodes(self.definition.body) if isinstance(n, Minimize)]
        names = Namespace([*self.plan.attributes.values(), *self.plan.hyper_attributes.values()])
        self.optimizers = {id(n): names.take(self._wish(n)) for n in self.minimizes}
        step = _Step(self.plan, self.optimizers)
        step.build()
        body = step.finish(step.names())
        annotate.settle(body, step.variables, step.parameters)
        self._take(step, body)
        head = signature(INDENT, "step", ["self", *step.signature()], "dict[str, float]")
        return [[*head, *self._doc(), *Writer(step.variables).block(body, INDENT * 2)]]

    def _doc(self) -> list[str]:
        given = docs.inputs(self.definition.inputs)
        word = "One update" if self.minimizes else "One round"
        word = "One update of each objective" if len(self.minimizes) > 1 else word
        return docs.docstring(f"{word}: {given}" if given else word, INDENT * 2)

    def _wish(self, node: Minimize) -> str:
        over = [self.plan.attributes[i] for i in (*node.over, *node.over_params)]
        return f"{'_'.join(over)}_optimizer" if over and len(over) <= 2 else "optimizer"

    def after_parts(self) -> list[str]:
        result = []
        for node in self.minimizes:
            site = EmitSite(symbol=lambda s: self.plan.arguments[s], settings=node.settings)
            value = parse(OPTIMIZERS[node.optimizer].torch(self.learned(node), site))
            result += lines(INDENT * 2, f"self.{self.optimizers[id(node)]} = ", value)
        if result and any(isinstance(n, Apply) and n.op == "gradient" for n in nodes(self.definition.body)):
            result.append(f"{INDENT * 2}self.differentiates = True")
        return result

    def learned(self, node: Minimize) -> str:
        """The parameters that a `minimize` updates."""
        over = {*node.over, *node.over_params}
        items = [h for h in self.plan.held if not over or h.id in over]
        texts = []
        for h in items:
            attribute = f"self.{self.plan.attributes[h.id]}"
            texts.append(attribute if isinstance(h.item, Param) else f"*{attribute}.parameters()")
        source = f"[{', '.join(texts)}]"
        if not over:
            source = "self.parameters()"
        elif len(texts) == 1 and texts[0].startswith("*"):
            source = texts[0][1:]
        frozen = any(h.item.frozen or (isinstance(h.item, Made) and _has_frozen(h.item, self.plan)) for h in items)
        return f"[p for p in {source} if p.requires_grad]" if frozen else source


def _has_frozen(made: Made, plan: Plan) -> bool:
    if made.frozen or made.primitive:
        return made.frozen
    callee = plan.program.of(made)
    return any(h.item.frozen or (isinstance(h.item, Made) and _has_frozen(h.item, callee)) for h in callee.held)


def numbered(wish: str) -> Iterator[str]:
    """A name, and it with 2, 3 …"""
    yield wish
    yield from (f"{wish}_{i}" for i in itertools.count(2))


class _Step(Forward):
    """`step` of a train."""

    def __init__(self, plan: Plan, optimizers: dict[int, str]):
        super().__init__(plan)
        self.optimizers = optimizers
        self.depends: dict[int, set[int]] = {}
        self.made_at: dict[int, int] = {}
        self.updated_at: dict[int, int] = {}
        self.time = 0
        self.results: list[tuple[str, ast.expr]] = []

    def build(self) -> None:
        body = self.plan.definition.body
        for node in nodes(body):
            self._find_depends(node)
        definitions = {d.name: d for d in self.plan.program.program.definitions}
        self.differentiated = unkept(self.plan.definition, self._learning(), self.made, definitions)
        for param in body.params:
            self.bind(param.value, self.holders[param.value.id])
        learns = any(isinstance(n, Minimize) for n in nodes(body))
        self.block.append(Do(parse("self.train(not self.evaluating)" if learns else "self.train()")))
        self.fill_inputs()
        self._require_gradients()
        self.sequence(body.nodes)
        entries = [(ast.Constant(n), v) for n, v in self.results]
        self.block.append(Return([ast.Dict([k for k, _ in entries], [v for _, v in entries])]))

    # -- what depends on what -----------------------------------------------------------------------------------
    def _find_depends(self, node: Node) -> None:
        found = {node.made} if isinstance(node, (Apply, Call)) and node.made is not None else set()
        if isinstance(node, Repeat):
            found |= {n.made for n in nodes(node.body) if isinstance(n, (Apply, Call)) and n.made is not None}
        params = {p.value.id for p in self.plan.definition.body.params}
        kept = isinstance(node, Draw) and node.gradient in ("none", "score_function")
        for i in () if kept else inputs(node):  # what was drawn stays drawn, unless a gradient goes through the draw
            found |= self.depends.get(i, set()) | ({i} & params)
        for out in outputs(node):
            self.depends[out] = found

    def _learning(self) -> set[int]:
        """What has weights that learn, and parameters of the train itself."""
        definitions = {d.name: d for d in self.plan.program.program.definitions}
        held = [h.item for h in self.plan.held]
        return {m.id for m in held if isinstance(m, Made) and learns(m, definitions)} | {
            p.value.id for p in held if isinstance(p, Param) and not p.frozen
        }

    def _require_gradients(self) -> None:
        for key, value in zip(self.parameters, self.plan.definition.inputs):
            if value.id in self.differentiated:
                copy = self.variable(value.name or "x", type=value.type, named=True)
                self.assign([copy], parse(f"{key}.detach().requires_grad_()"), keep=True)
                self.bind(value, name(copy))

    def node(self, node: Node) -> None:
        super().node(node)
        for out in outputs(node):
            if out in self.differentiated and isinstance(self.env[out], ast.Name):
                kept = self.define(node.outputs[0], node)  # type: ignore[union-attr]
                source = next(
                    s for s in reversed(self.block) if isinstance(s, Assign) and s.targets[0] in self.variables
                )
                self._keep(kept, source.targets[0], out)

    def open_pass(self, node: Repeat) -> None:
        for value in (c.value.id for c in node.carried):
            came = self.env[value]
            if value in self.differentiated and isinstance(came, ast.Name):
                self._keep(came.id, came.id, value)

    def _keep(self, kept: str, source: str, value: int) -> None:
        """A value that no weight reaches is told to keep a gradient; it leaves its graph, if it surely has none."""
        cut = ".detach()" if self.differentiated[value] else ""
        self.assign([kept], parse(f"{source}{cut}.requires_grad_()"), keep=True)

    def adapted(self, node: Apply, value: ast.expr) -> ast.expr:
        """A gradient that is itself learned from needs a graph of its own; one that is stopped at once does not."""
        if node.op != "gradient" or not isinstance(value, ast.Subscript) or not isinstance(value.value, ast.Call):
            return value
        out = node.outputs[0].id
        users = [n for n in nodes(self.plan.definition.body) if out in inputs(n) and not isinstance(n, Update)]
        if any(not isinstance(n, Apply) or n.op not in ("stop_gradient", "supply_gradient") for n in users):
            value.value.keywords = [ast.keyword("create_graph", ast.Constant(True))]
        return value

    # -- the sequence of updates --------------------------------------------------------------------------------
    def sequence(self, region: list[Node], outside: Sequence[Node] = ()) -> None:
        """What a region does, in order; `outside`: the nodes before it, whose values it may read and have made again."""
        last = [n for n in region if isinstance(n, (Minimize, Update, Until))]
        known = [*outside, *region]
        wanted = {id(n) for end in last for n in needed(known, inputs(end), self.plan)}
        for at, node in enumerate(region):
            before = known[: len(outside) + at]
            match node:
                case Minimize():
                    self.compute(known, inputs(node))
                    self.minimize(node)
                case Update():
                    self.compute(known, inputs(node))
                    self.update(node)
                case Until():
                    self.compute(known, inputs(node), without=self._updated(node.body))
                    self.until(node, before)
                case _ if id(node) not in wanted and has_effect(node, self.plan):
                    self.compute(before, inputs(node))
                    self.make(node)

    def compute(self, region: Sequence[Node], wanted: set[int], without: Set[int] = frozenset()) -> None:
        """Make what is needed and is not there, or was made from weights that have changed since; not what depends on parts `without`."""
        for node in needed(region, wanted, self.plan):
            waits = any(self.depends.get(o, set()) & without for o in outputs(node))
            if isinstance(node, (Apply, Call, Draw, Repeat)) and self._missing(node) and not waits:
                self.make(node)

    def _updated(self, region: Region) -> set[int]:
        """The parts that a region updates."""
        found: set[int] = set()
        for node in nodes(region):
            if isinstance(node, Minimize):
                found |= self._learned(node)
            elif isinstance(node, Update):
                found.add(node.made)
        return found

    def _learned(self, node: Minimize) -> set[int]:
        return {*node.over, *node.over_params} or {h.id for h in self.plan.held}

    def make(self, node: Node) -> None:
        self.seen.clear()
        self.distributions.clear()
        self.node(node)
        self.time += 1
        for out in outputs(node):
            self.made_at[out] = self.time

    def _missing(self, node: Node) -> bool:
        outs = outputs(node)
        if any(o not in self.made_at for o in outs):
            return True
        return any(self.updated_at.get(d, -1) > self.made_at[o] for o in outs for d in self.depends.get(o, ()))

    def minimize(self, node: Minimize) -> None:
        loss = self.operand(node.loss)
        if isinstance(loss, ast.Name) and loss.id in self.variables and not self.variables[loss.id].named:
            self.variables[loss.id].wishes.insert(0, node.name)
        self.block.append(Do(ast.Call(parse("self.descend"), [loss, parse(f"self.{self.optimizers[id(node)]}")], [])))
        self._result(node.name, ast.Call(ast.Attribute(loss, "item", ast.Load()), [], []))
        self._change(self._learned(node))

    def _result(self, wish: str, value: ast.expr) -> None:
        """What `step` gives under a name, or where there is one of that name, under it with a number."""
        taken = {name for name, _ in self.results}
        self.results.append((next(n for n in numbered(wish) if n not in taken), value))

    def _change(self, parts: set[int]) -> None:
        self.time += 1
        self.updated_at.update(dict.fromkeys(parts, self.time))

    def update(self, node: Update) -> None:
        callee = self.plan.program.of(self.made[node.made])
        memory = next(m for m in callee.definition.memories if m.value.name == node.memory)
        target = f"self.{self.plan.attributes[node.made]}.{callee.attributes[memory.value.id]}"
        value = ast.Call(ast.Attribute(self.as_tensor(node.operand, memory.value.type), "detach", ast.Load()), [], [])
        statement: Statement = Assign([target], value, keep=True)
        if any(isinstance(n, Minimize) for n in nodes(self.plan.definition.body)):
            statement = If(parse("self.training"), [statement])
        self.block.append(statement)
        self._change({node.made})

    def until(self, node: Until, before: Sequence[Node]) -> None:
        """Rounds until the memories stay as they are. What a round updates, the next one has: what depends on it is made in each."""
        memories = [self._memory(*s) for s in node.stable]
        passes = self.variable("passes", named=True, kind="count")
        befores = [self.variable("before", named=True) for _ in memories]
        body: list[Statement] = [Assign([b], parse(m), keep=True) for b, m in zip(befores, memories)]
        with self.inside(body):
            self._change(self._updated(node.body))
            self.sequence(node.body.nodes, before)
            tests = [parse(f"torch.allclose({m}, {b}, rtol=1e-6)") for b, m in zip(befores, memories)]
            test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
            self.block.append(If(test, [Break()]))
        count = ast.BinOp(self.number(node.at_most, whole=True), ast.Add(), ast.Constant(1))
        stop: ast.expr = ast.Constant(int(node.at_most.value) + 1) if node.at_most.is_integer else count
        source = ast.Call(ast.Name("range", ast.Load()), [ast.Constant(1), stop], [])
        self.block.append(For(name(passes), source, body))
        self._result("passes", name(passes))

    def _memory(self, made: int, memory: str) -> str:
        callee = self.plan.program.of(self.made[made])
        found = next(m for m in callee.definition.memories if m.value.name == memory)
        return f"self.{self.plan.attributes[made]}.{callee.attributes[found.value.id]}"
