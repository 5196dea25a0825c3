"""A small record class: fields from annotations, like a dataclass, but with no code generated.

A hundred dataclasses take 40 ms to import, most of what a check may take; these take one.
"""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform


def keyword(*, default: Any, kw_only: bool = True) -> Any:
    """A field that is given by name only."""
    return default


@dataclass_transform(field_specifiers=(keyword,))
class Record:
    """Subclasses list their fields as annotations, in the order of the constructor's arguments; a class attribute is a default."""

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = [n for n, a in cls.__dict__.get("__annotations__", {}).items() if not str(a).startswith("ClassVar")]
        cls._fields = (*cls._fields, *(n for n in own if n not in cls._fields))

    def __init__(self, *values: Any, **named: Any):
        self.__dict__.update(zip(self._fields, values))
        self.__dict__.update(named)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self._fields if hasattr(self, n) and n != 'span')})"
