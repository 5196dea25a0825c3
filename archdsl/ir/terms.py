"""What a symbolic number is made of: monomials over atoms.

An atom is a symbol (`batch`) or a function that polynomials cannot express (`floor(h/2)`); a monomial is a product of atoms with their
exponents, which may be negative (`d / heads`), in one order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from archdsl.ir.num import Num


class NotANumber(ValueError):
    """A symbolic operation that has no number as its result: division by zero, the root of a negative number, something too large."""


@dataclass(frozen=True)
class Fn:
    """An atom that is a function of other numbers."""

    name: str
    args: tuple[Num, ...]

    def __str__(self) -> str:
        from archdsl.ir.num_text import quotient_text

        if self.name == "floor":
            return f"floor({quotient_text(self.args[0])})"
        return f"{self.name}({', '.join(map(str, self.args))})"


Atom = Union[str, Fn]
Monomial = tuple[tuple[Atom, int], ...]


def atom_key(atom: Atom) -> tuple[int, str]:
    return (0, atom) if isinstance(atom, str) else (1, str(atom))


def times(left: Monomial, right: Monomial) -> Monomial:
    if not left:
        return right
    if not right:
        return left
    powers: dict[Atom, int] = dict(left)
    for atom, exponent in right:
        powers[atom] = powers.get(atom, 0) + exponent
    return tuple(sorted(((a, e) for a, e in powers.items() if e), key=lambda p: atom_key(p[0])))


def is_whole(monomial: Monomial) -> bool:
    """Whether it is a whole number for whole symbols."""
    return all(e > 0 and not (isinstance(a, Fn) and a.name in ("sqrt", "log", "exp", "group")) for a, e in monomial)
