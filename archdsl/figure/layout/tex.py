"""The words of a figure as LaTeX: symbols and single letters as mathematics, everything else escaped.

In: the runs of one line, each with its style. Out: LaTeX that every engine reads, in any document. A sign for which LaTeX itself has no
name is drawn: its outline comes from the packaged font.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archdsl.figure.layout import fonts

_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho varsigma sigma tau upsilon phi chi psi omega"
_CAPITALS = {"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon",
             "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega"}  # fmt: skip
_SIGNS = {
    "×": r"\times", "÷": r"\div", "·": r"\cdot", "−": "-", "±": r"\pm", "⊙": r"\odot", "⊕": r"\oplus", "⊗": r"\otimes",
    "∘": r"\circ", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "∥": r"\parallel", "∞": r"\infty", "∂": r"\partial",
    "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "→": r"\rightarrow", "←": r"\leftarrow", "↔": r"\leftrightarrow",
    "↑": r"\uparrow", "↓": r"\downarrow", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "′": r"{}^{\prime}",
    "∈": r"\in", "∼": r"\sim", "~": r"\sim", "ℓ": r"\ell", "√": r"\surd", "<": "<", ">": ">", "|": "|", "=": "=", "+": "+", "*": r"\ast",
    **{chr(0x3B1 + i): "\\" + n if n != "o" else "o" for i, n in enumerate(_GREEK.split())},
    **{c: "\\" + n for c, n in _CAPITALS.items()},
}  # fmt: skip
MATHEMATICS = frozenset(re.findall(r"\\[A-Za-z]+", " ".join(_SIGNS.values())))
_TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "\xa0": "~", "…": r"\ldots{}", "“": "``", "”": "''", "‘": "`", "’": "'",
    "–": "--", "—": "---", '"': "''", "-": "-{}", ",": ",{}", "'": "'{}", "`": "`{}", "\u200a": "",
}  # fmt: skip
_LETTERS = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿÆ"
"""Letters beyond ASCII that every engine and every font encoding has."""
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-"))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-"))
_TOKEN = re.compile(
    rf"(?P<word>[A-Za-z{_LETTERS}_][A-Za-z0-9{_LETTERS}_]*)|(?P<raised>[{''.join(_RAISED)}]+)|(?P<lowered>[{''.join(_LOWERED)}]+)|(?P<other>.)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Run:
    """Some characters in one style. `shift` is -1 for an index, 1 for an exponent."""

    text: str
    bold: bool = False
    shift: int = 0


def latex(runs: Sequence[Run], prose: bool = False) -> str:
    """One line. In prose a single letter is a word; elsewhere it is a name of mathematics."""
    pieces: list[tuple[bool, str]] = []  # whether mathematics, and what
    for run in runs:
        inside = list(_pieces(replace(run, bold=run.bold and not run.shift), prose and not run.shift))
        if run.shift:
            inside = [(True, f"{'_' if run.shift < 0 else '^'}{{{_as_mathematics(inside)}}}")]
        pieces += inside
    return _joined(pieces)


def _pieces(run: Run, prose: bool) -> Iterator[tuple[bool, str]]:
    text, at = run.text, 0
    while at < len(text):
        if text[at] == "√" and (end := _radicand(text, at + 1)):
            inner = text[at + 1 : end]
            inner = inner[1:-1] if inner.startswith("(") else inner
            under = _as_mathematics(list(_pieces(Run(inner), prose)))
            yield True, f"\\sqrt{{{_level(under) if '/' in inner else under}}}"
            at = end
            continue
        match = _TOKEN.match(text, at)
        assert match
        at = match.end()
        yield _token(match, run.bold, prose)


def _level(text: str) -> str:
    """A fraction as high as a letter: a root over all of its slash would be one of 10 pt, drawn through the line above."""
    return text if "^" in text or "_" in text else f"\\vphantom{{d}}\\smash{{{text}}}"


def _token(match: re.Match[str], bold: bool, prose: bool) -> tuple[bool, str]:
    text = match[0]
    if match["raised"]:
        return True, f"^{{{''.join(_RAISED[c] for c in text)}}}"
    if match["lowered"]:
        return True, f"_{{{''.join(_LOWERED[c] for c in text)}}}"
    if match["word"]:
        if len(text) == 1 and text.isascii() and text.isalpha() and not prose:
            return True, f"\\mathbf{{{text}}}" if bold else text
        plain = "".join(_TEXT.get(c, c) for c in text)
        return False, f"\\textbf{{{plain}}}" if bold else plain
    if text in _SIGNS:
        return True, _SIGNS[text] + (" " if _SIGNS[text][-1].isalpha() else "")
    if text in _TEXT:
        return False, _TEXT[text]
    if text.isascii() and text.isprintable():
        return False, f"\\textbf{{{text}}}" if bold and text.strip() else text
    return False, outline(text)


def _radicand(text: str, start: int) -> int:
    """Where what stands under a root ends; 0 if nothing does."""
    if text[start : start + 1] != "(":
        match = re.compile(rf"[A-Za-z0-9.{_LETTERS}]+").match(text, start)
        return match.end() if match else 0
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
    return 0


def _as_mathematics(pieces: list[tuple[bool, str]]) -> str:
    return "".join(text if math else f"\\hbox{{{text}}}" if "\\" in text else _roman(text) for math, text in pieces)


def _roman(text: str) -> str:
    return text if re.fullmatch(r"[0-9.,()\[\]/{} ]*", text) else f"\\mathrm{{{text}}}"


def _joined(pieces: list[tuple[bool, str]]) -> str:
    """Text, with what is mathematics between dollar signs."""
    found, open_ = "", False
    for math, text in pieces:
        if math != open_:
            found, open_ = found + "$", math
        found += text
    found += "$" if open_ else ""
    return found.replace("$_", "${}_").replace("$^", "${}^")


# -- signs that LaTeX has no name for -----------------------------------------------------------------------------------
def outline(char: str) -> str:
    """A sign as a filled shape, as high as the letters beside it."""
    font = fonts.load()
    glyph = font.glyph(char) if font else 0
    if not font or not glyph:
        return f"\\archdslletter{{{ord(char):04X}}}{{{char}}}"
    em = font.units
    path = " ".join(_contour(c, em) for c in font.contours(glyph))
    return f"\\archdslsign{{{font.metric(glyph)[0] / em:.3f}}}{{{path}}}"


def _contour(points: list[tuple[float, float, bool]], em: int) -> str:
    """One closed line of quadratic curves, as TikZ's cubic ones."""
    if not points[0][2]:
        last = points[-1]
        first = last if last[2] else ((points[0][0] + last[0]) / 2, (points[0][1] + last[1]) / 2, True)
        points = [first, *points]
    at = (points[0][0], points[0][1])
    text = _at(at, em)
    ring = [*points[1:], points[0]]
    i = 0
    while i < len(ring):
        x, y, on = ring[i]
        if on:
            at, text, i = (x, y), f"{text} -- {_at((x, y), em)}", i + 1
            continue
        nx, ny, follows = ring[(i + 1) % len(ring)]
        end = (nx, ny) if follows else ((x + nx) / 2, (y + ny) / 2)
        one = (at[0] + (x - at[0]) * 2 / 3, at[1] + (y - at[1]) * 2 / 3)
        two = (end[0] + (x - end[0]) * 2 / 3, end[1] + (y - end[1]) * 2 / 3)
        text += f" .. controls {_at(one, em)} and {_at(two, em)} .. {_at(end, em)}"
        at, i = end, i + (2 if follows else 1)
    return f"{text} -- cycle"


def _at(point: tuple[float, float], em: int) -> str:
    return f"({point[0] / em:.3f},{point[1] / em:.3f})"
