"""A primitive's use becomes one mark: by its op's `Mark`, with every setting that is not a default, its axes, and its operands by name.

In: an `Apply` node, its op, the types around it, what holds its weights. Out: `Placed`: the mark, and the port of each operand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from archdsl.figure import theme, words
from archdsl.figure.scene import SLOT, Mark, MarkKind
from archdsl.figure.storage import learned
from archdsl.figure.words import bold, esc, number, option, setting, small, type_text
from archdsl.ir.num import Num
from archdsl.ir.program import Apply, Choice, Made, Setting
from archdsl.ir.types import Type
from archdsl.ops import DISTRIBUTIONS, OPS
from archdsl.ops.base import Mark as OpMark
from archdsl.ops.base import Op, Over, default_of

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass
class Placed:
    """A mark, and for each operand of its node the port it arrives at (None: the mark has no ports)."""

    mark: Mark
    ports: list[int | None] = field(default_factory=list)


@dataclass
class Holder:
    """What the mark of something made needs beside the node: it, its letter where it is shared, and notes about that."""

    made: Made | None = None
    tag: str = ""
    notes: Sequence[str] = ()
    frozen: bool = False
    shown: bool = True
    """Whether another mark of the panel shows what it is."""


TypeOf = Callable[[int], Type]


def of_apply(node: Apply, op: Op | None, types: TypeOf, made: Holder) -> Placed:
    """The mark of a primitive."""
    shape = op.mark.shape if op else "box"
    if node.op == "weight_of":
        return Placed(_weight_of(node, made))
    if shape == "attention":
        return _attention(node, op, types)
    if shape == "circle" and len(node.inputs) == 2:
        return _binary(node, op.mark if op else OpMark())
    return _plain(node, op, types, made)


def _weight_of(node: Apply, made: Holder) -> Mark:
    """`weight of E`; where nothing else shows what E is, `weight of Embedding 10 × d`."""
    assert made.made
    head, extras = bold(esc(made.made.name)), list[str]()
    if not made.shown:
        head, extras = _layer(made.made, OPS[made.made.of])
    lines = [f"{setting(node.settings['name'])} of {head}", small(type_text(node.outputs[0].type))]
    lines += wrapped([*extras, *made.notes])
    return learned(Mark("weights", lines, tag=made.tag), made.frozen)


def _layer(made: Made, op: Op) -> tuple[str, list[str]]:
    """The head and the settings of a layer by itself."""
    fields = {k: setting(v) for k, v in made.settings.items()}
    word, _, rest = _FIELD.sub(lambda m: fields.get(m[1]) or "", template(op)).partition(" ")
    extras = _extras(op, set(_FIELD.findall(op.mark.label)), made.settings)
    return f"{bold(word)} {rest}".strip(), extras + [
        f"{esc(w)} starts {words.fill(f)}" for w, f in made.initial.items()
    ]


def _binary(node: Apply, sign: OpMark) -> Placed:
    left, right = node.inputs
    if isinstance(left, int) and isinstance(right, int):
        if not sign.ordered:
            return Placed(Mark("circle", [esc(sign.label)]), [None, None])
        return Placed(Mark("circle", [esc(sign.label)], ports=[SLOT, SLOT]), [0, 1])
    a = number(left) if isinstance(left, Num) else SLOT
    b = number(right) if isinstance(right, Num) else SLOT
    if isinstance(left, Num) and isinstance(right, Num):
        return Placed(Mark("function", [_infix(a, sign.label, b)]), [None, None])
    if not sign.ordered:
        a, b = SLOT, b if isinstance(right, Num) else a
    return Placed(Mark("circle", [_infix(a, sign.label, b, bare=not sign.ordered)]), [None, None])


def _infix(a: str, sign: str, b: str, bare: bool = False) -> str:
    if sign == "^":
        return (f"({a})" if " " in a else a) + words.raised(b)
    b = f"({b})" if " " in b else b
    a = f"({a})" if " " in a else a
    return f"{esc(sign)} {b}" if bare else f"{a} {esc(sign)} {b}"


def _attention(node: Apply, op: Op | None, types: TypeOf) -> Placed:
    given = node.settings
    kinds = [types(i) if isinstance(i, int) else Type() for i in node.inputs]
    heads = given.get("heads")
    count = heads if isinstance(heads, Num) else Num.of(1)
    width = kinds[0].shape[-1] / count
    scale = given.get("scale")
    details = [
        "one head" if count == 1 else f"heads: {number(count)}, each {number(width)} wide",
        "query · key" + (f" ÷ {_root(width)}" if scale is None else f" × {setting(scale)}"),
        f"softmax over keys ({number(kinds[1].shape[-2])})",
    ]
    mask = given.get("mask")
    if mask is not None and setting(mask) != "none":
        details.append("causal: query i sees keys j ≤ i" if setting(mask) == "causal" else f"mask: {setting(mask)}")
    lines = [
        bold("attention"),
        *(small(t, theme.INK) for t in details + _extras(op, {"heads", "scale", "mask"}, given)),
    ]
    names = ["query", "key", "value", "allowed"][: len(node.inputs)]
    return Placed(Mark("attention", lines, ports=names), list(range(len(node.inputs))))


def _root(width: Num) -> str:
    text = number(width)
    return f"√{text}" if width.name or width.is_integer else f"√({text})"


_LISTS = ("order", "parts")
"""Settings whose numbers are no extents: `split [1, 3]`, not `split 1×3`."""


def _plain(node: Apply, op: Op | None, types: TypeOf, made: Holder) -> Placed:
    """A primitive by its label: `Linear 4d`, `softmax over keys`, `σ`."""
    settings: dict[str, Setting] = {**(made.made.settings if made.made else {}), **node.settings}
    first = next((types(i) for i in node.inputs if isinstance(i, int)), None)
    fields = {k: "" if v is None else setting(v, listed=k in _LISTS) for k, v in settings.items()}
    fields |= {k: words.axes(v, first) if v else "all" for k, v in node.axes.items()}
    names = _names(node, op)
    numbers = {n: number(i) for n, i in zip(names, node.inputs) if isinstance(i, Num)}
    label = template(op) if op else node.op
    shown = {f for f in _FIELD.findall(label) if f in fields}
    head = _FIELD.sub(lambda m: fields.get(m[1]) or "", esc(label).replace("&quot;", '"')).strip()
    word, _, rest = head.partition(" ")
    if rest.lower() == word.lower():
        head = f"{word}, {_FIELD.findall(label)[0]} = {rest}"
    kind = _KINDS[op.mark.shape if op else "box"]
    extras = _axis_extras(node, op, shown, fields) + _extras(op, shown | set(node.axes), settings)
    if node.op != "reverse_gradient":
        extras += [f"{esc(n)} = {text}" for n, text in numbers.items()]
    if made.made:
        extras += [f"{esc(w)} starts {words.fill(f)}" for w, f in made.made.initial.items()]
        extras += list(made.notes)
    if kind == "weights":
        name = f"{words.name(made.made.name)}: " if made.made and made.made.named and made.tag else ""
        word, _, rest = head.partition(" ")
        head = f"{name}{bold(word)} {rest}".strip()
    elif node.op == "reverse_gradient" and not (len(node.inputs) == 2 and isinstance(node.inputs[1], int)):
        head = f"gradient × −{_factor(node.inputs[1]) if len(node.inputs) == 2 else '1'}"
    mark = Mark(kind, [head, *wrapped(extras)], tag=made.tag, results=_result_names(node, op))
    learned(mark, made.frozen and kind == "weights")
    return Placed(mark, _ports(mark, node, names))


_KINDS: Mapping[str, MarkKind] = {
    "box": "function",
    "rounded": "weights",
    "circle": "circle",
    "attention": "attention",
    "operator": "gradient",
}
WAYS = {
    "none": "none",
    "reparameterisation": "through the draw (reparameterised)",
    "score_function": "around the draw (score function)",
    "straight_through": "straight through",
}
"""How a gradient passes a draw."""
ANY = ("a", "b", "x")
"""What operands are called that have no role: a port says which one it takes."""


def template(op: Op) -> str:
    """The words of an op's mark, with its settings in braces: what `reading.marks` reads back."""
    return op.mark.label.replace("} {", "} × {") if op.mark.shape == "rounded" else op.mark.label or op.name


def _factor(value: object) -> str:
    text = number(value) if isinstance(value, Num) else ""
    return f"({text})" if " " in text or text.startswith("−") else text


def _axis_extras(node: Apply, op: Op | None, shown: set[str], fields: Mapping[str, str]) -> list[str]:
    """Axes that the label does not name, unless they are the default."""
    found = []
    for key, axes in node.axes.items():
        declared = op.settings.get(key) if op else None
        usual = isinstance(declared, Over) and declared.default == -1 and [a.index for a in axes] == [-1]
        if key not in shown and not usual:
            found.append(f"{'over' if key == 'over' else esc(key)} {fields[key]}")
    return found


def _extras(op: Op | None, shown: set[str], settings: Mapping[str, Setting]) -> list[str]:
    """Settings that the label does not name, unless they are the default."""
    found = []
    for key, value in settings.items():
        if key in shown:
            continue
        try:
            usual = op is not None and key in op.settings and default_of(op.settings[key]) == value
        except TypeError:
            usual = False
        if not usual:
            found.append(option(key, value))
    return found


def wrapped(texts: Sequence[str], width: int = 26) -> list[str]:
    """Short words on few lines, in small type."""
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + len(text) < width:
            lines[-1] += f", {text}"
        else:
            lines.append(text)
    return [small(t) for t in lines]


def _names(node: Apply, op: Op | None) -> list[str]:
    distribution = node.settings.get("distribution")
    known = isinstance(distribution, Choice) and distribution.word in DISTRIBUTIONS
    return port_names(op, len(node.inputs), distribution.word if isinstance(distribution, Choice) and known else "")


def port_names(op: Op | None, count: int, distribution: str = "") -> list[str]:
    """What the operands of an op are called, at most `count`; `log_prob` names those of a distribution."""
    if op is None:
        return [str(i + 1) for i in range(count)]
    patterns = op.parsed.inputs
    if distribution:
        return [patterns[0].name, *DISTRIBUTIONS[distribution].parameters][:count]
    if any(p.many for p in patterns):
        fixed = [p.name for p in patterns if not p.many]
        return [fixed[i] if i < len(fixed) else str(i - len(fixed) + 1) for i in range(count)]
    return [*(op.mark.ports or (p.name for p in patterns))][:count]


def _ports(mark: Mark, node: Apply, names: Sequence[str]) -> list[int | None]:
    """One port for each operand that is a value, where there are several."""
    values = [i for i, operand in enumerate(node.inputs) if isinstance(operand, int)]
    if len(values) < 2:
        return [None] * len(node.inputs)
    mark.ports = [str(i + 1) if names[i] in ANY else esc(names[i]) for i in values]
    if mark.kind == "circle":
        mark.kind = "function"
    return [values.index(i) if i in values else None for i in range(len(node.inputs))]


def _result_names(node: Apply, op: Op | None) -> list[str]:
    if len(node.outputs) < 2:
        return []
    named = op.parsed.outputs if op else ()
    if len(named) == len(node.outputs) and not any(p.name.startswith("out") for p in named):
        return [esc(p.name) for p in named]
    return [str(i + 1) for i in range(len(node.outputs))]
