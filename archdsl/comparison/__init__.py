"""Two programs side by side: whether they mean the same, what differs in words, and one figure that shows it.

    found = compare(before, after)
    found.same, found.text(), found.figure().svg()

In: two checked programs. Out: `Difference`. `pairing` finds which definition is which, `align` which mark; `flat` takes the forks out of
panels, and `merge` makes one panel of two. Whether programs mean the same is told by `ir.meaning` alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archdsl.ir.meaning import meaning
from archdsl.ir.program import Program

if TYPE_CHECKING:
    from archdsl.comparison.merge import Merged
    from archdsl.figure import Figure

Models = tuple[str | None, str | None]
_SIGNS = {"added": "+", "removed": "−", "changed": "≠"}


@dataclass(frozen=True, eq=False)
class Difference:
    """What is different in `after`, seen from `before`."""

    before: Program
    after: Program
    models: Models = (None, None)
    """The one definition of each that is compared, with what it uses; without, all there are."""

    @cached_property
    def same(self) -> bool:
        """Whether both compute and learn the same way. What two definitions are called that are to be compared does not count."""
        return _meaning(self.before, self.models[0]) == _meaning(self.after, self.models[1])

    @property
    def _sides(self) -> tuple[tuple[Program, str | None], ...]:
        return (self.before, self.models[0]), (self.after, self.models[1])

    @cached_property
    def parts(self) -> list[Merged]:
        """The definitions of both, those of `after` first, in the order of its figure."""
        from archdsl.comparison.merge import merged
        from archdsl.comparison.pairing import paired
        from archdsl.figure.panels import panels

        a, b = (panels(p, entry=m, captions=False) for p, m in self._sides)
        pairs = paired(a, b, together=all(self.models))
        renamed = {x.name: y.name for x, y in pairs if x and y}
        return [merged(x, y, renamed) for x, y in pairs]

    def text(self) -> str:
        """The differences in words, definition by definition."""
        if self.same:
            return "both mean the same"
        lines = []
        for part in self.parts:
            if part.kind:
                name = (
                    part.new if part.old in ("", part.new) else part.old if not part.new else f"{part.old} → {part.new}"
                )
                lines.append(f"{_SIGNS[part.kind]} {name}")
                said = [f"    {_SIGNS[n.change]} {n.what}{f'  ({n.where})' if n.where else ''}" for n in part.notes]
                lines += [
                    f"{line}  (× {said.count(line)})" if said.count(line) > 1 else line for line in dict.fromkeys(said)
                ]
        if not lines:
            return "they do not mean the same"
        alike = [part.new for part in self.parts if not part.kind]
        return "\n".join([*lines, *([f"the same: {', '.join(alike)}"] if alike else [])])

    def figure(self, *, whole: bool = False, **wishes: Any) -> Figure:
        """One figure of both: what was added, removed and changed is marked. Definitions that are alike are left out, unless `whole`."""
        from archdsl.figure.render import figure, figure_of

        if self.same:
            return figure(self.after, entry=self.models[1], **wishes)

        shown = [part.panel for part in self.parts if part.kind or whole] or [part.panel for part in self.parts]
        files = [os.path.basename(p.file) for p, _ in self._sides]  # the same bytes in every folder
        before, after = (f"{file}: {m}" if m else file for file, (_, m) in zip(files, self._sides))
        return figure_of(shown, f"{before} → {after}", self.text(), **wishes)


def compare(before: Program, after: Program, models: Models = (None, None)) -> Difference:
    return Difference(before, after, models)


def _meaning(program: Program, model: str | None) -> object:
    """What a program means, or one definition of it whatever its name."""
    if model is None:
        return meaning(program)
    found = meaning(program, program[model].name)
    [root] = found["roots"]
    return {**found["definitions"].pop(root), "name": ""}, found["definitions"]
