"""Types of values: an element kind and a shape of symbolic sizes.

In: sizes as `Num`. Out: `Type`, immutable; `str(type)` is how a program writes it.
At most one axis of a shape is `...` (`ELLIPSIS`), which stands for any axes, the same ones throughout a definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from archdsl.ir.num import ELLIPSIS, ONE, Num

Dtype = Literal["float", "int", "bool"]
Shape = tuple[Num, ...]


class Type(BaseModel):
    """A tensor type: `[batch, time, d]`, `int[batch]`, `[]`."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    dtype: Dtype = "float"
    shape: Shape = ()

    def __str__(self) -> str:
        return ("" if self.dtype == "float" else self.dtype) + show_shape(self.shape)

    def with_shape(self, shape: Sequence[Num]) -> Type:
        shape = tuple(shape)
        return self if shape == self.shape else Type(dtype=self.dtype, shape=shape)

    def subs(self, sizes: Mapping[str, Num], rest: Shape | None = None) -> Type:
        """The type with sizes replaced, and `...` by the axes `rest`."""
        return self.with_shape(subs_shape(self.shape, sizes, rest))

    def symbols(self) -> set[str]:
        return {s for n in self.shape for s in n.symbols()} - {"..."}

    @property
    def elements(self) -> Num:
        """The number of elements, `...` counted as one symbol."""
        total = ONE
        for n in self.shape:
            total = total * n
        return total


def show_shape(shape: Sequence[Num]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def subs_shape(shape: Sequence[Num], sizes: Mapping[str, Num], rest: Shape | None = None) -> Shape:
    result: list[Num] = []
    for n in shape:
        if n == ELLIPSIS and rest is not None:
            result.extend(rest)
        else:
            result.append(n.subs(sizes))
    return tuple(result)


def unify_shape(pattern: Sequence[Num], actual: Sequence[Num], sizes: dict[str, Num], rest: list[Shape]) -> str | None:
    """Match `actual` against `pattern`, binding the pattern's symbols in `sizes` and its `...` in `rest`.

    Returns None when it matches, else the reason in words. A symbol binds the first size it meets; every other
    axis must then equal what the pattern says. `rest` holds the axes of `...` once they are known.
    """
    pattern, actual = list(pattern), list(actual)
    if ELLIPSIS in pattern:
        at = pattern.index(ELLIPSIS)
        after = len(pattern) - at - 1
        if len(actual) < at + after:
            return f"at least {at + after} axes are needed, and there are {len(actual)}"
        middle = tuple(actual[at : len(actual) - after])
        if rest and rest[0] != middle:
            return f"'...' is {show_shape(rest[0])} elsewhere and {show_shape(middle)} here"
        if not rest:
            rest.append(middle)
        pattern = pattern[:at] + pattern[at + 1 :]
        actual = actual[:at] + actual[len(actual) - after :]
    if len(pattern) != len(actual):
        return f"{len(pattern)} axes are needed, and there are {len(actual)}"
    later: list[tuple[Num, Num]] = []
    for want, have in zip(pattern, actual):
        if have == ELLIPSIS:
            return f"an axis of size {want} is needed, and '...' may be any number of axes"
        if want.name and want.name not in sizes:
            sizes[want.name] = have
        else:
            later.append((want, have))
    for want, have in later:
        if not _solve(want, have, sizes):
            return f"{want.subs(sizes)} is needed, and the size is {have}"
    return None


def _solve(want: Num, have: Num, sizes: dict[str, Num]) -> bool:
    """Whether `want` is `have`; binds the one unknown of a pattern such as `2 * d`."""
    unknown = want.symbols() - sizes.keys()
    if len(unknown) == 1:
        (symbol,) = unknown
        here = want.subs({k: v for k, v in sizes.items() if k != symbol})
        linear = [m for m in here.terms if any(a == symbol for a, _ in m)]
        if len(linear) == 1 and [e for a, e in linear[0] if a == symbol] == [1]:
            factor = Num({tuple((a, e) for a, e in linear[0] if a != symbol): here.terms[linear[0]]})
            constant = Num({m: c for m, c in here.terms.items() if m != linear[0]})
            if symbol not in factor.symbols() | constant.symbols():
                sizes[symbol] = (have - constant) / factor
                return True
    return want.subs(sizes) == have
