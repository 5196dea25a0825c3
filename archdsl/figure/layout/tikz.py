"""The figure as TikZ: the places are archdsl's, the letters and the mathematics the document's.

In: Graphviz's SVG, with every shape and every word at its place. Out: a `tikzpicture` that needs `\\usepackage{tikz}` and nothing else,
or a document around it. A line of words that is wider in the document's font than the room it has is made narrower, so nothing overflows.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from archdsl.figure.layout import fonts
from archdsl.figure.layout.tex import Run, latex

_SVG = "{http://www.w3.org/2000/svg}"
_TRANSLATE = re.compile(r"translate\(([-0-9.]+)[ ,]([-0-9.]+)\)")
_BOX = re.compile(r"[-0-9.]+")
_SIZES = (6.0, 7.0, 8.0, 9.0, 10.0, 10.95, 12.0, 14.4)
"""Sizes in which LaTeX has its letters drawn."""

Place = Callable[[float, float], str]

_MACROS = r"""% what babel's languages may have made of these characters is not meant here
\begingroup
\catcode33=12 \catcode34=12 \catcode39=12 \catcode45=12 \catcode58=12 \catcode59=12 \catcode60=12 \catcode61=12 %
\catcode62=12 \catcode63=12 \catcode96=12 \catcode124=12 \catcode126=13 %
% a line of words: shrunk if the document's font makes it wider than its room
\def\archdslfit#1#2{\setbox0\hbox{#2}\ifdim\wd0>#1\resizebox{#1}{!}{\box0}\else\box0\fi}%
\def\archdslsize#1{\fontsize{#1}{#1}\selectfont}%
% a sign that LaTeX has no name for: its width in em, and its outline
\def\archdslsign#1#2{\leavevmode\tikz[x=1em,y=1em,baseline=0pt,line width=0pt]{%
  \path[use as bounding box] (0,0) rectangle (#1,.7);\path[fill=.] #2;}}%
"""
_LETTER = r"""% a letter that the figure's font lacks: set where the document's has it, or a package for CJK is there; else a box
\def\archdslbox{{\fboxsep=0pt\fboxrule=.04em\framebox[.9em]{\rule{0pt}{.7em}}}}%
\ifdefined\archdslletter\else\def\archdslletter#1#2{\ifdefined\Umathcode\ifdefined\CJKfamily#2\else\ifdefined\ltjsetparameter#2\else
\iffontchar\font"#1 #2\else\archdslbox\fi\fi\fi\else\archdslbox\fi}\fi%"""


def picture(data: bytes, title: str, description: str, scale: float, whole: bool = False) -> bytes:
    root = ET.fromstring(data)
    height = float(_BOX.findall(root.get("viewBox", "0 0 0 0"))[3])
    width = float(_BOX.findall(root.get("viewBox", "0 0 0 0"))[2])
    graph = root.find(f"{_SVG}g")
    moved = _TRANSLATE.search(graph.get("transform", "") if graph is not None else "")
    dx, dy = (float(moved[1]), float(moved[2])) if moved else (0.0, 0.0)

    def place(x: float, y: float) -> str:
        return f"({(x + dx) * scale:.2f},{(height - y - dy) * scale:.2f})"

    body = list(_elements(graph, place, scale)) if graph is not None else []
    colors = sorted({c for line in body for c in re.findall(r"archdsl([0-9A-F]{6})", line)})
    lines = [
        f"% {_comment(title)}, drawn by archdsl. Needs \\usepackage{{tikz}}; \\input it where the figure is to stand.",
        *([f"% {_comment(description)}"] if description else []),
        _MACROS.rstrip("\n"),
        *([_LETTER] if any("\\archdslletter" in line for line in body) else []),
        r"\begin{tikzpicture}[x=1bp,y=1bp,line cap=butt,line join=miter,every path/.style={},every node/.style={}]",
        *(f"\\definecolor{{archdsl{c}}}{{HTML}}{{{c}}}%" for c in colors),
        f"\\path[use as bounding box] (0,0) rectangle ({width * scale:.2f},{height * scale:.2f});",
        *body,
        r"\end{tikzpicture}\endgroup",
    ]
    if whole:
        lines = [r"\documentclass[tikz,border=0pt]{standalone}", r"\begin{document}", *lines, r"\end{document}"]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _comment(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "replace").decode()


def _elements(graph: ET.Element, place: Place, scale: float) -> Iterator[str]:
    for shape in graph.findall(f"{_SVG}polygon"):  # the page
        if shape.get("fill") not in ("#ffffff", "white", "none"):
            yield _shape(shape, place, scale)
    for group in graph.findall(f"{_SVG}g"):
        inside = [e for e in group.iter() if e is not group]
        for e in inside:
            if e.tag.removeprefix(_SVG) in ("polygon", "polyline", "path", "ellipse") and (
                text := _shape(e, place, scale)
            ):
                yield text
        lines = _lines([e for e in inside if e.tag == f"{_SVG}text"])
        prose = group.get("class") == "cluster"
        bare = not any(e.tag.removeprefix(_SVG) in ("polygon", "path", "ellipse") for e in inside)
        yield from (line.node(place, scale, prose, left=prose or bare) for line in lines)


# -- shapes -------------------------------------------------------------------------------------------------------------
def _shape(e: ET.Element, place: Place, scale: float) -> str:
    style = _style(e, scale)
    if not style:
        return ""
    match e.tag.removeprefix(_SVG):
        case "ellipse":
            rx, ry = (float(e.get(k, "0")) * scale for k in ("rx", "ry"))
            path = f"{place(float(e.get('cx', '0')), float(e.get('cy', '0')))} ellipse [x radius={rx:.2f},y radius={ry:.2f}]"
        case "path":
            path = _curve(e.get("d", ""), place)
        case kind:
            points = [p.split(",") for p in e.get("points", "").split()]
            path = " -- ".join(place(float(x), float(y)) for x, y in (points[:-1] if kind == "polygon" else points))
            path += " -- cycle" if kind == "polygon" else ""
    return f"\\path[{style}] {path};"


def _style(e: ET.Element, scale: float) -> str:
    found = []
    if (fill := _color(e.get("fill", "none"))) is not None:
        found.append(f"fill={fill}")
    if (stroke := _color(e.get("stroke", "none"))) is not None:
        found += [f"draw={stroke}", f"line width={float(e.get('stroke-width', '1')) * scale:.2f}bp"]
        if dashes := e.get("stroke-dasharray"):
            on, off = (float(n) * scale for n in dashes.split(",")[:2])
            found.append(f"dash pattern=on {on:.2f}bp off {off:.2f}bp")
    return ",".join(found)


def _color(value: str) -> str | None:
    if value in ("none", "transparent"):
        return None
    return f"archdsl{value[1:].upper()}" if value.startswith("#") else value


def _curve(d: str, place: Place) -> str:
    """A path of M and C, its straight pieces as straight lines."""
    points = [(float(x), float(y)) for x, y in re.findall(r"([-0-9.]+),([-0-9.]+)", d)]
    text = place(*points[0])
    for i in range(1, len(points) - 2, 3):
        a, b, c, end = points[i - 1 : i + 3]
        if all(abs((end[0] - a[0]) * (p[1] - a[1]) - (end[1] - a[1]) * (p[0] - a[0])) < 0.01 for p in (b, c)):
            text += f" -- {place(*end)}" if end != a else ""
        else:
            text += f" .. controls {place(*b)} and {place(*c)} .. {place(*end)}"
    return text


# -- words --------------------------------------------------------------------------------------------------------------
@dataclass
class _Line:
    """Runs that follow each other on one line, from `start` to `end`."""

    start: float
    end: float
    y: float
    runs: list[tuple[Run, float, str]] = field(default_factory=list)
    """Each with its size and colour."""

    def node(self, place: Place, scale: float, prose: bool, left: bool) -> str:
        text = ""
        i = 0
        while i < len(self.runs):
            _, size, color = self.runs[i]
            same = [self.runs[i][0]]
            while i + len(same) < len(self.runs) and (
                self.runs[i + len(same)][1:] == (size, color) or self.runs[i + len(same)][0].shift
            ):
                same.append(self.runs[i + len(same)][0])
            i += len(same)
            text += f"{{\\archdslsize{{{_size(size * scale):g}}}\\color{{{_color(color)}}}{latex(same, prose)}}}"
        anchor, x = ("base west", self.start) if left else ("base", (self.start + self.end) / 2)
        room = (self.end - self.start) * scale
        return (
            f"\\node[inner sep=0pt,outer sep=0pt,anchor={anchor}] at {place(x, self.y)} "
            f"{{\\archdslfit{{{room:.2f}bp}}{{{text}}}}};"
        )


def _size(points: float) -> float:
    """The nearest of LaTeX's sizes."""
    return min(_SIZES, key=lambda s: abs(s - points))


def _lines(texts: list[ET.Element]) -> list[_Line]:
    font = fonts.load()
    lines: list[_Line] = []
    for e in texts:
        content = e.text or ""
        x, y, size = (float(e.get(k, "0")) for k in ("x", "y", "font-size"))
        shift = {"sub": -1, "super": 1}.get(e.get("baseline-shift", ""), 0)
        bold = e.get("font-weight") == "bold"
        if not content.strip("\u200a"):
            continue
        width = font.set_width(content, size / (1.2 if shift else 1), bold) if font else 0.6 * size * len(content)
        spaces = len(content) - len(content.lstrip(" \xa0"))
        if not lines or lines[-1].y != y or not -3 < x - lines[-1].end < 3:
            x += (font.set_width(" ", size) if font else 0.3 * size) * spaces
            width -= x - float(e.get("x", "0"))
            content = content.lstrip(" \xa0")
            if not content:
                continue
            lines.append(_Line(x, x, y))
        lines[-1].end = x + width
        lines[-1].runs.append((Run(content, bold, shift), size, e.get("fill", "black")))
    return [_trimmed(line, font) for line in lines]


def _trimmed(line: _Line, font: fonts.Font | None) -> _Line:
    run, size, color = line.runs[-1]
    text = run.text.rstrip(" \xa0")
    if text != run.text:
        line.end -= (font.set_width(" ", size) if font else 0.3 * size) * (len(run.text) - len(text))
        line.runs[-1] = (Run(text, run.bold, run.shift), size, color)
    return line
