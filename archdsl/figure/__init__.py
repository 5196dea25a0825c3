"""The figure: a checked program as panels of marks, and these as DOT, SVG, PDF or PNG.

    figure(program).svg()

In: `ir.Program`. Out: `Figure`. What comes between has a module each: `marks` (a node of the IR → a mark), `wiring` (a definition → a
panel), `panels` (which ones), `streams` (what goes straight and what round the side), `dot` (DOT text), `legend`, and `render`, which
lays out and paints in a process of its own (`layout`). `theme` alone knows colours, `words` alone how numbers and types read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.figure.render import Figure, FigureError, figure, figures, paint

__all__ = ["Figure", "FigureError", "figure", "figures", "paint"]


def __getattr__(name: str) -> Any:  # the layout process imports this package and needs none of it
    if name in __all__:
        from archdsl.figure import render

        return getattr(render, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
