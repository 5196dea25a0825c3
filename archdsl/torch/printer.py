"""Python syntax → text, laid out as `ruff format --line-length 100` lays it out.

In: expressions as `ast` nodes, which are made from fully parenthesised text or by substitution. Out: text with no needless parentheses,
in lines of at most 100 columns wherever the language lets a line be broken.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from decimal import Decimal

WIDTH = 100
INDENT = "    "

_TERNARY, _OR, _AND, _NOT, _COMPARE, _BITOR, _BITXOR, _BITAND, _SHIFT, _ADD, _TIMES, _UNARY, _POWER, _CALL = range(
    1, 15
)

_BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _ADD),
    ast.Sub: ("-", _ADD),
    ast.Mult: ("*", _TIMES),
    ast.Div: ("/", _TIMES),
    ast.FloorDiv: ("//", _TIMES),
    ast.Mod: ("%", _TIMES),
    ast.MatMult: ("@", _TIMES),
    ast.BitAnd: ("&", _BITAND),
    ast.BitOr: ("|", _BITOR),
    ast.BitXor: ("^", _BITXOR),
    ast.LShift: ("<<", _SHIFT),
    ast.RShift: (">>", _SHIFT),
}
_UNARIES: dict[type[ast.unaryop], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def parse(text: str) -> ast.expr:
    """The expression that a text is. The texts come from templates and numbers, never from a program's strings."""
    return ast.parse(text, mode="eval").body


def flat(node: ast.expr, around: int = 0) -> str:
    """An expression on one line; `around` is how tightly what stands around it binds."""
    text, binds = _flat(node)
    return f"({text})" if binds < around else text


def _flat(node: ast.expr) -> tuple[str, int]:
    match node:
        case ast.Name(id=name):
            return name, 99
        case ast.Constant(value=value):
            return constant(value), 99
        case ast.Attribute(value=value, attr=attr):
            return f"{_base(value)}.{attr}", _CALL
        case ast.Call(func=func):
            return f"{flat(func, _CALL)}({', '.join(arguments(node))})", _CALL
        case ast.Subscript(value=value, slice=index):
            return f"{flat(value, _CALL)}[{_index(index)}]", _CALL
        case ast.Starred(value=value):
            return f"*{flat(value, _BITOR)}", 99
        case ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare() | ast.IfExp() | ast.Lambda():
            return _operator(node)
        case ast.Tuple(elts=items):
            inside = ", ".join(flat(i, _TERNARY) for i in items)
            return f"({inside},)" if len(items) == 1 else f"({inside})", 99
        case ast.List(elts=items):
            return f"[{', '.join(flat(i, _TERNARY) for i in items)}]", 99
        case ast.Dict(keys=keys, values=values):
            return "{" + ", ".join(f"{flat(k)}: {flat(v)}" for k, v in zip(keys, values) if k) + "}", 99
        case ast.ListComp():
            return f"[{' '.join(clauses(node))}]", 99
        case ast.GeneratorExp():
            return f"({' '.join(clauses(node))})", 99
    raise TypeError(f"no text for {type(node).__name__}")


def _base(value: ast.expr) -> str:
    text = flat(value, _CALL)
    return f"({text})" if isinstance(value, ast.Constant) and isinstance(value.value, (int, float)) else text


def _operator(node: ast.expr) -> tuple[str, int]:
    match node:
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            sign = "**" if _simple_power(left) and _simple_power(right) else " ** "
            return f"{flat(left, _CALL)}{sign}{flat(right, _UNARY)}", _POWER
        case ast.BinOp(left=left, op=op, right=right):
            sign, binds = _BINARY[type(op)]
            return f"{flat(left, binds)} {sign} {flat(right, binds + 1)}", binds
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"not {flat(operand, _NOT)}", _NOT
        case ast.UnaryOp(op=op, operand=operand):
            return f"{_UNARIES[type(op)]}{flat(operand, _UNARY)}", _UNARY
        case ast.BoolOp(op=op, values=values):
            word, binds = (" or ", _OR) if isinstance(op, ast.Or) else (" and ", _AND)
            return word.join(flat(v, binds + 1) for v in values), binds
        case ast.Compare(left=left, ops=ops, comparators=rights):
            text = flat(left, _COMPARE + 1)
            return text + "".join(
                f" {_COMPARISONS[type(o)]} {flat(r, _COMPARE + 1)}" for o, r in zip(ops, rights)
            ), _COMPARE
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return f"{flat(body, _OR)} if {flat(test, _OR)} else {flat(orelse, _TERNARY)}", _TERNARY
        case ast.Lambda(args=args, body=body):
            names = ", ".join(a.arg for a in args.args)
            return f"lambda {names}: {flat(body)}" if names else f"lambda: {flat(body)}", _TERNARY
    raise TypeError(f"no text for {type(node).__name__}")


def _simple_power(node: ast.expr) -> bool:
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=value):
            return _simple_power(value)
        case ast.UnaryOp(op=op, operand=operand):
            return not isinstance(op, ast.Not) and _simple_power(operand)
    return False


def constant(value: object) -> str:
    """A literal: double quotes, and exponents without padding zeros."""
    if isinstance(value, str):
        text = repr(value)
        return text if '"' in value else '"' + text[1:-1].replace("\\'", "'") + '"'
    if isinstance(value, float):
        return _float(value)
    return "..." if value is Ellipsis else repr(value)


def _float(value: float) -> str:
    """A float as people write it: 0.1, 2.5, 1e-5, 6e-4, 1e9."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    terse = isinstance(exponent, int) and ((value and abs(value) <= 1e-3) or exponent >= 6)
    if not isinstance(exponent, int) or not (terse or "e" in repr(value)):
        return repr(value)
    head, tail = str(digits[0]), "".join(map(str, digits[1:]))
    short = f"{'-' * sign}{head}{'.' + tail if tail else ''}e{exponent + len(tail)}"
    return short if len(short) < len(repr(value)) or "e" in repr(value) else repr(value)


def _index(index: ast.expr) -> str:
    if isinstance(index, ast.Tuple):
        return ", ".join(map(_one_index, index.elts)) + ("," if len(index.elts) == 1 else "")
    return _one_index(index)


def _one_index(index: ast.expr) -> str:
    if not isinstance(index, ast.Slice):
        return flat(index, _TERNARY)
    bounds = (index.lower, index.upper, index.step)
    lower, upper, step = (flat(b) if b else "" for b in bounds)
    if all(b is None or _simple_bound(b) for b in bounds):
        return f"{lower}:{upper}:{step}" if step else f"{lower}:{upper}"
    text = f"{lower + ' ' if lower else ''}:{' ' + upper if upper else ''}"
    return f"{text} : {step}" if step else text


def _simple_bound(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _simple_bound(node.operand)
    return isinstance(node, (ast.Name, ast.Constant))


def arguments(call: ast.Call) -> list[str]:
    """The arguments of a call, each on one line; a generator that is the only one needs no parentheses of its own."""
    if len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.GeneratorExp):
        return [" ".join(clauses(call.args[0]))]
    named = [f"{k.arg}={flat(k.value, _TERNARY)}" if k.arg else f"**{flat(k.value)}" for k in call.keywords]
    return [flat(a, _TERNARY) for a in call.args] + named


def clauses(node: ast.ListComp | ast.GeneratorExp) -> list[str]:
    """`element`, `for a in b`, … of a comprehension."""
    parts = [flat(node.elt, _TERNARY)]
    for g in node.generators:
        parts.append(f"for {bare(g.target)} in {flat(g.iter, _OR)}")
        parts.extend(f"if {flat(test, _OR)}" for test in g.ifs)
    return parts


def bare(node: ast.expr) -> str:
    """An expression where a tuple needs no parentheses."""
    if isinstance(node, ast.Tuple) and len(node.elts) > 1:
        return ", ".join(flat(i, _TERNARY) for i in node.elts)
    return flat(node)


def fits(text: str) -> bool:
    return len(text) <= WIDTH


def lines(indent: str, prefix: str, node: ast.expr, suffix: str = "", tuple_bare: bool = False) -> list[str]:
    """`prefix` expression `suffix` at an indentation, in one line or broken inside its outermost brackets."""
    one = indent + prefix + (bare(node) if tuple_bare else flat(node)) + suffix
    if fits(one):
        return [one]
    match node:
        case ast.Call(args=[ast.GeneratorExp() as inside], keywords=[]):
            return _comprehension(indent, f"{prefix}{flat(node.func, _CALL)}(", inside, ")" + suffix)
        case ast.Call(func=func) if node.args or node.keywords:
            return _bracket(indent, f"{prefix}{flat(func, _CALL)}(", _parts(node), ")" + suffix)
        case ast.List(elts=items) if items:
            return _bracket(indent, prefix + "[", [("", i) for i in items], "]" + suffix)
        case ast.Tuple(elts=items) if items:
            return _bracket(indent, prefix + "(", [("", i) for i in items], ")" + suffix)
        case ast.Dict(keys=keys, values=values) if values:
            return _bracket(
                indent, prefix + "{", [(f"{flat(k)}: ", v) for k, v in zip(keys, values) if k], "}" + suffix
            )
        case ast.ListComp():
            return _comprehension(indent, prefix + "[", node, "]" + suffix)
    if prefix.endswith(("= ", "return ")):
        return _parenthesised(indent, prefix, node, suffix)
    return [one]


def _parts(call: ast.Call) -> list[tuple[str, ast.expr]]:
    return [("", a) for a in call.args] + [(f"{k.arg}=", k.value) for k in call.keywords]


def _bracket(indent: str, opening: str, parts: list[tuple[str, ast.expr]], closing: str) -> list[str]:
    inner = indent + INDENT
    together = inner + ", ".join(p + flat(v, _TERNARY) for p, v in parts)
    if opening[-1] == "(" and opening[:-1].strip() and fits(together) and not opening.endswith("= ("):
        return [indent + opening, together, indent + closing]
    if opening[-1] in "[{" and fits(together):
        return [indent + opening, *[ln for p, v in parts for ln in lines(inner, p, v, ",")], indent + closing]
    return [indent + opening, *[ln for p, v in parts for ln in lines(inner, p, v, ",")], indent + closing]


def _comprehension(indent: str, opening: str, node: ast.ListComp | ast.GeneratorExp, closing: str) -> list[str]:
    inner = indent + INDENT
    together = inner + " ".join(clauses(node))
    if fits(together):
        return [indent + opening, together, indent + closing]
    rest = clauses(node)[1:]
    return [indent + opening, *lines(inner, "", node.elt), *[inner + r for r in rest], indent + closing]


def _operands(node: ast.expr) -> list[str]:
    """`a`, `+ b`, `- c` of a chain of operators of one tightness."""
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
        sign, binds = _BINARY[type(node.op)]
        left = node.left
        same = isinstance(left, ast.BinOp) and not isinstance(left.op, ast.Pow) and _BINARY[type(left.op)][1] == binds
        return [*(_operands(left) if same else [flat(left, binds)]), f"{sign} {flat(node.right, binds + 1)}"]
    if isinstance(node, ast.BoolOp):
        word, binds = ("or", _OR) if isinstance(node.op, ast.Or) else ("and", _AND)
        first, *rest = (flat(v, binds + 1) for v in node.values)
        return [first, *[f"{word} {r}" for r in rest]]
    if isinstance(node, ast.IfExp):
        return [flat(node.body, _OR), f"if {flat(node.test, _OR)}", f"else {flat(node.orelse, _TERNARY)}"]
    return [flat(node)]


def _parenthesised(indent: str, prefix: str, node: ast.expr, suffix: str) -> list[str]:
    inner = indent + INDENT
    whole = inner + flat(node)
    inside = [whole] if fits(whole) else [inner + o for o in _operands(node)]
    return [f"{indent}{prefix}(", *inside, f"{indent}){suffix}"]


def signature(indent: str, name: str, parameters: Sequence[str], returns: str) -> list[str]:
    """`def name(parameters) -> returns:`"""
    one = f"{indent}def {name}({', '.join(parameters)}) -> {returns}:"
    if fits(one):
        return [one]
    together = indent + INDENT + ", ".join(parameters)
    if fits(together):
        return [f"{indent}def {name}(", together, f"{indent}) -> {returns}:"]
    return [f"{indent}def {name}(", *[f"{indent}{INDENT}{p}," for p in parameters], f"{indent}) -> {returns}:"]
