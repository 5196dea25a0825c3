"""The legend: a sample of each mark, frame and wire that the figure uses, and what it means. No others.

In: panels. Out: a cluster of samples, in a fixed order, or None where there is nothing to explain.
"""

from __future__ import annotations

from collections.abc import Iterator

import graphviz

from archdsl.figure import changes, theme
from archdsl.figure.html import mixed
from archdsl.figure.scene import Panel
from archdsl.figure.words import LEAD, LEADING

_MARKS = {
    "input": ("x", "input, with its type", 0.4),
    "output": ("y", "output", 0.4),
    "weights": ("<B>W</B>", "holds weights, learned", 0.36),
    "frozen": ("<B>W</B> ❄", "holds weights, frozen", 0.42),
    "function": ("f", "fixed function", 0.36),
    "circle": ("σ", "pointwise", 0.3),
    "state": ("<B>h</B>", "state: what it was one step before", 0.3),
    "memory": ("<B>m</B>", "memory: what it was one call before", 0.36),
    "attention": ("<B>attention</B>", "attention, with its settings", 0.78),
    "draw": ("~ p", "a random draw", 0.42),
    "gradient": ("∥", "acts on the gradient only", 0.36),
    "objective": ("minimize", "objective, with its optimizer", 0.86),
}
"""A sample, what it means, and how wide the sample is, in inches."""
_SIGNALS = {
    "□": "the operand that comes in",
    "▸": "has a panel of its own",
    "′": "what it is after the step or call",
}
"""Signs in words, with their meanings."""
_WIRES = {
    "data": "data, with its type where it changes",
    "gate": "gate: opens the × it ends on",
    "return": "handed on to the next step, copy or call",
    "first": "the first value",
    "updates": "updates by gradient",
}
_FRAMES = {
    "stack": "copies in a row, separate weights",
    "loop": "passes in a row, shared weights",
    "scan": "along an axis, shared weights",
    "until": "repeated until stable",
    "training": "training",
    "before": "computed once",
}


_SIGNS = {"stack": "× 12", "loop": "↻ 16", "scan": "↻ over time →"}
"""What a frame says of itself, for those that its border alone does not tell apart."""


_LEAD = f'<FONT POINT-SIZE="{theme.SMALL * LEADING:g}">{LEAD}</FONT>'
"""What makes a line of bold letters as high as others, so that it stands in the middle."""


def legend(panels: list[Panel]) -> graphviz.Digraph | None:
    marks = {m.kind for p in panels for m in p.root.all_marks()}
    tagged = any(m.tag for p in panels for m in p.root.all_marks())
    wires = {w.kind for p in panels for w in p.wires}
    frames = {f.kind for p in panels for f in p.root.all_frames()}
    said = {sign for p in panels for text in _texts(p) for sign in _SIGNALS if sign in text}
    rows: list[tuple[str, str, str]] = [("mark", k, t) for k, (_, t, _) in _MARKS.items() if k in marks]
    rows += [("sign", k, t) for k, t in _SIGNALS.items() if k in said]
    rows += [("tag", "A", "the same weights and memory at every use")] if tagged else []
    rows += [("wire", k, t) for k, t in _WIRES.items() if k in wires]
    rows += [("frame", k, t) for k, t in _FRAMES.items() if k in frames]
    found = {m.change for p in panels for m in p.root.all_marks()} | {w.change for p in panels for w in p.wires}
    found |= {f.change for p in panels for f in p.root.all_frames()}
    rows += [("change", k, t) for k, t in changes.MEANS.items() if k in found]
    if not rows:
        return None
    graph = graphviz.Digraph("cluster_legend")
    graph.attr(label="<Legend>", labelloc="b", labeljust="l", **{**theme.FRAMES["legend"], "fontsize": "9"})
    for i, (family, kind, text) in enumerate(rows):
        _row(graph, i, family, kind, text)
    for i in range(len(rows) - 1):
        graph.edge(
            f"legend_a{i + 1}", f"legend_a{i}", style="invis", weight="50", key=f"legend_v{i}", id=f"legend_v{i}"
        )
    return graph


def _texts(panel: Panel) -> Iterator[str]:
    """What is written at marks and wires."""
    for mark in panel.root.all_marks():
        yield from (*mark.lines, *mark.cells, *mark.results)
    for wire in panel.wires:
        yield wire.label


def _row(graph: graphviz.Digraph, i: int, family: str, kind: str, text: str) -> None:
    sample, words = f"legend_a{i}", f"legend_t{i}"
    key = f"legend_w{i}"
    hidden = {"style": "invis", "key": key, "id": key}
    with graph.subgraph() as row:
        row.attr(rank="same")
        match family:
            case "mark":
                label, _, width = _MARKS[kind]
                attributes = {**theme.MARKS[kind], "fontsize": "8", "height": "0.22", "width": f"{width:g}"}
                row.node(sample, label=f"<{label}{_LEAD * mixed(label)}>", fixedsize="true", **attributes)
            case "tag":
                row.node(sample, label="A", shape="box", style="rounded,filled", fillcolor=theme.INK, fontcolor=theme.PAPER, fontsize="8",
                         width="0.2", height="0.18", fixedsize="true")  # fmt: skip
            case "sign":
                row.node(sample, label=f"h{kind}" if kind == "′" else kind, shape="plain", fontsize="9")
            case "change":
                of = next(c for c in changes.MEANS if c == kind)
                attributes = {**theme.MARKS["function"], "fontsize": "8", "height": "0.22", "width": "0.34"}
                row.node(sample, label=f"<{changes.SIGNS[of]}>", **changes.mark(attributes, of))
            case "wire":
                row.node(sample, label="", shape="point", width="0.01", style="invis")
                row.node(f"legend_b{i}", label="", shape="point", width="0.01", style="invis")
                row.edge(sample, f"legend_b{i}", key=f"legend_s{i}", id=f"legend_s{i}", minlen="1", **theme.WIRES[kind])
            case "frame":
                attributes = {**theme.FRAMES[kind], "shape": "box", "width": "0.34", "height": "0.22", "margin": "0.05,0.02",
                              "fontsize": "7"}  # fmt: skip
                if kind == "stack":
                    attributes["peripheries"] = "2"
                row.node(sample, label=f"<{_SIGNS[kind]}>" if kind in _SIGNS else "", **attributes)
        row.node(words, label=f"<{text}>", shape="plain", fontsize="8")
        row.edge(f"legend_b{i}" if family == "wire" else sample, words, **hidden)
