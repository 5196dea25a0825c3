"""Draws the same models with archdsl and with other tools, in one run, and writes benchmarks/figures.md.

    pip install torchview torchlens keras pydot, and Graphviz for them; then
    python benchmarks/figures.py

For each tool and model: the time of the whole process that draws it (the least of two), the nodes in the drawing, the size of the SVG, and
how wide it is if its smallest letters are 6 points high. Then, of the pairs of different models in `figure_pairs.py`, how many each tool
tells apart: drawings are compared in what the eye sees, without ids, titles, links and colour (`tests/figure/visible.py`). Each tool is
asked for all that it can show. One member is drawn twice: a tool that draws it differently then tells nothing by a difference.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE), str(ROOT / "tests" / "figure")]
TOOLS = ("archdsl", "torchview", "torchlens", "torchlens rolled", "keras plot_model")
MODELS = ("LSTM", "encoder", "ResNet-50")
RUNS = 2


# -- drawing, in a process of its own ---------------------------------------------------------------------------------
def draw_torchview(model: object, inputs: tuple[object, ...], path: Path) -> None:
    from torchview import draw_graph

    options = {"depth": 100, "expand_nested": True, "hide_inner_tensors": False, "hide_module_functions": False}
    graph = draw_graph(model, input_data=inputs, device="cpu", show_shapes=True, **options)
    path.write_bytes(graph.visual_graph.pipe(format="svg"))


def draw_torchlens(model: object, inputs: tuple[object, ...], path: Path, view: str) -> None:
    import torch
    import torchlens

    torch.manual_seed(0)
    trace = torchlens.trace(model, list(inputs))
    options = {"show_buffer_layers": "always", "show_redundant_args": True, "vis_call_depth": 1000}
    trace.draw(
        vis_mode=view, vis_outpath=str(path.with_suffix("")), vis_fileformat="svg", vis_save_only=True, **options
    )


def draw_keras(model: object, path: Path) -> None:
    import keras

    options = ("shapes", "dtype", "layer_names", "layer_activations", "trainable")
    shown = {f"show_{o}": True for o in options}
    keras.utils.plot_model(model, to_file=str(path), expand_nested=True, **shown)


def draw_archdsl(program: str | Path, path: Path) -> None:
    import archdsl

    path.write_bytes(archdsl.draw(program).svg())


def program(name: str) -> str | Path:
    import figure_models as models

    known = {"LSTM": models.LSTM, "encoder": models.ENCODER}
    return known.get(name) or ROOT / "examples" / "resnet50.arch"


def draw_model(tool: str, name: str, path: Path) -> None:
    if tool == "archdsl":
        draw_archdsl(program(name), path)
        return
    import figure_models as models

    if tool == "keras plot_model":
        draw_keras(models.keras_model(name), path)
    else:
        draw_traced(tool, models.torch_model(name), path)


def draw_traced(tool: str, given: object, path: Path) -> None:
    model, inputs = given  # type: ignore[misc]
    if tool == "torchview":
        draw_torchview(model, inputs, path)
    else:
        draw_torchlens(model, inputs, path, "rolled" if tool.endswith("rolled") else "unrolled")


def draw_pairs(tool: str, folder: Path) -> None:
    """Both members of each pair, and the first once more: NAME-0.svg, NAME-1.svg, NAME-again.svg."""
    import figure_pairs as pairs

    if tool == "archdsl":
        from tests.pairs import FAMILIES

        for name, family in pairs.FAMILIES.items():
            for which, member in (("0", 0), ("1", 1), ("again", 0)):
                draw_archdsl(FAMILIES[family].programs[member], folder / f"{slug(name)}-{which}.svg")
        return
    made = pairs.keras_pairs() if tool == "keras plot_model" else pairs.torch_pairs()
    for name, make in made.items():
        for which, other in (("0", False), ("1", True), ("again", False)):
            path = folder / f"{slug(name)}-{which}.svg"
            try:
                draw_keras(make(other), path) if tool == "keras plot_model" else draw_traced(tool, make(other), path)
            except Exception as problem:
                print(f"{tool}, {name}: {type(problem).__name__}: {problem}", file=sys.stderr)


def slug(name: str) -> str:
    return re.sub(r"\W+", "_", name)


# -- measuring --------------------------------------------------------------------------------------------------------
@dataclass
class Drawing:
    clock: float
    processor: float
    nodes: int
    kilobytes: float
    inches: float


def process(*arguments: str) -> tuple[float, float]:
    """Seconds on the clock and of the processor that a new process takes, with all that it starts."""
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), *arguments],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def measured(tool: str, name: str, folder: Path) -> Drawing:
    path = folder / f"{slug(tool)}-{slug(name)}.svg"
    runs = [process("--model", tool, name, str(path)) for _ in range(RUNS)]
    svg = path.read_text(encoding="utf-8")
    sizes = [float(s) for s in re.findall(r'font-size="([0-9.]+)', svg)]
    width = re.search(r'viewBox="[-0-9.]+ [-0-9.]+ ([0-9.]+)', svg)
    scale = re.search(r"scale\(([0-9.]+)", svg)  # of Graphviz's drawing within its own units
    points = float(width[1]) if width else 0.0
    inches = points / min(sizes) * 6 / 72 / (float(scale[1]) if scale else 1.0)
    nodes = len(re.findall(r'class="[^"]*\bnode\b', without_legend(name) if tool == "archdsl" else svg))
    return Drawing(min(c for c, _ in runs), min(p for _, p in runs), nodes, path.stat().st_size / 1000, inches)


def without_legend(name: str) -> str:
    """archdsl's drawing, of which the legend's samples do not count as nodes."""
    import archdsl

    return archdsl.draw(program(name), legend=False).svg().decode("utf-8")


def all_families() -> tuple[int, int]:
    """How many of all the families of `tests/cases/pairs` archdsl tells apart, each member from each other, and how many there are."""
    from visible import visible

    import archdsl
    from tests.pairs import FAMILIES

    apart = 0
    for family in FAMILIES.values():
        seen = [visible(archdsl.draw(text).svg()) for text in family.programs]
        apart += all(a != b for i, a in enumerate(seen) for b in seen[:i])
    return apart, len(FAMILIES)


def told_apart(tool: str, folder: Path) -> dict[str, str]:
    """For each pair: yes, no, or why that cannot be said."""
    from figure_pairs import FAMILIES
    from visible import visible

    home = folder / slug(tool)
    home.mkdir()
    process("--pairs", tool, str(home))
    found = {}
    for name in FAMILIES:
        paths = [home / f"{slug(name)}-{which}.svg" for which in ("0", "1", "again")]
        if not all(p.exists() for p in paths):
            found[name] = "not drawn"
            continue
        first, second, again = (visible(p.read_bytes()) for p in paths)
        found[name] = "by chance" if first != again else "yes" if first != second else "no"
    return found


# -- the record -------------------------------------------------------------------------------------------------------
def record() -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawings = {(tool, model): measured(tool, model, folder) for model in MODELS for tool in TOOLS}
        apart = {tool: told_apart(tool, folder) for tool in TOOLS}
    lines = [
        "# The same models, drawn by several tools",
        "",
        "Written by `python benchmarks/figures.py`.",
        "",
        _machine(),
        "",
    ]
    for model in MODELS:
        lines += [
            f"## {model}",
            "",
            "| tool | process, s | of the processor, s | nodes | SVG, kB | width at 6 pt, in |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for tool in TOOLS:
            d = drawings[tool, model]
            lines.append(
                f"| {tool} | {d.clock:.2f} | {d.processor:.2f} | {d.nodes} | {d.kilobytes:.0f} | {d.inches:.1f} |"
            )
        lines.append("")
    lines += _what_it_shows()
    lines += ["## Pairs of different models", "", "| | " + " | ".join(TOOLS) + " |", "|---|" + "---|" * len(TOOLS)]
    for pair in next(iter(apart.values())):
        lines.append(f"| {pair} | " + " | ".join(apart[tool][pair] for tool in TOOLS) + " |")
    total = {tool: sum(v == "yes" for v in found.values()) for tool, found in apart.items()}
    lines.append("| **told apart** | " + " | ".join(f"**{total[t]} of {len(apart[t])}**" for t in TOOLS) + " |")
    lines += ["", _families(), ""]
    return "\n".join(lines)


def _families() -> str:
    apart, count = all_families()
    return (
        "Of all families of programs that differ in one meaning (`tests/cases/pairs`: training, updates, first values and\n"
        f"states among them, many of which cannot be given to the others at all), archdsl tells {apart} of {count} apart."
    )


def _machine() -> str:
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("torch", "torchview", "torchlens", "keras"))
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}."


def _what_it_shows() -> list[str]:
    return [
        "archdsl's figures have a legend, whose samples are no nodes here, and a panel for each block down to the last",
        "primitive: the LSTM's gates, the attention. The traced LSTM has 8 steps; archdsl's holds for any number. Times",
        "include Python's start and, for the others, importing torch and running the model.",
        "",
    ]  # fmt: skip


def main() -> None:
    match sys.argv[1:]:
        case ["--model", tool, name, path]:
            draw_model(tool, name, Path(path))
        case ["--pairs", tool, folder]:
            draw_pairs(tool, Path(folder))
        case _:
            text = record()
            (HERE / "figures.md").write_text(text, encoding="utf-8")
            print(text)


if __name__ == "__main__":
    main()
