"""Ops that make values from sizes: ranges, constants, masks, one-hot vectors; and matrices from vectors."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.ir.types import Dtype, Type
from archdsl.ops.base import REQUIRED, Interval, Mark, Misfit, Op, Site, TorchSite, broadcast
from archdsl.ops.emit import factory, is_at, sizes, to_float
from archdsl.ops.interval import NATURAL, UNIT, multiply, of, union
from archdsl.ops.operators import promote
from archdsl.ops.shape import target


def _count(site: Site, name: str = "n") -> None:
    n = site.number(name)
    site.whole(n, f"{name} is {n}, and must be whole")
    site.positive(n, f"{name} is {n}, and must be at least 1")


def _square(dtype: Dtype) -> Callable[[Site], Type]:
    def shape(site: Site) -> Type:
        _count(site)
        return Type(dtype=dtype, shape=(site.number("n"), site.number("n")))

    return shape


def _arange_shape(site: Site) -> Type:
    _count(site)
    return Type(dtype="int", shape=(site.number("n"),))


def _arange_range(site: Site) -> Interval:
    n = site.number("n")
    return (0.0, float(n.value) - 1) if n.is_const else NATURAL


def _filled(name: str) -> Callable[[TorchSite], str]:
    def write(site: TorchSite) -> str:
        shape, like = sizes(site, site.outputs[0].shape), site.float_dtype.removesuffix(".dtype")
        if like and site.device == f"{like}.device":
            return f"{like}.new_{name}({shape})"
        return f"torch.{name}({shape}{factory(site)})"

    return write


def _one_hot_shape(site: Site) -> Type:
    _count(site)
    return Type(shape=(*site.inputs[0].shape, site.number("n")))


def _one_hot(site: TorchSite) -> str:
    return to_float(site, f"F.one_hot({site.operand(0)}, {site.setting('n')})")


def _causal(site: TorchSite) -> str:
    n = site.setting("n")
    return f"torch.ones({n}, {n}, dtype=torch.bool{factory(site, float_kind=False)}).tril()"


def _outer_shape(site: Site) -> Type:
    a, b = site.inputs
    if not a.shape or not b.shape:
        raise Misfit("outer needs two vectors, and one operand is a scalar")
    return Type(
        dtype=promote(a.dtype, b.dtype), shape=(*broadcast(a.shape[:-1], b.shape[:-1]), a.shape[-1], b.shape[-1])
    )


def _outer(site: TorchSite) -> str:
    if all(len(t.shape) == 1 and t.shape[0].name != "..." for t in site.inputs):
        return f"torch.outer({site.operand(0)}, {site.operand(1)})"
    return f"{site.operand(0)}.unsqueeze(-1) * {site.operand(1)}.unsqueeze(-2)"


def _with_zeros(site: Site) -> Interval:
    return union(of(site), (0.0, 0.0))


def _triangle(name: str) -> Callable[[TorchSite], str]:
    return lambda s: f"{s.operand(0)}.{name}({'' if is_at(s.settings['offset'], 0) else s.setting('offset')})"


def _made(
    name: str, doc: str, torch: Callable[[TorchSite], str], shape: Callable[[Site], Type], range: Interval, example: str
) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature="-> any",
        torch=torch,
        settings={"n": REQUIRED},
        shape=shape,
        range=range,
        mark=Mark("box", f"{name} {{n}}"),
        example=example,
    )


def _constant(name: str, doc: str, value: float) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature="-> float",
        torch=_filled(name),
        settings={"to": REQUIRED},
        shape=lambda site: Type(shape=target(site)),
        range=(value, value),
        mark=Mark("box", f"{name} {{to}}"),
        example=f"y = x + {name}([8])",
    )


def _vector(
    name: str, doc: str, torch: str | Callable[[TorchSite], str], signature: str, example: str, **settings: object
) -> Op:
    return Op(
        name=name,
        doc=doc,
        signature=signature,
        torch=torch,
        settings=settings,
        range=_with_zeros,
        gate="through",
        mark=Mark("box", name),
        example=example,
    )


OPS = (
    Op(
        name="arange",
        doc="The whole numbers 0, 1, … n - 1.",
        signature="-> int",
        torch=lambda site: f"torch.arange({site.setting('n')}{factory(site, float_kind=False)})",
        settings={"n": REQUIRED},
        shape=_arange_shape,
        range=_arange_range,
        mark=Mark("box", "arange {n}"),
        example="y = x + arange(8)",
    ),
    _constant("zeros", "Zeros in a given shape.", 0.0),
    _constant("ones", "Ones in a given shape.", 1.0),
    _made(
        "eye",
        "The identity matrix.",
        lambda s: f"torch.eye({s.setting('n')}{factory(s)})",
        _square("float"),
        UNIT,
        "y = x @ eye(8)",
    ),
    _made(
        "causal_mask",
        "Which position j each position i may see: j ≤ i.",
        _causal,
        _square("bool"),
        UNIT,
        "y = where(causal_mask(8), 1, 0)",
    ),
    Op(
        name="one_hot",
        doc="A vector with 1 at the given position, else 0.",
        signature="x: int[...] -> [... n]",
        torch=_one_hot,
        settings={"n": REQUIRED},
        shape=_one_hot_shape,
        range=UNIT,
        mark=Mark("box", "one-hot {n}"),
        example="y = one_hot(argmax(x), 8)",
    ),
    Op(
        name="outer",
        doc="The products of all pairs of two vectors' values.",
        signature="a: any, b: any -> any",
        torch=_outer,
        shape=_outer_shape,
        range=lambda site: multiply(of(site, 0), of(site, 1)),
        macs=lambda site: _outer_shape(site).elements,
        gate="product",
        mark=Mark("box", "outer", ordered=True),
        example="y = outer(x, x)",
    ),
    _vector(
        "diag",
        "The matrix with a vector on its diagonal.",
        "torch.diag_embed({x})",
        "x: any[... n] -> any[... n n]",
        "y = diag(x)",
    ),
    _vector(
        "diagonal",
        "The diagonal of a square matrix.",
        "{x}.diagonal(dim1=-2, dim2=-1)",
        "x: any[... n n] -> any[... n]",
        "y = diagonal(outer(x, x))",
    ),
    _vector(
        "tril",
        "A matrix with zeros above the diagonal (or above the one `offset` places up).",
        _triangle("tril"),
        "x: any[... n m] -> any[... n m]",
        "y = tril(outer(x, x))",
        offset=0,
    ),
    _vector(
        "triu",
        "A matrix with zeros below the diagonal (or below the one `offset` places up).",
        _triangle("triu"),
        "x: any[... n m] -> any[... n m]",
        "y = triu(outer(x, x))",
        offset=0,
    ),
)
