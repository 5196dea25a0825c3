"""Programs as figures, for the tests of this folder."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from archdsl.compiler import analyse
from archdsl.figure import Figure, figure

sys.path.insert(0, str(Path(__file__).parent))


@cache
def _drawn(text: str, name: str) -> Figure:
    return figure(analyse(text, name))


@pytest.fixture
def draw() -> Callable[..., Figure]:
    def of(text: str, name: str = "test.arch") -> Figure:
        return _drawn(text, name)

    return of
