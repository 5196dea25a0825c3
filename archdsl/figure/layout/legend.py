"""The legend as a table: samples with what they mean, in as many columns as fit the page best.

In: a sheet that dot laid out, one row below the other. Out: the same sheet with its rows in columns, each column's words flush left.
"""

from __future__ import annotations

from itertools import pairwise

from archdsl.figure.layout.geometry import Box, Node, Sheet

_MOST = 4
"""Columns, at most."""
_LEAST = 3
"""Rows in a column, at least."""
_ROW, _COLUMN, _EDGE = 4.0, 20.0, 12.0
"""Between two rows, between two columns, and to the border."""
_TITLE = 7.0
"""From the middle of the title to the first row."""
_HEIGHT = 13.0
"""Of a row, at least, so that rows of words and of lines are about as far apart as those of marks."""
_ARROW = 14.0
"""Half the length of an arrow."""
_WORDS = 9.0
"""Between a sample and its words."""


def shapes(sheets: list[Sheet]) -> list[int]:
    """In how many columns the legend may stand; none if there is no legend."""
    sheet = _legend(sheets)
    rows = len(_rows(sheet)) if sheet else 0
    return [k for k in range(1, _MOST + 1) if k == 1 or rows >= k * _LEAST] if rows else []


def table(sheets: list[Sheet], columns: int) -> None:
    """The legend among the sheets, in columns."""
    sheet = _legend(sheets)
    if sheet is None:
        return
    rows = _rows(sheet)
    frame = sheet.frames["cluster_legend"]
    box = frame.box
    top = frame.title[1] - _TITLE if frame.title else box.y1 - _EDGE
    left, bottom = box.x0 + _EDGE, top
    for column in _columns(rows, columns):
        half = max(max(s.box.width / 2, _ARROW * (f"legend_b{n}" in sheet.nodes)) for n, s, _ in column)
        y, start = top, left + 2 * half + _WORDS
        for number, sample, words in column:
            height = max(sample.box.height, words.box.height, _HEIGHT)
            y -= height + _ROW
            sample.box = Box.around(left + half, y + height / 2, sample.box.width, sample.box.height)
            words.box = Box.around(start + words.box.width / 2, y + height / 2, words.box.width, words.box.height)
            _wire(sheet, number, sample.box.x, sample.box.y)
        bottom = min(bottom, y)
        left = max(words.box.x1 for _, _, words in column) + _COLUMN
    frame.box = Box(box.x0, bottom - _EDGE, left - _COLUMN + _EDGE, box.y1)


def _legend(sheets: list[Sheet]) -> Sheet | None:
    return next((s for s in sheets if "cluster_legend" in s.frames), None)


def _rows(sheet: Sheet) -> list[tuple[int, Node, Node]]:
    """The number of each row, its sample and its words."""
    numbers = sorted(int(name.removeprefix("legend_a")) for name in sheet.nodes if name.startswith("legend_a"))
    return [(n, sheet.nodes[f"legend_a{n}"], sheet.nodes[f"legend_t{n}"]) for n in numbers]


def _columns(rows: list[tuple[int, Node, Node]], count: int) -> list[list[tuple[int, Node, Node]]]:
    """The rows in so many columns that differ by one row at most."""
    least, more = divmod(len(rows), count)
    starts = [k * least + min(k, more) for k in range(count + 1)]
    return [rows[a:b] for a, b in pairwise(starts)]


def _wire(sheet: Sheet, row: int, x: float, y: float) -> None:
    """The sample of a wire, if the row has one: a straight line with its head. What is not seen lies beneath the sample."""
    for key in (f"legend_v{row}", f"legend_w{row}"):
        if key in sheet.edges:
            sheet.edges[key].points, sheet.edges[key].tip = [(x, y)] * 4, None
    if f"legend_b{row}" in sheet.nodes:
        hidden = sheet.nodes[f"legend_b{row}"]
        hidden.box = Box.around(x, y, hidden.box.width, hidden.box.height)
    edge = sheet.edges.get(f"legend_s{row}")
    if edge and edge.tip:
        start, end = x - _ARROW, x + _ARROW
        stop = end - abs(edge.tip[0] - edge.points[-1][0])
        edge.points, edge.tip = [(start, y), (start + 6, y), (stop - 6, y), (stop, y)], (end, y)
