"""Which definitions get a panel, in which order, and with which title.

In: a program and the wishes `only`, `expand`, `collapse`, `depth`. Out: panels. The model comes first, then each definition that it
uses, once, in the order they are met; then what trains it. What is left out is said where it is used ("inside not drawn").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from archdsl.figure import theme
from archdsl.figure.captions import caption, even
from archdsl.figure.scene import Panel
from archdsl.figure.wiring import Context, panel
from archdsl.figure.words import bold, esc, number, option, small
from archdsl.ir.num import Num
from archdsl.ir.program import (
    Apply,
    Call,
    Comparison,
    Condition,
    Definition,
    Made,
    Minimize,
    Node,
    Program,
    Region,
    Repeat,
    Until,
    Update,
)


class UnknownDefinition(Exception):
    """A name that is asked for and is not in the program."""

    def __init__(self, name: str, known: Collection[str]):
        super().__init__(f"nothing in the program is named {name!r}")
        self.hint = "it has " + ", ".join(sorted(known))


def panels(
    program: Program,
    *,
    entry: str | None = None,
    only: Collection[str] = (),
    expand: Collection[str] = (),
    collapse: Collection[str] = (),
    depth: int | None = None,
    counts: Mapping[str, int] | None = None,
    letters: int = 62,
    captions: bool = True,
) -> list[Panel]:
    """The panels of a program's figure. The lines of their titles have about so many `letters`."""
    definitions = {d.name: d for d in program.definitions}
    wanted = [_find(definitions, n) for n in only] or ([_find(definitions, entry)] if entry else None)
    reached = _reached(program, definitions, wanted, _names(definitions, collapse), _names(definitions, expand), depth)
    drawn = [d for group in wanted or [] for d in group] if only else [definitions[n] for n in reached]
    context = Context(
        definitions,
        frozenset(d.name for d in drawn),
        frozenset(n for n in definitions if _holds_weights(definitions[n], definitions)),
        frozenset(n for n in definitions if _holds_weights(definitions[n], definitions, learned=True)),
        frozenset(n for n in definitions if _remembers(definitions[n], definitions)),
        frozenset(n for n in definitions if _keeps_something(definitions[n], definitions)),
        _writers(program),
        _tags(drawn, definitions),
    )
    return [panel(d, context, title(d, (counts or {}).get(d.name), letters, captions)) for d in drawn]


def _find(definitions: Mapping[str, Definition], name: str) -> list[Definition]:
    found = [d for d in definitions.values() if name in (d.name, d.source_name)]
    if not found:
        raise UnknownDefinition(name, {d.source_name for d in definitions.values()})
    return found


def _names(definitions: Mapping[str, Definition], names: Collection[str]) -> set[str]:
    return {d.name for n in names for d in _find(definitions, n)}


def _reached(
    program: Program,
    definitions: Mapping[str, Definition],
    wanted: list[list[Definition]] | None,
    collapse: set[str],
    expand: set[str],
    depth: int | None,
) -> list[str]:
    """Names in the order of their panels."""
    order: dict[str, int] = {}

    def visit(name: str, level: int) -> None:
        if name in order and order[name] <= level:
            return
        order[name] = min(level, order.get(name, level))
        for inner in uses(definitions[name]):
            if inner in collapse or (depth is not None and level + 1 > depth and inner not in expand):
                continue
            visit(inner, level + 1)

    for definition in [d for group in wanted for d in group] if wanted else _entries(program, definitions):
        visit(definition.name, 0)
    return list(order)


def _entries(program: Program, definitions: Mapping[str, Definition]) -> list[Definition]:
    """Models first, each with what it uses; then the trains; what neither uses comes last."""
    own = [definitions[n] for n in program.entries if n in definitions]
    used = {n for d in own for n in uses(d) if d.kind != "train"}
    models = [d for d in own if d.kind == "model" and d.name not in used]
    trains = [d for d in own if d.kind == "train"]
    rest = [d for d in own if d.kind in ("block", "cell") or d.name in used]
    return [*models, *trains, *(d for d in rest if not _below(d.name, [*models, *trains], definitions))]


def _below(name: str, roots: list[Definition], definitions: Mapping[str, Definition]) -> bool:
    seen, waiting = set[str](), [n for d in roots for n in uses(d)]
    while waiting:
        n = waiting.pop()
        if n not in seen:
            seen.add(n)
            waiting.extend(uses(definitions[n]))
    return name in seen


def uses(definition: Definition) -> list[str]:
    """The definitions that a definition calls, each once, in the order of its calls."""
    made = {m.id: m for region in _regions(definition.body) for m in region.made}
    called = [made[n.made].of for n in _nodes(definition.body) if isinstance(n, Call)]
    return list(dict.fromkeys(called))


def _regions(region: Region) -> Iterator[Region]:
    yield region
    for node in region.nodes:
        if isinstance(node, (Repeat, Until)):
            yield from _regions(node.body)


def _nodes(region: Region) -> Iterator[Node]:
    for node in region.nodes:
        yield node
        if isinstance(node, (Repeat, Until)):
            yield from _nodes(node.body)


def _holds_weights(definition: Definition, definitions: Mapping[str, Definition], learned: bool = False) -> bool:
    """Whether weights are in it; with `learned`, whether some that are not frozen are."""

    def holds(made: Made) -> bool:
        if learned and made.frozen:
            return False
        return bool(made.weights) if made.primitive else _holds_weights(definitions[made.of], definitions, learned)

    return any(
        any(not (learned and p.frozen) for p in r.params) or any(holds(m) for m in r.made)
        for r in _regions(definition.body)
    )


def _remembers(definition: Definition, definitions: Mapping[str, Definition]) -> bool:
    """Whether its calls change a memory, so that their order counts."""
    if any(m.next is not None or isinstance(m.initial, int) for m in definition.memories):
        return True
    made = [m for r in _regions(definition.body) for m in r.made if not m.primitive]
    return any(_remembers(definitions[m.of], definitions) for m in made)


def _keeps(made: Made, definitions: Mapping[str, Definition]) -> bool:
    """Whether it makes a difference to use it twice or to make it twice: it holds weights, a memory or a state."""
    if made.primitive:
        return bool(made.weights)
    return _keeps_something(definitions[made.of], definitions)


def _keeps_something(of: Definition, definitions: Mapping[str, Definition]) -> bool:
    if of.memories or of.states or any(r.params for r in _regions(of.body)):
        return True
    return any(_keeps(m, definitions) for r in _regions(of.body) for m in r.made)


def _writers(program: Program) -> dict[tuple[str, str], list[str]]:
    """The trains that set a definition's memory."""
    found: dict[tuple[str, str], list[str]] = {}
    for train in program.definitions:
        made = {m.id: m for region in _regions(train.body) for m in region.made}
        for node in _nodes(train.body):
            if isinstance(node, Update):
                names = found.setdefault((made[node.made].of, node.memory), [])
                if train.name not in names:
                    names.append(train.name)
    return found


def _tags(drawn: list[Definition], definitions: Mapping[str, Definition]) -> dict[tuple[str, int], str]:
    """A letter for everything made that is met at two places or more, if it holds anything."""
    tags: dict[tuple[str, int], str] = {}
    for definition in drawn:
        keeps = {m.id for r in _regions(definition.body) for m in r.made if _keeps(m, definitions)}
        count: dict[int, int] = {}
        for node in _nodes(definition.body):
            ids = [node.made] if isinstance(node, (Apply, Call)) and node.made is not None else []
            ids += node.over if isinstance(node, Minimize) else []
            for i in ids:
                count[i] = count.get(i, 0) + 1
        tags.update(
            {
                (definition.name, i): _letter(len(tags) + k)
                for k, i in enumerate(sorted(i for i, n in count.items() if n > 1 and i in keeps))
            }
        )
    return tags


def _letter(index: int) -> str:
    return chr(ord("A") + index % 26) + (str(index // 26) if index >= 26 else "")


# -- titles -----------------------------------------------------------------------------------------------------------
def title(definition: Definition, count: int | None, letters: int = 62, captions: bool = True) -> list[str]:
    """Name and kind, hyperparameters, what was chosen, other configurations, and the caption."""
    head = f"{bold(esc(definition.name))}  {small(definition.kind, size=9)}"
    if count is not None:
        head += small(f" · {count:,} parameters", size=9)
    lines = [head]
    given = [esc(h.name) + (f" = {number(h.default)}" if h.default is not None else "") for h in definition.hypers]
    if given:
        lines += [small(t) for t in _filled([f"with {given[0]}", *given[1:]], letters + 2)]
    chosen = [option(k, v) for k, v in definition.chosen.items()]
    if chosen:
        lines += [small(t) for t in _filled([f"where {chosen[0]}", *chosen[1:]], letters + 2)]
    if definition.conditions:  # apart, lest a default look like one
        found = [condition(c) for c in definition.conditions]
        lines += [small(t) for t in _filled([f"if {found[0]}", *found[1:]], letters + 2)]
    for config in definition.configs:
        inside = [f"{esc(k)} = {number(v)}" if isinstance(v, Num) else option(k, v) for k, v in config.settings.items()]
        head = f"config {esc(config.name)}: {''.join(inside[:1])}"
        lines += [small(t) for t in _filled([head, *inside[1:]], letters + 2)]
    return lines + [small(t, color=theme.PROSE) for t in caption(definition.doc, letters) if captions]


def condition(decided: Condition) -> str:
    """What an `if` found, so that this variant is what is drawn: `stride > 1`, `a ≠ b and c ≠ d`."""
    if decided.outcome:
        return " or ".join(" and ".join(_compared(c, c.op) for c in every) for every in decided.any_of)
    none = [" or ".join(_compared(c, _OPPOSITE[c.op]) for c in every) for every in decided.any_of]
    several = [len(every) > 1 and len(none) > 1 for every in decided.any_of]
    return " and ".join(f"({t})" if s else t for t, s in zip(none, several))


def _compared(c: Comparison, op: str) -> str:
    return f"{number(c.left)} {_SIGNS.get(op, op)} {number(c.right)}"


_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SIGNS = {"==": "=", "!=": "≠", "<": "&lt;", ">": "&gt;", "<=": "≤", ">=": "≥"}


def _filled(parts: list[str], width: int) -> list[str]:
    """Parts on few lines that are all about as long."""

    def lines(width: int) -> list[str]:
        found: list[str] = []
        for part in parts:
            if found and len(found[-1]) + len(part) < width:
                found[-1] += f", {part}"
            else:
                found.append(part)
        return found

    filled = even(lines, width)
    return [f"{line}," for line in filled[:-1]] + filled[-1:]
