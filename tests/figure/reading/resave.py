"""Records figures as other programs save them: `python tests/figure/reading/resave.py FOLDER` (where `svgo` was installed by npm).

In: `tests/cases/reading/resaved/*.arch`. Out: beside them, one SVG for each program and tool. What is not installed is said and left out.
To be run where what a figure says has changed; the suite reads what is recorded and needs none of the tools.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from archdsl import compiler
from archdsl.figure import figure, paint

CASES = Path(__file__).parents[2] / "cases" / "reading" / "resaved"
_SHAPES = {
    "multipass": True,
    "plugins": [
        "preset-default",
        {"name": "convertShapeToPath", "params": {"convertArcs": True}},
        "convertStyleToAttrs",
        "reusePaths",
        "removeDimensions",
    ],
}
LETTERS = {"inkscape-paths", "rsvg-convert"}
"""Those that make outlines of letters; of them the smallest program is enough."""


def tools(svgo: str, folder: str) -> dict[str, list[str]]:
    """The command of each tool; `IN` and `OUT` stand for the files."""
    config = Path(folder) / "svgo.config.mjs"
    config.write_text(f"export default {json.dumps(_SHAPES)}\n", encoding="utf-8")
    scoured = [
        "--enable-viewboxing",
        "--enable-id-stripping",
        "--shorten-ids",
        "--create-groups",
        "--set-precision=4",
        "--indent=none",
    ]
    return {
        "inkscape": ["inkscape", "IN", "--export-filename=OUT"],
        "inkscape-plain": ["inkscape", "IN", "--export-plain-svg", "--export-filename=OUT"],
        "inkscape-paths": ["inkscape", "IN", "--export-plain-svg", "--export-text-to-path", "--export-filename=OUT"],
        "rsvg-convert": ["rsvg-convert", "-f", "svg", "IN", "-o", "OUT"],
        "scour": [sys.executable, "-m", "scour.scour", "-i", "IN", "-o", "OUT"],
        "scour-all": [sys.executable, "-m", "scour.scour", "-i", "IN", "-o", "OUT", *scoured],
        "svgo": [svgo, "IN", "-o", "OUT"],
        "svgo-all": [svgo, "--config", str(config), "IN", "-o", "OUT"],
    }


def main(svgo: str) -> None:
    programs = sorted(CASES.glob("*.arch"))
    pictures = paint([figure(compiler.analyse_file(p), legend=False) for p in programs], "svg")
    with tempfile.TemporaryDirectory() as folder:
        for program, picture in zip(programs, pictures):
            drawn = Path(folder) / f"{program.stem}.svg"
            drawn.write_bytes(picture)
            for name, command in tools(svgo, folder).items():
                if (name in LETTERS) != (program.stem == "relu"):
                    continue
                if not shutil.which(command[0]):
                    print(f"{command[0]} is not installed")
                    continue
                out = CASES / f"{program.stem}.{name}.svg"
                filled = [part.replace("IN", str(drawn)).replace("OUT", str(out)) for part in command]
                subprocess.run(filled, check=True, capture_output=True, env=os.environ | {"HOME": folder})
                print(out.name, out.stat().st_size)


if __name__ == "__main__":
    main(str(Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "node_modules" / ".bin" / "svgo"))
