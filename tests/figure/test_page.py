"""How a figure stands on the page: its width, the size of its letters, which way it reads, and panels in files of their own."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from quality import faults

from archdsl.cli import main
from archdsl.compiler import analyse
from archdsl.figure import Figure, FigureError, figure, figures
from archdsl.figure.layout import arrange
from archdsl.figure.layout.geometry import Box, Frame, Sheet
from archdsl.resources import folder

Draw = Callable[..., Figure]
SVG = "{http://www.w3.org/2000/svg}"
TWO = '''model Net(d = 4) { input x: [batch, d]
 x -> Inner(d) -> Inner(d) -> output y }
"""A layer."""
block Inner(n) { input x: [batch, c]
 x -> Linear(n) -> relu -> output y }'''


def example(name: str) -> str:
    return (folder("examples") / f"{name}.arch").read_text(encoding="utf-8")


def drawn(name: str, **wishes: object) -> Figure:
    return figure(analyse(example(name), name), **wishes)


def measure(svg: bytes) -> tuple[float, float, float]:
    """Width and height on the page, in points, and the size of the smallest letters there, by the SVG alone."""
    root = ET.fromstring(svg)
    width, height = (float(root.get(k, "").removesuffix("pt")) for k in ("width", "height"))
    box = [float(n) for n in root.get("viewBox", "").split()]
    texts = [t for t in root.iter(f"{SVG}text") if (t.text or "").strip()]
    least = min(float(t.get("font-size", "")) for t in texts)
    assert abs(width / box[2] - height / box[3]) < 0.01
    return width, height, least * width / box[2]


# -- width --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name, width", [("mlp", 234.0), ("lstm", 234.0), ("mixer", 250.0), ("vae", 504.0), ("gpt2", 504.0)]
)
def test_a_figure_fits_its_width_and_can_be_read(name: str, width: float) -> None:
    found, _, least = measure(drawn(name, width=width).svg())
    assert found <= width + 0.01
    assert least >= 5.995


def test_a_narrow_figure_is_without_faults_too() -> None:
    assert faults(drawn("vae", width="7in").places()) == []


def test_indices_are_letters_too() -> None:
    text = "model M(d = 4) { input x: [batch, d]\n h0 = Linear(d)(x)\n y1 = relu(h0) + h0\n output y1 }"
    svg = figure(analyse(text, "m.arch"), width="2.6in").svg()
    assert b'dy="' in svg
    assert measure(svg)[2] >= 5.995


def test_indices_of_ports_are_the_smallest() -> None:
    text = """model M(d = 4) { input x: [batch, d]
 output y = Two(d)(x, x) }
block Two(d) { input x0: [batch, d]
 input x1: [batch, d]
 output z = x0 - x1 }"""
    svg = figure(analyse(text, "m.arch"), width="12in").svg()
    assert b'dy="' in svg
    assert measure(svg)[2] >= 5.995


def test_an_exponent_is_the_smallest() -> None:
    """Of the size of its letters Graphviz takes the whole part alone."""
    program = analyse("model M { input x: [batch, 4]\n 2^(2^x) -> output y }", "m.arch")
    with pytest.raises(FigureError) as caught:
        figure(program, width="1.28in", legend=False).svg()
    needed = re.search(r"needs ([0-9.]+)in", caught.value.message)
    assert needed
    assert 5.995 <= measure(figure(program, width=f"{needed[1]}in", legend=False).svg())[2] < 6.1


def test_what_is_narrow_already_keeps_its_size() -> None:
    width, _, least = measure(figure(analyse(TWO, "t"), width="20in").svg())
    assert width < 1440 and least >= 7


def test_units() -> None:
    program = analyse(TWO, "t")
    widths = {figure(program, width=w).width for w in ("7.2in", "518.4pt", "691.2px", "182.88mm", "18.288cm", 518.4)}
    assert {round(w or 0, 6) for w in widths} == {518.4}


@pytest.mark.parametrize("wrong", ["3.25", "in", "-3in", "3 feet", "0.01in", "1e9in", "", "nan"])
def test_a_width_that_is_none(wrong: str) -> None:
    with pytest.raises(FigureError) as caught:
        figure(analyse(TWO, "t"), width=wrong)
    assert caught.value.hint


def test_a_panel_that_cannot_fit_is_an_error_with_its_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "narrow.svg"
    program = tmp_path / "p.arch"
    program.write_text(example("tagger"), encoding="utf-8")
    assert main(["draw", str(program), "--width", "1.2in", "--no-legend", "-o", str(output)]) == 2
    said = capsys.readouterr().err
    assert re.search(
        r"the panel of \w+ does not fit a width of 1\.2in with no text under 6 pt: it needs [0-9.]+in", said
    )
    assert "--collapse" in said and "--panels separate" in said and not output.exists()
    needed = re.search(r"needs ([0-9.]+)in", said)
    assert needed
    assert main(["draw", str(program), "--width", f"{needed[1]}in", "--no-legend", "-o", str(output)]) in (
        0,
        2,
    )  # perhaps another panel now


def test_the_needed_width_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    program = analyse(example("mlp"), "mlp")
    with pytest.raises(FigureError) as caught:
        figure(program, width="1.2in", only=["MLP"], legend=False).svg()
    needed = re.search(r"needs ([0-9.]+)in", caught.value.message)
    assert needed
    assert measure(figure(program, width=f"{needed[1]}in", only=["MLP"], legend=False).svg())[2] >= 5.995


# -- arrangement --------------------------------------------------------------------------------------------------------
def sheet(width: float, height: float) -> Sheet:
    return Sheet(frames={"f": Frame("f", Box(0, 0, width, height))})


def placed(sizes: list[tuple[float, float]], **wishes: float) -> tuple[float, list[Box]]:
    sheets = [sheet(*s) for s in sizes]
    scale = arrange.arrange(sheets, **wishes)
    boxes = [s.bounds() for s in sheets]
    for i, a in enumerate(boxes):
        assert not any(a.meets(b) for b in boxes[:i])
    return scale, boxes


def test_a_later_panel_fills_a_hole() -> None:
    _, boxes = placed([(200, 600), (200, 200), (200, 200), (200, 100)])
    assert max(b.y1 for b in boxes) - min(b.y0 for b in boxes) == 600


@pytest.mark.parametrize("count", [5, 12, 24, 25, 60])
def test_many_panels_have_the_proportions_of_a_page(count: int) -> None:
    sizes = [(150 + 37 * i % 160, 120 + 61 * i % 300) for i in range(count)]
    _, boxes = placed([(float(w), float(h)) for w, h in sizes])
    width = max(b.x1 for b in boxes) - min(b.x0 for b in boxes)
    height = max(b.y1 for b in boxes) - min(b.y0 for b in boxes)
    assert 0.55 < width / height < 1.8
    assert sum(w * h for w, h in sizes) / (width * height) > 0.5


def test_panels_shrink_only_as_far_as_they_may() -> None:
    scale, boxes = placed([(300.0, 100.0)] * 4, width=270.0, least=0.8)
    assert 0.8 <= scale < 1 and (max(b.x1 for b in boxes) + 2 * arrange.PAD) * scale <= 270.01
    with pytest.raises(arrange.TooNarrow) as caught:
        placed([(100.0, 50.0), (300.0, 100.0)], width=200.0, least=0.8)
    assert caught.value.sheet == 1 and caught.value.needed == 308 * 0.8


# -- direction ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "direction, axis, sign", [("up", "y", 1), ("down", "y", -1), ("right", "x", 1), ("left", "x", -1)]
)
def test_data_runs_in_the_direction_asked_for(direction: str, axis: str, sign: int) -> None:
    places = figure(analyse(TWO, "t"), direction=direction).places()
    for panel in places[:-1]:
        for edge in panel["edges"].values():
            tail, head = (panel["nodes"][edge[k]]["box"] for k in ("tail", "head"))
            assert sign * (head[f"{axis}0"] + head[f"{axis}1"] - tail[f"{axis}0"] - tail[f"{axis}1"]) > 0


@pytest.mark.parametrize("direction", ["down", "right", "left"])
@pytest.mark.parametrize("name", ["tagger", "dann", "kmeans"])
def test_every_direction_is_without_faults(direction: str, name: str) -> None:
    assert faults(drawn(name, direction=direction).places()) == []


def test_operands_are_read_in_their_order() -> None:
    """The first operand's port stands left of the second's, or above it; so do the words on both sides of a sign."""
    text = "model M(d = 4) {{ input p: [batch, d]\n input q: [batch, d]\n output y = {} }}"
    for direction, axis, sign in (("up", "x", 1), ("down", "x", 1), ("right", "y", 1), ("left", "y", 1)):
        for expression in ("mse(p, q)", "p - q"):
            root = ET.fromstring(figure(analyse(text.format(expression), "m"), direction=direction, legend=False).svg())
            words = [t for t in root.iter(f"{SVG}text") if t.get("font-weight") != "bold"]
            at = {(t.text or "").strip("− \xa0"): float(t.get(axis, "")) for t in words}
            assert sign * (at["q"] - at["p"]) > 0, (direction, expression)


def test_an_unknown_direction_or_theme_is_an_error() -> None:
    for wish in ({"direction": "sideways"}, {"theme": "pink"}):
        with pytest.raises(FigureError) as caught:
            figure(analyse(TWO, "t"), **wish)
        assert "there is " in caught.value.hint


# -- what is left out, and files of their own ---------------------------------------------------------------------------
def test_without_legend_and_captions() -> None:
    whole = figure(analyse(TWO, "t")).svg().decode()
    bare = figure(analyse(TWO, "t"), legend=False, captions=False).svg().decode()
    assert "Legend" in whole and "A layer." in whole
    assert "Legend" not in bare and "A layer." not in bare.partition("</desc>")[2]


def test_separate_panels_have_files_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "net.arch"
    program.write_text(TWO, encoding="utf-8")
    assert main(["draw", str(program), "--panels", "separate", "-o", str(tmp_path / "fig.svg")]) == 0
    names = sorted(p.name for p in tmp_path.glob("*.svg"))
    assert names == ["fig-Inner.svg", "fig-Net.svg"]
    inner = ET.fromstring((tmp_path / "fig-Inner.svg").read_bytes())
    words = {t.text for t in inner.iter(f"{SVG}text")}
    assert "Inner" in words and "Net" not in words and "Legend" in words


def test_separate_panels_are_written_all_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "net.arch"
    program.write_text(TWO, encoding="utf-8")
    (tmp_path / "net-Inner.svg").mkdir()
    assert main(["draw", str(program), "--panels", "separate"]) == 2
    assert "net-Inner.svg" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net-Inner.svg", "net.arch"]


def test_separate_panels_do_not_go_to_one_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "net.arch"
    program.write_text(TWO, encoding="utf-8")
    assert main(["draw", str(program), "--panels", "separate", "-o", "-", "--format", "svg"]) == 2
    assert "standard output" in capsys.readouterr().err


def test_tags_agree_between_separate_panels() -> None:
    text = "model M(d = 4) { input x: [batch, d]\n f = Linear(d)\n x -> f -> f -> output y }"
    together, apart = figure(analyse(text, "m")), figures(analyse(text, "m"))
    assert len(apart) == 1 and apart[0].name == "M" and ">A<" in apart[0].dot and ">A<" in together.dot


def test_the_legend_takes_the_shape_that_fits() -> None:
    """Beside a tall panel one column; below wide ones several, each sample beside its words and no two on each other."""

    def legend(name: str) -> dict[str, Any]:
        return next(s for s in figure(analyse(example(name), name)).places() if "cluster_legend" in s["frames"])

    shapes = {}
    for name in ("dni", "gan"):
        sheet = legend(name)
        frame = sheet["frames"]["cluster_legend"]["box"]
        boxes = {n: v["box"] for n, v in sheet["nodes"].items() if n[:8] in ("legend_a", "legend_t")}
        for n, box in boxes.items():
            assert (
                frame["x0"] < box["x0"] < box["x1"] < frame["x1"] and frame["y0"] < box["y0"] < box["y1"] < frame["y1"]
            )
            if n.startswith("legend_a"):
                words = boxes[n.replace("legend_a", "legend_t")]
                assert (
                    box["x1"] < words["x0"] < box["x1"] + 60
                    and abs(box["y0"] + box["y1"] - words["y0"] - words["y1"]) < 1
                )
        shapes[name] = len({round(b["x0"]) for n, b in boxes.items() if n.startswith("legend_t")})
        assert faults([sheet]) == []
    assert shapes["dni"] == 1 and shapes["gan"] > 1
