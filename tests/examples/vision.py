"""timm's MLP-Mixer and gMLP, without torchvision.

timm imports torchvision for its data sets and transforms; the models that are compared here use nothing of it. The registry's torchvision
is a build for CUDA, which a torch for the CPU cannot import, and where it is installed transformers fails as well. So timm is installed
alone (`.ci/dev.py`), and blank modules answer for torchvision while it is imported, and no longer.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest
from torch import nn


class _Name(type):
    """A class with any attribute, each a value of its own."""

    def __getattr__(cls, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return object()


class _Blank(ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(name, (), {})


class _Blanks(MetaPathFinder, Loader):
    """Finds torchvision and all its modules, blank."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        own = fullname.partition(".")[0] == "torchvision"
        return ModuleSpec(fullname, self, is_package=True) if own else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Blank(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


@contextmanager
def _without_torchvision() -> Iterator[None]:
    finder = _Blanks()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n, module in sys.modules.items() if isinstance(module, _Blank)]:
            del sys.modules[name]


@cache
def mlp_mixer() -> Any:
    """timm's module of that name; the test is skipped where timm is not installed."""
    with _without_torchvision():
        return pytest.importorskip("timm.models.mlp_mixer", reason="timm is not installed")


def mixer(**sizes: Any) -> nn.Module:
    return mlp_mixer().MlpMixer(**sizes)  # type: ignore[no-any-return]


def gmlp(**sizes: Any) -> nn.Module:
    theirs = mlp_mixer()
    return mixer(block_layer=theirs.SpatialGatingBlock, mlp_layer=theirs.GatedMlp, **sizes)
