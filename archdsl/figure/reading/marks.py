"""Marks with operands, read back: what is applied, with which settings, and where each operand goes.

In: a mark with canonical text. Out: `Use`. Primitives are recognised by the templates that draw them (`primitives.template`), so that a
new one is readable as it is drawable.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from archdsl.figure import primitives
from archdsl.figure.reading import operators, words
from archdsl.figure.reading.errors import Unreadable
from archdsl.figure.reading.uses import Use
from archdsl.figure.scene import Mark
from archdsl.ops import DISTRIBUTIONS, OPS
from archdsl.ops.base import Either, Op, Over, Word


def read(mark: Mark) -> Use:
    """The use that a mark stands for."""
    match mark.kind:
        case "draw":
            return _draw(mark)
        case "attention":
            return _attention(mark)
        case "gradient":
            return _gradient(mark)
    use = Use(results=[words.name(r) if not r.isdigit() else r for r in mark.results])
    head, rest = _about(mark, use)
    if "▸" in head or use.hole:
        return _call(head, rest, mark, use)
    if head.startswith("weight of ") or re.match(r"\w+ of (<B>|\S+: )", head):
        return _weight_of(head, rest, use)
    if mark.kind == "circle" or (mark.kind == "function" and operators.signed(head)):
        found = operators.read(head, mark, use)
        if found:
            return found
    return _primitive(head, rest, mark, use)


# -- what stands below a head -------------------------------------------------------------------------------------------
_COPIES = re.compile(r"the same in every copy(?: of the inner (?:(\d+) stacks|stack))?")
_TURN = re.compile(r"(\d+)(?:st|nd|rd|th) call(?:: (\S+))?")
_STARTS = re.compile(r"(\w+) starts (.+)")
_PART = re.compile(r"(\S+): (?=<B>)")


def _about(mark: Mark, use: Use) -> tuple[str, list[str]]:
    """The head without the part's name, and the settings below it; what is said besides goes into the use."""
    if not mark.lines:
        raise Unreadable("a mark has no words")
    head, rest = mark.lines[0], list[str]()
    found = _PART.match(head)
    if found:
        use.part, head = words.name(found[1]), head[found.end() :]
    for text in (t for line in mark.lines[1:] for t in words.split(line)):
        copies, turn, starts = _COPIES.fullmatch(text), _TURN.fullmatch(text), _STARTS.fullmatch(text)
        if text == "❄ frozen":
            use.frozen = True
        elif text == "inside not drawn":
            use.hole = True
        elif copies:
            use.same = int(copies[1]) if copies[1] else 1 if "inner" in text else -1
        elif turn:
            use.turn, use.told = int(turn[1]), [words.name(turn[2])] if turn[2] else []
        elif starts:
            use.fills[starts[1]] = words.fill(starts[2])
        else:
            rest.append(text)
    return head, rest


def _call(head: str, rest: list[str], mark: Mark, use: Use) -> Use:
    use.definition = words.unmarked(head).replace("▸", "").strip()
    for text in rest:
        found = words.option(text)
        if found is None:
            raise Unreadable(f"{text!r} says nothing of {use.definition}")
        if found.text is not None:
            use.settings[found.key] = words.value(found.text, _CHOICES)
        else:
            use.settings[found.key] = found.key if found.flag else "false"
    use.names = [words.name(p) for p in _ports(mark, use)]
    use.ports = list(range(len(mark.ports)))
    return use


def _ports(mark: Mark, use: Use) -> list[str]:
    """What the ports of a mark are called; the names of what arrives there go into the use."""
    cells = [p.split("<BR/>") for p in mark.ports]
    if cells:
        use.told = [words.name(c[1]) if len(c) > 1 else "" for c in cells]
    return [words.unmarked(c[0]) for c in cells]


_CHOICES = {"causal", "none", "true", "false", *OPS}


def _weight_of(head: str, rest: list[str], use: Use) -> Use:
    """`weight of E`, or `weight of Embedding 10 × d` where nothing else shows what holds it."""
    use.weight, _, of = head.partition(" of ")
    found = _PART.match(of)
    if found:
        use.part, of = words.name(found[1]), of[found.end() :]
    if rest and words.type_of(rest[0]):
        rest = rest[1:]
    text = words.unmarked(of)
    if re.fullmatch(r"\S+", text) and not rest and text not in OPS:
        use.part = words.name(of)
        return use
    inner = _primitive(of, rest, Mark("weights", [of]), use)
    return inner


# -- primitives ---------------------------------------------------------------------------------------------------------
_SHAPES = {"function": ("box", "circle"), "circle": ("circle",), "weights": ("rounded",), "frozen": ("rounded",)}


def _primitive(head: str, rest: list[str], mark: Mark, use: Use) -> Use:
    text = html.unescape(words.unmarked(head))
    found: list[tuple[Op, dict[str, str]]] = []
    for op in OPS.values():
        if op.mark.shape in _SHAPES.get(mark.kind, ()):
            found += [(op, given) for given in _filled(op, text)]
    if not found:
        raise Unreadable(f"no primitive looks like {text!r}")
    op, given = min(found, key=lambda f: len("".join(f[1].values())))
    use.op = op.name
    use.settings.update({k: v for k, v in given.items() if v})
    numbers: dict[str, str] = {}
    for part in rest:
        _detail(op, part, use, numbers)
    names = primitives.port_names(op, 99, given.get("distribution", "").strip('"'))
    use.numbers = {names.index(n): t for n, t in numbers.items()}
    return _taken(mark, use, names)


def _taken(mark: Mark, use: Use, names: list[str]) -> Use:
    """Which operand each port takes: the one of its name; where it has a number or, in its stead, a value's name, the one at its place."""
    for i, port in enumerate(_ports(mark, use)):
        numbered = names[i].isdigit() or names[i] in primitives.ANY
        if numbered and not port.isdigit():
            use.told[i] = words.name(port)
        use.ports.append((int(port) - 1 if port.isdigit() else i) if numbered else names.index(port))
    return use


def _filled(op: Op, text: str) -> Iterator[dict[str, str]]:
    """The ways in which a text fills the op's template."""
    template = primitives.template(op)
    pieces = re.split(r"\{(\w+)\}", template)
    yield from _fits(op, pieces, text)
    word, _, _ = template.partition(" ")
    plain = re.fullmatch(rf"{re.escape(word)}, (\w+) = (.+)", text)
    if plain and len(pieces) > 1 and plain[1] == pieces[1]:  # `Linear, d_out = linear`
        yield {plain[1]: _setting(op, plain[1], plain[2]) or ""}


def _fits(op: Op, pieces: list[str], text: str) -> Iterator[dict[str, str]]:
    if not text.startswith(pieces[0]):
        return
    text = text[len(pieces[0]) :]
    if len(pieces) == 1:
        if not text:
            yield {}
        return
    key, rest = pieces[1], pieces[2:]
    for end in _ends(text, rest[0]):
        value = _setting(op, key, text[:end].strip())
        if value is not None:
            for found in _fits(op, rest, text[end:]):
                yield {key: value, **found}


def _ends(text: str, literal: str) -> Iterator[int]:
    """Where a field may end, so that this literal follows."""
    if not literal:
        yield len(text)
        return
    at = 0
    for part in words.split(text, literal)[:-1]:
        at += len(part)
        yield at
        at += len(literal)


def _setting(op: Op, key: str, text: str) -> str | None:
    """The value of a setting or axis in program text; empty where it is left out, None where it is none."""
    declared = op.settings.get(key)
    try:
        if isinstance(declared, Over):
            return words.axes(text) or ""
        if not text:
            return "" if declared is None and key in op.settings else None
        if key in ("distribution", "equation"):
            return f'"{text}"' if key == "equation" or text in DISTRIBUTIONS else None
        known = declared.words if isinstance(declared, (Word, Either)) else ()
        listed = words.numbers(text)
        if listed or text in known or text == "none" or words.is_number(text):
            return listed or words.value(text, known)
    except Unreadable:
        pass
    return None


def _detail(op: Op, text: str, use: Use, numbers: dict[str, str]) -> None:
    """One of the words below a primitive's head: a setting, an axis, an operand that is a number."""
    if text.startswith("over ") and "over" in op.settings:
        use.settings["over"] = words.axes(text[5:]) or ""
        return
    if text.startswith("else ") and words.is_number(text[5:]):
        text = f"else = {text[5:]}"
    found = words.option(text)
    if found is None:
        raise Unreadable(f"{text!r} says nothing of {op.name}")
    if found.key not in op.settings and found.text is not None:
        numbers[found.key] = words.number(found.text)
    elif found.text is None:
        use.settings[found.key] = "true" if found.flag else "false"
    else:
        declared = op.settings.get(found.key)
        use.settings[found.key] = words.value(
            found.text, declared.words if isinstance(declared, (Word, Either)) else ()
        )


# -- marks with words of their own -------------------------------------------------------------------------------------
def _attention(mark: Mark) -> Use:
    use = Use(op="attention", ports=list(range(len(mark.ports))))
    _ports(mark, use)
    for line in mark.lines[1:]:
        text = words.unmarked(line)
        heads, scale = re.fullmatch(r"heads: (.+), each (.+) wide", text), re.fullmatch(r"query · key × (.+)", text)
        if heads:
            use.settings["heads"] = words.number(heads[1])
        elif scale:
            use.settings["scale"] = words.number(scale[1])
        elif text.startswith("causal:"):
            use.settings["mask"] = "causal"
        elif not re.match(r"one head|query · key|softmax over keys", text):
            for part in words.split(text):
                _detail(OPS["attention"], part, use, {})
    return use


def _gradient(mark: Mark) -> Use:
    head = words.unmarked(mark.lines[0])
    for name, op in OPS.items():
        if op.mark.shape == "operator" and head == primitives.template(op):
            return _taken(mark, Use(op=name), primitives.port_names(op, 99))
    scale = re.fullmatch(r"gradient × −(.+)", head)
    if scale is None:
        raise Unreadable(f"{head!r} is no mark on a gradient")
    return Use(op="reverse_gradient", numbers={} if scale[1] == "1" else {1: words.number(scale[1])})


def _draw(mark: Mark) -> Use:
    found = re.fullmatch(r"~ (\w+)\((.*)\)", words.unmarked(mark.lines[0]))
    if found is None or found[1] not in DISTRIBUTIONS:
        raise Unreadable(f"{mark.lines[0]!r} is no distribution")
    use = Use(op=found[1])
    names = DISTRIBUTIONS[found[1]].parameters
    for i, (name, text) in enumerate(zip(names, words.split(found[2]))):
        if text != name:
            use.numbers[i] = words.number(text.removeprefix(f"{name} = "))
    use.ports = [names.index(p) for p in _ports(mark, use)]
    for line in mark.lines[1:]:
        kind = words.type_of(line)
        if kind:
            use.type = str(kind)
        elif line.startswith("gradient: "):
            use.way = next((w for w, t in primitives.WAYS.items() if t == line.removeprefix("gradient: ")), "")
    return use
