"""Regions of the IR → statements: `stack`, `loop` and `scan`, with all that they hand on and collect.

In: a region, with what the function around it provides. Out: loops over variables. A scan takes its operands apart by `unbind` and puts
its outputs together by one `stack`; a scan of something without state is one batch where that is the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from archdsl.ir.num import ELLIPSIS, ZERO, Num
from archdsl.ir.program import (
    Apply,
    Call,
    Carried,
    Collected,
    Draw,
    Made,
    Minimize,
    Node,
    Operand,
    Param,
    Region,
    Repeat,
    Sliced,
    Until,
    Update,
    Value,
)
from archdsl.ir.regions import nodes
from archdsl.ir.types import Type
from archdsl.ir.uses import uses
from archdsl.torch import batch, fold
from archdsl.torch.errors import CannotEmit
from archdsl.torch.names import identifier, plural, singular, snake
from archdsl.torch.needs import has_effect, needed
from archdsl.torch.plan import Held, Plan, held
from archdsl.torch.printer import flat, parse
from archdsl.torch.results import GENERIC
from archdsl.torch.scans import Scans
from archdsl.torch.statements import Assign, Do, For, Statement, name


class HandedOn(Protocol):
    """A value that one pass hands on to the next."""

    value: Value
    next: Operand


class Body(Scans):
    """Writes regions."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        self.depth = 0
        """How many stacks are around what is being written."""
        self.count = uses(plan.definition)

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

    def inside(self, statements: list[Statement]) -> _Inside:
        """A context in which statements go into another block."""
        return _Inside(self, statements)

    # -- repeats ------------------------------------------------------------------------------------------
    def repeat(self, node: Repeat) -> None:
        if id(node) in self.paired:
            return
        free = node.kind == "scan" and node.lengths is None
        if free and batch.is_pointwise(node, self.plan, self.types):
            return self.batched(node)
        if free and fold.foldable(node, self.plan, self.types):
            return self.folded(node)
        if self.takes_all(node):
            return self.all_steps(node)
        if self.taken_whole(node):
            return
        for ride in node.rides:
            self.start(node, ride)
        for carried in node.carried:
            self.carry(carried, alone=len(node.carried) == 1)
        asked = [c for c in node.collected if c.value.id in self.used]
        sums = {c.value.id: s for c in asked if (s := self.sum_of(node, c)) is not None}
        wanted = [c for c in asked if c.value.id not in sums]
        totals = [(self.begin_sum(node, c, sums[c.value.id]), c) for c in asked if c.value.id in sums]
        lists = [self.collect_into(node, c.name, c.value.name) for c in wanted]
        for key in lists:
            self.assign([key], ast.List([], ast.Load()), keep=True)
        body: list[Statement] = []
        loop = For(ast.Name("_", ast.Store()), ast.Name("_", ast.Load()), body, stack=self.recomputed(node))
        close = self.head(node)
        step = self.variable("t", named=True, kind="index") if node.lengths is not None else ""
        with self.inside(body):
            running = self.begin_running(node, step) if node.lengths is not None else None
            self.open_pass(node)
            results = [c.next for c in node.carried] + [c.operand for c in asked]
            self.region(node.body, needed(node.body.nodes, results, self.plan, effects=True))
            for key, collected in totals:
                total = ast.BinOp(name(key), ast.Add(), self.operand(collected.operand))
                self.assign([key], total, keep=True)
            for key, collected in zip(lists, wanted):
                self.block.append(
                    Do(ast.Call(ast.Attribute(name(key), "append", ast.Load()), [self.operand(collected.operand)], []))
                )
            self.hand_on(node.carried, running)
        loop.target, loop.source = close()
        if step:
            loop.target = ast.Tuple([name(step), loop.target], ast.Store())
            loop.source = ast.Call(ast.Name("enumerate", ast.Load()), [loop.source], [])
        self.block.append(loop)
        self.after(node, wanted, lists)

    def open_pass(self, node: Repeat) -> None:
        """What a pass does first with what came in."""

    def recomputed(self, node: Repeat) -> bool:
        """Whether the copies of a stack may be computed a second time: none has a memory or a state that would move on."""
        fit = node.kind == "stack" and not node.rides and bool(node.carried) and not has_effect(node, self.plan)
        return fit and self.plan.program.checkpointing

    def taken_whole(self, node: Repeat) -> bool:
        """Write a scan with a body of its own as the scan of a cell, where that is faster. Whether it was done."""
        from archdsl.torch.open_scans import OpenScan, steps_of

        steps = steps_of(node, self.plan, self.types)
        if steps is not None:
            OpenScan(self, steps).write(node)
        return steps is not None

    def sum_of(self, node: Repeat, collected: Collected) -> Apply | None:
        """The sum over all passes, where that is all that is wanted of what they collect: it needs no list."""
        readers = [
            n for n in nodes(self.plan.definition.body) if isinstance(n, Apply) and collected.value.id in n.inputs
        ]
        if self.plan.program.plain or node.lengths is not None or self.count[collected.value.id] != 1 or not readers:
            return None
        (total,) = readers
        type_ = collected.value.type
        axes = total.axes.get("over", [])
        if total.op != "sum" or len(axes) != 1 or ELLIPSIS in type_.shape or type_.dtype != "float":
            return None
        rank = len(type_.shape)
        same = axes[0].index % rank == collected.axis.index % rank
        return total if same and len(total.outputs[0].type.shape) == rank - 1 else None

    def begin_sum(self, node: Repeat, collected: Collected, total: Apply) -> str:
        """The variable of a sum over all passes."""
        key = self.collect_into(node, collected.name, collected.value.name)
        self.variables[key].kind, self.variables[key].type = "tensor", total.outputs[0].type
        self.assign([key], self.filled(ZERO, Type(dtype="float")), keep=True)
        self.bind(total.outputs[0], name(key))
        self.swallowed.add(total.outputs[0].id)
        return key

    def begin_running(self, node: Repeat, step: str) -> ast.expr:
        """At the start of a step: which sequences are still running."""
        assert node.lengths is not None
        key = self.variable("running", named=True)
        self.assign([key], parse(f"{ast.unparse(self.operand(node.lengths))} > {step}"), keep=True)
        self.running.update({r.made: name(key) for r in node.rides})
        return name(key)

    def after(self, node: Repeat, wanted: list[Collected], lists: list[str]) -> None:
        """What is left when the loop is done: stacked outputs, and states of the last pass."""
        for key, collected in zip(lists, wanted):
            source: ast.expr = name(key)
            if node.reversed and node.lengths is None:
                source = parse(f"{key}[::-1]")
            axis = _axis(collected.axis.index, collected.value.type)
            out = self.define(collected.value, node)
            var = self.variables[out]
            if var.named and len(node.collected) > 1 and len(var.wishes[0]) <= GENERIC < len(collected.name):
                var.wishes = [collected.name.rstrip("'")]  # a letter stands for all that the loop gives
            elif not var.named and (several := self.several(collected.name)):
                var.wishes = [f"stacked_{several}"]
            value: ast.expr = ast.Call(parse("torch.stack"), [source], [ast.keyword("dim", ast.Constant(axis))])
            if node.lengths is not None:
                lengths = self.operand(node.lengths)
                value = self.with_lengths("ended", value, lengths, axis)
                value = self.with_lengths("turned", value, lengths, axis) if node.reversed else value
            self.assign([out], value)
        for carried in node.carried:
            self.bind(carried.final, self.env[carried.value.id])
        for ride in node.rides:
            if ride.finals:
                self.finals(ride.made, ride.finals)

    def carry(self, carried: Carried, alone: bool = False) -> None:
        """The variable that a loop hands on, with its first value. Alone, it has the name of what comes out, rather than one letter."""
        initial = carried.initial
        final = carried.final.name if (carried.final.id, carried.final.name) not in self.returned else None
        before = self.variable_of(initial)
        implied = before is not None and carried.value.name in (before.wishes[0], "x")
        own = None if implied else carried.value.name
        known = final if alone and own and final and len(own) <= GENERIC < len(final) else own or final
        wishes = [known or carried.value.name or "x", *([final] if final and alone else [])]
        if not known and before and len(before.wishes[0]) > GENERIC:
            wishes, known = ["x", before.wishes[0]], "x"
        key = self.variable(*wishes, type=carried.value.type, named=known is not None)
        if known and known == final and isinstance(carried.next, int):
            self.renamed[carried.next] = (carried.value.name or "", known)
        value = self.filled(initial, carried.value.type) if isinstance(initial, Num) else self.operand(initial)
        self.block.append(Assign([key], value, copy=True, keep=False))
        self.bind(carried.value, name(key))

    def hand_on(self, carried: Sequence[HandedOn], running: ast.expr | None = None) -> None:
        """At the end of a pass: every carried variable takes its next value, all at once where one needs another's old value."""
        targets = [self.env[c.value.id] for c in carried]
        keys = [t.id for t in targets if isinstance(t, ast.Name)]
        values = [self.as_tensor(c.next, c.value.type) for c in carried]
        if running is not None:
            values = [self.held_back(running, v, t, c.value.type) for v, t, c in zip(values, targets, carried)]
        entangled = any(isinstance(v, ast.Name) and v.id in keys[:i] for i, v in enumerate(values))
        if entangled:
            self.block.append(Assign(keys, ast.Tuple(values, ast.Load()), copy=True, keep=True))
        else:
            self.block.extend(Assign([k], v, copy=True) for k, v in zip(keys, values))

    def collect_into(self, node: Repeat, wish: str, value_name: str | None) -> str:
        """A list of what the passes give: `alphas` for what each calls `alpha`."""
        several = self.several(wish)
        return self.variable(several if several and value_name != several else "outputs", kind="list")

    def several(self, wish: str) -> str:
        """The plural of a name, where nothing else has it; `hs` for a letter that can have one."""
        plain = identifier(wish.rstrip("'"))
        several = plain if plain.endswith("s") and len(plain) > 1 else plural(plain)
        return several if (len(plain) > GENERIC or plain[-1] not in "st") and several not in self.value_names else ""

    # -- the head of a loop -------------------------------------------------------------------------------
    def head(self, node: Repeat) -> Callable[[], tuple[ast.expr, ast.expr]]:
        """`for target in source`; to be called when the body is written, which says whether an index is needed."""
        if node.kind == "stack":
            return self.stack_head(node)
        if not node.sliced:
            count = ast.Call(ast.Name("range", ast.Load()), [self.number(node.count, whole=True)], [])
            return lambda: (ast.Name("_", ast.Store()), count)
        targets = [self.slice_of(s) for s in node.sliced]
        sources = [self.unbound(s, node.reversed, node.lengths) for s in node.sliced]
        if len(targets) == 1:
            return lambda: (name(targets[0]), sources[0])
        together = ast.Call(ast.Name("zip", ast.Load()), list[ast.expr](sources), [])
        return lambda: (ast.Tuple([name(t) for t in targets], ast.Store()), together)

    def slice_of(self, sliced: Sliced) -> str:
        source = self.env.get(sliced.operand) if isinstance(sliced.operand, int) else None
        var = self.variables.get(source.id) if isinstance(source, ast.Name) else None
        base = (var.name or var.wishes[0]) if var and (var.named or var.name) else "x"
        given = sliced.value.name
        axis = (sliced.axis.size.name or "t")[0]
        nested = f"{base[:-2]}_{axis if axis != 't' else 's'}" if base.endswith("_t") else f"{base.rstrip('_')}_t"
        inputs = {v.name for v in self.plan.definition.inputs}
        wish = given if given and given != base and given not in inputs else nested
        key = self.variable(wish, type=sliced.value.type, named=True, kind="slice")
        self.bind(sliced.value, name(key))
        return key

    def unbound(self, sliced: Sliced, reverse: bool, lengths: Operand | None) -> ast.expr:
        axis = _axis(sliced.axis.index, self.type_of(sliced.operand))
        source = self.operand(sliced.operand)
        if lengths is not None and reverse:
            source, reverse = self.with_lengths("turned", source, self.operand(lengths), axis), False
        call = ast.Call(ast.Attribute(source, "unbind", ast.Load()), [ast.Constant(axis)], [])
        return ast.Call(ast.Name("reversed", ast.Load()), [call], []) if reverse else call

    def stack_head(self, node: Repeat) -> Callable[[], tuple[ast.expr, ast.expr]]:
        """`for layer in self.layers`, over all that the stack holds separate copies of."""
        items = sorted(held(node.body), key=lambda h: h.id)
        names = []
        lists = [self.copies(item) for item in items]
        holders = dict(self.holders)
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
            self.holders = holders  # the same stack may be written again
            used = index in self.asked
            if not targets:
                return (name(index) if used else ast.Name("_", ast.Store())), count
            target: ast.expr = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
            source = lists[0] if len(lists) == 1 else ast.Call(ast.Name("zip", ast.Load()), lists, [])
            if used:
                return ast.Tuple([name(index), target], ast.Store()), ast.Call(
                    ast.Name("enumerate", ast.Load()), [source], []
                )
            return target, source

        return close

    def copies(self, item: Held) -> ast.expr:
        """What a loop over the copies of something goes through."""
        holder = self.holders[item.id]
        by_name = isinstance(holder, ast.Subscript) and isinstance(holder.slice, ast.Constant)  # of a ModuleDict
        if self.depth == 0 and not by_name:
            return holder
        method = "parameters" if isinstance(item.item, Param) and not item.stacks else "children"
        return ast.Call(ast.Attribute(holder, method, ast.Load()), [], [])

    def copy_name(self, item: Held) -> str:
        """`layer` for one of `self.layers`; `open_conv` where the program calls a value `open`."""
        base = re.sub(r'_\d+$|\[\d.*|^\w+\["|"\]', "", self.plan.attributes[item.id])
        if item.stacks:
            return plural(singular(base))
        wish = singular(base)
        if wish not in self.value_names and len(wish) > 1:
            return wish
        kind = re.sub(r"_?\d+_?d?$", "", snake(item.item.of)) if isinstance(item.item, Made) else "weight"
        return f"{wish}_{kind.rpartition('_')[2]}"

    # -- scans without state ------------------------------------------------------------------------------
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

    def folded(self, node: Repeat) -> None:
        """A scan of a part that treats every row of its batch alike: the axis goes into the batch, and one call does all steps."""
        (call,) = node.body.nodes
        assert isinstance(call, Call)
        at, count = fold.place(node), flat(self.number(node.sliced[0].axis.size, whole=True))
        whole = {s.value.id: s.operand for s in node.sliced}
        with_batch = fold.with_batch(call, node, self.types)
        inputs: list[ast.expr] = []
        for i in call.inputs:
            text = flat(self.operand(whole.get(i, i) if isinstance(i, int) else i))
            if i in whole:
                text = f"{text}.flatten(0, 1)"
            elif i in with_batch and isinstance(i, int):
                ones = ", 1" * (len(self.types[i].shape) - 1)
                text = f"{text}.repeat_interleave({count}, 0)" if at else f"{text}.repeat({count}{ones})"
            inputs.append(
                self.repeated(i, parse(text)) if i in with_batch and i not in whole else self.step_of(parse(text))
            )
        by_value = {c.operand: c for c in node.collected}
        parted = f".unflatten(0, ({'-1, ' if at else ''}{count}{'' if at else ', -1'}))"
        value = ast.Call(self.holders[call.made], inputs, [])
        if len(call.outputs) == 1:
            (out,) = call.outputs
            rows = self.variable("rows", type=None)
            self.assign([rows], value)
            return self.assign([self.define(by_value[out.id].value, node)], parse(f"{rows}{parted}"))
        flats = [self.variable(v.name or "y", "folded", named=True) if v.id in by_value else "_" for v in call.outputs]
        self.assign(flats, value, keep=True)
        for v, key in zip(call.outputs, flats):
            if v.id in by_value:
                self.assign([self.define(by_value[v.id].value, node)], parse(f"{key}{parted}"))

    def repeated(self, operand: Operand | None, value: ast.expr) -> ast.expr:
        """What is repeated for every step: `images` for `image`."""
        var = self.variable_of(operand) if operand is not None and not isinstance(operand, bool) else None
        key = self.variable(*([plural(var.name or var.wishes[0])] if var else []), "repeated")
        self.assign([key], value)
        return name(key)


class _Inside:
    def __init__(self, body: Body, statements: list[Statement]):
        self.body, self.statements = body, statements

    def __enter__(self) -> None:
        self.before, self.body.block = self.body.block, self.statements
        self.distributions = dict(self.body.distributions)

    def __exit__(self, *problem: object) -> None:
        self.body.block = self.before
        self.body.distributions = self.distributions  # those made inside may not be there after it


def _axis(index: int, type_: Type) -> int:
    """An axis from the start where that is known, and the last one from the end."""
    rank = len(type_.shape)
    if ELLIPSIS in type_.shape or index == -1:
        return index
    return index + rank if index < 0 else index
