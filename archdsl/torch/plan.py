"""What every definition looks like from outside, decided once for the whole program before any code is written.

In: a checked `Program`. Out: for each definition its class name, the names of its attributes, which hyperparameters are floats, and for a
cell the form of its state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from archdsl.ir.program import (
    Apply,
    Call,
    Definition,
    Made,
    Param,
    Program,
    Region,
    Repeat,
    State,
    Until,
)
from archdsl.ir.regions import nodes
from archdsl.ops import INITIALIZERS, OPS
from archdsl.torch.errors import CannotEmit
from archdsl.torch.names import Namespace, attribute, class_name, plural, snake, variable

if TYPE_CHECKING:
    from archdsl.torch.norms import Norm
    from archdsl.torch.steps import Steps

OF_LENGTHS = frozenset(("turned", "ended", "at_end", "kept", "stopped"))


def helpers(program: Program) -> set[str]:
    """Names of the functions that may be written into the file: those of primitives, and those of scans."""
    every = [n for d in program.definitions for n in (*d.initial, *nodes(d.body))]
    used = {n.op for n in every if isinstance(n, Apply)}
    texts = [op.helper for name, op in OPS.items() if name in used] + [i.helper for i in INITIALIZERS.values()]
    names = {name for text in texts for name in re.findall(r"^(?:def|class) (\w+)", text, re.M)}
    lengths = any(isinstance(n, Repeat) and n.lengths is not None for n in every)
    return names | {"linear_recurrence"} | (OF_LENGTHS if lengths else set())


@dataclass(frozen=True)
class Held:
    """Something that holds weights, and the stacks that it is in, from the outermost."""

    item: Made | Param
    stacks: tuple[Repeat, ...]

    @property
    def id(self) -> int:
        return self.item.id if isinstance(self.item, Made) else self.item.value.id


def held(region: Region, stacks: tuple[Repeat, ...] = ()) -> Iterator[Held]:
    """All that a region and those in it hold."""
    items: list[Made | Param] = [*region.made, *region.params]
    yield from (Held(item, stacks) for item in items)
    for node in region.nodes:
        if isinstance(node, Repeat):
            yield from held(node.body, (*stacks, node) if node.kind == "stack" else stacks)
        elif isinstance(node, Until):
            yield from held(node.body, stacks)


def in_order(definition: Definition) -> list[Held]:
    """All that a definition holds, in the order in which it is made."""
    return sorted(held(definition.body), key=lambda h: h.id)


@dataclass
class StatePart:
    """One component of a cell's state: a tensor of its own, or the state of a cell that it steps."""

    name: str
    state: State | None = None
    made: Made | None = None


@dataclass
class Plan:
    """One definition, from outside."""

    program: ProgramPlan
    definition: Definition
    name: str
    real: set[str] = field(default_factory=set)
    """Hyperparameters that are floats."""
    initial_inputs: list[int] = field(default_factory=list)
    """The inputs that `initial_state` takes, by position; set when that method is written."""

    @cached_property
    def held(self) -> list[Held]:
        return in_order(self.definition)

    @cached_property
    def attributes(self) -> dict[int, str]:
        """Attribute of each made thing, parameter and memory, by id."""
        names, trains = Namespace(), self.definition.kind == "train"
        published = {h.id: h.item.alias for h in self.held if isinstance(h.item, Made) and h.item.alias}
        names.taken |= {alias.partition(".")[0] for alias in published.values()}
        chosen = [h for h in self.held if isinstance(h.item, Param) or h.item.named]  # these come first
        result = {h.id: published.get(h.id) or names.take(attribute(self._wish(h), trains)) for h in chosen}
        for h in self.held:
            if h.id not in result:
                first = self.twins.get(h.id)
                result[h.id] = (
                    result[first] if first else (published.get(h.id) or names.take(attribute(self._wish(h), trains)))
                )
        for group, keys in self.groups.items():
            result |= {i: f"{group}[{key}]" for key, i in self._keys(group, keys).items()}
        for memory in self.definition.memories:
            result[memory.value.id] = names.take(attribute(memory.value.name or "memory"))
        return result

    @cached_property
    def twins(self) -> dict[int, int]:
        """What holds nothing and has no name of its own, as one such as `Dropout`, is made once: the first that is the same, by id."""
        first: dict[str, int] = {}
        result: dict[int, int] = {}
        for h in self.held:
            if (
                isinstance(h.item, Made)
                and not (h.stacks or h.item.named or h.item.alias)
                and self.program.empty(h.item)
            ):
                sizes = sorted((n, str(v)) for n, v in h.item.sizes.items())
                key = f"{h.item.of} {sorted((n, str(v)) for n, v in h.item.settings.items())} {sizes}"
                if first.setdefault(key, h.id) != h.id:
                    result[h.id] = first[key]
        return result

    @cached_property
    def groups(self) -> dict[str, dict[str, int]]:
        """Published names with a dot: what stands before it, and what it holds by what stands after it."""
        result: dict[str, dict[str, int]] = {}
        for h in self.held:
            if isinstance(h.item, Made) and "." in (h.item.alias or ""):
                group, _, key = (h.item.alias or "").partition(".")
                result.setdefault(group, {})[key] = h.id
        return result

    def _keys(self, group: str, keys: dict[str, int]) -> dict[str, int]:
        """How each part of a group is got: by number, a stack's copies as a slice; or by name, where numbers are left out."""
        copied = {h.id for h in self.held if h.stacks}
        if list(keys) != [str(i) for i in range(len(keys))]:
            wrong = next((key for key, i in keys.items() if key.isdigit() and i in copied), None)
            if wrong:
                raise CannotEmit(
                    f"copies go on from `{group}.{wrong}`, and `{group}` has other parts than those before it"
                )
            return {f'"{key}"': i for key, i in keys.items()}
        if copied & set(list(keys.values())[:-1]):
            raise CannotEmit(f"only the last part of `{group}` can be copied by a stack")
        return {f"{key}:" if i in copied else key: i for key, i in keys.items()}

    def _wish(self, h: Held) -> str:
        """The program's name. What a stack alone consists of, and the program did not name, is named after the stack's count, or,
        where two stacks have one count, after itself.
        """
        if isinstance(h.item, Param):
            return h.item.value.name or "weight"
        if self._alone(h):
            count = h.stacks[-1].count.name or ""
            alike = [o for o in self.held if self._alone(o) and o.stacks[-1].count.name == count]
            if len(count) > 2 and count.endswith("s") and len(alike) == 1:
                return count
            name = re.sub(r"_\d+$", "", h.item.name)
            name = name if len(name) > 2 else snake(h.item.of)
            return f"{name}_layers" if name.endswith(("ed", "s")) else plural(name)
        kind = snake(h.item.of)
        return kind if re.fullmatch(rf"{kind}_\d+", h.item.name) else h.item.name

    def _alone(self, h: Held) -> bool:
        """Whether a part without a name is all that a stack consists of."""
        return (
            isinstance(h.item, Made) and not h.item.named and bool(h.stacks) and len(list(held(h.stacks[-1].body))) == 1
        )

    @cached_property
    def hyper_attributes(self) -> dict[str, str]:
        """Attribute that keeps each hyperparameter or size for `forward`."""
        names = Namespace(self.attributes.values())
        return {
            n: names.take(attribute(n, self.definition.kind == "train"), f"{n}_rate" if n in self.real else f"num_{n}")
            for n in self.arguments
        }

    @cached_property
    def arguments(self) -> dict[str, str]:
        """Constructor argument of each size and hyperparameter."""
        names = Namespace(self.program.globals)
        return {n: names.take(variable(n)) for n in (*self.definition.sizes, *(h.name for h in self.definition.hypers))}

    def weight_text(self, item: int, weight: str, path: str = "self") -> str:
        """A weight of something made, as Python. In a `ModuleDict` the types of modules are not known."""
        attribute_ = self.attributes[item]
        own = f"{path}.{attribute_}"
        return f'{own}.get_parameter("{weight}")' if "[" in attribute_ else f"{own}.{weight}"

    @cached_property
    def norm(self) -> Norm | None:
        """The normalisation of torch that this block is, unless the literal equations are wanted."""
        from archdsl.torch.norms import recognise

        return None if self.program.plain else recognise(self)

    @cached_property
    def scan_method(self) -> str:
        """The method of a cell that takes all its steps."""
        return Namespace([*self.attributes.values(), *self.hyper_attributes.values()]).take("scan", "scan_all")

    @cached_property
    def late(self) -> set[int]:
        """The memories that take their first value at the first training call, since it reads what a call brings."""
        from archdsl.torch.needs import late_memories

        return late_memories(self)

    @cached_property
    def begun(self) -> str:
        """The attribute that tells whether memories have taken their first values from the data."""
        return Namespace([*self.attributes.values(), *self.hyper_attributes.values()]).take("begun", "has_begun")

    @cached_property
    def loaded(self) -> str:
        """The method that tells it of what was loaded."""
        return Namespace([*self.attributes.values(), *self.hyper_attributes.values()]).take("loaded", "has_loaded")

    @cached_property
    def scans_both(self) -> str:
        """The method of a cell that takes all its steps in both directions; empty where nobody asks for it."""
        own = [*self.attributes.values(), *self.hyper_attributes.values()]
        return Namespace(own).take("scan_both") if self.definition.name in self.program.scanned_both else ""

    @cached_property
    def stops(self) -> bool:
        """Whether the method that takes all steps is told where sequences end."""
        return self.definition.name in self.program.stopping

    @cached_property
    def weights_method(self) -> str:
        """The method of such a cell that gives the kernel's weights."""
        return Namespace([*self.attributes.values(), *self.hyper_attributes.values()]).take("kernel_weights")

    @cached_property
    def state(self) -> list[StatePart]:
        """The components of a cell's state, in order."""
        definition = self.definition
        names = Namespace(["count", "index"])
        parts = [StatePart(names.take(variable(s.value.name or "state")), state=s) for s in definition.states]
        ridden = {r.made for n in nodes(definition.body) if isinstance(n, Repeat) for r in n.rides}
        made = {h.id: h.item for h in self.held}
        for node in nodes(definition.body):
            if isinstance(node, Call) and node.rides and node.made not in ridden:
                ridden.add(node.made)
                item = made[node.made]
                assert isinstance(item, Made)
                clash = not self.program.of(item).bare and item.name in {
                    v.name for n in nodes(definition.body) for v in getattr(n, "outputs", [])
                }
                parts.append(StatePart(names.take(variable(f"{item.name}_state" if clash else item.name)), made=item))
        return parts

    @cached_property
    def state_class(self) -> str:
        """Class of the state, where it has more than one component."""
        return self.program.classes.take(f"{self.name}State") if len(self.state) > 1 else ""

    @cached_property
    def state_type(self) -> str:
        """Annotation of the state."""
        if not self.state:
            return ""
        if self.state_class:
            return self.state_class
        (part,) = self.state
        return self.program.of(part.made).state_type if part.made else "Tensor"

    @cached_property
    def bare(self) -> bool:
        """Whether the cell's one output is its one state, so that `forward` returns it once."""
        outputs, parts = self.definition.outputs, self.state
        return (
            len(parts) == 1
            and len(outputs) == 1
            and parts[0].state is not None
            and outputs[0].operand == parts[0].state.next
        )

    @cached_property
    def remembers(self) -> bool:
        """Whether a call changes a memory, here or in a part."""
        if any(m.next is not None or isinstance(m.initial, int) for m in self.definition.memories):
            return True
        return any(
            isinstance(h.item, Made) and not h.item.primitive and self.program.of(h.item).remembers for h in self.held
        )


class ProgramPlan:
    """All definitions of a program, from outside."""

    def __init__(self, program: Program, plain: bool = False, checkpointing: bool = False, open_time: bool = False):
        self.program = program
        self.plain = plain
        """Whether the literal equations are wanted, and nothing that is faster."""
        self.checkpointing = checkpointing
        """Whether stacks are computed again for their gradients, rather than kept."""
        self.open_time = open_time and not plain
        """Whether the number of a scan's steps is to stay open when the model is exported."""
        from archdsl.torch.reals import find as find_reals

        functions = (
            helpers(program)
            | ({"opened"} if open_time else set())
            | ({"recompute", "checkpoint"} if checkpointing else set())
        )
        self.classes = Namespace(["Trainer", "gathered", "progress", "split", "stalled", *functions])
        self.plans = {d.name: Plan(self, d, self.classes.take(class_name(d.name))) for d in program.definitions}
        self.globals = {p.name for p in self.plans.values()} | functions
        """What no argument of a constructor may hide."""
        find_reals(self.plans)

    @cached_property
    def steps(self) -> dict[str, Steps]:
        """How each cell takes all its steps in one call, where that is faster than a loop over its steps."""
        from archdsl.torch.steps import find

        return {} if self.plain else find(self)

    @cached_property
    def scanned_both(self) -> set[str]:
        """The cells that are scanned in both directions at once."""
        from archdsl.torch.directions import scanned_both

        return set() if self.open_time else scanned_both(self)

    @cached_property
    def stopping(self) -> set[str]:
        """The cells whose kernel must stop at the ends of sequences."""
        from archdsl.torch.ends import stopping

        return stopping(self)

    @cached_property
    def absent(self) -> dict[str, set[int]]:
        """The masks of each definition that are `None` where a call leaves them out."""
        from archdsl.torch.absent import find

        return {name: set[int]() for name in self.plans} if self.plain else find(self)

    def empty(self, made: Made) -> bool:
        """Whether something holds no weights, memories or states, so that two of it are one."""
        if made.primitive:
            return not made.weights
        inner = self.plans[made.of]
        kept = inner.definition.memories or inner.definition.states
        return not kept and all(isinstance(h.item, Made) and self.empty(h.item) for h in inner.held)

    def of(self, made: Made | None) -> Plan:
        """The plan of the definition that something is made of."""
        assert made is not None
        return self.plans[made.of]
