"""Layout and painting, in a process of their own: DOT in, SVG, PDF or PNG out.

`python -m archdsl.figure.layout` reads one job as JSON from its standard input and writes the picture to its standard output, so that
nothing that Graphviz does can harm the process that asked. The modules here import nothing but the standard library and pygraphviz.

In: a job (see `__main__`). Out: bytes; or, with exit status 3, one line that says what went wrong.

`engine` runs Graphviz, which measures words and paints; `geometry` holds what has a place. `layered` lays one panel out, step by step:
`plan` (what it consists of), `ranks` (rows), `order` (who stands left of whom; `starts` and `cost` serve it), `columns` (x), `sides` (where
wires meet marks), `lines` (tracks, and y; `tracks` serves it), `curves`. `simplex` is the method behind rows and columns. `arrange` packs
panels, `turn` turns them; `fonts`, `svg`, `pdf` and `tikz` write files that look the same everywhere.
"""
