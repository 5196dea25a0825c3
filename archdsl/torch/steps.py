"""A cell's equations parted by what each step must wait for.

In: a cell, and which of its inputs a scan slices. Out: `Steps`: what can be computed for all steps at once before the state is known
(`before`), what each step does (`core`), and what can be computed from all steps' results afterwards (`after`); the kernel of torch that
the core is, if it is one; else the products with the state that are one product (`groups`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from archdsl.ir.num import ELLIPSIS, ZERO, Num
from archdsl.ir.program import Apply, Call, Made, Node, Operand, Repeat
from archdsl.ir.regions import nodes
from archdsl.ir.types import Type
from archdsl.ir.uses import uses
from archdsl.torch import batch, blends, kernels
from archdsl.torch.equations import Equations, Opaque, Poly, State, single
from archdsl.torch.kernels import Kernel
from archdsl.torch.matrices import Bias, Matrix, Row
from archdsl.torch.needs import has_effect, inputs, needed, outputs, results
from archdsl.torch.plan import Plan, ProgramPlan

HEAVY = frozenset(("Linear", "Bilinear", "Embedding", "matmul"))


@dataclass(frozen=True)
class Pattern:
    """How scans call a cell: which inputs they slice, and at which position from the start time stands."""

    sliced: tuple[bool, ...]
    at: int


def pattern_of(node: Repeat) -> Pattern | None:
    """The pattern of a scan that does nothing but step one cell."""
    if node.kind != "scan" or node.carried or len(node.rides) != 1 or len(node.body.nodes) != 1 or not node.sliced:
        return None
    (call,) = node.body.nodes
    if not isinstance(call, Call) or not call.rides or call.made != node.rides[0].made or node.body.params:
        return None
    slices = {s.value.id: s for s in node.sliced}
    places = {position(s.axis.index, s.value.type) for s in node.sliced}
    made = {v.id for v in call.outputs}
    if len(places) != 1 or any(c.operand not in made for c in node.collected):
        return None
    (at,) = places
    for c in node.collected:
        rank = len(c.value.type.shape) - 1
        if ELLIPSIS in c.value.type.shape or c.axis.index % (rank + 1) != min(at or 0, rank):
            return None
    return None if at is None else Pattern(tuple(i in slices for i in call.inputs), at)


def position(index: int, type_: Type) -> int | None:
    """Where the axis that is taken apart stands, from the start."""
    if ELLIPSIS in type_.shape:
        return None
    return index if index >= 0 else index + len(type_.shape) + 1


def find(program: ProgramPlan) -> dict[str, Steps]:
    """How each cell of a program is scanned, where that is better than a loop over its steps."""
    found: dict[str, Counter[Pattern]] = {}
    times: dict[tuple[str, Pattern], Num] = {}
    for plan in program.plans.values():
        made = {h.id: h.item for h in plan.held}
        for node in nodes(plan.definition.body):
            pattern = pattern_of(node) if isinstance(node, Repeat) else None
            if pattern and isinstance(node, Repeat):
                item = made[node.rides[0].made]
                assert isinstance(item, Made)
                found.setdefault(item.of, Counter())[pattern] += 1
                times.setdefault((item.of, pattern), node.count)
    result = {}
    for name, patterns in found.items():
        pattern = patterns.most_common(1)[0][0]
        steps = Steps(program.plans[name], pattern, times[name, pattern])
        if steps.worthwhile:
            result[name] = steps
    return result


@dataclass
class Root:
    """A sum in which products with weights stand: its value is one part of a group's product, plus `others`."""

    node: Apply
    row: Row
    x: tuple[int, ...]
    h: tuple[Operand, ...]
    others: list[Operand]
    swallowed: set[int] = field(default_factory=set)
    """Values that are not computed by themselves any more."""


class Steps:
    """One cell, parted."""

    def __init__(self, plan: Plan, pattern: Pattern, time: Num):
        self.plan, self.pattern, self.definition = plan, pattern, plan.definition
        self.at = pattern.at
        known = time.name and time.name not in {s for v in plan.definition.inputs for s in v.type.symbols()}
        self.time = time if known else Num.symbol("steps")
        self.types: dict[int, Type] = {v.id: v.type for v in self.definition.inputs}
        self.types |= {s.value.id: s.value.type for s in self.definition.states}
        self.types |= {p.value.id: p.value.type for p in self.definition.body.params}
        self.types |= {v.id: v.type for n in self.definition.body.nodes for v in results(n)}
        self.places: dict[int, int] = {}
        """Values that are there for all steps at once, and where time stands in them, from the end."""
        self.waits: set[int] = {s.value.id for s in self.definition.states}
        """Values that only the step itself gives."""
        self._part()

    # -- parting ------------------------------------------------------------------------------------------
    def place(self, value: int) -> int:
        rank = len(self.types[value].shape)
        return min(self.at, rank) - rank - 1

    def _part(self) -> None:
        for value, sliced in zip(self.definition.inputs, self.pattern.sliced):
            if sliced:
                self.places[value.id] = self.place(value.id)
        everything = self.definition.body.nodes
        before = [n for n in everything if not self.waiting(n)]
        finals = [s.next for s in self.definition.states]
        self.core = needed([n for n in everything if n not in before], finals, self.plan, effects=True)
        rest = [n for n in everything if n not in before and n not in self.core]
        rest = needed(rest, [o.operand for o in self.definition.outputs], self.plan)
        self.after = self._afterwards(rest)
        later = [i for n in self.after for i in inputs(n)] + [o.operand for o in self.definition.outputs]
        core_reads = {i for n in self.core for i in inputs(n)} | {f for f in finals if isinstance(f, int)}
        self.before = needed(before, [*core_reads, *later], self.plan)
        made = {i for n in self.core for i in outputs(n)} | {s.value.id for s in self.definition.states}
        self.collected = list(dict.fromkeys(i for i in later if isinstance(i, int) and i in made))
        self._blend(later)

    def _blend(self, later: list[Operand]) -> None:
        """In a loop, what lies between a state and another value is one operation."""
        from archdsl.torch.linear import is_linear

        if self.kernel is not None or is_linear(self):
            return
        finals = [s.next for s in self.definition.states]
        states = {s.value.id for s in self.definition.states}
        blended = blends.blended(self.core, self.before, states, self.types)
        self.core = needed(blended, [*finals, *self.collected], self.plan, effects=True)
        reads = {i for n in self.core for i in inputs(n)} | {f for f in finals if isinstance(f, int)}
        self.before = needed(self.before, [*reads, *later], self.plan)

    def waiting(self, node: Node) -> bool:
        """Whether a node must stay in the loop: the state reaches it, or its steps differ otherwise. Else its place is noted."""
        if (
            not isinstance(node, (Apply, Call))
            or not inputs(node).isdisjoint(self.waits)
            or not self._liftable(node, self.places)
        ):
            self.waits |= set(outputs(node))
            return True
        return False

    def _liftable(self, node: Node, places: dict[int, int]) -> bool:
        """Whether a node may be given all steps at once; then its results' places are noted."""
        if (
            not isinstance(node, (Apply, Call))
            or (isinstance(node, Call) and node.rides)
            or has_effect(node, self.plan)
        ):
            return False
        if batch.is_random_node(node, self.plan):
            return False
        ranks = {i: len(t.shape) if ELLIPSIS not in t.shape else 99 for i, t in self.types.items()}
        place = batch.place_of(node, self.plan, places, ranks)
        if place is None:
            return False
        for v in node.outputs if place != batch.NOWHERE else []:
            if ELLIPSIS in v.type.shape or place != self.place(v.id):
                return False
            places[v.id] = place
        return True

    def _afterwards(self, rest: list[Node]) -> list[Node]:
        """What can be computed from the results of all steps; what cannot goes into the core, with what it needs."""
        while True:
            places = dict(self.places)
            made = {i for n in self.core for i in outputs(n)} | {s.value.id for s in self.definition.states}
            places |= {i: self.place(i) for i in made if ELLIPSIS not in self.types[i].shape}
            stuck = next((n for n in rest if not self._liftable(n, places)), None)
            if stuck is None:
                self.places_after = places
                return rest
            moved = needed(rest[: rest.index(stuck) + 1], outputs(stuck), self.plan)
            self.core = [n for n in self.definition.body.nodes if n in self.core or n in moved]
            rest = [n for n in rest if n not in moved]

    # -- the kernel ---------------------------------------------------------------------------------------
    @cached_property
    def equations(self) -> Equations:
        forms = {v.id: single(Opaque(("self", v.id), False)) for v in self.definition.inputs}
        forms |= {s.value.id: single(State(i)) for i, s in enumerate(self.definition.states)}
        return Equations(self.plan, dict(forms))

    @cached_property
    def kernel(self) -> Kernel | None:
        """The kernel of torch that the core is, if all that is wanted of it is its first state."""
        if self.at > 1 or len(self.plan.state) != len(self.definition.states):
            return None
        found = kernels.recognise(self.equations)
        if found is None or any(self.operand(p) is None for p in found.x):
            return None
        shown = self.definition.states[found.states[0]].next
        return found if all(i == shown for i in self.collected) else None

    def operand(self, piece: Poly) -> int | None:
        """The value for all steps that a piece of a kernel's input is."""
        for i, form in self.equations.forms.items():
            if form == piece and i in self.places and len(self.types[i].shape) == 2 and self.types[i].dtype == "float":
                return i
        return None

    # -- products -----------------------------------------------------------------------------------------
    @cached_property
    def groups(self) -> list[list[Root]]:
        """Sums that take one product together: of the same values, with as many rows."""
        found: dict[object, list[Root]] = {}
        for root in self._roots():
            found.setdefault((root.h, root.x, root.row.size), []).append(root)
        return [g for g in found.values() if len(g) > 1 or g[0].x]

    def _roots(self) -> list[Root]:
        """Sums of products with the state in them, from the last; a sum inside another is part of it."""
        count, taken = uses(self.definition), set[int]()
        result: list[Root] = []
        for node in reversed(self.core):
            if isinstance(node, Apply) and node.op in ("add", "Linear") and node.outputs[0].id not in taken:
                root = self._root(node, count)
                if root.h:
                    taken |= root.swallowed
                    result.append(root)
        return result[::-1]

    @cached_property
    def _made_by(self) -> dict[int, Apply]:
        nodes_ = [*self.before, *self.core]
        return {n.outputs[0].id: n for n in nodes_ if isinstance(n, Apply) and len(n.outputs) == 1}

    def _root(self, node: Apply, count: Counter[int]) -> Root:
        """A sum by its terms: one product of the state, one of what is there for all steps, and others."""
        root = Root(node, Row(), (), (), [])
        parts = self._terms(node, count, root.swallowed) if node.op == "add" else [node.outputs[0].id]
        shape, row = node.outputs[0].type.shape, root.row
        for i in sorted(parts, key=lambda i: isinstance(i, int) and i in self.places):
            linear = self._made_by.get(i) if isinstance(i, int) else None
            fits = linear is not None and linear.op == "Linear" and linear.outputs[0].type.shape == shape
            alone = linear is node or (fits and isinstance(i, int) and count[i] == 1)
            split = self._split(linear) if fits and alone and linear is not None else None
            if split is None or (split.h and root.h) or (split.x and root.x) or (not split.h and not root.h):
                root.others.append(i)
                continue
            root.x, root.h = root.x or split.x, root.h or split.h
            row.x, row.h = row.x or split.row.x, row.h or split.row.h
            row.bias_x, row.bias_h = row.bias_x + split.row.bias_x, row.bias_h + split.row.bias_h
            if linear is not node and isinstance(i, int):
                root.swallowed.add(i)
        return root

    def _terms(self, node: Apply, count: Counter[int], swallowed: set[int]) -> list[Operand]:
        """The terms of a sum, each a value; sums in it that nothing else reads are opened."""
        found: list[Operand] = []
        for i in node.inputs:
            inner = self._made_by.get(i) if isinstance(i, int) else None
            same = inner is not None and inner.outputs[0].type.shape == node.outputs[0].type.shape
            once = inner is not None and count[inner.outputs[0].id] == 1 and any(inner is n for n in self.core)
            if inner is not None and inner.op == "add" and same and once:
                swallowed.add(inner.outputs[0].id)
                found += self._terms(inner, count, swallowed)
            else:
                found.append(i)
        return found

    def _split(self, linear: Apply) -> Root | None:
        """A layer by what it sees: columns for what is there for all steps, and for what the step gives."""
        made = next((h for h in self.plan.held if h.id == linear.made), None)
        if made is None or not isinstance(made.item, Made) or made.stacks:
            return None
        rows, columns = made.item.weights["weight"].shape
        matrix = Matrix(self.plan.weight_text(made.id, "weight"), rows, columns)
        bias = [Bias(self.plan.weight_text(made.id, "bias"))] if "bias" in made.item.weights else []
        runs: list[tuple[bool, list[Operand], Num]] = []
        for i in self._pieces(linear.inputs[0]):
            timed = isinstance(i, int) and i in self.places
            if isinstance(i, int) and timed and self.place(i) == -1:  # time stands where the layer's features must
                return None
            width = self.types[i].shape[-1] if isinstance(i, int) else ZERO
            if runs and runs[-1][0] == timed:
                runs[-1] = (timed, [*runs[-1][1], i], runs[-1][2] + width)
            else:
                runs.append((timed, [i], width))
        if len(runs) > 2:
            return None
        result, at = Root(linear, Row(), (), (), []), ZERO
        for timed, pieces, width in runs:
            part = matrix.taking(at, width) if len(runs) > 1 else matrix
            if timed:
                result.x, result.row.x = tuple(i for i in pieces if isinstance(i, int)), [part]
            else:
                result.h, result.row.h = tuple(pieces), [part]
            at = at + width
        if result.x:
            result.row.bias_x = bias
        else:
            result.row.bias_h = bias
        return result

    def _pieces(self, operand: Operand) -> list[Operand]:
        """What is side by side in an operand."""
        for n in [*self.before, *self.core]:
            if isinstance(n, Apply) and n.op == "concat" and n.outputs[0].id == operand:
                axis, rank = n.axes["over"][0].index, len(n.outputs[0].type.shape)
                if axis in (-1, rank - 1) and n.outputs[0].id not in self.places:
                    return list(n.inputs)
        return [operand]

    # -- whether it is worth it ---------------------------------------------------------------------------
    @property
    def worthwhile(self) -> bool:
        plan = self.plan
        if plan.remembers or not plan.state or any(ELLIPSIS in t.shape for t in self.types.values()):
            return False
        if any(v.type.dtype != "float" and v.default is not None for v in self.definition.inputs):
            return False
        lifted = [n for n in [*self.before, *self.after] if self._heavy(n)]
        return self.kernel is not None or bool(self.groups) or bool(lifted)

    def _heavy(self, node: Node) -> bool:
        timed = any(v.id in self.places_after for v in getattr(node, "outputs", []))
        return timed and (isinstance(node, Call) or (isinstance(node, Apply) and node.op in HEAVY))
