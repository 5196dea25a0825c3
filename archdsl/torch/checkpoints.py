"""Gradient checkpointing: in a stack, only what enters each copy is kept for the backward pass, which computes the rest again.

In: the named statements of a `forward`, in which the loops over a stack's copies are marked. Out: the same, where each copy is run by
`recompute`. A copy that is more than one call becomes a function, and is given whatever it reads: when the backward pass comes, the
variables around it hold other values. Stacks whose parts have memories or hand states on are left as they are: they would learn twice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from archdsl.ir.program import Program, Repeat
from archdsl.ir.regions import nodes
from archdsl.torch.names import Namespace
from archdsl.torch.needs import has_effect
from archdsl.torch.plan import ProgramPlan
from archdsl.torch.statements import (
    KEY,
    Assign,
    Blank,
    Define,
    Do,
    For,
    If,
    Return,
    Statement,
    Variable,
    With,
    keys,
    name,
    reads,
    walk,
    writes,
)

HELPER = '''
def recompute(wanted: bool, part: Callable[..., Any], *inputs: Any) -> Any:
    """What a part gives. If wanted, it is computed again for its gradients, and not kept."""
    if wanted and torch.is_grad_enabled():
        return checkpoint(part, *inputs, use_reentrant=False)
    return part(*inputs)
'''


def kept(program: Program) -> list[Repeat]:
    """The stacks that are left as they are, since their parts have memories or hand states on."""
    found = [
        (node, plan)
        for plan in ProgramPlan(program).plans.values()
        if plan.definition.kind != "train"
        for node in nodes(plan.definition.body)
        if isinstance(node, Repeat) and node.kind == "stack" and node.carried
    ]
    return [node for node, plan in found if node.rides or has_effect(node, plan)]


def checkpointed(body: list[Statement], variables: dict[str, Variable], taken: Iterable[str]) -> bool:
    """Let every marked loop recompute its copies, in place; whether there is one."""
    names = Namespace({*taken, *(v.name for v in variables.values())})
    found = False
    for at in reversed(range(len(body))):
        loop = body[at]
        if isinstance(loop, For) and loop.stack:
            after = _live(body[at + 1 :], set(), variables)
            body[at:at] = _wrapped(loop, variables, after, names)
            found = True
    return found


def _wrapped(loop: For, variables: dict[str, Variable], after: set[str], names: Namespace) -> list[Statement]:
    """Change the loop's body; the function that it needs before it, if it needs one."""
    direct = _one_call(loop)
    if direct is not None:
        assert isinstance(direct.value, ast.Call)
        direct.value = _call(direct.value.func, direct.value.args)
        return []
    inside, appends = _appends_last(loop.body, variables, names)
    appended = {variables[k].name for s in appends for k in reads(s)}
    first = {variables[k].name: k for s in walk(inside) for k in (*writes(s), *reads(s)) if variables[k].kind != "list"}
    written = [variables[k].name for s in walk(inside) for k in writes(s)]
    read = _live(inside, set(), variables) | after | appended
    results = [n for n in dict.fromkeys(written) if n in read]
    given = [n for n in first if n in _live(inside, {n for n in results if n in after}, variables)]
    function = names.take("one_copy")
    kinds = [(first[n], "Tensor" if variables[first[n]].kind == "tensor" else "Any") for n in given]
    call = _call(ast.Name(function, ast.Load()), [name(k) for k, _ in kinds])
    loop.body[:] = [Assign([first[n] for n in results], call, keep=True), *appends]
    define = Define(function, kinds, [*inside, Return([name(first[n]) for n in results])])
    return [Blank(), define, Blank()]


def _live(body: list[Statement], live: set[str], variables: dict[str, Variable]) -> set[str]:
    """The names that are read before they are written, where `live` are read afterwards."""

    def names(all_keys: Iterable[str]) -> set[str]:
        return {variables[k].name for k in all_keys}

    for statement in reversed(body):
        match statement:
            case For(body=inner, target=target):
                live = live | (_live(inner, live, variables) - names(keys(target)))
            case If(body=inner, orelse=orelse):
                live = _live(inner, live, variables) | _live(orelse, live, variables)
            case With(body=inner):
                live = _live(inner, live, variables)
            case _:
                live = live - names(writes(statement))
        live = live | names(reads(statement))
    return live


def _appends_last(
    body: list[Statement], variables: dict[str, Variable], names: Namespace
) -> tuple[list[Statement], list[Statement]]:
    """The body without what it appends to lists, and that: a function that runs twice must not append twice."""
    inside: list[Statement] = []
    appends: list[Statement] = []
    for statement in body:
        if not _is_append(statement):
            inside.append(statement)
            continue
        assert isinstance(statement, Do) and isinstance(statement.value, ast.Call)
        (value,) = statement.value.args
        variable = Variable(f"{KEY}append{len(variables)}", ["kept"], name=names.take("kept"))
        variables[variable.key] = variable
        inside.append(Assign([variable.key], value, keep=True))
        appends.append(Do(ast.Call(statement.value.func, [name(variable.key)], [])))
    return inside, appends


def _one_call(loop: For) -> Assign | None:
    """The body, if it is one call of one copy with plain inputs."""
    if len(loop.body) != 1 or not isinstance(loop.target, ast.Name):
        return None
    statement = loop.body[0]
    match statement:
        case Assign(value=ast.Call(func=ast.Name(id=called), args=args, keywords=[])) if called == loop.target.id:
            plain = all(isinstance(a, ast.Name) for a in args)
            return statement if plain and len(statement.targets) == 1 else None
    return None


def _call(part: ast.expr, inputs: Iterable[ast.expr]) -> ast.expr:
    flag = ast.Attribute(ast.Name("self", ast.Load()), "checkpointing", ast.Load())
    return ast.Call(ast.Name("recompute", ast.Load()), [flag, part, *inputs], [])


def _is_append(statement: Statement) -> bool:
    return (
        isinstance(statement, Do)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Attribute)
        and statement.value.func.attr == "append"
    )
