"""What an SVG element looks like, whichever way it says so: attributes, `style`, or rules of a style sheet.

In: attributes and the text of `<style>`. Out: properties by name, as presentation attributes have them. Of selectors, names, classes, ids
and lists of these are understood; rules for others, and all that begins with `@`, do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archdsl.figure.reading.errors import Unreadable

INHERITED = frozenset({"fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor", "baseline-shift",
                       "visibility", "stroke-opacity", "fill-opacity"})  # fmt: skip
_OWN = frozenset({"display", "opacity"})
"""A child that says nothing of these is seen as its parent is, so they are handed on, too."""
PROPERTIES = INHERITED | _OWN
_MOST = 200
"""Rules."""
_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_SELECTOR = re.compile(r"(\*|[A-Za-z][\w-]*)?((?:[.#][\w-]+)*)")
_FONT = re.compile(r"(?:^|.*\s)([\d.]+(?:px|pt|pc|mm|cm|in)?)(?:/\S+)?\s+\S")
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgba?\(([^)]*)\)")


@dataclass(frozen=True)
class _Rule:
    tag: str
    classes: frozenset[str]
    ids: frozenset[str]
    values: dict[str, str]
    weight: tuple[int, int, int, int]


@dataclass
class Sheet:
    """The rules of a picture, those that count more behind those that count less."""

    rules: list[_Rule] = field(default_factory=list)

    def of(self, tag: str, attributes: Mapping[str, str]) -> dict[str, str]:
        """The properties of an element that says these itself."""
        found = {k: v for k, v in attributes.items() if k in PROPERTIES}
        if self.rules:
            classes, own = set(attributes.get("class", "").split()), attributes.get("id", "")
            for rule in self.rules:
                if rule.tag in ("", "*", tag) and rule.classes <= classes and rule.ids <= {own}:
                    found |= rule.values
        if "style" in attributes:
            found |= declarations(attributes["style"])
        return found


def declarations(text: str) -> dict[str, str]:
    """`fill:none;stroke:#000` as properties."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        name, value = name.strip().lower(), value.replace("!important", "").strip()
        if not colon:
            continue
        if name == "font":
            found["font-weight"] = "bold" if re.search(r"\b(bold|bolder|[6-9]00)\b", value) else "normal"
            if size := _FONT.match(value):
                found["font-size"] = size[1]
        elif name in PROPERTIES:
            found[name] = value
    return found


def sheet(text: str) -> Sheet:
    """The rules of all style sheets of a picture, joined."""
    rules: list[_Rule] = []
    for count, (selectors, body) in enumerate(_blocks(_COMMENT.sub("", text))):
        if max(count, len(rules)) > _MOST:
            raise Unreadable(f"the style sheet of the picture has more than {_MOST} rules", "no figure of archdsl has")
        values = declarations(body)
        for selector in selectors.split(",") if values else ():
            match = _SELECTOR.fullmatch(selector.strip())
            if match and selector.strip():
                names = re.findall(r"([.#])([\w-]+)", match[2])
                classes = frozenset(n for sign, n in names if sign == ".")
                ids = frozenset(n for sign, n in names if sign == "#")
                tag = match[1] or ""
                weight = (len(ids), len(classes), tag not in ("", "*"), len(rules))
                rules.append(_Rule(tag, classes, ids, values, weight))
    return Sheet(sorted(rules, key=lambda r: r.weight))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """What stands before each pair of braces, and in it; not those of `@` rules."""
    at = 0
    while (start := text.find("{", at)) >= 0:
        head = text[at:start].rpartition(";")[2].strip()
        depth, end = 1, start
        while depth and (match := _BRACE.search(text, end + 1)):
            end = match.start()
            depth += 1 if match[0] == "{" else -1
        if depth:
            break
        if not head.startswith("@"):
            yield head, text[start + 1 : end]
        at = end + 1


_BRACE = re.compile(r"[{}]")


def colour(text: str) -> str:
    """A colour as `#rrggbb`, `none`, or the word that it is."""
    text = text.strip().lower()
    if match := _HEX.fullmatch(text):
        return text if len(match[1]) == 6 else "#" + "".join(2 * c for c in match[1])
    if match := _RGB.fullmatch(text):
        try:
            parts = [
                float(p.rstrip("%")) * (2.55 if p.endswith("%") else 1)
                for p in re.split(r"[\s,/]+", match[1].strip())[:3]
            ]
            return "#" + "".join(f"{max(0, min(255, round(p))):02x}" for p in parts)
        except ValueError:
            return text
    return {"transparent": "none", "black": "#000000", "white": "#ffffff"}.get(text, text)
