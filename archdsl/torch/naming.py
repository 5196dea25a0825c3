"""Names for the variables of a function, as a person would give them.

Two variables may have one name where they are never needed at the same time, so that `x = x + self.attend(x)` comes out, and a loop hands
its values on under one name. In: statements over variables. Out: `Variable.name` is set, and copies of a name to itself are gone.
"""

from __future__ import annotations

import ast
from collections import Counter

from archdsl.torch.names import Namespace, variable
from archdsl.torch.statements import (
    Assign,
    Blank,
    Break,
    For,
    If,
    Return,
    Statement,
    Variable,
    With,
    keys,
    reads,
    walk,
    writes,
)


class Liveness:
    """Which variables are needed at the same time: `meets[v]`."""

    def __init__(self, body: list[Statement], parameters: list[str]):
        self.meets: dict[str, set[str]] = {}
        self.breaks: list[set[str]] = []
        self.defined = Counter(k for s in walk(body) for k in writes(s))
        self.known: dict[int, tuple[set[str], set[str]]] = {}
        """What each loop needs before its body of its own accord, whatever is needed after it; and what nothing but its body makes."""
        self.finding = 0
        """How many loops are around, of which the first of these is still to be found."""
        live = self.block(body, set())
        for p in parameters:
            self.meet(p, live)
            self.meet(p, set(parameters))

    def meet(self, key: str, others: set[str]) -> None:
        for other in others - {key}:
            self.meets.setdefault(key, set()).add(other)
            self.meets.setdefault(other, set()).add(key)

    def block(self, body: list[Statement], live: set[str]) -> set[str]:
        for statement in reversed(body):
            live = self.statement(statement, live)
        return live

    def statement(self, statement: Statement, live: set[str]) -> set[str]:
        match statement:
            case For():
                return self.loop(statement, live)
            case If(body=body, orelse=orelse):
                return self.block(body, set(live)) | self.block(orelse, set(live)) | set(reads(statement))
            case With(body=body):
                return self.block(body, set(live)) | set(reads(statement))
            case Return():
                return set(reads(statement))
            case Break():
                return live | self.breaks[-1]
        defined = writes(statement)
        copied = reads(statement) if isinstance(statement, Assign) and statement.copy else []
        for key in defined:
            self.meet(key, (live | set(defined)) - set(copied))
        return (live - set(defined)) | set(reads(statement))

    def loop(self, statement: For, after: set[str]) -> set[str]:
        """What is needed before a loop: what is needed after it, and what its body reads before it writes it. Liveness is a union,
        so that the second is the same whatever comes after, and is found once for each loop.
        """
        if id(statement) not in self.known:
            inside = Counter(k for s in walk(statement.body) for k in writes(s))
            own = {k for k, times in inside.items() if times == self.defined[k]}
            self.finding += 1
            self.known[id(statement)] = self.one_pass(statement, set(), set()), own
            self.finding -= 1
        needed, own = self.known[id(statement)]
        if not self.finding:
            self.one_pass(statement, needed | after, after)
        return ((needed | after) - own) | set(reads(statement))

    def one_pass(self, statement: For, after: set[str], left: set[str]) -> set[str]:
        """What is needed before one pass of a loop; `after` is needed after it, and `left` where it breaks off."""
        targets = set(keys(statement.target))
        self.breaks.append(left)
        inside = self.block(statement.body, set(after))
        self.breaks.pop()
        for key in targets:
            self.meet(key, inside | targets)
        return inside - targets


def give_names(body: list[Statement], variables: dict[str, Variable], taken: set[str]) -> None:
    """Name every variable of a function; `taken` are names that are not to be used."""
    parameters = [k for k, v in variables.items() if v.name]
    meets = Liveness(body, parameters).meets
    partners = _partners(body)
    order = _order(body, parameters)
    by_type: dict[str, set[str]] = {}
    for p in parameters:
        by_type.setdefault(_type(variables[p]), set()).add(variables[p].name)
    for key in order:
        var = variables[key]
        if var.name:
            continue
        near = {variables[k].name for k in meets.get(key, ())} | taken
        near = near.union(*(names for kind, names in by_type.items() if kind != _type(var)))
        if var.kind == "slice":  # the target of a loop, which must not hide a parameter
            near |= {variables[p].name for p in parameters}
        var.name = _choose(
            var, [variables[p] for p in partners.get(key, ()) if _type(variables[p]) == _type(var)], near
        )
        by_type.setdefault(_type(var), set()).add(var.name)


def _type(var: Variable) -> str:
    """What a variable holds: one name may stand for two variables of one type, at different times."""
    return "tensor" if var.kind == "slice" else var.kind


def _choose(var: Variable, partners: list[Variable], near: set[str]) -> str:
    wishes = [p.name for p in partners if p.name and not var.named]
    wishes += [variable(p.wishes[0]) for p in partners if p.named and not p.name and not var.named]
    wishes += [variable(w) for w in var.wishes]
    return Namespace(near).take(*wishes)


def _partners(body: list[Statement]) -> dict[str, list[str]]:
    """Variables that are copied to one another, and so like to have one name."""
    partners: dict[str, list[str]] = {}
    for statement in walk(body):
        if isinstance(statement, Assign) and statement.copy:
            for target, source in zip(statement.targets, _sources(statement)):
                for a, b in ((target, source), (source, target)):
                    if a and b:
                        partners.setdefault(a, []).append(b)
    return partners


def _sources(statement: Assign) -> list[str]:
    parts = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    return [p.id if isinstance(p, ast.Name) and next(keys(p), "") else "" for p in parts]


def _order(body: list[Statement], parameters: list[str]) -> list[str]:
    seen = dict.fromkeys(parameters)
    for statement in walk(body):
        seen.update(dict.fromkeys(writes(statement)))
    return list(seen)


def drop_copies(body: list[Statement], variables: dict[str, Variable]) -> list[Statement]:
    """The statements without those that copy a name to itself."""
    result: list[Statement] = []
    for statement in body:
        match statement:
            case Assign(copy=True):
                if not _without_copies(statement, variables):
                    continue
            case For() | With():
                statement.body = drop_copies(statement.body, variables)
            case If():
                statement.body = drop_copies(statement.body, variables)
                statement.orelse = drop_copies(statement.orelse, variables)
        result.append(statement)
    return result


def _without_copies(statement: Assign, variables: dict[str, Variable]) -> bool:
    """Take out the names that are copied to themselves. Whether anything is left."""
    parts = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    pairs = [
        (t, p)
        for t, p, s in zip(statement.targets, parts, _sources(statement))
        if not s or variables[s].name != variables[t].name
    ]
    statement.targets = [t for t, _ in pairs]
    statement.value = pairs[0][1] if len(pairs) == 1 else ast.Tuple([p for _, p in pairs], ast.Load())
    return bool(pairs)


__all__ = ["Blank", "drop_copies", "give_names"]
