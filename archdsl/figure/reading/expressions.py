"""Applications as expressions of a program: operators, calls, pipelines, with as few brackets as their binding needs.

In: a `Use` (see `marks`) and its operands. Out: `Expression`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.uses import Use
from archdsl.ops import DISTRIBUTIONS, OPS
from archdsl.ops.base import REQUIRED, Op, Over

PIPE, OR, AND, NOT, COMPARE, SUM, PRODUCT, MINUS, POWER, ATOM = range(10)
INFIX = {
    "add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT), "floordiv": ("//", PRODUCT), "mod": ("%", PRODUCT),
    "matmul": ("@", PRODUCT), "pow": ("^", POWER), "eq": ("==", COMPARE), "ne": ("!=", COMPARE), "lt": ("<", COMPARE),
    "le": ("<=", COMPARE), "gt": (">", COMPARE), "ge": (">=", COMPARE), "and": ("and", AND), "or": ("or", OR),
}  # fmt: skip


@dataclass
class Expression:
    """Text of a program, how loosely it binds, and the same as a pipeline where it is one."""

    text: str
    level: int = ATOM
    chain: Sequence[str] = field(default_factory=tuple)

    def at(self, level: int) -> str:
        """The text as an operand of what binds so tightly."""
        return self.text if self.level >= level else f"({self.text})"

    @property
    def stages(self) -> list[str]:
        return list(self.chain) or [self.text if self.level > PIPE else f"({self.text})"]

    @property
    def best(self) -> str:
        """As a statement's right side: a pipeline where it has two stages or more."""
        return " -> ".join(self.chain) if len(self.chain) > 2 else self.text


def number(text: str) -> Expression:
    """A number, as tight as it binds."""
    bare = text
    while "(" in bare:
        inner = re.sub(r"\([^()]*\)", "_", bare)
        if inner == bare:
            break
        bare = inner
    if re.search(r" [+-] ", bare):
        return Expression(text, SUM)
    if "*" in bare or "/" in bare:
        return Expression(text, PRODUCT)
    return Expression(text, MINUS if bare.startswith("-") else POWER if "^" in bare else ATOM)


def of_primitive(use: Use, operands: Sequence[Expression | None], part: str = "") -> Expression:
    """A primitive applied; `part` names the layer, if it has a name."""
    op = OPS[use.op]
    given = [_in_port(op, i, o) for i, o in enumerate(operands) if o is not None]
    if use.op in INFIX and len(given) == 2:
        return _infix(use.op, *given)
    if use.op == "neg":
        return Expression(f"-{given[0].at(MINUS)}", MINUS)
    if use.op == "not":
        return Expression(f"not {given[0].at(NOT)}", NOT)
    if op.name[:1].isupper():
        maker = part or made(use.op, arguments(op, use, positional=True), use.frozen)
        return applied(maker, given, named=bool(part))
    if op.name == "log_prob":
        return Expression(f"log_prob({given[0].text})")
    if op.name == "concat" and use.settings.get("over") == "-1" and len(given) > 1:
        return Expression(f"[{', '.join(g.text for g in given)}]")
    positional = op.parsed.most == len(given)
    texts = [g.text for g in given] + arguments(op, use, positional)
    text = f"{op.name}({', '.join(texts)})"
    if not given:
        return Expression(text)
    rest = f"({', '.join(texts[1:])})" if texts[1:] else ""
    return Expression(text, ATOM, [*given[0].stages, f"{op.name}{rest}"])


def _infix(name: str, left: Expression, right: Expression) -> Expression:
    sign, level = INFIX[name]
    if level == POWER:
        return Expression(f"{left.at(ATOM)}^{right.at(MINUS)}", POWER)
    loose = SUM if level == COMPARE else level
    return Expression(f"{left.at(loose)} {sign} {right.at(level + 1)}", level)


def _in_port(op: Op, index: int, operand: Expression) -> Expression:
    """A flag where the port takes one: the figure writes true as 1."""
    if op.parsed.inputs and op.parsed.port(index).dtype == "bool" and operand.text in ("0", "1"):
        return Expression("true" if operand.text == "1" else "false")
    return operand


def arguments(op: Op, use: Use, positional: bool) -> list[str]:
    """The settings, those that must be given first and without their names."""
    texts: list[str] = []
    for key, declared in op.settings.items():
        value = use.settings.get(key, "")
        if value and declared is REQUIRED and positional:
            texts.append(value)
            continue
        positional = False
        usual = isinstance(declared, Over) and declared.default == -1 and value == "-1"
        if value and not usual:
            texts.append(f"{key} = {value}")
    return [*texts, *(f"{w} = {f}" for w, f in use.fills.items())]


# -- what holds weights -------------------------------------------------------------------------------------------------
def made(name: str, given: Sequence[str], frozen: bool) -> str:
    """`Linear(4)`, or `Linear` alone, as a stage of a pipeline."""
    return ("frozen " if frozen else "") + name + (f"({', '.join(given)})" if given else "")


def applied(
    maker: str, given: Sequence[Expression], named: bool = False, keywords: Mapping[str, str] | None = None
) -> Expression:
    """What holds weights, applied."""
    inputs = [g.text for g in given] + [f"{k} = {v}" for k, v in (keywords or {}).items()]
    call = maker if named or maker.endswith(")") else f"{maker}()"
    text = f"{call}({', '.join(inputs)})"
    level = POWER if maker.startswith("frozen ") else ATOM
    if len(inputs) != 1 or not given:
        return Expression(text, level)
    return Expression(text, level, [*given[0].stages, maker])


def drawn(use: Use, operands: Sequence[Expression | None]) -> str:
    """`Normal(mu, 1): [batch, d] by reparameterisation`"""
    names = DISTRIBUTIONS[use.op].parameters
    if any(o is None for o in operands) or len(operands) != len(names):
        raise Unreadable(f"a draw from {use.op} lacks a parameter")
    text = f"{use.op}({', '.join(o.text for o in operands if o)})"
    text += f": {use.type}" if use.type else ""
    return text + (f" by {use.way}" if use.way and use.way != "none" else "")
