"""One emitted function being written: its variables, its sizes, and what its expressions may refer to.

`Function` is the base on which regions (`body.py`) are written. It ends by inlining, naming and printing its statements.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Made, Param
from archdsl.ir.types import Type
from archdsl.torch import idioms, lists, modes
from archdsl.torch.errors import CannotEmit
from archdsl.torch.inline import Inliner
from archdsl.torch.naming import drop_copies, give_names
from archdsl.torch.numbers import number
from archdsl.torch.plan import Plan
from archdsl.torch.printer import INDENT, parse
from archdsl.torch.statements import KEY, Assign, For, Statement, Variable, With, blocks, copied, reads, walk
from archdsl.torch.text import Writer

DEEPEST = 20
"""Blocks in blocks, in one function, that CPython can compile."""


class Function:
    """A function of a definition's class."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.variables: dict[str, Variable] = {}
        self.parameters: list[str] = []
        self.body: list[Statement] = []
        self.block = self.body
        self.env: dict[int, ast.expr] = {}
        self.types: dict[int, Type] = {}
        self.holders: dict[int, ast.expr] = {}
        self.size_keys: dict[str, str] = {}
        self.index_keys: dict[str, str] = {}
        self.reserved: set[str] = set()
        """Names that no variable may have, since an expression uses them otherwise."""
        self.asked: set[str] = set()
        """Variables that count the copies of a stack and are needed while it runs."""
        self.input_keys: list[tuple[str, Type]] = []
        self.helpers: dict[str, None] = {}
        self._count = 0
        for item in plan.held:
            self.holders[item.id] = parse(f"self.{plan.attributes[item.id]}")

    # -- variables ----------------------------------------------------------------------------------------------
    def variable(self, *wishes: str, type: Type | None = None, named: bool = False, kind: str = "tensor") -> str:
        """A new variable's key."""
        self._count += 1
        key = f"{KEY}{self._count}"
        self.variables[key] = Variable(key, list(wishes), type, named, kind)
        return key

    def parameter(self, wish: str, name_: str, type: Type | None = None, kind: str = "tensor") -> str:
        """A parameter of the function, named at once."""
        key = self.variable(wish, type=type, named=True, kind=kind)
        self.variables[key].name = name_
        self.parameters.append(key)
        return key

    def assign(self, targets: list[str], value: ast.expr, keep: bool = False) -> None:
        self.block.append(Assign(targets, value, keep))

    # -- numbers ------------------------------------------------------------------------------------------------
    def symbol(self, symbol: str) -> str:
        """A size or hyperparameter as Python, inside a method."""
        if symbol in self.index_keys:
            self.asked.add(self.index_keys[symbol])
            return self.index_keys[symbol]
        if symbol in self.plan.hyper_attributes:
            return f"self.{self.plan.hyper_attributes[symbol]}"
        if symbol == ELLIPSIS.name and (rest := self.rest()):
            return rest
        if symbol not in self.size_keys:
            self.size_keys[symbol] = self.variable(symbol)
        return self.size_keys[symbol]

    def rest(self) -> str:
        """The sizes that `...` stands for, in a list of sizes."""
        for key, type_ in self.input_keys:
            if ELLIPSIS in type_.shape:
                at = type_.shape.index(ELLIPSIS)
                return f"*{key}.shape[{at or ''}:{at + 1 - len(type_.shape) or ''}]"
        return ""

    def number(self, value: Num, whole: bool = False) -> ast.expr:
        return parse(number(value, self.symbol, whole))

    def size_statements(self) -> list[Statement]:
        """`batch, time, _ = x.shape`, for the sizes that are used."""
        used = {k for s in walk(self.body) for k in reads(s)}
        wanted = {s: k for s, k in self.size_keys.items() if k in used}
        result: list[Statement] = []
        for key, type_ in self.input_keys:
            found: dict[str, int] = {}
            for i, n in enumerate(type_.shape):
                if n.name in wanted:
                    found.setdefault(n.name or "", i)
            if len(found) > 1 and ELLIPSIS not in type_.shape:
                places = {i: wanted[s] for s, i in found.items()}
                result.append(Assign([places.get(i, "_") for i in range(len(type_.shape))], parse(f"{key}.shape")))
            else:
                result += [Assign([wanted[s]], parse(f"{key}.shape[{_position(i, type_)}]")) for s, i in found.items()]
            for given in found:
                wanted.pop(given)
        for symbol in list(wanted):
            result.append(Assign([wanted.pop(symbol)], parse(self._solved(symbol))))
        return result

    def _solved(self, symbol: str) -> str:
        """A size that stands in an input's type only inside an expression, such as 2 * n."""
        for key, type_ in self.input_keys:
            for i, n in enumerate(type_.shape):
                if symbol in n.symbols():
                    rest = n.subs({symbol: Num.of(0)})
                    factor = n.subs({symbol: Num.of(1)}) - rest
                    if factor * Num.symbol(symbol) + rest == n:
                        known = number(rest, self.symbol), number(factor, self.symbol)
                        return f"(({key}.shape[{_position(i, type_)}] - {known[0]}) // {known[1]})"
        raise CannotEmit(f"the size {symbol} of {self.plan.definition.name} is not known at run time")

    # -- where new tensors live ---------------------------------------------------------------------------------
    def like(self) -> tuple[str, bool]:
        """A tensor in scope, as Python, and whether it is a float."""
        for key, type_ in self.input_keys:
            if type_.dtype == "float":
                return key, True
        weight = self._weight()
        if weight:
            return weight, True
        return (self.input_keys[0][0], False) if self.input_keys else ("", False)

    def _weight(self) -> str:
        """A float tensor of the module's own, as Python."""
        for h in sorted(self.plan.held, key=lambda h: "[" in self.plan.attributes[h.id]):
            if h.stacks:
                continue
            attribute = self.plan.attributes[h.id]
            if isinstance(h.item, Param):
                return f"self.{attribute}"
            if isinstance(h.item, Made) and h.item.primitive and "weight" in h.item.weights:
                return self.plan.weight_text(h.id, "weight")
        for memory in self.plan.definition.memories:
            if memory.value.type.dtype == "float":
                return f"self.{self.plan.attributes[memory.value.id]}"
        return ""

    def device_and_dtype(self) -> tuple[str, str]:
        text, is_float = self.like()
        device = f"{self.input_keys[0][0] if self.input_keys else text}.device" if text else ""
        return device, f"{text}.dtype" if is_float else ""

    def filled(self, value: Num, type_: Type) -> ast.expr:
        """A tensor of one number."""
        like, is_float = self.like()
        shape = ", ".join(number(n, self.symbol) for n in type_.shape)
        whole_shape = f"({shape},)" if len(type_.shape) == 1 else f"({shape})"
        number_ = number(value, self.symbol, whole=False)
        if type_.dtype == "bool":
            number_ = "True" if value == 1 else "False"
        elif type_.dtype == "float" and number_.strip("()-").isdigit():
            number_ = f"{number_[:-1]}.0)" if number_.endswith(")") else f"{number_}.0"
        plain = {0: "zeros", 1: "ones"}.get(int(value.value), "") if value.is_integer else ""
        kind = {"float": "", "int": "dtype=torch.long", "bool": "dtype=torch.bool"}[type_.dtype]
        if like and (is_float or kind):
            options = f", {kind}" if kind else ""
            if plain:
                return parse(f"{like}.new_{plain}({shape or '()'}{options})")
            return parse(f"{like}.new_full({whole_shape}, {number_}{options})")
        options = (f", {kind}" if kind else "") + (f", device={like}.device" if like else "")
        return parse(
            f"torch.{plain}({shape or '()'}{options})" if plain else f"torch.full({whole_shape}, {number_}{options})"
        )

    # -- finishing ----------------------------------------------------------------------------------------------
    def finish(self, taken: Iterable[str] = ()) -> list[Statement]:
        """The statements, with short values inlined and all variables named. Whatever made a line too long stays a variable."""
        lists.settle(self.body, self.variables)
        self.body[:0] = self.size_statements()
        if _depth(self.body) > DEEPEST:
            raise CannotEmit(
                f"{self.plan.definition.name} has more than {DEEPEST} loops in one another, which Python cannot run"
            )
        kept: set[str] = set()
        names = {"self", *taken, *self.reserved, *self.plan.program.globals, *self.plan.program.classes.taken}
        while True:
            body = copied(self.body)
            variables = {k: copy.copy(v) for k, v in self.variables.items()}
            inliner = Inliner(body, variables, kept)
            inliner.run()
            body = modes.settle(body)
            idioms.settle(body)
            give_names(body, variables, names)
            body = drop_copies(body, variables)
            long = self._too_long(body, variables, inliner) - kept
            if not long:
                self.variables = variables
                return body
            kept |= long

    def _too_long(self, body: list[Statement], variables: dict[str, Variable], inliner: Inliner) -> set[str]:
        """For each statement that is too long for one line, the longest value that was written into it."""
        writer = Writer(variables)
        bad: set[str] = set()
        for statement in walk(body):
            absorbed = inliner.absorbed.get(id(statement), {})
            if absorbed and not writer.well_laid(statement, INDENT * 2):
                bad.add(max(absorbed, key=lambda k: (len(absorbed[k]), k)))
        return bad


def _depth(body: list[Statement]) -> int:
    """How many loops stand in one another."""
    inside = (_depth(inner) + isinstance(s, (For, With)) for s in body for inner in blocks(s))
    return max(inside, default=0)


def _position(index: int, type_: Type) -> int:
    """An axis as torch counts it: from the end where `...` comes before it."""
    return index - len(type_.shape) if ELLIPSIS in type_.shape[:index] else index
