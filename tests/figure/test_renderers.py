"""An SVG looks in other programs as it does here: the same picture as our own PNG, but for how each smooths its edges.

Which of these programs there are depends on the machine: each is tested where it is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from archdsl import compiler, resources
from archdsl.figure import figure, paint

SHOWN = ("gan", "lstm")
MEAN, PATCH = 1.0, 9.5
"""How much, of 255, the whole and the worst patch of 32 by 16 dots may differ. Where a word is missing, or as much too wide as the bold
letters of another font are, it is more."""


def rsvg(svg: Path, png: Path) -> list[str]:
    return ["rsvg-convert", str(svg), "-o", str(png)]


def inkscape(svg: Path, png: Path) -> list[str]:
    return ["inkscape", str(svg), "--export-type=png", "--export-dpi=96", f"--export-filename={png}"]


def chromium(svg: Path, png: Path) -> list[str]:
    page = svg.with_suffix(".html")
    page.write_text(f"<body style='margin:0'><img src='{svg.name}'>", encoding="utf-8")
    with Image.open(svg.with_suffix(".ours.png")) as ours:
        size = f"--window-size={ours.width},{ours.height}"
    return ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", size, f"--screenshot={png}", str(page)]


@cache
def drawn() -> dict[str, tuple[bytes, bytes]]:
    made = [figure(compiler.analyse_file(resources.folder("examples") / f"{name}.arch")) for name in SHOWN]
    return dict(zip(SHOWN, zip(paint(made, "svg"), paint(made, "png"))))


def grey(path: Path) -> np.ndarray:
    """A picture on white, a little blurred, so that edges smoothed otherwise do not count."""
    with Image.open(path) as picture:
        whole = picture.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("L")
    return np.asarray(flat.filter(ImageFilter.GaussianBlur(3)), dtype=float)


def differ(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The mean difference, and that of the worst patch."""
    height, width = (min(a, b) for a, b in zip(one.shape, other.shape))
    height, width = height // 16 * 16, width // 32 * 32
    apart = np.abs(one[:height, :width] - other[:height, :width])
    return float(apart.mean()), float(apart.reshape(height // 16, 16, width // 32, 32).mean((1, 3)).max())


@pytest.mark.parametrize("command", [rsvg, inkscape, chromium], ids=lambda c: c.__name__)
def test_looks_the_same(command: Callable[[Path, Path], list[str]], tmp_path: Path) -> None:
    for name, (svg, png) in drawn().items():
        source, ours, theirs = (tmp_path / f"{name}.{end}" for end in ("svg", "ours.png", "theirs.png"))
        source.write_bytes(svg)
        ours.write_bytes(png)
        line = command(source, theirs)
        if shutil.which(line[0]) is None:
            pytest.skip(f"{line[0]} is not installed on this machine, so how it shows our SVG cannot be seen here")
        try:
            subprocess.run(line, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, check=True, timeout=300)
        except (subprocess.SubprocessError, OSError) as problem:
            pytest.skip(f"{line[0]} does not run on this machine: {problem}")
        a, b = grey(ours), grey(theirs)
        assert all(abs(x - y) <= 2 for x, y in zip(a.shape, b.shape)), (a.shape, b.shape)
        mean, patch = differ(a, b)
        assert mean < MEAN and patch < PATCH, (name, mean, patch)


def test_a_missing_word_would_be_seen(tmp_path: Path) -> None:
    """The measure itself: the same picture where one word is white."""
    (tmp_path / "ours.png").write_bytes(drawn()["gan"][1])
    whole = grey(tmp_path / "ours.png")
    with Image.open(tmp_path / "ours.png") as picture:
        lacking = picture.convert("RGBA")
    dark = np.argwhere(np.asarray(lacking.convert("L"))[:60, :300] < 60)  # of the name of the first panel
    top, left = dark.min(0)
    lacking.paste("white", (int(left), int(top), int(left) + 40, int(top) + 20))
    lacking.save(tmp_path / "lacking.png")
    assert differ(whole, grey(tmp_path / "lacking.png"))[1] > PATCH
