"""A figure's DOT text in another theme, or with less room between things.

In: DOT text in the colours and sizes of `theme`. Out: the same graph; only colours, sizes and distances differ. The words of a program
cannot be taken for either: in DOT they hold no bare quotation mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl.figure import theme

_COLORS = re.compile(r'"(#[0-9a-f]{6}(?::#[0-9a-f]{6})*)"')
_SIZES = re.compile(r'((?:POINT-SIZE|fontsize)="?)([0-9.]+)')
_ROOM = re.compile(r'(nodesep|ranksep|margin|height|WIDTH)=("?)([0-9.]+)("?)(?=[\s\]>])')
_TIGHT: Mapping[str, Mapping[str, str]] = {
    "nodesep": {"0.22": "0.14"},
    "ranksep": {"0.24": "0.2"},
    "margin": {"12": "8", "14": "9", "10": "8"},
    "height": {"0.22": "0.18"},
    "WIDTH": {"4": "1"},
}


def themed(dot: str, name: str) -> str:
    """The same figure in the colours of another theme."""
    colors = theme.THEMES[name]
    if not colors:
        return dot
    dot = dot.replace("graph [", f'graph [fontcolor="{theme.WORDS}" ', 1)  # which DOT takes to be black
    return _COLORS.sub(lambda m: '"' + ":".join(colors.get(c, c) for c in m[1].split(":")) + '"', dot)


def dense(dot: str) -> str:
    """The same figure with smaller words, closer together; indices and exponents about as small as the smallest of them."""
    dot = _SIZES.sub(lambda m: f"{m[1]}{_smaller(float(m[2])):g}", dot)
    dot = _INDICES.sub(lambda m: f'<FONT POINT-SIZE="{_BASE}">{m[0]}</FONT>', dot)
    return _ROOM.sub(lambda m: f"{m[1]}={m[2]}{_TIGHT[m[1]].get(m[3], m[3])}{m[4]}", dot)


def _smaller(size: float) -> float:
    """A size as `theme.DENSE` has it; that of a line's leading follows the line's."""
    if size in theme.DENSE:
        return theme.DENSE[size]
    for known, smaller in theme.DENSE.items():
        if abs(size / known - _LEADING) < 0.01:
            return smaller * _LEADING
    return size


_LEADING = 1.2
_TOKEN = re.compile(r'<FONT\b[^>]*?(?:POINT-SIZE="([0-9.]+)"[^>]*)?>|<(/?)(FONT|SUB|SUP)>')
_STATED = re.compile(r'\bfontsize="?([0-9.]+)')
_INDICES = re.compile(r"<(SUB|SUP)>[^<]*</\1>")
_EDGE = re.compile(r"^\s*\S+ -> \S+ \[")
_INDEX = 1.2
_BASE = int(min(theme.DENSE.values()) * _INDEX)
"""Of an index in a narrow figure: whole, as Graphviz takes a POINT-SIZE; one more, and an index would be as large as its word."""


def smallest(dot: str) -> float:
    """The size of the smallest letters in a figure, its indices and exponents included."""
    found = re.findall(r"\b(node|edge|graph) \[[^]]*?fontsize=\"?([0-9.]+)", dot)
    usual = {key: float(size) for key, size in reversed(found)}
    least = min(usual.values(), default=10.0)
    return min((_in_statement(line, usual) for line in dot.splitlines()), default=least)


def _in_statement(line: str, usual: Mapping[str, float]) -> float:
    if "label=" not in line:
        return 1e9
    stated = _STATED.search(line)
    sizes = [float(stated[1]) if stated else usual.get("edge" if _EDGE.match(line) else "node", 10.0)]
    least = 1e9
    text_from = 0
    for token in _TOKEN.finditer(line):
        if line[text_from : token.start()].strip("\u200a"):
            least = min(least, sizes[-1])
        text_from = token.end()
        if token[2]:
            sizes = sizes[:-1] or sizes
        else:
            sizes.append(int(float(token[1])) if token[1] else sizes[-1] / _INDEX if token[3] else sizes[-1])
    return min(least, sizes[-1])
