"""The whole way from a picture to a program, and back once more to see that nothing was lost.

In: bytes of an SVG or DOT file. Out: a program's text. Raises `Unreadable`, and `Holes` where the figure does not show all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from archdsl.figure.captions import uncaptioned
from archdsl.figure.reading.canonical import canonical, differences
from archdsl.figure.reading.errors import BY_HAND, Holes, Unreadable, within
from archdsl.figure.reading.unnamed import unnamed
from archdsl.figure.scene import Panel

_BOLD = re.compile(r"<B>(.*?)</B>")
_NOT_DRAWN = "inside not drawn"
_OTHERS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG",
    b"\xff\xd8\xff": "a JPEG",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
}


def read(data: bytes | Mapping[str, bytes], name: str = "the figure") -> str:
    """The program that a figure was drawn from; several pictures, by their names, are parts of one figure."""
    seen: list[Panel] = []
    for of, part in ({name: data} if isinstance(data, bytes) else data).items():
        try:
            shown = panels_of(part)
        except Unreadable as problem:
            problem.file = of
            raise
        twins = {p.name: p for p in seen}
        seen += [p for p in shown if p.name not in twins or differences(canonical([p]), canonical([twins[p.name]]))]
    _refuse_holes(seen)
    from archdsl.figure.reading.program import program_text

    try:
        text = program_text(seen)
    except (LookupError, ValueError, AttributeError, TypeError, RecursionError):  # marks that no program has
        raise Unreadable("what the figure shows is no program", BY_HAND) from None
    _compare(seen, _drawn_again(text, name))
    return text


def panels_of(data: bytes) -> list[Panel]:
    """What a figure shows, panel by panel."""
    for start, kind in _OTHERS.items():
        if data.startswith(start):
            raise Unreadable(f"this is {kind}", "only figures in SVG and DOT can be read: `archdsl draw -o figure.svg`")
    data = _in_utf8(data)
    beginning = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not beginning:
        raise Unreadable("the file is empty", "give the .svg or .dot file that `archdsl draw` wrote")
    if beginning.startswith(b"<"):
        from archdsl.figure.reading.svg import panels_of_svg

        return panels_of_svg(data)
    from archdsl.figure.reading.dot import panels_of_dot

    try:
        return panels_of_dot(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable(
            "this is neither SVG nor DOT", "give the .svg or .dot file that `archdsl draw` wrote"
        ) from None


def _in_utf8(data: bytes) -> bytes:
    """What some shells make of what is sent to a file, UTF-16, as it was before."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data
    try:
        return _ENCODING.sub(r"\1", data.decode("utf-16"), count=1).encode()
    except UnicodeError:
        return data


_ENCODING = re.compile(r"""(<\?xml[^>]*?)\s+encoding=["'][^"']*["']""")


def _refuse_holes(seen: Sequence[Panel]) -> None:
    """Every definition that is used must have its panel."""
    shown = {p.name for p in seen}
    names: dict[str, None] = {}
    for mark in (m for p in seen for m in p.root.all_marks() if m.lines):
        head = mark.lines[0]
        found = _BOLD.search(head)
        name = found[1] if found else head
        if _NOT_DRAWN in mark.lines or (found and head.endswith("▸") and name not in shown):
            names.setdefault(name)
        for writer in (w for line in mark.lines if line.startswith("set by ") for w in line[7:].split(", ")):
            if mark.kind == "memory" and writer not in shown:
                names.setdefault(writer)
    if names:
        raise Holes(list(names))


def _drawn_again(text: str, name: str) -> list[Panel]:
    from archdsl import compiler
    from archdsl.diagnostics import Errors
    from archdsl.figure.panels import panels

    try:
        return panels(compiler.analyse(text, name))
    except Errors as problem:
        first = problem.diagnostics[0]
        said = f"what the figure shows is no program that works: {first.message}"
        with within(_defined(text, first.span.start)):
            raise Unreadable(said) from None


def _defined(text: str, place: int) -> str:
    """The definition that a place in a program lies in."""
    return [m[1] for m in _DEFINITION.finditer(text, 0, place + 1)][-1]


_DEFINITION = re.compile(r"^(?:model|block|cell|train) (\w+)", re.MULTILINE)


def _compare(seen: Sequence[Panel], again: Sequence[Panel]) -> None:
    """The names of values, parts and states may differ, and a type may stand beside a neighbouring wire; nothing else."""
    if not differences(canonical(seen), canonical(again)):
        return
    ours, theirs = unnamed(seen), unnamed(again)
    if not (found := differences(ours, theirs)):
        return
    drawn = {p.name: q for p, q in zip(again, theirs)}
    for panel, covered in zip(seen, ours):
        if panel.name in drawn and differences([covered], [drawn[panel.name]]):
            with within(panel.name):
                raise Unreadable(f"the marks do not fit together: {_fault(covered, drawn[panel.name])}")
    raise Unreadable(f"the figure does not show one program: {found[0]}")


def _fault(panel: Panel, drawn: Panel) -> str:
    """What is different in the panel that its program would have, as this one's fault."""
    ours, theirs = (uncaptioned(p.title) for p in (panel, drawn))
    for line in panel.title:
        if line not in theirs:
            return f"“{line}” does not follow from the rest"
    for line in drawn.title:
        if line not in ours:
            return f"“{line}” is not there"
    drawn.title = panel.title
    found = (differences([panel], [drawn]) or ["the types differ"])[0].partition(": ")[2]
    return found.replace("only here: ", "there is ").replace("only there: ", "there should be ")
