"""Small pieces of Python text that several families write."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archdsl.ir.num import ELLIPSIS, Num
from archdsl.ir.program import Axis, Choice, Numbers, Setting
from archdsl.ir.types import Shape
from archdsl.ops.base import MadeSite, TorchSite, default_of


def is_at(value: Setting, default: object) -> bool:
    """Whether a setting has this value, given as a default is declared."""
    return value == default_of(default)


def word_of(value: Setting) -> str:
    """The word of a setting that is a word, else nothing."""
    return value.word if isinstance(value, Choice) else ""


def keywords(site: TorchSite | MadeSite, **defaults: object) -> str:
    """`, p=0.1, bias=False`: the settings that are not at these defaults."""
    return "".join(f", {n}={site.setting(n)}" for n, d in defaults.items() if not is_at(site.settings[n], d))


def call(function: str, *positional: str, **defaults: object) -> Callable[[TorchSite], str]:
    """A template: a function of all operands, these settings by position, and by name those not at their defaults."""

    def write(site: TorchSite) -> str:
        arguments = [site.operand(i) for i in range(len(site.inputs))] + [site.setting(n) for n in positional]
        return f"{function}({', '.join(arguments)}{keywords(site, **defaults)})"

    return write


def make(module: str, *positional: str, **defaults: object) -> Callable[[MadeSite], str]:
    """A template of a module: sizes or settings by position, and by name the settings not at their defaults."""

    def write(site: MadeSite) -> str:
        arguments = [site.setting(n) if n in site.settings else site.size(site.sizes[n]) for n in positional]
        return f"{module}({', '.join(arguments)}{keywords(site, **defaults)})"

    return write


def sizes(site: TorchSite, shape: Sequence[Num]) -> str:
    """`batch, 4 * d`; the empty shape is `()`."""
    return ", ".join(site.size(n) for n in shape) or "()"


def factory(site: TorchSite, float_kind: bool = True) -> str:
    """`, device=x.device, dtype=x.dtype`: where a new tensor lives, as far as it is known."""
    device = f", device={site.device}" if site.device else ""
    return device + (f", dtype={site.float_dtype}" if float_kind and site.float_dtype else "")


def to_float(site: TorchSite, text: str) -> str:
    """`text`, a tensor of another kind, as float."""
    return f"{text}.to({site.float_dtype})" if site.float_dtype else f"{text}.float()"


def axes_of(site: TorchSite, name: str = "over") -> list[int]:
    """The axes that a setting names, from the end where `...` does not come after them."""
    return [a.index for a in site.axes.get(name) or []]


def axis_text(axes: Sequence[int]) -> str:
    """`-1` or `(-2, -1)`."""
    return str(axes[0]) if len(axes) == 1 else str(tuple(axes))


def index_text(shape: Shape, axis: int, inside: str) -> str:
    """`[:, a]` or `[..., a, :]`: an index into one axis, with as few signs as can be."""
    rank = len(shape)
    position = axis % rank
    if ELLIPSIS in shape[:position] or (
        ELLIPSIS not in shape[position:] and position > 1 and rank - 1 - position < position
    ):
        return "[" + ", ".join(["...", inside, *[":"] * (rank - 1 - position)]) + "]"
    return "[" + ", ".join([*[":"] * position, inside]) + "]"


def numbers_of(value: Setting) -> list[Num]:
    """The numbers of a setting that is a number or numbers."""
    if isinstance(value, Numbers):
        return value.items
    return [value] if isinstance(value, Num) else []


def covers(axes: Sequence[Axis], shape: Shape) -> bool:
    """Whether axes are all axes of a shape of known rank."""
    return ELLIPSIS not in shape and len({a.index % len(shape) for a in axes} if shape else set()) == len(shape)
