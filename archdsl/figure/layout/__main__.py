"""One job: `python -m archdsl.figure.layout <job.json >pictures`.

The job is an object with `pages`, `format` (svg, pdf, png, tikz, tex, or places: where everything is, as JSON), `dpi` and `least`, the
smallest text there may be. A page has `title`, `description`, `width` (points, or null) and `looks`, of which the first that fits is taken:
each with `direction`, `dot` (the whole figure), `smallest` (its smallest text) and `sheets` (for each panel `name`, `dot`, `routes`,
`sides`, `ports`). Out: the pictures, each after its length in eight bytes. Exit status 3: Graphviz is not there or failed; 4: a panel does
not fit. Which panel is being laid out is said on standard error, for who waits.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from archdsl.figure.layout import arrange, geometry, route, svg, tikz, turn
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
    vector = form in ("svg", "tikz", "tex")
    data = run(placed(look["dot"], sheets, form, dpi, 1.0 if vector else scale), "nop2", "svg" if vector else form)
    match form:
        case "svg":
            return svg.finish(data, page["title"], page["description"], scale)
        case "tikz" | "tex":
            return tikz.picture(data, page["title"], page["description"], scale, whole=form == "tex")
        case "pdf":
            return dateless(data)
        case _:
            return data


def _fitting(run: Run, page: Data, least: float) -> tuple[Data, list[geometry.Sheet], float]:
    """The first way to draw it that fits the page, and at what scale."""
    failures = []
    for look in page["looks"]:
        sheets = [_laid_out(run, panel, look["direction"]) for panel in look["sheets"]]
        try:
            return look, sheets, arrange.arrange(sheets, page["width"], least / (look["smallest"] or least))
        except arrange.TooNarrow as problem:
            failures.append((problem.needed, look["sheets"][problem.sheet]["name"]))
    needed, name = min(failures)
    shown = f"the panel of {name}" if name else "the legend"
    raise DoesNotFit(json.dumps({"panel": shown, "name": name, "needed": needed, "width": page["width"]}))


def _laid_out(run: Run, panel: Data, direction: str) -> geometry.Sheet:
    print("panel", panel["name"], file=sys.stderr, flush=True)

    def finish(sheet: geometry.Sheet, routes: list[dict[str, str]]) -> None:
        route.finish(sheet, routes, set(panel["sides"]), panel["ports"])

    if direction in ("right", "left") and panel["name"]:
        sheet = turn.lay_out(run, panel["dot"], panel["routes"], finish)
    else:
        sheet = geometry.read(run(panel["dot"], "dot", "json0"))
        finish(sheet, panel["routes"])
        arrange.columns(sheet)
    if panel["name"]:
        turn.mirror(sheet, direction)
    return sheet


def placed(dot: str, sheets: list[geometry.Sheet], form: str, dpi: int, scale: float = 1.0) -> str:
    """The figure's DOT with every position in it."""
    lines = [line for sheet in sheets for line in sheet.statements()]
    more = f"graph [dpi={dpi * scale:.4f}]" if form == "png" else ""
    if form == "pdf" and scale != 1:
        boxes = [s.bounds() for s in sheets]
        width = max(b.x1 for b in boxes) - min(b.x0 for b in boxes) + 2 * arrange.PAD
        more = f'graph [size="{width * scale / 72:.4f},1000!"]'
    return "\n".join([dot.rstrip().removesuffix("}"), more, *lines, "}"])


def dateless(pdf: bytes) -> bytes:
    """A PDF with one date for all, as long as the one it had, so that its table of offsets stays right."""
    return _DATE.sub(lambda m: m[1] + b"20000101000000Z".ljust(len(m[2]))[: len(m[2])] + m[3], pdf)


_DATE = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)([^)]*)(\))")


def main() -> int:
    job = json.load(sys.stdin.buffer)
    try:
        for picture in work(job):
            sys.stdout.buffer.write(struct.pack(">Q", len(picture)) + picture)
    except LayoutFailed as problem:
        print(problem, file=sys.stderr)
        return 3
    except DoesNotFit as problem:
        print(problem, file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
