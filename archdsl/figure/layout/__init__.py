"""Layout and painting, in a process of their own: DOT in, SVG, PDF or PNG out.

`python -m archdsl.figure.layout` reads one job as JSON from its standard input and writes the picture to its standard output, so that
nothing that Graphviz does can harm the process that asked. The modules here import nothing but the standard library and pygraphviz.

In: a `Job` (see `__main__`). Out: bytes; or, with exit status 3, one line that says what went wrong.

`engine` runs Graphviz; `geometry` holds what it placed; `route` draws the edges that dot should not draw (state returns, residuals, side
entries); `arrange` packs panels; `fonts` and `svg` make an SVG that looks the same everywhere.
"""
