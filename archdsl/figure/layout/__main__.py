"""One job: `python -m archdsl.figure.layout <job.json >picture`.

The job is an object with `dot` (the whole figure), `sheets` (for each panel `dot`, `routes`, `sides`, `ports`), `format` (svg, pdf, png,
or places: where everything is, as JSON), `dpi`, `title` and `description`.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from typing import Any

from archdsl.figure.layout import arrange, geometry, route, svg
from archdsl.figure.layout.engine import LayoutFailed, graphviz


def work(job: dict[str, Any]) -> bytes:
    """The picture that a job describes."""
    with graphviz() as run:
        sheets = []
        for panel in job["sheets"]:
            sheet = geometry.read(run(panel["dot"], "dot", "json0"))
            route.finish(sheet, panel["routes"], set(panel["sides"]), panel["ports"])
            arrange.columns(sheet)
            sheets.append(sheet)
        arrange.arrange(sheets)
        if job["format"] == "places":
            return json.dumps([asdict(s) for s in sheets]).encode()
        text = placed(job["dot"], sheets, job["format"], job["dpi"])
        data = run(text, "nop2", job["format"])
    match job["format"]:
        case "svg":
            return svg.finish(data, job["title"], job["description"])
        case "pdf":
            return dateless(data)
        case _:
            return data


def placed(dot: str, sheets: list[geometry.Sheet], form: str, dpi: int) -> str:
    """The figure's DOT with every position in it."""
    lines = [line for sheet in sheets for line in sheet.statements()]
    more = f"graph [dpi={dpi}]" if form == "png" else ""
    return "\n".join([dot.rstrip().removesuffix("}"), more, *lines, "}"])


def dateless(pdf: bytes) -> bytes:
    """A PDF with one date for all, as long as the one it had, so that its table of offsets stays right."""
    return _DATE.sub(lambda m: m[1] + b"20000101000000Z".ljust(len(m[2]))[: len(m[2])] + m[3], pdf)


_DATE = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)([^)]*)(\))")


def main() -> int:
    job = json.load(sys.stdin.buffer)
    try:
        sys.stdout.buffer.write(work(job))
    except LayoutFailed as problem:
        print(problem, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
