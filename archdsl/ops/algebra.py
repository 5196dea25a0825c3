"""Linear algebra: products of matrices, einsum, distances, solving and factorizing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from archdsl.ir.num import ELLIPSIS, ONE, Num
from archdsl.ir.types import Shape, Type, show_shape
from archdsl.ops import interval
from archdsl.ops.base import ANYTHING, REQUIRED, Interval, Mark, Misfit, Op, Site, TorchSite, broadcast
from archdsl.ops.emit import word_of
from archdsl.ops.interval import NATURAL, of


def product(sizes: Sequence[Num]) -> Num:
    total = ONE
    for n in sizes:
        total = total * n
    return total


def _float_inputs(site: Site) -> None:
    for i, t in enumerate(site.inputs):
        if t.dtype != "float":
            raise Misfit(f"operand {i + 1} must be float, and it is {t.dtype}", "to_float(…) makes it float")
        if not t.shape:
            raise Misfit(f"operand {i + 1} is a scalar", "'*' multiplies by a number")


def _inner(left: Num, right: Num, a: Shape, b: Shape) -> None:
    if left != right:
        reason = f"{show_shape(a)} @ {show_shape(b)}: the last axis of the left, {left}, must be the "
        swapped = len(b) > 1 and b[-1] == left
        hint = "transpose(…) of the right side fits" if swapped else ""
        raise Misfit(reason + ("last but one" if len(b) > 1 else "only") + f" axis of the right, {right}", hint)


def _matmul_shape(site: Site) -> Type:
    _float_inputs(site)
    a, b = site.inputs[0].shape, site.inputs[1].shape
    if ELLIPSIS in (a[-1], b[-1]):
        raise Misfit("'...' may stand for any axes, and the last axis must be known", "name it: [..., d]")
    if len(b) == 1:
        _inner(a[-1], b[-1], a, b)
        return Type(shape=a[:-1])
    if b[-2] == ELLIPSIS:
        raise Misfit(f"the right operand {show_shape(b)} needs its last two axes known", "name them: [..., k, d]")
    _inner(a[-1], b[-2], a, b)
    if len(b) == 2:
        return Type(shape=(*a[:-1], b[-1]))
    if len(a) == 1:
        return Type(shape=(*b[:-2], b[-1]))
    if a[-2] == ELLIPSIS:
        raise Misfit(f"the left operand {show_shape(a)} needs its last two axes known", "name them: [..., n, k]")
    return Type(shape=(*broadcast(a[:-2], b[:-2]), a[-2], b[-1]))


def _matmul_macs(site: Site) -> Num:
    return _matmul_shape(site).elements * site.inputs[0].shape[-1]


def _sums_of_products(site: Site) -> Interval:
    """A sum of products is at least 0 where all factors are."""
    return NATURAL if all(of(site, i)[0] >= 0 for i in range(len(site.inputs))) else ANYTHING


_EQUATION = re.compile(r"^(?:(?:[a-zA-Z]|\.\.\.)*,)*(?:[a-zA-Z]|\.\.\.)*->(?:[a-zA-Z]|\.\.\.)*$")


def _terms(equation: str) -> tuple[list[list[str]], list[str]]:
    """`b i j, b j k -> b i k` as letters, for each input and for the output."""
    text = equation.replace(" ", "")
    if not _EQUATION.match(text):
        raise Misfit(f"'{equation}' is not an equation", 'a letter for each axis: equation = "bij,bjk->bik"')
    left, _, right = text.partition("->")
    letters = [re.findall(r"\.\.\.|[a-zA-Z]", term) for term in left.split(",")]
    return letters, re.findall(r"\.\.\.|[a-zA-Z]", right)


def _bind(letters: Sequence[str], shape: Shape, found: dict[str, Num], rest: list[Shape]) -> None:
    """Binds the letters of one input to its sizes."""
    middle: Shape = ()
    if "..." in letters:
        at, after = letters.index("..."), len(letters) - letters.index("...") - 1
        middle, shape = shape[at : len(shape) - after], (*shape[:at], *shape[len(shape) - after :])
        letters = [c for c in letters if c != "..."]
        rest[0] = broadcast(rest[0], middle)
    if len(letters) != len(shape) or ELLIPSIS in shape:
        raise Misfit(
            f"'{''.join(letters)}' names {len(letters)} axes, and the operand is {show_shape((*middle, *shape))}"
        )
    for letter, size in zip(letters, shape, strict=True):
        if found.setdefault(letter, size) != size:
            raise Misfit(f"axis {letter} is {found[letter]} in one operand and {size} in another")


def _einsum_sizes(site: Site) -> tuple[dict[str, Num], Shape, list[str]]:
    inputs, output = _terms(site.word("equation"))
    if len(inputs) != len(site.inputs):
        raise Misfit(f"the equation has {len(inputs)} operands, and {len(site.inputs)} are given")
    found: dict[str, Num] = {}
    rest: list[Shape] = [()]
    for letters, t in zip(inputs, site.inputs, strict=True):
        _bind(letters, t.shape, found, rest)
    for letter in output:
        if letter != "..." and (letter not in found or output.count(letter) > 1):
            raise Misfit(f"axis {letter} of the result must stand once in it, and in an operand")
    return found, rest[0], output


def _einsum_shape(site: Site) -> Type:
    _float_inputs(site)
    found, rest, output = _einsum_sizes(site)
    shape: list[Num] = []
    for letter in output:
        shape.extend(rest if letter == "..." else [found[letter]])
    return Type(shape=tuple(shape))


def _einsum_macs(site: Site) -> Num:
    found, rest, _ = _einsum_sizes(site)
    return product([*found.values(), *rest])


def _einsum(site: TorchSite) -> str:
    operands = ", ".join(site.operand(i) for i in range(len(site.inputs)))
    return f'torch.einsum("{word_of(site.settings["equation"])}", {operands})'


def _cdist_shape(site: Site) -> Type:
    a, b = site.inputs
    if len(a.shape) < 2 or len(b.shape) < 2 or ELLIPSIS in (*a.shape[-2:], *b.shape[-2:]):
        raise Misfit("cdist needs two sets of points, [n, d] and [m, d]", "unsqueeze(x, 0) makes one point a set")
    if a.shape[-1] != b.shape[-1]:
        raise Misfit(f"the points have {a.shape[-1]} and {b.shape[-1]} coordinates")
    return Type(shape=(*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-2]))


def _solve_shape(site: Site) -> Type:
    a, b = site.inputs[0].shape, site.inputs[1].shape
    if len(a) < 2 or ELLIPSIS in a[-2:]:
        raise Misfit(f"a must be a matrix, and it is {show_shape(a)}")
    if len(b) < 2 or ELLIPSIS in b[-2:]:
        raise Misfit(
            f"b must be a matrix, and it is {show_shape(b)}", "unsqueeze(b) makes a vector a matrix of one column"
        )
    if a[-2] != b[-2]:
        raise Misfit(f"a has {a[-2]} rows and b has {b[-2]}")
    return Type(shape=(*broadcast(a[:-2], b[:-2]), a[-1], b[-1]))


def _square_solve(site: Site) -> Type:
    result = _solve_shape(site)
    a = site.inputs[0].shape
    if a[-1] != a[-2]:
        raise Misfit(f"a must be square, and it is {show_shape(a)}", "lstsq(a, b) solves by least squares")
    return result


def _op(
    name: str,
    doc: str,
    signature: str,
    torch: str | Callable[[TorchSite], str],
    example: str,
    **more: Any,
) -> Op:
    ordered = "," in signature
    return Op(
        name=name, doc=doc, signature=signature, torch=torch, mark=Mark("box", name, ordered), example=example, **more
    )


OPS = (
    Op(
        name="matmul",
        doc="The matrix product, `x @ y`, over any leading axes.",
        signature="x: any, y: any -> float",
        torch="{x} @ {y}",
        shape=_matmul_shape,
        range=_sums_of_products,
        macs=_matmul_macs,
        gate="product",
        mark=Mark("circle", "@", ordered=True),
        example="y = x @ transpose(x)",
    ),
    Op(
        name="einsum",
        doc="A sum of products over axes named by letters (Einstein's notation).",
        signature="x*: any -> float",
        torch=_einsum,
        settings={"equation": REQUIRED},
        shape=_einsum_shape,
        range=_sums_of_products,
        macs=_einsum_macs,
        gate="product",
        mark=Mark("box", "einsum {equation}", ordered=True),
        example='y = einsum(x, x, equation = "bi,bj->bij")',
    ),
    _op(
        "cdist",
        "The Euclidean distances of all pairs of points of two sets.",
        "a: float, b: float -> float",
        "torch.cdist({a}, {b})",
        "y = cdist(x, x)",
        shape=_cdist_shape,
        range=NATURAL,
        macs=lambda site: _cdist_shape(site).elements * site.inputs[0].shape[-1],
    ),
    _op(
        "solve",
        "The X with a X = b, for a square a.",
        "a: float, b: float -> float",
        "torch.linalg.solve({a}, {b})",
        "y = solve(eye(8), transpose(x))",
        shape=_square_solve,
    ),
    _op(
        "lstsq",
        "The X for which a X is nearest to b (least squares).",
        "a: float, b: float -> float",
        "torch.linalg.lstsq({a}, {b}).solution",
        "y = lstsq(x, x)",
        shape=_solve_shape,
    ),
    _op(
        "inverse",
        "The inverse of a square matrix.",
        "x: [... n n] -> [... n n]",
        "torch.linalg.inv({x})",
        "y = inverse(eye(8))",
    ),
    _op(
        "cholesky",
        "The lower triangular L with L Lᵀ = x, for a positive definite x.",
        "x: [... n n] -> [... n n]",
        "torch.linalg.cholesky({x})",
        "y = cholesky(eye(8))",
    ),
    _op(
        "logdet",
        "The logarithm of the determinant of a square matrix.",
        "x: [... n n] -> [...]",
        "torch.logdet({x})",
        "y = logdet(eye(8))",
    ),
    _op(
        "trace",
        "The sum of the diagonal of a square matrix.",
        "x: [... n n] -> [...]",
        lambda site: (
            f"{site.operand(0)}.trace()"
            if len(site.inputs[0].shape) == 2 and ELLIPSIS not in site.inputs[0].shape
            else f"{site.operand(0)}.diagonal(dim1=-2, dim2=-1).sum(-1)"
        ),
        "y = trace(eye(8))",
        range=interval.sum_of,
    ),
)
