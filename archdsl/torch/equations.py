"""The equations of a cell in a normal form, in which two spellings of the same arithmetic are equal.

In: a definition with what its inputs are. Out: each value as a polynomial with rational coefficients over atoms: states, values that the
state does not reach, products with weights (`Product`), biases, and functions of polynomials. Blocks are opened; whatever is not
understood is an atom of its own, so that nothing is taken for something else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from archdsl.ir.num import ZERO, Num
from archdsl.ir.program import Apply, Call, Made, Operand, Param
from archdsl.ir.types import Type
from archdsl.torch.matrices import Bias, Matrix
from archdsl.torch.plan import Plan

Monomial = tuple["Atom", ...]


@dataclass(frozen=True)
class Poly:
    """A polynomial: its terms, in a fixed order."""

    terms: tuple[tuple[Monomial, Fraction], ...]

    @staticmethod
    def of(terms: Iterable[tuple[Monomial, Fraction]]) -> Poly:
        found: dict[Monomial, Fraction] = {}
        for monomial, factor in terms:
            key = tuple(sorted(monomial, key=repr))
            found[key] = found.get(key, Fraction(0)) + factor
        return Poly(tuple(sorted(((m, c) for m, c in found.items() if c), key=repr)))

    def __add__(self, other: Poly) -> Poly:
        return Poly.of([*self.terms, *other.terms])

    def __mul__(self, other: Poly) -> Poly:
        return Poly.of([((*a, *b), c * d) for a, c in self.terms for b, d in other.terms])

    def times(self, factor: Fraction) -> Poly:
        return Poly.of([(m, c * factor) for m, c in self.terms])

    @property
    def atom(self) -> Atom | None:
        """The one atom that this is."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            return self.terms[0][0][0]
        return None


@dataclass(frozen=True)
class State:
    index: int


@dataclass(frozen=True)
class Opaque:
    """A value that is not opened."""

    key: Hashable
    depends: bool
    """Whether the state reaches it."""


@dataclass(frozen=True)
class Product:
    matrix: Matrix
    operand: Poly


@dataclass(frozen=True)
class Added:
    """A bias."""

    bias: Bias


@dataclass(frozen=True)
class Function:
    name: str
    operand: Poly


Atom = Union[State, Opaque, Product, Added, Function]
_FUNCTIONS = frozenset(("sigmoid", "tanh", "relu"))


@dataclass(frozen=True)
class Joined:
    """Values side by side on the last axis."""

    pieces: tuple[tuple[Poly, Num], ...]


@dataclass(frozen=True)
class Weight:
    """A matrix or vector that is learned."""

    text: str
    type: Type
    transposed: bool = False


Form = Union[Poly, Joined, Weight]


def single(atom: Atom) -> Poly:
    return Poly((((atom,), Fraction(1)),))


def constant(value: Fraction) -> Poly:
    return Poly.of([((), value)])


def symbolic(value: Num) -> Poly:
    """A number of sizes and hyperparameters."""
    terms = []
    for monomial, factor in value.terms.items():
        atoms: list[Atom] = []
        for atom, exponent in monomial:
            whole = exponent == int(exponent) and exponent > 0
            atoms += [Opaque(str(atom), False)] * int(exponent) if whole else [Opaque(f"{atom}^{exponent}", False)]
        terms.append((tuple(atoms), factor))
    return Poly.of(terms)


def depends(poly: Poly) -> bool:
    """Whether the state reaches a value."""
    return any(_reached(a) for m, _ in poly.terms for a in m)


def _reached(atom: Atom) -> bool:
    match atom:
        case State():
            return True
        case Opaque():
            return atom.depends
        case Product() | Function():
            return depends(atom.operand)
    return False


class Equations:
    """The values of one definition's body, as forms."""

    def __init__(self, plan: Plan, forms: dict[int, Form], path: str = "self", depth: int = 0):
        self.plan, self.path, self.forms, self.depth = plan, path, dict(forms), depth
        self.types: dict[int, Type] = {v.id: v.type for v in plan.definition.inputs}
        self.types |= {s.value.id: s.value.type for s in plan.definition.states}
        self.made = {h.id: h.item for h in plan.held if isinstance(h.item, Made) and not h.stacks}
        params = {h.id: h.item for h in plan.held if isinstance(h.item, Param) and not h.stacks}
        for param in params.values():
            attribute = plan.attributes[param.value.id]
            self.forms[param.value.id] = Weight(f"{path}.{attribute}", param.value.type)
            self.types[param.value.id] = param.value.type
        for node in plan.definition.body.nodes:
            values = getattr(node, "outputs", [])
            self.types |= {v.id: v.type for v in values}
            results: Sequence[Form | None] | None = None
            if isinstance(node, Apply):
                results = self.apply(node)
            elif isinstance(node, Call) and not node.rides:
                results = self.call(node)
            reached = results is None and self.reached(node)
            for value, form in zip(values, results or [None] * len(values)):
                opaque = single(Opaque((path, value.id), reached or (form is None and self.reached(node))))
                self.forms[value.id] = opaque if form is None else form

    def reached(self, node: object) -> bool:
        """Whether the state reaches a node, or something else makes each step differ."""
        from archdsl.torch.needs import inputs

        if not isinstance(node, (Apply, Call)):
            return True
        return (isinstance(node, Call) and node.rides) or any(
            self._form_depends(self.forms[i]) if i in self.forms else True for i in inputs(node)
        )

    def _form_depends(self, form: Form) -> bool:
        match form:
            case Poly():
                return depends(form)
            case Joined(pieces=pieces):
                return any(depends(p) for p, _ in pieces)
        return False

    # -- operands -----------------------------------------------------------------------------------------
    def form(self, operand: Operand) -> Form | None:
        if isinstance(operand, Num):
            return symbolic(operand)
        return self.forms.get(operand)

    def poly(self, operand: Operand) -> Poly | None:
        form = self.form(operand)
        match form:
            case Poly():
                return form
            case Weight(text=text, type=type_, transposed=False) if len(type_.shape) == 1:
                return single(Added(Bias(text)))
        return None

    def alike(self, node: Apply) -> bool:
        """Whether the operands of a pointwise operator have the result's shape, or are a vector for its last axis, or numbers."""
        shape = node.outputs[0].type.shape
        for i in node.inputs:
            if isinstance(i, Num):
                continue
            own = self.types[i].shape if i in self.types else None
            vector = isinstance(self.forms.get(i), Weight) and own == shape[-1:]
            if own != shape and not vector:
                return False
        return True

    # -- nodes --------------------------------------------------------------------------------------------
    def apply(self, node: Apply) -> Sequence[Form | None] | None:
        if node.op in ("add", "sub", "mul", "neg", "div") or node.op in _FUNCTIONS:
            return [self.pointwise(node)] if self.alike(node) else None
        match node.op:
            case "Linear":
                return [self.linear(node)]
            case "matmul":
                return [self.matmul(node)]
            case "transpose":
                form = self.form(node.inputs[0])
                if isinstance(form, Weight) and len(form.type.shape) == 2:
                    return [Weight(form.text, form.type, not form.transposed)]
            case "weight_of" if node.made in self.made:
                assert node.made is not None
                name = getattr(node.settings["name"], "word", "")
                return [Weight(self.plan.weight_text(node.made, name, self.path), node.outputs[0].type)]
            case "concat" if self._last(node):
                return [self.concat(node)]
            case "split" if self._last(node):
                return self.split(node)
        return None

    def _last(self, node: Apply) -> bool:
        axes = node.axes.get("over", [])
        first = node.inputs[0]
        rank = len(self.types[first].shape) if isinstance(first, int) and first in self.types else 0
        return len(axes) == 1 and axes[0].index in (-1, rank - 1)

    def pointwise(self, node: Apply) -> Poly | None:
        found = [self.poly(i) for i in node.inputs]
        if any(p is None for p in found):
            return None
        polys = [p for p in found if p is not None]
        match node.op:
            case "add":
                return polys[0] + polys[1]
            case "sub":
                return polys[0] + polys[1].times(Fraction(-1))
            case "neg":
                return polys[0].times(Fraction(-1))
            case "mul":
                return polys[0] * polys[1] if len(polys[0].terms) * len(polys[1].terms) <= 64 else None
            case "div":
                divisor = node.inputs[1]
                known = isinstance(divisor, Num) and divisor.is_const and divisor.value != 0
                return polys[0].times(1 / divisor.value) if known and isinstance(divisor, Num) else None
        return single(Function(node.op, polys[0]))

    def linear(self, node: Apply) -> Poly | None:
        made = self.made.get(node.made or -1)
        if made is None:
            return None
        rows, columns = made.weights["weight"].shape
        weight = self.plan.weight_text(made.id, "weight", self.path)
        result = self.product(Matrix(weight, rows, columns), node.inputs[0])
        if result is not None and "bias" in made.weights:
            result = result + single(Added(Bias(self.plan.weight_text(made.id, "bias", self.path))))
        return result

    def matmul(self, node: Apply) -> Poly | None:
        weight = self.form(node.inputs[1])
        if not isinstance(weight, Weight) or len(weight.type.shape) != 2:
            return None
        first, second = weight.type.shape
        rows, columns = (first, second) if weight.transposed else (second, first)
        return self.product(Matrix(weight.text, rows, columns, transposed=not weight.transposed), node.inputs[0])

    def product(self, matrix: Matrix, operand: Operand) -> Poly | None:
        """A matrix with an operand; with values side by side, each has its columns."""
        form = self.form(operand)
        if isinstance(form, Poly):
            return single(Product(matrix, form))
        if not isinstance(form, Joined):
            return None
        total, at = constant(Fraction(0)), ZERO
        for piece, width in form.pieces:
            total = total + single(Product(matrix.taking(at, width), piece))
            at = at + width
        return total

    def concat(self, node: Apply) -> Joined | None:
        pieces: list[tuple[Poly, Num]] = []
        for i in node.inputs:
            form = self.form(i)
            if isinstance(form, Joined):
                pieces += form.pieces
            elif isinstance(form, Poly) and isinstance(i, int):
                pieces.append((form, self.types[i].shape[-1]))
            else:
                return None
        return Joined(tuple(pieces))

    def split(self, node: Apply) -> Sequence[Form | None] | None:
        """Equal parts of products with weights are products with equal parts of their rows."""
        form, count = self.form(node.inputs[0]), len(node.outputs)
        if not isinstance(form, Poly) or len({v.type.shape[-1] for v in node.outputs}) != 1:
            return None
        results: list[Poly] = []
        for k in range(count):
            terms = []
            for monomial, factor in form.terms:
                if len(monomial) != 1:
                    return None
                part = _part(monomial[0], k, count)
                if part is None:
                    return None
                terms.append(((part,), factor))
            results.append(Poly.of(terms))
        return results

    def call(self, node: Call) -> Sequence[Form | None] | None:
        """A block without memory, opened."""
        made = self.made.get(node.made)
        if made is None or self.depth > 4:
            return None
        callee = self.plan.program.of(made)
        definition = callee.definition
        plain = all(n.kind in ("apply", "call") for n in definition.body.nodes)
        if definition.memories or not plain or callee.remembers or definition.kind != "block":
            return None
        forms: dict[int, Form] = {}
        for operand, value in zip(node.inputs, definition.inputs):
            form = self.form(operand)
            if form is None:
                return None
            forms[value.id] = form
        path = f"{self.path}.{self.plan.attributes[made.id]}"
        inner = Equations(callee, forms, path, self.depth + 1)
        sizes: dict[str, Num] = {**made.sizes, **{n: v for n, v in made.settings.items() if isinstance(v, Num)}}
        return [_resized(inner.form(o.operand), sizes) for o in definition.outputs]


def _part(atom: Atom, index: int, count: int) -> Atom | None:
    match atom:
        case Product(matrix=matrix, operand=operand):
            chunk = matrix.chunk(index, count)
            return Product(chunk, operand) if chunk else None
        case Added(bias=Bias(weight=weight, part=None)):
            return Added(Bias(weight, (index, count)))
    return None


def _resized(form: Form | None, sizes: dict[str, Num]) -> Form | None:
    """A block's form in the sizes of the definition around it."""
    if isinstance(form, Poly):
        return Poly.of((tuple(_resized_atom(a, sizes) for a in m), c) for m, c in form.terms)
    if isinstance(form, Joined):
        pieces = []
        for p, n in form.pieces:
            inner = _resized(p, sizes)
            assert isinstance(inner, Poly)
            pieces.append((inner, n.subs(sizes)))
        return Joined(tuple(pieces))
    return None


def _resized_atom(atom: Atom, sizes: dict[str, Num]) -> Atom:
    match atom:
        case Product(matrix=m, operand=operand):
            inner = _resized(operand, sizes)
            assert isinstance(inner, Poly)
            width = m.width.subs(sizes) if m.width is not None else None
            return Product(
                Matrix(
                    m.weight,
                    m.rows.subs(sizes),
                    m.columns.subs(sizes),
                    m.start.subs(sizes),
                    width,
                    m.part,
                    m.transposed,
                ),
                inner,
            )
        case Function(name=name, operand=operand):
            inner = _resized(operand, sizes)
            assert isinstance(inner, Poly)
            return Function(name, inner)
    return atom
