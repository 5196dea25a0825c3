"""Initializers: the first values of parameters and memories, `param W: [k, d] = normal(0, 0.02)`.

A plain number means `constant`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from archdsl.ir.num import Num
from archdsl.ir.program import Setting
from archdsl.ir.types import Shape, show_shape
from archdsl.ops.base import REQUIRED, SHARE, Limits, Misfit
from archdsl.ops.emit import is_at


class InitialSite(Protocol):
    """A tensor being filled, as the PyTorch emitter sees it."""

    shape: Shape
    settings: Mapping[str, Setting]

    def setting(self, name: str) -> str:
        """The setting as Python."""

    def size(self, number: Num) -> str:
        """A size as Python, in the names that are in scope."""


@dataclass(frozen=True)
class Initializer:
    """A way to fill a tensor. `torch` writes an expression whose value is a new tensor of the site's shape."""

    name: str
    doc: str
    torch: Callable[[InitialSite], str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    rank: tuple[int, int] = (0, 99)
    """The fewest and the most axes."""
    helper: str = ""
    limits: Limits = field(default_factory=dict)

    def check(self, shape: Sequence[Num], settings: Mapping[str, Setting] = {}) -> None:
        """Raises Misfit where a tensor of this shape cannot be filled."""
        low, high = self.rank
        if not low <= len(shape) <= high:
            need = f"{low} axes" if low == high else f"at least {low} axes"
            raise Misfit(f"{self.name} needs {need}, and the shape is {show_shape(shape)}")
        if self.name == "spectral" and shape[0] != shape[1]:
            raise Misfit(f"{self.name} needs a square matrix, and the shape is {show_shape(shape)}")


SPECTRAL = '''
def spectral(size: int, radius: float = 0.9, density: float = 1.0) -> Tensor:
    """A random square matrix of this spectral radius; a share `density` of it is not zero."""
    matrix = torch.rand(size, size, dtype=torch.float64) * 2 - 1
    matrix = matrix * (torch.rand(size, size) < density)
    largest: Tensor = torch.linalg.eigvals(matrix).abs().max().clamp(min=1e-12)
    matrix = matrix * radius / largest
    return matrix.to(torch.get_default_dtype())
'''

SINUSOIDS = '''
def sinusoids(length: int, width: int) -> Tensor:
    """Sines (even columns) and cosines (odd) of positions; wavelengths 2 pi to 20,000 pi."""
    position = torch.arange(length).unsqueeze(1)
    column = torch.arange(width)
    angle = position / 10_000 ** ((column - column % 2) / width)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())
'''


def _shape(site: InitialSite) -> str:
    return ", ".join(map(site.size, site.shape)) or "()"


def _empty(site: InitialSite) -> str:
    return f"torch.empty({_shape(site)})"


def _filled(name: str) -> Callable[[InitialSite], str]:
    return lambda site: f"torch.{name}({_shape(site)})"


def _constant(site: InitialSite) -> str:
    value = site.settings["value"]
    if is_at(value, 0):
        return f"torch.zeros({_shape(site)})"
    if is_at(value, 1):
        return f"torch.ones({_shape(site)})"
    text = site.setting("value")
    shape = f"({_shape(site)}{',' if len(site.shape) == 1 else ''})" if site.shape else "()"
    return f"torch.full({shape}, {text if not text.lstrip('-').isdigit() else text + '.0'})"


def _given(site: InitialSite, **defaults: object) -> str:
    """`, std=0.02`: settings that are not at these defaults, which are torch's own."""
    return "".join(f", {n}={site.setting(n)}" for n, d in defaults.items() if not is_at(site.settings[n], d))


def _normal(site: InitialSite) -> str:
    if is_at(site.settings["mean"], 0) and is_at(site.settings["std"], 1):
        return f"torch.randn({_shape(site)})"
    return f"nn.init.normal_({_empty(site)}{_given(site, mean=0, std=1)})"


def _uniform(site: InitialSite) -> str:
    if is_at(site.settings["low"], 0) and is_at(site.settings["high"], 1):
        return f"torch.rand({_shape(site)})"
    return f"nn.init.uniform_({_empty(site)}, {site.setting('low')}, {site.setting('high')})"


def _library(name: str) -> Callable[[InitialSite], str]:
    return lambda site: (
        f"nn.init.{name}_({_empty(site)}{_given(site, **({'gain': 1} if 'gain' in site.settings else {}))})"
    )


def _kaiming(name: str) -> Callable[[InitialSite], str]:
    return lambda site: f"nn.init.{name}_({_empty(site)}, nonlinearity='relu')"


def _identity(site: InitialSite) -> str:
    return f"torch.eye({_shape(site)})"


def _spectral(site: InitialSite) -> str:
    return f"spectral({site.size(site.shape[0])}{_given(site, radius=0.9, density=1)})"


def _sinusoids(site: InitialSite) -> str:
    return f"sinusoids({_shape(site)})"


ALL: tuple[Initializer, ...] = (
    Initializer("zeros", "All 0.", _filled("zeros")),
    Initializer("ones", "All 1.", _filled("ones")),
    Initializer("constant", "All the same number.", _constant, {"value": REQUIRED}),
    Initializer(
        "normal", "Independent normal values.", _normal, {"mean": 0, "std": 1}, limits={"std": ("at least 0",)}
    ),
    Initializer(
        "uniform",
        "Independent uniform values.",
        _uniform,
        {"low": -1, "high": 1},
        limits={"high - low": ("at least 0",)},
    ),
    Initializer(
        "xavier_uniform",
        "Uniform in ±gain √(6 / (fan in + fan out)) (Glorot & Bengio 2010).",
        _library("xavier_uniform"),
        {"gain": 1},
        (2, 99),
    ),
    Initializer(
        "xavier_normal",
        "Normal with std gain √(2 / (fan in + fan out)) (Glorot & Bengio 2010).",
        _library("xavier_normal"),
        {"gain": 1},
        (2, 99),
    ),
    Initializer(
        "kaiming_uniform",
        "Uniform in ±√(6 / fan in), for relu (He et al. 2015).",
        _kaiming("kaiming_uniform"),
        {},
        (2, 99),
    ),
    Initializer(
        "kaiming_normal",
        "Normal with std √(2 / fan in), for relu (He et al. 2015).",
        _kaiming("kaiming_normal"),
        {},
        (2, 99),
    ),
    Initializer(
        "orthogonal",
        "A random matrix with orthonormal rows or columns, times a gain (Saxe et al. 2013).",
        _library("orthogonal"),
        {"gain": 1},
        (2, 99),
    ),
    Initializer("identity", "1 on the diagonal, else 0.", _identity, {}, (2, 2)),
    Initializer(
        "spectral",
        "A random matrix scaled to a spectral radius; a share `density` is not zero.",
        _spectral,
        {"radius": 0.9, "density": 1},
        (2, 2),
        SPECTRAL,
        {"radius": ("at least 0",), "density": SHARE},
    ),
    Initializer(
        "sinusoids",
        "Sines and cosines of positions, [time, d] (Vaswani et al. 2017).",
        _sinusoids,
        {},
        (2, 2),
        SINUSOIDS,
    ),
)

INITIALIZERS: Mapping[str, Initializer] = {i.name: i for i in ALL}
