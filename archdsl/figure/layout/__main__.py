"""One job: `python -m archdsl.figure.layout <job.json >pictures`.

The job is an object with `pages`, `format` (svg, pdf, png, tikz, tex, or places: where everything is, as JSON), `dpi` and `least`, the
smallest text there may be. A page has `title`, `description`, `width` (points, or null) and `looks`, of which the first that fits is taken:
each with `direction`, `close` (how it is set), `dot` (the whole figure), `smallest` (its smallest text) and `sheets` (see
`archdsl.figure.dot.Sheet`).
Out: the pictures, each after its length in eight bytes. Exit status 3: Graphviz is not there or failed; 4: a panel does not fit. Which
panel is being laid out is said on standard error, for who waits.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from archdsl.figure.layout import arrange, geometry, layered, svg, tikz, turn
from archdsl.figure.layout.engine import LayoutFailed, Run, graphviz

Data = dict[str, Any]


class DoesNotFit(Exception):
    """No way to draw it fits the page; the message is JSON."""


def work(job: Data) -> Iterator[bytes]:
    """The pictures that a job describes."""
    with graphviz() as run:
        for page in job["pages"]:
            yield _page(run, page, job["format"], job["dpi"], job["least"])


def _page(run: Run, page: Data, form: str, dpi: int, least: float) -> bytes:
    look, sheets, scale = _fitting(run, page, least)
    if form == "places":
        return json.dumps([asdict(s) for s in sheets]).encode()
    raster = form == "png"
    if raster:
        _within(sheets, dpi * scale)
    data = run(placed(look["dot"], sheets, dpi * scale if raster else None), "nop2", "png" if raster else "svg")
    match form:
        case "svg":
            return svg.finish(data, page["title"], page["description"], scale)
        case "tikz" | "tex":
            return tikz.picture(data, page["title"], page["description"], scale, whole=form == "tex")
        case "pdf":
            from archdsl.figure.layout import pdf

            return pdf.page(data, page["title"], page["description"], scale)
        case _:
            return data


class TooLarge(Exception):
    """More dots than a picture may have."""


_SIDE, _DOTS = 32000, 400_000_000


def _within(sheets: list[geometry.Sheet], dpi: float) -> None:
    width, height = (round(side * dpi / 72) for side in arrange.extent(sheets))
    if max(width, height) > _SIDE or width * height > _DOTS:
        raise TooLarge(f"a picture of {width} by {height} dots cannot be drawn")


def _fitting(run: Run, page: Data, least: float) -> tuple[Data, list[geometry.Sheet], float]:
    """The first way to draw it that fits the page, and at what scale. If all are higher than a page, the lowest."""
    failures: list[tuple[float, str]] = []
    found: list[tuple[float, Data, list[geometry.Sheet]]] = []
    for look in page["looks"]:
        if found and look["direction"] != found[0][1]["direction"]:
            break  # turned only where it does not fit otherwise
        smallest = least / (look["smallest"] or least)
        for sheets in _ways(run, page, look, smallest):
            try:
                scale = arrange.arrange(sheets, page["width"], smallest)
            except arrange.TooNarrow as problem:
                if len(sheets) == len(look["sheets"]):  # else it was given up before the widest was known
                    failures.append((problem.needed, look["sheets"][problem.sheet]["name"]))
                break
            found.append((arrange.extent(sheets)[1] * scale, look, sheets))
            if page["width"] is None or found[-1][0] <= _PAGE:
                return look, sheets, scale
    if found:
        _, look, sheets = min(found, key=lambda f: f[0])
        return look, sheets, arrange.arrange(sheets, page["width"], least / (look["smallest"] or least))
    needed, name = min(failures)
    shown = f"the panel of {name}" if name else "the legend"
    alone = len(page["looks"][0]["sheets"]) <= 2  # one panel and the legend
    lying = page["looks"][0]["direction"] in ("right", "left")
    asked = {"panel": shown, "name": name, "needed": needed, "width": page["width"], "alone": alone, "lying": lying}
    raise DoesNotFit(json.dumps(asked))


_PAGE = 9.0 * 72
"""The height of what a page of a paper holds."""
_COLUMN = 2.0 * 72
"""The width of the narrowest column into which panels are set."""


def _ways(run: Run, page: Data, look: Data, smallest: float) -> Iterator[list[geometry.Sheet]]:
    """The panels as wide as they like; and no wider than the page, half of it, a third, if they may be set closely."""
    sizes = _measured(run, look)
    most = 1e9 if page["width"] is None else page["width"] / smallest - 2 * arrange.PAD
    sheets: list[geometry.Sheet] = []
    for panel in look["sheets"]:
        sheets.append(_laid_out(run, panel, look["direction"], sizes, most, look["close"]))
        if sheets[-1].bounds().width > most and not look["close"]:
            break  # too wide; set closely, perhaps it fits
    yield sheets
    for columns in (2, 3) if look["close"] and page["width"] is not None else ():
        limit = (most - (columns - 1) * arrange.GAP) / columns
        if limit * smallest < _COLUMN or all(s.bounds().width <= limit for s in sheets):
            break
        sheets = [
            s
            if s.bounds().width <= limit
            else _laid_out(run, panel, look["direction"], sizes, limit, True, usual=False)
            for s, panel in zip(sheets, look["sheets"])
        ]
        yield sheets


def _measured(run: Run, look: Data) -> geometry.Measured:
    """How large everything is. Graphviz only measures here; lines that lead around things would cost it time."""
    text = look["dot"].replace("splines=true", "splines=line", 1)
    return geometry.measure(run(text, "osage", "json0"), look["direction"] in ("right", "left"))


def _laid_out(
    run: Run, panel: Data, direction: str, sizes: geometry.Measured, most: float, narrow: bool, usual: bool = True
) -> geometry.Sheet:
    print("panel", panel["name"], file=sys.stderr, flush=True)
    if not panel["name"]:
        return geometry.read(run(panel["dot"], "dot", "json0"))
    sheet = layered.lay_out(panel, sizes, most, narrow and not sizes.lying, usual or sizes.lying)
    if sizes.lying:
        turn.upright(sheet, sizes)
    turn.mirror(sheet, direction)
    return sheet


def placed(dot: str, sheets: list[geometry.Sheet], dpi: float | None = None) -> str:
    """The figure's DOT with every position in it, and the resolution of a PNG."""
    lines = [line for sheet in sheets for line in sheet.statements()]
    more = [] if dpi is None else [f"graph [dpi={dpi:.4f}]"]
    return "\n".join([dot.rstrip().removesuffix("}"), *more, *lines, "}"])


def main() -> int:
    job = json.load(sys.stdin.buffer)
    try:
        for picture in work(job):
            sys.stdout.buffer.write(struct.pack(">Q", len(picture)) + picture)
    except LayoutFailed as problem:
        print(problem, file=sys.stderr)
        return 3
    except TooLarge as problem:
        print(problem, file=sys.stderr)
        return 5
    except DoesNotFit as problem:
        print(problem, file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
