"""Which hyperparameters are floats: the others are whole numbers, and the annotations of a constructor say which is which."""

from __future__ import annotations

from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Made, Numbers, Param, Repeat
from archdsl.ir.regions import nodes
from archdsl.torch.numbers import is_real
from archdsl.torch.plan import Plan
from archdsl.torch.site import REAL_SETTINGS


def find(plans: dict[str, Plan]) -> None:
    """Fill each plan's `real`. A hyperparameter is a float if its default, a configuration or a use gives it one."""
    for plan in plans.values():
        given = [(h.name, h.default) for h in plan.definition.hypers] + [
            (n, v) for c in plan.definition.configs for n, v in c.settings.items() if isinstance(v, Num)
        ]
        for name, value in given:
            if value is not None and is_real(value, plan.real):
                plan.real.add(name)
    _find_arithmetic(plans)
    changed = True
    while changed:
        changed = sum(_spread(plan, plans) for plan in plans.values()) > 0


def _find_arithmetic(plans: dict[str, Plan]) -> None:
    """What no size, count or part needs as a whole number is a float too."""
    found = {name: _uses(plan) for name, plan in plans.items()}
    changed = True
    while changed:
        changed = False
        for name, plan in plans.items():
            whole, passed = found[name]
            free = {h.name for h in plan.definition.hypers} - whole - plan.real
            real = {h for h in free if all(there in plans[of].real for mine, of, there in passed if mine == h)}
            plan.real |= real
            changed = changed or bool(real)


def _spread(plan: Plan, plans: dict[str, Plan]) -> bool:
    """Whether something that a part is made with is found to be a float by the numbers that are given."""
    changed = False
    for h in plan.held:
        if not isinstance(h.item, Made) or h.item.primitive:
            continue
        callee = plans[h.item.of]
        for name, value in h.item.settings.items():
            if isinstance(value, Num) and name not in callee.real and is_real(value, plan.real):
                callee.real.add(name)
                changed = True
    return changed


def _uses(plan: Plan) -> tuple[set[str], list[tuple[str, str, str]]]:
    """The symbols that must be whole, and those that are passed on: (symbol, definition, its hyperparameter)."""
    definition = plan.definition
    whole: set[str] = set()
    types = (
        [v.type for v in definition.inputs]
        + [s.value.type for s in definition.states]
        + [m.value.type for m in definition.memories]
    )
    passed: list[tuple[str, str, str]] = []
    for h in plan.held:
        if isinstance(h.item, Param):
            types.append(h.item.value.type)
            continue
        for name, value in h.item.settings.items():
            symbols = _symbols(value)
            if not h.item.primitive:
                passed += [(s, h.item.of, name) for s in symbols]
            elif name not in REAL_SETTINGS:
                whole |= symbols
        whole |= {s for n in h.item.sizes.values() for s in n.symbols()}
        for stack in h.stacks:
            whole |= stack.count.symbols()
    for node in nodes(definition.body):
        if isinstance(node, Repeat):
            whole |= node.count.symbols()
        if isinstance(node, Apply):
            whole |= {s for n, v in node.settings.items() if n not in REAL_SETTINGS for s in _symbols(v)}
        types += [v.type for v in getattr(node, "outputs", [])]
    whole |= {s for t in types for s in t.symbols()}
    whole |= {s for h in definition.hypers if h.default is not None for s in h.default.symbols()}
    return whole, passed


def _symbols(value: object) -> set[str]:
    if isinstance(value, Num):
        return value.symbols()
    return {s for n in value.items for s in n.symbols()} if isinstance(value, Numbers) else set()
