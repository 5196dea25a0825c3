"""Programs changed in one place, on their IR: operands swapped or taken from elsewhere, numbers, settings, axes and operations changed, weights shared
or not, layers dropped, repeats reversed or made of another kind, states, first values, draws, optimizers and updates exchanged.

In: a program and a source of chance. Out: `mutant(program, chance)`, the name of what was done and the changed copy, or None where nothing could be
changed that way. What comes out is well formed as a graph; sizes may no longer fit, which neither the figure nor the meaning minds.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Call,
    Choice,
    Definition,
    Draw,
    Fill,
    Made,
    Minimize,
    Node,
    Program,
    Repeat,
    Until,
    Update,
)
from archdsl.ir.regions import regions
from tests import mutate_more
from tests.slots import Slot, changed, kind, nodes, pick, slots, types

UNARY = ("tanh", "sigmoid", "relu", "silu", "softplus", "exp", "sin", "cos", "square", "abs", "sqrt")
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "pow")
OPTIMIZERS = ("Adagrad", "RMSprop")
Mutate = Callable[[Definition, random.Random], bool]
Change = Callable[[Program, random.Random], str]
"""Changes a program in place and says which definition, or nothing where it could not."""


def mutant(program: Program, chance: random.Random) -> tuple[str, Program] | None:
    """One change, at a place and of a kind that chance chooses among those that can be made."""
    after = program.model_copy(deep=True)
    for mutate in chance.sample(CHANGES, len(CHANGES)):
        if where := mutate(after, chance):
            return f"{mutate.__name__} in {where}", after
    return None


def in_one(mutate: Mutate) -> Change:
    """A change of one definition as one of a program."""

    def change(program: Program, chance: random.Random) -> str:
        definitions = chance.sample(program.definitions, len(program.definitions))
        return next((d.name for d in definitions if mutate(d, chance)), "")

    change.__name__ = mutate.__name__
    return change


# -- what is computed -------------------------------------------------------------------------------------------------
def another_value(d: Definition, chance: random.Random) -> bool:
    return _another_value(d, chance, slots(d))


def _another_value(d: Definition, chance: random.Random, at: list[Slot]) -> bool:
    kinds = types(d)
    ways = [
        (s, v.id)
        for s in at
        for v in s.scope
        if isinstance(old := s.get(), int) and v.id != old and v.type == kinds.get(old)
    ]
    if not ways:
        return False
    slot, value = chance.choice(ways)
    slot.put(value)
    return True


def another_operand(kind: str) -> Mutate:
    """Another value, or another number, for nodes of one kind."""

    def change(d: Definition, chance: random.Random) -> bool:
        at = [s for s in slots(d) if s.node == kind]
        numbers = [s for s in at if isinstance(s.get(), Num)]
        if numbers and chance.random() < 0.5:
            slot = chance.choice(numbers)
            slot.put(slot.get() + Num.of(3))  # type: ignore[operator]
            return True
        return _another_value(d, chance, at)

    change.__name__ = f"another_operand of {kind}"
    return change


def operands_swapped(d: Definition, chance: random.Random) -> bool:
    kinds = types(d)
    ways = [
        (n.inputs, i, j)
        for n in nodes(d, Apply, Call, Draw)
        for i in range(len(n.inputs))  # type: ignore[union-attr]
        for j in range(i)
        if n.inputs[i] != n.inputs[j] and kind(n.inputs[i], kinds) == kind(n.inputs[j], kinds)  # type: ignore[union-attr]
    ]
    if not ways:
        return False
    inputs, i, j = chance.choice(ways)
    inputs[i], inputs[j] = inputs[j], inputs[i]
    return True


def another_number(d: Definition, chance: random.Random) -> bool:
    slot = pick(chance, [s for s in slots(d) if isinstance(s.get(), Num)])
    if isinstance(slot, Slot):
        slot.put(slot.get() + Num.of(3))  # type: ignore[operator]
    return slot is not None


def another_operation(d: Definition, chance: random.Random) -> bool:
    node = pick(chance, [n for n in nodes(d, Apply) if n.op in (*UNARY, *BINARY)])  # type: ignore[union-attr]
    if isinstance(node, Apply):
        node.op = chance.choice([op for op in (UNARY if node.op in UNARY else BINARY) if op != node.op])
    return node is not None


def operation_left_out(d: Definition, chance: random.Random) -> bool:
    kinds = types(d)
    found = [
        n
        for n in nodes(d, Apply)
        if len(n.inputs) == 1 and isinstance(n.inputs[0], int) and kinds.get(n.inputs[0]) == n.outputs[0].type  # type: ignore[union-attr]
    ]
    node = pick(chance, found)
    if isinstance(node, Apply):
        for slot in slots(d):
            if slot.get() == node.outputs[0].id and isinstance(slot.get(), int):
                slot.put(node.inputs[0])
        for region in regions(d.body):
            region.nodes[:] = [n for n in region.nodes if n is not node]
    return node is not None


def another_axis(d: Definition, chance: random.Random) -> bool:
    kinds = types(d)
    ways = []
    for n in nodes(d, Apply):
        assert isinstance(n, Apply)
        of = kinds.get(n.inputs[0]) if n.inputs and isinstance(n.inputs[0], int) else None
        for at in n.axes.values():
            ways += [
                (a, i)
                for a in at
                if of and a.index < 0
                for i in range(-len(of.shape), 0)
                if all(b.index != i for b in at)
            ]
            ways = [w for w in ways if w is not None]
    if not ways:
        return False
    axis, index = chance.choice(ways)
    axis.index = index
    shape = next(k.shape for n in nodes(d, Apply) for at in n.axes.values() if axis in at for k in [kinds[n.inputs[0]]])  # type: ignore
    axis.size = shape[index]
    return True


def another_setting(d: Definition, chance: random.Random) -> bool:
    """A number or a flag of an operation, or of what is made (and of its uses, which repeat it)."""
    applied = nodes(d, Apply)
    holders = [[n.settings] for n in applied if n.made is None]  # type: ignore[union-attr]
    for region in regions(d.body):
        for made in region.made:
            holders.append([made.settings, *(n.settings for n in applied if n.made == made.id)])  # type: ignore[union-attr]
    ways = [(h, k) for h in holders for k, v in h[0].items() if isinstance(v, (bool, Num))]
    if not ways:
        return False
    settings, key = chance.choice(ways)
    value = changed(settings[0][key])
    for each in settings:
        each[key] = value
    return True


# -- weights ----------------------------------------------------------------------------------------------------------
def weights_shared(d: Definition, chance: random.Random) -> bool:
    """Two layers made in one region become one."""
    ways = [
        (n, b)
        for r in regions(d.body)
        for a in r.made
        for b in r.made
        if a.id != b.id and (a.of, a.settings, a.frozen, a.weights) == (b.of, b.settings, b.frozen, b.weights) and (a.weights or not a.primitive)
        for n in nodes(d, Apply, Call)
        if n.made == a.id and not (isinstance(n, Call) and n.rides)  # type: ignore[union-attr]
    ]  # fmt: skip
    if not ways:
        return False
    node, made = chance.choice(ways)
    node.made = made.id  # type: ignore[union-attr]
    return True


def weights_apart(d: Definition, chance: random.Random) -> bool:
    """One of the uses of a shared layer gets weights of its own."""
    uses: dict[int, list[Node]] = {}
    for n in nodes(d, Apply, Call):
        if n.made is not None and not (isinstance(n, Call) and n.rides):  # type: ignore[union-attr]
            uses.setdefault(n.made, []).append(n)  # type: ignore[union-attr]
    shared = [(r, m) for r in regions(d.body) for m in r.made if len(uses.get(m.id, [])) > 1]
    if not shared:
        return False
    region, made = chance.choice(shared)
    own = made.model_copy(deep=True)
    own.id = 1 + max(m.id for r in regions(d.body) for m in r.made)
    region.made.append(own)
    chance.choice(uses[made.id]).made = own.id  # type: ignore[union-attr]
    return True


def made_elsewhere(d: Definition, chance: random.Random) -> bool:
    """A layer of a stack's copies becomes one for all copies."""
    ways = [(m, n.body, d.body) for n in nodes(d, Repeat) if n.kind == "stack" for m in n.body.made if not _rides(d, m)]  # type: ignore[union-attr]
    if not ways:
        return False
    made, inner, outer = chance.choice(ways)
    inner.made.remove(made)
    outer.made.append(made)
    return True


def _rides(d: Definition, made: Made) -> bool:
    return any(n.rides and n.made == made.id for n in nodes(d, Call))  # type: ignore[union-attr]


def frozen_or_not(d: Definition, chance: random.Random) -> bool:
    things = [m for r in regions(d.body) for m in r.made if m.weights or not m.primitive] + [
        p for r in regions(d.body) for p in r.params
    ]
    thing = pick(chance, things)
    if thing is not None:
        thing.frozen = not thing.frozen  # type: ignore[attr-defined]
    return thing is not None


def another_start(d: Definition, chance: random.Random) -> bool:
    """A parameter or a memory starts otherwise."""
    things = [*(p for r in regions(d.body) for p in r.params), *(m for m in d.memories if isinstance(m.initial, Fill))]
    thing = pick(chance, things)
    if thing is not None:
        thing.initial = Fill(name="constant", settings={"value": Num.of(0.125)})  # type: ignore[attr-defined]
    return thing is not None


# -- repeats ----------------------------------------------------------------------------------------------------------
def repeat_changed(d: Definition, chance: random.Random) -> bool:
    """Another direction, another number of passes, or separate weights for shared ones."""
    node = pick(chance, nodes(d, Repeat))
    if not isinstance(node, Repeat):
        return False
    if node.kind == "scan":
        node.reversed = not node.reversed
    elif chance.random() < 0.5 or node.index:
        node.count = node.count + 1
    else:
        node.kind = "loop" if node.kind == "stack" else "stack"
    return True


def carried_exchanged(d: Definition, chance: random.Random) -> bool:
    kinds = types(d)
    ways = [
        (a, b, part)
        for n in nodes(d, Repeat)
        for a in n.carried  # type: ignore[union-attr]
        for b in n.carried  # type: ignore[union-attr]
        for part in ("initial", "next")
        if a is not b and getattr(a, part) != getattr(b, part) and kind(getattr(a, part), kinds) == kind(getattr(b, part), kinds)
    ]  # fmt: skip
    if not ways:
        return False
    a, b, part = chance.choice(ways)
    first, second = getattr(a, part), getattr(b, part)
    setattr(a, part, second)
    setattr(b, part, first)
    return True


# -- the interface, chance and learning -------------------------------------------------------------------------------
def ends_exchanged(d: Definition, chance: random.Random) -> bool:
    """Two outputs, or what two states or memories become."""
    lists: list[tuple[list, str]] = [(d.outputs, "operand"), (d.states, "next"), (d.memories, "next")]  # type: ignore[type-arg]
    ways = [(a, b, k) for things, k in lists for a in things for b in things if getattr(a, k) != getattr(b, k)]
    ways = [(a, b, k) for a, b, k in ways if None not in (getattr(a, k), getattr(b, k))]
    if not ways:
        return False
    a, b, k = chance.choice(ways)
    first, second = getattr(a, k), getattr(b, k)
    setattr(a, k, second)
    setattr(b, k, first)
    return True


def another_default(d: Definition, chance: random.Random) -> bool:
    hyper = pick(chance, [h for h in d.hypers if h.default is not None])
    if hyper is not None:
        hyper.default = hyper.default + 3  # type: ignore[attr-defined]
    return hyper is not None


def another_draw(d: Definition, chance: random.Random) -> bool:
    node = pick(chance, nodes(d, Draw))
    if isinstance(node, Draw):
        if chance.random() < 0.5 and len(node.inputs) == 2:
            node.distribution = "Laplace" if node.distribution != "Laplace" else "Normal"
        else:
            node.gradient = "score_function" if node.gradient != "score_function" else "none"
    return node is not None


def another_optimizer(d: Definition, chance: random.Random) -> bool:
    node = pick(chance, nodes(d, Minimize))
    if not isinstance(node, Minimize):
        return False
    over = [m.id for r in regions(d.body) for m in r.made if m.id not in node.over and (m.weights or not m.primitive)]
    if chance.random() < 0.5 and over:
        node.over.append(chance.choice(over))
    elif "lr" in node.settings and chance.random() < 0.5:
        node.settings["lr"] = changed(node.settings["lr"])
    else:
        node.optimizer = next(o for o in OPTIMIZERS if o != node.optimizer)
    return True


def updates_exchanged(d: Definition, chance: random.Random) -> bool:
    """Two updates that follow one another change places, if neither loss waits for what stands between."""
    for region in regions(d.body):
        at = [i for i, n in enumerate(region.nodes) if isinstance(n, (Minimize, Update))]
        if len(at) > 1 and chance.random() < 0.9:
            last = region.nodes.pop(at[-1])
            first = region.nodes.pop(at[0])
            region.nodes += [last, first]
            return True
    return False


def until_changed(d: Definition, chance: random.Random) -> bool:
    node = pick(chance, nodes(d, Until))
    if isinstance(node, Until):
        node.at_most = node.at_most + 1
    return node is not None


def word_changed(d: Definition, chance: random.Random) -> bool:
    """`causal` for no mask, and back."""
    found = [n for n in nodes(d, Apply) if n.op == "attention"]  # type: ignore[union-attr]
    node = pick(chance, found)
    if isinstance(node, Apply):
        node.settings["mask"] = (
            Choice(word="causal") if node.settings.get("mask") in (None, Choice(word="none")) else None
        )
    return node is not None


MUTATIONS: tuple[Mutate, ...] = (
    another_value, operands_swapped, another_number, another_operation, operation_left_out, another_axis, another_setting, weights_shared,
    weights_apart, made_elsewhere, frozen_or_not, another_start, repeat_changed, carried_exchanged, ends_exchanged, another_default,
    another_draw, another_optimizer, updates_exchanged, until_changed, word_changed, *mutate_more.MUTATIONS,
    *map(another_operand, ("call", "draw", "sliced", "carried", "initial", "update")),
)  # fmt: skip
CHANGES: tuple[Change, ...] = (*map(in_one, MUTATIONS), *mutate_more.WHOLE)
